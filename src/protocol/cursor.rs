use std::fmt;
use std::str::FromStr;

/// A message's position in its feed: 1, 2, 3 … without a gap. 0 stands before the first.
pub type Seq = u64;

/// Which feed: 1 to 16 of `0-9a-z`, drawn anew whenever a server starts without its former feed.
///
/// A cursor of another feed must be told from one of this feed, or a restarted server would pass over messages in silence.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeedId {
    // Unused bytes are zero, so that the derived comparison is that of the text.
    bytes: [u8; 16],
    len: u8,
}

/// What a listener has already heard: the `id` of the last message, or `FEED-0` before the first.
///
/// Written `FEED-SEQ`, for example `7f3a-18`. It is also how a message's own `id` is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The feed it belongs to.
    pub feed: FeedId,
    /// The position in it.
    pub seq: Seq,
}

/// What a listener may write for a cursor: a whole one, or a bare number when typing by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// `after=7f3a-18`.
    Cursor(Cursor),
    /// `after=18`: position 18 of whatever feed this is.
    Seq(Seq),
}

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// The part before the hyphen is not 1 to 16 of `0-9a-z`.
    #[error("a cursor is FEED-SEQ, and FEED is 1 to 16 of 0-9 and a-z")]
    Feed,
    /// The part after the hyphen is not a whole number, or too large for one.
    #[error("a cursor is FEED-SEQ, and SEQ is a whole number without leading zeros")]
    Seq,
}

impl FeedId {
    /// The feed id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("a FeedId is made of ASCII only")
    }
}

impl FromStr for FeedId {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let fits = (1..=16).contains(&text.len());
        if !fits || !text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()) {
            return Err(CursorError::Feed);
        }
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(FeedId {
            bytes,
            len: text.len() as u8,
        })
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (feed, seq) = text.split_once('-').ok_or(CursorError::Feed)?;
        Ok(Cursor {
            feed: feed.parse()?,
            seq: parse_seq(seq)?,
        })
    }
}

impl FromStr for After {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.contains('-') {
            text.parse().map(After::Cursor)
        } else {
            parse_seq(text).map(After::Seq)
        }
    }
}

/// Digits only: `u64::from_str` alone would let `+18` and `018` in, and one position would have many names.
fn parse_seq(text: &str) -> Result<Seq, CursorError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if !plain {
        return Err(CursorError::Seq);
    }
    text.parse().map_err(|_| CursorError::Seq)
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedId({self})")
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.feed, self.seq)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor: Cursor = "7f3a-18".parse().unwrap();
        assert_eq!((cursor.feed.as_str(), cursor.seq), ("7f3a", 18));
        assert_eq!(cursor.to_string(), "7f3a-18");
        assert_eq!("18".parse(), Ok(After::Seq(18)));
        assert_eq!("7f3a-18".parse(), Ok(After::Cursor(cursor)));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "-", "-1", "a-", "A-1", "a_b-1", "0123456789abcdefg-1", "a b-1"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
        for text in [
            "",
            "+18",
            "018",
            "1.5",
            "１８",
            "18446744073709551616",
            "a-+1",
            "a-01",
            "a--1",
            "7f3a",
        ] {
            assert!(text.parse::<After>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_cursor_survives_the_round_trip(text in "[0-9a-z]{1,16}-(0|[1-9][0-9]{0,18})") {
            prop_assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = text.parse::<After>();
        }
    }
}
