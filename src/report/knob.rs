//! The knobs of runs: all of one, those that differ between some, and the command that sets them again.

use crate::results::knob::{KEYS, Key};
use crate::results::{Results, Scenario};

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

/// The knobs that are not the same in all of these runs, and the lab where runs of several are compared; none of a single run.
pub(crate) fn differences(runs: &[Results]) -> Vec<Difference> {
    let values = |of: &dyn Fn(&Scenario) -> String| runs.iter().map(|run| of(&run.scenario)).collect();
    let lab = Difference {
        name: "lab",
        values: values(&|scenario| scenario.lab.clone()),
    };
    let knobs = knobs().map(|key| Difference {
        name: key.name,
        values: values(&|scenario| key.get(scenario)),
    });
    let differs = |knob: &Difference| knob.values.windows(2).any(|pair| pair[0] != pair[1]);
    knobs.chain([lab]).filter(differs).collect()
}

/// The command that asks for exactly this run again, whatever the lab's own values are by then.
pub(crate) fn command(scenario: &Scenario) -> String {
    let settings: Vec<String> = knobs()
        .map(|key| format!(" \\\n  --set {}={}", key.name, key.get(scenario)))
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
        let scenario = fixture::three_ways().scenario;
        let command = command(&scenario);
        assert!(command.starts_with("talkplace run three-ways \\\n"), "{command}");
        for key in knobs() {
            let setting = format!("--set {}={}", key.name, key.get(&scenario));
            assert!(command.contains(&setting), "{command}");
        }
    }
}
