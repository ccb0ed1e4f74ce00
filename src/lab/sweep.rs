//! One scenario along one knob or two: which points that makes, and measuring them one after the other.

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::measure::{End, MeasureError, Setup, Step, begin, measure};
use super::problem::{Place, Problem, Problems};
use super::read::{Claimed, Listed};
use super::source::Change;
use crate::load::Progress;
use crate::results::knob::{Key, Kind};
use crate::results::{Results, Sweep, SweepCheck, SweepFolder, Swept};

/// A report shows no more: one knob is the axis, the other makes panels.
const MOST_KNOBS: usize = 2;
/// Of a few seconds each: more would not end within a day.
const MOST_POINTS: usize = 200;

/// A knob to sweep over, as it was asked for.
#[derive(Debug, Clone)]
pub struct Knob {
    /// The name of its key.
    pub key: String,
    /// Its values, not yet read.
    pub values: Vec<String>,
    /// How it was typed, for messages: `--vary listeners=1,2`; `None` of one from a file.
    pub typed: Option<String>,
}

impl Knob {
    /// The same without where it came from.
    pub(super) fn into_swept(self) -> Swept {
        Swept {
            key: self.key,
            values: self.values,
        }
    }
}

/// The knobs to sweep over: the typed ones, or those of the file. Whether their values suit the scenario shows when it is built.
pub(super) fn knobs(file: &str, own: Vec<Knob>, typed: &[Knob]) -> Result<Vec<Knob>, Problems> {
    let mut problems = Vec::new();
    let mut knobs = if typed.is_empty() { own } else { typed.to_vec() };
    let place = |knob: Option<&Knob>| match knob.and_then(|knob| knob.typed.clone()) {
        Some(typed) => Place::Typed(typed),
        None => Place::File(file.to_owned()),
    };
    let mut problem = |knob: Option<&Knob>, message: String| {
        problems.push(Problem {
            place: place(knob),
            message,
        });
    };
    if knobs.is_empty() {
        problem(
            None,
            "it has no [sweep] table; say what to vary, such as --vary long_poll.timeout=1s,5s,25s".to_owned(),
        );
    }
    if knobs.len() > MOST_KNOBS {
        let last = &knobs[MOST_KNOBS];
        problem(
            Some(last),
            format!("{} knobs are too many: sweep over one or two", knobs.len()),
        );
    }
    for (n, knob) in knobs.iter().enumerate() {
        let key = &knob.key;
        if knobs[..n].iter().any(|other| other.key == *key) {
            problem(
                Some(knob),
                format!("{key} is swept over twice; give all its values at once"),
            );
        }
        match Key::named(key) {
            // What is no key at all is told when the scenario is built.
            Some(Key {
                kind: Kind::Text | Kind::Words(_) | Kind::Checks,
                ..
            }) => problem(
                Some(knob),
                format!("{key} cannot be swept over: its values have no order and no place on an axis"),
            ),
            _ if key == "repeat" || key == "seed" => {
                problem(
                    Some(knob),
                    format!("{key} cannot be swept over: it changes how well is measured, not what"),
                );
            }
            _ if knob.values.len() < 2 => problem(
                Some(knob),
                format!("{key} has one value only; a sweep takes two or more"),
            ),
            _ => {}
        }
    }
    let points: usize = knobs.iter().map(|knob| knob.values.len()).product();
    if points > MOST_POINTS {
        problem(
            knobs.last(),
            format!("{points} points are too many: {MOST_POINTS} is the most"),
        );
    }
    for knob in &mut knobs {
        let Some(key) = Key::named(&knob.key) else { continue };
        // 1000ms and 1s are one value.
        let written: Vec<String> = knob.values.iter().map(|value| written(key, value)).collect();
        for (n, value) in written.iter().enumerate() {
            if written[..n].contains(value) {
                problems.push(Problem {
                    place: place(Some(knob)),
                    message: format!("{} has the value {value} twice", knob.key),
                });
            }
        }
        knob.values = written;
    }
    Problems::none_of(problems)?;
    Ok(knobs)
}

