//! Bytes as people of the protocols see them: requests, answers, events and frames, each with its parts.
//!
//! [`units`] is pure: bytes in, ranges out. Whatever the bytes are, the parts lie end to end and cover them all.

use std::ops::Range;

use super::message::messages;
use crate::results::Way;

/// What a run of bytes is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// `GET /talkplace/poll?… HTTP/1.1`.
    RequestLine,
    /// `HTTP/1.1 200 OK`.
    StatusLine,
    /// Header lines, and the empty line behind them.
    Headers,
    /// A `Cookie` line: who asks, said again with every request.
    Cookie,
    /// The size of a chunk, and the line breaks around it.
    ChunkSize,
    /// What names the lines of an event: `id: …`, `data: `, and the empty line behind them.
    EventLines,
    /// The header of a frame: its kind and its length.
    FrameHeader,
    /// The four bytes that a client's frame is masked with.
    Mask,
    /// What a ping, pong or close carries.
    Control,
    /// What stands around the messages in a body.
    Wrapping,
    /// A message.
    Message,
    /// Bytes of a body that are none of these.
    Other,
}

/// What a unit is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request, also one to open a stream.
    Request,
    /// An answer with this status.
    Answer(u16),
    /// A chunk of an answer that goes on: an event, or a heartbeat.
    Chunk,
    /// A frame with this opcode.
    Frame(u8),
    /// Bytes that could not be read as anything.
    Unknown,
}

/// Bytes that belong together: a whole request, answer, chunk or frame, or what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it lies in the bytes.
    pub(crate) range: Range<usize>,
    /// Its parts, end to end.
    pub(crate) parts: Vec<(Part, Range<usize>)>,
    /// Whether it has its end.
    pub(crate) is_whole: bool,
}

/// What the next byte of one direction belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A request or an answer.
    Http,
    /// An answer in chunks.
    Chunks,
    /// Frames of a WebSocket.
    Frames,
}

/// Reads bytes that begin with a whole unit. Gives the units, and what the byte behind them would belong to.
pub(crate) fn units(bytes: &[u8], way: Way, mut framing: Framing) -> (Vec<Unit>, Framing) {
    let (mut units, mut from) = (Vec::new(), 0);
    while from < bytes.len() {
        let mut reader = Reader::new(&bytes[from..]);
        let kind = match framing {
            Framing::Http if way == Way::Out => reader.request(),
            Framing::Http => reader.answer(&mut framing),
            Framing::Chunks => reader.chunk(&mut framing),
            Framing::Frames => reader.frame(),
        };
        let unit = reader.unit(kind, from);
        from = unit.range.end;
        units.push(unit);
    }
    (units, framing)
}

