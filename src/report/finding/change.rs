//! What a run did differently from those beside it.

use super::super::beside::Beside;
use super::super::caution::MANY_MESSAGES;
use super::super::entry::Entry;
use super::super::number::{milliseconds, percent, times};
use super::super::word::{list, name, sentence};
use super::delay;
use crate::protocol::Transport;

/// Request rates that are closer than this are the same: phases and arrivals differ between runs.
const CLEARLY_MORE: f64 = 0.05;

/// CPU time varies more from run to run than anything else.
const CLEARLY_MORE_CPU: f64 = 0.2;
/// So many other runs get a sentence of their own; the tables and charts have all of them.
const TOLD: usize = 2;

/// A sentence for each of the first runs that this one differs from, and one for all those that it does not.
pub(super) fn changes(beside: &Beside) -> Vec<String> {
    let (others, strangers): (Vec<usize>, Vec<usize>) =
        (1..beside.runs.len()).partition(|side| !pairs(beside, *side).is_empty());
    let (differ, same): (Vec<usize>, Vec<usize>) =
        others.into_iter().partition(|side| !clearly(beside, *side).is_empty());
    let mut sentences: Vec<String> = differ.into_iter().take(TOLD).map(|side| change(beside, side)).collect();
    sentences.extend(unchanged(beside, &same));
    let name = |side: usize| &beside.runs[side].run;
    sentences.extend(
        strangers
            .into_iter()
            .map(|side| format!("Run {} has no transport in common with this one.", name(side))),
    );
    sentences
}

/// The title of the chart of requests, when there is one run to compare with and some transport asked clearly more or less often.
pub(super) fn requests_title(beside: &Beside) -> Option<String> {
    if beside.runs.len() != 2 {
        return None;
    }
    let asked = |(now, then): (&Entry, &Entry)| {
        let (often, then_often) = (now.requests_per_s()?, then.requests_per_s()?);
        let asked = asked(Some(often), Some(then_often))?;
        Some((often - then_often, format!("{} {asked}", name(now.transport()))))
    };
    let most = pairs(beside, 1)
        .into_iter()
        .filter_map(asked)
        .max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()))?;
    let knobs = knobs(beside, 1);
    let cause = match knobs.len() {
        1 | 2 => format!(" with {}", list(&knobs)),
        _ => format!(", compared with run {}", beside.runs[1].run),
    };
    Some(sentence(&format!("{}{cause}", most.1)))
}

fn change(beside: &Beside, side: usize) -> String {
    let mut clearly = clearly(beside, side);
    let same = touched(beside, side)
        .into_iter()
        .filter(|(now, then)| changes_of(now, then).is_empty());
    let same: Vec<&str> = same.map(|(now, _)| name(now.transport())).collect();
    if !same.is_empty() {
        clearly.push(format!("{} did about the same", list(&same)));
    }
    sentence(&format!("{}: {}.", against(beside, side), clearly.join("; ")))
}

fn unchanged(beside: &Beside, sides: &[usize]) -> Option<String> {
    let (first, more) = sides.split_first()?;
    if more.is_empty() {
        return Some(sentence(&format!(
            "{}, nothing changed in a way that these runs can show.",
            against(beside, *first)
        )));
    }
    let names: Vec<&str> = sides.iter().map(|side| beside.runs[*side].run.as_str()).collect();
    Some(format!(
        "Beside the runs {} nothing changed in a way that these runs can show.",
        list(&names)
    ))
}

/// What changed clearly against another run, transport by transport.
fn clearly(beside: &Beside, side: usize) -> Vec<String> {
    let changes = touched(beside, side)
        .into_iter()
        .map(|(now, then)| (now, changes_of(now, then)));
    let changes = changes.filter(|(_, changes)| !changes.is_empty());
    changes
        .map(|(now, changes)| format!("{} {}", name(now.transport()), list(&changes)))
        .collect()
}

/// The transports that both runs have measured.
fn pairs<'a>(beside: &'a Beside, side: usize) -> Vec<(&'a Entry, &'a Entry)> {
    let same = |now: &Entry| beside.of_side(side).find(|then| then.transport() == now.transport());
    beside.of_side(0).filter_map(|now| Some((now, same(now)?))).collect()
}

