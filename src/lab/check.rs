//! Holds the claims of a scenario against the figures of its run.

use crate::protocol::Transport;
use crate::results::{Check, Checked, Right, Term, TransportRun, Verdict};

/// The verdict on every claim, in the order of the scenario.
///
/// A claim about a figure that the run does not have is unclear. One about a transport that was left out (the runs are those
/// of a complete run) was not asked about: whoever turns the knob `transports` knows.
pub fn verdicts(checks: &[Check], runs: &[TransportRun]) -> Vec<Checked> {
    checks.iter().map(|check| verdict(check, runs)).collect()
}

/// One comparison of a claim: of one transport in one round.
pub(super) struct Case {
    transport: Transport,
    left: Option<f64>,
    right: Option<f64>,
}

fn verdict(check: &Check, runs: &[TransportRun]) -> Checked {
    decided(check, &cases(check, runs, runs), asked(check, runs))
}

/// What the comparisons of a claim come to, which was `asked` about or not.
pub(super) fn decided(check: &Check, cases: &[Case], asked: bool) -> Checked {
    let holds = |case: &Case| Some(check.comparison.holds(case.left?, case.right?));
    let decided: Vec<Option<bool>> = cases.iter().map(holds).collect();
    let verdict = if !asked {
        Verdict::NotAsked
    } else if decided.contains(&Some(false)) {
        Verdict::Fails
    } else if decided.is_empty() || decided.contains(&None) {
        Verdict::Unclear
    } else {
        Verdict::Holds
    };
    Checked {
        check: check.to_string(),
        verdict,
        found: found(check, cases),
    }
}

/// Whether every transport that the claim names was measured.
pub(super) fn asked(check: &Check, runs: &[TransportRun]) -> bool {
    let other = match &check.right {
        Right::Times(_, term) => term.transport,
        Right::Value(_) => None,
    };
    let mut named = check.left.transport.into_iter().chain(other);
    named.all(|transport| runs.iter().any(|run| run.transport == transport))
}

/// Each transport that the claim is about, in each round of `runs`; the other side of it comes from the same round of `others`.
pub(super) fn cases(check: &Check, runs: &[TransportRun], others: &[TransportRun]) -> Vec<Case> {
    let about = runs.iter().filter(|run| is_about(&check.left, run.transport));
    about
        .map(|run| {
            let right = match &check.right {
                Right::Value(value) => Some(*value),
                Right::Times(factor, term) => {
                    let other = term.transport.unwrap_or(run.transport);
                    let other = others
                        .iter()
                        .find(|each| each.transport == other && each.round == run.round);
                    other
                        .and_then(|other| term.metric.of(other))
                        .map(|value| factor * value)
                }
            };
            Case {
                transport: run.transport,
                left: check.left.metric.of(run),
                right,
            }
        })
        .collect()
}

fn is_about(term: &Term, transport: Transport) -> bool {
    term.transport.is_none_or(|wanted| wanted == transport)
}

/// The figures that decided, the rounds of a transport behind each other: `poll 62% / 61%, long-poll 0%`.
fn found(check: &Check, cases: &[Case]) -> String {
    let unit = check.left.metric.unit;
    let write = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| unit.tell(value));
    let mut text = String::new();
    let mut last = None;
    let mut sorted: Vec<&Case> = cases.iter().collect();
    sorted.sort_by_key(|case| case.transport);
    for case in sorted {
        let new = last.replace(case.transport) != Some(case.transport);
        text.push_str(if !new {
            " / "
        } else if text.is_empty() {
            ""
        } else {
            ", "
        });
        if new {
            text.push_str(&format!("{} ", case.transport));
        }
        text.push_str(&write(case.left));
        if matches!(check.right, Right::Times(..)) {
            text.push_str(&format!(" against {}", write(case.right)));
        }
    }
    if text.is_empty() {
        "not measured".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::run;
    use crate::results::metric::Metric;
    use crate::results::{Segments, ServerCost};

    fn verdict_of(check: &str, runs: &[TransportRun]) -> (Verdict, String) {
        let checked = verdicts(&[check.parse().unwrap()], runs).remove(0);
        (checked.verdict, checked.found)
    }

    #[test]
    fn a_claim_without_a_transport_is_about_each() {
        let runs = [run(Transport::Poll, 1, 10, 500), run(Transport::Websocket, 1, 0, 20)];
        assert_eq!(verdict_of("delay.p50 < 1s", &runs).0, Verdict::Holds);
        let (verdict, found) = verdict_of("delay.p50 < 300ms", &runs);
        assert_eq!(verdict, Verdict::Fails);
        assert!(
            found.starts_with("poll 500") && found.contains("websocket 20"),
            "{found}"
        );
        assert_eq!(verdict_of("websocket.delay.p50 < 300ms", &runs).0, Verdict::Holds);
    }

    #[test]
    fn two_transports_are_compared_round_by_round() {
        let mut runs = vec![run(Transport::Poll, 1, 10, 1), run(Transport::LongPoll, 1, 3, 1)];
        assert_eq!(
            verdict_of("poll.requests > 3 * long-poll.requests", &runs).0,
            Verdict::Holds
        );
        runs.extend([run(Transport::Poll, 2, 10, 1), run(Transport::LongPoll, 2, 4, 1)]);
        let (verdict, found) = verdict_of("poll.requests > 3 * long-poll.requests", &runs);
        assert_eq!(verdict, Verdict::Fails);
        assert_eq!(found, "poll 10 against 9 / 10 against 12");
    }

    #[test]
    fn what_was_not_measured_is_unclear_and_what_was_left_out_is_not_asked() {
        let runs = [run(Transport::Poll, 1, 10, 500)];
        assert_eq!(verdict_of("events.lost == 0", &runs).0, Verdict::NotAsked);
        assert_eq!(verdict_of("poll.lost == events.lost", &runs).0, Verdict::NotAsked);
        assert_eq!(verdict_of("server_delay.p50 < 1s", &runs).0, Verdict::Unclear);
    }

    #[test]
    fn what_the_server_or_the_system_tells_has_no_value_where_it_does_not() {
        let value = |run: &TransportRun, name| Metric::named(name).unwrap().of(run);
        let mut run = run(Transport::Poll, 1, 0, 1);
        let all = [
            "idle_cpu_per_listener",
            "memory_per_listener",
            "memory_peak",
            "segments_per_delivery",
            "retransmitted",
        ];
        assert_eq!(all.map(|name| value(&run, name)), [None; 5]);
        run.server = ServerCost {
            idle_cpu_per_s: Some(0.002),
            rss_before_bytes: Some(1_000),
            rss_after_bytes: Some(9_000),
            rss_peak_bytes: Some(10_000),
            ..ServerCost::default()
        };
        run.segments = Some(Segments {
            to_server: 10,
            to_listener: 30,
            retransmitted: 1,
            header_bytes: 2_080,
            ..Segments::default()
        });
        (run.listeners, run.counts.deliveries) = (4, 20);
        assert_eq!(
            all.map(|name| value(&run, name)),
            [0.5, 2_000.0, 10_000.0, 2.0, 1.0].map(Some)
        );
        run.segments.as_mut().unwrap().missing = 1;
        assert_eq!(value(&run, "retransmitted"), None, "some is not all");
    }
}
