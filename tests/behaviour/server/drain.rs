use std::time::{Duration, Instant};

use super::Server;
use super::websocket::Ws;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn shutting_down_answers_the_held_and_closes_the_streams() {
    let mut server = Server::start();
    let start = server.cursor();
    let mut held = server.client();
    held.send_request("GET", &format!("/talkplace/long-poll?after={start}"), &[], b"");
    let mut events = server.client();
    assert_eq!(events.get("/talkplace/events").status, 200);
    events.chunk();
    let mut ws = Ws::open(&server, "/talkplace");
    let mut idle = server.client();
    assert_eq!(idle.get("/healthz").status, 200);
    server.wait_for("talkplace_listeners{transport=\"long-poll\"}", "1");

    let began = Instant::now();
    let ended = server.shut_down();
    assert_eq!(held.answer().status, 204);
    assert_eq!(events.chunk(), "", "the stream ends as a stream does");
    assert_eq!(ws.closed().0, 1012);
    assert!(idle.is_closed());
    ended.recv_timeout(PATIENCE).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "it does not wait for the timeout: {:?}",
        began.elapsed()
    );
    assert!(std::net::TcpStream::connect(server.address).is_err());
}

#[test]
fn what_was_accepted_is_written_before_the_end() {
    let mut server = Server::start();
    let mut listeners: Vec<Ws> = (0..20).map(|_| Ws::open(&server, "/talkplace?after=0")).collect();
    let mut events = server.client();
    assert_eq!(events.get("/talkplace/events?after=0").status, 200);
    let mut publisher = server.client();
    for n in 0..300 {
        assert_eq!(
            publisher
                .post("/talkplace/messages", "text/plain", format!("{n}").as_bytes())
                .status,
            201
        );
    }
    let ended = server.shut_down();
    for listener in &mut listeners {
        for n in 0..300 {
            assert_eq!(listener.hear(), n.to_string());
        }
        assert_eq!(listener.closed().0, 1012);
    }
    events.chunk();
    for n in 0..300 {
        assert!(events.chunk().contains(&format!(r#""text":"{n}""#)));
    }
    assert_eq!(events.chunk(), "");
    ended.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn who_does_not_go_is_cut_at_the_drain_timeout() {
    let mut server = Server::with(|config| config.drain_timeout = Duration::from_millis(300));
    let mut stays = server.client();
    stays.send(
        b"POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf",
    );
    server.wait_for("talkplace_connections", "2");
    let ended = server.shut_down();
    ended.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn what_comes_while_it_drains_is_refused() {
    let mut server = Server::start();
    let head = "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n";
    let mut publishers: Vec<_> = (0..2).map(|_| server.client()).collect();
    for publisher in &mut publishers {
        publisher.send(format!("{head}ha").as_bytes());
    }
    // Somebody who is still being told everything keeps the server there meanwhile.
    let mut ws = Ws::open(&server, "/talkplace");
    server.wait_for("talkplace_connections", "4");
    let ended = server.shut_down();
    assert_eq!(ws.frame().0, super::websocket::CLOSE);
    for mut publisher in publishers {
        publisher.send(b"lf");
        let answer = publisher.answer();
        answer.assert_problem(503);
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.json()["type"], "urn:talkplace:refusal:draining");
        assert!(publisher.is_closed());
    }
    ended.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn what_was_accepted_is_written_before_the_held_are_let_go() {
    let mut server = Server::start();
    let start = server.cursor();
    let mut held: Vec<_> = (0..8).map(|_| server.client()).collect();
    for held in &mut held {
        held.send_request("GET", &format!("/talkplace/long-poll?after={start}"), &[], b"");
    }
    server.wait_for("talkplace_held_polls", "8");
    server.say("last words");
    let ended = server.shut_down();
    for held in &mut held {
        assert_eq!(held.answer().texts(), ["last words"]);
        assert!(held.is_closed());
    }
    ended.recv_timeout(PATIENCE).unwrap();
}