/// Reads one unit from the beginning of its bytes.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    parts: Vec<(Part, Range<usize>)>,
    is_whole: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            at: 0,
            parts: Vec::new(),
            is_whole: true,
        }
    }

    /// The bytes read, as a unit that lies `from` bytes from the beginning of all.
    fn unit(mut self, kind: Kind, from: usize) -> Unit {
        // Every unit is at least one byte long, so that reading ends.
        if self.at == 0 {
            self.take(Part::Other, self.bytes.len());
        }
        let moved = |range: &Range<usize>| range.start + from..range.end + from;
        Unit {
            kind,
            range: from..from + self.at,
            parts: self.parts.iter().map(|(part, range)| (*part, moved(range))).collect(),
            is_whole: self.is_whole,
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Takes so many bytes, or what there is; gives them. Neighbours of one part are one.
    fn take(&mut self, part: Part, length: usize) -> &'a [u8] {
        let taken = &self.rest()[..length.min(self.rest().len())];
        self.is_whole &= taken.len() == length;
        let range = self.at..self.at + taken.len();
        self.at = range.end;
        match self.parts.last_mut() {
            _ if range.is_empty() => {}
            Some((last, before)) if *last == part => before.end = range.end,
            _ => self.parts.push((part, range)),
        }
        taken
    }

    /// Takes a line with its break; gives it without. `None` when its end is missing.
    fn line(&mut self, part: impl FnOnce(&[u8]) -> Part) -> Option<&'a [u8]> {
        let end = self.rest().iter().position(|byte| *byte == b'\n');
        let length = end.map_or(self.rest().len(), |end| end + 1);
        let line = &self.rest()[..length];
        self.take(part(line), length);
        if end.is_none() {
            self.is_whole = false;
            return None;
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn request(&mut self) -> Kind {
        self.line(|_| Part::RequestLine);
        while self.is_whole && self.line(header).is_some_and(|line| !line.is_empty()) {}
        Kind::Request
    }

    fn answer(&mut self, framing: &mut Framing) -> Kind {
        let first = self.line(|_| Part::StatusLine).unwrap_or_default();
        let status = first
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let Some(status) = status else {
            // No answer at all: nothing behind it can be told apart.
            self.take(Part::Other, self.rest().len());
            return Kind::Unknown;
        };
        let (mut length, mut is_chunked) = (0, false);
        while self.is_whole
            && let Some(line) = self.line(header).filter(|line| !line.is_empty())
        {
            let line = String::from_utf8_lossy(line).to_ascii_lowercase();
            let value = |name: &str| line.strip_prefix(name).map(str::trim);
            length = value("content-length:")
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(length);
            is_chunked |= value("transfer-encoding:").is_some_and(|coding| coding.ends_with("chunked"));
        }
        match status {
            _ if !self.is_whole => {}
            101 => *framing = Framing::Frames,
            100..=199 | 204 | 304 => {}
            _ if is_chunked => *framing = Framing::Chunks,
            _ => self.body(length),
        }
        Kind::Answer(status)
    }

    /// A body with its messages told from what stands around them.
    fn body(&mut self, length: usize) {
        let body = &self.rest()[..length.min(self.rest().len())];
        let is_batch = body.starts_with(b"{\"next\":");
        let around = if is_batch { Part::Wrapping } else { Part::Other };
        let mut at = 0;
        for message in messages(body) {
            self.take(around, message.start - at);
            self.take(Part::Message, message.len());
            at = message.end;
        }
        self.take(around, length - at);
    }

    fn chunk(&mut self, framing: &mut Framing) -> Kind {
        let Some(line) = self.line(|_| Part::ChunkSize) else {
            return Kind::Chunk;
        };
        let digits = std::str::from_utf8(line)
            .unwrap_or("?")
            .split(';')
            .next()
            .unwrap_or_default();
        match usize::from_str_radix(digits.trim(), 16) {
            // The last one: trailers, of which there are none here, and an empty line.
            Ok(0) => {
                while self.is_whole && self.line(|_| Part::ChunkSize).is_some_and(|line| !line.is_empty()) {}
                *framing = Framing::Http;
            }
            Ok(length) => {
                self.event(length);
                if self.is_whole {
                    self.line(|_| Part::ChunkSize);
                }
            }
            Err(_) => {
                self.take(Part::Other, self.rest().len());
                return Kind::Unknown;
            }
        }
        Kind::Chunk
    }

    /// The lines of events, as many bytes of them.
    fn event(&mut self, length: usize) {
        let data = &self.rest()[..length.min(self.rest().len())];
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            let message = messages(line).next().unwrap_or(line.len()..line.len());
            self.take(Part::EventLines, message.start);
            self.take(Part::Message, message.len());
            self.take(Part::EventLines, line.len() - message.end);
        }
        self.is_whole &= data.len() == length;
    }

    fn frame(&mut self) -> Kind {
        let Some((first, second)) = self.rest().first().zip(self.rest().get(1)) else {
            self.take(Part::FrameHeader, 2);
            return Kind::Frame(self.bytes[0] & 0x0f);
        };
        let (opcode, is_masked) = (first & 0x0f, second & 0x80 != 0);
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let header = self.take(Part::FrameHeader, 2 + extended);
        let length = match header.get(2..).unwrap_or_default() {
            [] => usize::from(second & 0x7f),
            more => more.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        };
        if self.is_whole && is_masked {
            self.take(Part::Mask, 4);
        }
        if self.is_whole {
            let is_text = opcode == 1 && !is_masked;
            match opcode {
                8.. => _ = self.take(Part::Control, length),
                _ if is_text => self.body_of_frame(length),
                _ => _ = self.take(Part::Other, length),
            }
        }
        Kind::Frame(opcode)
    }

    fn body_of_frame(&mut self, length: usize) {
        let is_message = messages(&self.rest()[..length.min(self.rest().len())]).next().is_some();
        self.take(if is_message { Part::Message } else { Part::Other }, length);
    }
}

