use std::time::Duration;

use super::Server;
use super::http::Client;

fn open(server: &Server, target: &str, headers: &[(&str, &str)]) -> Client {
    let mut client = server.client();
    let answer = client.request("GET", target, headers, b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    client
}

#[test]
fn a_stream_opens_with_its_cursor_and_brings_each_message_as_an_event() {
    let server = Server::start();
    let old = server.say("old");
    let mut client = open(&server, "/talkplace/events", &[]);
    assert_eq!(
        client.chunk(),
        format!("id: {old}\n\n"),
        "without a cursor it starts now"
    );
    let id = server.say("new");
    let json = server.get("/talkplace/poll?after=1").json()["messages"][0].clone();
    let event = client.chunk();
    let data = event
        .strip_prefix(&format!("id: {id}\ndata: "))
        .unwrap()
        .strip_suffix("\n\n")
        .unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap(), json);
    assert!(
        server.get("/talkplace/poll?after=1").text().contains(data),
        "the same bytes as a poll carries"
    );
}

#[test]
fn a_stream_resumes_after_its_cursor_and_the_header_wins() {
    let server = Server::start();
    for text in ["1", "2", "3"] {
        server.say(text);
    }
    let mut client = open(&server, "/talkplace/events?after=1", &[]);
    assert!(client.chunk().ends_with("-1\n\n"));
    assert!(client.chunk().contains(r#""text":"2""#));
    let mut client = open(&server, "/talkplace/events?after=1", &[("Last-Event-ID", "2")]);
    assert!(client.chunk().ends_with("-2\n\n"));
    assert!(client.chunk().contains(r#""text":"3""#));
    server
        .client()
        .request("GET", "/talkplace/events", &[("Last-Event-ID", "x")], b"")
        .assert_problem(400);
}

#[test]
fn a_quiet_stream_has_a_heartbeat() {
    let server = Server::with(|config| config.event_heartbeat = Duration::from_millis(50));
    let mut client = open(&server, "/talkplace/events", &[]);
    client.chunk();
    for _ in 0..3 {
        assert!(client.chunk().starts_with(':'));
    }
}

#[test]
fn a_browser_hears_of_a_refusal_as_an_event() {
    let server = Server::start();
    let mut client = open(
        &server,
        "/talkplace/events?after=zz-1",
        &[("Accept", "text/event-stream")],
    );
    // The answer has a length, so it was read with the head: ask again for its bytes.
    let body = client
        .request(
            "GET",
            "/talkplace/events?after=zz-1",
            &[("Accept", "text/event-stream")],
            b"",
        )
        .text();
    let mut lines = body.lines();
    assert!(lines.next().unwrap().starts_with("retry: "));
    assert_eq!(lines.next(), Some("event: refused"));
    let problem = lines.next().unwrap().strip_prefix("data: ").unwrap();
    let problem: serde_json::Value = serde_json::from_str(problem).unwrap();
    assert_eq!(problem["status"], 410);
    assert!(problem["oldest"].is_string() && problem["next"].is_string());
    server.get("/talkplace/events?after=zz-1").assert_problem(410);
    let malformed = server.client().request(
        "GET",
        "/talkplace/events?after=x",
        &[("Accept", "text/event-stream")],
        b"",
    );
    malformed.assert_problem(400);
}

#[test]
fn http_1_0_gets_a_stream_without_chunks() {
    let server = Server::start();
    server.say("a");
    let mut client = server.client();
    client.send(b"GET /talkplace/events?after=0 HTTP/1.0\r\n\r\n");
    let head: Vec<String> = std::iter::from_fn(|| Some(client.line()).filter(|line| !line.is_empty())).collect();
    assert!(
        head.iter().all(|line| !line.to_ascii_lowercase().contains("chunked")),
        "{head:?}"
    );
    assert!(client.line().ends_with("-0"));
    assert_eq!(client.line(), "");
    assert!(client.line().ends_with("-1"));
    assert!(client.line().contains(r#""text":"a""#));
}

#[test]
fn a_closed_stream_leaves_nobody_behind() {
    let server = Server::start();
    let client = open(&server, "/talkplace/events", &[]);
    server.wait_for("talkplace_listeners{transport=\"events\"}", "1");
    drop(client);
    server.wait_for("talkplace_listeners{transport=\"events\"}", "0");
}

/// The one event of a stream that was refused, and the `retry:` before it.
fn refused(mut client: Client, target: &str, headers: &[(&str, &str)]) -> (u64, serde_json::Value) {
    let answer = client.request("GET", target, headers, b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    let body = answer.text();
    let (retry, event) = body.split_once("\nevent: refused\ndata: ").unwrap();
    let retry = retry.strip_prefix("retry: ").unwrap().parse().unwrap();
    let problem = event.strip_suffix("\n\n").unwrap();
    assert!(!problem.contains('\n'), "one event: {body}");
    (retry, serde_json::from_str(problem).unwrap())
}

#[test]
fn a_browser_hears_of_a_full_server_as_an_event() {
    let server = Server::with(|config| config.limits.connections = 0);
    let target = "/talkplace/events?after=x";
    for accept in [
        "text/event-stream",
        "TEXT/Event-Stream",
        "text/html, text/event-stream;q=0.9",
    ] {
        let (retry, problem) = refused(server.client(), target, &[("Accept", accept)]);
        assert_eq!((retry, &problem["status"]), (1_000, &503.into()));
        assert_eq!(problem["type"], "urn:talkplace:refusal:too-many-connections");
    }
    for headers in [&[][..], &[("Accept", "*/*")], &[("Accept", "text/event-streams")]] {
        let answer = server.client().request("GET", target, headers, b"");
        answer.assert_problem(503);
        assert!(answer.header("retry-after").is_some());
    }
    // Of other paths it is no stream.
    let headers = [("Accept", "text/event-stream")];
    let poll = server.client().request("GET", "/talkplace/poll", &headers, b"");
    poll.assert_problem(503);
}

#[test]
fn only_what_a_browser_may_come_back_from_is_an_event() {
    let server = Server::start();
    let accept = ("Accept", "text/event-stream");
    let ask = |method: &str, headers: &[(&str, &str)]| {
        let headers = [&[accept], headers].concat();
        server
            .client()
            .request(method, "/talkplace/events?after=zz-1", &headers, b"")
    };
    ask("GET", &[("Cookie", "name=x")]).assert_problem(401);
    ask("GET", &[("Host", "a")]).assert_problem(400);
    ask("POST", &[]).assert_problem(405);
    let (_, problem) = refused(server.client(), "/talkplace/events?after=zz-1", &[accept]);
    assert_eq!(problem["status"], 410);
}

#[test]
fn a_stream_that_fell_behind_what_the_feed_keeps_ends_without_a_gap() {
    let server = Server::with(|config| {
        config.keep.messages = 10;
        config.publishing.rate_per_s = None;
    });
    let mut client = super::websocket::client_with_little_room(&server);
    assert_eq!(client.get("/talkplace/events").status, 200);
    let mut publisher = server.client();
    let text = "x".repeat(4_000);
    for n in 0..2_000 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
    }
    client.chunk();
    let mut heard = 0;
    // The end of the chunks, as of any stream that is over.
    for chunk in std::iter::from_fn(|| Some(client.chunk()).filter(|chunk| !chunk.is_empty())) {
        assert!(chunk.contains(&format!("\"text\":\"{heard} ")), "no gap before the end");
        heard += 1;
    }
    assert!(heard < 2_000, "{heard}");
    server.wait_for("talkplace_cut_total{reason=\"behind\"}", "1");
}

#[test]
fn a_stream_that_is_read_slowly_is_not_cut_for_a_long_backlog() {
    let server = Server::with(|config| config.limits.stall_timeout = Duration::from_millis(500));
    let text = "x".repeat(4_000);
    let mut publisher = server.client();
    for n in 0..500 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
    }
    let mut client = super::websocket::client_with_little_room(&server);
    assert_eq!(client.get("/talkplace/events?after=0").status, 200);
    client.chunk();
    for n in 0..500 {
        // Four times as long as it may take nothing.
        if n % 10 == 0 {
            std::thread::sleep(Duration::from_millis(40));
        }
        assert!(client.chunk().contains(&format!("\"text\":\"{n} ")));
    }
}
