//! Where requests begin and end in the bytes that hyper reads, to see what hyper hides: a request that says its length twice.
//!
//! With `Content-Length` and `Transfer-Encoding` together, two servers in a row may disagree where the next request begins,
//! and one of them takes a stranger's bytes for a request (RFC 9112, section 11.2). hyper drops the first of the two without a word.

/// Follows the framing of one connection's requests.
#[derive(Default)]
pub(super) struct Framing {
    state: State,
    /// The part of a line whose end has not come. hyper refuses a head, and the lines between chunks, that grow without end.
    line: Vec<u8>,
    head: Head,
    /// Heads that are whole.
    heads: u64,
    /// Which of them says its length twice. Nothing is read behind it: the connection ends there.
    ambiguous: Option<u64>,
}

#[derive(Default, Clone, Copy)]
enum State {
    /// Before a request line.
    #[default]
    Start,
    /// In the fields of a head.
    Fields,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// Before the line with a chunk's size.
    ChunkSize,
    /// So many bytes of a chunk and its line end are still to come.
    Chunk(u64),
    /// In the fields behind the last chunk.
    Trailer,
    /// What follows is not looked at.
    Over,
}

/// What the fields of a head have said so far.
#[derive(Default)]
struct Head {
    length: Option<u64>,
    is_chunked: bool,
}

impl Framing {
    /// Reads on.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.state {
                State::Body(left) | State::Chunk(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[taken..];
                    self.take(left - taken as u64);
                }
                State::Over => return,
                State::Start | State::Fields | State::ChunkSize | State::Trailer => {
                    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                        return self.line.extend_from_slice(bytes);
                    };
                    let (rest, next) = (&bytes[..end], &bytes[end + 1..]);
                    bytes = next;
                    if self.line.is_empty() {
                        self.hear(rest);
                    } else {
                        let mut line = std::mem::take(&mut self.line);
                        line.extend_from_slice(rest);
                        self.hear(&line);
                    }
                }
            }
        }
    }

    /// Whether the head of the `n`th request, from 1, says its length twice.
    pub(super) fn is_ambiguous(&self, n: u64) -> bool {
        self.ambiguous == Some(n)
    }

    fn take(&mut self, left: u64) {
        self.state = match self.state {
            State::Body(_) if left > 0 => State::Body(left),
            State::Chunk(_) if left > 0 => State::Chunk(left),
            State::Chunk(_) => State::ChunkSize,
            _ => State::Start,
        };
    }

    fn hear(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.state = match self.state {
            // Empty lines before a request line are passed over.
            State::Start if line.is_empty() => State::Start,
            State::Start => State::Fields,
            State::Fields if line.is_empty() => self.head_ends(),
            State::Fields => {
                self.head.hear(line);
                State::Fields
            }
            State::ChunkSize => match chunk_size(line) {
                Some(0) => State::Trailer,
                Some(size) => State::Chunk(size.saturating_add(2)),
                // hyper says so.
                None => State::Over,
            },
            State::Trailer if line.is_empty() => State::Start,
            state => state,
        };
    }

    fn head_ends(&mut self) -> State {
        self.heads += 1;
        match std::mem::take(&mut self.head) {
            Head {
                length: Some(_),
                is_chunked: true,
            } => {
                self.ambiguous = Some(self.heads);
                State::Over
            }
            Head { is_chunked: true, .. } => State::ChunkSize,
            Head {
                length: Some(length @ 1..),
                ..
            } => State::Body(length),
            Head { .. } => State::Start,
        }
    }
}

impl Head {
    fn hear(&mut self, field: &[u8]) {
        let Some(colon) = field.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = (&field[..colon], &field[colon + 1..]);
        if name.eq_ignore_ascii_case(b"content-length") {
            // Where it is no number hyper refuses the request, unless the body is chunked: what counts then is that it is there.
            let number = std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.trim().parse().ok());
            self.length = Some(number.unwrap_or(0));
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = true;
        }
    }
}

/// The size at the beginning of a chunk's first line; what follows it is an extension.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which request is ambiguous, with the bytes read in pieces of every length.
    fn ambiguous(bytes: &str) -> Option<u64> {
        let pieces = 1..=bytes.len();
        let found = pieces.map(|length| {
            let mut framing = Framing::default();
            bytes.as_bytes().chunks(length).for_each(|piece| framing.read(piece));
            framing.ambiguous
        });
        let mut found: Vec<Option<u64>> = found.collect();
        found.dedup();
        assert_eq!(found.len(), 1, "however it is split: {found:?}");
        found[0]
    }

    const PLAIN: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\nX: y\r\ntransfer-ENCODING:chunked\r\n\r\n";

    #[test]
    fn both_headers_are_found_in_either_order() {
        assert_eq!(ambiguous(BOTH), Some(1));
        let turned = "POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: x\n\n";
        assert_eq!(ambiguous(turned), Some(1));
        assert_eq!(ambiguous(PLAIN), None);
    }

    #[test]
    fn each_request_counts_for_itself() {
        let length = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: t\r\n\r\n";
        assert_eq!(ambiguous(&[length, chunked, length, chunked, PLAIN].concat()), None);
        assert_eq!(ambiguous(&["\r\n", length, chunked, PLAIN, BOTH].concat()), Some(4));
    }

    #[test]
    fn a_body_that_speaks_of_lengths_is_a_body() {
        let body = format!("\n{BOTH}");
        let length = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(ambiguous(&[&length, PLAIN].concat()), None);
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunked = format!("{head}{:x}\r\n{body}\r\n0\r\nContent-Length: 3\r\n\r\n", body.len());
        assert_eq!(ambiguous(&[&chunked, PLAIN].concat()), None);
    }
}
