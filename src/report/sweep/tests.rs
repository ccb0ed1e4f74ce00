//! Sweeps that never took place.

use std::time::Duration;

use super::*;
use crate::report::fixture;
use crate::results::knob::Key;
use crate::results::{Blocking, Caution, Point, SCHEMA, ServerWait, Swept, Why};

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
        checks: Vec::new(),
        checked: Vec::new(),
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
    let found = plain(&swept.report.findings);
    assert!(
        found.contains("WebSocket, time of a fall: 330 ms with refuse and 6,250 ms with swallow."),
        "{found}"
    );
}

#[test]
fn at_equal_deliveries_the_model_goes_on_with_the_rate_that_they_leave() {
    let (plan, results) = sweep(&[("listeners", &["100", "10000"])], |run| {
        run.scenario.deliveries_per_s = 1_000.0;
        run.scenario.settle_rate();
    });
    let field = Field::new(&plan, &results).unwrap();
    let line = field.panels[0].of(crate::protocol::Transport::LongPoll).unwrap();
    for one in &line.model {
        let per_s = one.inputs.arrivals.rate_per_s() * one.inputs.listeners;
        assert!((per_s - 1_000.0).abs() < 1e-6, "{per_s} at {}", one.x);
    }
    let html = render(&plan, &results).unwrap().report.html;
    assert!(html.contains("--set feed.deliveries=1000&#x2f;s") && !html.contains("feed.rate="));
    assert!(!html.contains("<dt>feed.rate</dt>"), "it did not stay");
}

#[test]
fn messages_that_came_together_have_a_chart_and_no_column() {
    let (plan, results) = sweep(&[("feed.rate", &["1/s", "100/s"])], |run| {
        let rate = run.scenario.rate_per_s;
        for run in &mut run.runs {
            let mut segments = fixture::four_ways().runs[3].segments.clone().unwrap();
            segments.data_to_listener = (run.counts.deliveries as f64 / rate) as u64;
            run.segments = Some(segments);
        }
    });
    let report = render(&plan, &results).unwrap().report;
    let chart = report.charts.iter().find(|chart| chart.name == "segments.svg").unwrap();
    // Of each transport beside a segment for every message and some for pings, as the model has it, and the difference.
    let groups = &chart.table.groups;
    assert!(
        groups.iter().all(|group| group.rows[1].cells[0] == "0.01"),
        "{groups:?}"
    );
    assert_eq!(groups[2].rows[1].cells[1..], ["1.03", "−99\u{a0}%"]);
    assert!(plain(&report.findings).contains("segments per delivery fell from 1 to 0.01"));
    assert!(
        report.tables[0]
            .columns
            .iter()
            .all(|column| !column.contains("segment"))
    );
}

#[test]
fn two_knobs_make_a_panel_for_each_value_of_the_second() {
    let knobs: [(&str, &[&str]); 2] = [("long_poll.timeout", &["1s", "25s"]), ("feed.rate", &["1/s", "4/s"])];
    let (plan, results) = sweep(&knobs, by_timeout);
    let swept = render(&plan, &results).unwrap();
    let requests = &swept.report.charts[0];
    assert!(requests.svg.contains("feed.rate 1/s") && requests.svg.contains("feed.rate 4/s"));
    assert_eq!(requests.table.groups.len(), 6, "three transports at each of two rates");
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

    let drawn = |swept: &SweepReport, name: &str| {
        let mut charts = swept.report.charts.iter();
        charts.find(|chart| chart.name == name).unwrap().svg.clone()
    };
    let (plan, results) = sweep(&[("poll.interval", &["50ms", "1s"])], sensor);
    let swept = render(&plan, &results).unwrap();
    let told = table(&swept);
    // At four messages a second their ten seconds of a message every five are half a second.
    let cpu = drawn(&swept, "cpu.svg");
    assert!(cpu.contains("Bozdag et al.") && cpu.contains("Van de Vyvere et al."));
    assert!(drawn(&swept, "empty.svg").contains("Bozdag et al."));
    assert!(
        told.contains("polls in vain, asking every 50ms") && told.contains("80 %"),
        "{told}"
    );
    assert!(told.contains("messages an interval from which polling costs"), "{told}");

    let (plan, results) = sweep(&[("listeners", &["100", "300"])], |run| {
        run.runs[2].server.rss_settled_bytes = Some(8_000_000 + 10_000 * u64::from(run.scenario.listeners));
    });
    let swept = render(&plan, &results).unwrap();
    let memory = drawn(&swept, "memory.svg");
    assert!(memory.contains("Centrifugo, 27 kB a WebSocket") && memory.contains("tuned, 10.9 kB"));
    let told = table(&swept);
    assert!(
        told.contains("27 kB, tuned 10.9 kB") && told.contains("10 kB"),
        "{told}"
    );
}

