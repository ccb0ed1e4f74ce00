//! What stands in the tables: a heading, and how the text of its cells follows from an entry.

use super::entry::Entry;
use super::finding::restart::MOMENT_S;
use super::number::{NONE, bytes, count, figure, milliseconds, percent, with_unit};
use crate::protocol::Transport;
use crate::results::{Distribution, Health, Ladder, Memory, MemorySample, Restart, Segments};

/// Turns one entry into the text of a cell.
pub(crate) type Cell = fn(&Entry) -> String;

/// Where the server or the system does not tell: what its process used, when it accepted a message, the segments of a connection.
pub(crate) const NOT_AVAILABLE: &str = "not available here";

/// Requests and connections of the window.
pub(crate) const REQUESTS: &[(&str, Cell)] = &[
    ("requests, all listeners", |e| count(e.run.counts.requests)),
    ("requests a second, per listener", |e| {
        optional(e.requests_per_s(), figure)
    }),
    ("answered with messages", |e| count(e.run.counts.answers.with_messages)),
    ("answered empty", |e| count(e.run.counts.answers.empty)),
    ("share of empty answers", |e| {
        optional(e.median(Entry::empty_share), percent)
    }),
    ("streams opened", |e| count(e.run.counts.answers.opened)),
    ("refused", refused),
    ("connections opened", |e| count(e.run.counts.connections.opened)),
    ("connections open before", |e| {
        count(e.run.counts.connections.opened_before)
    }),
];

/// What was heard, and by how many.
pub(crate) const DELIVERIES: &[(&str, Cell)] = &[
    ("listeners", |e| count(e.run.listeners.into())),
    ("messages in the window", |e| count(e.run.publishing.planned_in_window)),
    ("deliveries", |e| count(e.run.counts.deliveries)),
    ("requests per delivery", |e| optional(e.requests_per_delivery(), figure)),
];

/// Delay, from the intended instant to the instant at which it is heard.
pub(crate) const DELAY: &[(&str, Cell)] = &[
    ("p50", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.5)), milliseconds)
    }),
    ("p90", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.9)), milliseconds)
    }),
    ("p99", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.99)), milliseconds)
    }),
    ("max", |e| optional(e.run.delay.max_ms(), milliseconds)),
    ("mean", |e| optional(e.median(|e| e.run.delay.mean_ms()), milliseconds)),
];

/// Delay since the server accepted the message: without what the publisher and its request added.
pub(crate) const SERVER_DELAY: &[(&str, Cell)] = &[
    ("p50", |e| since_accepted(e, |delay| delay.quantile_ms(0.5))),
    ("p99", |e| since_accepted(e, |delay| delay.quantile_ms(0.99))),
    ("max", |e| since_accepted(e, Distribution::max_ms)),
];

/// What it took.
pub(crate) const COST: &[(&str, Cell)] = &[
    ("bytes to the server per delivery", |e| optional(e.bytes_out(), bytes)),
    ("bytes to the listener per delivery", |e| optional(e.bytes_in(), bytes)),
    ("TCP segments per delivery", |e| on_the_wire(e, e.segments(), figure)),
    ("bytes on the wire per delivery, headers included", |e| {
        on_the_wire(e, e.bytes_on_the_wire(), bytes)
    }),
    ("segments sent again", |e| {
        e.all_segments()
            .map_or(NOT_AVAILABLE.to_owned(), |all| count(all.retransmitted))
    }),
    ("server CPU per 1,000 deliveries", cpu_per_1000),
    ("server CPU in all", cpu),
    ("server’s open files", |e| {
        e.run.server.open_fds.map_or(NOT_AVAILABLE.to_owned(), count)
    }),
    ("server memory grown, per listener", |e| {
        told(
            e.median(Entry::memory_per_listener),
            e.run.server.rss_after_bytes.is_some(),
            bytes,
        )
    }),
];

