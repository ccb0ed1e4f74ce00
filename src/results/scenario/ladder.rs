//! Listeners that take the next transport when theirs does not work.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;
use crate::protocol::Transport;

/// How a listener falls back and climbs again. Its rungs are WebSocket, events, long polling and short polling, from its own
/// transport down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LadderKnobs {
    /// Whether it does so at all; else a listener keeps to its transport, whatever happens.
    pub falls_back: bool,
    /// Where it begins.
    pub begins: Begin,
    /// Transports that the listener does not have, as an old browser has no WebSocket: they cost no time.
    pub lacks: Vec<Transport>,
    /// How long a rung may take to open before the next one is tried.
    #[serde(rename = "open_within_s", with = "seconds")]
    pub open_within: Duration,
    /// How long a listener stays below its own transport before it looks upwards; twice as long after each look in vain.
    #[serde(rename = "climb_after_s", with = "seconds")]
    pub climb_after: Duration,
}

/// Where a listener begins on its ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// With the best rung, and down from there.
    Top,
    /// With the one that always works, and up from there at once, while it listens already.
    Bottom,
}

impl Default for LadderKnobs {
    /// As the chat page has it.
    fn default() -> Self {
        LadderKnobs {
            falls_back: false,
            begins: Begin::Top,
            lacks: Vec::new(),
            open_within: Duration::from_secs(6),
            climb_after: Duration::from_secs(10),
        }
    }
}

/// All rungs, the best first.
const RUNGS: [Transport; 4] = [
    Transport::Websocket,
    Transport::Events,
    Transport::LongPoll,
    Transport::Poll,
];

impl LadderKnobs {
    /// The rungs of a listener whose own transport this is, from that down.
    pub fn rungs(of: Transport) -> &'static [Transport] {
        let top = RUNGS.iter().position(|rung| *rung == of).unwrap_or(0);
        &RUNGS[top..]
    }

    /// How long a listener looks upwards again after so many looks in vain: up to sixteen times the first wait.
    pub fn climb_wait(&self, in_vain: u32) -> Duration {
        self.climb_after.saturating_mul(1 << in_vain.min(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_goes_from_ones_own_transport_down() {
        assert_eq!(LadderKnobs::rungs(Transport::Websocket), RUNGS);
        assert_eq!(
            LadderKnobs::rungs(Transport::LongPoll),
            [Transport::LongPoll, Transport::Poll]
        );
        assert_eq!(LadderKnobs::rungs(Transport::Poll), [Transport::Poll]);
    }

    #[test]
    fn looks_in_vain_become_rare() {
        let waits = [0, 1, 2, 4, 9].map(|in_vain| LadderKnobs::default().climb_wait(in_vain).as_secs());
        assert_eq!(waits, [10, 20, 40, 160, 160]);
    }
}
