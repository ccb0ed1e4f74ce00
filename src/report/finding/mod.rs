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

/// The titles of the charts, which are findings too.
pub(crate) mod title {
    pub(crate) use super::cost::{bytes_title as bytes, cpu_title as cpu};
    pub(crate) use super::delay::title as delay;
    pub(crate) use super::requests::title as requests;
}

#[cfg(test)]
mod tests;
