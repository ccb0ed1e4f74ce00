use super::*;
use crate::report::beside::Beside;
use crate::report::fixture;
use crate::results::{Arrivals, Distribution, TransportRun};

/// The entry of a transport in a run, and what the model says about it.
fn predicted(results: &Results, transport: Transport) -> (Entry, Predicted) {
    let runs = std::slice::from_ref(results);
    let beside = Beside::new(runs).unwrap();
    let mut all = beside.predicted(0);
    let (entry, predicted) = all.find(|(entry, _)| entry.transport() == transport).unwrap();
    (entry.clone(), predicted.clone())
}

fn said(results: &Results) -> String {
    verdicts(&Beside::new(std::slice::from_ref(results)).unwrap()).join("\n")
}

fn every(mut results: Results, change: impl Fn(&mut TransportRun)) -> Results {
    results.runs.iter_mut().for_each(change);
    results
}

fn near(seen: Option<f64>, expected: f64) {
    let seen = seen.unwrap();
    assert!((seen - expected).abs() <= 0.005 * expected, "{seen}, not {expected}");
}

#[test]
fn the_figures_of_the_run_are_what_the_model_is_told() {
    let (_, poll) = predicted(&fixture::three_ways(), Transport::Poll);
    assert_eq!(poll.inputs.arrivals.rate_per_s(), 1.0);
    assert_eq!(poll.inputs.one_way_s, 0.05);
    // Of the 5.4 s, 0.9 ms a second are what its listeners cost by being there.
    near(Some(poll.inputs.service_s), (5.4 - 0.0009 * 120.0) / 36_000.0);
    assert_eq!(poll.inputs.workers, 1.0);
    assert_eq!(poll.inputs.sizes.request, 180.0);
}

#[test]
fn heads_of_full_and_of_empty_answers_are_told_apart() {
    let results = fixture::three_ways();
    let (_, poll) = predicted(&results, Transport::Poll);
    let envelope = crate::model::bytes::batch_envelope(poll.inputs.cursor_bytes) as f64;
    assert_eq!(poll.inputs.sizes.empty_answer, 90.0);
    assert_eq!(poll.inputs.sizes.full_answer, 145.0 + envelope);
    // Where they are not, each is as the average.
    let older = every(results, |run| run.bytes_in.empty_heads = 0);
    let (entry, poll) = predicted(&older, Transport::Poll);
    let answers = &entry.run.counts.answers;
    let average = entry.run.bytes_in.heads as f64 / (answers.empty + answers.with_messages) as f64;
    assert_eq!(poll.inputs.sizes.empty_answer, average);
    near(Some(poll.inputs.sizes.full_answer), average + envelope);
}

#[test]
fn no_workers_are_as_many_as_processors() {
    let mut results = fixture::three_ways();
    results.scenario.server_workers = 0;
    let (_, poll) = predicted(&results, Transport::Poll);
    assert_eq!(poll.inputs.workers, 2.0);
}

#[test]
fn short_polling_by_hand() {
    // 300 listeners, a poll a second, 120 s; 50 ms and 0.15 ms of the server on the way back.
    let (_, poll) = predicted(&fixture::three_ways(), Transport::Poll);
    near(poll.figure(Figure::Requests), 36_000.0);
    near(poll.figure(Figure::Mean), 550.15);
    near(poll.figure(Figure::Longest), 1_050.15);
    let feed = poll.feed.unwrap();
    assert!((feed.empty_share - 0.3679).abs() < 0.0001);
    // C/√(12·N·messages), twice.
    near(
        poll.chance.of_this_schedule(Figure::Mean),
        2.0 * 1000.0 / (12.0f64 * 36_000.0).sqrt(),
    );
}

#[test]
fn the_head_of_an_answer_depends_on_whether_it_brings_something() {
    let (_, mut poll) = predicted(&fixture::three_ways(), Transport::Poll);
    poll.inputs.message_bytes = Some(100.0);
    let envelope = crate::model::bytes::batch_envelope(poll.inputs.cursor_bytes) as f64;
    (poll.inputs.sizes.request, poll.inputs.sizes.empty_answer) = (100.0, 80.0);
    poll.inputs.sizes.full_answer = 140.0 + envelope;
    // A poll a second and a message a second: one exchange for each message heard.
    let feed = poll.feed.unwrap();
    near(
        Figure::heads(&feed, &poll.inputs),
        100.0 + 80.0 * feed.empty_share + 140.0 * (1.0 - feed.empty_share),
    );
}

#[test]
fn a_stream_is_one_transit_and_its_turns_away() {
    // sw = (0.71 s, less 0.9 ms a second for being there) / 36,000, and half of 300 of these for the listener in the middle.
    let (_, websocket) = predicted(&fixture::three_ways(), Transport::Websocket);
    near(websocket.figure(Figure::Mean), 50.0 + 0.01672 * 301.0 / 2.0);
    assert_eq!(websocket.figure(Figure::Requests), Some(0.0));
    near(websocket.figure(Figure::BytesIn), 155.0);
}

