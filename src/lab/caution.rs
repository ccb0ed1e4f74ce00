//! Reasons to doubt a run, each with what to try.

use crate::results::{Caution, Results, TransportRun};

/// A generator that is later than this with one message in a hundred shows in the delays that it measures.
const LATE_MS: f64 = 10.0;

/// Everything in the results that should make their reader careful.
pub(super) fn cautions(results: &Results) -> Vec<Caution> {
    let mut cautions = machine(results);
    cautions.extend(results.runs.iter().flat_map(of_run));
    cautions
}

fn machine(results: &Results) -> Vec<Caution> {
    let mut cautions = Vec::new();
    if cfg!(debug_assertions) {
        cautions.push(caution(
            "This is a debug build, whose processor times are several times too long".to_owned(),
            "Run it again with `cargo run --release`.",
        ));
    }
    if results.host.cores < 2 {
        cautions.push(caution(
            "The server and the load generator shared one processor, so each waited for the other".to_owned(),
            "Run it on a machine with two processors or more.",
        ));
    }
    cautions
}

fn of_run(run: &TransportRun) -> Vec<Caution> {
    let title = run.transport.title();
    let mut cautions = Vec::new();
    let ledger = &run.ledger;
    if !ledger.is_clean() {
        let what = format!(
            "{title}: of {} deliveries {} were lost, {} repeated and {} out of order; {} times the feed had already forgotten what a listener asked for",
            ledger.expected, ledger.lost, ledger.repeated, ledger.out_of_order, ledger.gone
        );
        cautions.push(caution(
            what,
            "Try fewer --listeners, a lower --rate, or a longer `--set drain=…`.",
        ));
    }
    if run.failures.total() > 0 {
        let failures = &run.failures;
        let what = format!(
            "{title}: {} connections could not be opened, {} broke, {} answers came too late and {} made no sense",
            failures.connect, failures.broken, failures.timed_out, failures.unexpected
        );
        cautions.push(caution(
            what,
            "Try fewer --listeners, and look at what else the machine is doing.",
        ));
    }
    cautions.extend(publishing(run));
    cautions
}

fn publishing(run: &TransportRun) -> Vec<Caution> {
    let title = run.transport.title();
    let publishing = &run.publishing;
    let mut cautions = Vec::new();
    if publishing.failed + publishing.missed > 0 {
        let what = format!(
            "{title}: of {} planned messages {} were refused and {} never sent",
            publishing.planned, publishing.failed, publishing.missed
        );
        cautions.push(caution(what, "Try a lower --rate."));
    }
    if publishing.planned_in_window == 0 {
        let what = format!("{title}: the plan has no message within the counted {} s", run.window_s);
        cautions.push(caution(
            what,
            "Try a longer --duration, a higher --rate or another --seed.",
        ));
    }
    if let Some(late) = publishing.lag.quantile_ms(0.99).filter(|late| *late > LATE_MS) {
        let what = format!(
            "{title}: one message in a hundred left {late:.0} ms or more after its instant, which its delay includes"
        );
        cautions.push(caution(what, "Close other programs, or try fewer --listeners."));
    }
    cautions
}

fn caution(what: String, try_this: &str) -> Caution {
    Caution {
        what: format!("{what}."),
        try_this: try_this.to_owned(),
    }
}
