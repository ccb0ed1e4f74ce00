//! What a run found, in plain sentences put together from its figures.
//!
//! A sentence ranks only what differs clearly ([`alike`]), and says so where nothing does.

mod alike;
mod change;
mod cost;
mod delay;
mod ledger;
mod requests;

use super::beside::Beside;
use super::entry::Entry;

/// Three or four sentences, the most important one first. A run beside others begins with what differs from them.
pub(crate) fn findings(beside: &Beside) -> Vec<String> {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    if entries.is_empty() {
        return vec!["The run was stopped before any transport was measured.".to_owned()];
    }
    let mut findings = change::changes(beside);
    findings.push(requests::asked(&entries));
    findings.push(delay::waited(&entries));
    if !beside.several() {
        findings.extend(cost::cost(&entries));
    }
    findings.push(ledger::kept(&entries));
    findings
}

/// The titles of the charts, which are findings too: about the first run.
pub(crate) mod title {
    use super::{Beside, Entry, change, cost};

    /// What changed since the other run, or else who asked most.
    pub(crate) fn requests(beside: &Beside) -> String {
        change::requests_title(beside).unwrap_or_else(|| super::requests::title(&first(beside)))
    }

    /// The quickest against the slowest.
    pub(crate) fn delay(beside: &Beside) -> String {
        super::delay::title(&first(beside))
    }

    /// One in a hundred.
    pub(crate) fn tail(beside: &Beside) -> String {
        super::delay::tail_title(&first(beside))
    }

    /// Whose requests come all at once.
    pub(crate) fn timeline(beside: &Beside) -> String {
        super::requests::timeline_title(&first(beside))
    }

    /// How many times the bytes.
    pub(crate) fn bytes(beside: &Beside) -> String {
        cost::bytes_title(&first(beside))
    }

    /// Whose deliveries cost the server most.
    pub(crate) fn cpu(beside: &Beside) -> String {
        cost::cpu_title(&first(beside))
    }

    fn first<'a>(beside: &'a Beside) -> Vec<&'a Entry> {
        beside.of_side(0).collect()
    }
}

#[cfg(test)]
mod tests;
