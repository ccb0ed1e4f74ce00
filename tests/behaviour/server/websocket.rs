use std::io::Read;
use std::time::Duration;

use super::Server;
use super::http::{Answer, Client};

/// The key of RFC 6455, section 1.3.
pub(super) const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// A WebSocket, spoken by hand.
pub(crate) struct Ws(pub(super) Client);

impl Ws {
    pub(super) fn open(server: &Server, target: &str) -> Self {
        Ws::open_with(server, target, &[])
    }

    pub(super) fn open_with(server: &Server, target: &str, headers: &[(&str, &str)]) -> Self {
        Ws::upgrade(server.client(), target, headers)
    }

    pub(crate) fn upgrade(mut client: Client, target: &str, headers: &[(&str, &str)]) -> Self {
        let answer = client.request("GET", target, &[&UPGRADE[..], headers].concat(), b"");
        assert_eq!(answer.status, 101, "{answer:?}");
        Ws(client)
    }

    pub(super) fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.0.send(&frame(0x80 | opcode, payload));
    }

    pub(super) fn say(&mut self, text: &str) {
        self.send(TEXT, text.as_bytes());
    }

    /// The next frame: opcode and payload.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.stream.read_exact(&mut head).unwrap();
        assert_eq!(head[0] & 0xf0, 0x80, "one whole frame, no reserved bits");
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.stream.read_exact(&mut length).unwrap();
                u16::from_be_bytes(length).into()
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.0.stream.read_exact(&mut payload).unwrap();
        (head[0] & 0x0f, payload)
    }

    /// The text of the next message.
    pub(super) fn hear(&mut self) -> String {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, TEXT, "{payload:?}");
        let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        json["text"].as_str().unwrap().to_owned()
    }

    /// The code and reason of the close frame that comes next, and nothing behind it.
    pub(super) fn closed(&mut self) -> (u16, String) {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, CLOSE, "{payload:?}");
        self.send(CLOSE, &payload);
        assert!(self.0.is_closed());
        (
            u16::from_be_bytes([payload[0], payload[1]]),
            String::from_utf8(payload[2..].to_vec()).unwrap(),
        )
    }
}

/// A masked frame.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

pub(super) fn upgrade_with(server: &Server, target: &str, headers: &[(&str, &str)]) -> Answer {
    server.client().request("GET", target, headers, b"")
}

