use std::time::Duration;

use super::Server;

const MESSAGES: &str = "/talkplace/messages";

#[test]
fn text_and_json_are_both_said() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.post(MESSAGES, "text/plain; charset=utf-8", "你好 👋".as_bytes());
    assert_eq!(id.status, 201);
    assert!(id.json()["id"].as_str().unwrap().ends_with("-1"));
    assert_eq!(
        client
            .post(MESSAGES, "application/json", br#"{"text":"\u4f60","mood":1}"#)
            .status,
        201
    );
    assert_eq!(server.get("/talkplace/poll?after=0").texts(), ["你好 👋", "你"]);
}

#[test]
fn a_text_has_its_bounds_however_it_is_escaped() {
    let server = Server::start();
    let mut client = server.client();
    let longest = "x".repeat(4_096);
    assert_eq!(client.post(MESSAGES, "text/plain", longest.as_bytes()).status, 201);
    let escaped = format!(r#"{{"text":"{}"}}"#, r"\u0078".repeat(4_096));
    assert_eq!(
        client.post(MESSAGES, "application/json", escaped.as_bytes()).status,
        201
    );
    client
        .post(MESSAGES, "text/plain", format!("{longest}x").as_bytes())
        .assert_problem(413);
    let json = format!(r#"{{"text":"{longest}x"}}"#);
    server
        .client()
        .post(MESSAGES, "application/json", json.as_bytes())
        .assert_problem(413);
    server
        .client()
        .post(MESSAGES, "text/plain", &vec![b'x'; 1 << 20])
        .assert_problem(413);
    assert_eq!(server.cursor().split('-').nth(1), Some("2"));
}

#[test]
fn what_is_no_message_is_refused() {
    let server = Server::start();
    let post = |kind: &str, body: &[u8]| server.client().post(MESSAGES, kind, body);
    post("text/plain", b"\xff\xfe").assert_problem(400);
    post("application/json", b"{").assert_problem(400);
    post("application/json", br#"{"text":""}"#).assert_problem(400);
    post("application/json", br#"{"text":5}"#).assert_problem(400);
    post("application/json", br#"["a list"]"#).assert_problem(400);
    post("application/json", b"\xff").assert_problem(400);
    post("application/x-www-form-urlencoded", b"text=a").assert_problem(415);
    post("image/png", b"a").assert_problem(415);
    server.client().request("POST", MESSAGES, &[], b"a").assert_problem(415);
    let gzip = [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")];
    server
        .client()
        .request("POST", MESSAGES, &gzip, b"a")
        .assert_problem(415);
    let empty = [("Content-Type", "text/plain"), ("Content-Length", "0")];
    server
        .client()
        .request("POST", MESSAGES, &empty, b"")
        .assert_problem(400);
    let mut client = server.client();
    client.send(b"POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n");
    client.send(b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
    client.answer().assert_problem(415);
    assert_eq!(server.cursor().split('-').nth(1), Some("0"), "nothing was said");
}

#[test]
fn a_body_that_says_it_is_too_long_is_not_waited_for() {
    let server = Server::start();
    for path in [MESSAGES, "/signin"] {
        let mut client = server.client();
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");
        client.send(format!("{head}Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n").as_bytes());
        client.answer().assert_problem(413);
        assert!(client.is_closed());
    }
}

#[test]
fn a_body_that_waits_for_leave_is_given_it() {
    let server = Server::start();
    let mut client = server.client();
    client.send(b"POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n");
    client.send(b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send(b"hi");
    assert_eq!(client.answer().status, 201);
}

#[test]
fn a_chunked_body_is_a_body() {
    let server = Server::start();
    let mut client = server.client();
    client.send(b"POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_eq!(client.answer().status, 201);
    assert_eq!(server.get("/talkplace/poll?after=0").texts(), ["hello"]);
}

#[test]
fn a_repeat_with_the_same_key_says_nothing_twice() {
    let server = Server::start();
    let post = |key: &str, text: &str| {
        let headers = [("Content-Type", "text/plain"), ("Idempotency-Key", key)];
        server.client().request("POST", MESSAGES, &headers, text.as_bytes())
    };
    let first = post("k1", "once");
    assert_eq!(first.status, 201);
    let repeat = post("k1", "whatever its text");
    assert_eq!((repeat.status, &repeat.body), (201, &first.body));
    assert_ne!(post("k2", "another").body, first.body);
    assert_eq!(server.get("/talkplace/poll?after=0").texts(), ["once", "another"]);
}

#[test]
fn another_speaker_with_the_same_key_is_another_speaker() {
    let server = Server::start();
    let cookies = super::identity::sign_in(&server, "name=Li");
    let headers = [
        ("Content-Type", "text/plain"),
        ("Idempotency-Key", "k"),
        ("Cookie", cookies.as_str()),
    ];
    let signed_in = server.client().request("POST", MESSAGES, &headers, b"a");
    let guest = server.client().request("POST", MESSAGES, &headers[..2], b"b");
    assert_ne!(signed_in.body, guest.body);
}

#[test]
fn a_refused_publish_is_not_remembered() {
    let server = Server::start();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
    server
        .client()
        .request("POST", MESSAGES, &headers, b"{")
        .assert_problem(400);
    assert_eq!(
        server
            .client()
            .request("POST", MESSAGES, &headers, br#"{"text":"a"}"#)
            .status,
        201
    );
}

#[test]
fn a_key_has_its_bounds() {
    let server = Server::start();
    let post = |headers: &[(&str, &str)]| {
        let headers = [&[("Content-Type", "text/plain")], headers].concat();
        server.client().request("POST", MESSAGES, &headers, b"a")
    };
    assert_eq!(post(&[("Idempotency-Key", &"k".repeat(64))]).status, 201);
    post(&[("Idempotency-Key", &"k".repeat(65))]).assert_problem(400);
    post(&[("Idempotency-Key", "")]).assert_problem(400);
    post(&[("Idempotency-Key", "a b")]).assert_problem(400);
    post(&[("Idempotency-Key", "路")]).assert_problem(400);
    post(&[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]).assert_problem(400);
}

#[test]
fn a_publisher_over_its_rate_is_told_when_to_try_again() {
    let server = Server::with(|config| config.publishing.rate_per_s = Some(0.2));
    let mut client = server.client();
    assert_eq!(client.post(MESSAGES, "text/plain", b"one").status, 201);
    let refused = client.post(MESSAGES, "text/plain", b"two");
    refused.assert_problem(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait));
    assert_eq!(server.get("/talkplace/poll?after=0").texts(), ["one"]);
}

#[test]
fn behind_a_proxy_the_rate_is_per_forwarded_address() {
    let server = Server::with(|config| {
        config.publishing.rate_per_s = Some(0.2);
        config.trust_proxy = true;
    });
    let post = |forwarded: &str| {
        let headers = [("Content-Type", "text/plain"), ("X-Forwarded-For", forwarded)];
        server.client().request("POST", MESSAGES, &headers, b"a").status
    };
    assert_eq!(post("192.0.2.1"), 201);
    assert_eq!(post("192.0.2.1"), 429);
    assert_eq!(
        post("192.0.2.1, 192.0.2.2"),
        201,
        "the last entry is the one that the proxy saw"
    );
    assert_eq!(post("192.0.2.9, 192.0.2.2"), 429);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::with(|config| config.limits.body_timeout = Duration::from_millis(200));
    let mut client = server.client();
    client.send(
        b"POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhel",
    );
    client.answer().assert_problem(408);
    assert!(client.is_closed());
}

#[test]
fn behind_a_proxy_a_guest_is_known_by_the_forwarded_address() {
    let server = Server::with(|config| config.trust_proxy = true);
    let post = |forwarded: &str| {
        let headers = [
            ("Content-Type", "text/plain"),
            ("Idempotency-Key", "k"),
            ("X-Forwarded-For", forwarded),
        ];
        server.client().request("POST", MESSAGES, &headers, b"a").body
    };
    let first = post("192.0.2.1");
    assert_eq!(post("192.0.2.1"), first);
    assert_ne!(post("192.0.2.2"), first);
    assert_ne!(post("192.0.2.1, 192.0.2.3"), first);
}

#[test]
fn only_what_was_answered_with_201_is_remembered() {
    let server = Server::with(|config| config.publishing.rate_per_s = Some(2.0));
    let post = |kind: &str, body: &str| {
        let headers = [("Content-Type", kind), ("Idempotency-Key", "k")];
        server.client().request("POST", MESSAGES, &headers, body.as_bytes())
    };
    post("text/plain", &"x".repeat(5_000)).assert_problem(413);
    post("image/png", "a").assert_problem(415);
    let said = post("text/plain", "a");
    assert_eq!(said.status, 201);
    // One over its rate is told so, and its key is remembered all the same.
    let refused = (0..100)
        .map(|_| post("text/plain", "b"))
        .find(|answer| answer.status == 429);
    let refused = refused.expect("a rate has an end");
    refused.assert_problem(429);
    let again = (0..100).map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        post("text/plain", "c")
    });
    let again = again.into_iter().find(|answer| answer.status != 429).unwrap();
    assert_eq!((again.status, again.body), (201, said.body));
    assert_eq!(server.get("/talkplace/poll?after=0").texts(), ["a"]);
}
