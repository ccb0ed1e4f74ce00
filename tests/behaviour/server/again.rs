//! Whoever polls asks the same again and again on one connection. However the server goes about it: nobody may see a difference.

use std::net::Shutdown;
use std::time::Duration;

use super::Server;
use super::http::{Answer, Client};
use super::identity::sign_in;

const HEADERS: &[(&str, &str)] = &[("User-Agent", "somebody"), ("Accept", "application/json")];

fn ask(client: &mut Client, after: &str) -> Answer {
    client.request("GET", &format!("/talkplace/poll?after={after}"), HEADERS, b"")
}

#[test]
fn a_question_that_is_asked_again_is_answered_as_the_first_one() {
    let server = Server::start();
    let mut client = server.client();
    let first = ask(&mut client, "0");
    for _ in 0..3 {
        let again = ask(&mut client, "0");
        let without_date = |answer: &Answer| {
            let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned();
            (answer.status, headers.collect::<Vec<_>>())
        };
        assert_eq!(without_date(&again), without_date(&first));
        assert!(again.header("date").is_some());
    }
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|text| server.say(text)).collect();
    assert_eq!(ask(&mut client, "0").texts(), ["a", "b", "c"]);
    assert_eq!(ask(&mut client, &ids[0]).texts(), ["b", "c"]);
    assert_eq!(ask(&mut client, "2").texts(), ["c"]);
    assert_eq!(ask(&mut client, &ids[2]).status, 204);
    let fresh = ask(&mut server.client(), &ids[0]);
    let again = ask(&mut client, &ids[0]);
    assert_eq!((again.body, again.headers.len()), (fresh.body, fresh.headers.len()));
}

#[test]
fn what_is_wrong_with_a_later_cursor_is_refused_as_ever_and_the_connection_goes_on() {
    let server = Server::with(|config| config.keep.messages = 2);
    for text in ["a", "b", "c", "d"] {
        server.say(text);
    }
    let mut client = server.client();
    assert_eq!(ask(&mut client, "4").status, 204);
    ask(&mut client, "1").assert_problem(410);
    assert_eq!(ask(&mut client, "4").status, 204);
    ask(&mut client, "5").assert_problem(400);
    ask(&mut client, "0000-1").assert_problem(410);
    ask(&mut client, "4-").assert_problem(400);
    ask(&mut client, "4%20").assert_problem(400);
    ask(&mut client, "4&after=4").assert_problem(400);
    assert_eq!(ask(&mut client, "3").texts(), ["d"]);
    assert_eq!(ask(&mut client, "3&limit=x").status, 400);
    assert_eq!(ask(&mut client, "4&x=1").status, 204);
}

