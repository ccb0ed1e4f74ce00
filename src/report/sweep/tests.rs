//! Sweeps that never took place.

use std::time::Duration;

use super::*;
use crate::report::fixture;
use crate::results::knob::Key;
use crate::results::{Blocking, Caution, Point, SCHEMA, Swept, Why};

/// A sweep over the knobs; each point is the fixture's run with its knobs turned, and what `change` makes of it.
fn sweep(knobs: &[(&str, &[&str])], change: impl Fn(&mut Results)) -> (Sweep, Vec<Option<Results>>) {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for (_, values) in knobs {
        all = all
            .iter()
            .flat_map(|point| {
                values
                    .iter()
                    .map(|value| [point.clone(), vec![(*value).to_owned()]].concat())
            })
            .collect();
    }
    let mut points = Vec::new();
    let mut results = Vec::new();
    for (n, values) in all.into_iter().enumerate() {
        let mut run = fixture::three_ways();
        for ((key, _), value) in knobs.iter().zip(&values) {
            Key::named(key).unwrap().set(&mut run.scenario, value).unwrap();
        }
        change(&mut run);
        points.push(Point {
            folder: format!("{:02}", n + 1),
            values,
            scenario: run.scenario.clone(),
        });
        results.push(Some(run));
    }
    let knobs = knobs.iter().map(|(key, values)| Swept {
        key: (*key).to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    });
    let sweep = Sweep {
        schema: SCHEMA,
        talkplace: "0.1.0".into(),
        name: "2026-11-22T17-05-33".into(),
        started_at: "2026-11-22T17:05:33Z".into(),
        quick: false,
        knobs: knobs.collect(),
        points,
    };
    (sweep, results)
}

/// Requests of long polling as the model has them on average: one a message, and one for each hold that runs out.
fn by_timeout(run: &mut Results) {
    let hold_s = run.scenario.long_poll_timeout.as_secs_f64();
    let cycle_s = 0.1 + (-0.1f64).exp() * (1.0 - (-hold_s).exp());
    run.runs[1].counts.requests = (300.0 * 120.0 / cycle_s) as u64;
}

fn plain(texts: &[String]) -> String {
    texts.join("\n").replace('\u{a0}', " ")
}

