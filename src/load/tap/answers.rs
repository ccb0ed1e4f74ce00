use super::frames::FrameMeter;
use crate::results::Parts;

/// As much of a line as can matter: `Transfer-Encoding: chunked`, or `Content-Length:` with 20 digits.
const LINE: usize = 48;

/// Tells the parts of what a server sends: heads, bodies, and what wraps a body that comes in chunks. Behind a `101`, frames.
///
/// It follows the framing of HTTP/1.1 (RFC 9112, section 6) as far as answers to GET go, and takes a stream cut anywhere.
#[derive(Debug, Default)]
pub(super) struct AnswerMeter {
    state: State,
    line: Line,
    status: u16,
    length: Length,
    /// Bytes of the head that is being read.
    head: u64,
}

#[derive(Debug, Default)]
enum State {
    /// Before the status line.
    #[default]
    Status,
    Headers,
    Body {
        left: u64,
    },
    ChunkSize,
    ChunkData {
        left: u64,
    },
    /// The line break behind a chunk's data.
    ChunkEnd,
    Trailers,
    /// Until the server closes.
    BodyToEnd,
    Upgraded(FrameMeter),
}

/// How the end of a body is told.
#[derive(Debug, Default, Clone, Copy)]
enum Length {
    #[default]
    ToEnd,
    Known(u64),
    Chunked,
}

/// The beginning of the line that is being read.
#[derive(Debug)]
struct Line {
    bytes: [u8; LINE],
    len: usize,
}

impl AnswerMeter {
    /// Whether a `101` was read to its end.
    pub(super) fn is_upgraded(&self) -> bool {
        matches!(self.state, State::Upgraded(_))
    }

    /// Whether the next byte begins a chunk or a frame of an answer that goes on.
    pub(super) fn is_between_pieces(&self) -> bool {
        match &self.state {
            State::ChunkSize => self.line.len == 0,
            State::Upgraded(frames) => frames.is_between_frames(),
            _ => false,
        }
    }

    /// Adds the next bytes, however the stream was cut.
    pub(super) fn take(&mut self, mut bytes: &[u8], parts: &mut Parts) {
        while !bytes.is_empty() {
            let taken = self.step(bytes, parts);
            bytes = &bytes[taken..];
        }
    }

    /// Takes what belongs together from the front; gives how much that was.
    fn step(&mut self, bytes: &[u8], parts: &mut Parts) -> usize {
        match &mut self.state {
            State::Status | State::Headers => {
                let was_in_fields = matches!(self.state, State::Headers);
                let taken = self.read_line(bytes, Self::end_of_head_line);
                parts.heads += taken as u64;
                self.head += taken as u64;
                if was_in_fields && !matches!(self.state, State::Headers) {
                    let head = std::mem::take(&mut self.head);
                    parts.empty_heads += if self.status == 204 { head } else { 0 };
                }
                taken
            }
            State::ChunkSize | State::ChunkEnd | State::Trailers => {
                let taken = self.read_line(bytes, Self::end_of_chunk_line);
                parts.frames += taken as u64;
                taken
            }
            State::Body { left } | State::ChunkData { left } => {
                let taken = (*left).min(bytes.len() as u64);
                *left -= taken;
                parts.bodies += taken;
                if *left == 0 {
                    self.end_of_data();
                }
                taken as usize
            }
            State::BodyToEnd => {
                parts.bodies += bytes.len() as u64;
                bytes.len()
            }
            State::Upgraded(frames) => {
                frames.take(bytes, parts);
                bytes.len()
            }
        }
    }

    /// Reads to the end of the line or of the bytes; at the former `then` decides how it goes on.
    fn read_line(&mut self, bytes: &[u8], then: fn(&mut Self)) -> usize {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.line.push(&bytes[..taken]);
        if end.is_some() {
            then(self);
            self.line.len = 0;
        }
        taken
    }

    fn end_of_head_line(&mut self) {
        let text = self.line.text();
        if let State::Status = self.state {
            // HTTP/1.1 200 OK
            self.status = text.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_default();
            self.length = Length::ToEnd;
            self.state = State::Headers;
        } else if text.is_empty() {
            self.end_of_head();
        } else if let Some(length) = length(text) {
            self.length = length;
        }
    }

    fn end_of_head(&mut self) {
        self.state = match (self.status, self.length) {
            (101, _) => State::Upgraded(FrameMeter::default()),
            (100..=199 | 204 | 304, _) | (_, Length::Known(0)) => State::Status,
            (_, Length::Known(left)) => State::Body { left },
            (_, Length::Chunked) => State::ChunkSize,
            (_, Length::ToEnd) => State::BodyToEnd,
        };
    }

