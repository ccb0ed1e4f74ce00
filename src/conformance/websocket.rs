//! WebSocket: the upgrade, what is said and heard on it, and how it is closed.

use super::cursors::ELSEWHERE;
use super::rule::section::{REFUSALS, REQUESTS, WEBSOCKET};
use super::rule::{Found, Rule, now};
use super::socket::{BINARY, CLOSE, FIN, PING, PONG, Socket, TEXT, masked, unmasked};
use super::stranger::read;
use super::{Fault, Stranger};
use crate::protocol::Cursor;

pub(super) const RULES: &[Rule] = &[
    now(
        "websocket.upgrade",
        REQUESTS,
        "an upgrade is answered 101, with the key that belongs to the client's",
        upgrade,
    ),
    now(
        "websocket.all",
        REQUESTS,
        "what one says on it reaches every WebSocket, its own too",
        all,
    ),
    now(
        "websocket.message",
        REQUESTS,
        "a message is a text frame with the message in JSON",
        message,
    ),
    now(
        "websocket.posted",
        REQUESTS,
        "what is posted is heard on it, and what is said on it is heard by a poll",
        posted,
    ),
    now("websocket.after", REQUESTS, "`after=` says where it goes on", after),
    now(
        "websocket.fragments",
        REQUESTS,
        "a text in fragments, with a ping between them, is one message",
        fragments,
    ),
    now(
        "websocket.needed",
        REQUESTS,
        "without the upgrade it is 426, with `Upgrade: websocket`",
        needed,
    ),
    now(
        "websocket.version",
        REQUESTS,
        "so it is with another version than 13",
        version,
    ),
    now(
        "websocket.cursor",
        WEBSOCKET,
        "a cursor that is malformed or past the end is 400 before the upgrade",
        cursor,
    ),
    now(
        "websocket.gone",
        WEBSOCKET,
        "a cursor that is gone is a close 4410, its reason `{\"oldest\":…,\"next\":…}`",
        gone,
    ),
    now("websocket.binary", WEBSOCKET, "a binary frame is a close 1003", binary),
    now(
        "websocket.utf8",
        WEBSOCKET,
        "a text that is no UTF-8 is a close 1007",
        utf8,
    ),
    now(
        "websocket.too-long",
        WEBSOCKET,
        "a text over the limit is a close 1009",
        too_long,
    ),
    now("websocket.empty", WEBSOCKET, "an empty text is a close 1008", empty),
    now(
        "websocket.protocol",
        WEBSOCKET,
        "a broken protocol is a close 1002",
        protocol,
    ),
    now("websocket.ping", WEBSOCKET, "a ping is answered with its payload", ping),
    now(
        "websocket.close",
        WEBSOCKET,
        "a close is answered, and the connection ends",
        close,
    ),
    now(
        "websocket.refused",
        REFUSALS,
        "an upgrade elsewhere is an unknown path, or a request like any other",
        elsewhere,
    ),
];

fn upgrade(server: &Stranger) -> Found {
    let (answer, _) = server.upgrade("", &[])?;
    answer.must_be(101)?;
    answer.must_have_some(
        "upgrade",
        |value| value.eq_ignore_ascii_case("websocket"),
        "upgrade: websocket",
    )?;
    answer.must_have_some(
        "connection",
        |value| value.eq_ignore_ascii_case("upgrade"),
        "connection: upgrade",
    )
}

fn all(server: &Stranger) -> Found {
    let mut speaker = server.websocket("")?;
    let mut listener = server.websocket("")?;
    speaker.say("check: to all");
    for socket in [&mut speaker, &mut listener] {
        let heard = socket.text()?;
        // In which form it comes is another rule.
        if !heard.contains("check: to all") {
            return Err(Fault::broken(
                "the text \"check: to all\" on a WebSocket",
                heard,
                "the text, to every WebSocket",
            ));
        }
    }
    Ok(())
}