/// What the server's process needed, beyond its time in all.
pub(crate) const PROCESS: &[(&str, Cell)] = &[
    ("CPU in its own code", |e| of_server(e.run.server.user_s, seconds)),
    ("CPU in the kernel", |e| of_server(e.run.server.system_s, seconds)),
    ("CPU a second of one idle listener", |e| {
        of_cpu(e, e.median(Entry::cpu_of_an_idle_listener))
    }),
    ("CPU above idle, per 1,000 deliveries", |e| {
        of_cpu(e, e.median(Entry::cpu_above_idle_per_1000_deliveries))
    }),
    ("CPU above idle, per 1,000 requests", |e| {
        of_cpu(e, e.median(Entry::cpu_above_idle_per_1000_requests))
    }),
    ("ready to run, but without a processor", |e| {
        of_server(e.run.server.waiting_s, seconds)
    }),
    ("memory, everybody there and silent", |e| {
        of_server(e.run.server.rss_settled_bytes, |n| bytes(n as f64))
    }),
    ("memory at its peak", |e| {
        of_server(e.run.server.rss_peak_bytes, |n| bytes(n as f64))
    }),
    ("context switches, voluntary", |e| {
        of_server(e.run.server.voluntary_switches, count)
    }),
    ("context switches, involuntary", |e| {
        of_server(e.run.server.involuntary_switches, count)
    }),
    ("kernel’s buffers for its connections", |e| {
        of_server(e.run.server.socket_buffer_bytes, |n| bytes(n as f64))
    }),
    ("threads", |e| of_server(e.run.server.threads, count)),
    ("open connections", |e| of_server(e.run.server.connections, count)),
];

/// The segments of the listeners' connections, those without anything in them too: receipts, mostly.
pub(crate) const WIRE: &[(&str, Cell)] = &[
    ("segments to the server", |e| segments(e, |all| all.to_server)),
    ("with anything in them", |e| segments(e, |all| all.data_to_server)),
    ("segments to the listeners", |e| segments(e, |all| all.to_listener)),
    ("with anything in them", |e| segments(e, |all| all.data_to_listener)),
];

/// How the load generator itself fared.
pub(crate) const GENERATOR: &[(&str, Cell)] = &[
    ("publisher’s lag, p50", |e| {
        optional(e.run.publishing.lag.quantile_ms(0.5), milliseconds)
    }),
    ("publisher’s lag, p99", |e| {
        optional(e.run.publishing.lag.quantile_ms(0.99), milliseconds)
    }),
    ("publisher’s lag, max", |e| {
        optional(e.run.publishing.lag.max_ms(), milliseconds)
    }),
    ("messages never sent", |e| count(e.run.publishing.missed)),
    ("woken late by, p50", |e| woken_late(e, |late| late.quantile_ms(0.5))),
    ("woken late by, p99", |e| woken_late(e, |late| late.quantile_ms(0.99))),
    ("woken late by, max", |e| woken_late(e, Distribution::max_ms)),
    ("CPU of all its threads", |e| {
        of_generator(e, |health| health.cpu_s.map(seconds))
    }),
    ("its busiest thread was busy for", |e| {
        of_generator(e, |health| health.busiest_thread.map(percent))
    }),
    ("deliveries on their way, counted", |e| {
        optional(e.run.little.as_ref().map(|little| little.counted), figure)
    }),
    ("deliveries on their way, rate × mean delay", |e| {
        optional(e.run.little.as_ref().map(|little| little.expected), figure)
    }),
    ("a sleep of 0.1 ms is longer by", |e| {
        let health = e.run.generator.as_ref();
        optional(health.and_then(|health| health.oversleeps_ms), milliseconds)
    }),
];

