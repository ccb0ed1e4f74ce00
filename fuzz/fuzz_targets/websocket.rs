//! Bytes behind a real upgrade: each frame of the server's is whole and allowed, and a close frame is its last.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talkplace_fuzz::{Client, UPGRADE};

fuzz_target!(|bytes: &[u8]| {
    let mut client = Client::connect();
    client.send(format!("GET /talkplace HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n").as_bytes());
    let answer = client.answer().expect("an answer");
    assert_eq!(answer.status, 101, "{answer:?}");
    client.send(bytes);
    client.end();
    check(&client.rest());
});

/// Frames of a server (RFC 6455, section 5): not masked, no reserved bits, texts of UTF-8, lengths as short as can be.
fn check(mut bytes: &[u8]) {
    let mut closed = false;
    // The last frame may be cut off: the server resets who resets.
    while let [first, second, rest @ ..] = bytes {
        assert!(!closed, "nothing follows a close frame");
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let (length, payload) = match (second & 0x7f, rest) {
            (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            (127, _) => panic!("no message is that long"),
            (126, _) => return,
            (length, rest) => (usize::from(length), rest),
        };
        let Some((payload, rest)) = payload.split_at_checked(length) else {
            return;
        };
        match first {
            0x81 => assert!(std::str::from_utf8(payload).is_ok()),
            0x88 => {
                closed = true;
                assert!(payload.is_empty() || payload.len() >= 2);
                let reason = payload.get(2..).unwrap_or_default();
                assert!(std::str::from_utf8(reason).is_ok());
            }
            0x89 | 0x8a => {}
            first => panic!("a first byte of {first:x}"),
        }
        assert!(*first == 0x81 || payload.len() <= 125);
        bytes = rest;
    }
}
