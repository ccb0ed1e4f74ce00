//! What a run tells about each transport, and how much of it is asked for.

use std::collections::BTreeMap;

use super::Aim;
use crate::model::projection::{Costs, Load, Projection};
use crate::model::{self, Connection, Exchange, LongPoll, ShortPoll};
use crate::protocol::Transport;
use crate::report::entry::{Entry, entries};
use crate::results::knob::KEYS;
use crate::results::{Arrivals, PollTimer, Results, Scenario, TransportRun};

/// One transport of a run and what becomes of it.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    pub(crate) transport: Transport,
    /// Listeners that it was measured with.
    pub(crate) listeners: u32,
    /// Processor time of the server in the window.
    pub(crate) cpu_s: Option<f64>,
    /// What one of each costs.
    pub(crate) costs: Costs,
    /// Requests a second of one listener.
    pub(crate) rate: Rate,
    /// What the run itself came to.
    pub(crate) measured: Projection,
    /// What the aim comes to.
    pub(crate) scaled: Projection,
}

/// Where a listener's requests a second come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    /// Counted in the run, whose knobs were the same.
    Measured(f64),
    /// From the model, since a knob that they depend on was turned.
    Predicted(f64),
    /// Neither is known.
    Unknown,
}

impl Rate {
    pub(crate) fn per_s(self) -> Option<f64> {
        match self {
            Rate::Measured(per_s) | Rate::Predicted(per_s) => Some(per_s).filter(|per_s| per_s.is_finite()),
            Rate::Unknown => None,
        }
    }
}

/// The transports of a run, each with what it comes to.
pub(crate) fn bases(results: &Results, aim: &Aim) -> Vec<Basis> {
    let asked = turned(&results.scenario, aim);
    let entries = entries(0, results);
    entries
        .iter()
        .map(|entry| {
            let costs = costs(entry);
            let rate = rate(entry, &results.scenario, &asked, &costs);
            Basis {
                transport: entry.transport(),
                listeners: entry.run.listeners,
                cpu_s: entry.run.server.cpu_s,
                costs,
                rate,
                measured: measured(&entry.run),
                scaled: costs.at(&load(entry, rate, aim, &asked)),
            }
        })
        .collect()
}

/// The run's scenario with the knobs of the aim; its listeners stay those of the run.
pub(super) fn turned(scenario: &Scenario, aim: &Aim) -> Scenario {
    Scenario {
        rate_per_s: aim.rate_per_s.unwrap_or(scenario.rate_per_s),
        poll_interval: aim.poll_interval.unwrap_or(scenario.poll_interval),
        long_poll_timeout: aim.long_poll_timeout.unwrap_or(scenario.long_poll_timeout),
        rtt: aim.rtt.unwrap_or(scenario.rtt),
        ..scenario.clone()
    }
}

/// The knobs that a projection depends on, as a scenario writes them.
pub(super) fn knobs(scenario: &Scenario) -> BTreeMap<&'static str, String> {
    let turns = ["feed.rate", "poll.interval", "long_poll.timeout", "link.rtt"];
    KEYS.iter()
        .filter(|key| turns.contains(&key.name))
        .map(|key| (key.name, key.get(scenario)))
        .collect()
}

fn load(entry: &Entry, rate: Rate, aim: &Aim, asked: &Scenario) -> Load {
    Load {
        listeners: aim.listeners as f64,
        rate_per_s: asked.rate_per_s,
        requests_per_s: rate.per_s(),
        requests_per_message: f64::from(u8::from(entry.transport() == Transport::LongPoll)),
        pushed: !entry.asks(),
    }
}