/// Whether everybody heard everything.
pub(crate) const LEDGER: &[(&str, Cell)] = &[
    ("expected", |e| count(e.run.ledger.expected)),
    ("heard", |e| count(e.run.ledger.heard)),
    ("lost", |e| count(e.run.ledger.lost)),
    ("repeated", |e| count(e.run.ledger.repeated)),
    ("out of order", |e| count(e.run.ledger.out_of_order)),
    ("failures of the generator", |e| count(e.run.failures.total())),
];

/// The main figures.
pub(crate) const SIDE_BY_SIDE: &[(&str, Cell)] = &[
    ("requests", |e| count(e.run.counts.requests)),
    ("empty", |e| optional(e.median(Entry::empty_share), percent)),
    ("delay p50", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.5)), milliseconds)
    }),
    ("delay p99", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.99)), milliseconds)
    }),
    ("bytes per delivery", |e| optional(e.median(Entry::bytes_both), bytes)),
    ("CPU per 1,000", cpu_per_1000),
    ("ledger", |e| {
        if e.run.ledger.is_clean() { "clean" } else { "not clean" }.to_owned()
    }),
];

/// Requests by what they were answered with.
pub(crate) const ANSWERS: &[(&str, Cell)] = &[
    ("requests", |e| count(e.run.counts.requests)),
    ("with messages", |e| count(e.run.counts.answers.with_messages)),
    ("empty", |e| count(e.run.counts.answers.empty)),
    ("streams opened", |e| count(e.run.counts.answers.opened)),
    ("refused", refused),
    ("per delivery", |e| optional(e.requests_per_delivery(), figure)),
];

/// How uneven requests come.
pub(crate) const OVER_TIME: &[(&str, Cell)] = &[
    ("requests a second, on average", |e| {
        let rates = e.rates_per_s();
        optional(
            (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64),
            figure,
        )
    }),
    ("in the busiest moment", |e| {
        optional(e.rates_per_s().into_iter().reduce(f64::max), figure)
    }),
    ("in the quietest", |e| {
        optional(e.rates_per_s().into_iter().reduce(f64::min), figure)
    }),
];

/// The slow end of the delays.
pub(crate) const TAIL: &[(&str, Cell)] = &[
    ("90 %", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.9)), milliseconds)
    }),
    ("99 %", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.99)), milliseconds)
    }),
    ("99.9 %", |e| {
        optional(e.median(|e| e.run.delay.quantile_ms(0.999)), milliseconds)
    }),
    ("all", |e| optional(e.run.delay.max_ms(), milliseconds)),
    ("deliveries", |e| count(e.run.delay.count())),
];

/// Bytes per delivery by direction and part.
pub(crate) const BYTES: &[(&str, Cell)] = &[
    ("to the server, heads", |e| part(e, e.run.bytes_out.heads)),
    ("to the server, bodies", |e| part(e, e.run.bytes_out.bodies)),
    ("to the server, frames", |e| part(e, e.run.bytes_out.frames)),
    ("to the listener, heads", |e| part(e, e.run.bytes_in.heads)),
    ("to the listener, bodies", |e| part(e, e.run.bytes_in.bodies)),
    ("to the listener, frames", |e| part(e, e.run.bytes_in.frames)),
    ("together", |e| optional(e.bytes_both(), bytes)),
];

/// What the server's process used.
pub(crate) const SERVER: &[(&str, Cell)] = &[
    ("CPU per 1,000 deliveries", cpu_per_1000),
    ("CPU in the window", cpu),
    ("deliveries", |e| count(e.run.counts.deliveries)),
    ("requests", |e| count(e.run.counts.requests)),
];

/// The server's memory over the run.
pub(crate) const MEMORY: &[(&str, Cell)] = &[
    ("before anybody came", |e| in_memory(e, |memory| memory.samples.first())),
    ("everybody there, nothing said", |e| {
        of_server(e.run.server.rss_settled_bytes, |n| bytes(n as f64))
    }),
    ("end of the window", |e| {
        of_server(e.run.server.rss_after_bytes, |n| bytes(n as f64))
    }),
    ("at most", |e| {
        in_memory(e, |memory| memory.samples.iter().max_by_key(|sample| sample.rss_bytes))
    }),
    ("kernel’s buffers at most", |e| {
        let samples = e.run.memory.iter().flat_map(|memory| &memory.samples);
        let most = samples.filter_map(|sample| sample.socket_buffer_bytes).max();
        of_server(most, |n| bytes(n as f64))
    }),
];

