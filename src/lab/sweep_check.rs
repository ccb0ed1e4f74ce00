//! Holds the claims about a sweep against its points.

use super::check::{asked, cases, decided};
use crate::protocol::Transport;
use crate::results::metric::Unit;
use crate::results::{Check, Checked, Figure, Point, Results, Shape, Sweep, SweepCheck, Swept, Verdict};

/// The verdict on every claim, in the order of the scenario; `results` has a place for each point.
///
/// A point that was not measured, or in which the machine was the limit, speaks neither for a claim nor against it: without it the claim
/// is unclear, unless the others say that it fails. A claim about a transport or a value that is no part of this sweep was not asked about.
pub fn sweep_verdicts(sweep: &Sweep, results: &[Option<Results>]) -> Vec<Checked> {
    let clear = results
        .iter()
        .map(|results| results.as_ref().filter(|results| results.unclear.is_empty()));
    let points: Vec<Spot> = sweep.points.iter().zip(clear).collect();
    sweep
        .checks
        .iter()
        .map(|check| verdict(check, sweep, &points))
        .collect()
}

/// A point, with its results where they prove something.
type Spot<'a> = (&'a Point, Option<&'a Results>);

/// Values that decide together: along one line of the sweep, or of one transport at all points.
struct Line {
    /// What tells it from the others.
    label: String,
    values: Vec<Option<f64>>,
    holds: Option<bool>,
}

fn verdict(check: &SweepCheck, sweep: &Sweep, points: &[Spot]) -> Checked {
    let lines = match check {
        SweepCheck::Holds(holds, left_at, right_at) => {
            let found = compared(holds, left_at.as_deref(), right_at.as_deref(), sweep, points);
            return Checked {
                check: check.to_string(),
                ..found
            };
        }
        SweepCheck::Moves(figure, shape, stretch) => {
            let place = stretch
                .along
                .as_ref()
                .map_or(Some(0), |key| sweep.knobs.iter().position(|knob| knob.key == *key));
            let found =
                place.and_then(|place| Some((place, values_until(&sweep.knobs[place], stretch.until.as_deref())?)));
            found.map_or_else(Vec::new, |(place, values)| {
                lines(figure, *shape, place, values, sweep, points)
            })
        }
        SweepCheck::Is(figure, value, within) => {
            let about = taken_from(figure, points);
            let line = |transport| {
                let at = about
                    .iter()
                    .map(|(_, results)| figure.of(&results.as_ref()?.runs, transport));
                let values: Vec<Option<f64>> = at.collect();
                let each = values.iter().map(|found| Some(within.holds((*found)?, *value)));
                Line {
                    label: name_of(figure, transport).unwrap_or_default(),
                    holds: all(each),
                    values,
                }
            };
            subjects(figure, sweep)
                .map(line)
                .filter(|line| !line.values.is_empty())
                .collect()
        }
    };
    let unit = match check {
        SweepCheck::Moves(figure, ..) | SweepCheck::Is(figure, ..) => figure.unit(),
        SweepCheck::Holds(check, ..) => check.left.metric.unit,
    };
    Checked {
        check: check.to_string(),
        verdict: match all(lines.iter().map(|line| line.holds)) {
            _ if lines.is_empty() => Verdict::NotAsked,
            Some(true) => Verdict::Holds,
            Some(false) => Verdict::Fails,
            None => Verdict::Unclear,
        },
        found: written(&lines, unit),
    }
}

/// Whose figure it is: that of the transport in front, or everybody's; nobody's where a transport that it names is not measured.
fn subjects(figure: &Figure, sweep: &Sweep) -> impl Iterator<Item = Transport> {
    let first = sweep.points.first();
    let measured = first.map_or_else(Vec::new, |point| point.scenario.transports.clone());
    let are_there = figure.transports().all(|transport| measured.contains(&transport));
    let of = figure.transports().next();
    measured
        .into_iter()
        .filter(move |transport| are_there && of.is_none_or(|of| of == *transport))
}

