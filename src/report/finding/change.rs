//! What a run did differently from those beside it.

use super::super::beside::Beside;
use super::super::entry::Entry;
use super::super::number::{milliseconds, percent, times};
use super::super::word::{list, name, sentence};
use super::delay;

/// Request rates that are closer than this are the same: phases and arrivals differ between runs.
const CLEARLY_MORE: f64 = 0.05;

/// One sentence for each of the other runs.
pub(super) fn changes(beside: &Beside) -> Vec<String> {
    (1..beside.runs.len()).map(|side| change(beside, side)).collect()
}

fn change(beside: &Beside, side: usize) -> String {
    let mut clearly = Vec::new();
    let mut same = Vec::new();
    for now in beside.of_side(0) {
        let Some(then) = beside.of_side(side).find(|entry| entry.transport() == now.transport()) else {
            continue;
        };
        match changes_of(now, then).as_slice() {
            [] => same.push(name(now.transport())),
            changes => clearly.push(format!("{} {}", name(now.transport()), list(changes))),
        }
    }
    let unchanged = match same.as_slice() {
        [] => None,
        names if clearly.is_empty() => Some(format!(
            "{} did not change in a way that these runs can show",
            list(names)
        )),
        names => Some(format!("{} did about the same", list(names))),
    };
    clearly.extend(unchanged);
    if clearly.is_empty() {
        clearly.push("they have no transport in common".to_owned());
    }
    sentence(&format!("{}: {}.", against(beside, side), clearly.join("; ")))
}

/// What the run is seen against: `with long_poll.timeout at 2s instead of 25s`.
fn against(beside: &Beside, side: usize) -> String {
    let differences = beside
        .differences
        .iter()
        .filter(|knob| knob.values[0] != knob.values[side]);
    let knobs: Vec<String> = differences
        .map(|knob| format!("{} at {} instead of {}", knob.name, knob.values[0], knob.values[side]))
        .collect();
    let other = &beside.runs[side].run;
    match knobs.len() {
        0 => format!("with the same knobs as in run {other}"),
        1 | 2 => format!("with {} (run {other})", list(&knobs)),
        many => format!("against run {other}, from which {many} knobs differ"),
    }
}

/// What changed clearly, as verbs: `asked 4.6 times as often`.
fn changes_of(now: &Entry, then: &Entry) -> Vec<String> {
    let asked = asked(now.requests_per_s(), then.requests_per_s());
    [asked, empties(now, then), half(now, then), late(now, then)]
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
    let (now, then) = (now.empty_share()?, then.empty_share()?);
    ((now - then).abs() > CLEARLY_MORE)
        .then(|| format!("got {} of its answers empty instead of {}", percent(now), percent(then)))
}

fn half(now: &Entry, then: &Entry) -> Option<String> {
    moved(now, then, 0.5).map(|times| format!("had half of its deliveries {times}"))
}

/// The slow end is told only where the middle stayed: otherwise it goes without saying.
fn late(now: &Entry, then: &Entry) -> Option<String> {
    if moved(now, then, 0.5).is_some() {
        return None;
    }
    moved(now, then, 0.99).map(|times| format!("had 99\u{a0}% of its deliveries {times}"))
}

fn moved(now: &Entry, then: &Entry, q: f64) -> Option<String> {
    let (now, then) = (now.run.delay.quantile_ms(q)?, then.run.delay.quantile_ms(q)?);
    let (low, high) = (now.min(then), now.max(then));
    (high > low * (1.0 + delay::CLEARLY.share) + delay::CLEARLY.besides)
        .then(|| format!("within {} instead of {}", milliseconds(now), milliseconds(then)))
}