#[test]
fn what_is_around_a_message_is_drawn_where_messages_change() {
    let (plan, results) = sweep(&[("feed.text_bytes", &["10", "4096"])], |run| {
        run.scenario.rate_per_s = 1.0;
        // A hundred bytes of heads each way, and one request a message.
        let deliveries = run.runs[0].counts.deliveries;
        (run.runs[0].bytes_out.heads, run.runs[0].bytes_in.heads) = (100 * deliveries, 100 * deliveries);
        (run.runs[0].bytes_out.frames, run.runs[0].bytes_in.frames) = (0, 0);
        run.runs[0].counts.requests = deliveries;
        let stream = &mut run.runs[2];
        (stream.bytes_out, stream.bytes_in.heads) = (crate::results::Parts::default(), 0);
        stream.bytes_in.frames = 2 * stream.counts.deliveries;
    });
    let swept = render(&plan, &results).unwrap();
    let heads = swept
        .report
        .charts
        .iter()
        .find(|chart| chart.name == "heads.svg")
        .unwrap();
    assert!(heads.svg.contains("871 B a poll") && heads.svg.contains("2 B a frame"));
    let table = swept
        .report
        .tables
        .iter()
        .find(|table| table.name == "published")
        .unwrap();
    let told = plain(&[table.to_text(Default::default())]);
    assert!(told.contains("500 to 1,000 : 1") && told.contains("100 : 1"), "{told}");
    let (plan, results) = sweep(&[("feed.rate", &["1/s", "4/s"])], |_| {});
    let charts = render(&plan, &results).unwrap().report.charts;
    assert!(charts.iter().all(|chart| chart.name != "heads.svg"));
}

fn found(transport: crate::protocol::Transport, holds: f64, first_us: f64, last_us: f64) -> crate::results::Found {
    let price = |at: f64, each_us: f64| crate::results::Price {
        at,
        each_us,
        busy: at * each_us / 1e6,
        full_at: Some(1e6 / each_us),
    };
    crate::results::Found {
        transport,
        holds: Some(holds),
        breaks: Some(holds * 1.1),
        broke: vec!["delay.p99 < 1.2s (poll 1.3s)".into()],
        unclear: Vec::new(),
        first: Some(price(100.0, first_us)),
        last: Some(price(holds, last_us)),
        runs: 5,
    }
}

#[test]
fn a_search_tells_what_a_request_cost_and_where_that_leads() {
    use crate::protocol::Transport;
    let (mut plan, results) = sweep(&[("listeners", &["100", "1000", "2000"])], |run| {
        run.runs[0].server.cpu_s = Some(f64::from(run.scenario.listeners) * 0.01);
    });
    plan.points
        .iter_mut()
        .for_each(|point| point.scenario.lab = "mine".into());
    let knee = crate::results::Knee {
        schema: SCHEMA,
        lab: "mine".into(),
        of: "listeners".into(),
        limits: vec!["lost == 0".into(), "delay.p99 < 1.2s".into()],
        transports: vec![
            found(Transport::Poll, 1_900.0, 1_000.0, 500.0),
            found(Transport::LongPoll, 900.0, 1_000.0, 1_010.0),
        ],
    };
    let swept = render_knee(&plan, &results, &knee).unwrap();
    assert_eq!(
        plain(&swept.report.findings[..1]),
        "Short polling: the limits hold with 1,900 listeners, and not with 2,090 listeners, where this broke: delay.p99 < 1.2s (poll 1.3s). With 100 \
         listeners a request cost the server 1,000 µs of processor time: at that price it is full with 1,000 listeners. With 1,900 listeners it cost \
         500 µs, 95 % of its time was used, and at that price it is full with 2,000 listeners. A busy server finds several pieces of work at each look, and \
         they share what the look costs."
    );
    assert!(
        !swept.report.findings[1].contains("A busy server"),
        "{:?}",
        swept.report.findings
    );
    let found = plain(&swept.report.findings);
    assert!(
        found.contains("are as the model has them") && found.contains("What speaks against the model: "),
        "{found}"
    );
    assert_eq!(swept.report.charts[0].name, "busy.svg");
    let delay = swept
        .report
        .charts
        .iter()
        .find(|chart| chart.name == "p99-delay.svg")
        .unwrap();
    assert!(delay.svg.contains("the limit: delay.p99"));
    assert_eq!(swept.report.tables[0].name, "knee");
    assert!(swept.report.html.contains("talkplace knee mine --of listeners"));
    assert!(
        swept
            .report
            .html
            .contains("for the most listeners that keep lost == 0 and delay.p99 &lt; 1.2s")
    );
}

