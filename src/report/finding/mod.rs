//! What a run found, in plain sentences put together from its figures.
//!
//! A sentence ranks only what differs clearly ([`alike`]), and says so where nothing does.

mod alike;
mod change;
mod cost;
mod delay;
pub(crate) mod ladder;
pub(crate) mod ledger;
mod requests;
pub(crate) mod restart;

use super::beside::Beside;
use super::entry::Entry;
use super::guess;
use super::through;
use super::word;

/// Three or four sentences, the most important one first. A run beside others begins with what differs from them.
pub(crate) fn findings(beside: &Beside) -> Vec<String> {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    if entries.is_empty() {
        return vec!["The run was stopped before any transport was measured.".to_owned()];
    }
    if is_unclear(beside) {
        return unclear(beside, &entries);
    }
    let mut findings = changes(beside);
    findings.extend(through::finding(beside));
    findings.extend(restart::told(&entries, &beside.first().scenario));
    findings.extend(ladder::told(&entries, &beside.first().scenario));
    // What is of several transports together says nothing about any of them.
    if !entries.iter().any(|entry| ladder::is_mixed(entry)) {
        findings.push(requests::asked(&entries));
        findings.push(delay::waited(&entries));
        if !beside.several() {
            findings.extend(cost::cost(&entries));
        }
    }
    findings.push(ledger::kept(&entries));
    findings.extend(guess::told(beside));
    findings
}

/// What differs from the runs beside it, as far as those prove anything.
fn changes(beside: &Beside) -> Vec<String> {
    match unclear_others(beside).as_slice() {
        [] => change::changes(beside),
        names => vec![format!(
            "Nothing is said about what changed since {}, where the load generator or the machine was the limit.",
            word::list(names)
        )],
    }
}

/// The runs beside it that prove nothing.
fn unclear_others<'a>(beside: &Beside<'a>) -> Vec<&'a str> {
    let others = beside.runs[1..].iter().filter(|run| !run.unclear.is_empty());
    others.map(|run| run.run.as_str()).collect()
}

/// Whether the run proves nothing, so that nothing is said about which transport is the better.
fn is_unclear(beside: &Beside) -> bool {
    !beside.first().unclear.is_empty()
}

/// What can be said of a run that proves nothing: that, why, and whether the messages were heard at all.
fn unclear(beside: &Beside, entries: &[&Entry]) -> Vec<String> {
    let nothing = "This is unclear: the load generator or the machine was the limit, so the figures rank nothing.";
    let why = beside.first().unclear.iter().map(|why| why.what.clone());
    let mut findings: Vec<String> = std::iter::once(nothing.to_owned()).chain(why).collect();
    findings.push(ledger::kept(entries));
    findings
}

/// The titles of the charts, which are findings too: about the first run.
pub(crate) mod title {
    use super::{Beside, Entry, change, cost, is_unclear, ladder, unclear_others};

    /// A title that ranks nothing, over a run that proves nothing, or whose entries are of several transports.
    pub(crate) fn plain(beside: &Beside, what: &str) -> Option<String> {
        let mixed = || beside.entries.iter().any(ladder::is_mixed);
        unclear(beside, what).or_else(|| mixed().then(|| format!("{what}, of listeners that fell back")))
    }

    /// The same only over a run that proves nothing.
    pub(crate) fn unclear(beside: &Beside, what: &str) -> Option<String> {
        is_unclear(beside).then(|| format!("{what}, in a run that is unclear"))
    }

    /// What changed since the other run, or else who asked most.
    pub(crate) fn requests(beside: &Beside) -> String {
        let changed = || change::requests_title(beside).filter(|_| unclear_others(beside).is_empty());
        let title = plain(beside, "Requests").or_else(changed);
        title.unwrap_or_else(|| super::requests::title(&first(beside)))
    }

    /// The quickest against the slowest.
    pub(crate) fn delay(beside: &Beside) -> String {
        plain(beside, "Delay").unwrap_or_else(|| super::delay::title(&first(beside)))
    }

    /// One in a hundred.
    pub(crate) fn tail(beside: &Beside) -> String {
        plain(beside, "The slow end of the delays").unwrap_or_else(|| super::delay::tail_title(&first(beside)))
    }

    /// Whose requests come all at once.
    pub(crate) fn timeline(beside: &Beside) -> String {
        plain(beside, "Requests over time").unwrap_or_else(|| super::requests::timeline_title(&first(beside)))
    }

    /// How many times the bytes.
    pub(crate) fn bytes(beside: &Beside) -> String {
        plain(beside, "Bytes per delivery").unwrap_or_else(|| cost::bytes_title(&first(beside)))
    }

    /// Whose deliveries cost the server most.
    pub(crate) fn cpu(beside: &Beside) -> String {
        plain(beside, "The server’s CPU time").unwrap_or_else(|| cost::cpu_title(&first(beside)))
    }

    /// By how much a listener made the server grow.
    pub(crate) fn memory(beside: &Beside) -> String {
        plain(beside, "The server’s memory over time").unwrap_or_else(|| cost::memory_title(&first(beside)))
    }

    fn first<'a>(beside: &'a Beside) -> Vec<&'a Entry> {
        beside.of_side(0).collect()
    }
}

#[cfg(test)]
mod tests;
