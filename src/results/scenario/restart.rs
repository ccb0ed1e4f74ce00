//! A server that goes away in mid-window and comes back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;

/// What becomes of the server's process in the middle of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartKnobs {
    /// From its end to the start of the next one, which goes on with the same feed on the same port; zero is no restart at all.
    #[serde(rename = "away_s", with = "seconds")]
    pub away: Duration,
    /// How it ends.
    pub by: RestartBy,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartBy {
    /// It is asked to (SIGTERM): it tells its listeners all that it has accepted, says goodbye and ends.
    #[default]
    Drain,
    /// It is killed (SIGKILL): every connection breaks in the middle of whatever it was doing.
    Kill,
}

impl RestartKnobs {
    /// Whether there is one.
    pub fn is_asked_for(&self) -> bool {
        !self.away.is_zero()
    }
}