#[test]
fn along_the_rate_no_poll_fills_the_server() {
    use crate::protocol::Transport;
    let (plan, results) = sweep(&[("feed.rate", &["10/s", "1000/s"])], |_| ());
    let mut polls = found(Transport::LongPoll, 1_000.0, 9.0, 10.0);
    let (first, last) = (polls.first.as_mut().unwrap(), polls.last.as_mut().unwrap());
    (first.each_us, last.each_us) = (30.0, 60.0);
    let carried = "Long polling: fewer than 99 in 100 of the planned messages were accepted.";
    polls.broke = vec![carried.to_owned()];
    let knee = crate::results::Knee {
        schema: SCHEMA,
        lab: "mine".into(),
        of: "feed.rate".into(),
        limits: vec!["lost == 0".into()],
        transports: vec![polls, found(Transport::Websocket, 1_000.0, 40.0, 1_600.0)],
    };
    let report = render_knee(&plan, &results, &knee).unwrap().report;
    let told = plain(&report.findings[..1]);
    assert!(
        !told.contains("full with") && told.contains("an answer carries more messages"),
        "{told}"
    );
    assert!(
        told.contains("where this broke: fewer than 99 in 100 of the planned messages were accepted. With"),
        "{told}"
    );
    assert!(report.findings[1].contains("full with"));
    let cells = |row: usize| &report.tables[0].groups[0].rows[row].cells;
    assert_eq!((cells(0)[3].as_str(), cells(0)[5].as_str()), ("–", "–"));
    assert_ne!(cells(1)[5], "–");
}

#[test]
fn the_ledgers_of_all_points_are_told_together() {
    let knobs: [(&str, &[&str]); 2] = [("listeners", &["10", "20", "30", "40", "50"]), ("feed.rate", &["1/s"])];
    let told = |change: fn(&mut Results)| {
        let (plan, results) = sweep(&knobs, change);
        plain(&render(&plan, &results).unwrap().report.findings)
    };
    let clean = told(|_| ());
    assert!(clean.contains("Of all points together each of the "), "{clean}");
    let broken = told(|run| run.runs[0].ledger.repeated = 7);
    assert!(
        broken.contains("With listeners 10") && broken.contains("and repeated 7; and 2 more."),
        "{broken}"
    );
}

#[test]
fn who_came_through_what_is_a_field_for_each() {
    let files = ["none", "default.conf", "upgrade.conf"];
    let (plan, results) = sweep(&[("between.nginx", &files)], |run| {
        if run.scenario.between.nginx.as_deref() == Some("default.conf") {
            let websocket = &mut run.runs[2];
            websocket.ledger.heard = 0;
            websocket.ledger.lost = websocket.ledger.expected;
            websocket.counts.answers.refused_by_status.insert(426, 40);
        }
        if run.scenario.between.nginx.as_deref() == Some("upgrade.conf") {
            let mut late = crate::results::Distribution::new();
            late.record(Duration::from_secs(3));
            run.runs[1].delay = late;
        }
    });
    let swept = render(&plan, &results).unwrap();
    let found = plain(&swept.report.findings);
    assert!(
        found.contains("With default.conf, short polling and long polling heard everything; WebSocket heard nothing (40 answers 426)."),
        "{found}"
    );
    assert!(found.contains("The model has nobody in between"), "{found}");
    assert!(!found.contains("as the model has them"), "{found}");
    let chart = &swept.report.charts[0];
    assert_eq!(
        (chart.name.as_str(), chart.title.as_str()),
        ("through.svg", "WebSocket did not come through default.conf")
    );
    let rows = &chart.table.groups[0].rows;
    assert_eq!(rows.len(), 3);
    assert!(rows[1].cells[2].contains("heard nothing"), "{:?}", rows[1].cells);
    let delay = swept
        .report
        .charts
        .iter()
        .find(|chart| chart.name == "mean-delay.svg")
        .unwrap();
    assert!(
        plain(std::slice::from_ref(&delay.title)).contains("2,999 ms (upgrade.conf)"),
        "{}",
        delay.title
    );
}

#[test]
fn what_broke_is_told_of_all_points_together() {
    let (plan, results) = sweep(&[("feed.text_bytes", &["10", "100"])], |run| {
        run.runs.retain(|run| run.transport == crate::protocol::Transport::Poll);
    });
    let found = plain(&render(&plan, &results).unwrap().report.findings);
    assert!(
        found.contains("All 16 figures (counts, delays, bytes) of all points are as the model has them"),
        "{found}"
    );
    // Half as many requests, and half of them refused, at one of the points.
    let mut slow = results;
    let run = &mut slow[1].as_mut().unwrap().runs[0];
    run.counts.requests /= 2;
    run.counts.answers.refused = 900;
    let found = plain(&render(&plan, &slow).unwrap().report.findings);
    assert!(found.contains("furthest off was short polling at 100: "), "{found}");
    assert!(
        found.contains(
            "What speaks against the model: refusals, failures and losses (at 1 place) and a timer that asked less often (at 1 place)."
        ),
        "{found}"
    );
}

