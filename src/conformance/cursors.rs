//! Cursors: where a listener goes on, and what it is told when it cannot.

use super::Stranger;
use super::rule::section::CURSORS;
use super::rule::{Found, Rule, now};
use super::talk::Answer;
use crate::protocol::Cursor;

pub(super) const RULES: &[Rule] = &[
    now(
        "cursor.bare-number",
        CURSORS,
        "a bare number is that position of whatever feed this is",
        bare_number,
    ),
    now(
        "cursor.gone",
        CURSORS,
        "a cursor of another feed is 410, with `oldest` and `next`",
        gone,
    ),
    now(
        "cursor.ahead",
        CURSORS,
        "a cursor past the end of the feed is 400",
        ahead,
    ),
    now("cursor.malformed", CURSORS, "what is no cursor is 400", malformed),
    now(
        "cursor.repeated",
        CURSORS,
        "a parameter that is there twice is 400",
        repeated,
    ),
    now(
        "cursor.unknown",
        CURSORS,
        "parameters that nobody knows are passed over",
        unknown,
    ),
];

/// A feed that is not this one: nobody draws it by chance.
pub(super) const ELSEWHERE: &str = "zzzzzzzzzzzzzzzz-1";

const POLLS: [&str; 2] = ["/talkplace/poll", "/talkplace/long-poll"];

fn bare_number(server: &Stranger) -> Found {
    let end = server.end()?;
    server.say("check: by number")?;
    for poll in POLLS {
        let answer = server.get(&format!("{poll}?after={}", end.seq))?;
        answer.must(
            answer.batch()?.texts == ["check: by number"],
            "the message that follows that position",
        )?;
    }
    Ok(())
}

/// Whether the members of a problem say where to go on.
pub(super) fn says_where(answer: &Answer, problem: &serde_json::Value) -> Found {
    for member in ["oldest", "next"] {
        let cursor = problem[member].as_str().map(str::parse::<Cursor>);
        answer.must(
            matches!(cursor, Some(Ok(_))),
            format!("a problem with a cursor as `{member}`"),
        )?;
    }
    Ok(())
}

fn gone(server: &Stranger) -> Found {
    for poll in POLLS {
        let answer = server.get(&format!("{poll}?after={ELSEWHERE}"))?;
        let problem = answer.must_refuse(410)?;
        says_where(&answer, &problem)?;
    }
    Ok(())
}

fn ahead(server: &Stranger) -> Found {
    let end = server.end()?;
    let (feed, beyond) = (end.feed, end.seq + 1_000_000);
    for poll in POLLS {
        for after in [format!("{feed}-{beyond}"), beyond.to_string()] {
            server
                .get(&format!("{poll}?after={after}&timeout=0"))?
                .must_refuse(400)?;
        }
    }
    Ok(())
}

fn malformed(server: &Stranger) -> Found {
    let feed = server.end()?.feed;
    for after in [
        String::new(),
        "x".to_owned(),
        "-".to_owned(),
        "-1".to_owned(),
        "%2B1".to_owned(),
        format!("{feed}-"),
        format!("{feed}-x"),
        format!("{feed}-01"),
        format!("{feed}-1%00"),
        "FEED-1".to_owned(),
        "%FF-1".to_owned(),
        "18446744073709551616".to_owned(),
    ] {
        server
            .get(&format!("/talkplace/poll?after={after}"))?
            .must_refuse(400)?;
    }
    Ok(())
}

fn repeated(server: &Stranger) -> Found {
    let end = server.end()?;
    for poll in POLLS {
        server
            .get(&format!("{poll}?after={end}&after={end}&timeout=0"))?
            .must_refuse(400)?;
    }
    server
        .get(&format!("/talkplace/poll?after={end}&limit=1&limit=1"))?
        .must_refuse(400)
        .map(drop)
}

fn unknown(server: &Stranger) -> Found {
    let end = server.end()?;
    server
        .get(&format!("/talkplace/poll?colour=red&after={end}&_=1&empty="))?
        .must_be(204)
}