#[test]
fn the_upgrade_is_answered_as_the_rfc_shows() {
    let server = Server::start();
    let answer = upgrade_with(&server, "/talkplace", &UPGRADE);
    assert_eq!(answer.status, 101);
    assert_eq!(
        answer.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert!(answer.header("upgrade").unwrap().eq_ignore_ascii_case("websocket"));
    assert!(answer.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
}

#[test]
fn one_says_it_and_everybody_hears_it() {
    let server = Server::start();
    let cookie = super::identity::sign_in(&server, "name=Li");
    let mut speaker = Ws::open_with(&server, "/talkplace", &[("Cookie", &cookie)]);
    let mut others: Vec<Ws> = (0..5).map(|_| Ws::open(&server, "/talkplace")).collect();
    speaker.say("hello world");
    assert_eq!(speaker.hear(), "hello world", "the speaker too");
    for other in &mut others {
        let (_, payload) = other.frame();
        let batch = server.get("/talkplace/poll?after=0").text();
        assert!(
            batch.contains(std::str::from_utf8(&payload).unwrap()),
            "the same bytes as a poll carries"
        );
    }
    let from = &server.get("/talkplace/poll?after=0").json()["messages"][0]["from"];
    assert_eq!(from["name"], "Li", "identity comes from the cookie of the upgrade");
}

#[test]
fn it_starts_now_or_after_its_cursor() {
    let server = Server::start();
    for text in ["1", "2", "3"] {
        server.say(text);
    }
    let mut now = Ws::open(&server, "/talkplace");
    let mut resumed = Ws::open(&server, "/talkplace?after=1");
    assert_eq!((resumed.hear(), resumed.hear()), ("2".into(), "3".into()));
    server.say("4");
    assert_eq!(now.hear(), "4");
    assert_eq!(resumed.hear(), "4");
}

#[test]
fn a_long_backlog_arrives_whole_and_in_order() {
    let server = Server::start();
    for n in 0..1_000 {
        server.say(&n.to_string());
    }
    let mut listener = Ws::open(&server, "/talkplace?after=0");
    for n in 0..1_000 {
        assert_eq!(listener.hear(), n.to_string());
    }
}

#[test]
fn without_the_upgrade_it_is_required() {
    let server = Server::start();
    for headers in [
        &[][..],
        &UPGRADE[..1],
        &UPGRADE[1..],
        &[UPGRADE[0], UPGRADE[1], ("Sec-WebSocket-Version", "8"), UPGRADE[3]],
    ] {
        let answer = upgrade_with(&server, "/talkplace", headers);
        answer.assert_problem(426);
        assert_eq!(answer.header("upgrade"), Some("websocket"));
    }
    let mut old = server.client();
    old.send(b"GET /talkplace HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    old.answer().assert_problem(426);
}

#[test]
fn a_key_that_is_no_nonce_is_malformed() {
    let server = Server::start();
    for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ"] {
        let headers = [&UPGRADE[..3], &[("Sec-WebSocket-Key", key)]].concat();
        upgrade_with(&server, "/talkplace", &headers).assert_problem(400);
    }
}

#[test]
fn a_page_of_another_origin_gets_no_socket() {
    let server = Server::start();
    let with = |origin| upgrade_with(&server, "/talkplace", &[&UPGRADE[..], &[("Origin", origin)]].concat());
    with("http://evil.example").assert_problem(403);
    with("null").assert_problem(403);
    assert_eq!(with("http://talk.place").status, 101);
}

#[test]
fn a_bad_cursor_is_refused_before_the_upgrade_and_a_gone_one_after_it() {
    let server = Server::with(|config| config.keep.messages = 2);
    for text in ["1", "2", "3"] {
        server.say(text);
    }
    for after in ["x", "9", "", "1&after=1"] {
        upgrade_with(&server, &format!("/talkplace?after={after}"), &UPGRADE).assert_problem(400);
    }
    let feed = server.cursor().split('-').next().unwrap().to_owned();
    for after in ["0", "zz-2"] {
        let (code, reason) = Ws::open(&server, &format!("/talkplace?after={after}")).closed();
        assert_eq!(code, 4410);
        assert_eq!(reason, format!(r#"{{"oldest":"{feed}-2","next":"{feed}-3"}}"#));
    }
}

#[test]
fn what_is_no_message_closes_with_its_code() {
    let server = Server::start();
    let closes_with = |bytes: &[u8]| {
        let mut ws = Ws::open(&server, "/talkplace");
        ws.0.send(bytes);
        ws.closed().0
    };
    assert_eq!(closes_with(&frame(0x80 | BINARY, b"x")), 1003);
    assert_eq!(closes_with(&frame(0x80 | TEXT, b"\xff")), 1007);
    assert_eq!(closes_with(&frame(0x80 | TEXT, &[b'x'; 4_097])), 1009);
    assert_eq!(closes_with(&frame(0x80 | TEXT, b"")), 1008);
    assert_eq!(closes_with(&frame(0xc0 | TEXT, b"x")), 1002, "a reserved bit");
    assert_eq!(closes_with(&frame(0x83, b"x")), 1002, "a reserved opcode");
    assert_eq!(closes_with(b"\x81\x01x"), 1002, "not masked");
    let fragments = [frame(TEXT, &[b'x'; 3_000]), frame(0x80, &[b'x'; 3_000])].concat();
    assert_eq!(closes_with(&fragments), 1009, "over the limit in two fragments");
    assert_eq!(server.cursor().split('-').nth(1), Some("0"), "nothing was said");
}

#[test]
fn fragments_are_one_message_and_the_longest_text_fits() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    let longest = "路".repeat(1_365);
    let (a, b) = longest.as_bytes().split_at(1_000);
    ws.0.send(&[frame(TEXT, a), frame(0x80 | PING, b"in between"), frame(0x80, b)].concat());
    assert_eq!(ws.frame(), (PONG, b"in between".to_vec()));
    assert_eq!(ws.hear(), longest);
}

#[test]
fn what_comes_right_behind_the_upgrade_is_heard() {
    let server = Server::start();
    let mut client = server.client();
    let mut bytes = b"GET /talkplace HTTP/1.1\r\nHost: a\r\n".to_vec();
    for (name, value) in UPGRADE {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(frame(0x80 | TEXT, b"early"));
    client.send(&bytes);
    assert_eq!(client.answer().status, 101);
    assert_eq!(Ws(client).hear(), "early");
}

#[test]
fn a_close_is_answered_with_its_code() {
    let server = Server::start();
    let mut ws = Ws::open(&server, "/talkplace");
    ws.send(CLOSE, &[&1000u16.to_be_bytes()[..], b"bye"].concat());
    assert_eq!(ws.frame(), (CLOSE, [&1000u16.to_be_bytes()[..], b"bye"].concat()));
    assert!(ws.0.is_closed());
    server.wait_for("talkplace_listeners{transport=\"websocket\"}", "0");
}

#[test]
fn a_ping_without_its_pong_ends_it() {
    let server = Server::with(|config| config.ping_interval = Duration::from_millis(100));
    let mut answers = Ws::open(&server, "/talkplace");
    for _ in 0..5 {
        let (opcode, payload) = answers.frame();
        assert_eq!(opcode, PING);
        answers.send(PONG, &payload);
    }
    let mut silent = Ws::open(&server, "/talkplace");
    assert_eq!(silent.frame().0, PING);
    assert!(silent.0.is_closed());
}

#[test]
fn a_publisher_over_its_rate_is_closed() {
    let server = Server::with(|config| config.publishing.rate_per_s = Some(0.2));
    let mut ws = Ws::open(&server, "/talkplace");
    ws.say("one");
    ws.say("two");
    assert_eq!(ws.hear(), "one");
    assert_eq!(ws.closed().0, 1008);
}

#[test]
fn a_listener_that_does_not_read_is_let_go_and_others_do_not_notice() {
    let server = Server::with(|config| {
        config.limits.stall_timeout = Duration::from_millis(300);
        config.limits.close_timeout = Duration::from_millis(300);
        config.publishing.rate_per_s = None;
    });
    let idle = Ws::open(&server, "/talkplace");
    let mut reader = Ws::open(&server, "/talkplace");
    let text = "x".repeat(4_000);
    let mut publisher = server.client();
    // As much as the system's buffers hold, and more.
    for n in 0..4_000 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
        assert!(reader.hear().starts_with(&format!("{n} ")));
    }
    server.wait_for("talkplace_listeners{transport=\"websocket\"}", "1");
    drop(idle);
    server.say("still here");
    assert_eq!(reader.hear(), "still here");
}

/// A client whose system keeps little for it: what it does not read is soon the server's.
pub(super) fn client_with_little_room(server: &Server) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.connect(&server.address.into()).unwrap();
    Client::of(socket.into())
}

pub(super) fn with_little_room(server: &Server, target: &str) -> Ws {
    let mut client = client_with_little_room(server);
    let answer = client.request("GET", target, &UPGRADE, b"");
    assert_eq!(answer.status, 101, "{answer:?}");
    Ws(client)
}

#[test]
fn a_listener_that_reads_slowly_is_not_cut_for_a_long_backlog() {
    let server = Server::with(|config| config.limits.stall_timeout = Duration::from_secs(1));
    let text = "x".repeat(2_000);
    let mut publisher = server.client();
    for n in 0..3_000 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
    }
    // An ordinary socket, for which the system would take megabytes ahead, and say nothing while they last.
    let mut listener = Ws::open(&server, "/talkplace?after=0");
    for n in 0..3_000 {
        // Its pace: 6 MB in eight seconds, never nothing for long.
        if n % 10 == 0 {
            std::thread::sleep(Duration::from_millis(25));
        }
        assert!(listener.hear().starts_with(&format!("{n} ")));
    }
}

#[test]
fn a_listener_that_fell_behind_what_the_feed_keeps_is_cut_with_1013() {
    let server = Server::with(|config| {
        config.keep.messages = 10;
        config.publishing.rate_per_s = None;
    });
    let mut listener = with_little_room(&server, "/talkplace?after=0");
    let mut publisher = server.client();
    let text = "x".repeat(4_000);
    // More than the buffers in between hold, while it reads nothing.
    for n in 0..2_000 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
    }
    let mut heard = 0;
    let (code, _) = loop {
        match listener.frame() {
            (TEXT, payload) => {
                let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                assert!(
                    json["text"].as_str().unwrap().starts_with(&format!("{heard} ")),
                    "no gap before the end"
                );
                heard += 1;
            }
            (CLOSE, payload) => break (u16::from_be_bytes([payload[0], payload[1]]), payload),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1013);
    // None at all when the publisher was quicker than the first look.
    assert!(heard < 2_000, "{heard}");
}

#[test]
fn a_late_pong_is_waited_for_while_more_pings_go_out() {
    let server = Server::with(|config| {
        config.ping_interval = Duration::from_millis(20);
        config.ping_timeout = Some(Duration::from_secs(60));
    });
    let mut ws = Ws::open(&server, "/talkplace");
    for _ in 0..3 {
        assert_eq!(ws.frame().0, PING);
    }
    ws.send(PONG, b"");
    ws.say("still here");
    let heard = (0..1_000).map(|_| ws.frame()).find(|(opcode, _)| *opcode == TEXT);
    assert!(heard.is_some());
}

/// A listener that takes nothing until the server has given it up.
fn given_up(server: &Server) -> Ws {
    let deaf = with_little_room(server, "/talkplace");
    let text = "x".repeat(4_000);
    let mut publisher = server.client();
    for n in 0..1_500 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
    }
    server.wait_for("talkplace_cut_total{reason=\"stalled\"}", "1");
    deaf
}