#[test]
fn words_make_an_axis_too() {
    let (plan, results) = sweep(&[("poll.timer", &["fixed", "after-answer"])], |_| {});
    let swept = render(&plan, &results).unwrap();
    assert!(swept.report.charts[0].svg.contains("after-answer"));
    let (plan, results) = sweep(&[("server.wait", &["woken", "spin", "sleep-1s"])], |run| {
        run.runs[1].server.cpu_s = Some(match run.scenario.server_wait {
            ServerWait::Spin => 119.4,
            _ => 1.2,
        });
    });
    let swept = render(&plan, &results).unwrap();
    let found = plain(&swept.report.findings);
    assert!(
        found.contains("Long polling, share of a processor that the server used: 1 % with woken, 99.5 % with spin and 1 % with sleep-1s."),
        "{found}"
    );
    let chart = swept
        .report
        .charts
        .iter()
        .find(|chart| chart.name == "processor.svg")
        .unwrap();
    assert!(
        plain(std::slice::from_ref(&chart.title)).contains("long polling from 1 % (woken) to 99.5 % (spin)"),
        "{}",
        chart.title
    );
    assert!(chart.svg.contains("99.5"), "the value stands beside its mark");
}

/// The sweep's points with so many listeners, messages that cost 100 µs each, and deliveries that cost 5; `dearer` multiplies the second point's cost.
fn crowds(run: &mut Results, dearer: f64) {
    let listeners = run.scenario.listeners;
    for run in &mut run.runs {
        run.listeners = listeners;
        let messages = run.publishing.planned_in_window;
        run.counts.deliveries = messages * u64::from(listeners);
        if run.transport != crate::protocol::Transport::Websocket {
            run.counts.requests = run.counts.deliveries;
        }
        let work_s = messages as f64 * 100e-6 + run.counts.deliveries as f64 * 5e-6;
        run.server.idle_cpu_per_s = Some(1e-5);
        let dearer = if listeners == 10 { dearer } else { 1.0 };
        run.server.cpu_s = Some(work_s * dearer + 1e-5 * run.window_s);
    }
}

#[test]
fn processor_time_is_predicted_from_other_points_than_its_own() {
    let quantity = quantity::QUANTITIES
        .iter()
        .find(|quantity| quantity.name == "cpu")
        .unwrap();
    // What was measured and what is predicted of a WebSocket, at each point.
    let at_points = |dearer: f64| {
        let (plan, results) = sweep(&[("listeners", &["1", "10", "100"])], |run| crowds(run, dearer));
        let field = Field::new(&plan, &results).unwrap();
        let line = field.panels[0].of(crate::protocol::Transport::Websocket).unwrap();
        let spots = line.spots.iter();
        spots
            .map(|spot| ((quantity.measured)(&spot.entry).unwrap(), quantity.predicted_at(spot)))
            .collect::<Vec<_>>()
    };
    let points = at_points(1.0);
    assert_eq!((points[0].1, points[2].1), (None, None), "the prices are theirs");
    let (measured, predicted) = (points[1].0, points[1].1.unwrap());
    assert!((measured / predicted - 1.0).abs() < 0.02, "{measured} {predicted}");
    let dear = at_points(3.0);
    assert!(dear[1].0 > 2.0 * measured);
    assert_eq!(dear[1].1, Some(predicted), "not from what was measured there");
}

#[test]
fn where_no_price_can_be_taken_over_the_chart_says_so() {
    let reading = |knobs: &[(&str, &[&str])]| {
        let (plan, results) = sweep(knobs, |_| ());
        let report = render(&plan, &results).unwrap().report;
        let cpu = report.charts.into_iter().find(|chart| chart.name == "cpu.svg").unwrap();
        (cpu.reading, cpu.svg.contains("the model"))
    };
    let (priced, has_line) = reading(&[("long_poll.timeout", &["1s", "5s"])]);
    assert!(priced.contains("at that price") && has_line);
    let (unpriced, has_line) = reading(&[("server.wait", &["woken", "spin"])]);
    assert!(unpriced.contains("nothing of it is drawn") && !has_line);
    let (single, has_line) = reading(&[("long_poll.timeout", &["1s"])]);
    assert!(single.contains("nothing of it is drawn") && !has_line);
}
