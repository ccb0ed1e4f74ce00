//! A WebSocket by hand (RFC 6455): every byte of a frame as a rule wants it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::stranger::Field;
use super::talk::{Answer, Talk, shown};
use super::{Fault, Stranger};

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;
/// The first bit of a frame: its message ends with it.
pub(super) const FIN: u8 = 0x80;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A connection after its upgrade.
pub(super) struct Socket {
    talk: Talk,
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

impl Stranger {
    /// Asks for an upgrade; gives what it is answered with, and the connection.
    pub(super) fn upgrade(&self, query: &str, fields: &[Field]) -> Result<(Answer, Socket), Fault> {
        let key = STANDARD.encode(rand::random::<[u8; 16]>());
        let mut all = vec![
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", &key),
        ];
        all.extend_from_slice(fields);
        let target = format!("/talkplace{query}");
        let mut talk = self.connect()?;
        self.send(&mut talk, "GET", &target, &all, b"");
        talk.was_sent(format!("GET {target} with an upgrade to WebSocket{}", named(fields)));
        let answer = talk.answer()?;
        if answer.status == 101 {
            let accept = derive_accept_key(key.as_bytes());
            answer.must_have("sec-websocket-accept", &accept)?;
        }
        Ok((answer, Socket { talk }))
    }

    /// A WebSocket, for rules about what is said on it.
    pub(super) fn websocket(&self, query: &str) -> Result<Socket, Fault> {
        let (answer, socket) = self.upgrade(query, &[]).map_err(Fault::in_the_way)?;
        answer.must_be(101).map_err(Fault::in_the_way)?;
        Ok(socket)
    }
}

fn named(fields: &[Field]) -> String {
    let fields = fields.iter();
    fields
        .map(|(name, value)| format!(", {name}: {}", shown(value.as_bytes())))
        .collect()
}

/// A frame as a client sends it. `first` is its first byte: FIN, reserved bits and opcode.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0x80);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A frame as only a server may send it.
pub(super) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0);
    frame.extend(payload);
    frame
}

fn head(first: u8, length: usize, mask: u8) -> Vec<u8> {
    match length {
        0..126 => vec![first, mask | length as u8],
        126..65536 => {
            let [high, low] = (length as u16).to_be_bytes();
            vec![first, mask | 126, high, low]
        }
        _ => [&[first, mask | 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

impl Socket {
    /// Sends bytes as they are.
    pub(super) fn send(&mut self, bytes: &[u8], what: &str) {
        self.talk.send(bytes, format!("{what} on a WebSocket"));
    }

    pub(super) fn say(&mut self, text: &str) {
        self.send(&masked(FIN | TEXT, text.as_bytes()), &format!("the text {text:?}"));
    }

    /// From now on waits for so long, and as long as usual besides.
    pub(super) fn wait_for(&mut self, length: Duration) {
        self.talk.wait_for(length);
    }

    /// The next frame. A server's are whole, and not masked.
    pub(super) fn frame(&mut self, expected: &str) -> Result<Frame, Fault> {
        let read = |socket: &mut Socket| {
            let head = socket.talk.bytes(2)?;
            let length = match head[1] & 0x7f {
                126 => u16::from_be_bytes([socket.talk.bytes(1)?[0], socket.talk.bytes(1)?[0]]).into(),
                127 => {
                    let bytes: [u8; 8] = socket.talk.bytes(8)?.try_into().unwrap_or([0xff; 8]);
                    usize::try_from(u64::from_be_bytes(bytes))
                        .unwrap_or(usize::MAX)
                        .min(1 << 24)
                }
                short => usize::from(short),
            };
            Ok((head[0], head[1], socket.talk.bytes(length)?))
        };
        let (first, second, payload) = read(self).map_err(|error| self.talk.broken(self.talk.why(&error), expected))?;
        if first & 0xf0 != FIN || second & 0x80 != 0 {
            let came = format!("a frame that begins with the bytes {first:02x} {second:02x}");
            return Err(self.talk.broken(came, "whole frames without a mask"));
        }
        let opcode = first & 0x0f;
        Ok(Frame { opcode, payload })
    }

    /// The next frame that is no ping.
    pub(super) fn next(&mut self, expected: &str) -> Result<Frame, Fault> {
        let until = self.talk.deadline();
        while Instant::now() < until {
            let frame = self.frame(expected)?;
            if frame.opcode != PING {
                return Ok(frame);
            }
            self.talk.reply(&masked(FIN | PONG, &frame.payload));
        }
        Err(self.talk.broken("pings, and nothing else", expected))
    }

    /// The text of the next frame.
    pub(super) fn text(&mut self) -> Result<String, Fault> {
        let frame = self.next("a text frame")?;
        match String::from_utf8(frame.payload.clone()) {
            Ok(text) if frame.opcode == TEXT => Ok(text),
            _ => Err(self.broken(&frame, "a text frame")),
        }
    }

    /// The next frame but texts has to be a close with this code; gives its reason. It is answered, and then the connection ends.
    pub(super) fn must_close(&mut self, code: u16) -> Result<String, Fault> {
        let (expected, until) = (format!("a close with the code {code}"), self.talk.deadline());
        while Instant::now() < until {
            let frame = self.next(&expected)?;
            if frame.opcode == TEXT {
                continue;
            }
            let there = frame
                .payload
                .get(..2)
                .map(|code| u16::from_be_bytes([code[0], code[1]]));
            if frame.opcode != CLOSE || there != Some(code) {
                return Err(self.broken(&frame, &expected));
            }
            self.talk.reply(&masked(FIN | CLOSE, &frame.payload));
            if !self.talk.closes() {
                return Err(self.talk.broken(
                    "a close, and the connection stays open",
                    "the end of the connection behind its close",
                ));
            }
            return Ok(String::from_utf8_lossy(&frame.payload[2..]).into_owned());
        }
        Err(self.talk.broken("messages, and no close", expected))
    }

    pub(super) fn broken(&self, frame: &Frame, expected: &str) -> Fault {
        let payload = shown(&frame.payload);
        let came = match frame.opcode {
            TEXT => format!("the text {payload}"),
            BINARY => format!("a binary frame: {payload}"),
            CLOSE => match frame.payload.get(..2) {
                Some(code) => format!("a close with the code {}", u16::from_be_bytes([code[0], code[1]])),
                None => "a close without a code".to_owned(),
            },
            opcode => format!("a frame with the opcode {opcode}: {payload}"),
        };
        self.talk.broken(came, expected)
    }
}
