//! Sweeps of a small lab, and what they leave.

use std::io::{BufRead as _, BufReader, Read as _};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Ended, Home};

const SMALL: &str = r#"
title = "A small lab"
question = "How often?"
transports = ["poll"]
listeners = 3
duration = "500ms"
warm_up = "100ms"
drain = "2s"
checks = ["lost == 0"]

[feed]
rate = "20/s"
arrivals = "constant"

[link]
rtt = "2ms"

[poll]
interval = "50ms"

[sweep]
poll.interval = ["25ms", "50ms"]
"#;

fn small() -> Home {
    let home = Home::new();
    home.write("small.toml", SMALL);
    home
}

/// Where a machine is too busy to tell, a sweep ends with 3 and says which points are unclear.
fn ran(ended: &Ended) {
    let says_so = ended.stdout.contains("unclear") || ended.stdout.contains("Not every message was heard");
    assert!(
        ended.status == Some(0) || ended.status == Some(3) && says_so,
        "{:?} {}{}",
        ended.status,
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn a_sweep_leaves_a_report_and_the_results_of_each_point() {
    let home = small();
    let ended = home.talkplace(&["sweep", "small.toml"]);
    ran(&ended);
    assert!(
        ended.stderr.contains("Point 2 of 2: poll.interval 50ms"),
        "{}",
        ended.stderr
    );
    let sweeps = home.list("reports/sweep/small");
    assert_eq!(sweeps.len(), 1);
    let folder = format!("reports/sweep/small/{}", sweeps[0]);
    let page = format!("Report: {folder}/index.html");
    assert_eq!(ended.stdout.lines().last(), Some(page.as_str()));
    for file in [
        "01",
        "02",
        "frontier-requests.svg",
        "index.html",
        "requests.svg",
        "sweep.json",
    ] {
        assert!(home.list(&folder).contains(&file.to_owned()), "{file}");
    }
    for (point, interval_s) in [("01", 0.025), ("02", 0.05)] {
        let results: Value = serde_json::from_str(&home.read(&format!("{folder}/{point}/results.json"))).unwrap();
        assert_eq!(results["complete"], true);
        assert_eq!(results["scenario"]["poll_interval_s"], interval_s);
        assert_eq!(results["run"], format!("{}/{point}", sweeps[0]));
    }
    // A point is a run like any other; the sweep is none.
    let redrawn = home.talkplace(&["report", &format!("{folder}/01")]);
    assert_eq!(redrawn.status, Some(0), "{}", redrawn.stderr);
    assert!(
        home.talkplace(&["report", "small"]).stderr.contains("no run `small`") || !home.path("reports/small").exists()
    );
}

#[test]
fn the_curves_are_told_as_json() {
    let home = small();
    let ended = home.talkplace(&["sweep", "small.toml", "--vary", "listeners=1,2", "--json"]);
    ran(&ended);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["complete"], true);
    assert_eq!(figures["knobs"][0]["key"], "listeners");
    let points = figures["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    for point in points {
        let poll = &point["transports"][0];
        assert_eq!(poll["transport"], "poll");
        // 20 requests a second by the timer, whoever listens.
        let predicted = poll["predicted"]["requests"].as_f64().unwrap();
        assert!((predicted - 1200.0).abs() < 1.0, "{predicted}");
        assert!(poll["measured"]["requests"].as_f64().unwrap() > 0.0);
        assert_eq!(point["checks"][0]["check"], "lost == 0");
    }
}

#[test]
fn a_sweep_that_was_interrupted_goes_on_where_it_was() {
    let home = small();
    let mut child = home.command(&["sweep", "small.toml"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("Point 2") {
        line.clear();
        assert_ne!(
            lines.read_line(&mut line).unwrap(),
            0,
            "it ended before its second point"
        );
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let mut stderr = String::new();
    lines.read_to_string(&mut stderr).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(130), "{stderr}");
    assert!(
        stderr.contains("1 of 2 points kept in reports/sweep/small/"),
        "{stderr}"
    );
    assert!(
        ended.stdout.contains("1 of 2"),
        "the report says what is missing: {}",
        ended.stdout
    );

    let sweep = home.list("reports/sweep/small")[0].clone();
    let folder = format!("reports/sweep/small/{sweep}");
    let first = home.read(&format!("{folder}/01/results.json"));
    let other = home.talkplace(&["sweep", "--resume", &folder, "--listeners", "9"]);
    assert!(
        other
            .refused()
            .contains("--listeners 9: a sweep goes on with the knobs that it began with"),
        "{}",
        other.stderr
    );
    let resumed = home.talkplace(&["sweep", "--resume", &folder]);
    ran(&resumed);
    assert!(
        resumed.stderr.contains("1 of 2 points were measured before"),
        "{}",
        resumed.stderr
    );
    assert!(!resumed.stderr.contains("Point 1 of 2"), "{}", resumed.stderr);
    assert_eq!(
        home.read(&format!("{folder}/01/results.json")),
        first,
        "what was measured stays"
    );
    let page = home.read(&format!("{folder}/index.html"));
    let again = home.talkplace(&["sweep", "--resume", &folder]);
    ran(&again);
    assert!(
        again.stderr.contains("2 of 2 points") && !again.stderr.contains("Point"),
        "{}",
        again.stderr
    );
    assert_eq!(
        home.read(&format!("{folder}/index.html")),
        page,
        "drawn again from what was kept"
    );
}

#[test]
fn a_sweep_stopped_before_its_first_point_leaves_nothing() {
    let home = small();
    let mut child = home
        .command(&["sweep", "small.toml", "--duration", "10m"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("Short polling") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before it began");
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    let mut stderr = String::new();
    lines.read_to_string(&mut stderr).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(143), "{stderr}");
    assert!(stderr.contains("nothing was written"), "{stderr}");
    assert_eq!(home.list("."), ["small.toml"]);
}

#[test]
fn the_exit_status_is_that_of_the_checks() {
    let home = small();
    let ended = home.talkplace(&["sweep", "small.toml", "--set", "checks=delay.max < 1us"]);
    let unclear = ended.status == Some(3) && ended.stdout.contains("unclear");
    assert!(ended.status == Some(1) || unclear, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_the_whole_is_claimed_to_show_is_judged() {
    let home = small();
    // Whatever machine this is: who asks half as often sends about half of the requests.
    let claims = "checks = [\"poll.requests falls\", \"poll.requests rises\", \"poll.requests at 50ms < 25000\", \"websocket.requests falls\"]\n";
    home.write("claims.toml", &format!("{SMALL}{claims}"));
    let ended = home.talkplace(&["sweep", "claims.toml"]);
    let told = |verdict: &str, claim: &str| ended.stdout.contains(&format!("{verdict:>7}  {claim} ("));
    let unclear = ended.stdout.contains("This is unclear") || ended.stdout.contains("unclear  poll");
    if !unclear {
        assert_eq!(ended.status, Some(1), "{}{}", ended.stdout, ended.stderr);
        assert!(told("holds", "poll.requests falls"), "{}", ended.stdout);
        assert!(told("FAILS", "poll.requests rises"), "{}", ended.stdout);
        assert!(told("holds", "poll.requests at 50ms < 25000"), "{}", ended.stdout);
    }
    assert!(told("–", "websocket.requests falls"), "{}", ended.stdout);
    let folder = format!("reports/sweep/claims/{}", home.list("reports/sweep/claims")[0]);
    let plan: Value = serde_json::from_str(&home.read(&format!("{folder}/sweep.json"))).unwrap();
    assert_eq!(plan["checked"].as_array().unwrap().len(), 4);
    assert_eq!(plan["checked"][3]["verdict"], "not-asked");
    assert!(
        home.read(&format!("{folder}/index.html"))
            .contains("poll.requests falls")
    );
}

#[test]
fn what_makes_no_sweep_is_refused_and_nothing_is_written() {
    let home = small();
    home.write("flat.toml", "listeners = 3\n");
    home.write("notes/readme", "");
    for (arguments, told) in [
        (vec!["sweep", "flat.toml"], "flat.toml: it has no [sweep] table"),
        (
            vec!["sweep", "small.toml", "--vary", "listeners=0,2"],
            "--vary listeners=0: without a listener",
        ),
        (
            vec!["sweep", "small.toml", "--vary", "listners=1,2"],
            "did you mean `listeners`?",
        ),
        (
            vec!["sweep", "small.toml", "--vary", "transports=poll,events"],
            "cannot be swept over",
        ),
        (
            vec!["sweep", "small.toml", "--vary", "poll.interval=1s,4s"],
            "--vary poll.interval=4s: a drain of 2s ends",
        ),
        (vec!["sweep", "five-ways"], "the labs are: three-ways"),
        (vec!["sweep", "--resume", "nowhere"], "there is no nowhere"),
        (vec!["sweep", "--resume", "notes"], "notes holds no plan of a sweep"),
    ] {
        let ended = home.talkplace(&arguments);
        assert!(ended.refused().contains(told), "{told}: {}", ended.stderr);
    }
    for arguments in [
        vec!["sweep"],
        vec!["sweep", "small.toml", "--vary", "listeners"],
        vec!["sweep", "small.toml", "--resume", "x"],
    ] {
        assert_eq!(home.talkplace(&arguments).status, Some(2));
    }
    assert_eq!(home.list("."), ["flat.toml", "notes", "small.toml"]);
}
