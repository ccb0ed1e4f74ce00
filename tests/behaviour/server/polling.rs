use std::time::{Duration, Instant};

use super::Server;

#[test]
fn a_poll_without_a_cursor_gives_one_at_once() {
    let server = Server::start();
    server.say("before");
    for path in ["/talkplace/poll", "/talkplace/long-poll"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.json()["next"].as_str().unwrap().ends_with("-1"));
        assert!(answer.texts().is_empty());
    }
}

#[test]
fn a_poll_brings_what_follows_the_cursor_and_204_when_nothing_does() {
    let server = Server::start();
    let start = server.cursor();
    assert_eq!(server.get(&format!("/talkplace/poll?after={start}")).status, 204);
    let ids = [server.say("a"), server.say("b")];
    let answer = server.get(&format!("/talkplace/poll?after={start}"));
    assert_eq!(answer.texts(), ["a", "b"]);
    let json = answer.json();
    assert_eq!(json["next"], ids[1]);
    assert_eq!(json["messages"][0]["id"], ids[0]);
    assert!(json["messages"][0]["at"].as_u64() <= json["messages"][1]["at"].as_u64());
    let empty = server.get(&format!("/talkplace/poll?after={}", ids[1]));
    assert_eq!((empty.status, empty.body.len()), (204, 0));
    assert_eq!(empty.header("cache-control"), Some("no-store"));
}