fn heard(socket: &mut Socket) -> Result<(Cursor, String), Fault> {
    let text = socket.text()?;
    let message = serde_json::from_str(&text).ok().as_ref().and_then(read);
    message.ok_or_else(|| {
        let frame = super::socket::Frame {
            opcode: TEXT,
            payload: text.into_bytes(),
        };
        socket.broken(&frame, "a message in JSON, with id, at, from and text")
    })
}

fn message(server: &Stranger) -> Found {
    let mut socket = server.websocket("")?;
    socket.say("check: 路人");
    let (id, text) = heard(&mut socket)?;
    if text == "check: 路人" {
        return Ok(());
    }
    Err(Fault::broken(
        "the text \"check: 路人\" on a WebSocket",
        format!("{text:?} as {id}"),
        "the text as it was said",
    ))
}

/// The next message on a socket has to be this one.
fn must_bring(socket: &mut Socket, sent: &str, text: &str) -> Result<Cursor, Fault> {
    match heard(socket)? {
        (id, brought) if brought == text => Ok(id),
        (_, other) => Err(Fault::broken(
            sent,
            format!("the message {other:?}"),
            format!("the message {text:?}"),
        )),
    }
}

fn posted(server: &Stranger) -> Found {
    let end = server.end()?;
    let mut socket = server.websocket("")?;
    server.say("check: posted")?;
    must_bring(&mut socket, "a post to those on a WebSocket", "check: posted")?;
    socket.say("check: said");
    must_bring(&mut socket, "the text \"check: said\" on a WebSocket", "check: said")?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    answer.must(
        answer.batch()?.texts == ["check: posted", "check: said"],
        "both messages",
    )
}

fn after(server: &Stranger) -> Found {
    let end = server.end()?;
    let id = server.say("check: before it came")?;
    let mut socket = server.websocket(&format!("?after={end}"))?;
    must_bring(
        &mut socket,
        &format!("an upgrade with after={end}"),
        "check: before it came",
    )?;
    // And goes on from there, without a gap and without a repeat.
    let next = server.say("check: after it came")?;
    let brought = must_bring(
        &mut socket,
        &format!("an upgrade with after={end}"),
        "check: after it came",
    )?;
    if brought == next && id.seq < next.seq {
        return Ok(());
    }
    Err(Fault::broken(
        "two messages",
        format!("the second as {brought}"),
        format!("the second as {next}"),
    ))
}

fn fragments(server: &Stranger) -> Found {
    let mut socket = server.websocket("")?;
    let pieces = [
        masked(TEXT, b"check: in "),
        masked(FIN | PING, b"between"),
        masked(0, "路".as_bytes()),
        masked(FIN, b" pieces"),
    ];
    socket.send(&pieces.concat(), "a text in three fragments, with a ping between them,");
    let (mut is_answered, mut is_heard) = (false, false);
    while !(is_answered && is_heard) {
        let frame = socket.next("the pong and the message")?;
        let text = String::from_utf8_lossy(&frame.payload).into_owned();
        match frame.opcode {
            PONG if text == "between" => is_answered = true,
            TEXT if text.contains("check: in 路 pieces") => is_heard = true,
            _ => return Err(socket.broken(&frame, "the pong, and the text as one message")),
        }
    }
    Ok(())
}

fn needed(server: &Stranger) -> Found {
    let answer = server.get("/talkplace")?;
    answer.must_refuse(426)?;
    answer.must_have_some(
        "upgrade",
        |value| value.eq_ignore_ascii_case("websocket"),
        "upgrade: websocket",
    )
}

fn version(server: &Stranger) -> Found {
    let fields = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let answer = server.get_with("/talkplace", &fields)?;
    answer.must_refuse(426)?;
    answer.must_have("sec-websocket-version", "13")
}

fn cursor(server: &Stranger) -> Found {
    let end = server.end()?;
    let ahead = format!("{}-{}", end.feed, end.seq + 1_000_000);
    for after in ["x", "-1", &ahead] {
        let (answer, _) = server.upgrade(&format!("?after={after}"), &[])?;
        answer.must_refuse(400)?;
    }
    Ok(())
}