    fn end_of_chunk_line(&mut self) {
        let text = self.line.text();
        self.state = match self.state {
            State::ChunkSize => {
                let digits = text.split(';').next().unwrap_or_default().trim();
                match u64::from_str_radix(digits, 16) {
                    Ok(0) => State::Trailers,
                    Ok(left) => State::ChunkData { left },
                    // No chunk at all: what follows cannot be told apart any more. The client ends such a connection.
                    Err(_) => State::BodyToEnd,
                }
            }
            State::Trailers if !text.is_empty() => State::Trailers,
            State::Trailers => State::Status,
            _ => State::ChunkSize,
        };
    }

    fn end_of_data(&mut self) {
        self.state = match self.state {
            State::ChunkData { .. } => State::ChunkEnd,
            _ => State::Status,
        };
    }
}

/// What a header line says about the length of the body, if anything.
fn length(line: &str) -> Option<Length> {
    let (name, value) = line.split_once(':')?;
    if name.eq_ignore_ascii_case("content-length") {
        value.trim().parse().ok().map(Length::Known)
    } else if name.eq_ignore_ascii_case("transfer-encoding") {
        Some(Length::Chunked)
    } else {
        None
    }
}

impl Line {
    /// Keeps what still fits; a longer line is none that matters.
    fn push(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(LINE - self.len);
        self.bytes[self.len..self.len + fits].copy_from_slice(&bytes[..fits]);
        self.len += fits;
    }

    /// The line without its break; empty when it is no text, as no line that matters is.
    fn text(&self) -> &str {
        let text = std::str::from_utf8(&self.bytes[..self.len]).unwrap_or("?");
        text.trim_end_matches(['\r', '\n'])
    }
}

impl Default for Line {
    fn default() -> Line {
        Line {
            bytes: [0; LINE],
            len: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces of a server's side of a conversation, each with its part.
    fn conversation() -> Vec<(&'static str, char)> {
        vec![
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-LENGTH:  5 \r\n\r\n",
                'h',
            ),
            ("hello", 'b'),
            ("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n", 'h'),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 'h'),
            (
                "HTTP/1.1 103 Early Hints\r\nLink: </a-very-long-line-that-is-longer-than-anything-kept.css>; rel=preload\r\n\r\n",
                'h',
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 'h'),
            ("1b;name=value\r\n", 'f'),
            ("id: f-1\ndata: {\"a\":1}\r\n\r\n..", 'b'),
            ("\r\n", 'f'),
            ("2\r\n", 'f'),
            ("\r\n", 'b'),
            ("\r\n0\r\nTrailer: yes\r\n\r\n", 'f'),
            ("HTTP/1.1 410 Gone\nContent-Length: 2\n\n", 'h'),
            ("{}", 'b'),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 'h'),
            ("\u{1}\u{3}", 'f'),
            ("abc", 'b'),
        ]
    }

    fn expected() -> Parts {
        let of = |part| {
            let pieces = conversation().into_iter().filter(move |(_, of)| *of == part);
            pieces.map(|(piece, _)| piece.len() as u64).sum()
        };
        Parts {
            heads: of('h'),
            empty_heads: "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n".len() as u64,
            bodies: of('b'),
            frames: of('f'),
        }
    }

    #[test]
    fn a_body_without_a_length_lasts_until_the_end() {
        let (mut meter, mut parts) = (AnswerMeter::default(), Parts::default());
        meter.take(b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 204 \r\n\r\n", &mut parts);
        assert_eq!((parts.heads, parts.bodies), (19, 17));
    }

    proptest! {
        #[test]
        fn every_byte_has_its_part_wherever_the_stream_is_cut(cuts in prop::collection::vec(1usize..60, 1..40)) {
            let stream: String = conversation().into_iter().map(|(piece, _)| piece).collect();
            let (mut meter, mut parts) = (AnswerMeter::default(), Parts::default());
            let mut rest = stream.as_bytes();
            for cut in cuts.iter().cycle() {
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                meter.take(piece, &mut parts);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(parts, expected());
            prop_assert!(meter.is_upgraded());
        }

        #[test]
        fn no_bytes_make_it_panic_or_lose_count(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (mut meter, mut parts) = (AnswerMeter::default(), Parts::default());
            meter.take(&bytes, &mut parts);
            prop_assert_eq!(parts.total(), bytes.len() as u64);
        }
    }
}
