//! Which assumption of the model a run's own figures speak against.

use crate::model::{Exchange, Plan};
use crate::protocol::Transport;
use crate::report::entry::Entry;
use crate::report::number::{counted, figure, milliseconds, percent, with_unit};
use crate::report::prediction::judged::{Judged, LEFT_OUT_MS, LEFT_OUT_SHARE};
use crate::report::prediction::{Figure, Inputs, Predicted};

/// Busier than this, requests wait for one another more often than not.
const BUSY: f64 = 0.5;
/// A way is longer than the link says if even the quickest delivery took so much more, in milliseconds.
const LONGER_MS: f64 = 0.5;
/// Deliveries beyond what the model allows at all: from this share on they are worth a word.
const BEYOND: f64 = 0.001;
/// More than so many are no accident.
const MANY_BEYOND: f64 = 0.05;
/// An interval that is so much longer than the model's is another interval.
const LONGER_SHARE: f64 = 1.03;

/// An assumption of the model that a run's own figures speak against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// What is there and not in the model, in a few words.
    pub(crate) short: &'static str,
    /// The same with the figures that show it, as a clause.
    pub(crate) told: String,
}

impl Reason {
    fn new(short: &'static str, told: String) -> Self {
        Reason { short, told }
    }
}

/// All that apply, the most telling first.
pub(crate) fn reasons(entry: &Entry, predicted: &Predicted, judged: &[Judged]) -> Vec<Reason> {
    let inputs = &predicted.inputs;
    let off = |is_one: &dyn Fn(&Judged) -> bool| judged.iter().any(|one| !one.agrees() && is_one(one));
    let late = off(&|one| one.figure.is_delay() && one.measured > one.predicted);
    let early = off(&|one| one.figure.is_delay() && one.measured < one.predicted);
    let of_counts = off(&|one| !one.figure.is_delay());
    let mut reasons = vec![
        between(entry),
        stopped(inputs),
        went_wrong(entry),
        repeated(entry, inputs),
        limited(inputs).filter(|_| late || early),
        busy(entry, inputs),
    ];
    // Whoever stands in between may do all that is found below.
    if of_counts && entry.run.between.is_none() {
        reasons.push(interval(entry, predicted));
        reasons.push(gap(entry, predicted));
    }
    if late && entry.run.between.is_none() {
        reasons.push(longer_way(entry, predicted));
        // A limit makes listeners wait by itself.
        reasons.push(beyond(entry, predicted).filter(|_| inputs.limit_percent.is_none()));
    }
    if late {
        reasons.push(generator(entry, predicted));
    }
    if early && inputs.limit_percent.is_none() {
        reasons.push(shorter_turns(inputs));
    }
    reasons.into_iter().flatten().collect()
}

/// In the model the link leads straight to the server.
fn between(entry: &Entry) -> Option<Reason> {
    let program = entry.run.between.as_ref()?;
    Some(Reason::new(
        "a program in between",
        format!("between the listeners and the server stood {program}, and the model has nobody there"),
    ))
}

/// The model's server never stops.
pub(super) fn stopped(inputs: &Inputs) -> Option<Reason> {
    (inputs.stopped_s > 0.0).then(|| {
        Reason::new(
            "a server that was stopped",
            format!(
                "the server was stopped for {} in mid-window, which the model’s never is, and what had waited came all at once",
                milliseconds(inputs.stopped_s * 1e3)
            ),
        )
    })
}

/// The model knows of no refusal, no failure and no loss.
fn went_wrong(entry: &Entry) -> Option<Reason> {
    let wrong = entry.run.counts.answers.refused + entry.run.failures.total() + entry.run.ledger.lost;
    (wrong > 0).then(|| {
        Reason::new(
            "refusals, failures and losses",
            format!(
                "{} refused, broken or lost, and the model knows of none",
                counted(wrong, "request or delivery was", "requests or deliveries were")
            ),
        )
    })
}

/// In the model every answer moves the cursor before the next request leaves.
fn repeated(entry: &Entry, inputs: &Inputs) -> Option<Reason> {
    let again = entry.run.ledger.repeated;
    (again > 0 && inputs.repeats()).then(|| {
        Reason::new(
            "requests that left before the last answer was there",
            format!(
                "requests left before the answer to the last one was there, with its cursor, and {}; in the model every answer brings what is new",
                counted(again, "message came again", "messages came again")
            ),
        )
    })
}

/// The model takes a share of a processor for a slower processor.
fn limited(inputs: &Inputs) -> Option<Reason> {
    let percent = inputs.limit_percent?;
    Some(Reason::new(
        "a limit of processor time",
        format!(
            "the server was held to {} of one processor, which the model takes for a slower processor; but what stays below the limit is done at full \
             speed, and what reaches it stands still for a while",
            with_unit(figure(percent), "%")
        ),
    ))
}

/// Short polls of the model do not wait for one another; others do, by what a piece of work costs on average.
fn busy(entry: &Entry, inputs: &Inputs) -> Option<Reason> {
    let load = inputs.load(entry).filter(|load| *load > BUSY)?;
    let why = match entry.transport() {
        Transport::Poll => "what finds them busy waits, which the model leaves out",
        _ => {
            "near a full server the wait hangs on what each piece of work costs, and the model knows its average alone"
        }
    };
    Some(Reason::new(
        "a busy server",
        format!(
            "the server’s processors were busy for {} of the window: {why}",
            percent(load.min(1.0))
        ),
    ))
}

