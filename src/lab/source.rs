use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use super::faults::{Fault, faults};
use super::library::lab;
use super::problem::{Place, Problem, Problems};
use super::read::{Said, Setting, read, unknown};
use super::sweep::{self, Knob};
use super::sweep_check;
use crate::results::knob::Key;
use crate::results::{Point, Scenario, SweepCheck, Swept};

/// A scenario as it was written, not yet read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The lab's short name, which is also that of its folder of runs.
    pub lab: String,
    /// The file as the reader of a message knows it.
    pub file: String,
    /// Its text.
    pub text: Cow<'static, str>,
}

/// What a sweep is to measure, and what it is claimed to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Along which knobs.
    pub knobs: Vec<Swept>,
    /// Every point.
    pub points: Vec<Point>,
    /// The claims of the `[sweep]` table that are about these knobs.
    pub checks: Vec<SweepCheck>,
}

/// A knob that the command line turns.
#[derive(Debug, Clone)]
pub struct Change {
    /// The name of its key.
    pub key: String,
    /// The value, not yet read.
    pub value: String,
    /// How it was typed, for messages: `--listeners 300`.
    pub typed: String,
}

impl Source {
    /// The scenario that it describes: the defaults, then the file, then its `[quick]` table when `quick` is asked for, then the changes.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once. A `[quick]` table is checked even when it is not asked for.
    pub fn scenario(&self, quick: bool, changes: &[Change]) -> Result<Scenario, Problems> {
        let mut problems = Vec::new();
        let Said { mut settings, .. } = read(&self.file, &self.text, &mut problems);
        // The last one wins, and [quick] comes after the rest of its file.
        settings.sort_by_key(|setting| setting.quick);
        let form = |quick: bool, problems: &mut Vec<Problem>| {
            let settings = settings.iter().filter(|setting| quick || !setting.quick);
            self.build(settings, changes, problems)
        };
        let scenario = form(quick, &mut problems);
        // What was typed is for the form that runs: it need not suit the other one.
        let mut others = Vec::new();
        form(!quick, &mut others);
        others.retain(|problem| !matches!(problem.place, Place::Typed(_)));
        problems.append(&mut others);
        Problems::none_of(problems)?;
        Ok(scenario)
    }

    /// The points of a sweep of this scenario: along the knobs that were typed, or else along those of its `[sweep]` table; in the
    /// short form along those of `[quick.sweep]`, where there is one.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario at any of the points, at once.
    pub fn sweep(&self, quick: bool, changes: &[Change], typed: &[Knob]) -> Result<Planned, Problems> {
        // What is wrong with the scenario itself would be told again at each point.
        self.scenario(quick, changes)?;
        let Said {
            sweep: listed, claims, ..
        } = read(&self.file, &self.text, &mut Vec::new());
        let own = sweep::from_file(listed, quick);
        let checks = sweep::claims(claims, &own, quick)?;
        let first = own.first().map(|knob| knob.key.clone());
        let knobs = sweep::knobs(&self.file, own, typed)?;
        let mut points = Vec::new();
        for (n, changed) in sweep::pairs(&knobs).into_iter().enumerate() {
            let all = [changes, &changed].concat();
            points.push(Point {
                folder: format!("{:02}", n + 1),
                values: changed.into_iter().map(|change| change.value).collect(),
                scenario: self.scenario(quick, &all)?,
            });
        }
        let knobs: Vec<Swept> = knobs.into_iter().map(Knob::into_swept).collect();
        Ok(Planned {
            checks: sweep_check::suiting(checks, first.as_deref(), &knobs),
            knobs,
            points,
        })
    }

