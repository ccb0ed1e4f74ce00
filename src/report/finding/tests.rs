use super::*;
use crate::protocol::Transport;
use crate::report::fixture;
use crate::results::{Answers, Distribution, Results};

fn said(runs: &[Results]) -> String {
    let beside = Beside::new(runs).unwrap();
    let titles = ["requests", "delay", "bytes", "cpu"];
    let titles = titles.iter().zip([
        title::requests(&beside),
        title::delay(&beside),
        title::bytes(&beside),
        title::cpu(&beside),
    ]);
    let titles = titles.map(|(chart, title)| format!("[{chart}] {title}"));
    findings(&beside)
        .into_iter()
        .chain(titles)
        .collect::<Vec<_>>()
        .join("\n")
        .replace('\u{a0}', " ")
}

fn changed(change: impl FnOnce(&mut Results)) -> String {
    let mut results = fixture::three_ways();
    change(&mut results);
    said(&[results])
}

#[test]
fn three_transports_are_told_apart() {
    insta::assert_snapshot!(said(&[fixture::three_ways()]));
}

#[test]
fn four_transports_are_told_apart() {
    insta::assert_snapshot!(said(&[fixture::four_ways()]));
}

#[test]
fn the_knob_that_differs_comes_first() {
    insta::assert_snapshot!(said(&fixture::two_timeouts()));
}

#[test]
fn a_run_beside_itself_shows_no_difference() {
    let run = fixture::three_ways();
    let first = said(&[run.clone(), run]);
    let first = first.lines().next().unwrap();
    insta::assert_snapshot!(first);
}

#[test]
fn a_window_without_a_message() {
    let said = changed(|results| {
        for run in &mut results.runs {
            run.publishing.planned_in_window = 0;
            run.counts.deliveries = 0;
            run.delay = Distribution::new();
            run.counts.answers.empty += run.counts.answers.with_messages;
            run.counts.answers.with_messages = 0;
        }
    });
    insta::assert_snapshot!(said);
}

#[test]
fn one_transport_alone() {
    let said = changed(|results| results.runs.retain(|run| run.transport == Transport::Websocket));
    insta::assert_snapshot!(said);
}

#[test]
fn nothing_measured_at_all() {
    let said = changed(|results| results.runs.clear());
    insta::assert_snapshot!(said);
}

#[test]
fn everything_refused_and_no_cpu_told() {
    let said = changed(|results| {
        for run in &mut results.runs {
            run.counts.answers = Answers {
                refused: run.counts.requests,
                ..Answers::default()
            };
            run.counts.deliveries = 0;
            run.delay = Distribution::new();
            run.ledger.lost = run.ledger.expected;
            run.ledger.heard = 0;
            run.server.cpu_s = None;
        }
    });
    insta::assert_snapshot!(said);
}

#[test]
fn one_of_them_losing_messages() {
    let said = changed(|results| {
        results.runs[0].ledger.lost = 12;
        results.runs[0].ledger.repeated = 3;
        results.runs[0].ledger.heard -= 12;
    });
    insta::assert_snapshot!(said.lines().nth(3).unwrap());
}

#[test]
fn alike_is_not_ranked() {
    let said = changed(|results| {
        let delay = results.runs[2].delay.clone();
        results.runs.iter_mut().for_each(|run| {
            run.delay = delay.clone();
            run.server.cpu_s = Some(0.7);
        });
    });
    insta::assert_snapshot!(said);
}

#[test]
fn of_many_runs_only_some_are_told() {
    let mut runs = vec![fixture::three_ways(); 6];
    for (at, run) in runs.iter_mut().enumerate() {
        run.run = format!("run-{at}");
        run.scenario.seed = at as u64;
    }
    for run in &mut runs[1..4] {
        run.runs[0].counts.requests /= 3;
    }
    let said = findings(&Beside::new(&runs).unwrap());
    assert!(
        said[0].contains("run-1") && said[0].contains("asked 3 times as often"),
        "{}",
        said[0]
    );
    assert!(said[1].contains("run-2"), "{}", said[1]);
    assert_eq!(
        said[2],
        "Beside the runs run-4 and run-5 nothing changed in a way that these runs can show."
    );
    assert_eq!(said.len(), 6);
}

#[test]
fn runs_without_a_transport_in_common() {
    let mut runs = [fixture::three_ways(), fixture::three_ways()];
    runs[0].runs.truncate(1);
    runs[1].runs.remove(0);
    let said = findings(&Beside::new(&runs).unwrap());
    assert_eq!(
        said[0],
        format!("Run {} has no transport in common with this one.", runs[1].run)
    );
}

#[test]
fn a_run_that_proves_nothing_ranks_nothing() {
    let mut results = fixture::three_ways();
    let why = "WebSocket: the generator’s own threads were woken late.";
    results.unclear.push(crate::results::Caution {
        what: why.into(),
        try_this: "End other programs.".into(),
    });
    let report = crate::report::render(std::slice::from_ref(&results)).unwrap();
    assert!(
        report.findings[0].starts_with("This is unclear"),
        "{:?}",
        report.findings
    );
    assert_eq!(report.findings[1], why);
    assert_eq!(report.cautions[0].what, why);
    for chart in &report.charts {
        assert!(
            chart.title.ends_with("in a run that is unclear"),
            "{}: {}",
            chart.name,
            chart.title
        );
    }
    // A good run beside it says what it found, and nothing about what changed since.
    let mut good = fixture::three_ways();
    good.run = "later".into();
    let alone = crate::report::render(std::slice::from_ref(&good)).unwrap().findings;
    let beside = crate::report::render(&[good, results]).unwrap().findings;
    assert!(
        beside[0].starts_with("Nothing is said about what changed since"),
        "{beside:?}"
    );
    assert_eq!(beside[1..3], alone[..2]);
}

#[test]
fn requests_that_stay_away_for_two_seconds_are_not_called_even() {
    let title = |results: &Results| title::timeline(&Beside::new(std::slice::from_ref(results)).unwrap());
    let mut results = fixture::three_ways();
    results.runs.retain(|run| run.transport == Transport::Poll);
    let even = "Requests came evenly, one moment like the other";
    assert_eq!(title(&results), even);
    let timeline = &mut results.runs[0].timeline;
    let middle = timeline.warm_up_steps + 30;
    timeline.requests[middle..middle + 2].copy_from_slice(&[0, 9]);
    assert_eq!(
        title(&results).replace('\u{a0}', " "),
        "Requests came evenly, but for 2 s in which short polling asked next to nothing"
    );
}
