//! What RFC 6455 asks of a server, in frames written by hand. Each test names its section.

use std::time::Duration;

use super::Server;
use super::websocket::{BINARY, CLOSE, PING, PONG, TEXT, UPGRADE, Ws, frame, upgrade_with, with_little_room};

const CONTINUATION: u8 = 0;
const FINAL: u8 = 0x80;
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// The code that the server closes with when it gets these bytes.
fn closes_with(server: &Server, bytes: &[u8]) -> u16 {
    let mut ws = Ws::open(server, "/talkplace");
    ws.0.send(bytes);
    ws.closed().0
}

/// A frame whose head is written out, with a payload of so many bytes.
fn with_head(head: &[u8], payload: usize) -> Vec<u8> {
    let x = MASK.iter().cycle().map(|mask| mask ^ b'x');
    [head.to_vec(), MASK.to_vec(), x.take(payload).collect()].concat()
}

fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FINAL | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Whether the connection still hears and speaks.
fn is_alive(ws: &mut Ws) -> bool {
    ws.send(PING, b"alive?");
    ws.frame() == (PONG, b"alive?".to_vec())
}

fn said_so_far(server: &Server) -> String {
    server.cursor().split('-').nth(1).unwrap().to_owned()
}

#[test]
fn section_4_1_the_names_in_the_handshake_have_no_case() {
    let server = Server::start();
    let headers = [
        ("connection", "keep-alive , uPGRADE"),
        ("UPGRADE", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("SEC-WEBSOCKET-KEY", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    assert_eq!(upgrade_with(&server, "/talkplace", &headers).status, 101);
}

#[test]
fn section_4_2_1_the_handshake_is_a_get_of_http_1_1_with_all_its_fields() {
    let server = Server::start();
    let post = server.client().request("POST", "/talkplace", &UPGRADE, b"");
    post.assert_problem(405);
    for left_out in 0..4 {
        let mut headers = UPGRADE.to_vec();
        let (name, _) = headers.remove(left_out);
        let status = if name == "Sec-WebSocket-Key" { 400 } else { 426 };
        upgrade_with(&server, "/talkplace", &headers).assert_problem(status);
    }
    for twice in [2, 3] {
        let headers = [&UPGRADE[..], &UPGRADE[twice..=twice]].concat();
        upgrade_with(&server, "/talkplace", &headers).assert_problem(400);
    }
    let mut client = server.client();
    let fields: String = UPGRADE
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    client.send(format!("GET /talkplace HTTP/1.1\r\n{fields}\r\n").as_bytes());
    client.answer().assert_problem(400);
}

#[test]
fn section_4_2_1_a_key_is_sixteen_bytes() {
    let server = Server::start();
    for key in [
        "MDEyMzQ1Njc4OWFiY2Rl",     // fifteen
        "MDEyMzQ1Njc4OWFiY2RlZmc=", // seventeen
        "MDEyMzQ1Njc4OWFiY2RlZg",   // sixteen without the padding
        "MDEyMzQ1Njc4OWFiY2RlZ_==", // another alphabet
        "MDEy MzQ1Njc4OWFiY2RlZg==",
    ] {
        let headers = [&UPGRADE[..3], &[("Sec-WebSocket-Key", key)]].concat();
        upgrade_with(&server, "/talkplace", &headers).assert_problem(400);
    }
}

#[test]
fn section_4_2_2_extensions_and_subprotocols_are_not_agreed_on() {
    let server = Server::start();
    let offers = [
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
    ];
    let answer = upgrade_with(&server, "/talkplace", &[&UPGRADE[..], &offers].concat());
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    assert_eq!(answer.header("sec-websocket-protocol"), None);
}

#[test]
fn section_4_4_another_version_is_told_which_one_there_is() {
    let server = Server::start();
    for version in ["8", "7", "0", "14", "13, 8", "013", ""] {
        let headers = [UPGRADE[0], UPGRADE[1], ("Sec-WebSocket-Version", version), UPGRADE[3]];
        let answer = upgrade_with(&server, "/talkplace", &headers);
        answer.assert_problem(426);
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{version}");
        assert_eq!(answer.header("upgrade"), Some("websocket"));
    }
}

#[test]
fn section_5_1_a_client_masks_every_frame() {
    let server = Server::start();
    for bytes in [
        &b"\x81\x02hi"[..],
        b"\x81\x00",
        b"\x89\x00",
        b"\x88\x02\x03\xe8",
        b"\x81\x7e\x01\x00",
    ] {
        assert_eq!(closes_with(&server, bytes), 1002, "{bytes:x?}");
    }
    let behind_a_fragment = [frame(TEXT, b"h"), b"\x80\x01i".to_vec()].concat();
    assert_eq!(closes_with(&server, &behind_a_fragment), 1002);
    assert_eq!(said_so_far(&server), "0");
}

#[test]
fn section_5_2_reserved_bits_mean_nothing_here() {
    let server = Server::start();
    for bits in (0x10..=0x70).step_by(0x10) {
        for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
            assert_eq!(
                closes_with(&server, &frame(FINAL | bits | opcode, b"")),
                1002,
                "{bits:x} {opcode}"
            );
        }
    }
    let in_a_continuation = [frame(TEXT, b"a"), frame(FINAL | 0x40, b"b")].concat();
    assert_eq!(closes_with(&server, &in_a_continuation), 1002);
}

#[test]
fn section_5_2_reserved_opcodes_mean_nothing() {
    let server = Server::start();
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for first in [FINAL | opcode, opcode] {
            // The head alone is enough: what it announces is not waited for.
            assert_eq!(closes_with(&server, &[first, 0x80 | 100]), 1002, "{first:x}");
        }
    }
}

#[test]
fn section_5_2_each_length_in_its_shortest_encoding() {
    // So that all three encodings can be said aloud.
    let server = Server::with(|config| config.publishing.max_text = 70_000);
    let mut ws = Ws::open(&server, "/talkplace?after=0");
    for length in [1, 125, 126, 127, 4_096, 65_535, 65_536, 70_000] {
        let text = "x".repeat(length);
        ws.say(&text);
        let batch = loop {
            let answer = server.get("/talkplace/long-poll?after=0&limit=1000&timeout=20s");
            if answer.texts().last() == Some(&text) {
                break answer;
            }
        };
        assert_eq!(batch.texts().last().unwrap().len(), length);
    }
    for (head, payload) in [
        (&[0x81, 0x80 | 126, 0, 0][..], 0),
        (&[0x81, 0x80 | 126, 0, 125], 125),
        (&[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 125], 125),
        (&[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 65_535),
        (&[0x01, 0x80 | 126, 0, 1], 1),
    ] {
        assert_eq!(closes_with(&server, &with_head(head, payload)), 1002, "{head:x?}");
    }
}

#[test]
fn section_5_2_the_highest_bit_of_a_length_is_not_set() {
    let server = Server::start();
    for length in [1_u64 << 63, u64::MAX] {
        let head = [&[0x81, 0x80 | 127][..], &length.to_be_bytes()].concat();
        assert_eq!(closes_with(&server, &head), 1002, "{length:x}");
    }
    // Without it the length is only too long, by whatever amount; nothing is set aside for it.
    for length in [65_536, 1 << 40, i64::MAX as u64] {
        let head = [&[0x81, 0x80 | 127][..], &length.to_be_bytes(), &MASK].concat();
        assert_eq!(closes_with(&server, &head), 1009, "{length:x}");
    }
}

#[test]
fn section_5_3_any_mask_is_taken_off() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    for mask in [[0; 4], [0xff; 4], [1, 0, 0, 0x80]] {
        let text = format!("masked with {mask:?}");
        let masked = text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let head = [0x81, 0x80 | text.len() as u8];
        ws.0.send(&[&head[..], &mask, &masked.collect::<Vec<u8>>()].concat());
        assert_eq!(ws.hear(), text);
    }
}

#[test]
fn section_5_4_fragments_are_put_together_whatever_their_sizes() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    for fragments in [&["whole"][..], &["", "ab", "", "c", ""], &["a"; 300], &["", "late"]] {
        let (last, first) = fragments.split_last().unwrap();
        let mut opcode = TEXT;
        for fragment in first {
            ws.0.send(&frame(opcode, fragment.as_bytes()));
            opcode = CONTINUATION;
        }
        ws.0.send(&frame(FINAL | opcode, last.as_bytes()));
        assert_eq!(ws.hear(), fragments.concat());
    }
}