/// The name of a transport that the figure does not name itself.
fn name_of(figure: &Figure, transport: Transport) -> Option<String> {
    figure
        .transports()
        .next()
        .is_none()
        .then(|| transport.name().to_owned())
}

fn taken_from<'a>(figure: &Figure, points: &[Spot<'a>]) -> Vec<Spot<'a>> {
    let is_at = |(point, _): &&Spot| is_at(point, figure.at.as_deref());
    points.iter().filter(is_at).copied().collect()
}

fn is_at(point: &Point, at: Option<&str>) -> bool {
    at.is_none_or(|at| point.values.iter().any(|value| value == at))
}

/// The values of a knob up to the last one that a claim is about; `None` where the knob does not have that.
fn values_until<'a>(knob: &'a Swept, until: Option<&str>) -> Option<&'a [String]> {
    match until {
        Some(last) => {
            let last = knob.values.iter().position(|value| value == last)?;
            Some(&knob.values[..=last])
        }
        None => Some(&knob.values),
    }
}

/// The figure along these values of the knob at this place: a line for each transport and each value of the other knob.
fn lines(figure: &Figure, shape: Shape, place: usize, values: &[String], sweep: &Sweep, points: &[Spot]) -> Vec<Line> {
    let mut about = taken_from(figure, points);
    about.retain(|(point, _)| values.contains(&point.values[place]));
    let others = |point: &Point| {
        let mut values = point.values.clone();
        values.remove(place);
        values
    };
    let mut kinds: Vec<Vec<String>> = Vec::new();
    for (point, _) in &about {
        if !kinds.contains(&others(point)) {
            kinds.push(others(point));
        }
    }
    let other = sweep
        .knobs
        .iter()
        .enumerate()
        .find(|(n, _)| *n != place)
        .map(|(_, knob)| knob);
    let line = |transport, kind: &Vec<String>| {
        // In the order in which the knob was given its values.
        let on_it = about.iter().filter(|(point, _)| others(point) == *kind);
        let values = on_it.map(|(_, results)| figure.of(&results.as_ref()?.runs, transport));
        let values: Vec<Option<f64>> = values.collect();
        let with = kind
            .first()
            .zip(other)
            .map(|(value, knob)| format!("{} {value}", knob.key));
        let label: Vec<String> = name_of(figure, transport).into_iter().chain(with).collect();
        Line {
            label: label.join(", "),
            holds: has_shape(&values, shape),
            values,
        }
    };
    subjects(figure, sweep)
        .flat_map(|transport| kinds.iter().map(move |kind| (transport, kind)))
        .map(|(transport, kind)| line(transport, kind))
        .collect()
}

fn has_shape(values: &[Option<f64>], shape: Shape) -> Option<bool> {
    let each = |is: fn(f64, f64) -> bool| all(values.windows(2).map(|pair| Some(is(pair[0]?, pair[1]?))));
    match shape {
        _ if values.len() < 2 => None,
        Shape::Falls => each(|one, next| next < one),
        Shape::Rises => each(|one, next| next > one),
        Shape::Stays(within) => {
            let known = || values.iter().flatten().copied();
            let (low, high) = (
                known().fold(f64::INFINITY, f64::min),
                known().fold(f64::NEG_INFINITY, f64::max),
            );
            let is_near = low.is_finite() && within.holds(low, high);
            match (is_near, values.iter().all(Option::is_some)) {
                (false, _) if low.is_finite() => Some(false),
                (true, true) => Some(true),
                _ => None,
            }
        }
    }
}

/// Whether all of them hold: one that does not decides, one that nobody knows leaves it open.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let each: Vec<Option<bool>> = each.collect();
    if each.contains(&Some(false)) {
        Some(false)
    } else {
        each.into_iter().all(|one| one == Some(true)).then_some(true)
    }
}