fn gone(server: &Stranger) -> Found {
    let mut socket = server.websocket(&format!("?after={ELSEWHERE}"))?;
    let reason = socket.must_close(4410)?;
    let json: serde_json::Value = serde_json::from_str(&reason).unwrap_or_default();
    let is_cursor = |member: &str| {
        json[member]
            .as_str()
            .is_some_and(|cursor| cursor.parse::<Cursor>().is_ok())
    };
    if is_cursor("oldest") && is_cursor("next") {
        return Ok(());
    }
    let sent = format!("an upgrade with after={ELSEWHERE}");
    Err(Fault::broken(
        sent,
        format!("a close 4410 with the reason {reason:?}"),
        "the reason {\"oldest\":…,\"next\":…}",
    ))
}

/// Sends this on a WebSocket of its own, which has to be closed with that code.
fn closes(server: &Stranger, bytes: &[u8], what: &str, code: u16) -> Found {
    let mut socket = server.websocket("")?;
    socket.send(bytes, what);
    socket.must_close(code).map(drop)
}

fn binary(server: &Stranger) -> Found {
    closes(server, &masked(FIN | BINARY, b"check"), "a binary frame", 1003)
}

fn utf8(server: &Stranger) -> Found {
    closes(
        server,
        &masked(FIN | TEXT, b"check \xff"),
        "a text with the byte ff",
        1007,
    )?;
    closes(
        server,
        &masked(FIN | TEXT, b"check \xed\xa0\x80"),
        "a text with half of a surrogate pair",
        1007,
    )
}

fn too_long(server: &Stranger) -> Found {
    closes(
        server,
        &masked(FIN | TEXT, &[b'x'; 4097]),
        "a text of 4,097 bytes",
        1009,
    )?;
    let fragments = [masked(TEXT, &[b'x'; 3000]), masked(FIN, &[b'x'; 3000])].concat();
    closes(server, &fragments, "a text of 6,000 bytes in two fragments", 1009)
}

fn empty(server: &Stranger) -> Found {
    closes(server, &masked(FIN | TEXT, b""), "an empty text", 1008)
}

fn protocol(server: &Stranger) -> Found {
    for (bytes, what) in [
        (unmasked(FIN | TEXT, b"check"), "a frame without a mask"),
        (masked(FIN | 0x40 | TEXT, b"check"), "a frame with a reserved bit"),
        (masked(FIN | 3, b"check"), "a frame with the opcode 3"),
        (masked(FIN, b"check"), "the end of a message that was not begun"),
        (masked(PING, b"check"), "a ping in fragments"),
        (masked(FIN | PING, &[b'x'; 126]), "a ping of 126 bytes"),
        (masked(FIN | CLOSE, &[3]), "a close with half a code"),
        (
            masked(FIN | CLOSE, &1005_u16.to_be_bytes()),
            "a close with the code 1005",
        ),
    ] {
        closes(server, &bytes, what, 1002)?;
    }
    Ok(())
}

fn ping(server: &Stranger) -> Found {
    let mut socket = server.websocket("")?;
    for payload in [&b""[..], b"check", &[0xff; 125]] {
        socket.send(
            &masked(FIN | PING, payload),
            &format!("a ping of {} bytes", payload.len()),
        );
        let frame = socket.next("a pong")?;
        if frame.opcode != PONG || frame.payload != payload {
            return Err(socket.broken(&frame, "a pong with the same payload"));
        }
    }
    Ok(())
}

fn close(server: &Stranger) -> Found {
    let mut socket = server.websocket("")?;
    socket.send(
        &masked(FIN | CLOSE, &1000_u16.to_be_bytes()),
        "a close with the code 1000",
    );
    socket.must_close(1000).map(drop)
}

fn elsewhere(server: &Stranger) -> Found {
    let fields = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    server.get_with("/talkplace/nowhere", &fields)?.must_refuse(404)?;
    server.get_with("/healthz", &fields)?.must_be(200)
}