#[test]
fn what_moved_and_what_did_not_is_told() {
    let (plan, results) = sweep(&[("long_poll.timeout", &["1s", "5s", "25s"])], by_timeout);
    let swept = render(&plan, &results).unwrap();
    let found = plain(&swept.report.findings);
    assert!(
        found.contains("Long polling, long_poll.timeout from 1s to 25s: requests fell from 89.3 to 59.7"),
        "{found}"
    );
    assert!(found.contains("mean delay stayed at"), "{found}");
    assert!(
        found.contains("Short polling and WebSocket do not move with long_poll.timeout"),
        "{found}"
    );
    let names: Vec<&str> = swept.report.charts.iter().map(|chart| chart.name.as_str()).collect();
    for name in [
        "requests.svg",
        "mean-delay.svg",
        "frontier-requests.svg",
        "frontier-bytes.svg",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(swept.figures.complete && swept.figures.points.len() == 3);
    let long = &swept.figures.points[0].transports[1];
    assert!((long.measured["requests"] - 89.3).abs() < 0.1);
    assert!(swept.report.html.contains("talkplace sweep three-ways"));
}

#[test]
fn the_model_is_drawn_between_the_points() {
    let (plan, results) = sweep(&[("long_poll.timeout", &["1s", "25s"])], by_timeout);
    let field = Field::new(&plan, &results).unwrap();
    let line = field.panels[0].of(crate::protocol::Transport::LongPoll).unwrap();
    let along = &line.model;
    assert!(along.len() > 8);
    let rates: Vec<f64> = along.iter().map(|one| one.prediction.requests_per_s).collect();
    assert!(
        rates.windows(2).all(|pair| pair[0] >= pair[1]),
        "a longer hold asks less: {rates:?}"
    );
    let (first, last) = (along.first().unwrap(), along.last().unwrap());
    assert!((first.x - 1.0).abs() < 1e-9 && (last.x - 25.0).abs() < 1e-9);
    assert_eq!(last.inputs.hold_s, 25.0);
}

/// A restart with as much chance in the waits as the knob says.
fn restarted(run: &mut Results) {
    run.scenario.restart.away = Duration::from_secs(2);
    let jitter = run.scenario.reconnect.jitter.0;
    for run in &mut run.runs {
        run.restart = Some(fixture::restart(jitter));
    }
}

#[test]
fn the_storms_of_a_restart_stand_side_by_side() {
    let (plan, results) = sweep(&[("reconnect.jitter", &["0%", "100%"])], restarted);
    let swept = render(&plan, &results).unwrap();
    let storm = &swept.report.charts[0];
    assert_eq!(storm.name, "storm.svg");
    assert!(
        storm.title.starts_with("With reconnect.jitter at 100% at most") && storm.title.contains("with 0% 300 ("),
        "{}",
        storm.title
    );
    assert!(storm.svg.contains("reconnect.jitter 0%") && storm.svg.contains("reconnect.jitter 100%"));
    assert_eq!(storm.table.groups.len(), 3);
    let found = plain(&swept.report.findings);
    assert!(found.contains("height of the storm fell from 300 to"), "{found}");
    let measured = &swept.figures.points[0].transports[0].measured;
    assert_eq!(measured["storm-height"], 300.0);
    let (plan, results) = sweep(&[("reconnect.jitter", &["0%", "100%"])], |_| ());
    let names: Vec<String> = render(&plan, &results)
        .unwrap()
        .report
        .charts
        .into_iter()
        .map(|chart| chart.name)
        .collect();
    assert!(!names.iter().any(|name| name.starts_with("storm")), "{names:?}");
}

#[test]
fn the_ladders_of_a_sweep_stand_side_by_side() {
    let fallen = |run: &mut Results| {
        *run = Results {
            scenario: run.scenario.clone(),
            ..match run.scenario.network.how {
                Blocking::Swallow => fixture::fallen(Why::Silent, 6.0),
                _ => fixture::fallen(Why::Refused(403), 0.08),
            }
        };
    };
    let (plan, results) = sweep(&[("network.how", &["refuse", "swallow"])], fallen);
    let swept = render(&plan, &results).unwrap();
    let charts = &swept.report.charts;
    assert_eq!(
        [charts[0].name.as_str(), charts[1].name.as_str()],
        ["fall.svg", "ladder.svg"]
    );
    assert_eq!(
        charts[0].title.replace('\u{a0}', " "),
        "A fall cost 331 ms with network.how refuse, and 6,251 ms with swallow"
    );
    assert!(charts[1].svg.contains("network.how refuse") && charts[1].svg.contains("network.how swallow"));
    assert!(plain(&swept.report.findings).contains("time of a fall rose from"));
}

#[test]
fn two_knobs_make_a_panel_for_each_value_of_the_second() {
    let knobs: [(&str, &[&str]); 2] = [("long_poll.timeout", &["1s", "25s"]), ("feed.rate", &["1/s", "4/s"])];
    let (plan, results) = sweep(&knobs, by_timeout);
    let swept = render(&plan, &results).unwrap();
    let requests = &swept.report.charts[0];
    assert!(requests.svg.contains("feed.rate 1/s") && requests.svg.contains("feed.rate 4/s"));
    assert_eq!(requests.table.groups.len(), 2);
    assert!(plain(&swept.report.findings).contains("With feed.rate 4/s: long polling"));
}

#[test]
fn a_sweep_that_was_stopped_says_what_is_missing() {
    let (plan, mut results) = sweep(&[("long_poll.timeout", &["1s", "5s", "25s"])], by_timeout);
    results[2] = None;
    let swept = render(&plan, &results).unwrap();
    assert!(!swept.figures.complete);
    assert!(
        swept.report.cautions[0].what.contains("1 of 3"),
        "{:?}",
        swept.report.cautions
    );
    results.fill(None);
    assert!(matches!(render(&plan, &results), Err(ReportError::NoRun)));
}

#[test]
fn an_unclear_point_is_drawn_but_proves_nothing() {
    let (plan, mut results) = sweep(&[("long_poll.timeout", &["1s", "5s", "25s"])], by_timeout);
    let last = results[2].as_mut().unwrap();
    last.unclear.push(Caution {
        what: "The machine was busy.".into(),
        try_this: "Wait.".into(),
    });
    let swept = render(&plan, &results).unwrap();
    let found = plain(&swept.report.findings);
    assert!(found.contains("from 1s to 5s"), "{found}");
    let told: Vec<&str> = swept
        .report
        .cautions
        .iter()
        .map(|caution| caution.what.as_str())
        .collect();
    assert!(told.contains(&"At 25s: The machine was busy."), "{told:?}");
    assert!(swept.report.charts[0].svg.contains("Open marks"));
}

#[test]
fn half_a_second_of_wait_is_a_request_a_second() {
    let (plan, results) = sweep(&[("poll.interval", &["1s", "2s"])], |run| {
        let interval_s = run.scenario.poll_interval.as_secs_f64();
        let poll = &mut run.runs[0];
        poll.counts.requests = (300.0 * 120.0 / interval_s) as u64;
        let mut delay = crate::results::Distribution::new();
        for n in 0..1000u32 {
            delay.record(Duration::from_secs_f64(
                0.0502 + interval_s * (f64::from(n) + 0.5) / 1000.0,
            ));
        }
        (poll.delay, poll.server_delay) = (delay.clone(), delay);
    });
    let found = plain(&render(&plan, &results).unwrap().report.findings);
    assert!(
        found.contains("Requests a second × mean wait was 0.5 to 0.5") || found.contains("mean wait was 0.499 to 0.5"),
        "{found}"
    );
}

#[test]
fn where_long_polling_begins_to_ask_more_is_found() {
    let (plan, results) = sweep(&[("feed.rate", &["0.25/s", "4/s"])], |run| {
        run.runs[1].counts.requests = (36_000.0 * run.scenario.rate_per_s) as u64;
    });
    let field = Field::new(&plan, &results).unwrap();
    let at = finding::crossing_at(&field.panels[0]).unwrap();
    assert!((at - 1.0).abs() < 0.01, "{at}");
}

#[test]
fn what_others_published_is_marked_and_told() {
    let table = |swept: &SweepReport| {
        let table = swept.report.tables.iter().find(|table| table.name == "published");
        plain(&[table.unwrap().to_text(Default::default())])
    };
    let (plan, results) = sweep(&[("feed.rate", &["0.25/s", "4/s"])], |run| {
        run.runs[1].counts.requests = (36_000.0 * run.scenario.rate_per_s) as u64;
    });
    let swept = render(&plan, &results).unwrap();
    assert!(swept.report.charts[0].svg.contains("Lubbers and Greco"));
    assert!(table(&swept).contains("a busy feed, read as 1 /s"), "{}", table(&swept));

    let sensor = |run: &mut Results| {
        run.scenario.arrivals = crate::results::Arrivals::Constant;
        run.scenario.rate_per_s = 4.0;
    };
    let (plan, results) = sweep(&[("link.rtt", &["100ms", "400ms"])], |run| {
        sensor(run);
        let transits = if run.scenario.rtt.as_millis() > 250 { 2.0 } else { 1.0 };
        let mut delay = crate::results::Distribution::new();
        delay.record(run.scenario.one_way().mul_f64(transits));
        run.runs[1].server_delay = delay;
    });
    let swept = render(&plan, &results).unwrap();
    let told = table(&swept);
    assert!(
        told.contains("250 ms") && told.contains("between 100 ms and 400 ms"),
        "{told}"
    );
    let delay = swept
        .report
        .charts
        .iter()
        .find(|chart| chart.name == "mean-delay.svg")
        .unwrap();
    assert!(delay.svg.contains("Pimentel and Nickerson"));

    let (plan, results) = sweep(&[("poll.interval", &["50ms", "1s"])], sensor);
    let told = table(&render(&plan, &results).unwrap());
    assert!(
        told.contains("polls in vain, asking every 50ms") && told.contains("80 %"),
        "{told}"
    );
    assert!(told.contains("messages an interval from which polling costs"), "{told}");

    let (plan, results) = sweep(&[("listeners", &["100", "300"])], |run| {
        run.runs[2].server.rss_settled_bytes = Some(8_000_000 + 10_000 * u64::from(run.scenario.listeners));
    });
    let told = table(&render(&plan, &results).unwrap());
    assert!(
        told.contains("27 kB, tuned 10.9 kB") && told.contains("10 kB"),
        "{told}"
    );
}

#[test]
fn words_make_an_axis_too() {
    let (plan, results) = sweep(&[("poll.timer", &["fixed", "after-answer"])], |_| {});
    let swept = render(&plan, &results).unwrap();
    assert!(swept.report.charts[0].svg.contains("after-answer"));
}
