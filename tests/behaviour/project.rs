//! A short run, scaled on paper.

use serde_json::Value;

use crate::support::{Ended, Home};

const SHORT: &str = r#"
title = "A short run"
transports = ["poll", "long-poll", "websocket"]
listeners = 2
duration = "500ms"
warm_up = "100ms"
drain = "1s"

[feed]
rate = "20/s"
arrivals = "constant"

[link]
rtt = "2ms"

[poll]
interval = "50ms"
"#;

/// A home with one run of the lab `three-ways`, and the name of that run.
fn with_a_run() -> (Home, String) {
    let home = Home::new();
    home.write("three-ways/scenario.toml", SHORT);
    let ended = home.talkplace(&["run", "three-ways/scenario.toml", "--no-compare"]);
    // Whatever a busy machine makes of so short a run, it leaves its results.
    let runs = home.list("reports/three-ways");
    assert_eq!(runs.len(), 1, "{}", ended.stderr);
    (home, runs[0].clone())
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_latest_run_is_scaled_and_drawn() {
    let (home, run) = with_a_run();
    let ended = home.talkplace(&["project", "--listeners", "1000000"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let page = format!("Projection: reports/project/{run}-1000000/index.html");
    assert_eq!(ended.stdout.lines().last(), Some(page.as_str()));
    assert_eq!(
        home.list(&format!("reports/project/{run}-1000000")),
        ["index.html", "projection.svg"]
    );
    assert!(!ended.stdout.contains('\x1b'));
    for told in [
        "requests a second",
        "processors busy",
        "server memory",
        "Every listener hears every message: 20 a second in the feed make 20,000,000 deliveries a second.",
        "Beside that each listener costs what an idle one did a second: ",
        "1,000,000 listeners are 500,000 times as many as the 2 that were measured",
    ] {
        assert!(ended.stdout.contains(told), "{told}\n{}", ended.stdout);
    }
    let html = home.read(&format!("reports/project/{run}-1000000/index.html"));
    let html = html.replace("&#x2f;", "/");
    assert!(html.contains("What would 1,000,000 listeners take?") && html.contains("<svg"));
    assert!(
        html.contains(&format!("talkplace project three-ways/{run} --listeners 1000000")),
        "the command that does it again"
    );
}

/// Lubbers and Greco's polls have 871 bytes of heads and come every second: 6.97, 69.7 and 697 decimal megabits for their
/// three numbers of clients.
#[test]
fn a_run_with_the_heads_of_lubbers_and_greco_gives_their_table() {
    let (home, run) = with_a_run();
    let file = format!("reports/three-ways/{run}/results.json");
    let mut results: Value = serde_json::from_str(&home.read(&file)).unwrap();
    let poll = &mut results["runs"][0];
    let requests = poll["counts"]["requests"].as_u64().unwrap();
    assert!(requests > 0);
    poll["bytes_out"]["heads"] = (871 * requests).into();
    poll["bytes_in"]["heads"] = 0.into();
    home.write(&file, &results.to_string());

    for (listeners, mbit) in [("1000", 6.968), ("10000", 69.68), ("100000", 696.8)] {
        let ended = home.talkplace(&[
            "project",
            "three-ways",
            "--listeners",
            listeners,
            "--poll-interval",
            "1s",
            "--rate",
            "1/s",
            "--json",
            "--out",
            "paper",
        ]);
        let figures = json(&ended);
        let poll = &figures["transports"][0];
        assert_eq!(poll["transport"], "poll");
        assert!((number(&poll["head_mbit_per_s"]) / mbit - 1.0).abs() < 1e-6, "{poll}");
        assert!((number(&poll["requests_per_s"]) - listeners.parse::<f64>().unwrap()).abs() < 1e-6);
        assert!(number(&poll["mbit_per_s"]) > mbit, "bodies come on top: {poll}");
        assert_eq!(figures["knobs"]["poll.interval"], "1s");
        let page = format!("Projection: paper/project/{run}-{listeners}/index.html");
        assert!(ended.stderr.contains(&page), "{}", ended.stderr);
    }
}

#[test]
fn without_a_run_it_says_to_make_one_first() {
    let home = Home::new();
    let ended = home.talkplace(&["project", "--listeners", "1000000"]);
    assert_eq!(
        ended.refused(),
        "talkplace: there is no complete run in reports/three-ways yet; `talkplace run three-ways` makes one"
    );
    assert!(home.list(".").is_empty());
}

#[test]
fn what_makes_no_sense_is_a_matter_of_usage() {
    let home = Home::new();
    for (arguments, told) in [
        (vec!["project"], "--listeners"),
        (vec!["project", "--listeners", "0"], "0 is not in 1.."),
        (vec!["project", "--listeners", "many"], "invalid digit"),
        (
            vec!["project", "--listeners", "9", "--rate", "-1/s"],
            "fewer than no messages",
        ),
        (
            vec!["project", "--listeners", "9", "--rate=-1/s"],
            "fewer than no messages",
        ),
        (
            vec!["project", "--listeners", "9", "--poll-interval", "0s"],
            "1ms is the least",
        ),
        (vec!["project", "--listeners", "9", "--rtt", "40"], "has no unit"),
    ] {
        let ended = home.talkplace(&arguments);
        assert_eq!(ended.status, Some(2));
        assert!(ended.stderr.contains(told), "{told}\n{}", ended.stderr);
    }
}
