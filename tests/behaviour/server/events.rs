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
