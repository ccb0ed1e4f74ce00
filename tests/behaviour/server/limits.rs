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
