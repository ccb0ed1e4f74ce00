//! What a run leaves: its counts, its books and what was seen of the server, put together.

use std::time::Instant;

use super::engine::Question;
use super::publisher::Published;
use super::recorder::{Plan, Recorder};
use super::tap::Slice;
use super::usage::Watched;
use super::{cpu, walk};
use crate::protocol::Seq;
use crate::results::{Memory, Publishing, Trace, TransportRun};

/// What the recordings of the threads come to; `None` when nothing was planned for them.
fn trace(slice: Option<Slice>, plan: &Plan, recorder: &mut Recorder) -> Option<Trace> {
    let slice = slice?;
    recorder.traced.sort_by_key(|(number, _)| *number);
    Some(Trace {
        from_us: slice.from.as_micros() as i64,
        until_us: slice.until.as_micros() as i64,
        start_at_us: plan.clock.wall_us(plan.clock.start()?),
        listeners: recorder.traced.drain(..).map(|(_, traced)| traced).collect(),
    })
}

/// What was seen of the server's process from outside.
pub(super) struct Seen {
    pub(super) memory: Option<Memory>,
    /// Its processor time in each step after it was told to end.
    pub(super) cpu_steps_s: Vec<f64>,
}

/// Puts together what a run leaves.
pub(super) fn outcome(
    question: Question<'_>,
    plan: &Plan,
    slice: Option<Slice>,
    published: Published,
    mut recorder: Recorder,
    watched: &Watched,
    seen: Seen,
) -> TransportRun {
    let Question {
        scenario,
        transport,
        round,
        ..
    } = question;
    let mut accepted: Vec<Seq> = published.accepted.iter().map(|(seq, _)| *seq).collect();
    accepted.sort_unstable();
    let ledger = recorder.settle(&accepted);
    let since_start = |at: Instant| plan.clock.since_start(at).unwrap_or_default().as_secs_f64();
    let mut messages_s: Vec<f64> = published.accepted.iter().map(|(_, at)| since_start(*at)).collect();
    messages_s.sort_by(f64::total_cmp);
    let trace = trace(slice, plan, &mut recorder);
    let storm = std::mem::take(&mut recorder.storm);
    let restart = plan.outage.restarted();
    let steps = std::mem::take(&mut recorder.steps);
    let falls_back = scenario.ladder.falls_back;
    let ladder = falls_back.then(|| walk::ladder(scenario.listeners, steps, recorder.overlap, &plan.clock));
    let restart = restart.map(|at| storm.told(at, &plan.clock, cpu::STEP, seen.cpu_steps_s));
    // What was missed or lost is on its way for ever.
    let is_whole = ledger.is_clean() && published.failed + published.missed == 0;
    let little = watched
        .backlog
        .little(&recorder.delay, recorder.unwritten, scenario.listeners);
    TransportRun {
        transport,
        round,
        listeners: scenario.listeners,
        window_s: scenario.duration.as_secs_f64(),
        between: None,
        publishing: Publishing {
            planned: plan.schedule.sends().len() as u64,
            planned_in_window: plan.schedule.planned_in_window(),
            accepted: accepted.len() as u64,
            failed: published.failed,
            retried: published.retried,
            missed: published.missed,
            lag: published.lag,
        },
        counts: recorder.counts,
        bytes_out: recorder.bytes_out,
        bytes_in: recorder.bytes_in,
        ledger,
        delay: recorder.delay,
        naive_delay: recorder.naive.map(|naive| naive.delay),
        server_delay: recorder.server_delay,
        server: watched.cost(),
        segments: watched.segments(),
        little: little.filter(|_| is_whole),
        generator: Some(recorder.pulse.health(watched.generator_cpu_s)),
        timeline: plan.steps.timeline(recorder.by_step, messages_s),
        memory: seen.memory,
        restart,
        ladder,
        failures: recorder.failures,
        trace,
    }
}