/// `feed.rate 1/5s: 61, 23, 12, 10; feed.rate 1/s: …`.
fn written(lines: &[Line], unit: Unit) -> String {
    let write = |value: &Option<f64>| value.map_or("unclear".to_owned(), |value| unit.tell(value));
    let told = lines.iter().map(|line| {
        let values: Vec<String> = line.values.iter().map(write).collect();
        let label = if line.label.is_empty() {
            String::new()
        } else {
            format!("{}: ", line.label)
        };
        format!("{label}{}", values.join(", "))
    });
    match told.collect::<Vec<_>>().join("; ") {
        nothing if nothing.is_empty() => "not measured".to_owned(),
        told => told,
    }
}

/// A comparison at every point of its place; its other side is that of the same point, or of the one with another value of one knob.
fn compared(check: &Check, left_at: Option<&str>, right_at: Option<&str>, sweep: &Sweep, points: &[Spot]) -> Checked {
    let mut each = Vec::new();
    for (point, left) in points.iter().filter(|(point, _)| is_at(point, left_at)) {
        let right = match right_at {
            Some(at) => partner(sweep, points, point, at),
            None => Some(*left),
        };
        let Some(right) = right else { continue };
        let known = left.zip(right).map(|(left, right)| {
            let cases = cases(check, &left.runs, &right.runs);
            decided(check, &cases, asked(check, &left.runs) && asked(check, &right.runs))
        });
        each.push((point.label(&sweep.knobs), known));
    }
    let with = |wanted: Verdict| -> Vec<String> {
        let known = each.iter().filter_map(|(label, known)| Some((label, known.as_ref()?)));
        known
            .filter(|(_, checked)| checked.verdict == wanted)
            .map(|(label, checked)| {
                if each.len() == 1 {
                    checked.found.clone()
                } else {
                    format!("{label}: {}", checked.found)
                }
            })
            .collect()
    };
    let (fail, hold, not_asked) = (with(Verdict::Fails), with(Verdict::Holds), with(Verdict::NotAsked));
    let (verdict, found) = if !fail.is_empty() {
        (Verdict::Fails, fail.join("; "))
    } else if not_asked.len() == each.len() {
        (Verdict::NotAsked, "not measured".to_owned())
    } else if hold.len() < each.len() {
        (
            Verdict::Unclear,
            format!("at {} of {} points; the others do not tell", hold.len(), each.len()),
        )
    } else if hold.len() == 1 {
        (Verdict::Holds, hold.concat())
    } else {
        (Verdict::Holds, format!("at all {} points", hold.len()))
    };
    Checked {
        check: String::new(),
        verdict,
        found,
    }
}

/// What was measured where one knob has the value `at`, and any other the value that it has at this point. `None` when there is no such point.
fn partner<'a>(sweep: &Sweep, points: &[Spot<'a>], point: &Point, at: &str) -> Option<Option<&'a Results>> {
    let knob = sweep
        .knobs
        .iter()
        .position(|knob| knob.values.iter().any(|value| value == at))?;
    let mut wanted = point.values.clone();
    wanted[knob] = at.to_owned();
    points
        .iter()
        .find(|(other, _)| other.values == wanted)
        .map(|(_, results)| *results)
}

