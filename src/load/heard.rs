//! What the server says, read with as little copying as JSON allows.

use std::borrow::Cow;

use serde::Deserialize;

use crate::protocol::{Cursor, FeedId, Seq};

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

/// One message that reached one listener: what the recorder has to know of it, whatever it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    /// Which message of which feed.
    pub(crate) cursor: Cursor,
    /// Its place in the schedule; `None` of one that somebody else has said.
    pub(crate) index: Option<usize>,
    /// When the server accepted it, in microseconds since the Unix epoch, where it tells.
    pub(crate) at_us: Option<u64>,
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

/// The text of the load message with this place in the schedule, for a feed whose messages come as bare texts: `#17 k3x9 `, filled up.
///
/// Such a feed has no ids, and may still know what an earlier run has said. So the run gives it a name, and the name is in the text.
pub(crate) fn bare_text(index: usize, feed: FeedId, bytes: u32) -> String {
    let start = format!("#{index} {feed} ");
    format!("{start:.<width$}", width = bytes as usize)
}

/// What is said in such a feed before anything is measured, so that it is seen whether it is heard.
pub(crate) fn greeting(feed: FeedId) -> String {
    format!("#hello {feed} ")
}

/// What a bare text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// The load message with this place in the schedule.
    Load(usize),
    /// What was said before.
    Greeting,
    /// Somebody else’s, or an earlier run’s.
    Other,
}

/// Reads a bare text. The server may have put something around it, such as who has said it.
pub(crate) fn said(text: &str, feed: FeedId) -> Said {
    let name = feed.as_str();
    let Some((before, behind)) = text.split_once(name) else {
        return Said::Other;
    };
    let word = before.strip_suffix(' ').and_then(|before| before.rsplit_once('#'));
    match word {
        Some((_, word)) if behind.starts_with(' ') => match word.parse() {
            Ok(index) => Said::Load(index),
            Err(_) if word == "hello" => Said::Greeting,
            Err(_) => Said::Other,
        },
        _ => Said::Other,
    }
}

/// The position that a load message has in a feed that gives it none: that of its place in the schedule.
pub(crate) fn seq_of(index: usize) -> Seq {
    index as Seq + 1
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
    fn a_bare_text_is_known_by_the_name_of_its_run() {
        let feed: FeedId = "k3x9".parse().unwrap();
        let text_17 = bare_text(17, feed, 64);
        assert_eq!((text_17.len(), &text_17[..12]), (64, "#17 k3x9 ..."));
        assert_eq!(
            bare_text(999_999, feed, 16).len(),
            16,
            "the shortest text has room for the last message"
        );
        assert_eq!(said(&text_17, feed), Said::Load(17));
        assert_eq!(
            said(&format!("{{\"text\":\"{text_17}\"}}"), feed),
            Said::Load(17),
            "in what a server puts around it"
        );
        assert_eq!(said("alice: #4 k3x9 ...", feed), Said::Load(4));
        assert_eq!(said(&greeting(feed), feed), Said::Greeting);
        for other in [
            "",
            "#17 ab12 ...",
            "#17 k3x9",
            "17 k3x9 .",
            "#x k3x9 .",
            "#17k3x9 .",
            "# k3x9 .",
        ] {
            assert_eq!(said(other, feed), Said::Other, "{other}");
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