/// Which part a header line is.
fn header(line: &[u8]) -> Part {
    match line.get(..7) {
        Some(name) if name.eq_ignore_ascii_case(b"cookie:") => Part::Cookie,
        _ => Part::Headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &str = r##"{"id":"7f3a-18","at":1769000000123456,"from":{"id":0,"name":"路人甲","image":0},"text":"#4 \"messages\":[{} "}"##;

    /// The units of these pieces, each with its letter: what every byte is.
    fn letters(units: &[Unit]) -> String {
        let letter = |part| match part {
            Part::RequestLine | Part::StatusLine => 'l',
            Part::Headers => 'h',
            Part::Cookie => 'c',
            Part::ChunkSize => 's',
            Part::EventLines => 'e',
            Part::FrameHeader => 'f',
            Part::Mask => 'm',
            Part::Control => 'p',
            Part::Wrapping => 'w',
            Part::Message => 'M',
            Part::Other => 'o',
        };
        let parts = units.iter().flat_map(|unit| &unit.parts);
        parts
            .map(|(part, range)| letter(*part).to_string().repeat(range.len()))
            .collect()
    }

    fn joined(pieces: &[(&[u8], char)]) -> (Vec<u8>, String) {
        let bytes = pieces.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        let letters = pieces
            .iter()
            .map(|(bytes, letter)| letter.to_string().repeat(bytes.len()));
        (bytes, letters.collect())
    }

    fn batch() -> Vec<(Vec<u8>, char)> {
        let body = format!("{{\"next\":\"7f3a-19\",\"messages\":[{MESSAGE},{MESSAGE}]}}");
        let head = format!(
            "Content-Type: application/json\r\ncontent-LENGTH: {}\r\n\r\n",
            body.len()
        );
        vec![
            ("HTTP/1.1 200 OK\r\n".into(), 'l'),
            (head.into(), 'h'),
            ("{\"next\":\"7f3a-19\",\"messages\":[".into(), 'w'),
            (MESSAGE.into(), 'M'),
            (",".into(), 'w'),
            (MESSAGE.into(), 'M'),
            ("]}".into(), 'w'),
            ("HTTP/1.1 204 No Content\r\n".into(), 'l'),
            ("Date: now\r\n\r\n".into(), 'h'),
            ("HTTP/1.1 410 Gone\r\n".into(), 'l'),
            ("Content-Length: 2\r\n\r\n".into(), 'h'),
            ("{}".into(), 'o'),
        ]
    }

    fn stream() -> Vec<(Vec<u8>, char)> {
        let event = format!("id: 7f3a-18\ndata: {MESSAGE}\n\n");
        vec![
            ("HTTP/1.1 200 OK\r\n".into(), 'l'),
            ("Transfer-Encoding: chunked\r\n\r\n".into(), 'h'),
            (format!("{:x}\r\n", event.len()).into(), 's'),
            ("id: 7f3a-18\ndata: ".into(), 'e'),
            (MESSAGE.into(), 'M'),
            ("\n\n".into(), 'e'),
            ("\r\n3\r\n".into(), 's'),
            (":\n\n".into(), 'e'),
            ("\r\n0\r\n\r\n".into(), 's'),
            ("HTTP/1.1 204 No Content\r\n".into(), 'l'),
            ("\r\n".into(), 'h'),
        ]
    }

    fn frames() -> Vec<(Vec<u8>, char)> {
        let length = MESSAGE.len() as u8;
        vec![
            ("HTTP/1.1 101 Switching Protocols\r\n".into(), 'l'),
            ("Upgrade: websocket\r\n\r\n".into(), 'h'),
            (vec![0x81, length], 'f'),
            (MESSAGE.into(), 'M'),
            (vec![0x81, 126, 0, 3], 'f'),
            ("abc".into(), 'o'),
            (vec![0x89, 2], 'f'),
            ("hi".into(), 'p'),
            (vec![0x8a, 0x82], 'f'),
            (vec![1, 2, 3, 4], 'm'),
            (vec![5, 6], 'p'),
        ]
    }

    #[test]
    fn every_byte_is_told_and_so_it_is_at_every_cut() {
        for pieces in [batch(), stream(), frames()] {
            let pieces: Vec<_> = pieces
                .iter()
                .map(|(bytes, letter)| (bytes.as_slice(), *letter))
                .collect();
            let (bytes, expected) = joined(&pieces);
            let (whole, _) = units(&bytes, Way::In, Framing::Http);
            assert_eq!(letters(&whole), expected);
            assert!(whole.iter().all(|unit| unit.is_whole));
            for cut in 0..bytes.len() {
                let (some, _) = units(&bytes[..cut], Way::In, Framing::Http);
                for (unit, of_all) in some.iter().zip(&whole) {
                    assert_eq!(unit.is_whole, unit == of_all, "{cut}: {unit:?}");
                    assert_eq!(unit.range.start, of_all.range.start, "{cut}");
                }
                assert_eq!(letters(&some).len(), cut);
            }
        }
    }

    #[test]
    fn a_request_shows_its_cookie() {
        let pieces: [(&[u8], char); 4] = [
            (b"GET /talkplace/poll?after=7f3a-18 HTTP/1.1\r\n", 'l'),
            (b"host: 127.0.0.1:1\r\n", 'h'),
            (b"Cookie: name=e30=; name.sig=x\r\n", 'c'),
            (b"\r\n", 'h'),
        ];
        let (bytes, expected) = joined(&pieces);
        let (whole, framing) = units(&bytes, Way::Out, Framing::Http);
        assert_eq!(letters(&whole), expected);
        assert_eq!((whole.len(), whole[0].kind, framing), (1, Kind::Request, Framing::Http));
    }

    #[test]
    fn a_direction_is_read_on_as_it_was_opened() {
        let (bytes, _) = joined(
            &frames()
                .iter()
                .map(|(bytes, letter)| (bytes.as_slice(), *letter))
                .collect::<Vec<_>>(),
        );
        let (whole, framing) = units(&bytes, Way::In, Framing::Http);
        let kinds: Vec<Kind> = whole.iter().map(|unit| unit.kind).collect();
        assert_eq!(
            kinds,
            [
                Kind::Answer(101),
                Kind::Frame(1),
                Kind::Frame(1),
                Kind::Frame(9),
                Kind::Frame(10)
            ]
        );
        assert_eq!(framing, Framing::Frames);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_lose_one(bytes in prop::collection::vec(any::<u8>(), 0..200), out: bool, kind in 0usize..3) {
            let way = if out { Way::Out } else { Way::In };
            let framing = [Framing::Http, Framing::Chunks, Framing::Frames][kind];
            let (units, _) = units(&bytes, way, framing);
            let mut at = 0;
            for unit in &units {
                prop_assert_eq!(unit.range.start, at);
                for (_, range) in &unit.parts {
                    prop_assert_eq!(range.start, at);
                    at = range.end;
                }
                prop_assert_eq!(unit.range.end, at);
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
