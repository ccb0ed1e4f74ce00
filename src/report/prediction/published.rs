//! The third mark: figures that others published and that this run happens to repeat.

use super::figure::exchange_heads;
use super::{Figure, Predicted};
use crate::model::bytes::polling_bits_per_s;
use crate::model::published::{BINARY_MEGA, Published, find};
use crate::model::{Arrivals, Connection};
use crate::protocol::Transport;
use crate::report::beside::Beside;
use crate::report::entry::Entry;
use crate::report::number::{NONE, bytes, figure, times, with_unit};
use crate::report::table::{Group, Row, Table};

/// One published number beside what this run says about it.
struct Claim {
    what: String,
    published: String,
    predicted: Option<f64>,
    measured: Option<f64>,
    write: fn(f64) -> String,
}

/// One transport of the run with what the model says.
type One<'a> = (&'a Entry, &'a Predicted);

/// The published figures that the first run repeats, by source; `None` when it repeats none.
pub(crate) fn published(beside: &Beside) -> Option<Table> {
    let all: Vec<One> = beside
        .predicted(0)
        .filter(|(_, one)| one.inputs.messages() > 0.0)
        .collect();
    let of = |transport: Transport| all.iter().copied().find(|(entry, _)| entry.transport() == transport);
    let (poll, long_poll) = (of(Transport::Poll), of(Transport::LongPoll));
    let (events, websocket) = (of(Transport::Events), of(Transport::Websocket));
    let groups = [
        ("rfc-6202-long-polling", long_poll.and_then(long_polling)),
        ("rfc-6202-streaming", websocket.or(events).and_then(streaming)),
        ("lubbers-greco-latency", long_poll.zip(websocket).and_then(three_to_one)),
        (
            "hickson-kilobytes-to-bytes",
            long_poll.zip(websocket).and_then(new_connections),
        ),
        ("lubbers-greco-traffic", poll.and_then(megabits)),
        ("pimentel-nickerson-sensor", long_poll.zip(websocket).and_then(sensor)),
        ("grigorik-overhead", Some(overhead(poll, websocket))),
    ];
    let groups = groups
        .into_iter()
        .filter_map(|(key, claims)| group(find(key)?, claims?));
    let groups: Vec<Group> = groups.collect();
    (!groups.is_empty()).then(|| Table {
        name: "published",
        caption: "Published figures that this run repeats".into(),
        corner: String::new(),
        columns: ["published", "predicted", "measured"].map(str::to_owned).into(),
        groups,
        numeric: true,
    })
}

fn group(source: &Published, claims: Vec<Claim>) -> Option<Group> {
    let write = |value: Option<f64>, write: fn(f64) -> String| value.map_or(NONE.to_owned(), write);
    let rows: Vec<Row> = claims
        .into_iter()
        .map(|claim| {
            let (predicted, measured) = (write(claim.predicted, claim.write), write(claim.measured, claim.write));
            Row::new(claim.what, vec![claim.published, predicted, measured])
        })
        .collect();
    let place = match source.source.place {
        "" => String::new(),
        place => format!(", {place}"),
    };
    let year = source.source.year.map(|year| format!(", {year}")).unwrap_or_default();
    (!rows.is_empty()).then(|| Group {
        title: format!("{}: {}{place}{year}", source.source.authors, source.source.title),
        rows,
    })
}

fn transits(value: f64) -> String {
    with_unit(
        times(value),
        if (value - 1.0).abs() < 0.05 {
            "transit"
        } else {
            "transits"
        },
    )
}

fn ratio(value: f64) -> String {
    with_unit(times(value), ": 1")
}

fn megabits_of_2_20(value: f64) -> String {
    with_unit(figure(value), "Mbit/s of 2^20")
}

/// A delay figure as a multiple of one way of the link; `None` without a link.
fn in_transits(what: &str, published: String, of: Figure, (entry, predicted): One) -> Option<Claim> {
    let transit_ms = predicted.inputs.one_way_s * 1e3;
    (transit_ms > 0.0).then(|| Claim {
        what: what.to_owned(),
        published,
        predicted: predicted.figure(of).map(|ms| ms / transit_ms),
        measured: of.measured(entry).map(|ms| ms / transit_ms),
        write: transits,
    })
}

fn long_polling(one: One) -> Option<Vec<Claim>> {
    Some(vec![
        in_transits(
            "long polling, mean delay",
            "close to 1 transit".into(),
            Figure::Mean,
            one,
        )?,
        in_transits(
            "long polling, longest delay",
            "over 3 transits".into(),
            Figure::Longest,
            one,
        )?,
    ])
}

fn streaming(one: One) -> Option<Vec<Claim>> {
    let name = one.0.transport().title();
    Some(vec![
        in_transits(&format!("{name}, mean delay"), "1 transit".into(), Figure::Mean, one)?,
        in_transits(
            &format!("{name}, longest delay"),
            "1 transit".into(),
            Figure::Longest,
            one,
        )?,
    ])
}