/// Those of them that a knob which differs can have touched: what moves beside it is chance.
fn touched<'a>(beside: &'a Beside, side: usize) -> Vec<(&'a Entry, &'a Entry)> {
    let differ = || {
        beside
            .differences
            .iter()
            .filter(|knob| knob.values[0] != knob.values[side])
    };
    let touches = |knob: &str, transport: Transport| match knob.split_once('.') {
        Some(("poll", _)) => transport == Transport::Poll,
        Some(("long_poll", _)) => transport == Transport::LongPoll,
        _ => true,
    };
    let can = |transport| differ().next().is_none() || differ().any(|knob| touches(knob.name, transport));
    let pairs = pairs(beside, side).into_iter();
    pairs.filter(|(now, _)| can(now.transport())).collect()
}

/// What the run is seen against: `with long_poll.timeout at 2s instead of 25s`.
fn against(beside: &Beside, side: usize) -> String {
    let knobs = knobs(beside, side);
    let other = &beside.runs[side].run;
    match knobs.len() {
        0 => format!("with the same knobs as in run {other}"),
        1 | 2 => format!("with {} (run {other})", list(&knobs)),
        many => format!("against run {other}, from which {many} knobs differ"),
    }
}

/// The knobs that differ: `long_poll.timeout at 2s instead of 25s`.
fn knobs(beside: &Beside, side: usize) -> Vec<String> {
    let differences = beside
        .differences
        .iter()
        .filter(|knob| knob.values[0] != knob.values[side]);
    differences
        .map(|knob| format!("{} at {} instead of {}", knob.name, knob.values[0], knob.values[side]))
        .collect()
}

/// What changed clearly, as verbs: `asked 4.6 times as often`.
fn changes_of(now: &Entry, then: &Entry) -> Vec<String> {
    let asked = asked(now.requests_per_s(), then.requests_per_s());
    [
        asked,
        empties(now, then),
        half(now, then),
        late(now, then),
        cpu(now, then),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn asked(now: Option<f64>, then: Option<f64>) -> Option<String> {
    let (now, then) = (now?, then?);
    if then == 0.0 {
        return (now > 0.0).then(|| "asked at all".to_owned());
    }
    match now / then {
        0.0 => Some("did not ask any more".to_owned()),
        ratio if ratio >= 2.0 => Some(format!("asked {} times as often", times(ratio))),
        ratio if ratio > 1.0 + CLEARLY_MORE => Some(format!("asked {} more often", percent(ratio - 1.0))),
        ratio if ratio < 1.0 - CLEARLY_MORE => Some(format!("asked {} less often", percent(1.0 - ratio))),
        _ => None,
    }
}

fn empties(now: &Entry, then: &Entry) -> Option<String> {
    let (now, then) = (now.median(Entry::empty_share)?, then.median(Entry::empty_share)?);
    ((now - then).abs() > CLEARLY_MORE)
        .then(|| format!("got {} of its answers empty instead of {}", percent(now), percent(then)))
}

fn half(now: &Entry, then: &Entry) -> Option<String> {
    moved(now, then, 0.5).map(|times| format!("had half of its deliveries {times}"))
}

/// The slow end is told only where the middle stayed: otherwise it goes without saying.
fn late(now: &Entry, then: &Entry) -> Option<String> {
    let messages = |entry: &Entry| entry.run.publishing.planned_in_window;
    // Of few messages it is the fate of one of them.
    if moved(now, then, 0.5).is_some() || messages(now).min(messages(then)) < MANY_MESSAGES {
        return None;
    }
    moved(now, then, 0.99).map(|times| format!("had 99\u{a0}% of its deliveries {times}"))
}

fn cpu(now: &Entry, then: &Entry) -> Option<String> {
    let of = |entry: &Entry| entry.median(|round| round.run.cpu_ms_per_1000_deliveries());
    let (now, then) = (of(now)?, of(then)?);
    let (low, high) = (now.min(then), now.max(then));
    (high > low * (1.0 + CLEARLY_MORE_CPU)).then(|| {
        let (now, then) = (milliseconds(now), milliseconds(then));
        format!("cost the server {now} of CPU per 1,000 deliveries instead of {then}")
    })
}

fn moved(now: &Entry, then: &Entry, q: f64) -> Option<String> {
    let of = |entry: &Entry| entry.median(|round| round.run.delay.quantile_ms(q));
    let (now, then) = (of(now)?, of(then)?);
    let (low, high) = (now.min(then), now.max(then));
    (high > low * (1.0 + delay::CLEARLY.share) + delay::CLEARLY.besides)
        .then(|| format!("within {} instead of {}", milliseconds(now), milliseconds(then)))
}