/// As a scenario writes it; what cannot be read stays as it is, and is told when the scenario is built.
fn written(key: &Key, value: &str) -> String {
    let mut scenario = crate::results::Scenario::default();
    match key.set(&mut scenario, value) {
        Ok(()) => key.get(&scenario),
        Err(_) => value.to_owned(),
    }
}

/// Those of `[sweep]`, or in the short form those of `[quick.sweep]` where it names any.
pub(super) fn from_file(listed: Vec<Listed>, quick: bool) -> Vec<Knob> {
    let (short, long): (Vec<_>, Vec<_>) = listed.into_iter().partition(|listed| listed.quick);
    let chosen = if quick && !short.is_empty() { short } else { long };
    let knob = |listed: Listed| Knob {
        key: listed.key.name.to_owned(),
        values: listed.values,
        typed: None,
    };
    chosen.into_iter().map(knob).collect()
}

/// Those of `[sweep]`, or in the short form those of `[quick.sweep]` where it has any, the values in them written as `own`, the knobs of that
/// table, write them.
pub(super) fn claims(claimed: Vec<Claimed>, own: &[Knob], quick: bool) -> Result<Vec<SweepCheck>, Problems> {
    let (short, long): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|claimed| claimed.quick);
    let chosen = if quick && !short.is_empty() { short } else { long };
    let (mut checks, mut problems) = (Vec::new(), Vec::new());
    for Claimed {
        mut check,
        place,
        quick: of_quick,
    } in chosen
    {
        let text = check.to_string();
        for named in check.places() {
            match own.iter().find_map(|knob| value_of(knob, named)) {
                Some(value) => *named = value,
                // The short form may leave out what a claim of the long one is about.
                None if quick != of_quick => {}
                None => problems.push(Problem {
                    place: place.clone(),
                    message: format!("`{text}` names {named}, which is no value of a knob that is swept over here"),
                }),
            }
        }
        checks.push(check);
    }
    Problems::none_of(problems)?;
    Ok(checks)
}

/// The value of this knob that a text names, as the knob writes it.
fn value_of(knob: &Knob, text: &str) -> Option<String> {
    let key = Key::named(&knob.key)?;
    let wanted = written(key, text);
    knob.values
        .iter()
        .any(|value| written(key, value) == wanted)
        .then_some(wanted)
}

/// Every point as the changes that lead to it, the last knob turning fastest.
pub(super) fn pairs(knobs: &[Knob]) -> Vec<Vec<Change>> {
    let mut points = vec![Vec::new()];
    for knob in knobs {
        points = points
            .into_iter()
            .flat_map(|point: Vec<Change>| {
                knob.values
                    .iter()
                    .map(move |value| [point.clone(), vec![change(knob, value)]].concat())
            })
            .collect();
    }
    points
}

fn change(knob: &Knob, value: &str) -> Change {
    let from = if knob.typed.is_some() { "--vary" } else { "[sweep]" };
    Change {
        key: knob.key.clone(),
        value: value.to_owned(),
        typed: format!("{from} {}={value}", knob.key),
    }
}

/// Is told how far each step of each point has come; points are counted from 0.
pub type Watch<'a> = &'a (dyn Fn(usize, Step, Progress) + Send + Sync);

