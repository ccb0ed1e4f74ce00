use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::knob::{read_time, write_time};

/// How a server waits for the next message while it holds a long poll. All but the first are specimens of how not to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ServerWait {
    /// It sleeps until the message itself wakes it.
    Woken,
    /// It looks at the feed again and again, without a pause.
    Spin,
    /// It sleeps for so long, and then looks.
    Sleep(Duration),
    /// A thread for each holder, which blocks until it is notified.
    Thread,
}

/// Some ways as they are written, for help and forms; a sleep may have any length.
pub(super) const WAITS: [&str; 5] = ["woken", "spin", "sleep-10ms", "sleep-1s", "thread"];

/// What comes before the length of a sleep.
const SLEEP: &str = "sleep-";

/// A text that is no way to wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of \"woken\", \"spin\", \"thread\", or a sleep such as \"sleep-10ms\"")]
pub struct NoServerWait(String);

impl FromStr for ServerWait {
    type Err = NoServerWait;

    fn from_str(text: &str) -> Result<Self, NoServerWait> {
        let sleep = |text: &str| read_time(text.strip_prefix(SLEEP)?).ok();
        match text {
            "woken" => Ok(ServerWait::Woken),
            "spin" => Ok(ServerWait::Spin),
            "thread" => Ok(ServerWait::Thread),
            _ => sleep(text)
                .map(ServerWait::Sleep)
                .ok_or_else(|| NoServerWait(text.to_owned())),
        }
    }
}

impl fmt::Display for ServerWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerWait::Woken => f.write_str("woken"),
            ServerWait::Spin => f.write_str("spin"),
            ServerWait::Thread => f.write_str("thread"),
            ServerWait::Sleep(length) => write!(f, "{SLEEP}{}", write_time(*length)),
        }
    }
}

impl TryFrom<String> for ServerWait {
    type Error = NoServerWait;

    fn try_from(text: String) -> Result<Self, NoServerWait> {
        text.parse()
    }
}

impl From<ServerWait> for String {
    fn from(wait: ServerWait) -> String {
        wait.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_read_as_it_is_written() {
        for text in WAITS {
            assert_eq!(text.parse::<ServerWait>().unwrap().to_string(), text);
        }
        let half = ServerWait::Sleep(Duration::from_millis(500));
        assert_eq!("sleep-0.5s".parse(), Ok(half));
        assert_eq!(half.to_string(), "sleep-500ms");
    }

    #[test]
    fn what_is_no_way_is_refused_with_those_there_are() {
        for text in ["", "sleep", "sleep-", "sleep-10", "Spin", "sleep--1s", "threads"] {
            let refused = text.parse::<ServerWait>().unwrap_err().to_string();
            assert!(refused.contains("sleep-10ms") && refused.contains("woken"), "{refused}");
        }
    }
}
