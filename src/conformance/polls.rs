//! Short polling, and what both polls have in common.

use super::Stranger;
use super::rule::section::{CURSORS, REQUESTS};
use super::rule::{Found, Rule, now};
use super::stranger::Batch;
use crate::protocol::Cursor;

pub(super) const RULES: &[Rule] = &[
    now(
        "poll.cursor",
        CURSORS,
        "without `after` it is answered at once, with an empty batch and a cursor",
        cursor,
    ),
    now(
        "poll.batch",
        REQUESTS,
        "a poll after a cursor brings what follows it, in order",
        batch,
    ),
    now(
        "poll.next",
        REQUESTS,
        "`next` is the cursor of the last message in the batch",
        next,
    ),
    now(
        "poll.nothing",
        REQUESTS,
        "where nothing follows the cursor, 204",
        nothing,
    ),
    now(
        "poll.limit",
        REQUESTS,
        "`limit=` bounds a batch, and `next` leads on",
        limit,
    ),
    now(
        "poll.limit-bounds",
        REQUESTS,
        "a limit is 1 to 1,000, anything else 400",
        limit_bounds,
    ),
    now(
        "poll.limit-usual",
        REQUESTS,
        "without a limit 100 messages at most",
        limit_usual,
    ),
    now("poll.type", REQUESTS, "a batch is `application/json`", is_json),
];

/// Says these, and gives the cursor before them.
fn said(server: &Stranger, texts: &[&str]) -> Result<Cursor, super::Fault> {
    let end = server.end()?;
    for text in texts {
        server.say(text)?;
    }
    Ok(end)
}

/// A poll without a cursor: for both kinds.
pub(super) fn gives_a_cursor(server: &Stranger, poll: &str) -> Found {
    let answer = server.get(poll)?;
    let batch = answer.batch()?;
    answer.must(batch.texts.is_empty(), "an empty batch")
}

fn cursor(server: &Stranger) -> Found {
    gives_a_cursor(server, "/talkplace/poll")
}

fn batch(server: &Stranger) -> Found {
    let end = said(server, &["check: one", "check: two", "check: three"])?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    let batch = answer.batch()?;
    answer.must(
        batch.texts == ["check: one", "check: two", "check: three"],
        "the three messages that were said after it, in their order",
    )
}

fn next(server: &Stranger) -> Found {
    let end = said(server, &["check: one", "check: two"])?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    let Batch { next, ids, .. } = answer.batch()?;
    answer.must(ids.last() == Some(&next), "`next` with the id of the last message")
}

fn nothing(server: &Stranger) -> Found {
    let end = server.end()?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    answer.must_be(204)?;
    answer.must(answer.body.is_empty(), "204 without a body")
}

fn limit(server: &Stranger) -> Found {
    let end = said(server, &["check: one", "check: two", "check: three"])?;
    for poll in ["poll", "long-poll"] {
        let first = server.get(&format!("/talkplace/{poll}?after={end}&limit=2"))?;
        let batch = first.batch()?;
        first.must(
            batch.texts == ["check: one", "check: two"],
            "the first two messages of three",
        )?;
        let second = server.get(&format!("/talkplace/{poll}?after={}&limit=2", batch.next))?;
        second.must(second.batch()?.texts == ["check: three"], "the third message")?;
    }
    Ok(())
}

fn limit_bounds(server: &Stranger) -> Found {
    let end = server.end()?;
    for poll in ["poll", "long-poll"] {
        for limit in ["0", "1001", "-1", "x", "", "1.5", "99999999999999999999"] {
            server
                .get(&format!("/talkplace/{poll}?after={end}&timeout=0&limit={limit}"))?
                .must_refuse(400)?;
        }
        server
            .get(&format!("/talkplace/{poll}?after={end}&timeout=0&limit=1000"))?
            .must_be(204)?;
    }
    Ok(())
}

fn limit_usual(server: &Stranger) -> Found {
    let end = server.end()?;
    for n in 0..101 {
        server.say(&format!("check: {n} of many"))?;
    }
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    let count = answer.batch()?.texts.len();
    answer.must(count == 100, format!("100 messages, not {count}"))
}

fn is_json(server: &Stranger) -> Found {
    server.get("/talkplace/poll")?.must_have_some(
        "content-type",
        |value| value.split(';').next() == Some("application/json"),
        "content-type: application/json",
    )
}
