//! Runs that restart their server in mid-window: everybody comes back, and nothing is lost.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proptest::prelude::*;
use serde_json::Value;

use crate::runs::{server_of, started};
use crate::support::Home;

const SMALL: &str = r#"
title = "A small restart"
question = "Who comes back?"
transports = ["poll", "long-poll", "events", "websocket"]
listeners = 6
duration = "1500ms"
warm_up = "100ms"
drain = "10s"

[feed]
rate = "40/s"
arrivals = "constant"

[link]
rtt = "4ms"

[poll]
interval = "50ms"

[server]
restart = "200ms"

[reconnect]
wait = "40ms"
longest = "200ms"
"#;

fn small() -> Home {
    let home = Home::new();
    home.write("small.toml", SMALL);
    home
}

/// Runs it with these knobs; gives what each transport did.
fn restarted(home: &Home, more: &[&str]) -> Vec<Value> {
    let ended = home.talkplace(&[&["run", "small.toml", "--no-compare", "--json"], more].concat());
    ended.ran();
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    results["runs"].as_array().unwrap().clone()
}

/// Checks that nobody missed or repeated anything, and that every message was accepted in the end.
fn assert_whole(run: &Value) {
    let (ledger, publishing) = (&run["ledger"], &run["publishing"]);
    for fault in ["lost", "repeated", "out_of_order", "gone"] {
        assert_eq!(ledger[fault], 0, "{fault}: {run}");
    }
    assert_eq!(publishing["accepted"], publishing["planned"], "{publishing}");
    assert_eq!(ledger["heard"], 6 * publishing["planned"].as_u64().unwrap(), "{ledger}");
}

fn sum(steps: &Value) -> u64 {
    steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.as_u64().unwrap())
        .sum()
}

#[test]
fn a_server_that_drains_and_comes_back_costs_nobody_a_message() {
    let home = small();
    for run in restarted(&home, &[]) {
        assert_whole(&run);
        let restart = &run["restart"];
        let at = |what: &str| restart[what].as_f64().unwrap();
        assert!(
            at("told_s") <= at("ended_s") && at("ended_s") + 0.2 <= at("started_s"),
            "{restart}"
        );
        assert!(at("started_s") < at("listening_s"), "{restart}");
        // Six connections at least were tried anew, and those that were tried in between came to nothing.
        let cut = restart["cut"].as_u64().unwrap();
        assert!(cut <= 6 && restart["away"]["count"] == cut, "{restart}");
        assert_eq!(sum(&restart["back"]), cut, "{restart}");
        assert!(sum(&restart["tried"]) >= sum(&restart["refused"]) + cut, "{restart}");
        // What came of the server's end is in there, and no failure of the run.
        for failure in ["connect", "broken", "timed_out", "unexpected"] {
            assert_eq!(run["failures"][failure], 0, "{}", run["failures"]);
        }
        if run["transport"] != "poll" {
            assert_eq!(cut, 6, "every open connection was cut: {restart}");
            // Nothing was said for 200 ms.
            assert!(restart["deaf"]["p50_ms"].as_f64().unwrap() > 100.0, "{restart}");
        }
        assert!(
            run["publishing"]["retried"].as_u64().unwrap() > 0,
            "{}",
            run["publishing"]
        );
    }
}

#[test]
fn a_server_that_is_killed_in_mid_run_and_comes_back_costs_nobody_a_message() {
    let home = small();
    for run in restarted(&home, &["--set", "server.restart_by=kill"]) {
        assert_whole(&run);
        let ended_s = run["restart"]["ended_s"].as_f64().unwrap() - run["restart"]["told_s"].as_f64().unwrap();
        assert!(ended_s < 5.0, "it is not asked: {ended_s}");
    }
}

proptest! {
    // Each of them is a run of its own. PROPTEST_CASES=100 goes on for some minutes.
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3),
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn however_it_ends_and_they_wait_everybody_hears_everything_once(
        transport in prop::sample::select(vec!["poll", "long-poll", "events", "websocket"]),
        by in prop::sample::select(vec!["drain", "kill"]),
        away_ms in 1u64..300,
        wait_ms in 1u64..200,
        jitter in 0u32..=100,
        seed: u32,
    ) {
        let home = small();
        let knobs = [
            format!("server.restart_by={by}"),
            format!("server.restart={away_ms}ms"),
            format!("reconnect.wait={wait_ms}ms"),
            format!("reconnect.jitter={jitter}%"),
            format!("seed={seed}"),
        ];
        let mut more = vec!["--transports", transport];
        more.extend(knobs.iter().flat_map(|knob| ["--set", knob.as_str()]));
        for run in restarted(&home, &more) {
            assert_whole(&run);
        }
    }
}

#[test]
fn ctrl_c_while_there_is_no_server_leaves_nothing() {
    let home = small();
    let long = [
        "run",
        "small.toml",
        "--transports",
        "websocket",
        "--duration",
        "20s",
        "--set",
        "server.restart=9s",
    ];
    let (child, lines) = started(&mut home.command(&long), "WebSocket");
    let Some(server) = server_of(&child) else { return };
    let deadline = Instant::now() + Duration::from_secs(60);
    while kill(server, None).is_ok() {
        assert!(Instant::now() < deadline, "the server was never restarted");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let asked = Instant::now();
    let ended = child.wait_with_output().unwrap();
    drop(lines);
    assert_eq!(ended.status.code(), Some(130));
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "it did not wait for the next server"
    );
    assert_eq!(home.list("."), ["small.toml"]);
}

#[test]
fn what_cannot_be_restarted_is_refused_in_a_sentence() {
    let home = small();
    for (knobs, told) in [
        (
            &["server.restart=1s"][..],
            "a server that is away for 1s leaves nothing of a window of 1.5s",
        ),
        (
            &["server.stop=200ms"],
            "a run either stops its server for a while or restarts it",
        ),
        (
            &["reconnect.longest=10ms"],
            "the first wait is already up to 40ms: the longest cannot be less",
        ),
        (&["reconnect.jitter=1.5"], "`1.5` is no share: write it as"),
        (
            &["server.restart_by=politely"],
            "`politely` is not one of \"drain\", \"kill\"",
        ),
    ] {
        let more = knobs.iter().flat_map(|knob| ["--set", knob]);
        let ended = home.talkplace(&["run", "small.toml"].into_iter().chain(more).collect::<Vec<_>>());
        assert!(ended.refused().contains(told), "{}", ended.stderr);
    }
    assert_eq!(home.list("."), ["small.toml"]);
}
