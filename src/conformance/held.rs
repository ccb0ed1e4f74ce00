//! Long polling: how long a request is held, and what ends that.

use std::time::Duration;

use super::polls::gives_a_cursor;
use super::rule::section::{CURSORS, REQUESTS};
use super::rule::{Found, Rule, now};
use super::talk::{Answer, Talk};
use super::{Fault, Stranger};
use crate::protocol::Cursor;

pub(super) const RULES: &[Rule] = &[
    now(
        "long-poll.cursor",
        CURSORS,
        "without `after` it is answered at once, with an empty batch and a cursor",
        cursor,
    ),
    now(
        "long-poll.at-once",
        REQUESTS,
        "what is there already is brought at once",
        at_once,
    ),
    now(
        "long-poll.held",
        REQUESTS,
        "where nothing is there the request is held until something is said",
        held,
    ),
    now(
        "long-poll.all",
        REQUESTS,
        "a message reaches everybody who is held",
        all,
    ),
    now(
        "long-poll.timeout",
        REQUESTS,
        "a hold ends with 204 when its timeout has passed",
        timeout,
    ),
    now(
        "long-poll.units",
        REQUESTS,
        "a timeout is digits with `ms`, `s` or `m`, or bare seconds; 0 is a short poll",
        units,
    ),
    now(
        "long-poll.timeout-malformed",
        REQUESTS,
        "any other timeout is 400",
        timeout_malformed,
    ),
    now(
        "long-poll.prefer",
        REQUESTS,
        "`Prefer: wait=` asks for a timeout, and `Preference-Applied` confirms it",
        prefer,
    ),
    now(
        "long-poll.prefer-other",
        REQUESTS,
        "a preference that does not parse is passed over",
        prefer_other,
    ),
    now(
        "long-poll.timeout-wins",
        REQUESTS,
        "`timeout=` wins over `Prefer: wait=`",
        timeout_wins,
    ),
    now(
        "long-poll.cap",
        REQUESTS,
        "more than the cap of 120 s is capped, not refused",
        cap,
    ),
];

/// Long enough to see that a request is held, and short enough to try it often.
const A_WHILE: Duration = Duration::from_millis(250);

/// A poll that is held: asked, and not answered.
fn hold(server: &Stranger, query: &str, fields: &[(&str, &str)]) -> Result<Talk, Fault> {
    let mut talk = server.connect()?;
    server.send(&mut talk, "GET", &format!("/talkplace/long-poll?{query}"), fields, b"");
    if talk.is_silent_for(A_WHILE) {
        return Ok(talk);
    }
    let answer = talk.answer()?;
    Err(answer.broken("no answer for now: the request is held"))
}

/// Lets a held poll go by saying something, which is what it then has to bring.
fn let_go(server: &Stranger, mut talk: Talk) -> Result<Answer, Fault> {
    server.say("check: to end a hold")?;
    let answer = talk.answer()?;
    answer.must(
        answer.batch()?.texts == ["check: to end a hold"],
        "the message that was said while it was held",
    )?;
    Ok(answer)
}

fn cursor(server: &Stranger) -> Found {
    gives_a_cursor(server, "/talkplace/long-poll")
}

fn at_once(server: &Stranger) -> Found {
    let end = server.end()?;
    server.say("check: already there")?;
    let answer = server.get(&format!("/talkplace/long-poll?after={end}&timeout=60s"))?;
    answer.must(
        answer.batch()?.texts == ["check: already there"],
        "the message that was there",
    )
}

fn held(server: &Stranger) -> Found {
    let end = server.end()?;
    let talk = hold(server, &format!("after={end}&timeout=60s"), &[])?;
    let_go(server, talk).map(drop)
}

fn all(server: &Stranger) -> Found {
    let end = server.end()?;
    let mut talks: Vec<Talk> = Vec::new();
    for _ in 0..5 {
        talks.push(hold(server, &format!("after={end}&timeout=60s"), &[])?);
    }
    server.say("check: to five of them")?;
    for mut talk in talks {
        let answer = talk.answer()?;
        answer.must(
            answer.batch()?.texts == ["check: to five of them"],
            "the message, for each of five",
        )?;
    }
    Ok(())
}

/// Asks for holds at the same time, each of this length; all have to end with 204, and none before its time.
fn holds_for(server: &Stranger, length: Duration, asked: &[(String, &[(&str, &str)])]) -> Result<Vec<Answer>, Fault> {
    let began = std::time::Instant::now();
    let mut talks = Vec::new();
    for (query, fields) in asked {
        let mut talk = server.connect()?;
        talk.wait_for(length);
        server.send(&mut talk, "GET", &format!("/talkplace/long-poll?{query}"), fields, b"");
        talks.push(talk);
    }
    let mut answers = Vec::new();
    for mut talk in talks {
        let answer = talk.answer()?;
        answer.must_be(204)?;
        // A timer may be a little early by another clock.
        let held = began.elapsed() + Duration::from_millis(20);
        answer.must(held >= length, format!("204 after {} ms", length.as_millis()))?;
        answers.push(answer);
    }
    Ok(answers)
}

fn timeout(server: &Stranger) -> Found {
    let after: Cursor = server.end()?;
    holds_for(
        server,
        Duration::from_millis(300),
        &[(format!("after={after}&timeout=300ms"), &[])],
    )
    .map(drop)
}

fn units(server: &Stranger) -> Found {
    let end = server.end()?;
    for zero in ["0", "0s", "0ms", "0m"] {
        let answer = server.get(&format!("/talkplace/long-poll?after={end}&timeout={zero}"))?;
        answer.must_be(204)?;
    }
    let asked = ["1000ms", "1s", "1"].map(|timeout| (format!("after={end}&timeout={timeout}"), &[][..]));
    holds_for(server, Duration::from_secs(1), &asked)?;
    let talk = hold(server, &format!("after={end}&timeout=1m"), &[])?;
    let_go(server, talk).map(drop)
}

fn timeout_malformed(server: &Stranger) -> Found {
    let end = server.end()?;
    for timeout in ["", "x", "-1", "1h", "1.5s", "s", "1s1", "%2B1", "1%20s"] {
        server
            .get(&format!("/talkplace/long-poll?after={end}&timeout={timeout}"))?
            .must_refuse(400)?;
    }
    Ok(())
}

fn prefer(server: &Stranger) -> Found {
    let end = server.end()?;
    let fields: &[(&str, &str)] = &[("Prefer", "wait=1")];
    for answer in holds_for(server, Duration::from_secs(1), &[(format!("after={end}"), fields)])? {
        answer.must_have("preference-applied", "wait=1")?;
    }
    Ok(())
}

fn prefer_other(server: &Stranger) -> Found {
    for preference in ["wait=soon", "respond-async", "wait"] {
        let end = server.end()?;
        let talk = hold(server, &format!("after={end}"), &[("Prefer", preference)])?;
        let_go(server, talk)?;
    }
    Ok(())
}

fn timeout_wins(server: &Stranger) -> Found {
    let end = server.end()?;
    let target = format!("/talkplace/long-poll?after={end}&timeout=0");
    server.get_with(&target, &[("Prefer", "wait=60")])?.must_be(204)
}

fn cap(server: &Stranger) -> Found {
    let end = server.end()?;
    let talk = hold(server, &format!("after={end}&timeout=100m"), &[])?;
    let_go(server, talk)?;
    let end = server.end()?;
    let talk = hold(server, &format!("after={end}"), &[("Prefer", "wait=6000")])?;
    let_go(server, talk)?.must_have("preference-applied", "wait=120")
}