#[test]
fn who_reads_again_in_time_is_told_1013() {
    let server = Server::with(|config| {
        config.limits.stall_timeout = Duration::from_millis(300);
        config.limits.close_timeout = Duration::from_secs(20);
        config.publishing.rate_per_s = None;
    });
    let mut deaf = given_up(&server);
    let mut heard = 0;
    loop {
        let (opcode, payload) = deaf.frame();
        if opcode == CLOSE {
            assert_eq!(payload[..2], 1013_u16.to_be_bytes());
            break;
        }
        let said = String::from_utf8(payload).unwrap();
        assert!(said.contains(&format!("\"text\":\"{heard} ")), "no gap before the end");
        heard += 1;
    }
    assert!(heard < 1_500, "it was cut");
    // It comes back with its cursor.
    let mut back = Ws::open(&server, &format!("/talkplace?after={heard}"));
    assert!(back.hear().starts_with(&format!("{heard} ")));
}

#[test]
fn who_does_not_read_the_close_either_is_dropped() {
    let server = Server::with(|config| {
        config.limits.stall_timeout = Duration::from_millis(200);
        config.limits.close_timeout = Duration::from_millis(200);
        config.publishing.rate_per_s = None;
    });
    let _deaf = given_up(&server);
    server.wait_for("talkplace_listeners{transport=\"websocket\"}", "0");
    // Whoever asks is the only connection left.
    server.wait_for("talkplace_connections", "1");
}

