use std::time::Duration;

use super::Server;

#[test]
fn one_connection_too_many_is_told_so() {
    let server = Server::with(|config| config.limits.connections = 2);
    let (mut a, mut b) = (server.client(), server.client());
    assert_eq!((a.get("/healthz").status, b.get("/healthz").status), (200, 200));
    let mut c = server.client();
    let answer = c.get("/talkplace/poll");
    answer.assert_problem(503);
    assert!(answer.header("retry-after").is_some());
    server.client().get("/nowhere").assert_problem(404);
    assert_eq!(a.get("/healthz").status, 200, "those who are in do not notice");
    drop((b, c));
    let back = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        server.get("/healthz").status == 200
    });
    assert!(back, "a place that was given back can be taken");
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let server = Server::with(|config| config.limits.head_timeout = Duration::from_millis(200));
    let mut client = server.client();
    assert_eq!(client.get("/healthz").status, 200);
    client.send(b"GET /healthz HT");
    assert_eq!(client.answer().status, 408);
    assert!(client.is_closed());
}

#[test]
fn waiting_between_requests_is_not_a_slow_head() {
    let server = Server::with(|config| config.limits.head_timeout = Duration::from_millis(50));
    let mut client = server.client();
    for _ in 0..2 {
        assert_eq!(client.get("/healthz").status, 200);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(client.get("/healthz").status, 200);
}

#[test]
fn a_connection_without_a_request_is_closed_in_the_end() {
    let server = Server::with(|config| config.limits.idle_timeout = Duration::from_millis(100));
    let mut client = server.client();
    assert_eq!(client.get("/healthz").status, 200);
    assert!(client.is_closed());
    assert!(server.client().is_closed());
}

#[test]
fn a_head_that_is_too_large_or_not_http_is_refused_and_closed() {
    let server = Server::start();
    let answers = |bytes: &[u8]| {
        let mut client = server.client();
        client.send(bytes);
        let status = client.answer().status;
        assert!(client.is_closed());
        status
    };
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(17 << 10));
    assert_eq!(answers(long.as_bytes()), 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_eq!(answers(many.as_bytes()), 431);
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(17 << 10));
    assert!([414, 431].contains(&answers(target.as_bytes())));
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"\x16\x03\x01\x00\r\n\r\n",
    ] {
        assert_eq!(answers(bytes), 400, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_head_within_the_bounds_is_served() {
    let server = Server::start();
    let mut client = server.client();
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(15 << 10)
    );
    client.send(long.as_bytes());
    assert_eq!(client.answer().status, 200);
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(99));
    client.send(many.as_bytes());
    assert_eq!(client.answer().status, 200);
}

#[test]
fn one_address_has_so_many_connections() {
    let server = Server::with(|config| config.limits.connections_per_address = Some(2));
    let (mut a, mut b) = (server.client(), server.client());
    assert_eq!((a.get("/healthz").status, b.get("/healthz").status), (200, 200));
    let answer = server.client().get("/talkplace/poll");
    answer.assert_problem(503);
    assert_eq!(answer.json()["type"], "urn:talkplace:refusal:too-many-from-address");
    assert!(answer.header("retry-after").is_some());
    drop(b);
    let back = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        server.get("/healthz").status == 200
    });
    assert!(back, "a place that was given back can be taken");
    assert_eq!(a.get("/healthz").status, 200);
}

#[test]
fn behind_a_proxy_connections_are_not_counted_by_address() {
    let server = Server::with(|config| {
        config.limits.connections_per_address = Some(1);
        config.trust_proxy = true;
    });
    let (mut a, mut b) = (server.client(), server.client());
    assert_eq!((a.get("/healthz").status, b.get("/healthz").status), (200, 200));
}

#[test]
fn so_many_polls_are_held() {
    let server = Server::with(|config| config.limits.held_polls = Some(1));
    let start = server.cursor();
    let target = format!("/talkplace/long-poll?after={start}");
    let mut held = server.client();
    held.send_request("GET", &target, &[], b"");
    server.wait_for("talkplace_held_polls", "1");
    let refused = server.get(&target);
    refused.assert_problem(503);
    assert_eq!(refused.json()["type"], "urn:talkplace:refusal:too-many-held");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        server.get(&format!("{target}&timeout=0")).status,
        204,
        "nothing is held for that"
    );
    server.say("a");
    assert_eq!(held.answer().texts(), ["a"]);
    assert_eq!(server.get("/talkplace/long-poll?after=1&timeout=1ms").status, 204);
}

