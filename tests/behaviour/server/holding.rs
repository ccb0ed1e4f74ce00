//! What else comes on a connection whose poll is held.

use std::time::Duration;

use super::Server;
use super::http::Client;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

fn held(server: &Server) -> String {
    format!(
        "GET /talkplace/long-poll?after={}&timeout=1m HTTP/1.1\r\nHost: a\r\n\r\n",
        server.cursor()
    )
}

/// A client that has sent this, and whose poll is held.
fn holds(server: &Server, bytes: &str) -> Client {
    let mut client = server.client();
    client.send(bytes.as_bytes());
    server.wait_for("talkplace_held_polls", "1");
    client
}

#[test]
fn what_comes_behind_it_is_answered_in_its_turn() {
    let server = Server::start();
    let poll = held(&server);
    // Together with it, and in pieces while it is held.
    let mut client = holds(&server, &format!("{poll}{HEALTH}GET /me HTTP/1.1\r\nHo"));
    client.send(format!("st: a\r\n\r\n{HEALTH}").as_bytes());
    server.say("a");
    assert_eq!(client.answer().texts(), ["a"]);
    assert_eq!(client.answer().text(), "ok");
    assert_eq!(client.answer().json()["id"], 0);
    assert_eq!(client.answer().text(), "ok");
    // And the connection is as good as before.
    client.send(held(&server).as_bytes());
    server.wait_for("talkplace_held_polls", "1");
    server.say("b");
    assert_eq!(client.answer().texts(), ["b"]);
}

#[test]
fn many_in_a_row_are_held_one_after_the_other() {
    let server = Server::start();
    let polls: String = (0..20)
        .map(|n| format!("GET /talkplace/long-poll?after={n}&timeout=1m HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect();
    // Only what is there can be a cursor; the rest comes true on the way.
    server.say("0");
    let mut client = server.client();
    for (n, poll) in polls.split_inclusive("\r\n\r\n").enumerate() {
        client.send(poll.as_bytes());
        if n > 0 {
            server.wait_for("talkplace_held_polls", "1");
            server.say(&n.to_string());
        }
        assert_eq!(client.answer().texts(), [n.to_string()]);
    }
}

#[test]
fn what_does_not_parse_behind_it_is_refused_behind_its_answer() {
    let server = Server::start();
    let poll = held(&server);
    let twice = "POST /signin HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for (bytes, text) in [("no request\r\n\r\n", "a"), (twice, "b")] {
        let mut client = holds(&server, &format!("{}{bytes}", held(&server)));
        server.say(text);
        assert_eq!(client.answer().texts(), [text]);
        let refused = client.answer();
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        assert!(client.is_closed());
    }
    let mut client = server.client();
    client.send(format!("{poll}\0").as_bytes());
    assert_eq!(client.answer().texts(), ["a", "b"]);
    assert_eq!(client.answer().status, 400);
}

#[test]
fn http_1_0_is_held_too_and_closed_behind_its_answer() {
    let server = Server::start();
    let old = held(&server).replace("HTTP/1.1\r\nHost: a\r\n", "HTTP/1.0\r\n");
    let mut client = holds(&server, &old);
    server.say("a");
    let bytes = String::from_utf8(client.rest()).unwrap();
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("cache-control: no-store") && !head.contains("chunked"),
        "{head}"
    );
    assert!(body.contains(r#""text":"a""#), "{body}");
    let empty = old.replace("timeout=1m", "timeout=1ms").replace("-0&", "-1&");
    let mut client = server.client();
    client.send(empty.as_bytes());
    let bytes = String::from_utf8(client.rest()).unwrap();
    assert!(bytes.starts_with("HTTP/1.0 204 No Content\r\n"), "{bytes}");
    // Whoever asks for it is kept.
    let kept = old
        .replace("HTTP/1.0\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n")
        .replace("-0&", "-1&");
    let mut client = holds(&server, &kept);
    server.say("b");
    assert_eq!(client.answer().texts(), ["b"]);
}

#[test]
fn a_connection_that_is_to_close_closes_behind_its_answer() {
    let server = Server::start();
    let poll = held(&server).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let mut client = holds(&server, &poll);
    server.say("a");
    let answer = client.answer();
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    assert_eq!(answer.texts(), ["a"]);
    assert!(client.is_closed());
    let empty = poll.replace("timeout=1m", "timeout=1ms").replace("-0&", "-1&");
    let mut client = server.client();
    client.send(empty.as_bytes());
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    assert!(client.is_closed());
}

#[test]
fn a_body_that_nobody_reads_is_no_request() {
    let server = Server::start();
    let length = HEALTH.len();
    let poll = held(&server).replace("\r\n\r\n", &format!("\r\nContent-Length: {length}\r\n\r\n{HEALTH}"));
    let mut client = holds(&server, &poll);
    server.say("a");
    assert_eq!(client.answer().texts(), ["a"]);
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    let rest = String::from_utf8(client.rest()).unwrap();
    assert_eq!(rest.matches("HTTP/1.1 ").count(), 0, "{rest}");
}

#[test]
fn a_held_answer_has_what_an_answer_at_once_has() {
    let server = Server::start();
    let start = server.cursor();
    let fields = |answer: &super::http::Answer| -> Vec<(String, String)> {
        let fields = answer.headers.iter().filter(|(name, _)| name != "date");
        let mut fields: Vec<_> = fields.cloned().collect();
        fields.sort();
        fields
    };
    let prefer =
        |after: &str| format!("GET /talkplace/long-poll?after={after} HTTP/1.1\r\nHost: a\r\nPrefer: wait=60\r\n\r\n");
    let mut waits = holds(&server, &prefer(&start));
    server.say("a");
    let late = waits.answer();
    assert_eq!(late.header("preference-applied"), Some("wait=60"));
    waits.send(prefer(&start).as_bytes());
    let at_once = waits.answer();
    assert_eq!(fields(&late), fields(&at_once));
    assert_eq!(late.body, at_once.body);
    // An empty one, at its end and at once.
    let empty = |timeout: &str| {
        let mut client = server.client();
        let target = format!(
            "/talkplace/long-poll?after={}1&timeout={timeout}",
            start.trim_end_matches('0')
        );
        client.get(&target)
    };
    let (late, at_once) = (empty("1ms"), empty("0"));
    assert_eq!((late.status, at_once.status), (204, 204));
    assert_eq!(fields(&late), fields(&at_once));
    assert!(late.header("content-length").is_none(), "{late:?}");
}

#[test]
fn who_says_that_nothing_more_will_come_is_not_held() {
    let server = Server::start();
    let client = holds(&server, &held(&server));
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    server.wait_for("talkplace_held_polls", "0");
    server.wait_for("talkplace_connections", "1");
}

#[test]
fn who_leaves_something_behind_goes_at_the_end_of_the_hold() {
    let server = Server::with(|config| config.long_poll_cap = Duration::from_millis(300));
    let client = holds(&server, &format!("{}{HEALTH}", held(&server)));
    drop(client);
    server.wait_for("talkplace_held_polls", "0");
    server.wait_for("talkplace_connections", "1");
}
