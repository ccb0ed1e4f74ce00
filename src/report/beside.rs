//! The runs that a report shows beside one another, and what each of them is called there.

use super::entry::{Entry, entries};
use super::knob::{Difference, differences};
use super::prediction::Predicted;
use crate::protocol::Transport;
use crate::results::Results;

/// A longer label than this would not fit beside a bar.
const LONGEST_LABEL: usize = 28;

/// One run or several, ready to be put into words, tables and charts.
#[derive(Debug)]
pub(crate) struct Beside<'a> {
    /// The runs; the first is the one that the report is about.
    pub(crate) runs: &'a [Results],
    /// What tells the runs apart, one label each: the knobs that differ, or else the name of the run.
    pub(crate) labels: Vec<String>,
    /// The knobs that are not the same in all runs.
    pub(crate) differences: Vec<Difference>,
    /// All transports of all runs: by transport, and within one in the order of the runs.
    pub(crate) entries: Vec<Entry>,
    /// What the model says about each of the entries.
    predictions: Vec<Option<Predicted>>,
}

impl<'a> Beside<'a> {
    /// Puts the runs beside one another; `None` of no run at all.
    pub(crate) fn new(runs: &'a [Results]) -> Option<Self> {
        runs.first()?;
        let differences = differences(runs);
        let mut all: Vec<Entry> = runs
            .iter()
            .enumerate()
            .flat_map(|(side, run)| entries(side, run))
            .collect();
        let order = order_of(&all);
        all.sort_by_key(|entry| order.iter().position(|transport| *transport == entry.transport()));
        let predictions = all
            .iter()
            .map(|entry| Predicted::of(entry, &runs[entry.side]))
            .collect();
        Some(Beside {
            predictions,
            runs,
            labels: labels(runs, &differences),
            differences,
            entries: all,
        })
    }

    /// The run that the report is about.
    pub(crate) fn first(&self) -> &'a Results {
        &self.runs[0]
    }

    /// Whether there is anything to compare the run with.
    pub(crate) fn several(&self) -> bool {
        self.runs.len() > 1
    }

    /// The transports of one run.
    pub(crate) fn of_side(&self, side: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.side == side)
    }

    /// All entries, each with what the model says about it.
    pub(crate) fn with_predictions(&self) -> impl Iterator<Item = (&Entry, Option<&Predicted>)> {
        self.entries.iter().zip(self.predictions.iter().map(Option::as_ref))
    }

    /// The transports of one run that the model has a word on.
    pub(crate) fn predicted(&self, side: usize) -> impl Iterator<Item = (&Entry, &Predicted)> {
        self.with_predictions()
            .filter(move |(entry, _)| entry.side == side)
            .filter_map(|(entry, predicted)| Some((entry, predicted?)))
    }

    /// What tells this entry's run from the others; `None` when there are no others.
    pub(crate) fn label(&self, entry: &Entry) -> Option<&str> {
        self.several().then(|| self.labels[entry.side].as_str())
    }
}

/// The transports in the order in which they first come up.
fn order_of(entries: &[Entry]) -> Vec<Transport> {
    let mut order = Vec::new();
    for entry in entries {
        if !order.contains(&entry.transport()) {
            order.push(entry.transport());
        }
    }
    order
}

/// One label a run: the values of the knobs that differ while that is short and tells the runs apart, the names of the runs otherwise.
fn labels(runs: &[Results], differences: &[Difference]) -> Vec<String> {
    let by_knob = (0..runs.len()).map(|side| {
        let values = differences
            .iter()
            .map(|knob| format!("{} {}", knob.name, knob.values[side]));
        values.collect::<Vec<_>>().join(", ")
    });
    let by_knob: Vec<String> = by_knob.collect();
    let short = by_knob
        .iter()
        .all(|label| !label.is_empty() && label.len() <= LONGEST_LABEL);
    let apart = by_knob
        .iter()
        .enumerate()
        .all(|(at, label)| !by_knob[..at].contains(label));
    if short && apart {
        by_knob
    } else {
        runs.iter().map(|run| run.run.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn runs_are_called_by_the_knob_that_differs() {
        let runs = fixture::two_timeouts();
        let beside = Beside::new(&runs).unwrap();
        assert_eq!(beside.labels, ["long_poll.timeout 2s", "long_poll.timeout 25s"]);
        let order: Vec<_> = beside
            .entries
            .iter()
            .map(|entry| (entry.transport().name(), entry.side))
            .collect();
        assert_eq!(
            order[..4],
            [("poll", 0), ("poll", 1), ("long-poll", 0), ("long-poll", 1)]
        );
    }

    #[test]
    fn runs_alike_are_called_by_their_names() {
        let run = fixture::three_ways();
        let runs = [
            run.clone(),
            Results {
                run: "later".into(),
                ..run
            },
        ];
        assert_eq!(Beside::new(&runs).unwrap().labels, [runs[0].run.as_str(), "later"]);
    }

    #[test]
    fn many_differences_are_too_long_for_a_label() {
        let mut runs = fixture::two_timeouts();
        runs[0].scenario.listeners = 100;
        runs[0].scenario.seed = 99;
        let beside = Beside::new(&runs).unwrap();
        assert_eq!(beside.labels[0], runs[0].run);
        assert_eq!(beside.differences.len(), 3);
    }
}
