//! Which assumption of the model a run's own figures speak against.

use super::{Judged, MODEL_MS, MODEL_SHARE};
use crate::model::{Exchange, Plan};
use crate::protocol::Transport;
use crate::report::entry::Entry;
use crate::report::number::{counted, milliseconds, percent};
use crate::report::prediction::{Figure, Inputs, Predicted};

/// Busier than this, requests wait for one another more often than not.
const BUSY: f64 = 0.5;
/// A way is longer than the link says if even the quickest delivery took so much more, in milliseconds.
const LONGER_MS: f64 = 0.5;
/// Deliveries beyond what the model allows at all: from this share on they are worth a word.
const BEYOND: f64 = 0.001;
/// More than so many are no accident.
const MANY_BEYOND: f64 = 0.05;
/// An interval that is so much longer than the knob is another interval.
const LONGER_SHARE: f64 = 1.03;

/// All that apply, the most telling first, as clauses.
pub(super) fn reasons(entry: &Entry, predicted: &Predicted, judged: &[Judged]) -> Vec<String> {
    let off = |figure: Figure| judged.iter().any(|one| one.figure == figure && !one.agrees);
    let late = judged
        .iter()
        .any(|one| one.figure.is_delay() && !one.agrees && one.measured > one.predicted);
    let early = judged
        .iter()
        .any(|one| one.figure.is_delay() && !one.agrees && one.measured < one.predicted);
    let asked = off(Figure::Requests) || off(Figure::EmptyShare);
    let mut reasons = vec![
        stopped(&predicted.inputs),
        went_wrong(entry),
        repeated(entry, &predicted.inputs),
        busy(entry, &predicted.inputs),
    ];
    if asked {
        reasons.push(interval(entry, &predicted.inputs));
        reasons.push(gap(entry, predicted));
    }
    if late {
        reasons.push(longer_way(entry, predicted));
        reasons.push(beyond(entry, predicted));
        reasons.push(generator(entry, predicted));
    }
    if early {
        reasons.push(shorter_turns(&predicted.inputs));
    }
    reasons.into_iter().flatten().collect()
}

/// The model's server never stops.
fn stopped(inputs: &Inputs) -> Option<String> {
    (inputs.stopped_s > 0.0).then(|| {
        format!(
            "the server was stopped for {} in mid-window, and the model’s never is",
            milliseconds(inputs.stopped_s * 1e3)
        )
    })
}

/// The model knows of no refusal, no failure and no loss.
fn went_wrong(entry: &Entry) -> Option<String> {
    let wrong = entry.run.counts.answers.refused + entry.run.failures.total() + entry.run.ledger.lost;
    (wrong > 0).then(|| {
        format!(
            "{} refused, broken or lost, and the model knows of none",
            counted(wrong, "request or delivery was", "requests or deliveries were")
        )
    })
}

/// In the model every answer moves the cursor before the next request leaves.
fn repeated(entry: &Entry, inputs: &Inputs) -> Option<String> {
    let again = entry.run.ledger.repeated;
    (again > 0 && inputs.repeats()).then(|| {
        format!(
            "requests left before the answer to the last one was there, with its cursor, and {}; in the model every answer brings what is new",
            counted(again, "message came again", "messages came again")
        )
    })
}

/// The model lets no request wait for another, but for the turns of a herd.
fn busy(entry: &Entry, inputs: &Inputs) -> Option<String> {
    let load = inputs.load(entry).filter(|load| *load > BUSY)?;
    Some(format!(
        "the server’s processors were busy for {} of the window, and what finds them busy waits",
        percent(load.min(1.0))
    ))
}

/// Ticks that find the last answer missing are left out.
fn interval(entry: &Entry, inputs: &Inputs) -> Option<String> {
    let cycle_s = 1.0 / entry.requests_per_s().filter(|rate| *rate > 0.0)?;
    (entry.transport() == Transport::Poll && cycle_s > inputs.interval_s * LONGER_SHARE).then(|| {
        format!(
            "a listener asked every {} where the knob says {}: answers were slower than that",
            milliseconds(cycle_s * 1e3),
            milliseconds(inputs.interval_s * 1e3)
        )
    })
}

/// Which gap would have led to as many requests.
fn gap(entry: &Entry, predicted: &Predicted) -> Option<String> {
    if entry.transport() != Transport::LongPoll {
        return None;
    }
    let plan = predicted.inputs.plan(&entry.run.timeline.messages_s)?;
    let gap_s = predicted.inputs.exchange().gap_s();
    let found_s = gap_that_sends(entry.requests_per_s()?, &predicted.inputs, &plan)?;
    (found_s > gap_s * LONGER_SHARE).then(|| {
        format!(
            "a gap of {} between an answer and the next request’s arrival explains it, where the link and the server’s CPU make {}: the \
             rest is the load generator’s, or waiting for a processor",
            milliseconds(found_s * 1e3),
            milliseconds(gap_s * 1e3)
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
fn longer_way(entry: &Entry, predicted: &Predicted) -> Option<String> {
    let quickest_ms = entry.run.server_delay.quantile_ms(0.0)?;
    let least_ms = predicted.nearest()?.delay.min_s() * 1e3;
    (quickest_ms > least_ms + LONGER_MS).then(|| {
        format!(
            "even the quickest delivery took {}, and the model’s quickest {}: timers, wake-ups and the load generator are part of the way",
            milliseconds(quickest_ms),
            milliseconds(least_ms)
        )
    })
}

/// Later than the model allows at all.
fn beyond(entry: &Entry, predicted: &Predicted) -> Option<String> {
    let longest_ms = predicted.nearest()?.delay.max_s() * 1e3;
    let within = entry.run.server_delay.cumulative();
    let within = within
        .iter()
        .rev()
        .find(|(ms, _)| *ms <= longest_ms + 1.0)
        .map_or(0.0, |(_, share)| *share);
    let slowest_ms = entry.run.server_delay.max_ms()?;
    let share = 1.0 - within;
    let why = if share > MANY_BEYOND {
        "the model gives turns to the server’s CPU time only, and the load generator serves its listeners one after the other too"
    } else {
        "the server or the load generator stood still at times"
    };
    (share > BEYOND).then(|| {
        format!(
            "{} of the deliveries took longer than the {} that the model allows at all, up to {}: {why}",
            percent(share),
            milliseconds(longest_ms),
            milliseconds(slowest_ms)
        )
    })
}

/// The turns of the listeners are made of all of the server's CPU time, and some of it is in nobody's way.
fn shorter_turns(inputs: &Inputs) -> Option<String> {
    let work_ms = inputs.listeners * inputs.service_s / inputs.workers * 1e3;
    (work_ms > MODEL_MS).then(|| {
        format!(
            "by its CPU time the server worked for {} on each message before the last listener had it, and this run shows less: part of \
             that time stood in nobody’s way, such as what it did after a write, for the publisher, or when idle",
            milliseconds(work_ms)
        )
    })
}

/// The generator's own lateness, on a machine that both share.
fn generator(entry: &Entry, predicted: &Predicted) -> Option<String> {
    let lag_ms = entry.run.publishing.lag.quantile_ms(0.99)?;
    let expected_ms = predicted.figure(Figure::Mean)?;
    (lag_ms > MODEL_MS + MODEL_SHARE * expected_ms).then(|| {
        format!(
            "the load generator’s own sends were up to {} late (p99), so the machine had not enough for both",
            milliseconds(lag_ms)
        )
    })
}
