use super::*;
use crate::results::{Distribution, TransportRun, Why};

/// A change to a run that makes it an odd one.
type Oddity = fn(&mut Results);

const ODD: [(&str, Oddity); 7] = [
    ("nothing measured", |results| {
        results.complete = false;
        results.runs.clear();
    }),
    ("interrupted", |results| {
        results.complete = false;
        results.runs.truncate(1);
    }),
    ("no message", |results| {
        every(results, |run| {
            run.publishing.planned_in_window = 0;
            run.counts.deliveries = 0;
            run.delay = Distribution::new();
        });
    }),
    ("no time, no listeners", |results| {
        every(results, |run| {
            run.window_s = 0.0;
            run.listeners = 0;
        });
    }),
    ("no cost told", |results| {
        every(results, |run| run.server = Default::default())
    }),
    ("nothing counted", |results| {
        every(results, |run| {
            run.counts = Default::default();
            run.ledger = Default::default();
        });
    }),
    ("delays of nothing and of a day", |results| {
        every(results, |run| {
            run.delay.record(std::time::Duration::ZERO);
            run.delay.record(std::time::Duration::from_secs(86_400));
        });
    }),
];

fn every(results: &mut Results, change: impl Fn(&mut TransportRun)) {
    results.runs.iter_mut().for_each(change);
}

fn render_one(results: Results) -> Report {
    render(&[results]).unwrap()
}

#[test]
fn no_run_is_no_report() {
    assert!(matches!(render(&[]), Err(ReportError::NoRun)));
}

