//! The bytes of both sides: what listeners ask, and what the floor answers, as long as what talkplace answers.

/// What a publisher says each time: 64 bytes.
const TEXT: &str = "0123456789012345678901234567890123456789012345678901234567890123";
/// The bytes of a frame in which it does: a header of two, a mask of four.
pub(crate) const SPOKEN: usize = 6 + TEXT.len();

/// A frame from a client, under the mask 0, which changes nothing.
pub(crate) fn frame_from_client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("control frames and our texts are short");
    let mut frame = vec![0x80 | opcode, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// A message said over a WebSocket.
pub(crate) fn spoken() -> Vec<u8> {
    let frame = frame_from_client(1, TEXT.as_bytes());
    assert_eq!(frame.len(), SPOKEN);
    frame
}

/// What opens a WebSocket.
pub(crate) const UPGRADE: &[u8] =
    b"GET /talkplace HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What opens an event stream.
pub(crate) const EVENTS: &[u8] = b"GET /talkplace/events HTTP/1.1\r\nHost: a\r\n\r\n";

/// A poll from a cursor; without one the answer comes at once and brings it.
pub(crate) fn poll(path: &str, after: &str) -> Vec<u8> {
    let after = if after.is_empty() {
        String::new()
    } else {
        format!("?after={after}&timeout=100s")
    };
    format!("GET /talkplace/{path}{after} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// What the floor says.
pub(crate) struct Prepared {
    pub(crate) upgraded: &'static [u8],
    pub(crate) events: &'static [u8],
    pub(crate) empty: &'static [u8],
    pub(crate) first: &'static [u8],
    pub(crate) frame: Vec<u8>,
    pub(crate) event: Vec<u8>,
    pub(crate) batch: Vec<u8>,
    /// What of these is not HTTP: for whom hyper adds that.
    pub(crate) event_alone: String,
    pub(crate) batch_alone: String,
    pub(crate) first_alone: &'static [u8],
}

impl Prepared {
    pub(crate) fn new() -> Prepared {
        let message = format!(
            r#"{{"id":"7f3a-12345","at":1769000000123456,"from":{{"id":0,"name":"路人甲","image":0}},"text":"{TEXT}"}}"#
        );
        let length = u16::try_from(message.len()).expect("it is short").to_be_bytes();
        let mut frame = vec![0x81, 126, length[0], length[1]];
        frame.extend_from_slice(message.as_bytes());
        let event = format!("id: 7f3a-12345\ndata: {message}\n\n");
        let body = format!(r#"{{"next":"7f3a-12345","messages":[{message}]}}"#);
        let head = "content-type: application/json\r\ncache-control: no-store";
        let date = "date: Sun, 22 Nov 2026 20:00:00 GMT";
        Prepared {
            upgraded: b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            events: b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
                x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n",
            empty: b"HTTP/1.1 204 No Content\r\ncache-control: no-store\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n",
            first_alone: b"{\"next\":\"7f3a-12345\",\"messages\":[   ]}",
            first: b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\ncontent-length: 36\r\n\r\n\
                {\"next\":\"7f3a-12345\",\"messages\":[   ]}",
            event: format!("{:x}\r\n{event}\r\n", event.len()).into_bytes(),
            batch: format!("HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n{date}\r\n\r\n{body}", body.len()).into_bytes(),
            frame,
            event_alone: event,
            batch_alone: body,
        }
    }
}
