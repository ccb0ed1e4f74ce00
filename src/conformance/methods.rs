//! Paths and methods, and what every answer carries.

use super::Stranger;
use super::rule::section::{ANSWERS, REFUSALS};
use super::rule::{Found, Rule, now};
use super::stranger::{MESSAGES, PLAIN};
use super::talk::Answer;

pub(super) const RULES: &[Rule] = &[
    now(
        "path.unknown",
        REFUSALS,
        "an unknown path is 404, whatever the method",
        unknown,
    ),
    now(
        "path.method",
        REFUSALS,
        "a known path with a wrong method is 405, with `Allow`",
        wrong,
    ),
    now("path.options", ANSWERS, "`OPTIONS` is 405", options),
    now(
        "path.head",
        ANSWERS,
        "`HEAD` works on `/`, `/me`, `/metrics` and `/healthz`, without a body",
        head,
    ),
    now(
        "path.head-elsewhere",
        ANSWERS,
        "`HEAD` is 405 elsewhere",
        head_elsewhere,
    ),
    now(
        "http.no-store",
        ANSWERS,
        "nothing is to be stored: `Cache-Control: no-store`",
        no_store,
    ),
    now("http.no-store-refused", ANSWERS, "and no refusal", no_store_refused),
    now(
        "http.1.0",
        ANSWERS,
        "HTTP/1.0 is served, and the connection closed behind the answer",
        http_1_0,
    ),
    now(
        "http.kept",
        ANSWERS,
        "a connection serves one request after the other",
        kept,
    ),
    now("http.host", REFUSALS, "`Host` twice is 400", host),
];

const GET_HEAD: [&str; 4] = ["/", "/me", "/metrics", "/healthz"];
const GET: [&str; 4] = [
    "/talkplace",
    "/talkplace/poll",
    "/talkplace/long-poll",
    "/talkplace/events",
];
const POST: [&str; 2] = ["/signin", MESSAGES];

fn unknown(server: &Stranger) -> Found {
    for path in ["/nowhere", "/talkplace/", "/talkplace/nowhere", "/me/", "//"] {
        server.get(path)?.must_refuse(404)?;
        server.post(path, &[], b"")?.must_refuse(404)?;
    }
    Ok(())
}

/// A refusal that names these methods, in any order.
fn must_allow(answer: &Answer, methods: &[&str]) -> Found {
    answer.must_refuse(405)?;
    let expected = format!("allow: {}", methods.join(", "));
    let allows = |value: &str| {
        let mut there: Vec<&str> = value.split(',').map(str::trim).collect();
        there.sort_unstable();
        there == methods
    };
    answer.must_have_some("allow", allows, &expected)
}

fn wrong(server: &Stranger) -> Found {
    for path in GET_HEAD {
        must_allow(&server.ask("DELETE", path, &[], b"")?, &["GET", "HEAD"])?;
        must_allow(&server.post(path, &[], b"")?, &["GET", "HEAD"])?;
    }
    for path in GET {
        must_allow(&server.ask("PUT", path, &[], b"")?, &["GET"])?;
    }
    for path in POST {
        must_allow(&server.get(path)?, &["POST"])?;
    }
    Ok(())
}

fn options(server: &Stranger) -> Found {
    for path in GET_HEAD.iter().chain(&GET).chain(&POST) {
        server.ask("OPTIONS", path, &[], b"")?.must_refuse(405)?;
    }
    Ok(())
}

fn head(server: &Stranger) -> Found {
    for path in GET_HEAD {
        let mut talk = server.connect()?;
        server.send(&mut talk, "HEAD", path, &[("Connection", "close")], b"");
        let answer = talk.opening()?;
        answer.must_be(200)?;
        let rest = talk.rest();
        answer.must(
            rest.is_some_and(|rest| rest.is_empty()),
            "no body, and then the end of the connection",
        )?;
    }
    Ok(())
}

fn head_elsewhere(server: &Stranger) -> Found {
    for path in GET.iter().chain(&POST) {
        server.ask("HEAD", path, &[], b"")?.must_be(405)?;
    }
    Ok(())
}

fn must_not_be_stored(answer: &Answer) -> Found {
    answer.must_have_some(
        "cache-control",
        |value| {
            value
                .split(',')
                .any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
        },
        "cache-control: no-store",
    )
}

fn no_store(server: &Stranger) -> Found {
    let end = server.end()?;
    for target in [
        "/me",
        "/metrics",
        "/healthz",
        "/talkplace/poll",
        &format!("/talkplace/poll?after={end}"),
        "/talkplace/long-poll",
    ] {
        must_not_be_stored(&server.get(target)?)?;
    }
    must_not_be_stored(&server.post("/signin", &[], b"")?)?;
    must_not_be_stored(&server.post(MESSAGES, &[PLAIN], b"check: not to be stored")?)?;
    let mut talk = server.connect()?;
    server.send(&mut talk, "GET", "/talkplace/events", &[], b"");
    must_not_be_stored(&talk.opening()?)
}

fn no_store_refused(server: &Stranger) -> Found {
    for (method, target) in [
        ("GET", "/nowhere"),
        ("DELETE", "/me"),
        ("GET", "/talkplace"),
        ("GET", "/talkplace/poll?after=x"),
        ("GET", "/talkplace/poll?after=zzzzzzzzzzzzzzzz-1"),
        ("POST", MESSAGES),
    ] {
        must_not_be_stored(&server.ask(method, target, &[], b"")?)?;
    }
    must_not_be_stored(&server.ask_in_bytes(b"this is no request\r\n\r\n")?)
}

fn http_1_0(server: &Stranger) -> Found {
    for request in [
        "GET /talkplace/poll HTTP/1.0\r\n\r\n",
        "GET /talkplace/poll HTTP/1.0\r\nHost: a\r\n\r\n",
    ] {
        let mut talk = server.connect()?;
        talk.send(request.as_bytes(), request.lines().next().unwrap_or_default());
        let answer = talk.answer()?;
        answer.batch()?;
        answer.must(talk.closes(), "the end of the connection behind the answer")?;
    }
    Ok(())
}

fn kept(server: &Stranger) -> Found {
    let mut talk = server.connect()?;
    for _ in 0..3 {
        server.send(&mut talk, "GET", "/talkplace/poll", &[], b"");
        talk.answer()?.batch()?;
    }
    Ok(())
}

fn host(server: &Stranger) -> Found {
    server
        .get_with("/talkplace/poll", &[("Host", "talk.place")])?
        .must_refuse(400)
        .map(drop)
}
