//! Runs of a small lab, and what they leave.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Ended, Home};

const SMALL: &str = r#"
title = "A small lab"
transports = ["poll", "websocket"]
listeners = 3
duration = "1s"
warm_up = "200ms"
drain = "2s"

[feed]
rate = "20/s"
arrivals = "constant"

[link]
rtt = "4ms"

[poll]
interval = "50ms"
"#;

pub(crate) fn small() -> Home {
    let home = Home::new();
    home.write("small.toml", SMALL);
    home
}

pub(crate) fn results(home: &Home, run: &str) -> Value {
    serde_json::from_str(&home.read(&format!("reports/small/{run}/results.json"))).unwrap()
}

#[test]
fn a_run_leaves_its_results_its_report_and_its_charts() {
    let home = small();
    let ended = home.talkplace(&["run", "small.toml"]);
    ended.ran();
    assert!(
        !ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("Short polling (1 of 2)") && ended.stderr.contains("WebSocket (2 of 2)"),
        "{}",
        ended.stderr
    );

    let runs = home.list("reports/small");
    assert_eq!(runs.len(), 1);
    let page = format!("Report: reports/small/{}/index.html", runs[0]);
    assert_eq!(ended.stdout.lines().last(), Some(page.as_str()));
    let files = home.list(&format!("reports/small/{}", runs[0]));
    for file in [
        "bytes.svg",
        "cpu.svg",
        "delay.svg",
        "index.html",
        "requests.svg",
        "results.json",
    ] {
        assert!(files.iter().any(|there| there == file), "{file} in {files:?}");
    }
    assert!(
        files.iter().all(|file| !file.starts_with('.')),
        "no temporary file stays: {files:?}"
    );

    let results = results(&home, &runs[0]);
    assert_eq!(results["complete"], true);
    assert_eq!(results["scenario"]["lab"], "small");
    assert_eq!(results["scenario"]["rtt_s"], 0.004);
    let measured = results["runs"].as_array().unwrap();
    assert_eq!(measured.len(), 2);
    for run in measured {
        assert_eq!(run["ledger"]["expected"], run["ledger"]["heard"], "{run}");
        assert_eq!(run["publishing"]["planned"], 24);
    }
}

/// Linux tells of another process; elsewhere the chart is left out.
#[cfg(target_os = "linux")]
#[test]
fn the_servers_memory_is_watched_from_before_the_first_listener_to_the_drain() {
    let home = small();
    home.talkplace(&["run", "small.toml"]).ran();
    let run = home.list("reports/small").remove(0);
    assert!(
        home.list(&format!("reports/small/{run}"))
            .contains(&"memory.svg".into())
    );
    for run in results(&home, &run)["runs"].as_array().unwrap() {
        let samples = run["memory"]["samples"].as_array().unwrap();
        let at_s = |sample: &Value| sample["at_s"].as_f64().unwrap();
        let listeners_in_s = run["memory"]["listeners_in_s"].as_f64().unwrap();
        assert!(at_s(&samples[0]) < listeners_in_s && listeners_in_s < 0.0, "{run}");
        assert!(samples.windows(2).all(|pair| at_s(&pair[0]) < at_s(&pair[1])));
        let before = samples[0]["rss_bytes"].as_u64().unwrap();
        // The server says itself what it had then, a moment earlier.
        let told = run["server"]["rss_before_bytes"].as_u64().unwrap();
        assert!(before.abs_diff(told) < told / 2, "{before} and {told}");
    }
}

/// Its own answer to a question would come when the window is over, and tell of no time at all.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_worn_out_is_still_seen_to_work() {
    let home = small();
    let ended = home.talkplace(&[
        "run",
        "small.toml",
        "--listeners",
        "400",
        "--transports",
        "poll",
        "--set",
        "server.cpu_percent=1",
        "--set",
        "server.workers=1",
    ]);
    assert!(matches!(ended.status, Some(0 | 3)), "{}", ended.stderr);
    let run = home.list("reports/small").remove(0);
    let server = &results(&home, &run)["runs"][0]["server"];
    // 8,000 questions a second are more than it can answer with a hundredth of a processor, so it uses all of that: 10 ms.
    let cpu_s = server["cpu_s"].as_f64().unwrap();
    assert!((0.003..0.1).contains(&cpu_s), "{server}");
    assert!(server["voluntary_switches"].as_u64().unwrap() > 0, "{server}");
}