#[test]
fn a_message_is_the_bytes_that_the_contract_shows() {
    let server = Server::start();
    let id = server.say("hello world");
    let text = server.get("/talkplace/poll?after=0").text();
    let at = text.split(r#""at":"#).nth(1).unwrap().split(',').next().unwrap();
    let message =
        format!(r#"{{"id":"{id}","at":{at},"from":{{"id":0,"name":"路人甲","image":0}},"text":"hello world"}}"#);
    assert_eq!(text, format!(r#"{{"next":"{id}","messages":[{message}]}}"#));
}

#[test]
fn a_bare_number_is_a_position_of_whatever_feed_this_is() {
    let server = Server::start();
    server.say("a");
    server.say("b");
    assert_eq!(server.get("/talkplace/poll?after=1").texts(), ["b"]);
}

#[test]
fn a_limit_bounds_a_batch_and_the_next_one_goes_on() {
    let server = Server::start();
    for n in 0..150 {
        server.say(&n.to_string());
    }
    let first = server.get("/talkplace/poll?after=0");
    assert_eq!(first.texts().len(), 100, "100 if missing");
    let next = first.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/talkplace/poll?after={next}")).texts().len(), 50);
    assert_eq!(server.get("/talkplace/long-poll?after=0&limit=2").texts(), ["0", "1"]);
    for bad in ["0", "1001", "x", ""] {
        server
            .get(&format!("/talkplace/poll?after=0&limit={bad}"))
            .assert_problem(400);
        server
            .get(&format!("/talkplace/long-poll?limit={bad}"))
            .assert_problem(400);
    }
}

#[test]
fn a_held_poll_is_woken_by_the_message() {
    let server = Server::start();
    let start = server.cursor();
    let mut listeners: Vec<_> = (0..10).map(|_| server.client()).collect();
    for listener in &mut listeners {
        listener.send_request(
            "GET",
            &format!("/talkplace/long-poll?after={start}&timeout=1m"),
            &[],
            b"",
        );
    }
    server.wait_for("talkplace_listeners{transport=\"long-poll\"}", "10");
    let said = Instant::now();
    server.say("now");
    for listener in &mut listeners {
        assert_eq!(listener.answer().texts(), ["now"]);
    }
    assert!(said.elapsed() < Duration::from_secs(10));
    server.wait_for("talkplace_listeners{transport=\"long-poll\"}", "0");
}

#[test]
fn a_held_poll_ends_empty_at_its_timeout() {
    let server = Server::with(|config| {
        config.long_poll_timeout = Duration::from_millis(200);
        config.long_poll_cap = Duration::from_millis(400);
    });
    let start = server.cursor();
    // What is asked for, what is applied: the default, a timeout, one over the cap, and none at all.
    for (query, at_least_ms) in [
        ("", 200),
        ("&timeout=300ms", 300),
        ("&timeout=10m", 400),
        ("&timeout=0", 0),
    ] {
        let asked = Instant::now();
        let answer = server.get(&format!("/talkplace/long-poll?after={start}{query}"));
        assert_eq!(answer.status, 204, "{query}");
        let held = asked.elapsed();
        let least = Duration::from_millis(at_least_ms);
        assert!(
            held >= least && held < least + Duration::from_secs(5),
            "{query}: held {held:?}"
        );
    }
}

#[test]
fn a_preference_is_a_timeout_that_the_answer_confirms() {
    let server = Server::with(|config| config.long_poll_cap = Duration::from_secs(1));
    let target = format!("/talkplace/long-poll?after={}", server.cursor());
    let mut client = server.client();
    let prefer = |client: &mut super::Client, target: &str, value: &str| {
        let answer = client.request("GET", target, &[("Prefer", value)], b"");
        assert_eq!(answer.status, 204);
        answer.header("preference-applied").map(str::to_owned)
    };
    assert_eq!(prefer(&mut client, &target, "wait=0").as_deref(), Some("wait=0"));
    assert_eq!(
        prefer(&mut client, &target, "wait=3600").as_deref(),
        Some("wait=1"),
        "what was applied, not what was asked"
    );
    assert_eq!(
        prefer(&mut client, &format!("{target}&timeout=1ms"), "wait=3600"),
        None,
        "timeout= wins"
    );
    assert_eq!(prefer(&mut client, &format!("{target}&timeout=1ms"), "wait=soon"), None);
}

#[test]
fn what_is_no_timeout_is_refused() {
    let server = Server::start();
    for bad in ["abc", "-1s", "1h", "1.5s", "", "10%20s"] {
        server
            .get(&format!("/talkplace/long-poll?after=0&timeout={bad}"))
            .assert_problem(400);
    }
    let twice = server.get("/talkplace/long-poll?after=0&timeout=1s&timeout=1s");
    twice.assert_problem(400);
}

#[test]
fn a_cursor_that_cannot_go_on_is_gone_and_says_where_to() {
    let server = Server::with(|config| config.keep.messages = 3);
    for text in ["1", "2", "3", "4", "5"] {
        server.say(text);
    }
    let feed = server.cursor();
    let feed = feed.split('-').next().unwrap();
    for path in ["poll", "long-poll", "events"] {
        for after in ["1", &format!("{feed}-0"), "zzzz-4", "zzzz-400"] {
            let answer = server.get(&format!("/talkplace/{path}?after={after}"));
            answer.assert_problem(410);
            assert_eq!(answer.json()["oldest"], format!("{feed}-3"));
            assert_eq!(answer.json()["next"], format!("{feed}-5"));
        }
    }
    assert_eq!(server.get("/talkplace/poll?after=2").texts(), ["3", "4", "5"]);
}

#[test]
fn what_is_no_cursor_is_refused() {
    let server = Server::start();
    let feed = server.cursor().split('-').next().unwrap().to_owned();
    for path in ["poll", "long-poll", "events"] {
        for after in [
            "",
            "x",
            "-1",
            "A-1",
            "1-",
            "99",
            "%ff",
            &format!("{feed}-1"),
            "0&after=0",
        ] {
            server
                .get(&format!("/talkplace/{path}?after={after}"))
                .assert_problem(400);
        }
    }
    let unknown = server.get("/talkplace/poll?after=0&colour=red&colour=blue");
    assert_eq!(unknown.status, 204, "unknown parameters are passed over");
}

#[test]
fn an_aborted_hold_leaves_nobody_behind() {
    let server = Server::start();
    let start = server.cursor();
    let mut listener = server.client();
    listener.send_request("GET", &format!("/talkplace/long-poll?after={start}"), &[], b"");
    server.wait_for("talkplace_listeners{transport=\"long-poll\"}", "1");
    drop(listener);
    server.wait_for("talkplace_listeners{transport=\"long-poll\"}", "0");
}
