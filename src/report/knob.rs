//! The knobs of runs: all of one, those that differ between some, and the command that sets them again.

use crate::results::knob::{KEYS, Key};
use crate::results::{Foreign, Results, Scenario};

/// What a server is called that talkplace has started itself.
const OURS: &str = "talkplace";

/// A knob that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// As in a scenario file.
    pub(crate) name: &'static str,
    /// What each of the runs had, in their order.
    pub(crate) values: Vec<String>,
}

/// Every knob that changes what a run does, in the order of a scenario file; its title and question are none.
pub(crate) fn knobs() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| !key.is_words_only())
}

/// What a knob was set to. Those of the server did not reach one that somebody else had started.
pub(crate) fn value(key: &Key, results: &Results) -> String {
    match results.foreign {
        Some(_) if key.name.starts_with("server.") => "the server’s own".to_owned(),
        _ => key.get(&results.scenario),
    }
}

/// The knobs that are not the same in all of these runs, the server where it is not, and the lab where runs of several are compared; none of a
/// single run.
pub(crate) fn differences(runs: &[Results]) -> Vec<Difference> {
    let server = Difference {
        name: "server",
        values: runs
            .iter()
            .map(|run| run.foreign.as_ref().map_or(OURS, |foreign| &foreign.name).to_owned())
            .collect(),
    };
    let values = |of: &dyn Fn(&Scenario) -> String| runs.iter().map(|run| of(&run.scenario)).collect();
    let lab = Difference {
        name: "lab",
        values: values(&|scenario| scenario.lab.clone()),
    };
    let follows = |key: &Key| runs.iter().all(|run| key.follows(&run.scenario));
    let knobs = knobs().filter(|key| !follows(key)).map(|key| Difference {
        name: key.name,
        values: values(&|scenario| match key.get(scenario) {
            empty if empty.is_empty() => "nothing".to_owned(),
            value => value,
        }),
    });
    let differs = |knob: &Difference| knob.values.windows(2).any(|pair| pair[0] != pair[1]);
    [server].into_iter().chain(knobs).chain([lab]).filter(differs).collect()
}

/// The command that asks for exactly this run again, whatever the lab's own values are by then.
pub(crate) fn command(results: &Results) -> String {
    let scenario = &results.scenario;
    let settings: Vec<String> = knobs()
        .filter(|key| !key.follows(scenario))
        .map(|key| format!(" \\\n  --set {}={}", key.name, key.get(scenario)))
        .collect();
    let target = results.foreign.as_ref().map_or_else(String::new, target);
    format!("talkplace run {}{}{target}", scenario.lab, settings.concat())
}

/// The flags that name a server of somebody else's. Its process has another number by now.
fn target(foreign: &Foreign) -> String {
    let Foreign {
        name,
        url,
        dialect,
        process,
    } = foreign;
    let pid = if *process { " --target-pid PID" } else { "" };
    format!(
        " \\\n  --target {} --dialect {dialect} --target-name {}{pid}",
        quoted(url),
        quoted(name)
    )
}

/// A word as a shell takes it, whatever is in it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
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
        other.scenario.title = "The same by another name".into();
        assert_eq!(differences(&[run.clone(), run.clone()]), []);
        let expected = Difference {
            name: "long_poll.timeout",
            values: vec!["25s".into(), "2s".into()],
        };
        assert_eq!(differences(&[run, other]), [expected]);
    }

    #[test]
    fn the_command_sets_every_knob() {
        let results = fixture::three_ways();
        let command = command(&results);
        assert!(command.starts_with("talkplace run three-ways \\\n"), "{command}");
        for key in knobs() {
            let setting = format!("--set {}={}", key.name, key.get(&results.scenario));
            assert!(command.contains(&setting), "{command}");
        }
    }

    #[test]
    fn a_rate_that_follows_from_the_deliveries_is_not_set_again() {
        let rated = |listeners| {
            let mut run = fixture::three_ways();
            (run.scenario.listeners, run.scenario.deliveries_per_s) = (listeners, 600.0);
            run.scenario.settle_rate();
            run
        };
        let written = command(&rated(300));
        assert!(written.contains("--set feed.deliveries=600/s"), "{written}");
        assert!(!written.contains("feed.rate"), "{written}");
        let names: Vec<&str> = differences(&[rated(300), rated(60)])
            .iter()
            .map(|knob| knob.name)
            .collect();
        assert_eq!(names, ["listeners"]);
    }

    #[test]
    fn a_server_of_somebody_elses_is_named_like_a_knob() {
        let ours = fixture::three_ways();
        let theirs = fixture::foreign();
        let differences = differences(&[theirs.clone(), ours.clone()]);
        let expected = Difference {
            name: "server",
            values: vec!["my server".into(), "talkplace".into()],
        };
        assert!(differences.contains(&expected), "{differences:?}");
        let workers = Key::named("server.workers").unwrap();
        assert_eq!(
            (value(workers, &theirs), value(workers, &ours)),
            ("the server’s own".into(), "1".into())
        );
        let command = command(&theirs);
        let flags = "--target ws://localhost:3000/chat --dialect ws-broadcast --target-name 'my server'";
        assert!(command.ends_with(flags), "{command}");
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        for (word, written) in [
            ("node-ws", "node-ws"),
            ("", "''"),
            ("a b", "'a b'"),
            ("'; rm x", "''\\''; rm x'"),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
