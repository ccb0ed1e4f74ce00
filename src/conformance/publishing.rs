//! Saying something by POST, and not saying it twice.

use super::Stranger;
use super::rule::section::{REFUSALS, REQUESTS};
use super::rule::{Found, Rule, now};
use super::stranger::{MESSAGES, PLAIN};
use super::talk::Answer;
use super::visitors::Visitor;

pub(super) const RULES: &[Rule] = &[
    now(
        "publish.accepted",
        REQUESTS,
        "what is said is answered 201 with its id",
        accepted,
    ),
    now("publish.plain", REQUESTS, "a plain text is said", plain),
    now(
        "publish.json",
        REQUESTS,
        "`{\"text\":…}` in JSON is said, with its escapes undone",
        json,
    ),
    now("publish.chunked", REQUESTS, "a body in chunks is a body", chunked),
    now(
        "publish.type",
        REFUSALS,
        "a body of another type, or encoded, is 415",
        other_type,
    ),
    now(
        "publish.json-malformed",
        REFUSALS,
        "JSON that is no `{\"text\":…}` is 400",
        json_malformed,
    ),
    now(
        "publish.too-large",
        REFUSALS,
        "a body over the limit is 413, without waiting for it",
        too_large,
    ),
    now(
        "idempotency.repeat",
        REQUESTS,
        "a repeat with the same `Idempotency-Key` gets the first answer and says nothing",
        repeat,
    ),
    now(
        "idempotency.speaker",
        REQUESTS,
        "the same key of another speaker is another key",
        another_speaker,
    ),
    now(
        "idempotency.refused",
        REQUESTS,
        "what was refused is not remembered",
        refused_is_forgotten,
    ),
    now(
        "idempotency.malformed",
        REQUESTS,
        "a key is 1 to 64 visible ASCII characters, once; else 400",
        key_malformed,
    ),
];

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Says it and checks that it is heard.
fn is_said(server: &Stranger, fields: &[(&str, &str)], body: &[u8], text: &str) -> Found {
    let end = server.end()?;
    let answer = server.post(MESSAGES, fields, body)?;
    let id = answer.accepted()?;
    let heard = server.heard_after(end)?;
    answer.must(
        heard.texts == [text] && heard.ids == [id],
        format!("{text:?} to be heard under that id"),
    )
}

fn accepted(server: &Stranger) -> Found {
    server
        .post(MESSAGES, &[PLAIN], b"check: is this accepted?")?
        .accepted()
        .map(drop)
}

fn plain(server: &Stranger) -> Found {
    is_said(server, &[PLAIN], "check: 你好 🌍".as_bytes(), "check: 你好 🌍")?;
    is_said(
        server,
        &[("Content-Type", "text/plain; charset=utf-8")],
        b"check: with a charset",
        "check: with a charset",
    )
}

fn json(server: &Stranger) -> Found {
    let body = r#"{"text":"check: \u8def\ud83c\udf0d \"\\/\n"}"#;
    is_said(server, &[JSON], body.as_bytes(), "check: 路🌍 \"\\/\n")
}

fn chunked(server: &Stranger) -> Found {
    let end = server.end()?;
    let request = format!(
        "POST {MESSAGES} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
         6\r\ncheck:\r\n8;x=y\r\n in two \r\n6\r\nchunks\r\n0\r\n\r\n",
        server.host
    );
    let answer = server.ask_in_bytes(request.as_bytes())?;
    answer.accepted()?;
    let heard = server.heard_after(end)?.texts;
    answer.must(heard == ["check: in two chunks"], "the text of both chunks to be heard")
}

fn other_type(server: &Stranger) -> Found {
    for fields in [
        &[("Content-Type", "image/png")][..],
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &[PLAIN, ("Content-Encoding", "gzip")],
    ] {
        server.post(MESSAGES, fields, b"check: of no type")?.must_refuse(415)?;
    }
    Ok(())
}

fn json_malformed(server: &Stranger) -> Found {
    for body in [
        "{",
        "[]",
        "{}",
        "\"check\"",
        "[\"check\"]",
        r#"{"text":7}"#,
        r#"{"text":"a","text":"b"}"#,
        r#"{"text":"\ud800"}"#,
    ] {
        server.post(MESSAGES, &[JSON], body.as_bytes())?.must_refuse(400)?;
    }
    Ok(())
}

fn too_large(server: &Stranger) -> Found {
    let head = format!(
        "POST {MESSAGES} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: 100000000\r\n\r\ncheck",
        server.host
    );
    server.ask_in_bytes(head.as_bytes())?.must_refuse(413).map(drop)
}

/// A key that nobody has used.
fn key() -> String {
    format!("check-{:016x}", rand::random::<u64>())
}

fn post(server: &Stranger, key: &str, text: &str) -> Result<Answer, super::Fault> {
    server.post(MESSAGES, &[PLAIN, ("Idempotency-Key", key)], text.as_bytes())
}

fn repeat(server: &Stranger) -> Found {
    let (end, key) = (server.end()?, key());
    let first = post(server, &key, "check: once")?.accepted()?;
    // Whatever its text.
    for text in ["check: once", "check: something else"] {
        let again = post(server, &key, text)?;
        again.must(again.accepted()? == first, format!("201 with the first id, {first}"))?;
        let heard = server.heard_after(end)?.texts;
        again.must(heard == ["check: once"], "nothing to be said again")?;
    }
    Ok(())
}

fn another_speaker(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    let key = key();
    let first = post(server, &key, "check: as a guest")?.accepted()?;
    let fields = [PLAIN, ("Idempotency-Key", &key), ("Cookie", &visitor.cookie)];
    let second = server.post(MESSAGES, &fields, b"check: as a visitor")?;
    second.must(second.accepted()? != first, "201 with an id of its own")
}

fn refused_is_forgotten(server: &Stranger) -> Found {
    let key = key();
    post(server, &key, "")?.must_refuse(400)?;
    post(server, &key, "check: not empty")?.accepted().map(drop)
}

fn key_malformed(server: &Stranger) -> Found {
    let long = "k".repeat(65);
    for key in ["", "a key", "schlüssel", &long] {
        post(server, key, "check")?.must_refuse(400)?;
    }
    let twice = [PLAIN, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    server.post(MESSAGES, &twice, b"check")?.must_refuse(400)?;
    let longest = format!("{:64}", key()).replace(' ', "~");
    post(server, &longest, "check: the longest key")?.accepted().map(drop)
}