#[test]
fn a_connection_that_polls_can_do_anything_else() {
    let server = Server::start();
    let mut client = server.client();
    for after in 0..3 {
        assert_eq!(ask(&mut client, &after.to_string()).status, 204);
        assert_eq!(client.get("/healthz").text(), "ok");
        assert_eq!(client.post("/talkplace/messages", "text/plain", b"a").status, 201);
    }
    assert_eq!(ask(&mut client, "1").texts(), ["a", "a"]);
    client.send_request("GET", "/talkplace/events?after=3", &[], b"");
    assert_eq!(client.answer().status, 200);
    assert!(client.chunk().ends_with("-3\n\n"));
    server.say("b");
    assert!(client.chunk().contains(r#""text":"b""#));
}

#[test]
fn questions_in_pieces_and_several_at_once_are_each_answered() {
    let server = Server::start();
    server.say("a");
    let question = |after: u64| format!("GET /talkplace/poll?after={after} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut client = server.client();
    client.send(question(1).as_bytes());
    assert_eq!(client.answer().status, 204);
    for length in [1, 20, 40] {
        for piece in question(0).as_bytes().chunks(length) {
            client.send(piece);
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(client.answer().texts(), ["a"]);
    }
    for _ in 0..3 {
        client.send((question(0) + &question(1) + &question(0)).as_bytes());
        let statuses = [client.answer(), client.answer(), client.answer()].map(|answer| answer.status);
        assert_eq!(statuses, [200, 204, 200]);
    }
    // The second begins in the same read, and ends in another.
    let (begun, ended) = (question(1), question(0));
    client.send((begun + &ended[..30]).as_bytes());
    assert_eq!(client.answer().status, 204);
    client.send(&ended.as_bytes()[30..]);
    assert_eq!(client.answer().texts(), ["a"]);
}

#[test]
fn two_questions_in_one_read_are_not_taken_for_one() {
    let server = Server::start();
    let question = "GET /talkplace/poll?after=0 HTTP/1.1\r\nHost: a\r\n\r\n";
    for ends in ["\r\n\r\n", "\n\n", "\n\r\n"] {
        let mut client = server.client();
        let two = question.replace("\r\n\r\n", ends) + question;
        for _ in 0..2 {
            client.send(two.as_bytes());
            assert_eq!([client.answer().status, client.answer().status], [204, 204], "{ends:?}");
        }
    }
}

#[test]
fn a_poll_with_a_body_does_not_hide_a_request_in_it() {
    let server = Server::start();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for poll in ["poll?after=0", "long-poll?after=0&timeout=50ms"] {
        let mut client = server.client();
        let head = format!(
            "GET /talkplace/{poll} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            hidden.len()
        );
        client.send((head + hidden).as_bytes());
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
        assert!(client.is_closed());
    }
}

#[test]
fn each_long_poll_on_a_connection_is_held_and_answered() {
    let server = Server::start();
    let mut client = server.client();
    let mut after = "0".to_owned();
    for n in 0..20 {
        client.send_request(
            "GET",
            &format!("/talkplace/long-poll?after={after}&timeout=20s"),
            HEADERS,
            b"",
        );
        server.wait_for("talkplace_held_polls", "1");
        after = server.say(&n.to_string());
        let answer = client.answer();
        assert_eq!(answer.texts(), [n.to_string()]);
        assert_eq!(answer.json()["next"], after);
        server.wait_for("talkplace_held_polls", "0");
    }
    let empty = client.get(&format!("/talkplace/long-poll?after={after}&timeout=10ms"));
    assert_eq!(empty.status, 204);
    let page = server.get("/metrics").text();
    for line in [
        "talkplace_requests_total{answer=\"messages\",transport=\"long-poll\"} 20",
        "talkplace_requests_total{answer=\"empty\",transport=\"long-poll\"} 1",
        "talkplace_deliveries_total{transport=\"long-poll\"} 20",
    ] {
        assert!(page.contains(line), "{line}");
    }
}

#[test]
fn a_preference_and_a_connection_that_ends_are_honoured_each_time() {
    let server = Server::start();
    let mut client = server.client();
    for _ in 0..3 {
        let answer = client.request("GET", "/talkplace/long-poll?after=0", &[("Prefer", "wait=0")], b"");
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (204, Some("wait=0"))
        );
    }
    let answer = client.request("GET", "/talkplace/poll?after=0", &[("Connection", "close")], b"");
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    assert!(client.is_closed());
    let mut old = server.client();
    old.send(b"GET /talkplace/poll?after=0 HTTP/1.0\r\n\r\n");
    assert_eq!(old.line(), "HTTP/1.0 204 No Content");
    assert!(old.rest().ends_with(b"\r\n\r\n"));
}

#[test]
fn who_asks_is_looked_at_each_time_it_changes() {
    let server = Server::start();
    let cookie = sign_in(&server, "name=somebody");
    let mut client = server.client();
    let mut ask = |cookie: &str| {
        let answer = client.request("GET", "/talkplace/poll?after=0", &[("Cookie", cookie)], b"");
        answer.status
    };
    assert_eq!([ask(&cookie), ask(&cookie)], [204, 204]);
    assert_eq!(ask(&cookie.replace("name.sig=", "name.sig=x")), 401);
    assert_eq!(ask(&cookie), 204);
}

#[test]
fn a_peer_that_stops_sending_gets_its_answer_and_its_end() {
    let server = Server::start();
    let mut client = server.client();
    assert_eq!(ask(&mut client, "0").status, 204);
    client.stream.get_mut().shutdown(Shutdown::Write).unwrap();
    assert!(client.is_closed());
    server.wait_for("talkplace_connections", "1");
}

#[test]
fn a_connection_that_has_polled_is_let_go_when_it_is_idle_for_too_long() {
    let server = Server::with(|config| config.limits.idle_timeout = Duration::from_millis(100));
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "0").status, 204);
    }
    assert!(client.is_closed());
    assert!(
        server
            .get("/metrics")
            .text()
            .contains("talkplace_cut_total{reason=\"idle\"} 1")
    );
}
