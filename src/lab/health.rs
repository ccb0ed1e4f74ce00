//! Whether a run can be trusted at all: was it the transport that was measured, or the generator, or a machine that had
//! no processor for them?
//!
//! Each rule compares what the run's own figures say about the instrument with what it was to measure. The bounds are
//! where the instrument's part would show in a sentence of the report, not where it can first be seen: on a machine that does
//! other things too, every run has a hiccup.

use crate::protocol::Transport;
use crate::results::{Caution, Distribution, Host, Results, TransportRun};

/// Of what was planned, this much has to be accepted, or the transports did not carry the load that they are compared under.
const ACHIEVED: f64 = 0.99;
/// The median lag or wake-up delay may be this much of the median delay: it is in every figure, and a tenth is more than the report calls alike.
const MEDIAN_SHARE: f64 = 0.1;
/// What one instant in ten has may be more, as a burst of answers keeps a thread of the generator itself busy for some milliseconds: on two cores
/// beside a compiler it was a tenth to an eighth of the delay in ordinary runs of long polling.
const USUAL_SHARE: f64 = 0.25;
/// What one instant in a hundred has may be as much as the median delay itself, since only the tail shows it: a busy desktop has a hiccup of
/// some milliseconds every second.
const TAIL_SHARE: f64 = 1.0;
/// A shorter wait than this is the timer's own grain and a context switch or two: on a bare loopback, where a delay is hardly longer,
/// it is no sign of a machine without a processor to spare.
const GRAIN_MS: f64 = 0.5;
/// A thread that is busy for more than nine tenths of the window has a queue before it: by then the mean wait is several times the mean work.
const BUSY_THREAD: f64 = 0.9;
/// The same for all processors together, which others need too.
const BUSY_MACHINE: f64 = 0.85;
/// A server that has a processor when it needs one gives it up by itself, and loses it a few times in a window. One that loses it more often than it
/// gives it up shares it with somebody who wants it, too.
const FEW_SWITCHES: u64 = 50;
/// And of the time in which such a server had something to do, this much went by in waiting.
const WAITING: f64 = 1.0 / 3.0;
/// One that loses it so many times as often as it gives it up has somebody beside it who always wants it, however short each wait is.
const CROWDED: u64 = 4;
/// One in a hundred listeners with a failure: fewer are a caution, more are a run of something else.
const FAILURES: f64 = 0.01;

/// The reasons why the figures of these runs prove nothing, with what to try; none for runs that can be trusted.
pub fn unclear(runs: &[TransportRun], host: &Host) -> Vec<Caution> {
    let mut reasons = not_carried(runs);
    reasons.extend(instrument(runs, host));
    reasons
}

/// The same of whole results, which tell whether the server was ours.
pub(super) fn unclear_results(results: &Results) -> Vec<Caution> {
    let mut reasons = not_carried(&results.runs);
    reasons.extend(of_machine(results));
    reasons
}

/// The generator or the machine was the limit, or there was no processor for each of the two.
pub(super) fn of_machine(results: &Results) -> Vec<Caution> {
    // Of a server that we did not start it is not known what it may run on.
    let shared = results.host.cores < 2 && results.foreign.is_none();
    let shared = reason(
        &results.runs,
        |_| shared,
        "the server and the load generator shared one processor, so each waited for the other",
        "Run it on a machine with two processors or more: the server needs one, and the generator another.",
    );
    shared
        .into_iter()
        .chain(instrument(&results.runs, &results.host))
        .collect()
}