/// Measures every point that is not measured yet, and puts its results in its place among `results`, which has one for each.
///
/// Each point is kept as soon as it is measured: whatever ends a sweep, it can go on where it was.
///
/// # Errors
/// As [`measure`].
pub async fn sweep(
    sweep: &Sweep,
    results: &mut [Option<Results>],
    folder: &SweepFolder,
    setup: &Setup,
    watch: Watch<'_>,
    stop: &CancellationToken,
) -> Result<End, MeasureError> {
    for (n, (point, place)) in sweep.points.iter().zip(results).enumerate() {
        if place.is_some() {
            continue;
        }
        let here = folder.point(sweep, point, OffsetDateTime::now_utc())?;
        let mut measured = begin(point.scenario.clone(), sweep.quick, &here);
        let told = |step, progress| watch(n, step, progress);
        let ended = measure(&mut measured, &here, setup, &told, stop).await;
        if measured.runs.is_empty() {
            here.remove_if_empty();
        }
        match ended? {
            End::Complete => *place = Some(measured),
            End::Stopped => return Ok(End::Stopped),
        }
    }
    Ok(End::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Source;

    fn source(text: &'static str) -> Source {
        Source {
            lab: "mine".into(),
            file: "mine.toml".into(),
            text: text.into(),
        }
    }

    fn vary(key: &str, values: &[&str]) -> Knob {
        Knob {
            key: key.into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            typed: Some(format!("--vary {key}={}", values.join(","))),
        }
    }

    fn values(source: &Source, quick: bool, knobs: &[Knob]) -> Vec<String> {
        let points = source.sweep(quick, &[], knobs).unwrap().points;
        points.into_iter().map(|point| point.values.join(" ")).collect()
    }

    fn problems(source: &Source, knobs: &[Knob]) -> String {
        source.sweep(false, &[], knobs).unwrap_err().to_string()
    }

    #[test]
    fn two_knobs_make_all_pairs() {
        let knobs = [
            vary("long_poll.timeout", &["1s", "5000ms"]),
            vary("feed.rate", &["1/s", "2/s"]),
        ];
        assert_eq!(
            values(&source(""), false, &knobs),
            ["1s 1/s", "1s 2/s", "5s 1/s", "5s 2/s"]
        );
        let points = source("").sweep(false, &[], &knobs).unwrap().points;
        assert_eq!(points[2].scenario.long_poll_timeout.as_secs(), 5);
        assert_eq!((points[2].scenario.rate_per_s, points[2].folder.as_str()), (1.0, "03"));
    }

    #[test]
    fn deliveries_stay_equal_along_the_listeners() {
        let file = source("[feed]\ndeliveries = \"600/s\"\n[sweep]\nlisteners = [10, 300]\n");
        let rates = |typed: &[Knob]| -> Vec<f64> {
            let points = file.sweep(false, &[], typed).unwrap().points;
            points.iter().map(|point| point.scenario.rate_per_s).collect()
        };
        assert_eq!(rates(&[]), [60.0, 2.0]);
        assert_eq!(rates(&[vary("feed.rate", &["1/s", "4/s"])]), [1.0, 4.0]);
        let both = [
            vary("feed.rate", &["1/s", "4/s"]),
            vary("feed.deliveries", &["10/s", "20/s"]),
        ];
        assert!(problems(&file, &both).contains("feed.deliveries=10/s: feed.rate is given too"));
    }

    #[test]
    fn a_table_says_the_same_and_what_is_typed_goes_before_it() {
        let file = source(
            "[sweep]\nlong_poll.timeout = [\"1s\", \"2s\"]\n\"listeners\" = [3, 4]\n[quick.sweep]\nlisteners = [1, 2]\n",
        );
        assert_eq!(values(&file, false, &[]), ["1s 3", "1s 4", "2s 3", "2s 4"]);
        assert_eq!(values(&file, true, &[]), ["1", "2"]);
        assert_eq!(
            values(&file, false, &[vary("poll.interval", &["1s", "2s"])]),
            ["1s", "2s"]
        );
    }

    #[test]
    fn the_claims_of_a_table_go_with_its_knobs() {
        let file = source(
            "[sweep]\nlong_poll.timeout = [\"1s\", \"2s\"]\nfeed.rate = [\"1/s\", \"60/min\", \"2/s\"]\nchecks = [\"requests falls\", \"lost at 120/min == 0\"]\n",
        );
        // Once a second and sixty times a minute are one value.
        assert!(problems(&file, &[]).contains("twice"));
        let file = source(
            "[sweep]\nlong_poll.timeout = [\"1s\", \"2s\"]\nfeed.rate = [\"1/s\", \"2/s\"]\nchecks = [\"requests falls\", \"lost at 120/min == 0\"]\n\
             [quick.sweep]\nlong_poll.timeout = [\"100ms\", \"200ms\"]\nchecks = [\"requests falls\"]\n",
        );
        let claims = |quick, typed: &[Knob]| -> Vec<String> {
            let checks = file.sweep(quick, &[], typed).unwrap().checks;
            checks.iter().map(ToString::to_string).collect()
        };
        assert_eq!(claims(false, &[]), ["requests falls", "lost at 2/s == 0"]);
        assert_eq!(claims(true, &[]), ["requests falls"]);
        assert_eq!(
            claims(false, &[vary("long_poll.timeout", &["3s", "4s"])]),
            ["requests falls", "lost at 2/s == 0"]
        );
        assert!(claims(false, &[vary("feed.rate", &["1/s", "4/s"])]).is_empty());
    }

    #[test]
    fn what_makes_no_sweep_is_told_in_a_sentence() {
        let empty = source("");
        for (knobs, told) in [
            (vec![], "mine.toml: it has no [sweep] table"),
            (
                vec![vary("listeners", &["1"])],
                "--vary listeners=1: listeners has one value only",
            ),
            (vec![vary("listeners", &["1", "2", "1"])], "has the value 1 twice"),
            (vec![vary("link.rtt", &["1s", "1000ms"])], "has the value 1s twice"),
            (vec![vary("transports", &["poll", "events"])], "cannot be swept over"),
            (vec![vary("seed", &["1", "2"])], "not what"),
            (vec![vary("listners", &["1", "2"])], "did you mean `listeners`?"),
            (
                vec![vary("listeners", &["0", "2"])],
                "--vary listeners=0: without a listener",
            ),
            (vec![vary("link.rtt", &["1", "2s"])], "`1` has no unit"),
            (vec![vary("listeners", &["1", "2"]); 2], "swept over twice"),
            (
                vec![
                    vary("listeners", &["1", "2"]),
                    vary("link.rtt", &["1s", "2s"]),
                    vary("feed.rate", &["1/s", "2/s"]),
                ],
                "3 knobs are too many",
            ),
        ] {
            let said = problems(&empty, &knobs);
            assert!(said.contains(told), "{told}: {said}");
        }
        let many: Vec<String> = (1..=201).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(problems(&empty, &[vary("listeners", &many)]).contains("201 points are too many"));
    }

    #[test]
    fn a_slip_in_the_table_has_its_line() {
        for (text, told) in [
            (
                "[sweep]\nlistners = [1, 2]\n",
                "mine.toml:2:1: there is no key `listners`; did you mean",
            ),
            (
                "[sweep]\nlisteners = 3\n",
                "mine.toml:2:13: listeners is swept over a list of values",
            ),
            (
                "[sweep]\nlisteners = [\"a\", 3]\n",
                "mine.toml:2:13: listeners is swept over a list",
            ),
            ("sweep = 3\n", "`sweep` is one table"),
            (
                "[sweep]\nlisteners = [1, 3]\nchecks = [\"requests fall\"]\n",
                "mine.toml:3:11: `requests fall` claims nothing",
            ),
            (
                "[sweep]\nlisteners = [1, 3]\nchecks = [\n \"requests falls\",\n \"requests falls along feed.rate\",\n]\n",
                "mine.toml:5:2: `requests falls along feed.rate` names feed.rate, which is not swept over here",
            ),
            (
                "[sweep]\nlisteners = [1, 3]\nchecks = [\"requests falls along listners\"]\n",
                "there is no key `listners`; did you mean `listeners`?",
            ),
            (
                "[sweep]\nlisteners = [1, 3]\nchecks = \"requests falls\"\n",
                "mine.toml:3:10: checks takes a list of claims about the sweep, such as",
            ),
        ] {
            let said = source(text).scenario(false, &[]).unwrap_err().to_string();
            assert!(said.contains(told), "{told}: {said}");
        }
        let elsewhere = source("[sweep]\nlisteners = [1, 3]\nchecks = [\"requests at 2 > 1\"]\n");
        let said = elsewhere.sweep(false, &[], &[]).unwrap_err().to_string();
        assert!(
            said.contains("mine.toml:3:11: `requests at 2 > 1` names 2, which is no value of a knob"),
            "{said}"
        );
        let zero = source("[sweep]\nlisteners = [0, 3]\n")
            .sweep(false, &[], &[])
            .unwrap_err();
        assert!(
            zero.to_string().contains("[sweep] listeners=0: without a listener"),
            "{zero}"
        );
    }
}
