//! From a scenario to results: one transport after the other, each kept as soon as it is measured.

use tokio_util::sync::CancellationToken;

use super::both_clocks::BothClocks;
use super::caution::{cautions, of_foreign};
use super::check::verdicts;
use super::health::unclear_results;
use crate::load::{self, LoadError, Progress, Settings, Target};
use crate::protocol::Transport;
use crate::results::{FolderError, Host, Results, RunFolder, SCHEMA, Scenario};

/// How a measurement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every transport was measured.
    Complete,
    /// It was stopped from outside; what was finished before is kept.
    Stopped,
}

/// Why a measurement could not go on. What was finished before is kept.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A transport could not be measured.
    #[error("{} could not be measured", .transport.title())]
    Load {
        /// Which one.
        transport: Transport,
        /// Why.
        source: LoadError,
    },
    /// What was measured could not be kept.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// On what the scenario is measured.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where the server comes from.
    pub target: Target,
    /// What the load generator may take of this machine.
    pub generator: Settings,
}

/// One transport measured once: a part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which part, from 0.
    pub number: usize,
    /// What is measured.
    pub transport: Transport,
    /// Which repetition, from 1.
    pub round: u32,
}

/// Is told how far each step has come.
pub type Watch<'a> = &'a (dyn Fn(Step, Progress) + Send + Sync);

/// The steps of a scenario, in order. Rounds alternate between the transports (A B C A B C), so that a machine that gets
/// slower meanwhile is slower for all of them.
pub fn steps(scenario: &Scenario) -> Vec<Step> {
    let rounds = (1..=scenario.repeat).flat_map(|round| scenario.transports.iter().map(move |each| (round, *each)));
    rounds
        .enumerate()
        .map(|(number, (round, transport))| Step {
            number,
            transport,
            round,
        })
        .collect()
}

/// Results in which nothing has been measured yet; `quick` is whether the scenario is the lab's short form.
pub fn begin(scenario: Scenario, quick: bool, folder: &RunFolder) -> Results {
    let host = Host::here();
    Results {
        schema: SCHEMA,
        talkplace: env!("CARGO_PKG_VERSION").to_owned(),
        run: folder.name().to_owned(),
        started_at: folder.started_at().to_owned(),
        scenario,
        cautions: cautions(),
        host,
        complete: false,
        quick,
        foreign: None,
        runs: Vec::new(),
        checks: Vec::new(),
        guesses: Vec::new(),
        unclear: Vec::new(),
    }
}

/// Measures every transport of the scenario, as often as it says and in turn, against a fresh server each or the one that is running,
/// and writes the results into the folder after every one.
///
/// Dropping the future stops the measurement like `stop` does, but says nothing about it.
///
/// # Errors
/// The first transport that cannot be measured, or the first write that fails, ends it.
pub async fn measure(
    results: &mut Results,
    folder: &RunFolder,
    setup: &Setup,
    watch: Watch<'_>,
    stop: &CancellationToken,
) -> Result<End, MeasureError> {
    let scenario = results.scenario.clone();
    if let Target::Running(peer) = &setup.target {
        results.foreign = Some(peer.foreign());
        results.cautions.extend(of_foreign(peer, &scenario, &results.host));
    }
    let steps = steps(&scenario);
    let mut clock_was_set = Vec::new();
    for step in &steps {
        let Step { transport, round, .. } = *step;
        let progress = |progress| watch(*step, progress);
        let before = BothClocks::read();
        let run = match load::run_with(
            &setup.generator,
            &scenario,
            transport,
            round,
            &setup.target,
            &progress,
            stop,
        )
        .await
        {
            Ok(run) => run,
            Err(LoadError::Stopped) => return Ok(End::Stopped),
            Err(source) => {
                return Err(MeasureError::Load { transport, source });
            }
        };
        results.runs.push(run);
        clock_was_set.extend(BothClocks::read().set_since(&before, transport));
        results.unclear = unclear_results(results);
        results.unclear.extend(clock_was_set.iter().cloned());
        results.complete = results.runs.len() == steps.len();
        if results.complete {
            results.checks = verdicts(&scenario.checks, &results.runs);
        }
        folder.write_results(results)?;
    }
    Ok(End::Complete)
}
