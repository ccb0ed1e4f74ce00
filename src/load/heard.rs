//! What the server says, read with as little copying as JSON allows.

use std::borrow::Cow;

use serde::Deserialize;

use crate::protocol::Cursor;

/// The parts of a message that a measuring listener needs. It passes over the speaker, whose name would cost an
/// allocation for each of a hundred thousand deliveries a second.
#[derive(Debug, Deserialize)]
pub(crate) struct Heard<'a> {
    /// `FEED-SEQ`.
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    /// When the server accepted it, in microseconds since the Unix epoch.
    pub(crate) at: u64,
    /// What was said.
    #[serde(borrow)]
    pub(crate) text: Cow<'a, str>,
}

/// The answer of a poll.
#[derive(Debug, Deserialize)]
pub(crate) struct Batch<'a> {
    /// The cursor to send next.
    pub(crate) next: Cow<'a, str>,
    /// In order.
    #[serde(borrow)]
    pub(crate) messages: Vec<Heard<'a>>,
}

/// What `gone` says: in the body of a 410, and as the reason of a WebSocket's close 4410.
#[derive(Debug, Deserialize)]
pub(crate) struct Gone<'a> {
    /// The id of the first message kept, or of the next to come.
    oldest: Cow<'a, str>,
}

impl Gone<'_> {
    /// The cursor behind which everything that is still kept lies. `None` when `oldest` is no id.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        let oldest: Cursor = self.oldest.parse().ok()?;
        let seq = oldest.seq.checked_sub(1)?;
        Some(Cursor { seq, ..oldest })
    }
}

/// The text of the load message with this place in the schedule, `bytes` long: `#17 ` and then filled up.
///
/// The index is in the text since a listener may hear a message before its publisher has the answer with the id. A text
/// too short for its index is as long as the index needs.
pub(crate) fn text(index: usize, bytes: u32) -> String {
    let mut text = format!("#{index} ");
    // Not by a width of `format!`, which ends at 65,535.
    let missing = (bytes as usize).saturating_sub(text.len());
    text.extend(std::iter::repeat_n('.', missing));
    text
}

/// The place in the schedule that a text begins with; `None` when somebody else wrote it.
pub(crate) fn index(text: &str) -> Option<usize> {
    let (digits, _) = text.strip_prefix('#')?.split_once(' ')?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_carries_its_index_and_has_its_length() {
        let text_17 = text(17, 64);
        assert_eq!(text_17.len(), 64);
        assert!(text_17.starts_with("#17 ."));
        assert_eq!(index(&text_17), Some(17));
        assert_eq!(text(123_456, 1), "#123456 ");
        assert_eq!(text(999_999, 65_536).len(), 65_536);
        for other in ["hello", "#", "#x 1", "#1", "17 "] {
            assert_eq!(index(other), None, "{other}");
        }
    }

    #[test]
    fn a_message_is_read_without_copying() {
        let json =
            r##"{"id":"7f3a-18","at":1769000000123456,"from":{"id":1,"name":"路人甲","image":1},"text":"#4 hello"}"##;
        let heard: Heard = serde_json::from_str(json).unwrap();
        assert!(matches!(heard.id, Cow::Borrowed("7f3a-18")));
        assert!(matches!(heard.text, Cow::Borrowed("#4 hello")));
        assert_eq!(heard.at, 1_769_000_000_123_456);
    }

    #[test]
    fn after_gone_one_starts_just_before_the_oldest() {
        let gone: Gone = serde_json::from_str(r#"{"status":410,"oldest":"7f3a-9","next":"7f3a-20"}"#).unwrap();
        assert_eq!(gone.cursor().unwrap().to_string(), "7f3a-8");
        let broken: Gone = serde_json::from_str(r#"{"oldest":"7f3a-0"}"#).unwrap();
        assert_eq!(broken.cursor(), None);
    }
}
