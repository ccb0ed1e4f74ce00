//! Whether results can be what their seed and their scenario lead to: for whoever is handed a `results.json`.
//!
//! It is no lock. Whoever can write the program can write its results; but a figure that was changed, a run of another
//! scenario or one that was copied does not fit the rest of its own file.

use super::check::verdicts;
use super::faults::faults;
use super::health::unclear_results;
use super::measure::steps;
use super::{LABS, Lab};
use crate::load::intended;
use crate::protocol::Transport;
use crate::results::knob::KEYS;
use crate::results::{Arrivals, Results, TransportRun};

/// The clock that messages were accepted by and the one that planned them may differ by so much, in seconds.
const CLOCKS_S: f64 = 0.01;

/// What does not fit, in sentences; none of results that fit their seed and scenario.
pub fn misfits(results: &Results) -> Vec<String> {
    let scenario = &results.scenario;
    let faults = faults(scenario);
    if let Some(fault) = faults.first() {
        // A plan of it could be of any size.
        return vec![format!(
            "no run can have these knobs ({}: {})",
            fault.keys[0], fault.message
        )];
    }
    let mut misfits = Vec::new();
    let mut expect = |fits: bool, what: &str| {
        if !fits {
            misfits.push(what.to_owned());
        }
    };
    let mut settled = scenario.clone();
    settled.settle_rate();
    expect(
        settled == *scenario,
        "its rate is not what its deliveries come to, shared by its listeners",
    );
    let planned: Vec<(Transport, u32)> = steps(scenario)
        .iter()
        .map(|step| (step.transport, step.round))
        .collect();
    let there: Vec<(Transport, u32)> = results.runs.iter().map(|run| (run.transport, run.round)).collect();
    expect(
        planned.starts_with(&there),
        "its measurements are not those of its scenario, in their order",
    );
    expect(
        results.complete == (there.len() == planned.len()),
        "it says that it is complete and is not, or the other way round",
    );
    if results.complete {
        expect(
            results.checks == verdicts(&scenario.checks, &results.runs),
            "its verdicts are not those that its figures lead to",
        );
    }
    expect(
        results.unclear.is_empty() == unclear_results(results).is_empty(),
        "whether it is unclear is not what its figures say",
    );
    let intended: Vec<f64> = intended(scenario)
        .into_iter()
        .map(|instant| instant.as_secs_f64())
        .collect();
    for run in &results.runs {
        let of = run.transport.title();
        misfits.extend(
            of_run(results, run, &intended)
                .into_iter()
                .map(|what| format!("{of}: {what}")),
        );
    }
    misfits
}

fn of_run(results: &Results, run: &TransportRun, intended: &[f64]) -> Vec<&'static str> {
    let scenario = &results.scenario;
    let (publishing, ledger, counts) = (&run.publishing, &run.ledger, &run.counts);
    let warm_up_s = scenario.warm_up.as_secs_f64();
    let in_window = intended.iter().filter(|instant| **instant >= warm_up_s).count() as u64;
    let listeners = u64::from(run.listeners);
    // Equal distances began at the start itself before they were kept clear of the window's edges: results from then fit, too.
    let sooner_s = match scenario.arrivals {
        Arrivals::Constant => intended.first().copied().unwrap_or(0.0),
        Arrivals::Poisson => 0.0,
    };
    let accepted = &run.timeline.messages_s;
    let answered = counts.answers.with_messages + counts.answers.empty + counts.answers.opened + counts.answers.refused;
    let cut = run.restart.as_ref().map_or(0, |restart| restart.cut);
    let asks = matches!(run.transport, Transport::Poll | Transport::LongPoll);
    let rules = [
        (
            run.listeners == scenario.listeners && (run.window_s - scenario.duration.as_secs_f64()).abs() < 1e-6,
            "its listeners or its window are not those of the scenario",
        ),
        (
            publishing.planned == intended.len() as u64 && publishing.planned_in_window == in_window,
            "its seed plans another number of messages",
        ),
        (
            publishing
                .accepted
                .saturating_add(publishing.failed)
                .saturating_add(publishing.missed)
                <= publishing.planned,
            "more messages were sent than planned",
        ),
        // Of those that were all accepted, in order, each has its instant.
        (
            accepted.len() != intended.len()
                || accepted
                    .iter()
                    .zip(intended)
                    .all(|(at_s, meant_s)| *at_s > *meant_s - sooner_s - CLOCKS_S),
            "messages were accepted before the instants that its seed plans",
        ),
        (
            publishing.accepted.checked_mul(listeners) == Some(ledger.expected)
                && ledger.heard.saturating_add(ledger.lost) == ledger.expected,
            "its ledger does not add up",
        ),
        (
            run.restart.is_some() == scenario.restart.is_asked_for()
                && run.ladder.is_some() == scenario.ladder.falls_back,
            "what became of its server or of its transports is not what the scenario asks for",
        ),
        (
            run.ladder
                .as_ref()
                .is_none_or(|ladder| ladder.walks.len() as u64 == listeners),
            "not every listener has a walk",
        ),
        (
            run.delay.count() <= in_window.saturating_mul(listeners),
            "it has more delays than messages could have",
        ),
        (
            // Every listener may have a request on its way at each end of the window, and one when its server goes away.
            !asks
                || run.ladder.is_some()
                || counts.requests.abs_diff(answered) <= 2 * listeners + run.failures.total() + cut,
            "its answers are not those of its requests",
        ),
    ];
    rules
        .into_iter()
        .filter(|(fits, _)| !fits)
        .map(|(_, what)| what)
        .collect()
}

/// The knobs that were turned from what the lab has, as a scenario writes them; `None` of no lab of this program.
pub fn turned(results: &Results) -> Option<Vec<String>> {
    let lab = LABS
        .iter()
        .map(Lab::name)
        .position(|name| name == results.scenario.lab)?;
    let own = LABS[lab].source().scenario(results.quick, &[]).ok()?;
    let knobs = KEYS
        .iter()
        .filter(|key| !key.is_words_only() && key.get(&own) != key.get(&results.scenario))
        .filter(|key| !key.follows(&results.scenario))
        .map(|key| format!("{}={}", key.name, key.get(&results.scenario)));
    // A server of one's own is the largest thing that can be turned.
    let server = results.foreign.as_ref();
    let server = server.map(|foreign| format!("another server, by the dialect {}", foreign.dialect));
    Some(knobs.chain(server).collect())
}