#[test]
fn constant_messages_leave_nothing_to_another_schedule() {
    let mut results = fixture::three_ways();
    results.scenario.arrivals = Arrivals::Constant;
    let (_, long_poll) = predicted(&results, Transport::LongPoll);
    assert_eq!(long_poll.chance.of_any_schedule(Figure::Requests), None);
    // With the same phase to every message a listener is one sample.
    let (_, poll) = predicted(&results, Transport::Poll);
    near(
        poll.chance.of_this_schedule(Figure::Mean),
        2.0 * 1000.0 / (12.0f64 * 300.0).sqrt(),
    );
}

#[test]
fn chance_is_larger_on_fewer_messages() {
    let (_, many) = predicted(&fixture::three_ways(), Transport::LongPoll);
    let few = every(fixture::three_ways(), |run| {
        run.publishing.planned_in_window = 12;
        run.timeline.messages_s = run.timeline.messages_s.iter().copied().step_by(10).collect();
    });
    let (_, few) = predicted(&few, Transport::LongPoll);
    let share = |one: &Predicted| {
        let chance = one.chance.of_any_schedule(Figure::Requests).unwrap();
        chance
            / Figure::Requests
                .predicted(one.feed.as_ref().unwrap(), &one.inputs)
                .unwrap()
    };
    assert!(share(&few) > 1.5 * share(&many), "{} {}", share(&few), share(&many));
}

#[test]
fn without_a_link_there_are_no_transits_to_count() {
    let mut results = fixture::three_ways();
    assert!(published(&Beside::new(std::slice::from_ref(&results)).unwrap()).is_some());
    results.scenario.rtt = std::time::Duration::ZERO;
    let beside = Beside::new(std::slice::from_ref(&results)).unwrap();
    let table = published(&beside).unwrap();
    let rows = table.groups.iter().flat_map(|group| &group.rows);
    assert!(rows.clone().all(|row| !row.head.contains("delay")), "{table:?}");
    assert!(
        beside
            .predicted(0)
            .all(|(_, one)| one.figure(Figure::Mean).unwrap() < 1_000.0)
    );
}

#[test]
fn a_run_without_messages_has_no_delay_to_predict() {
    let silent = every(fixture::three_ways(), |run| {
        run.publishing.planned_in_window = 0;
        run.counts.deliveries = 0;
        run.delay = Distribution::new();
        run.server_delay = Distribution::new();
        run.timeline.messages_s.clear();
    });
    let (_, long_poll) = predicted(&silent, Transport::LongPoll);
    assert_eq!(long_poll.figure(Figure::Mean), None);
    assert_eq!(long_poll.figure(Figure::BytesIn), None);
    // One request in 25.1 s, from each of 300.
    near(long_poll.figure(Figure::Requests), 300.0 * 120.0 / 25.1);
    assert_eq!(said(&silent), "");
}

#[test]
fn without_cpu_time_the_server_is_taken_to_be_quick() {
    let untold = every(fixture::three_ways(), |run| run.server = Default::default());
    let (_, websocket) = predicted(&untold, Transport::Websocket);
    assert_eq!(websocket.figure(Figure::Mean), Some(50.0));
    assert!(!said(&untold).contains("cost the server"), "{}", said(&untold));
}

#[test]
fn a_saturated_server_has_a_prediction_for_the_feed_alone() {
    let busy = every(fixture::three_ways(), |run| {
        // 300 long polls of 20 ms each: 6 s of work for a message a second.
        run.server.cpu_s = Some(0.02 * run.counts.requests as f64);
    });
    let (_, long_poll) = predicted(&busy, Transport::LongPoll);
    assert_eq!(long_poll.schedule, None);
    near(long_poll.figure(Figure::Requests), 300.0 * 120.0 / 6.0);
    let busy = every(fixture::three_ways(), |run| run.server.cpu_s = Some(130.0));
    let (_, websocket) = predicted(&busy, Transport::Websocket);
    assert_eq!(websocket.feed, None);
    assert!(
        websocket.figure(Figure::Most).unwrap() > 1_000.0,
        "the backlog of the schedule"
    );
}

#[test]
fn the_verdicts_of_a_run() {
    insta::assert_snapshot!(said(&fixture::three_ways()));
}

#[test]
fn a_busy_server_is_named() {
    let busy = every(fixture::three_ways(), |run| {
        run.server.cpu_s = Some(90.0);
        run.server_delay.record(std::time::Duration::from_secs(3));
    });
    assert!(
        said(&busy).contains("processors were busy for 75\u{a0}% of the window"),
        "{}",
        said(&busy)
    );
}