/// The load was not carried: transports cannot be compared under it. Whether the server or something else is to blame is not said.
pub(super) fn not_carried(runs: &[TransportRun]) -> Vec<Caution> {
    [
        reason(
            runs,
            not_achieved,
            "fewer than 99 in 100 of the planned messages were accepted, so the transports did not carry the same load",
            "Lower feed.rate until all of them keep up, then compare.",
        ),
        reason(
            runs,
            many_failures,
            "more than one in a hundred listeners had a connection or an answer that failed",
            "Look at the server’s log, and at the limit of open files (ulimit -n); try fewer listeners.",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The generator or the machine was the limit.
fn instrument(runs: &[TransportRun], host: &Host) -> Vec<Caution> {
    let cores = host.cores as f64;
    [
        reason(
            runs,
            publisher_was_late,
            "the publisher itself was late, by more than is small beside the delay that it helps to measure",
            "End other programs, or lower feed.rate: the generator needs a processor when a message is due.",
        ),
        reason(
            runs,
            woken_late,
            "the generator’s own threads were woken late, by more than is small beside the delay that they measure",
            "End other programs, use fewer listeners, or give the run more processors: it needs one for the server and one for the generator.",
        ),
        reason(
            runs,
            server_was_starved,
            "the server lost its processor to others more often than it gave it up, and spent much of its time waiting to get it back",
            "End other programs, or give the run more processors: it needs one for the server and one for the generator.",
        ),
        reason(
            runs,
            generator_was_busy,
            "a thread of the generator was busy all the time, so what waited for it counts as the transport’s delay",
            "Use fewer listeners, or spread them over more threads (--generator-threads) on a machine with more processors.",
        ),
        reason(
            runs,
            |run| machine_was_busy(run, cores),
            "the server and the generator together used all the processors that there are",
            "Use fewer listeners or a lower feed.rate, or a machine with more processors.",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One reason for all the transports that it is true of.
fn reason(runs: &[TransportRun], holds: impl Fn(&TransportRun) -> bool, what: &str, try_this: &str) -> Option<Caution> {
    let mut of: Vec<Transport> = runs.iter().filter(|run| holds(run)).map(|run| run.transport).collect();
    of.sort_unstable();
    of.dedup();
    let names: Vec<&str> = of.iter().map(|transport| transport.title()).collect();
    (!names.is_empty()).then(|| Caution {
        what: format!("{}: {what}.", names.join(", ")),
        try_this: try_this.to_owned(),
    })
}

fn not_achieved(run: &TransportRun) -> bool {
    let sent = &run.publishing;
    (sent.accepted as f64) < ACHIEVED * sent.planned as f64
}

fn publisher_was_late(run: &TransportRun) -> bool {
    is_late(run, &run.publishing.lag)
}

fn woken_late(run: &TransportRun) -> bool {
    let health = run.generator.as_ref();
    health.is_some_and(|health| is_late(run, &health.wake_up))
}

/// Whether waits of our own are too large a part of the run's median delay.
fn is_late(run: &TransportRun, waits: &Distribution) -> bool {
    let Some(delay_ms) = run.delay.quantile_ms(0.5) else {
        return false;
    };
    // A few waits have no tail, of ten the ninth is the one hiccup among them; and their median is not much steadier.
    let quantiles = [
        (0.5, USUAL_SHARE, 0),
        (0.5, MEDIAN_SHARE, 20),
        (0.9, USUAL_SHARE, 50),
        (0.99, TAIL_SHARE, 500),
    ];
    quantiles
        .into_iter()
        .filter(|(_, _, least)| waits.count() >= *least)
        .filter_map(|(quantile, share, _)| Some((waits.quantile_ms(quantile)?, share)))
        .any(|(wait_ms, share)| wait_ms > GRAIN_MS && wait_ms > share * delay_ms)
}

fn server_was_starved(run: &TransportRun) -> bool {
    let server = &run.server;
    let (Some(lost), Some(given)) = (server.involuntary_switches, server.voluntary_switches) else {
        return false;
    };
    let (Some(cpu_s), Some(waiting_s)) = (server.cpu_s, server.waiting_s) else {
        return false;
    };
    // One that has hardly anything to do has waited for a third of hardly any time: each wait has to be one that a listener could notice, or
    // to be one of very many.
    let wait_ms = waiting_s * 1e3 / (lost + given) as f64;
    let shows = wait_ms > GRAIN_MS || lost >= CROWDED * given;
    lost >= FEW_SWITCHES && lost > given && waiting_s > WAITING * (waiting_s + cpu_s) && shows
}

fn generator_was_busy(run: &TransportRun) -> bool {
    let busiest = run.generator.as_ref().and_then(|health| health.busiest_thread);
    busiest.is_some_and(|share| share > BUSY_THREAD)
}

fn machine_was_busy(run: &TransportRun, cores: f64) -> bool {
    let generator_s = run.generator.as_ref().and_then(|health| health.cpu_s);
    let used_s = run.server.cpu_s.unwrap_or(0.0) + generator_s.unwrap_or(0.0);
    run.window_s > 0.0 && used_s > BUSY_MACHINE * run.window_s * cores
}

fn many_failures(run: &TransportRun) -> bool {
    // Somebody in between may cut connections off, and whoever put it there wants to know.
    run.between.is_none() && run.failures.total() as f64 > FAILURES * f64::from(run.listeners)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{results, run};
    use crate::results::{Dialect, Foreign, Health};
    use std::time::Duration;

    /// A thousand waits: most of them this long, one in eight that, and one in fifty even longer.
    fn waits(most_ms: f64, some_ms: f64, few_ms: f64) -> Distribution {
        let mut distribution = Distribution::new();
        for n in 0..1000 {
            let ms = match n {
                n if n % 50 == 0 => few_ms,
                n if n % 8 == 0 => some_ms,
                _ => most_ms,
            };
            distribution.record(Duration::from_secs_f64(ms / 1e3));
        }
        distribution
    }

    /// A good run with a delay of 20 ms, changed.
    fn reasons(change: impl Fn(&mut TransportRun)) -> Vec<String> {
        let mut good = run(Transport::Websocket, 1, 0, 20);
        good.generator = Some(Health {
            cpu_s: Some(0.3),
            busiest_thread: Some(0.2),
            oversleeps_ms: Some(0.07),
            wake_up: waits(0.06, 0.2, 4.0),
        });
        good.server.cpu_s = Some(0.5);
        good.listeners = 200;
        good.publishing.planned = 1000;
        good.publishing.accepted = 1000;
        good.publishing.lag = waits(0.1, 0.2, 4.0);
        change(&mut good);
        unclear_results(&results(vec![good]))
            .into_iter()
            .map(|caution| caution.what)
            .collect()
    }

    fn only(reasons: Vec<String>, part: &str) {
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert!(
            reasons[0].starts_with("WebSocket: ") && reasons[0].contains(part),
            "{reasons:?}"
        );
    }

    fn wake_up(run: &mut TransportRun, waits: Distribution) {
        run.generator.as_mut().unwrap().wake_up = waits;
    }

    fn switches(run: &mut TransportRun, lost: u64, given: u64, waiting_s: f64) {
        run.server.involuntary_switches = Some(lost);
        run.server.voluntary_switches = Some(given);
        run.server.waiting_s = Some(waiting_s);
    }

    #[test]
    fn an_ordinary_run_with_a_hiccup_is_clear() {
        assert_eq!(reasons(|_| ()), [""; 0]);
        assert_eq!(reasons(|run| wake_up(run, waits(0.3, 4.9, 19.0))), [""; 0]);
        assert_eq!(reasons(|run| run.publishing.accepted = 990), [""; 0]);
        assert_eq!(reasons(|run| run.failures.broken = 2), [""; 0]);
        // It waited a lot, but for others that were quickly done; and it was driven off often, but got its processor back at once.
        assert_eq!(reasons(|run| switches(run, 40, 14, 2.0)), [""; 0]);
        assert_eq!(reasons(|run| switches(run, 900, 1800, 2.0)), [""; 0]);
        assert_eq!(reasons(|run| switches(run, 900, 14, 0.1)), [""; 0]);
        assert_eq!(reasons(|run| switches(run, 900, 600, 0.5)), [""; 0]);
        // In a minute it had 2.5 ms to do, and waited 5 ms for it in all.
        let idle = |run: &mut TransportRun| {
            switches(run, 70, 60, 0.005);
            run.server.cpu_s = Some(0.0025);
        };
        assert_eq!(reasons(idle), [""; 0]);
    }

    #[test]
    fn what_the_instrument_adds_makes_it_unclear() {
        for waits in [waits(2.1, 2.1, 2.1), waits(0.1, 5.1, 5.1), waits(0.1, 0.1, 20.5)] {
            only(reasons(|run| wake_up(run, waits.clone())), "woken late");
            only(reasons(|run| run.publishing.lag = waits.clone()), "publisher");
        }
    }

    #[test]
    fn a_server_without_a_processor_makes_it_unclear() {
        only(reasons(|run| switches(run, 180, 100, 0.5)), "lost its processor");
        // It was never kept for long, but all the time.
        only(reasons(|run| switches(run, 1500, 65, 0.5)), "lost its processor");
    }

    #[test]
    fn a_processor_that_is_shared_makes_it_unclear() {
        let mut results = results(vec![run(Transport::Websocket, 1, 0, 20)]);
        results.host.cores = 1;
        only(
            unclear_results(&results)
                .into_iter()
                .map(|reason| reason.what)
                .collect(),
            "shared one processor",
        );
        results.foreign = Some(Foreign {
            name: String::new(),
            url: "http://elsewhere:3000/".into(),
            dialect: Dialect::Talkplace,
            process: false,
        });
        assert_eq!(
            unclear_results(&results),
            [],
            "a server elsewhere has processors of its own"
        );
    }

    #[test]
    fn one_late_message_of_few_is_a_hiccup() {
        let few = |late_ms| {
            let mut lag = Distribution::new();
            [0, 0, 0, 0, late_ms]
                .iter()
                .for_each(|ms| lag.record(Duration::from_millis(*ms)));
            lag
        };
        assert_eq!(reasons(|run| run.publishing.lag = few(15)), [""; 0]);
    }

    #[test]
    fn on_bare_loopback_the_timers_grain_is_no_fault() {
        let mut delay = Distribution::new();
        delay.record(Duration::from_micros(300));
        let with = |run: &mut TransportRun, tail_ms| {
            run.delay = delay.clone();
            run.publishing.lag = waits(0.08, 0.2, 0.3);
            wake_up(run, waits(0.06, tail_ms, tail_ms));
        };
        assert_eq!(reasons(|run| with(run, 0.45)), [""; 0]);
        only(reasons(|run| with(run, 0.6)), "woken late");
    }

    #[test]
    fn a_limit_of_the_machine_or_of_the_load_makes_it_unclear() {
        only(reasons(|run| run.publishing.accepted = 989), "99 in 100");
        only(reasons(|run| run.failures.broken = 3), "one in a hundred");
        only(reasons(|run| run.server.cpu_s = Some(1.5)), "all the processors");
        let busy = |run: &mut TransportRun| run.generator.as_mut().unwrap().busiest_thread = Some(0.95);
        only(reasons(busy), "busy all the time");
    }

    #[test]
    fn transports_share_a_reason_and_old_results_have_none() {
        let mut runs = [run(Transport::Websocket, 1, 0, 20), run(Transport::Poll, 1, 10, 500)];
        assert_eq!(unclear_results(&results(runs.to_vec())), []);
        runs.iter_mut().for_each(|run| run.publishing.accepted = 0);
        let reasons = unclear_results(&results(runs.to_vec()));
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].what.starts_with("Short polling, WebSocket: "));
    }
}