/// The longest that asking again takes, over what a frame takes: three transits against one.
fn three_to_one((long_poll, websocket): (One, One)) -> Option<Vec<Claim>> {
    if long_poll.1.inputs.one_way_s == 0.0 {
        return None;
    }
    let over = |of: Figure, what: &str, published: String| Claim {
        what: what.to_owned(),
        published,
        predicted: long_poll
            .1
            .figure(of)
            .zip(websocket.1.figure(Figure::Mean))
            .map(|(a, b)| a / b),
        measured: of
            .measured(long_poll.0)
            .zip(Figure::Mean.measured(websocket.0))
            .map(|(a, b)| a / b),
        write: ratio,
    };
    Some(vec![
        over(
            Figure::Longest,
            "delay of asking again over a frame’s, longest over mean",
            "3\u{a0}: 1".into(),
        ),
        over(Figure::Mean, "the same, mean over mean", "not told".into()),
    ])
}

/// A TCP round trip and the message, against the message alone: polls that open a connection each.
fn new_connections((long_poll, websocket): (One, One)) -> Option<Vec<Claim>> {
    if long_poll.1.inputs.connection == Connection::Kept {
        return None;
    }
    let published = find("hickson-kilobytes-to-bytes")?;
    let over = published.value("with a new connection")? / published.value("over an open one")?;
    let claim = |what: &str, of: Figure, one: One, published: f64| in_transits(what, transits(published), of, one);
    Some(vec![
        claim(
            "with a new connection: long polling, mean delay",
            Figure::Mean,
            long_poll,
            over,
        )?,
        claim("over an open one: WebSocket, mean delay", Figure::Mean, websocket, 1.0)?,
    ])
}

/// Headers of 1,000, 10,000 or 100,000 listeners who ask every second.
fn megabits((entry, predicted): One) -> Option<Vec<Claim>> {
    let inputs = &predicted.inputs;
    let published = find("lubbers-greco-traffic")?;
    let clients = crate::report::number::count(entry.run.listeners.into());
    let value = published.value(&format!("polling, {clients} clients"))?;
    let theirs = published.value("header bytes a poll")?;
    let heads = (entry.run.bytes_out.heads + entry.run.bytes_in.heads) as f64;
    let ours = exchange_heads(predicted.nearest()?, inputs);
    let bits_per_s = polling_bits_per_s(inputs.listeners, inputs.interval_s, ours);
    (inputs.interval_s == 1.0).then(|| {
        vec![Claim {
            what: format!(
                "headers of {clients} listeners, {} a poll there and {} here",
                bytes(theirs),
                bytes(ours)
            ),
            published: megabits_of_2_20(value),
            predicted: Some(bits_per_s / BINARY_MEGA),
            measured: Some(heads * 8.0 / entry.run.window_s / BINARY_MEGA),
            write: megabits_of_2_20,
        }]
    })
}

/// Four readings a second over a way shorter than half of what lies between them: long polling is as good as WebSocket.
fn sensor((long_poll, websocket): (One, One)) -> Option<Vec<Claim>> {
    let inputs = &long_poll.1.inputs;
    let fits = inputs.arrivals == Arrivals::Constant { rate_per_s: 4.0 } && inputs.one_way_s > 0.0;
    (fits && inputs.one_way_s < 0.125).then(|| {
        let over = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
        vec![Claim {
            what: "mean delay of long polling over that of WebSocket".into(),
            published: ratio(1.0),
            predicted: over(long_poll.1.figure(Figure::Mean), websocket.1.figure(Figure::Mean)),
            measured: over(Figure::Mean.measured(long_poll.0), Figure::Mean.measured(websocket.0)),
            write: ratio,
        }]
    })
}

/// Headers of a poll and its answer, and what a frame adds.
fn overhead(poll: Option<One>, websocket: Option<One>) -> Vec<Claim> {
    let heads = poll.and_then(|(entry, _)| {
        let run = &entry.run;
        let answered = run.counts.answers.with_messages + run.counts.answers.empty;
        (answered > 0 && run.counts.requests > 0).then(|| Claim {
            what: "headers of a poll and its answer".into(),
            published: "500 to 800\u{a0}B".into(),
            predicted: None,
            measured: Some((run.bytes_out.heads + run.bytes_in.heads) as f64 / run.counts.requests as f64),
            write: bytes,
        })
    });
    let frame = websocket.and_then(|(entry, predicted)| {
        let message = predicted.inputs.message_bytes?;
        Some(Claim {
            what: "what a WebSocket frame adds to a message".into(),
            published: "2 to 14\u{a0}B".into(),
            predicted: Some(crate::model::bytes::websocket_header(message.round() as usize, false) as f64),
            measured: Some(entry.run.bytes_in.frames as f64 / entry.run.counts.deliveries as f64),
            write: bytes,
        })
    });
    heads.into_iter().chain(frame).collect()
}