#[test]
fn a_visitor_publishes_so_fast_from_wherever() {
    let server = Server::with(|config| config.publishing.visitor_rate_per_s = Some(0.001));
    let cookie = super::identity::sign_in(&server, "name=Li");
    let headers = [("Content-Type", "text/plain"), ("Cookie", cookie.as_str())];
    let say = || server.client().request("POST", "/talkplace/messages", &headers, b"x");
    assert_eq!(say().status, 201);
    say().assert_problem(429);
    let forged = [("Content-Type", "text/plain"), ("Cookie", "name=x")];
    let answer = server.client().request("POST", "/talkplace/messages", &forged, b"x");
    answer.assert_problem(401);
    server.say("a guest has only an address");
    let other = super::identity::sign_in(&server, "name=Han");
    let headers = [("Content-Type", "text/plain"), ("Cookie", other.as_str())];
    let said = server.client().request("POST", "/talkplace/messages", &headers, b"x");
    assert_eq!(said.status, 201, "another visitor has a rate of their own");
    let mut ws = super::websocket::Ws::open_with(&server, "/talkplace", &[("Cookie", &cookie)]);
    ws.say("y");
    assert_eq!(ws.closed().0, 1008);
}

#[test]
fn the_bounds_of_a_head_are_settings() {
    let server = Server::with(|config| {
        config.limits.head_bytes = 1_000;
        config.limits.head_fields = 5;
    });
    let status = |head: String| {
        let mut client = server.client();
        client.send(head.as_bytes());
        client.answer().status
    };
    let long = |n: usize| format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(n));
    assert_eq!((status(long(900)), status(long(1_000))), (200, 431));
    let many = |n: usize| format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(n));
    assert_eq!((status(many(4)), status(many(5))), (200, 431));
}

#[test]
fn a_body_may_be_as_long_as_its_limit_and_no_longer() {
    let server = Server::with(|config| config.publishing.max_text = 10);
    // Six times the text, as every character may be escaped, and 1 KiB for what goes around it.
    let longest = 6 * 10 + 1024;
    let body = |length: usize| {
        let json = r#"{"text":"0123456789"}"#;
        " ".repeat(length - json.len()) + json
    };
    let chunked = |length: usize| {
        let mut client = server.client();
        client.send(b"POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");
        client.send(
            format!(
                "Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{}\r\n0\r\n\r\n",
                body(length)
            )
            .as_bytes(),
        );
        client.answer()
    };
    let whole = |length: usize| {
        let body = body(length);
        server
            .client()
            .post("/talkplace/messages", "application/json", body.as_bytes())
    };
    assert_eq!((whole(longest).status, chunked(longest).status), (201, 201));
    whole(longest + 1).assert_problem(413);
    chunked(longest + 1).assert_problem(413);
    let text = |length: usize| {
        server
            .client()
            .post("/talkplace/messages", "text/plain", &vec![b'x'; length])
    };
    assert_eq!(text(10).status, 201);
    text(11).assert_problem(413);
}

#[test]
fn what_a_websocket_says_may_be_as_long_as_a_text_and_no_longer() {
    use super::websocket::{TEXT, Ws, frame};
    let server = Server::with(|config| config.publishing.max_text = 10);
    let mut ws = Ws::open(&server, "/talkplace");
    ws.say("0123456789");
    assert_eq!(ws.hear(), "0123456789");
    ws.0.send(&[frame(TEXT, b"01234"), frame(0, b"5"), frame(0x80, b"6789")].concat());
    assert_eq!(ws.hear(), "0123456789");
    for too_long in [
        frame(0x80 | TEXT, b"0123456789a"),
        [frame(TEXT, b"012345"), frame(0x80, b"6789a")].concat(),
    ] {
        let mut ws = Ws::open(&server, "/talkplace");
        ws.0.send(&too_long);
        assert_eq!(ws.closed().0, 1009);
    }
}
