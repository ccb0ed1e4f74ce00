//! Requests and answers as they cross the wire, written and read by hand: whoever attacks does not ask a library's leave.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any honest answer on a loopback takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than an answer of the contract has.
const LONGEST: u64 = 1 << 20;

/// An answer as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The status line and the fields, without the empty line behind them.
    pub head: String,
    /// What follows.
    pub body: String,
}

impl Answer {
    /// The value of every field of this name, in lower case.
    pub(super) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().filter_map(move |line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// What a browser would send back as `Cookie`; empty where none was set.
    pub(super) fn cookies(&self) -> String {
        let pairs = self.fields("set-cookie").filter_map(|set| set.split(';').next());
        pairs.collect::<Vec<_>>().join("; ")
    }
}

/// A connection to the server.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::new(stream),
        })
    }

    /// Writes these bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer.
    pub(super) fn answer(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if (&mut self.stream).take(LONGEST).read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.trim_end().is_empty() {
                break;
            }
            head.push_str(line.trim_end());
            head.push('\n');
        }
        let head = head.trim_end().to_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            head,
            body: String::new(),
        };
        let length = answer
            .fields("content-length")
            .next()
            .and_then(|length| length.parse().ok());
        let mut body = Vec::new();
        (&mut self.stream)
            .take(length.unwrap_or(0).min(LONGEST))
            .read_to_end(&mut body)?;
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Ok(answer)
    }
}

impl Connection {
    /// Waits for a first frame; its two bytes of head are enough to know that it came.
    pub(super) fn heard(&mut self) -> io::Result<()> {
        self.stream.read_exact(&mut [0; 2])
    }
}

/// A text frame as a client has to send it: masked, with a key that a proxy in between could not have foreseen. Here it is always the same,
/// so that the bytes can be read.
pub(super) fn text_frame(text: &str) -> Vec<u8> {
    const KEY: [u8; 4] = [0x0a, 0x0b, 0x0c, 0x0d];
    let length = u8::try_from(text.len()).ok().filter(|length| *length <= 125);
    let length = length.expect("our own texts are short");
    let masked = text.bytes().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
    [0x81, 0x80 | length].into_iter().chain(KEY).chain(masked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_frame_is_masked() {
        let frame = text_frame("Hi");
        assert_eq!(frame, [0x81, 0x82, 0x0a, 0x0b, 0x0c, 0x0d, b'H' ^ 0x0a, b'i' ^ 0x0b]);
    }

    #[test]
    fn cookies_are_what_a_browser_sends_back() {
        let answer = Answer {
            head: "HTTP/1.1 302 Found\nSet-Cookie: name=a; Path=/\nset-cookie: name.sig=b".into(),
            ..Answer::default()
        };
        assert_eq!(answer.cookies(), "name=a; name.sig=b");
    }
}
