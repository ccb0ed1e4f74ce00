//! What a message looks like, wherever it comes from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::rule::section::MESSAGES as SECTION;
use super::rule::{Found, Rule, now};
use super::stranger::{MESSAGES, PLAIN};
use super::{Fault, Stranger};
use crate::protocol::Cursor;

pub(super) const RULES: &[Rule] = &[
    now(
        "message.members",
        SECTION,
        "a message is a JSON object with `id`, `at`, `from` and `text`",
        members,
    ),
    now("message.seq", SECTION, "ids count up in one feed, without a gap", seq),
    now(
        "message.at",
        SECTION,
        "`at` is in microseconds since the Unix epoch, and never decreases",
        at,
    ),
    now(
        "message.guest",
        SECTION,
        "who has not signed in is the guest: id 0, 路人甲, image 0",
        guest,
    ),
    now(
        "message.same-bytes",
        SECTION,
        "a message is the same bytes in every transport",
        same_bytes,
    ),
    now(
        "text.largest",
        SECTION,
        "a text has up to 4,096 bytes, however they are escaped",
        largest,
    ),
    now("text.too-long", SECTION, "a longer one is 413", too_long),
    now("text.empty", SECTION, "an empty one is 400", empty),
    now("text.utf8", SECTION, "bytes that are no UTF-8 are 400", utf8),
    now("text.any", SECTION, "every character comes back as it was said", any),
];

const JSON: (&str, &str) = ("Content-Type", "application/json");
const LONGEST: usize = 4096;
/// Whose clock is off by more writes something else than microseconds.
const CLOCKS: Duration = Duration::from_secs(24 * 60 * 60);

fn members(server: &Stranger) -> Found {
    let end = server.end()?;
    server.say("check: members")?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    let batch = answer.batch()?;
    let from = &batch.messages[0]["from"];
    let is_speaker = from["id"].is_u64() && from["name"].is_string() && from["image"].is_u64();
    answer.must(is_speaker, "`from` with id, name and image")
}

fn seq(server: &Stranger) -> Found {
    let end = server.end()?;
    for n in 1..=3 {
        let answer = server.post(MESSAGES, &[PLAIN], b"check: count")?;
        let expected = Cursor {
            seq: end.seq + n,
            ..end
        };
        answer.must(answer.accepted()? == expected, format!("201 with the id {expected}"))?;
    }
    Ok(())
}

fn at(server: &Stranger) -> Found {
    let end = server.end()?;
    for _ in 0..3 {
        server.say("check: time")?;
    }
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    let instants: Vec<u64> = answer
        .batch()?
        .messages
        .iter()
        .filter_map(|message| message["at"].as_u64())
        .collect();
    let now_us = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros() as u64;
    let is_now = instants
        .iter()
        .all(|at| at.abs_diff(now_us) < CLOCKS.as_micros() as u64);
    answer.must(is_now, format!("`at` in microseconds, about {now_us}"))?;
    answer.must(instants.is_sorted(), "`at` that never decreases")
}

fn guest(server: &Stranger) -> Found {
    let end = server.end()?;
    server.say("check: as a guest")?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    let from = &answer.batch()?.messages[0]["from"];
    let guest = serde_json::json!({ "id": 0, "name": "路人甲", "image": 0 });
    answer.must(*from == guest, format!("from {guest}"))
}

/// The bytes of the first message in these.
fn message_in(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.windows(5).position(|window| window.starts_with(b"{\"id\""))?;
    let mut values = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    Some(bytes[start..start + values.byte_offset()].to_vec())
}

fn same_bytes(server: &Stranger) -> Found {
    let end = server.end()?;
    server.say("check: \"the same\" / 路人 \u{1f30d} \u{7f}")?;
    let poll = server.get(&format!("/talkplace/poll?after={end}"))?;
    poll.batch().map_err(Fault::in_the_way)?;
    let polled = message_in(&poll.body).ok_or_else(|| poll.broken("a message that begins with its id"))?;
    let long_poll = server.get(&format!("/talkplace/long-poll?after={end}"))?;
    let mut stream = server.events(&format!("after={end}"), &[]).map_err(Fault::in_the_way)?;
    let event = stream.message().map_err(Fault::in_the_way)?;
    let mut socket = server.websocket(&format!("?after={end}")).map_err(Fault::in_the_way)?;
    let frame = socket.text().map_err(Fault::in_the_way)?;
    for (transport, bytes) in [
        ("long polling", long_poll.body),
        ("the event stream", event.data.into_bytes()),
        ("the WebSocket", frame.into_bytes()),
    ] {
        let here = message_in(&bytes).unwrap_or(bytes);
        let shown = super::talk::shown;
        if here != polled {
            return Err(Fault::broken(
                format!("the same cursor by short polling and to {transport}"),
                format!("{} and {}", shown(&polled), shown(&here)),
                "the same bytes",
            ));
        }
    }
    Ok(())
}

fn largest(server: &Stranger) -> Found {
    let end = server.end()?;
    let text = "路".repeat(LONGEST / 3) + "x";
    let answer = server.post(MESSAGES, &[PLAIN], text.as_bytes())?;
    answer.accepted()?;
    // Six bytes of JSON for each byte of text.
    let escaped = format!("{{\"text\":\"{}\"}}", "\\u0001".repeat(LONGEST));
    let answer = server.post(MESSAGES, &[JSON], escaped.as_bytes())?;
    answer.accepted()?;
    let heard = server.heard_after(end)?.texts;
    answer.must(
        heard == [text, "\u{1}".repeat(LONGEST)],
        "both texts to be heard, whole",
    )
}

fn too_long(server: &Stranger) -> Found {
    let text = "x".repeat(LONGEST + 1);
    server.post(MESSAGES, &[PLAIN], text.as_bytes())?.must_refuse(413)?;
    let json = format!("{{\"text\":\"{text}\"}}");
    server
        .post(MESSAGES, &[JSON], json.as_bytes())?
        .must_refuse(413)
        .map(drop)
}

fn empty(server: &Stranger) -> Found {
    server.post(MESSAGES, &[PLAIN], b"")?.must_refuse(400)?;
    server
        .post(MESSAGES, &[JSON], br#"{"text":""}"#)?
        .must_refuse(400)
        .map(drop)
}

fn utf8(server: &Stranger) -> Found {
    for bytes in [&b"\xff"[..], b"check \xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
        server.post(MESSAGES, &[PLAIN], bytes)?.must_refuse(400)?;
    }
    Ok(())
}

fn any(server: &Stranger) -> Found {
    let end = server.end()?;
    let texts = [
        "\u{1}\u{1f}\u{7f}",
        "\r\n\t",
        "\u{2028}\u{2029}\u{feff}",
        "<script>&\"'\\",
        "\u{10ffff}路🌍",
        " check ",
    ];
    for text in texts {
        server.say(text)?;
    }
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    answer.must(answer.batch()?.texts == texts, format!("the texts {texts:?}"))
}