/// Ticks that find the last answer missing are left out.
fn interval(entry: &Entry, predicted: &Predicted) -> Option<Reason> {
    let cycle_s = 1.0 / entry.requests_per_s().filter(|rate| *rate > 0.0)?;
    let expected_s = predicted.nearest()?.cycle_s();
    (entry.transport() == Transport::Poll && cycle_s > expected_s * LONGER_SHARE).then(|| {
        Reason::new(
            "a timer that asked less often",
            format!(
                "a listener asked every {} where the model has {}: its timer skips a turn when the last answer is not there yet",
                milliseconds(cycle_s * 1e3),
                milliseconds(expected_s * 1e3)
            ),
        )
    })
}

/// Which gap would have led to as many requests.
fn gap(entry: &Entry, predicted: &Predicted) -> Option<Reason> {
    if entry.transport() != Transport::LongPoll {
        return None;
    }
    let plan = predicted.inputs.plan(&entry.run.timeline.messages_s)?;
    let gap_s = predicted.inputs.exchange().gap_s();
    let found_s = gap_that_sends(entry.requests_per_s()?, &predicted.inputs, &plan)?;
    (found_s > gap_s * LONGER_SHARE).then(|| {
        Reason::new(
            "a longer gap before the next request",
            format!(
                "a gap of {} between an answer and the next request’s arrival would explain it, where the link and the server’s CPU make {}: the \
                 rest may be the load generator’s, or waiting for a processor",
                milliseconds(found_s * 1e3),
                milliseconds(gap_s * 1e3)
            ),
        )
    })
}

/// Halves an interval of client times until the schedule leads to so many requests a second; more gap, fewer requests.
fn gap_that_sends(requests_per_s: f64, inputs: &Inputs, plan: &Plan) -> Option<f64> {
    let exchange = |client_s: f64| Exchange {
        client_s,
        ..inputs.exchange()
    };
    let sends = |client_s: f64| {
        let herd = crate::model::saturation::LongPollHerd {
            exchange: exchange(client_s),
            ..inputs.herd()
        };
        plan.long_poll(&herd).map(|prediction| prediction.requests_per_s)
    };
    let (mut low_s, mut high_s) = (0.0, 1.0);
    if sends(low_s)? <= requests_per_s || sends(high_s)? >= requests_per_s {
        return None;
    }
    for _ in 0..20 {
        let middle_s = (low_s + high_s) / 2.0;
        if sends(middle_s)? > requests_per_s {
            low_s = middle_s;
        } else {
            high_s = middle_s;
        }
    }
    Some(exchange(high_s).gap_s())
}

/// Even the quickest was later than the model's.
fn longer_way(entry: &Entry, predicted: &Predicted) -> Option<Reason> {
    let quickest_ms = entry.run.server_delay.quantile_ms(0.0)?;
    let least_ms = predicted.nearest()?.delay.min_s() * 1e3;
    (quickest_ms > least_ms + LONGER_MS).then(|| {
        Reason::new(
            "a longer way than the link’s",
            format!(
                "even the quickest delivery took {}, and the model’s quickest {}: wake-ups, TCP or the load generator may be what is between them",
                milliseconds(quickest_ms),
                milliseconds(least_ms)
            ),
        )
    })
}

/// Later than the model allows at all.
fn beyond(entry: &Entry, predicted: &Predicted) -> Option<Reason> {
    let longest_ms = predicted.nearest()?.delay.max_s() * 1e3;
    let within = entry.run.server_delay.cumulative();
    let within = within
        .iter()
        .rev()
        .find(|(ms, _)| *ms <= longest_ms + LEFT_OUT_MS)
        .map_or(0.0, |(_, share)| *share);
    let slowest_ms = entry.run.server_delay.max_ms()?;
    let share = 1.0 - within;
    let why = if share > MANY_BEYOND {
        "in the model listeners wait for the server’s CPU time alone; the load generator, on the same machine, may have made them wait too"
    } else {
        "the server or the load generator may have stood still at times"
    };
    (share > BEYOND).then(|| {
        Reason::new(
            "deliveries later than the model allows at all",
            format!(
                "{} of the deliveries took longer than the {} that the model allows at all, up to {}: {why}",
                percent(share),
                milliseconds(longest_ms),
                milliseconds(slowest_ms)
            ),
        )
    })
}

/// The turns of the listeners are made of all of the server's CPU time, and some of it is in nobody's way.
fn shorter_turns(inputs: &Inputs) -> Option<Reason> {
    let work_ms = inputs.listeners * inputs.service_s / inputs.workers * 1e3;
    (work_ms > LEFT_OUT_MS).then(|| {
        Reason::new(
            "CPU time that nobody waits for",
            format!(
                "by its CPU time the server worked for {} on each message before the last listener had it, and listeners waited less: part of \
                 that time may have stood in nobody’s way, such as what it did after a write, for the publisher, or when idle",
                milliseconds(work_ms)
            ),
        )
    })
}

/// The generator's own lateness, on a machine that both share.
fn generator(entry: &Entry, predicted: &Predicted) -> Option<Reason> {
    let lag_ms = entry.run.publishing.lag.quantile_ms(0.99)?;
    let expected_ms = predicted.figure(Figure::Mean)?;
    (lag_ms > LEFT_OUT_MS + LEFT_OUT_SHARE * expected_ms).then(|| {
        Reason::new(
            "a late load generator",
            format!(
                "the load generator’s own sends were up to {} late (p99), so the machine may not have had enough for both",
                milliseconds(lag_ms)
            ),
        )
    })
}