/// Those that a sweep over these knobs can tell of, where `own` is the first knob of the file that claims them: what falls along
/// one knob says nothing of another.
pub(super) fn suiting(checks: Vec<SweepCheck>, own: Option<&str>, knobs: &[Swept]) -> Vec<SweepCheck> {
    if knobs.first().map(|knob| knob.key.as_str()) != own {
        return Vec::new();
    }
    let is_swept = |key: &str| knobs.iter().any(|knob| knob.key == key);
    checks
        .into_iter()
        .filter(|check| check.along().is_none_or(is_swept))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{results, run};
    use crate::results::{Caution, SCHEMA, Scenario};

    /// A sweep along long_poll.timeout and feed.rate, with so many requests of long polling at its points.
    fn sweep(check: &str, requests: [u64; 6]) -> (Sweep, Vec<Option<Results>>) {
        let knobs: [(&str, &[&str]); 2] = [
            ("long_poll.timeout", &["1s", "5s", "25s"]),
            ("feed.rate", &["1/s", "4/s"]),
        ];
        let mut points = Vec::new();
        for timeout in knobs[0].1 {
            for rate in knobs[1].1 {
                points.push(Point {
                    folder: format!("{:02}", points.len() + 1),
                    values: vec![(*timeout).into(), (*rate).into()],
                    scenario: Scenario::default(),
                });
            }
        }
        let measured = requests.map(|requests| {
            Some(results(vec![
                run(Transport::Poll, 1, 100, 500),
                run(Transport::LongPoll, 1, requests, 20),
            ]))
        });
        let knobs = knobs.map(|(key, values)| Swept {
            key: key.into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        let sweep = Sweep {
            schema: SCHEMA,
            talkplace: String::new(),
            name: String::new(),
            started_at: String::new(),
            quick: false,
            knobs: knobs.into(),
            points,
            checks: vec![check.parse().unwrap()],
            checked: Vec::new(),
        };
        (sweep, measured.into())
    }

    fn verdict_of(check: &str, requests: [u64; 6]) -> (Verdict, String) {
        let (sweep, results) = sweep(check, requests);
        let checked = sweep_verdicts(&sweep, &results).remove(0);
        assert_eq!(checked.check, check);
        (checked.verdict, checked.found)
    }

    #[test]
    fn a_figure_falls_along_the_first_knob_for_each_value_of_the_second() {
        let falls = "long-poll.requests falls";
        let (verdict, found) = verdict_of(falls, [60, 80, 20, 70, 10, 60]);
        assert_eq!(
            (verdict, found.as_str()),
            (Verdict::Holds, "feed.rate 1/s: 60, 20, 10; feed.rate 4/s: 80, 70, 60")
        );
        assert_eq!(verdict_of(falls, [60, 80, 20, 80, 10, 60]).0, Verdict::Fails);
        assert_eq!(
            verdict_of("long-poll.requests at 1/s falls", [60, 80, 20, 80, 10, 60]).0,
            Verdict::Holds
        );
        assert_eq!(
            verdict_of("long-poll.requests rises along feed.rate", [60, 80, 20, 80, 10, 60]).0,
            Verdict::Holds
        );
        assert_eq!(
            verdict_of("requests falls", [60, 80, 20, 70, 10, 60]).0,
            Verdict::Fails,
            "short polling does not"
        );
        assert_eq!(
            verdict_of("long-poll.requests falls until 5s", [60, 80, 20, 70, 20, 70]),
            (
                Verdict::Holds,
                "feed.rate 1/s: 60, 20; feed.rate 4/s: 80, 70".to_owned()
            )
        );
        assert_eq!(
            verdict_of("long-poll.requests falls until 2s", [60, 80, 20, 70, 10, 60]).0,
            Verdict::NotAsked
        );
        assert_eq!(
            verdict_of("long-poll.requests at 9/s falls", [60, 80, 20, 80, 10, 60]).0,
            Verdict::NotAsked
        );
        assert_eq!(
            verdict_of("events.requests falls", [60, 80, 20, 80, 10, 60]).0,
            Verdict::NotAsked
        );
    }

    #[test]
    fn a_figure_stays_or_is_what_it_is_claimed_to_be() {
        assert_eq!(
            verdict_of("long-poll.delay.mean stays within 5%", [6, 5, 4, 3, 2, 1]).0,
            Verdict::Holds
        );
        assert_eq!(
            verdict_of("long-poll.requests stays within 10", [60, 80, 55, 80, 50, 80]).0,
            Verdict::Holds
        );
        assert_eq!(
            verdict_of("long-poll.requests stays within 9", [60, 80, 55, 80, 50, 80]).0,
            Verdict::Fails
        );
        assert_eq!(
            verdict_of("long-poll.requests is 60 within 10%", [60, 62, 64, 58, 60, 60]).0,
            Verdict::Holds
        );
        assert_eq!(
            verdict_of("long-poll.requests is 60 within 5%", [60, 62, 64, 58, 60, 60]).0,
            Verdict::Fails
        );
        let (verdict, found) = verdict_of("long-poll.requests * long-poll.delay.mean is 120ms within 1%", [6; 6]);
        assert_eq!(verdict, Verdict::Holds, "{found}");
    }

    #[test]
    fn an_ordinary_claim_has_to_hold_at_every_point() {
        assert_eq!(
            verdict_of("long-poll.requests < poll.requests", [60, 80, 20, 70, 10, 60]),
            (Verdict::Holds, "at all 6 points".to_owned())
        );
        let (verdict, found) = verdict_of("long-poll.requests < poll.requests", [60, 180, 20, 70, 10, 60]);
        assert_eq!(verdict, Verdict::Fails);
        assert_eq!(found, "long_poll.timeout 1s, feed.rate 4/s: long-poll 180 against 100");
        assert_eq!(
            verdict_of("long-poll.requests at 1/s < 61", [60, 180, 20, 70, 10, 60]).0,
            Verdict::Holds
        );
        assert_eq!(verdict_of("events.lost == 0", [1; 6]).0, Verdict::NotAsked);
    }

    #[test]
    fn two_points_are_compared_where_the_other_knob_has_the_same_value() {
        let requests = [60, 80, 20, 70, 10, 60];
        assert_eq!(
            verdict_of("long-poll.requests at 1s > long-poll.requests at 25s", requests).0,
            Verdict::Holds
        );
        assert_eq!(
            verdict_of("long-poll.requests at 1s > 5 * long-poll.requests at 25s", requests),
            (
                Verdict::Fails,
                "long_poll.timeout 1s, feed.rate 4/s: long-poll 80 against 300".to_owned()
            )
        );
        assert_eq!(
            verdict_of("requests > requests at 25s", requests).0,
            Verdict::Fails,
            "it is not more than itself"
        );
        assert_eq!(
            verdict_of("requests at 7s > requests at 25s", requests).0,
            Verdict::NotAsked
        );
        assert_eq!(
            verdict_of("requests at 1s > requests at 7s", requests).0,
            Verdict::NotAsked
        );
    }

    #[test]
    fn a_point_that_proves_nothing_leaves_it_open_unless_the_others_decide() {
        let without = |check: &str, requests: [u64; 6]| {
            let (sweep, mut results) = sweep(check, requests);
            results[0] = None;
            results[3].as_mut().unwrap().unclear.push(Caution {
                what: "busy".into(),
                try_this: String::new(),
            });
            let checked = sweep_verdicts(&sweep, &results).remove(0);
            (checked.verdict, checked.found)
        };
        let falling = [60, 80, 20, 70, 10, 60];
        let (verdict, found) = without("long-poll.requests falls", falling);
        assert_eq!(
            (verdict, found.as_str()),
            (
                Verdict::Unclear,
                "feed.rate 1/s: unclear, 20, 10; feed.rate 4/s: 80, unclear, 60"
            )
        );
        assert_eq!(
            without("long-poll.requests falls", [60, 80, 20, 70, 20, 60]).0,
            Verdict::Fails
        );
        assert_eq!(without("long-poll.requests stays within 5", falling).0, Verdict::Fails);
        assert_eq!(
            without("long-poll.requests stays within 100", falling).0,
            Verdict::Unclear
        );
        assert_eq!(
            without("long-poll.requests < poll.requests", falling).0,
            Verdict::Unclear
        );
    }
}