#[test]
fn a_page_of_an_origin_that_is_allowed_gets_its_socket() {
    let server = Server::with(|config| config.origins.push("https://friend.example".parse().unwrap()));
    let with = |origin| {
        let headers = [&UPGRADE[..], &[("Origin", origin)]].concat();
        upgrade_with(&server, "/talkplace", &headers).status
    };
    assert_eq!(with("https://friend.example"), 101);
    assert_eq!(with("HTTPS://FRIEND.example:443"), 101);
    assert_eq!(with("https://friend.example:444"), 403);
    assert_eq!(with("https://not-a-friend.example"), 403);
}

#[test]
fn an_upgrade_with_a_body_is_malformed_however_it_comes() {
    // Soon enough for one that waits for the rest of a body.
    let server = Server::with(|config| config.limits.idle_timeout = Duration::from_millis(300));
    let said = frame(0x80 | TEXT, b"hidden");
    let length = format!("Content-Length: {}\r\n\r\n", said.len());
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", said.len());
    for (fields, body) in [
        (&length, said.clone()),
        (&chunk, [&said[..], b"\r\n0\r\n\r\n"].concat()),
        (&"Content-Length: 1000\r\n\r\n".to_owned(), said.clone()),
    ] {
        for together in [true, false] {
            let mut client = server.client();
            let mut head = "GET /talkplace HTTP/1.1\r\nHost: a\r\n".to_owned();
            for (name, value) in UPGRADE {
                head += &format!("{name}: {value}\r\n");
            }
            head += fields;
            if together {
                client.send(&[head.as_bytes(), &body].concat());
                client.answer().assert_problem(400);
            } else {
                client.send(head.as_bytes());
                client.answer().assert_problem(400);
                client.send(&body);
            }
            let rest = client.rest();
            assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{rest:?}");
        }
    }
    assert!(server.cursor().ends_with("-0"), "nothing was said");
    let headers = [&UPGRADE[..], &[("Content-Length", "0")]].concat();
    assert_eq!(upgrade_with(&server, "/talkplace", &headers).status, 101);
}
