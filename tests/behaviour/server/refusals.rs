//! Requests that are meant to do harm: which refusal wins, who is taken for whom, and what is not waited for.

use std::sync::Barrier;
use std::time::Duration;

use super::Server;
use super::http::Client;
use super::websocket::{UPGRADE, client_with_little_room};

const MESSAGES: &str = "/talkplace/messages";
const EVIL: (&str, &str) = ("Origin", "http://evil.example");
const FORGED: (&str, &str) = ("Cookie", "name=x; name.sig=y");
const TWO_HOSTS: (&str, &str) = ("Host", "talk.place");

fn status(server: &Server, method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
    let body: &[u8] = if method == "POST" { b"x" } else { b"" };
    let answer = server.client().request(method, target, headers, body);
    answer.assert_problem(answer.status);
    answer.status
}

#[test]
fn of_two_refusals_the_one_that_the_contract_names_first_wins() {
    let server = Server::start();
    let gone = "after=zz-1";
    let upgrade = |more: &[(&'static str, &'static str)]| [&UPGRADE[..], more].concat();
    for (method, target, headers, expected) in [
        // Unknown or with a wrong method, whatever else is wrong.
        ("POST", "/nowhere?after=x", vec![EVIL, FORGED, TWO_HOSTS], 404),
        ("DELETE", "/talkplace/poll?after=x", vec![EVIL, FORGED, TWO_HOSTS], 405),
        ("PUT", "/me", vec![FORGED], 405),
        // Another origin, before who it is.
        ("POST", MESSAGES, vec![EVIL, FORGED, ("Content-Type", "image/png")], 403),
        ("GET", "/talkplace?after=x", upgrade(&[EVIL, FORGED]), 403),
        ("POST", "/signin", vec![EVIL, ("Content-Encoding", "gzip")], 403),
        // Who it is, before all about the rest of the request.
        ("GET", "/talkplace?after=x", vec![FORGED], 401),
        ("GET", "/talkplace?after=x", upgrade(&[FORGED]), 401),
        ("GET", "/talkplace/poll?limit=0", vec![FORGED], 401),
        ("GET", "/talkplace/long-poll?timeout=x", vec![FORGED, TWO_HOSTS], 401),
        (
            "GET",
            "/talkplace/events?after=zz-1",
            vec![FORGED, ("Last-Event-ID", "x")],
            401,
        ),
        ("GET", "/me", vec![FORGED, TWO_HOSTS], 401),
        ("POST", MESSAGES, vec![FORGED, ("Content-Type", "image/png")], 401),
        (
            "POST",
            MESSAGES,
            vec![FORGED, ("Content-Type", "text/plain"), ("Idempotency-Key", "")],
            401,
        ),
        // That it must be upgraded, before where from.
        ("GET", "/talkplace?after=x", vec![], 426),
        ("GET", "/talkplace?after=zz-1", vec![TWO_HOSTS], 426),
        // What is malformed, before what is gone.
        ("GET", "/talkplace/poll?after=zz-1&limit=0", vec![], 400),
        ("GET", "/talkplace/long-poll?after=zz-1&timeout=x", vec![], 400),
        ("GET", "/talkplace/poll?after=zz-1", vec![TWO_HOSTS], 400),
        (
            "GET",
            "/talkplace/events?after=1&after=2",
            vec![("Last-Event-ID", "zz-1")],
            400,
        ),
        ("GET", "/talkplace/poll?after=zz-1", vec![], 410),
    ] {
        let got = status(&server, method, target, &headers);
        assert_eq!(got, expected, "{method} {target} {headers:?}, and {gone}");
    }
}

#[test]
fn a_server_that_is_full_says_so_before_it_looks_closer() {
    let server = Server::with(|config| config.limits.connections = 0);
    for (method, target, headers, expected) in [
        ("GET", "/nowhere", vec![], 404),
        ("POST", "/me", vec![], 405),
        ("POST", MESSAGES, vec![EVIL, FORGED, ("Content-Type", "image/png")], 503),
        ("GET", "/talkplace", vec![EVIL, FORGED], 503),
        ("GET", "/talkplace/poll?after=x", vec![TWO_HOSTS], 503),
        ("GET", "/", vec![], 503),
    ] {
        assert_eq!(status(&server, method, target, &headers), expected, "{method} {target}");
    }
}