/// A poll's work is that of its requests, whatever they bring; a stream's is that of its deliveries, since it asks for nothing.
fn costs(entry: &Entry) -> Costs {
    let run = &entry.run;
    let (out, into) = (run.bytes_out, run.bytes_in);
    let carried = out.bodies + out.frames + into.bodies + into.frames;
    // What idle listeners cost is theirs; without it known, all of it is the requests' or the deliveries'.
    let idle_cpu = share_of(
        run.server.idle_cpu_per_s.filter(|_| run.server.cpu_s.is_some()),
        run.listeners.into(),
    );
    let work_s = run
        .cpu_above_idle_s()
        .filter(|_| idle_cpu.is_some())
        .or(run.server.cpu_s);
    let cpu_per = |number: u64| share_of(work_s, number);
    let (request_cpu_s, delivery_cpu_s) = if entry.asks() {
        (cpu_per(run.counts.requests), Some(0.0))
    } else {
        (Some(0.0), cpu_per(run.counts.deliveries))
    };
    Costs {
        request_bytes: share(out.heads + into.heads, run.counts.requests),
        delivery_bytes: share(carried, run.counts.deliveries),
        request_cpu_s,
        delivery_cpu_s,
        idle_cpu,
        base_memory_bytes: run.server.rss_before_bytes.map(|bytes| bytes as f64),
        listener_memory_bytes: entry.memory_per_listener(),
    }
}

/// As counted, while every knob that they follow from is the run's; from the model otherwise.
fn rate(entry: &Entry, run: &Scenario, asked: &Scenario, costs: &Costs) -> Rate {
    let same_link = run.rtt == asked.rtt;
    let predicted = match entry.transport() {
        Transport::Poll if run.poll_interval != asked.poll_interval || !same_link => short_poll(asked, costs),
        Transport::LongPoll
            if run.long_poll_timeout != asked.long_poll_timeout || run.rate_per_s != asked.rate_per_s || !same_link =>
        {
            long_poll(asked, costs)
        }
        _ => return entry.requests_per_s().map_or(Rate::Unknown, Rate::Measured),
    };
    Rate::Predicted(predicted)
}

fn short_poll(asked: &Scenario, costs: &Costs) -> f64 {
    let poll = ShortPoll {
        interval_s: asked.poll_interval.as_secs_f64(),
        timer: match asked.poll_timer {
            PollTimer::Fixed => model::PollTimer::Fixed,
            PollTimer::AfterAnswer => model::PollTimer::AfterAnswer,
            PollTimer::Unguarded => model::PollTimer::Unguarded,
        },
        exchange: exchange(asked, costs),
        arrivals: arrivals(asked),
    };
    poll.predict().requests_per_s
}

fn long_poll(asked: &Scenario, costs: &Costs) -> f64 {
    let poll = LongPoll {
        hold_s: asked.long_poll_timeout.as_secs_f64(),
        exchange: exchange(asked, costs),
        arrivals: arrivals(asked),
    };
    poll.predict().requests_per_s
}

/// The server is as quick as its processor time for a request, where that is known: nobody waits for another.
fn exchange(asked: &Scenario, costs: &Costs) -> Exchange {
    Exchange {
        one_way_s: asked.one_way().as_secs_f64(),
        service_s: costs.request_cpu_s.unwrap_or(0.0),
        connection: if asked.http_keep_alive {
            Connection::Kept
        } else {
            Connection::Tcp
        },
        ..Exchange::default()
    }
}

fn arrivals(asked: &Scenario) -> model::Arrivals {
    let rate_per_s = asked.rate_per_s;
    match asked.arrivals {
        Arrivals::Poisson => model::Arrivals::Poisson { rate_per_s },
        Arrivals::Constant => model::Arrivals::Constant { rate_per_s },
    }
}

/// What the run itself came to, counted rather than scaled.
fn measured(run: &TransportRun) -> Projection {
    let in_window = |number: f64| (run.window_s > 0.0).then(|| number / run.window_s);
    let heads = run.bytes_out.heads + run.bytes_in.heads;
    let all = run.bytes_out.total() + run.bytes_in.total();
    Projection {
        requests_per_s: in_window(run.counts.requests as f64),
        head_bits_per_s: in_window(heads as f64 * 8.0),
        bits_per_s: in_window(all as f64 * 8.0),
        wire_bits_per_s: None,
        cores: run.server.cpu_s.and_then(in_window),
        burst_cpu_s: None,
        memory_bytes: run.server.rss_after_bytes.map(|bytes| bytes as f64),
        connections: f64::from(run.listeners),
    }
}

fn share_of(whole: Option<f64>, number: u64) -> Option<f64> {
    Some(whole? / nonzero(number)?)
}

fn share(part: u64, number: u64) -> Option<f64> {
    Some(part as f64 / nonzero(number)?)
}

fn nonzero(number: u64) -> Option<f64> {
    (number > 0).then_some(number as f64)
}