    /// What is in a file of its folder: of a lab inside of the binary, what is there; of any other, what is on the disk.
    fn beside(&self, name: &str) -> Result<String, String> {
        if let (Cow::Borrowed(_), Some(lab)) = (&self.text, lab(&self.lab)) {
            let file = lab.files.iter().find(|file| file.name == name);
            return file.map(|file| file.text.to_owned()).ok_or_else(|| {
                let names: Vec<&str> = lab.files.iter().map(|file| file.name).collect();
                format!("the lab has no file `{name}`; it has {}", names.join(", "))
            });
        }
        let path = Path::new(&self.file).with_file_name(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{} could not be read: {error}", path.display()))
    }

    fn build<'a>(
        &self,
        settings: impl Iterator<Item = &'a Setting>,
        changes: &[Change],
        problems: &mut Vec<Problem>,
    ) -> Scenario {
        let mut scenario = Scenario {
            lab: self.lab.clone(),
            title: self.lab.clone(),
            ..Scenario::default()
        };
        let mut origins = Origins::default();
        for Setting {
            key,
            value,
            place,
            quick,
        } in settings
        {
            let layer = if *quick { Layer::Quick } else { Layer::File };
            origins.set(&mut scenario, key, value, (place.clone(), layer), problems);
        }
        for Change { key, value, typed } in changes {
            let place = Place::Typed(typed.clone());
            match Key::named(key) {
                Some(key) => origins.set(&mut scenario, key, value, (place, Layer::Typed), problems),
                None => problems.push(Problem {
                    place,
                    message: unknown(key),
                }),
            }
        }
        if let Some(name) = &scenario.between.nginx {
            match self.beside(name) {
                Ok(config) => scenario.between.config = config,
                Err(message) => {
                    let fault = Fault {
                        keys: &["between.nginx"],
                        message,
                    };
                    problems.extend(origins.blame(fault, &self.file));
                }
            }
        }
        scenario.settle_rate();
        let found = faults(&scenario);
        problems.extend(found.into_iter().filter_map(|fault| origins.blame(fault, &self.file)));
        scenario
    }
}

/// What is said in one breath; the later ones stand instead of the earlier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    File,
    Quick,
    Typed,
}

/// Two keys that say the same: how many messages there are.
const RATE: &str = "feed.rate";
const DELIVERIES: &str = "feed.deliveries";