/// By what listeners listened that fall back.
pub(crate) const LADDER: &[(&str, Cell)] = &[
    ("WebSocket", |e| on(e, Some(Transport::Websocket))),
    ("events", |e| on(e, Some(Transport::Events))),
    ("long polling", |e| on(e, Some(Transport::LongPoll))),
    ("short polling", |e| on(e, Some(Transport::Poll))),
    ("nothing", |e| on(e, None)),
    ("falls", |e| walked(e, |ladder| count(ladder.falls().count() as u64))),
    ("p50", |e| {
        walked(e, |ladder| optional(ladder.fall_times().quantile_ms(0.5), milliseconds))
    }),
    ("longest", |e| {
        walked(e, |ladder| optional(ladder.fall_times().max_ms(), milliseconds))
    }),
    ("back at the end", |e| {
        walked(e, |ladder| count(ladder.at_the_end(e.transport()) as u64))
    }),
    ("heard two ways", |e| walked(e, |ladder| count(ladder.overlap))),
];

fn walked(entry: &Entry, figure: impl Fn(&Ladder) -> String) -> String {
    entry.run.ladder.as_ref().map_or(NONE.to_owned(), figure)
}

/// The share of the listeners' time in the window that they listened by this, or by nothing.
fn on(entry: &Entry, by: Option<Transport>) -> String {
    let warm_up_s = entry.run.timeline.step_s * entry.run.timeline.warm_up_steps as f64;
    let end_s = warm_up_s + entry.run.window_s / entry.each.len().max(1) as f64;
    walked(entry, |ladder| {
        let time_s = |by| {
            ladder
                .walks
                .iter()
                .fold(0.0, |sum, walk| sum + walk.time_on(by, warm_up_s, end_s))
        };
        let all_s = (end_s - warm_up_s) * ladder.walks.len() as f64;
        let used_s = match by {
            Some(transport) => time_s(transport),
            None => all_s - Transport::ALL.into_iter().map(time_s).sum::<f64>(),
        };
        optional((all_s > 0.0).then(|| (used_s / all_s).clamp(0.0, 1.0)), percent)
    })
}

/// How everybody came back after a restart of the server.
pub(crate) const RESTARTED: &[(&str, Cell)] = &[
    ("server told to end, until it had ended", |e| {
        after(e, |restart| milliseconds((restart.ended_s - restart.told_s) * 1e3))
    }),
    ("no server for", |e| {
        after(e, |restart| milliseconds((restart.listening_s - restart.ended_s) * 1e3))
    }),
    ("listeners cut off", |e| after(e, |restart| count(restart.cut))),
    ("listeners answered again", |e| {
        after(e, |restart| count(restart.returned()))
    }),
    ("connections that came to nothing", |e| {
        after(e, |restart| count(restart.refusals()))
    }),
    ("most connections within 100 ms, server back", |e| {
        after(e, |restart| count(restart.peak(MOMENT_S)))
    }),
    ("from the cut to an answer, p50", |e| {
        after(e, |restart| optional(restart.away.quantile_ms(0.5), milliseconds))
    }),
    ("from the cut to an answer, max", |e| {
        after(e, |restart| optional(restart.away.max_ms(), milliseconds))
    }),
    ("from the cut to a message, p50", |e| {
        after(e, |restart| optional(restart.deaf.quantile_ms(0.5), milliseconds))
    }),
    ("from the cut to a message, p99", |e| {
        after(e, |restart| optional(restart.deaf.quantile_ms(0.99), milliseconds))
    }),
    ("from the cut to a message, max", |e| {
        after(e, |restart| optional(restart.deaf.max_ms(), milliseconds))
    }),
    ("listeners late for their own tries by, p99", |e| {
        after(e, |restart| optional(restart.late.quantile_ms(0.99), milliseconds))
    }),
    ("messages posted again", |e| count(e.run.publishing.retried)),
];