#[test]
fn section_5_4_control_frames_may_stand_between_fragments_and_messages_may_not() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    ws.0.send(&frame(TEXT, b"a"));
    assert!(is_alive(&mut ws));
    ws.send(PONG, b"nobody asked");
    ws.0.send(&frame(CONTINUATION, b"b"));
    assert!(is_alive(&mut ws));
    ws.0.send(&frame(FINAL, b"c"));
    assert_eq!(ws.hear(), "abc");
    ws.0.send(&[frame(TEXT, b"half"), close_frame(1000, b"")].concat());
    assert_eq!(ws.closed().0, 1000, "a close between fragments is a close");

    for bytes in [
        [frame(TEXT, b"a"), frame(FINAL | TEXT, b"b")].concat(),
        [frame(TEXT, b"a"), frame(TEXT, b"b")].concat(),
        [frame(TEXT, b"a"), frame(FINAL | BINARY, b"b")].concat(),
        frame(FINAL, b"nothing to go on with"),
        frame(CONTINUATION, b"nothing to go on with"),
        [frame(FINAL | TEXT, b"all"), frame(FINAL, b"and more")].concat(),
    ] {
        let mut ws = Ws::open(&server, "/talkplace");
        ws.0.send(&bytes);
        let code = loop {
            match ws.frame() {
                (TEXT, _) => {}
                (CLOSE, payload) => break u16::from_be_bytes([payload[0], payload[1]]),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, 1002, "{bytes:x?}");
    }
}

