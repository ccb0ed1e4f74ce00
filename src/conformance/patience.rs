//! Rules that take up to a minute, and one that takes thousands of messages. Those that only wait do so at the same time.

use std::time::{Duration, Instant};

use super::rule::section::{REFUSALS, REQUESTS};
use super::rule::{Asks, Found, Rule};
use super::socket::PING;
use super::stranger::{MESSAGES, PLAIN};
use super::{Fault, Stranger};

pub(super) const RULES: &[Rule] = &[
    waits(
        "long-poll.usual",
        REQUESTS,
        "without a timeout a request is held for 25 s",
        usual_hold,
    ),
    waits(
        "events.heartbeat",
        REQUESTS,
        "a quiet stream has a comment every 15 s",
        heartbeat,
    ),
    waits(
        "websocket.pinged",
        REQUESTS,
        "a quiet WebSocket is pinged every 30 s",
        pinged,
    ),
    waits(
        "websocket.unanswered",
        REQUESTS,
        "a WebSocket that answers no ping for 30 s is ended",
        unanswered,
    ),
    waits(
        "head.late",
        REFUSALS,
        "a head that is not whole within 10 s is 408, and the connection closes",
        late_head,
    ),
    waits(
        "head.late-body",
        REFUSALS,
        "a body that is not whole within 30 s is 408, and the connection closes",
        late_body,
    ),
    Rule {
        name: "publish.rate",
        section: REFUSALS,
        says: "a publisher over its rate is 429 with `Retry-After`, and on a WebSocket a close 1008",
        asks: Asks::Floods(rate),
    },
];

const fn waits(name: &'static str, section: &'static str, says: &'static str, ask: fn(&Stranger) -> Found) -> Rule {
    Rule {
        name,
        section,
        says,
        asks: Asks::Waits(ask),
    }
}

/// Of its interval a timer may be early by one in so many: a server may send the heartbeats of several listeners together.
const EARLY: u32 = 25;
/// As much may it be late.
const LATE: Duration = Duration::from_secs(3);

/// Whether something came when it had to.
fn in_time(sent: &str, what: &str, began: Instant, due: Duration) -> Found {
    let came = began.elapsed();
    if came + due / EARLY >= due && came <= due + LATE {
        return Ok(());
    }
    Err(Fault::broken(
        sent,
        format!("{what} after {:.1} s", came.as_secs_f64()),
        format!("it after {} s", due.as_secs()),
    ))
}

fn usual_hold(server: &Stranger) -> Found {
    let (end, due) = (server.end()?, Duration::from_secs(25));
    let target = format!("/talkplace/long-poll?after={end}");
    let mut talk = server.connect()?;
    talk.wait_for(due);
    let began = Instant::now();
    server.send(&mut talk, "GET", &target, &[], b"");
    talk.answer()?.must_be(204)?;
    in_time(&format!("GET {target}"), "204", began, due)
}

fn heartbeat(server: &Stranger) -> Found {
    let due = Duration::from_secs(15);
    let mut stream = server.events("", &[]).map_err(Fault::in_the_way)?;
    stream.wait_for(due);
    // The cursor.
    stream.block()?;
    let began = Instant::now();
    match stream.block()? {
        Some(block) if block.is_comment => in_time("GET /talkplace/events", "a comment", began, due),
        _ => Err(Fault::broken(
            "GET /talkplace/events",
            "something else",
            "a comment after 15 s",
        )),
    }
}

fn pinged(server: &Stranger) -> Found {
    let due = Duration::from_secs(30);
    let mut socket = server.websocket("")?;
    socket.wait_for(due);
    let began = Instant::now();
    let frame = socket.frame("a ping after 30 s")?;
    if frame.opcode != PING {
        return Err(socket.broken(&frame, "a ping after 30 s"));
    }
    in_time("nothing on a WebSocket", "a ping", began, due)
}

fn unanswered(server: &Stranger) -> Found {
    let due = Duration::from_secs(30);
    let mut socket = server.websocket("")?;
    socket.wait_for(due);
    let frame = socket.frame("a ping")?;
    if frame.opcode != PING {
        return Err(socket.broken(&frame, "a ping").in_the_way());
    }
    let began = Instant::now();
    // A close, or the bare end of the connection.
    while began.elapsed() < due + LATE && socket.frame("the end of the connection").is_ok() {}
    in_time("no pong on a WebSocket", "the end of the connection", began, due)
}

fn late(server: &Stranger, bytes: &[u8], what: &str, due: Duration) -> Found {
    let mut talk = server.connect()?;
    talk.wait_for(due);
    let began = Instant::now();
    talk.send(bytes, what);
    let answer = talk.answer()?;
    answer.must_be(408)?;
    answer.must(talk.closes(), "408, and the end of the connection")?;
    in_time(what, "408", began, due)
}

fn late_head(server: &Stranger) -> Found {
    late(server, b"GET /healthz HT", "half a head", Duration::from_secs(10))
}

fn late_body(server: &Stranger) -> Found {
    let head = format!(
        "POST {MESSAGES} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf",
        server.host
    );
    late(server, head.as_bytes(), "half a body", Duration::from_secs(30))
}

/// Messages that are posted at once.
const AT_ONCE: usize = 100;
/// A server that takes so many has a limit that nobody reaches.
const MANY: usize = 20_000;

fn rate(server: &Stranger) -> Found {
    let mut talk = server.connect()?;
    for _ in 0..MANY / AT_ONCE {
        for _ in 0..AT_ONCE {
            server.send(&mut talk, "POST", MESSAGES, &[PLAIN], b"check: one of many");
        }
        for _ in 0..AT_ONCE {
            let answer = talk.answer()?;
            if answer.status != 201 {
                answer.must_refuse(429)?;
                let is_time = |value: &str| value.parse::<u32>().is_ok();
                answer.must_have_some("retry-after", is_time, "retry-after: a number of seconds")?;
                return rate_on_websocket(server);
            }
        }
    }
    Err(Fault::untold(format!(
        "{MANY} messages were taken, one after the other: its rate is higher than that"
    )))
}

fn rate_on_websocket(server: &Stranger) -> Found {
    let mut socket = server.websocket("")?;
    for _ in 0..10 * AT_ONCE {
        socket.say("check: one of many");
    }
    socket.must_close(1008).map(drop)
}