/// Which place and layer each key has its value from; no place for a value that could not be read.
#[derive(Default)]
struct Origins(HashMap<&'static str, (Option<Place>, Layer)>);

impl Origins {
    fn set(
        &mut self,
        scenario: &mut Scenario,
        key: &Key,
        value: &str,
        (place, layer): (Place, Layer),
        problems: &mut Vec<Problem>,
    ) {
        match key.set(scenario, value) {
            Ok(()) => {
                self.one_rate(scenario, key, (&place, layer), problems);
                self.0.insert(key.name, (Some(place), layer));
            }
            Err(message) => {
                problems.push(problem(place, key.name, &message));
                self.0.insert(key.name, (None, layer));
            }
        }
    }

    /// Of the rate and the deliveries, what is said later stands instead of the other; both in one breath contradict each other. No deliveries at
    /// all contradict nothing.
    fn one_rate(
        &mut self,
        scenario: &mut Scenario,
        key: &Key,
        (place, layer): (&Place, Layer),
        problems: &mut Vec<Problem>,
    ) {
        let other = match key.name {
            RATE => DELIVERIES,
            DELIVERIES if scenario.is_rated_by_deliveries() => RATE,
            _ => return,
        };
        let same_breath = self.0.get(other).is_some_and(|(_, said)| *said == layer);
        if same_breath && scenario.is_rated_by_deliveries() {
            let message =
                format!("{other} is given too, and each of them says how many messages there are: leave one out");
            problems.push(problem(place.clone(), key.name, &message));
        } else if key.name == RATE {
            scenario.deliveries_per_s = 0.0;
        }
        self.0.remove(other);
    }

    /// Puts a fault where its value was written: typed before filed, the first key before the others. None at all when
    /// one of its values could not be read, as nobody knows then whether it is one.
    fn blame(&self, fault: Fault, file: &str) -> Option<Problem> {
        let Fault { keys, message } = fault;
        let mut places = Vec::new();
        for key in keys {
            match self.0.get(key) {
                Some((Some(place), layer)) => places.push((place, key, *layer)),
                Some((None, _)) => return None,
                None => {}
            }
        }
        let typed = places.iter().find(|(place, ..)| matches!(place, Place::Typed(_)));
        Some(match typed.or(places.first()) {
            // The file may have the key twice, and its other value is none of the fault.
            Some((place, key, Layer::Quick)) => problem((*place).clone(), &format!("{key} in [quick]"), &message),
            Some((place, key, _)) => problem((*place).clone(), key, &message),
            None => problem(Place::File(file.to_owned()), keys[0], &message),
        })
    }
}

/// A line of a file is found by its number, but read with the key's name in front; what was typed says it already.
fn problem(place: Place, key: &str, message: &str) -> Problem {
    let message = match place {
        Place::Typed(_) => message.to_owned(),
        Place::Line { .. } | Place::File(_) => format!("{key}: {message}"),
    };
    Problem { place, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Transport;
    use crate::results::{Arrivals, PollTimer};
    use proptest::prelude::*;
    use std::time::Duration;

    fn source(text: &str) -> Source {
        Source {
            lab: "mine".into(),
            file: "mine.toml".into(),
            text: Cow::Owned(text.to_owned()),
        }
    }

    fn problems(text: &str) -> Vec<String> {
        let problems = source(text).scenario(false, &[]).unwrap_err();
        problems.iter().map(Problem::to_string).collect()
    }

    fn change(key: &str, value: &str) -> Change {
        Change {
            key: key.into(),
            value: value.into(),
            typed: format!("--set {key}={value}"),
        }
    }

    const WHOLE: &str = r#"
        title = "A title"
        question = "Why?"
        transports = ["websocket", "events"]
        listeners = 1_000
        duration = "1.5s"
        [feed]
        rate = "6/min"
        arrivals = "constant"
        [poll]
        timer = "after-answer"
        [long_poll]
        timeout = "2m"
        [quick]
        listeners = 3
        [quick.long_poll]
        timeout = "2s"
    "#;

    #[test]
    fn every_kind_of_key_is_read() {
        let scenario = source(WHOLE).scenario(false, &[]).unwrap();
        let expected = Scenario {
            lab: "mine".into(),
            title: "A title".into(),
            question: "Why?".into(),
            transports: vec![Transport::Websocket, Transport::Events],
            listeners: 1_000,
            duration: Duration::from_millis(1_500),
            rate_per_s: 0.1,
            arrivals: Arrivals::Constant,
            poll_timer: PollTimer::AfterAnswer,
            long_poll_timeout: Duration::from_secs(120),
            ..Scenario::default()
        };
        assert_eq!(scenario, expected);
        let quick = source(WHOLE).scenario(true, &[]).unwrap();
        assert_eq!(
            quick,
            Scenario {
                listeners: 3,
                long_poll_timeout: Duration::from_secs(2),
                ..expected
            }
        );
    }

    #[test]
    fn nothing_said_is_the_default() {
        let scenario = source("").scenario(false, &[]).unwrap();
        assert_eq!(
            scenario,
            Scenario {
                lab: "mine".into(),
                title: "mine".into(),
                ..Scenario::default()
            }
        );
    }

    #[test]
    fn what_is_typed_beats_quick_and_quick_beats_the_file() {
        let text = "listeners = 1\n[quick]\nlisteners = 2\n";
        let listeners = |quick, changes: &[Change]| source(text).scenario(quick, changes).unwrap().listeners;
        assert_eq!(listeners(false, &[]), 1);
        assert_eq!(listeners(true, &[]), 2);
        assert_eq!(listeners(true, &[change("listeners", "3")]), 3);
        assert_eq!(
            listeners(true, &[change("listeners", "3"), change("listeners", "4")]),
            4
        );
    }

    #[test]
    fn deliveries_are_shared_by_the_listeners() {
        let text = "listeners = 200\n[feed]\ndeliveries = \"5000/s\"\n[quick]\nlisteners = 50\n";
        let rate = |quick, changes: &[Change]| source(text).scenario(quick, changes).unwrap().rate_per_s;
        assert_eq!(rate(false, &[]), 25.0);
        assert_eq!(rate(true, &[]), 100.0);
        assert_eq!(rate(false, &[change("listeners", "1000")]), 5.0);
        assert_eq!(rate(false, &[change("feed.deliveries", "100/s")]), 0.5);
    }

    #[test]
    fn of_the_rate_and_the_deliveries_the_later_one_counts() {
        let rated = |text: &str, quick, changes: &[Change]| {
            let scenario = source(text).scenario(quick, changes).unwrap();
            (scenario.rate_per_s, scenario.deliveries_per_s)
        };
        let deliveries = "listeners = 10\n[feed]\ndeliveries = \"50/s\"\n";
        let rate = "listeners = 10\n[feed]\nrate = \"2/s\"\n";
        assert_eq!(rated(deliveries, false, &[change("feed.rate", "7/s")]), (7.0, 0.0));
        assert_eq!(rated(rate, false, &[change("feed.deliveries", "70/s")]), (7.0, 70.0));
        let quick = format!("{deliveries}[quick.feed]\nrate = \"3/s\"\n");
        assert_eq!(
            (rated(&quick, false, &[]), rated(&quick, true, &[])),
            ((5.0, 50.0), (3.0, 0.0))
        );
        let quick = format!("{rate}[quick.feed]\ndeliveries = \"30/s\"\n");
        assert_eq!(
            (rated(&quick, false, &[]), rated(&quick, true, &[])),
            ((2.0, 0.0), (3.0, 30.0))
        );
        // None at all say nothing, as in the command that a report ends with.
        let none = change("feed.deliveries", "0/s");
        for changes in [
            [change("feed.rate", "7/s"), none.clone()],
            [none.clone(), change("feed.rate", "7/s")],
        ] {
            assert_eq!(rated(deliveries, false, &changes), (7.0, 0.0));
        }
    }

    #[test]
    fn the_rate_and_the_deliveries_in_one_breath_are_refused() {
        let told = "is given too, and each of them says how many messages there are: leave one out";
        let found = problems("[feed]\nrate = \"2/s\"\ndeliveries = \"50/s\"\n");
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].starts_with("mine.toml:") && found[0].ends_with(told),
            "{found:#?}"
        );
        let found = source("")
            .scenario(false, &[change("feed.rate", "2/s"), change("feed.deliveries", "50/s")])
            .unwrap_err();
        assert_eq!(
            found.to_string(),
            format!("--set feed.deliveries=50/s: feed.rate {told}")
        );
    }

    #[test]
    fn what_is_wrong_with_deliveries_is_told_where_they_are() {
        for (text, told) in [
            (
                "deliveries = \"-5/s\"",
                "mine.toml:2:1: feed.deliveries: the deliveries must be above zero",
            ),
            ("deliveries = 5", "mine.toml:2:1: feed.deliveries: `5` is no rate"),
            (
                "deliveries = \"100000000/s\"",
                "mine.toml:2:1: feed.deliveries: 500000 messages a second: 100000/s is the most",
            ),
            (
                "deliveries = \"10000000/s\"",
                "mine.toml:2:1: feed.deliveries: 1100000 messages are more than",
            ),
        ] {
            let found = problems(&format!("[feed]\n{text}\n"));
            assert_eq!(found.len(), 1, "{found:#?}");
            assert!(found[0].starts_with(told), "{found:#?}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once_with_their_lines() {
        let text = "listener = 5\nlisteners = 0\nduration = \"20\"\ntransports = []\n\n[feed]\nrate = \"0/s\"\ntext_bytes = 70000\narrivals = \"tuesdays\"\n\n[poll]\ninterval = 1\n\n[quick]\nwarm_up = \"soon\"\nlink = 3\n";
        let found = problems(text);
        let starts = [
            "mine.toml:1:1: there is no key `listener`; did you mean `listeners`?",
            "mine.toml:2:1: listeners: without a listener",
            "mine.toml:3:1: duration: `20` has no unit",
            "mine.toml:4:1: transports: name at least one",
            "mine.toml:7:1: feed.rate: the rate must be above zero",
            "mine.toml:8:1: feed.text_bytes: a text has",
            "mine.toml:9:1: feed.arrivals: `tuesdays` is not one of \"poisson\", \"constant\"",
            "mine.toml:12:1: poll.interval: `1` has no unit",
            "mine.toml:15:1: warm_up: `soon` is no time",
            "mine.toml:16:1: `link` is one table and no value",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (problem, start) in found.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem} / {start}");
        }
    }

    #[test]
    fn broken_syntax_is_told_beside_the_rest() {
        let found = problems("listeners = \nduration = \"20\"\nseed = 1\nseed = 2\n");
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with("mine.toml:1:") && problem.contains("not TOML")),
            "{found:#?}"
        );
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with("mine.toml:2:1: duration")),
            "{found:#?}"
        );
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with("mine.toml:4:1: this is not TOML: duplicate key")),
            "{found:#?}"
        );
        assert_eq!(found.len(), 3, "{found:#?}");
    }

    #[test]
    fn a_wrong_type_is_told_with_the_right_one() {
        assert_eq!(
            problems("listeners = \"many\"\ntransports = \"poll\"\n[duration]\nx = 1\n"),
            [
                "mine.toml:1:13: listeners takes a whole number, not TOML's string",
                "mine.toml:2:14: transports takes a list of \"poll\", \"long-poll\", \"events\", \"websocket\", not TOML's string",
                "mine.toml:3:1: duration takes a time such as \"40ms\", \"25s\" or \"2m\", not TOML's table",
            ]
        );
    }

    #[test]
    fn values_that_do_not_fit_together_are_blamed_on_what_was_said_last() {
        let found = problems("drain = \"500ms\"\n");
        assert!(
            found[0].starts_with("mine.toml:1:1: drain: a drain of 500ms ends before"),
            "{found:?}"
        );
        let typed = source("drain = \"5s\"\n")
            .scenario(false, &[change("poll.interval", "10s")])
            .unwrap_err()
            .to_string();
        assert!(
            typed.starts_with("--set poll.interval=10s: a drain of 5s ends"),
            "{typed}"
        );
    }

    #[test]
    fn a_change_is_checked_like_a_line_of_the_file() {
        let found = source("")
            .scenario(
                false,
                &[
                    change("listners", "5"),
                    change("duration", "5"),
                    change("transports", "poll,poll"),
                ],
            )
            .unwrap_err()
            .to_string();
        assert!(
            found.contains("--set listners=5: there is no key `listners`; did you mean `listeners`?"),
            "{found}"
        );
        assert!(found.contains("--set duration=5: `5` has no unit"), "{found}");
        assert!(
            found.contains("--set transports=poll,poll: poll is named twice"),
            "{found}"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = source(&text).scenario(true, &[]);
        }

        #[test]
        fn no_value_makes_the_reader_panic(
            lines in proptest::collection::vec("(title|listeners|duration|feed.rate|link|\\[quick\\]|\\[poll\\]|[a-zé]{1,3}) ?=? ?([0-9\"a-z\\[\\]{}.,/é]{0,12}|\"[0-9]{0,25}[a-z/]{0,3}\")", 0..8),
        ) {
            let _ = source(&lines.join("\n")).scenario(true, &[]);
        }
    }

    #[test]
    fn a_fault_of_the_short_form_is_said_to_be_there_and_how_to_mend_it() {
        let text = "drain = \"3s\"\n[poll]\ninterval = \"1s\"\n[quick]\ndrain = \"1s\"\n";
        for quick in [false, true] {
            let found = source(text).scenario(quick, &[]).unwrap_err().to_string();
            assert!(
                found.starts_with("mine.toml:5:1: drain in [quick]: a drain of 1s ends before"),
                "{found}"
            );
            assert!(
                found.contains("poll.interval, 1s") && found.contains("raise it to 1.08s"),
                "{found}"
            );
        }
        assert!(
            source(&text.replace("drain = \"1s\"", "drain = \"1080ms\""))
                .scenario(true, &[])
                .is_ok()
        );
    }

    #[test]
    fn what_is_typed_is_for_the_form_that_runs() {
        let text = "duration = \"4s\"\ndrain = \"9s\"\n[quick]\ndrain = \"2s\"\n";
        let slow = [change("poll.interval", "3s")];
        assert!(source(text).scenario(false, &slow).is_ok());
        let refused = source(text).scenario(true, &slow).unwrap_err().to_string();
        assert!(
            refused.starts_with("--set poll.interval=3s: a drain of 2s"),
            "{refused}"
        );
    }

    #[test]
    fn a_value_out_of_range_is_told_once() {
        let refused = source("").scenario(false, &[change("link.rtt", "10m")]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "--set link.rtt=10m: 10m is out of range: 0s to 10s"
        );
    }

    #[test]
    fn a_table_that_is_written_as_a_value_is_not_unknown() {
        for text in ["feed = 3", "[[feed]]\nrate = \"1/s\""] {
            let told = problems(text).concat();
            assert!(
                told.ends_with(
                    "`feed` is one table and no value; its keys are feed.rate, feed.deliveries, feed.arrivals, feed.text_bytes"
                ),
                "{told}"
            );
        }
        assert!(problems("quick = 5").concat().contains("`quick` is one table"));
    }
}