#[test]
fn section_5_5_control_frames_are_short_and_whole() {
    let server = Server::start();
    for opcode in [CLOSE, PING, PONG] {
        assert_eq!(
            closes_with(&server, &frame(opcode, b"")),
            1002,
            "in fragments: {opcode}"
        );
        for length in [126, 200, 4_097, 65_536] {
            let code = closes_with(&server, &frame(FINAL | opcode, &vec![0; length]));
            assert_eq!(code, 1002, "{opcode} of {length} bytes");
        }
    }
    let mut ws = Ws::open(&server, "/talkplace");
    ws.send(PING, &[7; 125]);
    assert_eq!(ws.frame(), (PONG, vec![7; 125]));
    // Whatever the limit of a text.
    let server = Server::with(|config| config.publishing.max_text = 10);
    let mut ws = Ws::open(&server, "/talkplace");
    ws.send(PING, &[7; 125]);
    assert_eq!(ws.frame(), (PONG, vec![7; 125]));
}

#[test]
fn section_5_5_1_a_close_is_answered_with_its_code_and_nothing_follows() {
    let server = Server::start();
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999,
    ] {
        assert_eq!(closes_with(&server, &close_frame(code, b"why not")), code);
    }
    let longest = "路".repeat(41);
    let mut ws = Ws::open(&server, "/talkplace");
    ws.0.send(&close_frame(1000, longest.as_bytes()));
    assert_eq!(ws.closed(), (1000, longest));

    let mut ws = Ws::open(&server, "/talkplace");
    ws.send(CLOSE, b"");
    assert_eq!(ws.frame(), (CLOSE, vec![]), "a close without a code");
    assert!(ws.0.is_closed());
}

#[test]
fn section_5_5_1_what_comes_behind_a_close_is_not_heard() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    let behind = [
        frame(FINAL | TEXT, b"one more thing"),
        frame(FINAL | PING, b"?"),
        b"\xff\xff".to_vec(),
    ];
    ws.0.send(&[close_frame(1000, b""), behind.concat()].concat());
    assert_eq!(ws.frame(), (CLOSE, 1000_u16.to_be_bytes().to_vec()));
    assert!(ws.0.is_closed());
    // Behind a close of the server's, too.
    let mut ws = Ws::open(&server, "/talkplace");
    ws.0.send(&[frame(FINAL | BINARY, b""), behind.concat()].concat());
    assert_eq!(ws.closed().0, 1003);
    assert_eq!(said_so_far(&server), "0");
}

#[test]
fn section_5_5_1_no_pong_goes_behind_a_close() {
    let mut server = Server::with(|config| config.limits.close_timeout = Duration::from_millis(300));
    let mut ws = with_little_room(&server, "/talkplace");
    // Pings until the server has so many pongs waiting that it reads no more.
    let patience = Some(Duration::from_millis(500));
    ws.0.stream.get_ref().set_write_timeout(patience).unwrap();
    let pings = frame(FINAL | PING, &[0; 125]).repeat(100);
    while std::io::Write::write_all(&mut ws.0.stream.get_ref(), &pings).is_ok() {}
    let ended = server.shut_down();
    let code = loop {
        match ws.frame() {
            (PONG, payload) => assert_eq!(payload, [0; 125]),
            (CLOSE, payload) => break u16::from_be_bytes([payload[0], payload[1]]),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1012);
    assert!(ws.0.is_closed(), "a close frame is the last one");
    ended.recv().unwrap();
}

#[test]
fn section_5_5_2_a_ping_is_answered_with_its_payload() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    for payload in [&b""[..], b"\xff\x00\xfe", &[0; 125]] {
        ws.send(PING, payload);
        assert_eq!(ws.frame(), (PONG, payload.to_vec()));
    }
}

#[test]
fn section_5_5_3_a_pong_that_nobody_asked_for_is_let_pass() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    ws.0.send(&frame(FINAL | PONG, b"unasked").repeat(100));
    assert!(is_alive(&mut ws), "and is not answered");
}

#[test]
fn section_7_1_6_a_close_has_a_code_or_nothing_and_a_reason_of_utf_8() {
    let server = Server::start();
    assert_eq!(
        closes_with(&server, &frame(FINAL | CLOSE, b"\x03")),
        1002,
        "half a code"
    );
    for reason in [&b"\xff"[..], b"ok \xe8\xb7", b"\xed\xa0\x80", b"\xc0\xaf"] {
        assert_eq!(closes_with(&server, &close_frame(1000, reason)), 1007, "{reason:x?}");
    }
}

