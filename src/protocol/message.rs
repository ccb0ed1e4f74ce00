use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Speaker {
    /// Counted up from 1 with every sign-in; 0 is the guest.
    pub id: u64,
    /// What they are called.
    pub name: String,
    /// Which of the ten avatars: `id` mod 10.
    pub image: u8,
}

/// One message of the feed as JSON carries it, byte for byte the same in every transport.
///
/// The fields borrow from the text that was read wherever JSON allows it: a listener of the load generator reads a
/// hundred thousand of these a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<'a> {
    /// `FEED-SEQ`.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// When the server accepted it, in microseconds since the Unix epoch; never decreases along the feed.
    pub at: u64,
    /// Who said it.
    pub from: Speaker,
    /// What was said: 1 to 4,096 bytes of UTF-8 unless the server is set otherwise.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

impl Speaker {
    /// The name of everybody who gave none: "passer-by".
    pub const DEFAULT_NAME: &'static str = "路人甲";

    /// The speaker with this id; the avatar follows from it.
    pub fn new(id: u64, name: impl Into<String>) -> Self {
        Speaker {
            id,
            name: name.into(),
            image: (id % 10) as u8,
        }
    }

    /// Somebody who has not signed in.
    pub fn guest() -> Self {
        Speaker::new(0, Speaker::DEFAULT_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_looks_as_the_contract_shows_it() {
        let text =
            r#"{"id":"7f3a-18","at":1769000000123456,"from":{"id":1,"name":"路人甲","image":1},"text":"hello world"}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        assert_eq!(message.from, Speaker::new(1, "路人甲"));
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
    }

    #[test]
    fn the_avatar_is_the_id_mod_10() {
        assert_eq!(Speaker::new(27, "x").image, 7);
        assert_eq!(
            Speaker::guest(),
            Speaker {
                id: 0,
                name: "路人甲".into(),
                image: 0
            }
        );
    }
}
