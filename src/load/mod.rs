//! The load generator: listeners of every transport and publishers that keep to a plan made before the run.
//!
//! It is a stranger who speaks HTTP. [`run`] measures one transport against one server.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::protocol::Transport;
use crate::results::{Scenario, TransportRun};

/// How to get a server to measure.
#[derive(Debug, Clone)]
pub enum Target {
    /// Start this program (`talkplace`) with `serve …` as a process of its own, on a port that the system chooses, for this run alone.
    Spawn(PathBuf),
}

/// How far a run has come, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Messages accepted so far.
    pub accepted: u64,
    /// Messages heard so far, all listeners together.
    pub heard: u64,
}

/// The parts of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The server starts, the listeners connect.
    Starting,
    /// Messages flow, nothing is counted.
    WarmUp,
    /// Everything is counted.
    Window,
    /// No more sends; the listeners hear what is still on its way.
    Drain,
}

/// Why a run could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It was stopped from outside before its end.
    #[error("stopped before its end")]
    Stopped,
}

/// Measures one transport: starts the server, connects the listeners, sends the schedule, counts, and ends the server.
///
/// # Errors
/// A sentence for the reader of a terminal, by [`LoadError`].
pub async fn run(
    _scenario: &Scenario,
    _transport: Transport,
    _round: u32,
    _target: &Target,
    _progress: &(dyn Fn(Progress) + Send + Sync),
    _stop: &CancellationToken,
) -> Result<TransportRun, LoadError> {
    Err(LoadError::Stopped)
}
