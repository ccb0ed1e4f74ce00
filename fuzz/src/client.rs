//! Enough of HTTP to hold any answer against the contract.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// The handshake of RFC 6455, section 1.3.
pub const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Longer than the server may take for anything here; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Client(BufReader<TcpStream>);

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head.
    pub head: String,
    /// Its body, where the head says how long it is.
    pub body: Vec<u8>,
}

/// Bytes that may stand in the value of a field or in a query: without the ends of lines, which would make others of them.
pub fn field(bytes: &[u8]) -> Vec<u8> {
    let allowed = |byte: &u8| *byte == b'\t' || *byte >= b' ';
    bytes.iter().copied().filter(allowed).collect()
}

/// A POST with this body.
pub fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

impl Client {
    /// Connects. The connection is reset when dropped, so that a million of them leave no port behind.
    pub fn connect() -> Self {
        let socket = TcpStream::connect(crate::address()).expect("the server accepts");
        socket2::SockRef::from(&socket)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket has this option");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket has this option");
        socket.set_nodelay(true).expect("a socket has this option");
        Client(BufReader::new(socket))
    }

    /// Sends; a server that has closed already takes nothing.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// Sends no more.
    pub fn end(&mut self) {
        let _ = self.0.get_ref().shutdown(Shutdown::Write);
    }

    /// The next answer; `None` when the server has closed.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match self.0.read_line(&mut head) {
                Ok(0) | Err(_) if head.is_empty() => return None,
                Ok(n) => assert!(n > 0, "half a head: {head:?}"),
                Err(error) => panic!("{error} behind {head:?}"),
            }
        }
        assert!(
            head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "),
            "{head:?}"
        );
        let status = head[9..12].parse().expect("a status is a number");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length is a number"))];
        self.0
            .read_exact(&mut body)
            .expect("a body is as long as its head says");
        let answer = Answer { status, head, body };
        answer.check();
        Some(answer)
    }

    /// One request, and its answer.
    pub fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        let answer = self.answer().unwrap_or_else(|| {
            // One that was idle for too long was closed, which is no answer to this.
            *self = Client::connect();
            self.send(request);
            self.answer().expect("an answer")
        });
        if answer.head.contains("connection: close") {
            *self = Client::connect();
        }
        answer
    }

    /// All that comes until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest,
            // The server closes before it has read all: that is its right.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the server hangs ({error}) behind {:?}", String::from_utf8_lossy(&rest)),
        }
    }
}

impl Answer {
    /// The pairs that it sets.
    pub fn cookies(&self) -> Vec<&str> {
        let values = self.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        values.filter_map(|value| value.split(';').next()).collect()
    }

    fn check(&self) {
        let text = String::from_utf8_lossy(&self.body);
        assert!(self.status < 500, "{}{text}", self.head);
        assert!(
            self.status == 100 || self.head.contains("cache-control: "),
            "{}",
            self.head
        );
        if self.head.contains("application/problem+json") {
            assert!(
                text.contains(&format!(r#""status":{}"#, self.status)),
                "{}{text}",
                self.head
            );
        }
    }
}
