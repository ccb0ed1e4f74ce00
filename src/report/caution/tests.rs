use super::*;
use crate::report::fixture;
use crate::results::TransportRun;
use std::time::Duration;

fn with(change: impl Fn(&mut TransportRun)) -> Vec<Caution> {
    let mut results = fixture::three_ways();
    change(&mut results.runs[2]);
    cautions(&results)
}

fn only(cautions: Vec<Caution>) -> String {
    let whats: Vec<String> = cautions
        .into_iter()
        .map(|caution| caution.what.replace('\u{a0}', " "))
        .collect();
    assert_eq!(whats.len(), 1, "{whats:?}");
    whats.concat()
}

#[test]
fn a_good_run_has_none() {
    assert_eq!(cautions(&fixture::three_ways()), []);
}

#[test]
fn each_fault_is_named_with_its_transport() {
    let lost = only(with(|run| run.ledger.lost = 3));
    assert!(lost.contains("by WebSocket"), "{lost}");
    let failed = only(with(|run| run.failures.broken = 1));
    assert!(failed.starts_with("1 connection or answer"), "{failed}");
    let refused = only(with(|run| run.counts.answers.refused = 12));
    assert_eq!(refused, "12 requests were refused (WebSocket).");
    let missed = only(with(|run| run.publishing.missed = 1));
    assert_eq!(
        missed,
        "Of the planned messages 1 was never sent and 0 were not accepted."
    );
    let achieved = only(with(|run| run.publishing.accepted = 100));
    assert!(achieved.starts_with("Only 79 %"), "{achieved}");
    let little = only(with(|run| run.server.cpu_s = Some(0.000_9)));
    assert!(little.contains("1 ms"), "{little}");
    assert_eq!(with(|run| run.server.cpu_s = Some(0.004)), []);
}

#[test]
fn a_timer_without_a_guard_repeats_by_design() {
    let mut results = fixture::three_ways();
    results.scenario.poll_timer = crate::results::PollTimer::Unguarded;
    results.runs[0].ledger.repeated = 7;
    let again = only(cautions(&results));
    assert!(
        again.starts_with("7 messages were heard again by short polling"),
        "{again}"
    );
    results.runs[0].ledger.lost = 1;
    let holes = only(cautions(&results));
    assert!(holes.contains("a feed with holes"), "{holes}");
}

#[test]
fn a_late_publisher_is_no_delay_of_the_transport() {
    let late = only(with(|run| {
        (0..3).for_each(|_| run.publishing.lag.record(Duration::from_millis(400)))
    }));
    assert!(late.starts_with("The publisher itself was late, by 400 ms"), "{late}");
}

#[test]
fn books_that_do_not_agree_are_named() {
    let law = |counted| crate::results::Little {
        counted,
        expected: 10.0,
        error: 0.1,
    };
    assert_eq!(with(|run| run.little = Some(law(10.4))), []);
    let off = only(with(|run| run.little = Some(law(10.6))));
    assert!(off.contains("for WebSocket"), "{off}");
}

#[test]
fn a_short_or_bare_run_says_so() {
    let mut results = fixture::three_ways();
    results.scenario.rtt = Duration::ZERO;
    assert!(only(cautions(&results)).contains("bare loopback"));
    let mut results = fixture::three_ways();
    results.scenario.rate_per_s = 0.1;
    results.scenario.duration = Duration::from_secs(30);
    assert!(only(cautions(&results)).contains("three holds"));
}

#[test]
fn few_messages_are_a_remark_and_very_few_a_caution() {
    let of = |messages| {
        let mut results = fixture::three_ways();
        results
            .runs
            .iter_mut()
            .for_each(|run| run.publishing.planned_in_window = messages);
        (cautions(&results), remark(&results))
    };
    assert_eq!(of(100), (vec![], None));
    for messages in [5, 99] {
        let (cautions, remark) = of(messages);
        assert_eq!(cautions, []);
        let remark = remark.unwrap().replace('\u{a0}', " ");
        assert!(
            remark.contains(&format!("the slowest of {messages} messages")),
            "{remark}"
        );
    }
    for (messages, start) in [
        (0, "No message"),
        (1, "Only 1 message fell"),
        (4, "Only 4 messages fell"),
    ] {
        let (cautions, remark) = of(messages);
        let what = only(cautions);
        assert!(what.starts_with(start), "{what}");
        assert_eq!(remark, None);
    }
}

#[test]
fn an_interrupted_run_names_what_is_missing() {
    let mut results = fixture::three_ways();
    results.complete = false;
    results.runs.truncate(1);
    let what = only(cautions(&results));
    assert_eq!(
        what,
        "The run was stopped before its end: long polling and WebSocket are missing."
    );
}

#[test]
fn what_the_run_brought_along_comes_first_and_once() {
    let mut results = fixture::three_ways();
    results.scenario.rtt = Duration::ZERO;
    let own = cautions(&results).remove(0);
    let brought = caution("the room was hot".into(), "Open a window.");
    results.cautions = vec![brought.clone(), own.clone()];
    assert_eq!(cautions(&results), [brought, own]);
}
