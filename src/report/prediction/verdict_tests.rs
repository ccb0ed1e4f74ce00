//! What is said of a run that does what the model says, nearly does it, or does not.

use super::*;
use crate::report::beside::Beside;
use crate::report::fixture;
use crate::report::rounds::apart;
use crate::results::{Caution, Distribution, TransportRun};
use std::time::Duration;

/// A stream alone over 50 ms, whose server costs nothing that is known, so that the model has 50 ms and 155 bytes for every message;
/// of a hundred messages so many were heard after so many milliseconds.
fn stream(heard: &[(u64, f64)]) -> Results {
    let mut results = fixture::three_ways();
    results.runs.retain(|run| run.transport == Transport::Websocket);
    let run = &mut results.runs[0];
    run.server = Default::default();
    run.server_delay = Distribution::new();
    for (times, ms) in heard {
        let delay = Duration::from_secs_f64(ms / 1e3);
        (0..*times).for_each(|_| run.server_delay.record(delay));
    }
    run.bytes_in.frames = run.counts.deliveries * 4;
    results
}

fn with(mut results: Results, change: impl FnOnce(&mut TransportRun)) -> Results {
    change(&mut results.runs[0]);
    results
}

fn said(results: &Results) -> String {
    let beside = Beside::new(std::slice::from_ref(results)).unwrap();
    verdicts(&beside).join("\n").replace('\u{a0}', " ")
}

/// The cells of a row: measured, this schedule, difference, chance, left out, explained by, a feed of this rate.
fn row(results: &Results, figure: Figure) -> Vec<String> {
    let beside = Beside::new(std::slice::from_ref(results)).unwrap();
    let table = prediction_table(&beside);
    let mut rows = table.groups[0].rows.iter();
    let row = rows.find(|row| row.head == figure.title()).unwrap();
    row.cells.iter().map(|cell| cell.replace('\u{a0}', " ")).collect()
}

#[test]
fn what_is_as_predicted_is_said_in_one_sentence() {
    let exact = stream(&[(100, 50.0)]);
    assert_eq!(
        said(&exact),
        "WebSocket did what the model says: mean delays within 0.1 % and p99 within 0.1 %."
    );
    assert_eq!(row(&exact, Figure::BytesIn)[5], "–");
}

#[test]
fn what_is_beyond_chance_but_left_out_of_the_model_is_named_with_its_reason() {
    // 3 % of 50 ms and 1 ms are 2.5 ms.
    let late = stream(&[(60, 50.0), (40, 52.0)]);
    let said = said(&late);
    assert!(said.starts_with("WebSocket did what the model says: "), "{said}");
    assert!(
        said.contains(
            "2 differences in the table are beyond chance, but within what the model leaves out (wake-ups, TCP, the scheduler: 3 %, and 1 ms of a \
             delay). The largest is that of WebSocket: 99 % of the messages came within 52 ms, not 50 ms. A process has to be woken"
        ),
        "{said}"
    );
    assert_eq!(
        row(&late, Figure::Most)[2..6],
        ["+4.1 %", "none", "± 5.0 %", "left out"]
    );
}

#[test]
fn earlier_than_predicted_is_no_wake_up() {
    let said = said(&stream(&[(100, 48.5)]));
    assert!(said.contains("part of that may be spent when nobody waits"), "{said}");
    assert!(!said.contains("has to be woken"), "{said}");
}

#[test]
fn what_is_beyond_both_parts_from_the_model() {
    let late = stream(&[(100, 53.0)]);
    let said = said(&late);
    assert!(
        said.starts_with("WebSocket parted from the model: messages took 53 ms"),
        "{said}"
    );
    assert!(said.contains("may be what is between them"), "{said}");
    assert_eq!(row(&late, Figure::Mean)[5], "neither");
}

#[test]
fn the_middle_is_judged_too() {
    let said = said(&stream(&[(60, 47.0), (40, 52.0)]));
    assert!(
        said.contains("parted from the model: half of the messages came within 47 ms, not 50 ms."),
        "{said}"
    );
}