#[test]
fn the_next_run_is_shown_beside_the_last_and_the_knob_is_named() {
    let home = small();
    home.talkplace(&["run", "small.toml", "--transports", "websocket"])
        .ran();
    let second = home.talkplace(&["run", "small.toml", "--transports", "websocket", "--rtt", "8ms"]);
    second.ran();
    let knob = second.stdout.lines().find(|line| line.starts_with("link.rtt")).unwrap();
    assert!(knob.contains("4ms") && knob.contains("8ms"), "{knob}");

    let alone = home.talkplace(&["run", "small.toml", "--transports", "websocket", "--no-compare"]);
    assert!(!alone.stdout.contains("link.rtt"), "{}", alone.stdout);
    let quick = home.talkplace(&["run", "small.toml", "--transports", "websocket", "--quick"]);
    quick.ran();
    assert!(
        !quick.stderr.contains("Shown beside"),
        "a short form is nothing to set beside a whole run: {}",
        quick.stderr
    );

    let runs = home.list("reports/small");
    let [first, second, _, _] = runs.as_slice() else {
        panic!("four runs: {runs:?}")
    };
    let named = [format!("small/{first}"), format!("reports/small/{second}/results.json")];
    let compared = home.talkplace(&["compare", &named[0], &named[1], "--out", "both"]);
    assert_eq!(compared.status, Some(0), "{}", compared.stderr);
    assert!(
        compared.stdout.lines().any(|line| line.starts_with("link.rtt")),
        "{}",
        compared.stdout
    );
    assert!(home.list("both").contains(&"index.html".to_owned()));
    assert!(
        home.talkplace(&["compare", &named[0], &named[0]])
            .refused()
            .contains("was named before")
    );
    assert!(
        home.talkplace(&[
            "compare",
            &named[0],
            &named[1],
            "--out",
            &format!("reports/small/{first}")
        ])
        .refused()
        .contains("is the folder of a run")
    );

    let page = format!("reports/small/{first}/index.html");
    let drawn = home.read(&page);
    std::fs::remove_file(home.path(&page)).unwrap();
    assert_eq!(home.talkplace(&["report", &named[0]]).status, Some(0));
    assert_eq!(
        home.read(&page),
        drawn,
        "the first run stood alone, and is drawn alone again"
    );
}

#[test]
fn json_is_all_that_stdout_gets_when_it_is_asked_for() {
    let home = small();
    let ended = home.talkplace(&["run", "small.toml", "--transports", "events", "--json", "--seed", "9"]);
    ended.ran();
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed["scenario"]["seed"], 9);
    assert_eq!(printed, results(&home, &home.list("reports/small")[0]));
}

