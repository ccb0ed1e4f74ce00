//! The folder of one run: `reports/<lab>/<run>/`.

/// Where one run's files go.
#[derive(Debug)]
pub struct RunFolder {}

/// Why a run's folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {}
