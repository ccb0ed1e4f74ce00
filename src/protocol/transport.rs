use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the ways to hear the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Short polling: a GET on a timer, answered at once.
    Poll,
    /// Long polling: a GET that the server holds until there is something to say.
    LongPoll,
    /// Server-sent events: one GET whose answer never ends.
    Events,
    /// WebSocket: one upgrade, then frames.
    Websocket,
}

/// A word that names no transport.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no transport; there are poll, long-poll, events and websocket")]
pub struct UnknownTransport(String);

impl Transport {
    /// All of them, in the order in which the lesson meets them.
    pub const ALL: [Transport; 4] = [
        Transport::Poll,
        Transport::LongPoll,
        Transport::Events,
        Transport::Websocket,
    ];

    /// The name in URLs, metrics, scenarios and results.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Poll => "poll",
            Transport::LongPoll => "long-poll",
            Transport::Events => "events",
            Transport::Websocket => "websocket",
        }
    }

    /// The name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Transport::Poll => "Short polling",
            Transport::LongPoll => "Long polling",
            Transport::Events => "Server-sent events",
            Transport::Websocket => "WebSocket",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Transport::ALL
            .into_iter()
            .find(|transport| transport.name() == word)
            .ok_or_else(|| UnknownTransport(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for transport in Transport::ALL {
            assert_eq!(transport.name().parse::<Transport>().unwrap(), transport);
            let json = serde_json::to_string(&transport).unwrap();
            assert_eq!(json, format!("\"{}\"", transport.name()));
        }
        assert!("carrier-pigeon".parse::<Transport>().is_err());
    }
}
