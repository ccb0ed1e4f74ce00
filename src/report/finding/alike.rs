//! Which transports did about the same: a sentence ranks groups, never two figures that chance could have swapped.

use super::super::entry::Entry;
use super::super::rounds::Interval;
use super::super::word::{list, name};
use crate::protocol::Transport;

/// How far apart two figures have to be before one is called the larger: by this share and by this much besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clearly {
    pub(super) share: f64,
    pub(super) besides: f64,
}

/// Transports whose figures lie so close together that they are named in one breath.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) transports: Vec<Transport>,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Up to where the intervals over the rounds reach, where there are several.
    reach: Option<f64>,
}

/// The entries that have the figure, in groups from the lowest to the highest. Of several rounds it is the median, and those whose
/// intervals overlap are one group.
pub(super) fn groups(entries: &[&Entry], figure: impl Fn(&Entry) -> Option<f64>, clearly: Clearly) -> Vec<Group> {
    let mut figures: Vec<(Transport, f64, Option<Interval>)> = entries
        .iter()
        .filter_map(|entry| Some((entry.transport(), entry.median(&figure)?, entry.over_rounds(&figure))))
        .collect();
    figures.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut groups: Vec<Group> = Vec::new();
    for (transport, figure, interval) in figures {
        let reach = interval.map(|interval| interval.high);
        match groups.last_mut() {
            Some(group) if clearly.is_close(group, figure) || overlap(group, interval) => {
                group.transports.push(transport);
                group.high = figure;
                group.reach = group.reach.zip(reach).map(|(a, b)| a.max(b));
            }
            _ => groups.push(Group {
                transports: vec![transport],
                low: figure,
                high: figure,
                reach,
            }),
        }
    }
    groups
}

impl Clearly {
    fn is_close(self, group: &Group, figure: f64) -> bool {
        figure <= group.low * (1.0 + self.share) + self.besides
    }
}

/// Rounds of the one lie among rounds of the other: chance could have swapped them.
fn overlap(group: &Group, interval: Option<Interval>) -> bool {
    group
        .reach
        .zip(interval)
        .is_some_and(|(reach, interval)| interval.low <= reach)
}

impl Group {
    /// `20.4 ms by WebSocket`, `20.4 to 21.9 ms by WebSocket and long polling alike`.
    pub(super) fn phrase(&self, write: fn(f64) -> String) -> String {
        let names: Vec<&str> = self.transports.iter().map(|transport| name(*transport)).collect();
        let alike = if names.len() > 1 { " alike" } else { "" };
        format!("{} by {}{alike}", self.range(write), list(&names))
    }

    /// One figure, or the lowest and the highest of several.
    pub(super) fn range(&self, write: fn(f64) -> String) -> String {
        let (low, high) = (write(self.low), write(self.high));
        match (low.split_once('\u{a0}'), high.split_once('\u{a0}')) {
            _ if low == high => high,
            // The unit is said once.
            (Some((number, a)), Some((_, b))) if a == b => format!("{number} to {high}"),
            _ => format!("{low} to {high}"),
        }
    }
}

/// Every group in its own words, as a list.
pub(super) fn phrases(groups: &[Group], write: fn(f64) -> String) -> String {
    let phrases: Vec<String> = groups.iter().map(|group| group.phrase(write)).collect();
    let several = groups.iter().any(|group| group.transports.len() > 1);
    match phrases.as_slice() {
        // A group of several has an "and" of its own, so the list needs one that stands out.
        [first @ .., last] if several && !first.is_empty() => format!("{}, and {last}", first.join(", ")),
        phrases => list(phrases),
    }
}
