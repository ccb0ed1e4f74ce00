//! The knobs of a scenario by the names that a scenario file gives them, and where runs differ in them.

use super::number::{duration, rate};
use crate::results::{Arrivals, PollTimer, Results, Scenario};

/// One knob and what it was set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Knob {
    /// As in a scenario file: `long_poll.timeout`.
    pub(crate) name: &'static str,
    /// As in a scenario file: `25s`.
    pub(crate) value: String,
    /// What it does, for the table of knobs.
    pub(crate) means: &'static str,
}

/// A knob that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// As in a scenario file.
    pub(crate) name: &'static str,
    /// What each of the runs had, in their order.
    pub(crate) values: Vec<String>,
}

/// Every knob of a scenario, in the order in which a reader meets them.
pub(crate) fn knobs(scenario: &Scenario) -> Vec<Knob> {
    let s = scenario;
    let transports: Vec<&str> = s.transports.iter().map(|transport| transport.name()).collect();
    let timer = match s.poll_timer {
        PollTimer::Fixed => "fixed",
        PollTimer::AfterAnswer => "after-answer",
    };
    let arrivals = match s.arrivals {
        Arrivals::Poisson => "poisson",
        Arrivals::Constant => "constant",
    };
    let rows: [(&'static str, String, &'static str); 16] = [
        ("transports", transports.join(","), "what is measured, in this order"),
        (
            "listeners",
            s.listeners.to_string(),
            "how many hear the feed, per transport",
        ),
        ("feed.rate", rate(s.rate_per_s), "messages a second"),
        (
            "feed.arrivals",
            arrivals.into(),
            "how the messages are spread over time",
        ),
        (
            "feed.text_bytes",
            s.text_bytes.to_string(),
            "length of a message’s text",
        ),
        (
            "link.rtt",
            duration(s.rtt),
            "round trip of the emulated link, half of it each way",
        ),
        (
            "poll.interval",
            duration(s.poll_interval),
            "short polling: time between two requests",
        ),
        (
            "poll.timer",
            timer.into(),
            "short polling: what the interval is counted from",
        ),
        (
            "long_poll.timeout",
            duration(s.long_poll_timeout),
            "long polling: how long a request may be held",
        ),
        ("warm_up", duration(s.warm_up), "messages flow, nothing is counted"),
        ("duration", duration(s.duration), "the counted window"),
        (
            "drain",
            duration(s.drain),
            "time after the last send to hear what is on its way",
        ),
        ("seed", s.seed.to_string(), "where the schedule comes from"),
        (
            "server.workers",
            s.server_workers.to_string(),
            "the server’s threads; 0 is one per processor",
        ),
        (
            "server.keep_messages",
            s.server_keep_messages.to_string(),
            "how many messages the server keeps",
        ),
        ("lab", s.lab.clone(), "which lab"),
    ];
    rows.map(|(name, value, means)| Knob { name, value, means }).into()
}

/// The knobs that are not the same in all of these runs; none of a single run.
pub(crate) fn differences(runs: &[Results]) -> Vec<Difference> {
    let all: Vec<Vec<Knob>> = runs.iter().map(|run| knobs(&run.scenario)).collect();
    let Some((first, others)) = all.split_first() else {
        return Vec::new();
    };
    let differs = |at: usize| others.iter().any(|knobs| knobs[at].value != first[at].value);
    (0..first.len())
        .filter(|at| differs(*at))
        .map(|at| Difference {
            name: first[at].name,
            values: all.iter().map(|knobs| knobs[at].value.clone()).collect(),
        })
        .collect()
}

/// The command that asks for exactly this run again, whatever the lab's own values are by then.
pub(crate) fn command(scenario: &Scenario) -> String {
    let settings: Vec<String> = knobs(scenario)
        .into_iter()
        .filter(|knob| knob.name != "lab")
        .map(|knob| format!(" \\\n  --set {}={}", knob.name, knob.value))
        .collect();
    format!("talkplace run {}{}", scenario.lab, settings.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use std::time::Duration;

    #[test]
    fn only_what_differs_is_named() {
        let run = fixture::three_ways();
        let mut other = run.clone();
        other.scenario.long_poll_timeout = Duration::from_secs(2);
        assert_eq!(differences(&[run.clone(), run.clone()]), []);
        let expected = Difference {
            name: "long_poll.timeout",
            values: vec!["25s".into(), "2s".into()],
        };
        assert_eq!(differences(&[run, other]), [expected]);
    }

    #[test]
    fn the_command_sets_every_knob() {
        let scenario = fixture::three_ways().scenario;
        let command = command(&scenario);
        assert!(command.starts_with("talkplace run three-ways \\\n"), "{command}");
        for knob in knobs(&scenario).iter().filter(|knob| knob.name != "lab") {
            assert!(
                command.contains(&format!("--set {}={}", knob.name, knob.value)),
                "{command}"
            );
        }
    }
}