#[test]
fn a_longer_interval_than_asked_for_is_named() {
    let mut slow = fixture::three_ways();
    slow.runs[0].counts.requests = 18_000;
    assert!(
        said(&slow).contains("asked every 2,000\u{a0}ms where the model has 1,000\u{a0}ms"),
        "{}",
        said(&slow)
    );
}

#[test]
fn a_longer_gap_is_found_by_what_it_leads_to() {
    let results = fixture::three_ways();
    let (mut entry, one) = predicted(&results, Transport::LongPoll);
    let plan_of = entry.run.timeline.messages_s.clone();
    let plan = one.inputs.plan(&plan_of).unwrap();
    let mut herd = one.inputs.herd();
    herd.exchange.client_s = 0.4;
    let slower = plan.long_poll(&herd).unwrap();
    entry.run.counts.requests = (slower.requests_per_s * 36_000.0).round() as u64;
    let mut changed = results;
    changed.runs[1] = entry.run;
    let said = said(&changed);
    let gap_ms = said
        .split(" gap of ")
        .nth(1)
        .and_then(|rest| rest.split('\u{a0}').next())
        .unwrap_or(&said);
    let gap_ms: f64 = gap_ms.parse().unwrap_or_else(|_| panic!("no gap in: {said}"));
    assert!((450.0..550.0).contains(&gap_ms), "{said}");
}

#[test]
fn refusals_are_named_first() {
    let mut results = fixture::three_ways();
    results.runs[0].counts.answers.refused = 9_000;
    results.runs[0].counts.requests += 9_000;
    assert!(
        said(&results).contains("9,000\u{a0}requests or deliveries were refused, broken or lost"),
        "{}",
        said(&results)
    );
}

#[test]
fn a_stopped_server_is_named() {
    let mut results = fixture::three_ways();
    results.scenario.server_stop = std::time::Duration::from_secs(2);
    assert!(
        said(&results).contains("stopped for 2,000\u{a0}ms in mid-window"),
        "{}",
        said(&results)
    );
}

#[test]
fn a_connection_for_each_poll_widens_the_gap_and_is_what_hickson_speaks_of() {
    let mut results = fixture::three_ways();
    let kept = predicted(&results, Transport::LongPoll).1;
    results.scenario.http_keep_alive = false;
    let anew = predicted(&results, Transport::LongPoll).1;
    // A round trip more to come back: five transits at worst instead of three.
    let more = anew.figure(Figure::Longest).unwrap() - kept.figure(Figure::Longest).unwrap();
    assert!((more - 100.0).abs() < 0.01, "{more}");
    let runs = [results];
    let beside = Beside::new(&runs).unwrap();
    let table = published(&beside).unwrap();
    let group = table
        .groups
        .iter()
        .find(|group| group.title.starts_with("Ian Hickson"))
        .unwrap();
    assert_eq!(group.rows[0].cells[0].replace('\u{a0}', " "), "3 transits");
    let kept = [fixture::three_ways()];
    let table = published(&Beside::new(&kept).unwrap()).unwrap();
    assert!(!table.groups.iter().any(|group| group.title.starts_with("Ian Hickson")));
}

#[test]
fn headers_are_predicted_by_the_run_s_own_and_not_by_the_published_ones() {
    let mut results = fixture::three_ways();
    results.runs[0].listeners = 1_000;
    let runs = [results];
    let table = published(&Beside::new(&runs).unwrap()).unwrap();
    let mut groups = table.groups.iter();
    let group = groups.find(|group| group.title.contains("Lubbers") && group.rows[0].head.contains("headers"));
    let row = &group.unwrap().rows[0];
    assert_eq!(
        row.head.replace('\u{a0}', " "),
        "headers of 1,000 listeners, 871 B a poll there and 304 B here"
    );
    // 180 bytes to the server, and 90 or, in 62 % of the answers, 145 back: 1,000 · 8 · 304 / 2^20.
    let cells: Vec<String> = row.cells.iter().map(|cell| cell.replace('\u{a0}', " ")).collect();
    assert_eq!(cells[..2], ["6.6 Mbit/s of 2^20", "2.32 Mbit/s of 2^20"]);
}

#[test]
fn a_herd_of_polls_waits_for_the_middle_of_itself() {
    let mut results = fixture::three_ways();
    let apart = predicted(&results, Transport::Poll).1;
    results.scenario.poll_phase = crate::results::PollPhase::Aligned;
    let (_, together) = predicted(&results, Transport::Poll);
    assert!(together.schedule.is_none(), "one phase for all is one draw of chance");
    let more = together.figure(Figure::Mean).unwrap() - apart.figure(Figure::Mean).unwrap();
    // 0.147 ms, the idle cost taken off, for each of 300, but for its own: s(N + 1)/2 − s.
    assert!((more - 0.147 * 149.5).abs() < 0.01, "{more}");
}
