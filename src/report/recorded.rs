//! Recordings that never took place: two messages, 100 ms apart, over a link of 20 ms each way.

use super::fixture;
use crate::protocol::Transport;
use crate::results::{Piece, Results, Trace, Traced, Way};

const START: u64 = 1_769_000_000_000_000;
const ONE_WAY: i64 = 20_000;
/// When the two messages are accepted.
const ACCEPTED: [i64; 2] = [5_100_000, 5_200_000];

/// All four transports, each with a recording of its first listener.
pub(crate) fn four_ways() -> Results {
    let mut results = fixture::four_ways();
    for run in &mut results.runs {
        let mut traced = Traced {
            opened_us: vec![-40_000],
            ..Traced::default()
        };
        match run.transport {
            Transport::Poll => poll(&mut traced),
            Transport::LongPoll => long_poll(&mut traced),
            Transport::Events => events(&mut traced),
            Transport::Websocket => websocket(&mut traced),
        }
        run.trace = Some(Trace {
            from_us: 5_000_000,
            until_us: 5_600_000,
            start_at_us: START,
            listeners: vec![traced],
        });
    }
    results
}

/// The same with three listeners each: who polls does so 60 ms after the one before it, who waits hears 150 µs later.
pub(crate) fn of_several() -> Results {
    let mut results = four_ways();
    for run in &mut results.runs {
        let later_us = if run.transport == Transport::Poll { 60_000 } else { 150 };
        let Some(trace) = &mut run.trace else { continue };
        for _ in 1..3 {
            let mut next = trace.listeners[trace.listeners.len() - 1].clone();
            for piece in &mut next.pieces {
                piece.left_us += later_us;
                piece.reached_us = piece.reached_us.map(|at_us| at_us + later_us);
            }
            trace.listeners.push(next);
        }
    }
    results
}

/// The message with this place, as the server writes it.
pub(crate) fn message(place: usize) -> String {
    let at = START as i64 + ACCEPTED[place];
    format!(r##"{{"id":"7f3a-{place}","at":{at},"from":{{"id":0,"name":"路人甲","image":0}},"text":"#{place} <b>"}}"##)
}

fn batch(messages: &[usize]) -> String {
    let messages: Vec<String> = messages.iter().map(|place| message(*place)).collect();
    let body = format!(r#"{{"next":"7f3a-9","messages":[{}]}}"#, messages.join(","));
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

const REQUEST: &str = "GET /talkplace/poll?after=7f3a-0 HTTP/1.1\r\nhost: a\r\ncookie: name=x\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn poll(traced: &mut Traced) {
    send(traced, Way::Out, 5_010_000, REQUEST.as_bytes());
    send(traced, Way::In, 5_030_100, EMPTY.as_bytes());
    send(traced, Way::Out, 5_260_000, REQUEST.as_bytes());
    send(traced, Way::In, 5_280_100, batch(&[0, 1]).as_bytes());
}

fn long_poll(traced: &mut Traced) {
    send(traced, Way::Out, 4_500_000, REQUEST.as_bytes());
    for place in [0, 1] {
        let at = ACCEPTED[place] + 100;
        send(traced, Way::In, at, batch(&[place]).as_bytes());
        send(traced, Way::Out, at + ONE_WAY, REQUEST.as_bytes());
    }
}

fn events(traced: &mut Traced) {
    send(traced, Way::Out, -40_000, REQUEST.as_bytes());
    send(
        traced,
        Way::In,
        -19_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    for place in [0, 1] {
        let event = format!("id: 7f3a-{place}\ndata: {}\n\n", message(place));
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        send(traced, Way::In, ACCEPTED[place] + 100, chunk.as_bytes());
    }
}

fn websocket(traced: &mut Traced) {
    send(traced, Way::Out, -40_000, REQUEST.as_bytes());
    send(traced, Way::In, -19_000, b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    for place in [0, 1] {
        let text = message(place);
        let frame = [&[0x81, text.len() as u8], text.as_bytes()].concat();
        send(traced, Way::In, ACCEPTED[place] + 100, &frame);
    }
    send(traced, Way::In, 5_300_000, &[0x89, 0]);
    send(traced, Way::Out, 5_320_000, &[0x8a, 0x80, 1, 2, 3, 4]);
}

fn send(traced: &mut Traced, way: Way, left_us: i64, bytes: &[u8]) {
    let before = traced.pieces.iter().filter(|piece| piece.way == way);
    traced.pieces.push(Piece {
        connection: 0,
        way,
        offset: before.map(|piece| piece.bytes.len() as u64).sum(),
        left_us,
        reached_us: Some(left_us + ONE_WAY),
        bytes: bytes.to_vec(),
    });
}
