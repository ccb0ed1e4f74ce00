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
