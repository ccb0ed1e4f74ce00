//! Reasons to doubt a projection: those of its run, and the leap itself.

use std::slice;

use super::basis::turned;
use super::{Aim, Basis, Rate};
use crate::report::caution;
use crate::report::number::{count, figure, milliseconds, times};
use crate::report::word::{list, name};
use crate::results::{Caution, Results};

/// From so many times the listeners on, what memory grew by once for all of them shows in what it grew by for each.
const MORE: f64 = 2.0;
/// From so many times the listeners on, proportion is hope.
const FAR: f64 = 1_000.0;
/// A run with less processor time than this is one in which what a server does beside serving counts, and is multiplied too.
pub(super) const LITTLE_CPU_S: f64 = 0.05;
/// The messages of the window may differ by this much from what their rate promises.
const CHANCE: f64 = 0.1;

/// The leap first; what is doubtful about the run is so about all that follows from it.
pub(super) fn cautions(results: &Results, bases: &[Basis], aim: &Aim) -> Vec<Caution> {
    let own = [
        far(bases, aim),
        disturbed(results),
        little_cpu(bases),
        memory(bases, aim),
        chance(results, bases, aim),
    ];
    let of_run = caution::of_all(slice::from_ref(results));
    own.into_iter().flatten().chain(of_run).collect()
}

fn far(bases: &[Basis], aim: &Aim) -> Option<Caution> {
    let measured = bases.iter().map(|basis| basis.listeners).filter(|n| *n > 0).min()?;
    let ratio = aim.listeners as f64 / f64::from(measured);
    (ratio >= FAR).then(|| Caution {
        what: format!(
            "{} listeners are {} times as many as the {} that were measured: caches, locks and the kernel’s tables do not grow in proportion.",
            count(aim.listeners),
            times(ratio),
            count(measured.into())
        ),
        try_this: "Measure with as many listeners as the machine bears, and scale that run; where two runs give different figures, believe neither.".into(),
    })
}

/// Costs of a run in which something else happened than listening.
fn disturbed(results: &Results) -> Option<Caution> {
    let runs = || results.runs.iter();
    let what = if runs().any(|run| run.ladder.as_ref().is_some_and(|ladder| ladder.fallen() > 0)) {
        "Listeners changed their transport in this run, so its costs are of a mixture."
    } else if runs().any(|run| run.restart.is_some()) {
        "The server was away for a part of this run’s window, so its costs are of less than that, and of the way back."
    } else {
        return None;
    };
    Some(Caution {
        what: what.to_owned(),
        try_this: "Scale a run in which everybody keeps to a transport and the server stays.".to_owned(),
    })
}

fn little_cpu(bases: &[Basis]) -> Option<Caution> {
    let little = bases
        .iter()
        .filter(|basis| basis.cpu_s.is_some_and(|cpu_s| cpu_s < LITTLE_CPU_S));
    let little: Vec<&str> = little.map(|basis| name(basis.transport)).collect();
    (!little.is_empty()).then(|| Caution {
        what: format!(
            "The server used less than {} of processor time in the window for {}: what it did beside serving is a part of it, and is multiplied too.",
            milliseconds(LITTLE_CPU_S * 1e3),
            list(&little)
        ),
        try_this: "Scale a run with more listeners, a higher feed.rate or a longer duration.".into(),
    })
}

/// What grew with the first listeners and not with the others is divided among those that there were.
fn memory(bases: &[Basis], aim: &Aim) -> Option<Caution> {
    let few = |basis: &&Basis| basis.listeners > 0 && aim.listeners as f64 >= MORE * f64::from(basis.listeners);
    let known = |basis: &Basis| basis.costs.listener_memory_bytes.is_some();
    bases.iter().filter(few).any(known).then(|| Caution {
        what: "Memory for each listener is all that the server’s memory grew by, shared by the listeners of the run. What it set up once, when the first of \
               them came, is a part of that, so it is less for each of more: the memory here is rather too much."
            .into(),
        try_this: "Scale a run with as many listeners as the machine bears.".into(),
    })
}

/// The requests of a long poll follow the messages that there were, not those that the rate promises.
fn chance(results: &Results, bases: &[Basis], aim: &Aim) -> Option<Caution> {
    let counted = bases
        .iter()
        .any(|basis| basis.costs.request_bytes.is_some() && matches!(basis.rate, Rate::Measured(_)));
    let run = results.runs.iter().find(|run| run.window_s > 0.0)?;
    let had = run.publishing.planned_in_window as f64 / run.window_s;
    let promised = turned(&results.scenario, aim).rate_per_s;
    let off = (had / results.scenario.rate_per_s - 1.0).abs();
    (counted && aim.rate_per_s.is_none() && off.is_finite() && off > CHANCE).then(|| Caution {
        what: format!(
            "The run’s window had {} messages a second where its rate promises {}: the requests that followed them are scaled as counted, the deliveries as promised.",
            figure(had),
            figure(promised)
        ),
        try_this: "Raise duration, so that chance evens out, or give the rate that the window had (--rate).".into(),
    })
}