#[test]
fn the_tables_of_one_run_as_text() {
    let report = render_one(fixture::three_ways());
    let text: Vec<String> = report
        .tables
        .iter()
        .map(|table| table.to_text(TextStyle::default()))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_tables_of_two_runs_as_text() {
    let report = render(&fixture::two_timeouts()).unwrap();
    assert_eq!(report.tables[0].name, "side-by-side");
    let text: Vec<String> = report
        .tables
        .iter()
        .map(|table| table.to_text(TextStyle::default()))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_requests_as_a_picture() {
    let report = render_one(fixture::three_ways());
    assert_eq!(report.charts[0].name, "requests.svg");
    insta::assert_snapshot!(report.charts[0].svg);
}

#[test]
fn every_chart_speaks_to_those_who_do_not_see_it() {
    for chart in render_one(fixture::four_ways()).charts {
        assert!(chart.svg.starts_with("<svg xmlns="), "{}", chart.name);
        assert!(chart.svg.trim_end().ends_with("</svg>"), "{}", chart.name);
        for part in ["role=\"img\"", "<title id=", "<desc id="] {
            assert_eq!(chart.svg.matches(part).count(), 1, "{part} in {}", chart.name);
        }
        for transport in ["Short polling", "Long polling", "Server-sent events", "WebSocket"] {
            assert!(chart.alt.contains(transport), "{transport} in {}", chart.alt);
        }
    }
}

#[test]
fn what_a_server_of_somebody_elses_does_not_tell_is_never_a_zero() {
    let report = render_one(fixture::foreign());
    let rows: Vec<&Row> = report
        .tables
        .iter()
        .flat_map(|table| &table.groups)
        .flat_map(|group| &group.rows)
        .collect();
    for untold in [
        "server CPU per 1,000 deliveries",
        "server CPU in all",
        "server’s open files",
        "server memory grown, per listener",
        "TCP segments per delivery",
        "CPU in the kernel",
        "CPU a second of one idle listener",
        "CPU above idle, per 1,000 deliveries",
        "memory at its peak",
        "context switches, voluntary",
        "delay, mean",
        "delay, p99",
        "work of a message, N·s/W",
    ] {
        let row = rows.iter().find(|row| row.head == untold);
        let row = row.unwrap_or_else(|| panic!("no row is called {untold}"));
        assert_eq!(row.cells[0], "not available here", "{untold}");
    }
    // Half, nine in ten and so on come under the same names from the intended instant, which is ours.
    let since_accepted = report.tables.iter().flat_map(|table| &table.groups);
    let since_accepted = since_accepted.filter(|group| group.title == "Delay, since the server accepted it");
    let cells: Vec<&String> = since_accepted
        .flat_map(|group| &group.rows)
        .flat_map(|row| &row.cells)
        .collect();
    assert_eq!(cells, ["not available here"; 3]);
    let cpu = report.charts.iter().find(|chart| chart.name == "cpu.svg").unwrap();
    assert!(cpu.svg.contains("not available here") && cpu.title == "What the server used is not available here");
    assert!(report.charts.iter().all(|chart| chart.name != "memory.svg"));
    assert!(report.html.contains("The server: my server, on ws:"));
    assert!(report.html.contains("spoken to in the dialect ws-broadcast"));
    let told = report.cautions.iter().any(|caution| {
        caution
            .what
            .contains("whether it was the limit of this run is not known")
    });
    assert!(told, "{:?}", report.cautions);
}

#[test]
fn what_is_given_stays_text() {
    let script = "<script>alert(1)</script> & \"so on\"";
    let mut results = fixture::three_ways();
    results.scenario.title = script.into();
    results.scenario.question = script.into();
    results.scenario.lab = script.into();
    results.run = script.into();
    results.host.processor = Some(script.into());
    results.cautions.push(Caution {
        what: script.into(),
        try_this: script.into(),
    });
    results.foreign = fixture::foreign().foreign;
    let foreign = results.foreign.as_mut().unwrap();
    foreign.name = script.into();
    foreign.url = script.into();
    let report = render(&[results.clone(), results]).unwrap();
    assert!(!report.html.contains("<script"), "a script got in");
    assert!(report.html.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
    assert!(report.charts.iter().all(|chart| !chart.svg.contains("<script")));
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let html = render_one(fixture::four_ways()).html;
    for needy in ["<link", "<script", "<img", "src=", "@import", "url(", "href="] {
        assert!(!html.contains(needy), "{needy}");
    }
    for place in html.split("http").skip(1) {
        // Or it is the name of a knob.
        let is_knob = place.starts_with(".keep_alive") || place.starts_with(".cookie_bytes");
        assert!(
            is_knob || place.starts_with("://www.w3.org/2000/svg"),
            "{}",
            &place[..40]
        );
    }
}

#[test]
fn headings_come_in_order_and_names_once() {
    let html = render(&fixture::two_timeouts()).unwrap().html;
    let levels: Vec<u32> = html
        .split("<h")
        .skip(1)
        .filter_map(|rest| rest.chars().next()?.to_digit(10))
        .collect();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let mut names: Vec<&str> = html
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

#[test]
fn odd_runs_have_a_report_too() {
    for (what, change) in ODD {
        let mut results = fixture::four_ways();
        change(&mut results);
        for runs in [vec![results.clone()], vec![results.clone(), fixture::three_ways()]] {
            let report = render(&runs).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(!report.findings.is_empty(), "{what}");
            for text in report
                .findings
                .iter()
                .chain(report.charts.iter().map(|chart| &chart.alt))
                .chain([&report.html])
            {
                for wrong in ["NaN", "inf ", "Some(", "None"] {
                    assert!(!text.contains(wrong), "{wrong} in {what}");
                }
            }
        }
    }
}

#[test]
fn a_restart_is_told_and_drawn() {
    let report = render_one(fixture::restarted(0.0));
    let found = report.findings.join("\n").replace('\u{a0}', " ");
    for part in [
        "The server was asked to end in mid-window, did so within 100 ms, and listened again 2,010 ms later; all 900 listeners were cut off.",
        "the most connections that came to it within a tenth of a second were 300 by short polling",
        "posted again under their keys, 123 times",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
    let storm = report.charts.iter().find(|chart| chart.name == "storm.svg").unwrap();
    assert!(
        storm.title.replace('\u{a0}', " ").starts_with("300 connections by"),
        "{}",
        storm.title
    );
    assert!(report.html.contains("Restart of the server in mid-window"));
    assert!(report.html.contains("asked to end (SIGTERM), was away for 2\u{a0}s"));
    assert!(!render_one(fixture::three_ways()).html.contains("Restart of the server"));
}

#[test]
fn a_fall_is_told_and_drawn() {
    let report = render_one(fixture::fallen(Why::Silent, 6.0));
    let found = report.findings.join("\n").replace('\u{a0}', " ");
    for part in [
        "All 300 listeners fell from WebSocket; most tried WebSocket (nothing came in time, 6,000 ms) in vain and listened by server-sent events",
        "They looked upwards 299 times in vain",
        "At the end 299 of 300 listeners listened by WebSocket, the first 2,100 ms after the way was free",
        "31 messages came by two ways during a change and were heard once.",
        "By all rungs together half of the deliveries came within",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
    assert!(
        !found.contains("by WebSocket (the streams were open already)"),
        "{found}"
    );
    let chart = |name: &str| report.charts.iter().find(|chart| chart.name == name).unwrap();
    let title = chart("fall.svg").title.replace('\u{a0}', " ");
    assert_eq!(
        title,
        "A fall cost 6,251 ms without anything to listen by, of which 6,000 ms for WebSocket (nothing came in time)"
    );
    assert!(chart("ladder.svg").svg.contains("free again"));
    assert_eq!(chart("requests.svg").title, "Requests, of listeners that fell back");
    assert!(report.html.contains("took WebSocket away"));
    // The model has no word on it.
    assert!(report.tables.iter().all(|table| table.name != "prediction"));
    let kept = render_one(fixture::three_ways());
    assert!(
        kept.charts
            .iter()
            .all(|chart| chart.name != "ladder.svg" && chart.name != "fall.svg")
    );
}

#[test]
fn cautions_stand_on_the_page() {
    let mut results = fixture::three_ways();
    results.runs[0].ledger.lost = 7;
    let report = render_one(results);
    assert_eq!(report.cautions.len(), 1);
    let what = &report.cautions[0].what;
    assert!(report.html.contains(what.as_str()), "{what}");
    assert!(!render_one(fixture::three_ways()).html.contains("Reasons to doubt"));
}

/// Writes pages and charts into the folder that `TALKPLACE_LOOK` names, to be looked at; does nothing without it.
#[test]
fn pictures_to_look_at() {
    let Some(folder) = std::env::var_os("TALKPLACE_LOOK").map(std::path::PathBuf::from) else {
        return;
    };
    let odd = ODD.into_iter().map(|(what, change)| {
        let mut results = fixture::four_ways();
        change(&mut results);
        (what, vec![results])
    });
    let plain = [
        ("three", vec![fixture::three_ways()]),
        ("four", vec![fixture::four_ways()]),
        ("two", fixture::two_timeouts().into()),
        ("recorded", vec![recorded::of_several()]),
        ("restarted", vec![fixture::restarted(0.0)]),
        ("fallen", vec![fixture::fallen(Why::Silent, 6.0)]),
        (
            "fell",
            vec![
                fixture::fallen(Why::Refused(403), 0.08),
                fixture::fallen(Why::Silent, 6.0),
            ],
        ),
        ("jitter", vec![fixture::restarted(1.0), fixture::restarted(0.0)]),
    ];
    let mut chinese = fixture::four_ways();
    chinese.scenario.title = "三种方式听同一个聊天".into();
    chinese.scenario.question = "听到一条消息要付出什么代价，又要等多久？".into();
    chinese.run = "一次很长很长的运行名字".into();
    let mut many = vec![fixture::four_ways(); 4];
    for (at, results) in many.iter_mut().enumerate() {
        results.run = format!("2026-11-22T17-0{at}-00");
        results.scenario.seed += at as u64;
        results.scenario.listeners += at as u32;
        results.runs[0].ledger.lost = at as u64;
    }
    let mut rounds = fixture::four_ways();
    for round in 2..=5 {
        let again: Vec<TransportRun> = rounds.runs[..4].to_vec();
        rounds.runs.extend(again.into_iter().map(|mut run| {
            run.round = round;
            run.bytes_in.heads += run.bytes_in.heads / 40 * u64::from(round % 3);
            run.counts.requests -= run.counts.requests / 60 * u64::from(round % 4);
            run.server.cpu_s = run
                .server
                .cpu_s
                .map(|cpu_s| cpu_s * (1.0 + 0.07 * f64::from(round % 3)));
            run
        }));
    }
    let strange = [("chinese", vec![chinese]), ("many", many), ("rounds", vec![rounds])];
    for (what, runs) in plain.into_iter().chain(strange).chain(odd) {
        let report = render(&runs).unwrap();
        let folder = folder.join(what.replace([' ', ','], "-"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("index.html"), &report.html).unwrap();
        for chart in &report.charts {
            std::fs::write(folder.join(&chart.name), &chart.svg).unwrap();
        }
    }
}