#[test]
fn bytes_are_judged_too() {
    let wide = with(stream(&[(100, 50.0)]), |run| run.bytes_in.frames *= 3);
    assert!(
        said(&wide).contains("parted from the model: a delivery took 163 B to the listener, not 155 B."),
        "{}",
        said(&wide)
    );
}

#[test]
fn one_late_delivery_breaks_no_assumption() {
    let once = stream(&[(9_999, 50.0), (1, 500.0)]);
    assert!(!said(&once).contains("parted"), "{}", said(&once));
    assert_eq!(row(&once, Figure::Longest)[4..6], ["–", "not judged"]);
}

#[test]
fn whoever_stands_in_between_is_the_reason() {
    let between = with(stream(&[(100, 500.0)]), |run| {
        run.between = Some("nginx/1.22.1".to_owned());
    });
    let said = said(&between);
    assert!(
        said.contains("Between the listeners and the server stood nginx/1.22.1, and the model has nobody there."),
        "{said}"
    );
    assert!(!said.contains("quickest") && !said.contains("load generator"), "{said}");
    let nearly = with(stream(&[(100, 52.0)]), |run| {
        run.between = Some("nginx/1.22.1".to_owned())
    });
    let said = self::said(&nearly);
    assert!(said.contains("What stood in between takes its time, too."), "{said}");
}

#[test]
fn a_limit_of_processor_time_is_no_slower_processor() {
    let limited = |percent| {
        let mut results = fixture::three_ways();
        results.runs.retain(|run| run.transport == Transport::Websocket);
        results.scenario.server_cpu_percent = percent;
        said(&results)
    };
    let (quarter, double) = (limited(25), limited(200));
    assert!(
        quarter.contains("held to 25 % of one processor, which the model takes for a slower processor"),
        "{quarter}"
    );
    assert!(!quarter.contains("nobody’s way"), "{quarter}");
    // One worker cannot reach two processors.
    assert!(!double.contains("held to"), "{double}");
}

#[test]
fn nobody_is_blamed_without_evidence() {
    let late = stream(&[(80, 50.0), (20, 90.0)]);
    let said = said(&late);
    assert!(
        said.contains("20 % of the deliveries took longer than the 50 ms that the model allows at all, up to 90"),
        "{said}"
    );
    assert!(
        said.contains("the load generator, on the same machine, may have made them wait too"),
        "{said}"
    );
}

#[test]
fn a_stop_is_named_even_where_the_figures_do_not_show_it() {
    let mut results = stream(&[(100, 50.0)]);
    results.scenario.server_stop = Duration::from_secs(2);
    let said = said(&results);
    assert!(said.contains("WebSocket did what the model says"), "{said}");
    assert!(
        said.contains("One assumption broke all the same: the server was stopped for 2,000 ms in mid-window"),
        "{said}"
    );
}

#[test]
fn a_reason_that_holds_for_several_is_told_once() {
    let mut results = fixture::three_ways();
    results.scenario.server_stop = Duration::from_secs(2);
    let said = said(&results);
    assert_eq!(said.matches("stopped for 2,000 ms").count(), 1, "{said}");
}

#[test]
fn an_unclear_run_judges_nothing() {
    let mut results = fixture::three_ways();
    let again: Vec<TransportRun> = results
        .runs
        .iter()
        .cloned()
        .map(|run| TransportRun { round: 2, ..run })
        .collect();
    results.runs.extend(again);
    let told = |results: &Results| apart(&Beside::new(std::slice::from_ref(results)).unwrap());
    assert!(!said(&results).is_empty() && !told(&results).is_empty());
    results.unclear = vec![Caution {
        what: "The machine was busy.".into(),
        try_this: "Try again.".into(),
    }];
    assert_eq!(said(&results), "");
    assert_eq!(told(&results), Vec::<String>::new());
    assert_eq!(row(&results, Figure::Mean)[5], "not judged");
}