#[test]
fn repeats_at_once_say_it_once() {
    let server = Server::start();
    let barrier = Barrier::new(40);
    let headers = [("Content-Type", "text/plain"), ("Idempotency-Key", "at-once")];
    let ids: Vec<String> = std::thread::scope(|scope| {
        let repeats: Vec<_> = (0..40)
            .map(|n| {
                let (server, barrier) = (&server, &barrier);
                scope.spawn(move || {
                    let mut client = server.client();
                    barrier.wait();
                    let answer = client.request("POST", MESSAGES, &headers, format!("repeat {n}").as_bytes());
                    assert_eq!(answer.status, 201, "{answer:?}");
                    answer.json()["id"].as_str().unwrap().to_owned()
                })
            })
            .collect();
        repeats.into_iter().map(|repeat| repeat.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(server.get("/talkplace/poll?after=0").texts().len(), 1);
}

/// A request that hides in the body of another.
const HIDDEN: &str =
    "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nsmuggled";

/// All that the server says to these bytes, followed by nothing more.
fn answers(server: &Server, bytes: &str) -> String {
    let mut client = server.client();
    client.send(bytes.as_bytes());
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    String::from_utf8(client.rest()).unwrap()
}

#[test]
fn nobody_smuggles_a_request_past_a_proxy() {
    let server = Server::start();
    let length = HIDDEN.len();
    let chunks = format!("0\r\n\r\n{HIDDEN}");
    for (fields, body) in [
        // Both lengths, and lengths that two readers may read in two ways.
        (
            format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", chunks.len()),
            chunks.clone(),
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", chunks.len()),
            chunks.clone(),
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length : {}\r\n", chunks.len()),
            chunks.clone(),
        ),
        (
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
            HIDDEN.to_owned(),
        ),
        (format!("Content-Length: 0, {length}\r\n"), HIDDEN.to_owned()),
        (format!("Content-Length: +{length}\r\n"), HIDDEN.to_owned()),
        ("Content-Length: 0x0\r\n".to_owned(), HIDDEN.to_owned()),
        ("Content-Length: -1\r\n".to_owned(), HIDDEN.to_owned()),
        ("Content-Length: 18446744073709551616\r\n".to_owned(), HIDDEN.to_owned()),
        ("Content-Length:\r\n".to_owned(), HIDDEN.to_owned()),
        // Encodings that are not quite `chunked`.
        ("Transfer-Encoding: xchunked\r\n".to_owned(), chunks.clone()),
        ("Transfer-Encoding: chunked, identity\r\n".to_owned(), chunks.clone()),
        ("Transfer-Encoding: identity\r\n".to_owned(), chunks.clone()),
        ("Transfer-Encoding : chunked\r\n".to_owned(), chunks.clone()),
        ("Transfer-Encoding:\u{b}chunked\r\n".to_owned(), chunks.clone()),
        ("Transfer-Encoding: chun\r\n ked\r\n".to_owned(), chunks.clone()),
        ("X: y\rTransfer-Encoding: chunked\r\n".to_owned(), chunks.clone()),
        // Chunks whose size is no size.
        ("Transfer-Encoding: chunked\r\n".to_owned(), format!("-1\r\n{HIDDEN}")),
        (
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("0x0\r\n\r\n{HIDDEN}"),
        ),
        ("Transfer-Encoding: chunked\r\n".to_owned(), format!("\r\n\r\n{HIDDEN}")),
        (
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("10000000000000000\r\n{HIDDEN}"),
        ),
        (
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("1\r\naa\r\n0\r\n\r\n{HIDDEN}"),
        ),
    ] {
        let request = format!("POST {MESSAGES} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n{fields}\r\n{body}");
        let answers = answers(&server, &request);
        let said = answers.contains("smuggled") || answers.matches("HTTP/1.1 ").count() != 1;
        assert!(!said, "{request}\n{answers}");
        assert!(answers.starts_with("HTTP/1.1 4"), "{request}\n{answers}");
    }
    let cursor = server.cursor();
    assert!(cursor.ends_with("-0"), "nothing was said: {cursor}");
}

#[test]
fn the_body_of_a_request_that_has_none_to_read_is_no_request() {
    let server = Server::start();
    let length = HIDDEN.len();
    for first in [
        "GET /healthz",
        "GET /talkplace/poll",
        "POST /nowhere",
        "DELETE /me",
        "GET /talkplace",
    ] {
        let with_length = format!("{first} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{HIDDEN}");
        let chunked = format!(
            "{first} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n"
        );
        for request in [with_length, chunked] {
            let answers = answers(&server, &request);
            assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{request}\n{answers}");
        }
    }
    assert!(server.cursor().ends_with("-0"), "nothing was said");
}

#[test]
fn a_query_may_be_long_or_strange() {
    let server = Server::start();
    let long = "x".repeat(15_000);
    let many = "unknown=1&".repeat(1_400);
    for query in [
        &long,
        &many,
        "%",
        "%zz=%",
        "&&&===",
        "%00=%ff",
        "=",
        "after%00=1",
        "AFTER=x",
    ] {
        assert_eq!(server.get(&format!("/talkplace/poll?{query}")).status, 200, "{query}");
    }
    let digits = "9".repeat(15_000);
    for query in [
        &format!("after={long}"),
        &format!("after={digits}"),
        &format!("{many}after=x"),
        "after=%",
        "after=%ff-1",
        "after=%00",
        "after=1%00",
        "%61fter=x",
        "after=1&%61fter=1",
        "after=-1",
        "after=+1",
        "after=18446744073709551616",
        &format!("after=0&limit={digits}"),
    ] {
        server.get(&format!("/talkplace/poll?{query}")).assert_problem(400);
    }
    for timeout in ["x", "-1s", "1h", "1.5s", "s", "", "1 s", &format!("{digits}s")[..]] {
        let target = format!("/talkplace/long-poll?after=0&timeout={timeout}").replace(' ', "%20");
        // A number that is only too large is capped like any other.
        if timeout.len() < 10 {
            server.get(&target).assert_problem(400);
        }
    }
}

#[test]
fn bytes_that_drip_in_are_not_waited_for_any_longer() {
    let server = Server::with(|config| {
        config.limits.head_timeout = Duration::from_millis(300);
        config.limits.body_timeout = Duration::from_millis(300);
    });
    let body =
        format!("POST {MESSAGES} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n");
    let small = body.replace("1000000", "4000");
    let chunked = body.replace("Content-Length: 1000000", "Transfer-Encoding: chunked") + "1000\r\n";
    for head in ["GET /healthz HTTP/1.1\r\nX: ", &small, &chunked] {
        let mut client = server.client();
        client.send(head.as_bytes());
        let answer = answer_while_dripping(&mut client);
        assert_eq!(answer, 408, "{head}");
    }
}

/// The status of the answer that comes while byte after byte is sent.
fn answer_while_dripping(client: &mut Client) -> u16 {
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        while std::io::Write::write_all(&mut writer, b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let status = client.answer().status;
    client.stream.get_ref().shutdown(std::net::Shutdown::Both).unwrap();
    drip.join().unwrap();
    status
}

#[test]
fn http_1_0_publishes_polls_and_is_closed_behind_each_answer() {
    let server = Server::start();
    let post = format!("POST {MESSAGES} HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nold");
    let answer = answers(&server, &post);
    assert!(answer.contains(" 201 ") && !answer.contains("chunked"), "{answer}");
    let poll = answers(&server, "GET /talkplace/poll?after=0 HTTP/1.0\r\n\r\n");
    assert!(poll.contains(r#""text":"old""#) && poll.contains("no-store"), "{poll}");
    let refused = answers(&server, "GET /talkplace/poll?after=x HTTP/1.0\r\n\r\n");
    assert!(
        refused.contains(" 400 ") && refused.contains("application/problem+json"),
        "{refused}"
    );
    // Who asks for it is kept.
    let mut client = server.client();
    for _ in 0..2 {
        client.send(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(client.answer().text(), "ok");
    }
}

#[test]
fn upgrades_to_other_protocols_are_not_taken_up() {
    let server = Server::start();
    for protocol in ["h2c", "TLS/1.0", "websocket2", "IRC/6.9"] {
        let headers = [
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", protocol),
            ("HTTP2-Settings", "AAMAAABk"),
        ];
        let get = |target| server.client().request("GET", target, &headers, b"").status;
        assert_eq!((get("/healthz"), get("/talkplace")), (200, 426), "{protocol}");
    }
    assert_eq!(status(&server, "OPTIONS", "*", &[]), 404);
    let connect = answers(&server, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
    assert!(connect.starts_with("HTTP/1.1 4"), "{connect}");
}

#[test]
fn a_bad_request_behind_answers_that_were_not_read_is_refused_in_its_turn() {
    let server = Server::start();
    let mut client = client_with_little_room(&server);
    // Few enough that the server reads all of it at once, and answers that fill every buffer on their way.
    let requests = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(400);
    client.send((requests + "no request\r\n\r\n").as_bytes());
    server.wait_for("talkplace_messages_total", "0");
    for _ in 0..400 {
        assert_eq!(client.answer().status, 200);
    }
    let answer = client.answer();
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    assert!(client.is_closed());
}