#[test]
fn section_7_4_codes_that_may_not_be_sent_are_a_broken_protocol() {
    let server = Server::start();
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(closes_with(&server, &close_frame(code, b"")), 1002, "{code}");
    }
}

#[test]
fn section_8_1_a_text_is_utf_8_however_it_is_split() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    let text = "a\u{80}\u{7ff}路\u{ffff}😀\u{10ffff}";
    for at in 0..=text.len() {
        let (a, b) = text.as_bytes().split_at(at);
        ws.0.send(&[frame(TEXT, a), frame(FINAL, b)].concat());
        assert_eq!(ws.hear(), text, "split at {at}");
    }
    let last = text.len() - 1;
    for (n, byte) in text.bytes().enumerate() {
        let first = if n == 0 { TEXT } else { CONTINUATION };
        let first = if n == last { FINAL | first } else { first };
        ws.0.send(&frame(first, &[byte]));
    }
    assert_eq!(ws.hear(), text, "a byte a frame");
}

#[test]
fn section_8_1_what_is_not_utf_8_fails_the_connection() {
    let server = Server::start();
    for bytes in [
        &b"\x80"[..],            // a continuation without a beginning
        b"\xc3",                 // a beginning without a continuation
        b"ok \xe8\xb7",          // cut short
        b"\xc0\xaf",             // longer than it must be
        b"\xe0\x80\xaf",         // the same in three bytes
        b"\xed\xa0\x80",         // half a surrogate pair
        b"\xf4\x90\x80\x80",     // beyond the last code point
        b"\xf8\x88\x80\x80\x80", // five bytes
        b"a\xffb",
    ] {
        assert_eq!(closes_with(&server, &frame(FINAL | TEXT, bytes)), 1007, "{bytes:x?}");
        for at in 0..=bytes.len() {
            let (a, b) = bytes.split_at(at);
            let split = [frame(TEXT, a), frame(FINAL, b)].concat();
            assert_eq!(closes_with(&server, &split), 1007, "{bytes:x?} split at {at}");
        }
    }
    // In a message that goes on, the fragment that is wrong is enough.
    for fragments in [&[&b"\xff"[..]][..], &[b"ok", b"\xe8", b"\x41"], &[b"\xed", b"\xa0"]] {
        let mut bytes = Vec::new();
        for (n, fragment) in fragments.iter().enumerate() {
            bytes.extend(frame(if n == 0 { TEXT } else { CONTINUATION }, fragment));
        }
        assert_eq!(closes_with(&server, &bytes), 1007, "{fragments:x?}");
    }
    assert_eq!(said_so_far(&server), "0");
}

#[test]
fn a_frame_arrives_however_it_is_cut() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    let text = "x".repeat(126);
    let bytes = [frame(FINAL | PING, b"p"), frame(FINAL | TEXT, text.as_bytes())].concat();
    for at in 1..20 {
        let (a, b) = bytes.split_at(at);
        ws.0.send(a);
        server.get("/healthz");
        ws.0.send(b);
        assert_eq!(ws.frame(), (PONG, b"p".to_vec()));
        assert_eq!(ws.hear(), text);
    }
}

#[test]
fn a_bad_frame_right_behind_the_upgrade_is_refused_like_any_other() {
    let server = Server::start();
    let fields: String = UPGRADE
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("GET /talkplace HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
    for (early, said) in [(&b""[..], 0), (&frame(FINAL | TEXT, b"early"), 1)] {
        let mut client = server.client();
        client.send(&[&head[..], early, b"\x81\xfe\x00\x01"].concat());
        assert_eq!(client.answer().status, 101);
        let mut ws = Ws(client);
        (0..said).for_each(|_| assert_eq!(ws.hear(), "early"));
        assert_eq!(ws.closed().0, 1002);
    }
}

#[test]
fn a_fragment_over_the_limit_is_refused_before_it_comes() {
    let server = Server::start();
    // Its head alone, and the head of the one that would be too much.
    assert_eq!(
        closes_with(&server, &with_head(&[0x01, 0x80 | 126, 0x10, 0x01], 0)),
        1009
    );
    let mut ws = Ws::open(&server, "/talkplace");
    ws.0.send(&[frame(TEXT, &[b'x'; 4_096]), frame(CONTINUATION, b""), frame(FINAL, b"")].concat());
    assert_eq!(ws.hear().len(), 4_096, "the longest");
    ws.0.send(&[frame(TEXT, &[b'x'; 4_096]), frame(FINAL, b"x")].concat());
    assert_eq!(ws.closed().0, 1009);
}
