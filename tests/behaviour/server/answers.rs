//! What holds for every answer, whatever it answers.

use std::time::Duration;

use super::Server;
use super::http::Answer;
use super::websocket::UPGRADE;

const FORGED: (&str, &str) = ("Cookie", "name=x; name.sig=y");
const TEXT: (&str, &str) = ("Content-Type", "text/plain");

fn ask(server: &Server, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    server.client().request(method, target, headers, body.as_bytes())
}

#[test]
fn no_answer_is_stored() {
    let server = Server::with(|config| {
        config.keep.messages = 2;
        config.publishing.visitor_rate_per_s = Some(0.001);
        config.limits.body_timeout = Duration::from_millis(100);
    });
    for text in ["1", "2", "3"] {
        server.say(text);
    }
    let cookie = super::identity::sign_in(&server, "name=Li");
    let signed = [TEXT, ("Cookie", cookie.as_str())];
    for (method, target, headers, body, expected) in [
        ("GET", "/", &[][..], "", 200),
        ("GET", "/me", &[], "", 200),
        ("GET", "/metrics", &[], "", 200),
        ("GET", "/healthz", &[], "", 200),
        ("POST", "/signin", &[], "", 302),
        ("POST", "/talkplace/messages", &signed, "a", 201),
        ("POST", "/talkplace/messages", &signed, "a", 429),
        ("GET", "/talkplace/poll", &[], "", 200),
        ("GET", "/talkplace/poll?after=4", &[], "", 204),
        ("GET", "/talkplace/poll?after=3", &[], "", 200),
        ("GET", "/talkplace/long-poll?after=4&timeout=0", &[], "", 204),
        ("GET", "/talkplace/poll?after=1", &[], "", 410),
        ("GET", "/talkplace/poll?after=x", &[], "", 400),
        ("GET", "/talkplace/events", &[], "", 200),
        (
            "GET",
            "/talkplace/events?after=1",
            &[("Accept", "text/event-stream")],
            "",
            200,
        ),
        ("GET", "/talkplace", &UPGRADE, "", 101),
        ("GET", "/talkplace", &[], "", 426),
        ("GET", "/me", &[FORGED], "", 401),
        ("POST", "/signin", &[("Origin", "null")], "", 403),
        ("GET", "/nowhere", &[], "", 404),
        ("PUT", "/me", &[], "x", 405),
        (
            "POST",
            "/talkplace/messages",
            &[("Content-Type", "image/png")],
            "x",
            415,
        ),
        ("POST", "/talkplace/messages", &[TEXT], &"x".repeat(5_000), 413),
        (
            "POST",
            "/talkplace/messages",
            &[TEXT, ("Transfer-Encoding", "chunked")],
            "",
            408,
        ),
        ("GET", "/x", &[("Y", &"x".repeat(17_000))], "", 431),
        ("GET", "/ x", &[], "", 400),
    ] {
        let answer = ask(&server, method, target, headers, body);
        assert_eq!(answer.status, expected, "{method} {target}");
        assert_eq!(
            answer.headers_named("cache-control"),
            ["no-store"],
            "{method} {target}: {answer:?}"
        );
        let is_stream = target.starts_with("/talkplace/events");
        assert_eq!(answer.header("x-accel-buffering").is_some(), is_stream, "{answer:?}");
    }
}

#[test]
fn a_head_is_that_of_the_get() {
    let server = Server::start();
    for path in ["/", "/me", "/healthz", "/metrics"] {
        let head = |method: &str| {
            let mut client = server.client();
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
            let bytes = String::from_utf8(client.rest()).unwrap();
            let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
            let fields = head.lines().filter(|line| {
                // The one says when it was; the other of the metrics, which change while they are asked for.
                !(line.starts_with("date:") || path == "/metrics" && line.starts_with("content-length:"))
            });
            (fields.map(str::to_owned).collect::<Vec<_>>(), body.len())
        };
        let ((get, length), (asked, nothing)) = (head("GET"), head("HEAD"));
        assert_eq!(get, asked, "{path}");
        assert!(length > 0 && nothing == 0, "{path}");
    }
}

#[test]
fn a_path_that_reads_no_cookie_locks_nobody_out() {
    let server = Server::start();
    let two = ("Cookie", "name=x; name=y");
    for (method, target, expected) in [
        ("GET", "/", 200),
        ("GET", "/page/main.js", 200),
        ("GET", "/metrics", 200),
        ("GET", "/healthz", 200),
        ("POST", "/signin", 302),
    ] {
        for cookie in [FORGED, two] {
            assert_eq!(ask(&server, method, target, &[cookie], "").status, expected, "{target}");
        }
    }
}

#[test]
fn what_nobody_can_decide_gives_way_to_what_is_certain() {
    let server = Server::start();
    let post = |headers: &[(&str, &str)]| ask(&server, "POST", "/talkplace/messages", headers, "x").status;
    let hosts = ("Host", "elsewhere");
    let own = ("Origin", "http://talk.place");
    assert_eq!(post(&[own, own, FORGED, TEXT]), 401);
    assert_eq!(post(&[hosts, FORGED, TEXT]), 401);
    assert_eq!(post(&[own, hosts, FORGED, TEXT]), 401);
    assert_eq!(post(&[own, own, TEXT]), 400);
    assert_eq!(post(&[own, hosts, TEXT]), 400);
    assert_eq!(post(&[hosts, TEXT]), 400);
    let upgrade = |headers: &[(&str, &str)]| {
        let headers = [&UPGRADE[..], headers].concat();
        ask(&server, "GET", "/talkplace", &headers, "").status
    };
    assert_eq!(upgrade(&[own, own, FORGED]), 401);
    assert_eq!(upgrade(&[own, own]), 400);
    assert_eq!(upgrade(&[own, hosts]), 400);
    assert_eq!(ask(&server, "GET", "/talkplace", &[own, own], "").status, 426);
    assert_eq!(ask(&server, "GET", "/me", &[own, own, FORGED], "").status, 401);
    // A name that comes twice: who has no signature for it is nobody.
    let cookie = |value: &str| ask(&server, "GET", "/me", &[("Cookie", value)], "").status;
    assert_eq!(cookie("name=x; name=x"), 401);
    assert_eq!(cookie("name=x; name=x; name.sig=y"), 401);
    assert!(server.cursor().ends_with("-0"), "nothing was said");
}

#[test]
fn a_repeated_parameter_is_malformed_wherever_it_is_read() {
    let server = Server::start();
    for target in [
        "/talkplace/poll?after=0&after=0",
        "/talkplace/poll?after=0&limit=1&limit=1",
        "/talkplace/poll?after&after",
        "/talkplace/long-poll?after=0&after=0",
        "/talkplace/long-poll?after=0&limit=1&limit=1",
        "/talkplace/long-poll?after=0&timeout=0&timeout=0",
        "/talkplace/events?after=0&after=0",
    ] {
        ask(&server, "GET", target, &[], "").assert_problem(400);
    }
    ask(&server, "GET", "/talkplace?after=0&after=0", &UPGRADE, "").assert_problem(400);
    let twice = [("Last-Event-ID", "0"), ("Last-Event-ID", "0")];
    ask(&server, "GET", "/talkplace/events", &twice, "").assert_problem(400);
    // Where it is not read, it is passed over.
    for target in [
        "/me?after=x&after=x",
        "/healthz?limit=0",
        "/talkplace/poll?timeout=x&wait=y",
    ] {
        assert_eq!(ask(&server, "GET", target, &[], "").status, 200, "{target}");
    }
    assert_eq!(ask(&server, "POST", "/signin?name=a&name=b", &[], "").status, 302);
}
