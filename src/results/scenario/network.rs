//! A network that does not let every transport through.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;
use crate::protocol::Transport;

/// What stands between the listeners and the server. It is asked for by naming what it blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// The transports that it does not let through; none is an open way.
    pub blocks: Vec<Transport>,
    /// What it does to them.
    pub how: Blocking,
    /// From when on, counted from the start of the warm-up: what is open by then is closed. Zero is before anybody comes.
    #[serde(rename = "blocks_after_s", with = "seconds")]
    pub blocks_after: Duration,
    /// Until when, counted in the same way; zero is for ever.
    #[serde(rename = "free_after_s", with = "seconds")]
    pub free_after: Duration,
}

/// How something in between takes a transport away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocking {
    /// It answers the request itself, with `403`: a firewall with manners.
    Refuse,
    /// It passes the request on without its `Upgrade`, as RFC 9110 asks of a proxy that does not know it, so that the server answers `426`.
    Strip,
    /// It lets the answer begin, and closes the connection then.
    Cut,
    /// It takes the request and says nothing, ever.
    Swallow,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            blocks: Vec::new(),
            how: Blocking::Refuse,
            blocks_after: Duration::ZERO,
            free_after: Duration::ZERO,
        }
    }
}

impl Network {
    /// Whether there is anything in the way of a transport, so long after the start of the warm-up; before that it is `None`.
    pub fn blocks(&self, transport: Transport, since_start: Option<Duration>) -> bool {
        let has_begun = self.blocks_after.is_zero() || since_start.is_some_and(|since| since >= self.blocks_after);
        let is_over = !self.free_after.is_zero() && since_start.is_some_and(|since| since >= self.free_after);
        self.blocks.contains(&transport) && has_begun && !is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_blocked_between_two_instants() {
        let s = Duration::from_secs;
        let network = |from, until| Network {
            blocks: vec![Transport::Websocket],
            blocks_after: s(from),
            free_after: s(until),
            ..Network::default()
        };
        let blocked = |from, until, at: Option<u64>| network(from, until).blocks(Transport::Websocket, at.map(s));
        assert_eq!(
            [None, Some(1), Some(5), Some(9)].map(|at| blocked(2, 8, at)),
            [false, false, true, false]
        );
        assert_eq!([None, Some(0), Some(9)].map(|at| blocked(0, 0, at)), [true, true, true]);
        assert_eq!(
            [None, Some(7), Some(8)].map(|at| blocked(0, 8, at)),
            [true, true, false]
        );
        assert!(!network(0, 0).blocks(Transport::Poll, None));
    }
}
