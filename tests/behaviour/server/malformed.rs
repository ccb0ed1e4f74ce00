//! Requests that are not HTTP as it must be.

use super::Server;
use super::http::Client;

const PLAIN: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// A message with these fields.
fn post(fields: &str, body: &str) -> String {
    format!("POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n{fields}\r\n{body}")
}

fn sent(server: &Server, bytes: &str) -> Client {
    let mut client = server.client();
    client.send(bytes.as_bytes());
    client
}

#[test]
fn a_request_that_says_its_length_twice_is_refused_and_closed() {
    let server = Server::start();
    let chunks = "2\r\nhi\r\n0\r\n\r\n";
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "transfer-encoding: CHUNKED\r\nX: y\r\ncONTENT-lENGTH: 2\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: no\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let request = post(fields, chunks);
        let mut client = sent(&server, &request);
        let answer = client.answer();
        answer.assert_problem(400);
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed());
        let unknown = request.replace("/talkplace/messages", "/nowhere");
        sent(&server, &unknown).answer().assert_problem(400);
        // Behind others, and in two pieces.
        let mut client = sent(&server, PLAIN);
        client.send(post("Content-Length: 2\r\n", "ok").as_bytes());
        client.send(post("Transfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n").as_bytes());
        assert_eq!(
            [client.answer().status, client.answer().status, client.answer().status],
            [200, 201, 201]
        );
        let (a, b) = request.split_at(request.len() / 2);
        client.send([PLAIN, a].concat().as_bytes());
        assert_eq!(client.answer().status, 200);
        client.send(b.as_bytes());
        client.answer().assert_problem(400);
        assert!(client.is_closed());
    }
    assert_eq!(server.cursor().split('-').nth(1), Some("8"), "nothing else was said");
}

#[test]
fn a_body_that_speaks_of_lengths_is_a_body() {
    let server = Server::start();
    let body = post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "");
    let with_length = post(&format!("Content-Length: {}\r\n", body.len()), &body);
    let chunked = post(
        "Transfer-Encoding: chunked\r\n",
        &format!("{:x}\r\n{body}\r\n0\r\nContent-Length: 5\r\n\r\n", body.len()),
    );
    let mut client = sent(&server, &[&with_length, &chunked, &with_length, PLAIN].concat());
    for status in [201, 201, 201, 200] {
        assert_eq!(client.answer().status, status);
    }
}

#[test]
fn what_does_not_parse_is_refused_without_being_stored_and_closed() {
    let server = Server::start();
    for (bytes, status) in [
        ("hello\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\0\r\n\r\n", 400),
        (
            "POST /signin HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
            400,
        ),
        (
            "POST /signin HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
        ),
        (
            "POST /signin HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (&format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(101)), 431),
    ] {
        for served_before in [false, true] {
            let mut client = server.client();
            if served_before {
                assert_eq!(client.get("/healthz").status, 200);
            }
            client.send(bytes.as_bytes());
            let answer = client.answer();
            assert_eq!(answer.status, status, "{bytes:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{bytes:?}");
            assert_eq!(answer.header("connection"), Some("close"), "{bytes:?}");
            assert!(client.is_closed());
        }
        let mut client = sent(&server, &[PLAIN, bytes].concat());
        assert_eq!(client.answer().status, 200);
        let answer = client.answer();
        assert_eq!(answer.status, status, "{bytes:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{bytes:?}");
        assert!(client.is_closed());
    }
}

#[test]
fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
    let server = Server::start();
    let start = "GET /healthz HTTP/1.1\r\nHost: a\r\nX: ";
    let head = |length: usize| format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4));
    for split in [1, 9_000, 16_000] {
        for (length, status) in [(16 << 10, 200), ((16 << 10) + 1, 431)] {
            let head = head(length);
            let (a, b) = head.split_at(split);
            let mut client = sent(&server, a);
            client.send(b.as_bytes());
            assert_eq!(client.answer().status, status, "{length} bytes, split at {split}");
        }
    }
}
