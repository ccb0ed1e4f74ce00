//! The same question again: whoever polls sends the same bytes each time, but for the cursor.
//!
//! hyper reads a question the first time. When the next one on the connection is the same but for the cursor, so is everything that hyper
//! and the router would find in it: the method, the path, who asks, how long to hold. So it is compared, and not read. What differs in any
//! other byte, comes in pieces, or comes with something behind it goes to hyper.

use super::transport::Question;
use crate::protocol::After;

/// Longer questions are read each time, so that a connection costs a bounded amount of memory: a browser's with its cookies still fits.
const LONGEST: usize = 2_048;

/// A question as it was asked, but for its cursor.
pub(super) struct Again {
    /// What stands before the cursor, and behind it.
    bytes: Box<[u8]>,
    before: usize,
    /// What it asks for.
    pub(super) question: Question,
}

/// Whether it is worth remembering what was read: one whole request that has no body, and asks for something of the feed.
pub(super) fn is_memorable(read: &[u8]) -> bool {
    let ends = |line: &[u8]| line == b"\r\n\r\n";
    let blank_lines = read
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'\n' && matches!(read[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]));
    read.len() <= LONGEST
        && read.starts_with(b"GET /talkplace/")
        && read.last_chunk::<4>().is_some_and(|end| ends(end))
        && blank_lines.count() == 1
}

impl Again {
    /// Remembers a question by the bytes that it was read from; `None` where its cursor is not written in one plain place.
    pub(super) fn new(asked: &[u8], question: Question) -> Option<Again> {
        let line = asked.split(|byte| *byte == b'\r').next()?;
        let starts: Vec<usize> = (1..line.len())
            .filter(|at| matches!(line[at - 1], b'?' | b'&') && line[*at..].starts_with(b"after="))
            .map(|at| at + b"after=".len())
            .collect();
        let [start] = starts[..] else { return None };
        let length = cursor_length(&line[start..]);
        let rest = &asked[start + length..];
        matches!(rest[0], b'&' | b' ').then(|| Again {
            bytes: [&asked[..start], rest].concat().into(),
            before: start,
            question,
        })
    }

    /// The cursor, if this is the same question.
    pub(super) fn after(&self, asked: &[u8]) -> Option<After> {
        let (before, behind) = self.bytes.split_at(self.before);
        let rest = asked.strip_prefix(before)?;
        let (cursor, rest) = rest.split_at(cursor_length(rest));
        if rest != behind {
            return None;
        }
        std::str::from_utf8(cursor).ok()?.parse().ok()
    }
}

/// How many bytes may be those of a cursor: none that could end it, or stand for another.
fn cursor_length(bytes: &[u8]) -> usize {
    let is_plain = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-');
    bytes.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "GET /talkplace/poll?x=1&after=7f3a-18&limit=5 HTTP/1.1\r\nHost: a\r\nX-After: after=1\r\n\r\n";

    fn again(asked: &str) -> Option<Again> {
        Again::new(asked.as_bytes(), Question::default())
    }

    #[test]
    fn a_question_that_differs_in_its_cursor_only_is_the_same() {
        let again = again(ASKED).unwrap();
        let after = |asked: &str| again.after(asked.as_bytes());
        assert_eq!(after(ASKED), Some("7f3a-18".parse().unwrap()));
        assert_eq!(
            after(&ASKED.replace("7f3a-18", "7f3a-19")),
            Some("7f3a-19".parse().unwrap())
        );
        assert_eq!(after(&ASKED.replace("7f3a-18", "20")), Some("20".parse().unwrap()));
        for (what, with) in [
            ("7f3a-18", ""),
            ("7f3a-18", "x-"),
            ("7f3a-18", "7f3a-19&after=1"),
            ("7f3a-18", "7f3a-1%39"),
            ("7f3a-18", "7F3A-18"),
            ("limit=5", "limit=6"),
            ("poll", "long-poll"),
            ("Host: a", "Host: b"),
            ("GET", "PUT"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("\r\n\r\n", "\r\n"),
            ("\r\n\r\n", "\r\n\r\n\r\n"),
        ] {
            assert_eq!(after(&ASKED.replace(what, with)), None, "{what} → {with}");
        }
    }

    #[test]
    fn where_the_cursor_is_not_in_one_plain_place_nothing_is_remembered() {
        for target in [
            "poll",
            "poll?after",
            "poll?xafter=1",
            "poll?%61fter=1",
            "poll?after=7F3A-1",
            "poll?after=1%30",
            "poll?after=1+2",
            "poll?after=1&after=2",
        ] {
            let asked = format!("GET /talkplace/{target} HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(again(&asked).is_none(), "{target}");
        }
    }

    #[test]
    fn one_whole_request_is_worth_remembering() {
        assert!(is_memorable(ASKED.as_bytes()));
        let two = ASKED.repeat(2);
        let bare = ASKED.replace("\r\n", "\n");
        let long = ASKED.replace("Host: a", &format!("Host: {}", "a".repeat(LONGEST)));
        let hidden = format!("{}{ASKED}", ASKED.replace("\r\n\r\n", "\n\n"));
        let half = format!("{}{ASKED}", ASKED.replace("\r\n\r\n", "\n\r\n"));
        for asked in [
            &two,
            &bare,
            &long,
            &hidden,
            &half,
            &ASKED[..ASKED.len() - 1],
            "",
            "GET / HTTP/1.1\r\n\r\n",
        ] {
            assert!(!is_memorable(asked.as_bytes()), "{asked}");
        }
    }
}
