//! What a search for the largest load found.

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::{FolderError, write_whole};
use crate::protocol::Transport;

/// The file that it is kept in, beside the plan of the loads that were tried.
const FILE: &str = "knee.json";

/// The largest loads that kept the limits. The whole content of `knee.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// [`SCHEMA`](super::SCHEMA) when it was written.
    pub schema: u32,
    /// The lab.
    pub lab: String,
    /// The key of the knob that was turned: `listeners` or `feed.rate`.
    pub of: String,
    /// What had to hold.
    pub limits: Vec<String>,
    /// Each transport, searched alone.
    pub transports: Vec<Found>,
}

/// What was found about one transport.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    pub transport: Transport,
    /// The largest load that kept all limits.
    pub holds: Option<f64>,
    /// The smallest that did not.
    pub breaks: Option<f64>,
    /// What broke there.
    pub broke: Vec<String>,
    /// Why nobody can tell there.
    pub unclear: Vec<String>,
    /// What it cost at the first load, and where that leads.
    pub first: Option<Price>,
    /// The same at the largest load that held.
    pub last: Option<Price>,
    /// How many loads were tried.
    pub runs: usize,
}

/// What a request, or a delivery of a stream, cost the server at a load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The load.
    pub at: f64,
    /// Processor time for one, in microseconds.
    pub each_us: f64,
    /// The share of its processors' time that the server used there.
    pub busy: f64,
    /// The load at which the work fills the server's processors at this price; `None` where it does not depend on the load.
    pub full_at: Option<f64>,
}

impl Knee {
    /// What a search found that wrote into this folder; `None` when none has.
    ///
    /// # Errors
    /// [`FolderError::Read`] and [`FolderError::Damaged`].
    pub fn read(folder: &Path) -> Result<Option<Knee>, FolderError> {
        let file = folder.join(FILE);
        match fs::read(&file) {
            Ok(json) => match serde_json::from_slice(&json) {
                Ok(knee) => Ok(Some(knee)),
                Err(source) => Err(FolderError::Damaged { file, source }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FolderError::Read { file, source }),
        }
    }

    /// Writes `knee.json` into the folder of the search.
    ///
    /// # Errors
    /// [`FolderError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), FolderError> {
        let mut json = serde_json::to_vec_pretty(self).expect("a knee is plain data, which JSON can hold");
        json.push(b'\n');
        write_whole(&folder.join(FILE), &json)
    }
}
