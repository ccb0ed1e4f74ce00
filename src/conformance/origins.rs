//! Pages of other origins, and which refusal wins where several apply.

use super::Stranger;
use super::cursors::ELSEWHERE;
use super::rule::section::REFUSALS;
use super::rule::{Found, Rule, now};
use super::stranger::{Field, MESSAGES, PLAIN};

pub(super) const RULES: &[Rule] = &[
    now(
        "origin.post",
        REFUSALS,
        "a POST from a page of another origin is 403",
        post,
    ),
    now("origin.websocket", REFUSALS, "so is a WebSocket", websocket),
    now("origin.own", REFUSALS, "one from the server's own page is let in", own),
    now(
        "origin.reading",
        REFUSALS,
        "reading is nobody's to forbid: a GET is let in from anywhere",
        reading,
    ),
    now("origin.repeated", REFUSALS, "`Origin` twice is 400", repeated),
    now(
        "order.path",
        REFUSALS,
        "an unknown path and a wrong method are told before anything else",
        path_first,
    ),
    now(
        "order.origin",
        REFUSALS,
        "another origin is told before who it is",
        origin_first,
    ),
    now(
        "order.signature",
        REFUSALS,
        "who it is is told before what is wrong with the rest",
        signature_first,
    ),
    now(
        "order.upgrade",
        REFUSALS,
        "that an upgrade is needed is told before a malformed cursor",
        upgrade_first,
    ),
    now(
        "order.malformed",
        REFUSALS,
        "what is malformed is told before what is gone",
        malformed_first,
    ),
];

const EVIL: Field<'static> = ("Origin", "http://evil.example");
const FORGED: Field<'static> = ("Cookie", "name=x; name.sig=y");
const UPGRADE: [Field<'static>; 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Origins that are not the server's own: its host at another port, and what is no host at all.
fn others(server: &Stranger) -> Vec<String> {
    let host = server.host.rsplit_once(':').map_or(&server.host[..], |(host, _)| host);
    vec![
        "http://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://{host}:1"),
        format!("http://evil.example/{}", server.host),
        format!("http://{}.evil.example", server.host.replace(':', "-")),
    ]
}

fn post(server: &Stranger) -> Found {
    for origin in others(server) {
        server
            .post(MESSAGES, &[PLAIN, ("Origin", &origin)], b"check: from elsewhere")?
            .must_refuse(403)?;
    }
    server.post("/signin", &[EVIL], b"")?.must_refuse(403).map(drop)
}

fn websocket(server: &Stranger) -> Found {
    for origin in others(server) {
        let (answer, _) = server.upgrade("", &[("Origin", &origin)])?;
        answer.must_refuse(403)?;
    }
    Ok(())
}

fn own(server: &Stranger) -> Found {
    for origin in [
        format!("http://{}", server.host),
        format!("HTTP://{}", server.host.to_ascii_uppercase()),
    ] {
        let origin = ("Origin", &origin[..]);
        server
            .post(MESSAGES, &[PLAIN, origin], b"check: from its own page")?
            .accepted()?;
        let (answer, _) = server.upgrade("", &[origin])?;
        answer.must_be(101)?;
    }
    Ok(())
}

fn reading(server: &Stranger) -> Found {
    server.get_with("/talkplace/poll", &[EVIL])?.batch().map(drop)
}

fn repeated(server: &Stranger) -> Found {
    let own = format!("http://{}", server.host);
    let twice = [PLAIN, ("Origin", &own[..]), ("Origin", &own[..])];
    server
        .post(MESSAGES, &twice, b"check: from two pages")?
        .must_refuse(400)
        .map(drop)
}

fn path_first(server: &Stranger) -> Found {
    server
        .post("/nowhere?after=x", &[EVIL, FORGED], b"check")?
        .must_refuse(404)?;
    server
        .ask("DELETE", "/talkplace/poll?after=x", &[EVIL, FORGED], b"")?
        .must_refuse(405)
        .map(drop)
}

fn origin_first(server: &Stranger) -> Found {
    let image = ("Content-Type", "image/png");
    server
        .post(MESSAGES, &[EVIL, FORGED, image], b"check")?
        .must_refuse(403)?;
    let (answer, _) = server.upgrade("?after=x", &[EVIL, FORGED])?;
    answer.must_refuse(403).map(drop)
}

fn signature_first(server: &Stranger) -> Found {
    for target in [
        "/talkplace?after=x",
        "/talkplace/poll?limit=0",
        "/talkplace/long-poll?timeout=x",
    ] {
        server.get_with(target, &[FORGED])?.must_refuse(401)?;
    }
    let gone = format!("/talkplace/events?after={ELSEWHERE}");
    server.get_with(&gone, &[FORGED])?.must_refuse(401)?;
    let image = ("Content-Type", "image/png");
    server
        .post(MESSAGES, &[FORGED, image], b"check")?
        .must_refuse(401)
        .map(drop)
}

fn upgrade_first(server: &Stranger) -> Found {
    for after in ["x", ELSEWHERE] {
        server.get(&format!("/talkplace?after={after}"))?.must_refuse(426)?;
    }
    let without_a_version: Vec<Field> = UPGRADE
        .into_iter()
        .filter(|(name, _)| !name.ends_with("Version"))
        .collect();
    server
        .get_with("/talkplace?after=x", &without_a_version)?
        .must_refuse(426)
        .map(drop)
}

fn malformed_first(server: &Stranger) -> Found {
    for target in [
        format!("/talkplace/poll?after={ELSEWHERE}&limit=0"),
        format!("/talkplace/long-poll?after={ELSEWHERE}&timeout=x"),
    ] {
        server.get(&target)?.must_refuse(400)?;
    }
    Ok(())
}