fn after(entry: &Entry, figure: impl Fn(&Restart) -> String) -> String {
    entry.run.restart.as_ref().map_or(NONE.to_owned(), figure)
}

fn in_memory(entry: &Entry, at: fn(&Memory) -> Option<&MemorySample>) -> String {
    let sample = entry.run.memory.as_ref().and_then(at);
    of_server(sample, |sample| bytes(sample.rss_bytes as f64))
}

/// `12 (426: 5, 504: 7)`.
fn refused(entry: &Entry) -> String {
    let answers = &entry.run.counts.answers;
    let by_status = answers.refused_by_status.iter();
    let by_status: Vec<String> = by_status
        .map(|(status, times)| format!("{status}: {}", count(*times)))
        .collect();
    match by_status.as_slice() {
        [] => count(answers.refused),
        all => format!("{} ({})", count(answers.refused), all.join(", ")),
    }
}

fn cpu_per_1000(entry: &Entry) -> String {
    of_cpu(entry, entry.median(|round| round.run.cpu_ms_per_1000_deliveries()))
}

fn of_cpu(entry: &Entry, value: Option<f64>) -> String {
    told(value, entry.run.server.cpu_s.is_some(), milliseconds)
}

fn since_accepted(entry: &Entry, figure: fn(&Distribution) -> Option<f64>) -> String {
    told(
        figure(&entry.run.server_delay),
        since_accepted_is_told(entry),
        milliseconds,
    )
}

/// Deliveries without one that says when it was accepted are those of a server that does not tell.
pub(crate) fn since_accepted_is_told(entry: &Entry) -> bool {
    !entry.run.server_delay.is_empty() || entry.run.delay.is_empty()
}

fn cpu(entry: &Entry) -> String {
    of_server(entry.run.server.cpu_s, seconds)
}

fn seconds(seconds: f64) -> String {
    with_unit(figure(seconds), "s")
}

fn on_the_wire(entry: &Entry, value: Option<f64>, write: fn(f64) -> String) -> String {
    match entry.all_segments() {
        Some(_) => optional(value, write),
        None => NOT_AVAILABLE.to_owned(),
    }
}

fn segments(entry: &Entry, number: fn(&Segments) -> u64) -> String {
    of_server(entry.all_segments().map(number), count)
}

fn woken_late(entry: &Entry, figure: impl Fn(&Distribution) -> Option<f64>) -> String {
    of_generator(entry, |health| figure(&health.wake_up).map(milliseconds))
}

fn of_generator(entry: &Entry, figure: impl Fn(&Health) -> Option<String>) -> String {
    let told = entry.run.generator.as_ref().and_then(figure);
    told.unwrap_or(NOT_AVAILABLE.to_owned())
}

fn of_server<T>(value: Option<T>, write: impl Fn(T) -> String) -> String {
    value.map_or(NOT_AVAILABLE.to_owned(), write)
}

fn part(entry: &Entry, part: u64) -> String {
    let deliveries = entry.run.counts.deliveries;
    let per_delivery = (deliveries > 0).then(|| part as f64 / deliveries as f64);
    optional(per_delivery, bytes)
}

fn optional(value: Option<f64>, write: fn(f64) -> String) -> String {
    value.map_or(NONE.to_owned(), write)
}

/// Tells a figure that cannot be (a cost per delivery without a delivery) from one that the system does not give.
fn told(value: Option<f64>, told: bool, write: fn(f64) -> String) -> String {
    if told {
        optional(value, write)
    } else {
        NOT_AVAILABLE.to_owned()
    }
}
