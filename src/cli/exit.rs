use std::process::ExitCode;

use talkplace::protocol::Transport;
use talkplace::results::{Checked, Ledger, PollTimer, Results, Scenario, TransportRun, Verdict};

use super::stop::Signal;

/// How the program ends, for whoever called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all went well.
    Fine,
    /// 1: a check of the scenario fails.
    CheckFails,
    /// 2: it could not run: usage, a file, a port.
    CouldNotRun,
    /// 3: it ran, but its figures prove nothing.
    Unclear,
    /// 130 for ctrl-C, as shells count it: 128 and the number of the signal.
    Stopped(Signal),
}

impl Exit {
    /// What a finished run comes to.
    ///
    /// A run in which the generator or the machine was the limit proves nothing, neither for a check nor against it. In any other
    /// a check that fails is what the caller has asked about, so it is told before the rest.
    ///
    /// A run whose ledger is not clean is unclear: its transports did not carry the same messages, so that their costs
    /// cannot be compared, and a script that reads only the status must not take it for a good one. Only a timer without a guard
    /// is meant to hear messages again.
    pub(crate) fn of(results: &Results) -> Self {
        match Exit::of_checks(&results.checks) {
            _ if !results.unclear.is_empty() => Exit::Unclear,
            Exit::Fine if !is_clean(results) => Exit::Unclear,
            exit => exit,
        }
    }

    /// What the claims alone come to.
    pub(crate) fn of_checks(checks: &[Checked]) -> Self {
        let has = |verdict| checks.iter().any(|checked| checked.verdict == verdict);
        if has(Verdict::Fails) {
            Exit::CheckFails
        } else if has(Verdict::Unclear) {
            Exit::Unclear
        } else {
            Exit::Fine
        }
    }
}

/// Whether nothing is missing that was meant to come. What somebody in between keeps back is what was asked about, and the checks' to judge.
fn is_clean(results: &Results) -> bool {
    let all = || results.runs.iter().all(|run| is_clean_run(run, &results.scenario));
    !results.scenario.between.is_nothing() || all()
}

fn is_clean_run(run: &TransportRun, scenario: &Scenario) -> bool {
    let repeats = run.transport == Transport::Poll && scenario.poll_timer == PollTimer::Unguarded;
    let repeated = if repeats { 0 } else { run.ledger.repeated };
    Ledger {
        repeated,
        ..run.ledger.clone()
    }
    .is_clean()
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::CheckFails => 1,
            Exit::CouldNotRun => 2,
            Exit::Unclear => 3,
            Exit::Stopped(signal) => signal.status(),
        })
    }
}