#[test]
fn ctrl_c_before_the_first_transport_is_done_leaves_nothing() {
    let home = small();
    let mut command = home.command(&["run", "small.toml", "--duration", "10m"]);
    let ended = interrupt(started(&mut command, "Short polling"));
    assert_eq!(ended.status, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was written"), "{}", ended.stderr);
    assert_eq!(home.list("."), ["small.toml"]);
}

#[test]
fn ctrl_c_in_the_middle_keeps_what_was_measured_and_leaves_no_process() {
    let home = small();
    let mut command = home.command(&["run", "small.toml"]);
    let started = started(&mut command, "WebSocket");
    let server = server_of(&started.0);
    let ended = interrupt(started);
    assert_eq!(ended.status, Some(130), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("Short polling kept in reports/small/"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("not measured: WebSocket"), "{}", ended.stderr);
    if let Some(server) = server {
        // It was ended before the program was, but the system may take a moment to bury it.
        let deadline = Instant::now() + Duration::from_secs(10);
        while kill(server, None).is_ok() {
            assert!(Instant::now() < deadline, "the server still runs");
            std::thread::yield_now();
        }
    }

    let run = &home.list("reports/small")[0];
    assert_eq!(results(&home, run)["complete"], false);
    assert_eq!(results(&home, run)["runs"].as_array().unwrap().len(), 1);
    assert!(
        home.list(&format!("reports/small/{run}"))
            .contains(&"index.html".to_owned())
    );
    // An interrupted run is no run to compare with.
    let next = home.talkplace(&["compare", "small", "small"]);
    assert!(next.refused().contains("no complete run"), "{}", next.stderr);
}

#[test]
fn what_cannot_be_kept_is_printed_all_the_same() {
    let home = small();
    let mut command = home.command(&["run", "small.toml"]);
    let (child, mut lines) = started(&mut command, "WebSocket");
    std::fs::remove_dir_all(home.path("reports")).unwrap();
    let mut stderr = String::new();
    lines.read_to_string(&mut stderr).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(2), "{stderr}");
    assert!(
        stderr.contains("what was measured is printed") && stderr.contains("results.json could not be written"),
        "{stderr}"
    );
    assert!(
        ended.stdout.contains("Short polling") && ended.stdout.contains("WebSocket"),
        "{}",
        ended.stdout
    );
}

/// The program under way, and what it says from now on.
pub(crate) type Started = (Child, BufReader<ChildStderr>);

/// Starts the program and waits until it says that this transport begins.
pub(crate) fn started(command: &mut Command, transport: &str) -> Started {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with(transport) {
        line.clear();
        assert_ne!(
            lines.read_line(&mut line).unwrap(),
            0,
            "it ended before {transport} began"
        );
    }
    (child, lines)
}

/// Presses ctrl-C and waits for the end.
fn interrupt((child, mut lines): Started) -> Ended {
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let mut stderr = String::new();
    lines.read_to_string(&mut stderr).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    Ended { stderr, ..ended }
}

/// The process that the program has started, once there is one; `None` where the system does not tell.
pub(crate) fn server_of(child: &Child) -> Option<Pid> {
    let id = child.id();
    let list = format!("/proc/{id}/task/{id}/children");
    loop {
        let children = std::fs::read_to_string(&list).ok()?;
        if let Some(server) = children.split_whitespace().next() {
            return Some(Pid::from_raw(server.parse().unwrap()));
        }
        std::thread::yield_now();
    }
}

#[test]
fn the_exit_status_says_whether_the_scenario_claims_what_holds() {
    let home = small();
    for (claim, status, verdict) in [
        (
            "lost == 0; websocket.delay.p50 < poll.delay.p50",
            0,
            "holds  lost == 0 (poll 0, websocket 0)",
        ),
        ("delay.max < 1ms", 1, "FAILS  delay.max < 1ms"),
        ("naive_delay.p50 < 1s", 3, "unclear  naive_delay.p50 < 1s"),
    ] {
        let set = format!("checks={claim}");
        let ended = home.talkplace(&["run", "small.toml", "--no-compare", "--set", &set]);
        ended.ran_with(status);
        assert!(ended.stdout.contains(verdict), "{}", ended.stdout);
    }
    let wrong = home.talkplace(&["run", "small.toml", "--set", "checks=latency < 3"]);
    assert!(
        wrong
            .refused()
            .contains("there is no figure `latency`; there are delay.mean"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn rounds_alternate_between_the_transports() {
    let home = small();
    let ended = home.talkplace(&["run", "small.toml", "--repeat", "2", "--json"]);
    ended.ran();
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    let runs = results["runs"].as_array().unwrap();
    let order: Vec<_> = runs
        .iter()
        .map(|run| (run["transport"].as_str().unwrap(), run["round"].as_u64().unwrap()))
        .collect();
    assert_eq!(order, [("poll", 1), ("websocket", 1), ("poll", 2), ("websocket", 2)]);
}
