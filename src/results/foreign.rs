use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::protocol::Transport;

/// A server that talkplace did not start, as whoever reads the results has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// What it is called in a report.
    pub name: String,
    /// Its address, as it was given.
    pub url: String,
    /// How it was spoken to.
    pub dialect: Dialect,
    /// Whether the system was asked what its process used.
    pub process: bool,
}

/// How a server that talkplace did not start is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// By the contract of [`protocol`](crate::protocol).
    Talkplace,
    /// Over WebSocket alone: whatever one client says is sent to all. No ids, no cursors, no answer to who says something.
    WsBroadcast,
    /// nginx with the module nchan, at the contract's paths but with answers, ids and cursors of its own.
    Nchan,
}

/// A word that is no dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a dialect is one of talkplace, ws-broadcast, nchan")]
pub struct UnknownDialect;

impl Dialect {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Dialect; 3] = [Dialect::Talkplace, Dialect::WsBroadcast, Dialect::Nchan];

    /// The name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Talkplace => "talkplace",
            Dialect::WsBroadcast => "ws-broadcast",
            Dialect::Nchan => "nchan",
        }
    }

    /// Whether it has a way to hear by this transport.
    pub fn has(self, transport: Transport) -> bool {
        self != Dialect::WsBroadcast || transport == Transport::Websocket
    }

    /// Whether a message comes with its id and the instant at which the server accepted it, and not as its bare text.
    pub fn tells_when(self) -> bool {
        self == Dialect::Talkplace
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        Dialect::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or(UnknownDialect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_has_one_name_everywhere() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
            assert_eq!(serde_json::to_string(&dialect).unwrap(), format!("\"{dialect}\""));
        }
        assert_eq!("ws".parse::<Dialect>(), Err(UnknownDialect));
    }

    #[test]
    fn a_broadcast_is_heard_over_websocket_alone() {
        let heard = |dialect: Dialect| Transport::ALL.into_iter().filter(|each| dialect.has(*each)).count();
        assert_eq!(Dialect::ALL.map(heard), [4, 1, 4]);
        assert!(Dialect::WsBroadcast.has(Transport::Websocket));
    }
}
