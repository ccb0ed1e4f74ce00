//! Runs that something goes wrong for: one sentence says what, the status says that it could not run, and what was measured is kept.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::runs::{Started, results, server_of, small, started};
use crate::support::{Ended, Home};

/// Waits for the program's end.
fn end((child, mut lines): Started) -> Ended {
    let mut stderr = String::new();
    lines.read_to_string(&mut stderr).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    Ended { stderr, ..ended }
}

/// Waits until the process has ended. One that nobody buries, as its parent is gone, has ended too.
fn gone(process: Pid) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let is_dead = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        kill(process, None).is_ok() && !is_dead
    };
    while lives() {
        assert!(Instant::now() < deadline, "{process} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The program, by way of a shell that sets a limit first.
fn limited(home: &Home, limit: &str, arguments: &str) -> Ended {
    let program = env!("CARGO_BIN_EXE_talkplace");
    let script = format!("trap '' XFSZ; ulimit {limit}; exec '{program}' {arguments}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(home.path("."))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output();
    Ended::from(output.unwrap())
}

#[test]
fn a_server_that_is_killed_ends_the_run_with_that_reason() {
    let home = small();
    let run = started(
        &mut home.command(&["run", "small.toml", "--duration", "10m"]),
        "Short polling",
    );
    let Some(server) = server_of(&run.0) else { return };
    kill(server, Signal::SIGKILL).unwrap();
    let ended = end(run);
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the server ended") && ended.stderr.contains("signal: 9"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("nothing was measured and nothing written"),
        "{}",
        ended.stderr
    );
    assert_eq!(home.list("."), ["small.toml"]);
}

#[test]
fn a_server_that_is_killed_later_leaves_what_was_measured_before() {
    let home = small();
    let run = started(
        &mut home.command(&["run", "small.toml", "--duration", "3s"]),
        "WebSocket",
    );
    let Some(server) = server_of(&run.0) else { return };
    kill(server, Signal::SIGKILL).unwrap();
    let ended = end(run);
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("the server ended"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("Short polling kept in reports/small/"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("Short polling"), "{}", ended.stdout);
    let run = &home.list("reports/small")[0];
    assert_eq!(results(&home, run)["runs"].as_array().unwrap().len(), 1);
    assert!(
        home.list(&format!("reports/small/{run}"))
            .contains(&"index.html".to_owned())
    );
}

#[test]
fn a_run_that_is_killed_leaves_no_server_and_nothing_that_stops_the_next() {
    let home = small();
    let run = started(
        &mut home.command(&["run", "small.toml", "--duration", "10m"]),
        "Short polling",
    );
    let server = server_of(&run.0);
    kill(Pid::from_raw(run.0.id() as i32), Signal::SIGKILL).unwrap();
    assert_eq!(end(run).status, None);
    server.into_iter().for_each(gone);
    let killed = &home.list("reports/small")[0];
    assert_eq!(
        home.list(&format!("reports/small/{killed}")),
        [""; 0],
        "it had nothing to keep yet"
    );

    home.talkplace(&["run", "small.toml"]).ran();
    let next = home.talkplace(&["run", "small.toml"]);
    next.ran();
    assert!(next.stderr.contains("Shown beside the run before"), "{}", next.stderr);
    assert_eq!(home.list("reports/small").len(), 3);
    let drawn = home.talkplace(&["report", &format!("reports/small/{killed}")]);
    assert!(drawn.refused().contains("holds no results.json"), "{}", drawn.stderr);
    assert_eq!(home.talkplace(&["labs"]).status, Some(0));
}

#[test]
fn a_disk_that_is_full_costs_no_figure() {
    let home = small();
    // A file may have 1 KiB: what a full disk looks like to whoever writes more.
    let ended = limited(&home, "-f 2", "run small.toml");
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("what was measured is printed"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("results.json could not be written"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("Short polling"), "{}", ended.stdout);
    assert_eq!(home.list("."), ["small.toml"], "and leaves no half of a file");
}

#[test]
fn a_terminal_that_takes_nothing_costs_no_file() {
    // A device that is always full.
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return;
    };
    let home = small();
    let mut command = home.command(&["run", "small.toml"]);
    let ended = Ended::from(command.stdout(full).output().unwrap());
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the report is in reports/small/"),
        "{}",
        ended.stderr
    );
    let run = &home.list("reports/small")[0];
    assert_eq!(results(&home, run)["complete"], true);
    assert!(
        home.list(&format!("reports/small/{run}"))
            .contains(&"index.html".to_owned())
    );
}

#[test]
fn a_folder_that_takes_no_report_is_refused_before_anything_is_measured() {
    let home = small();
    home.write("a file", "mine");
    // Where not even the system's own administrator can write.
    for out in ["/proc/reports", "a file", "a file/reports"] {
        let ended = home.talkplace(&["run", "small.toml", "--out", out]);
        let told = ended.refused();
        assert!(
            told.contains("nothing can be written into") && told.contains("--out"),
            "{told}"
        );
        assert!(!ended.stderr.contains("Short polling"), "{}", ended.stderr);
    }
    assert_eq!(home.read("a file"), "mine");
}

#[test]
fn a_generator_without_files_for_its_listeners_says_how_many_it_needs() {
    let home = small();
    let ended = limited(&home, "-n 100", "run small.toml --listeners 500");
    let told = ended.refused();
    assert!(
        told.contains("500 listeners need") && told.contains("ulimit -n"),
        "{told}"
    );
    assert_eq!(home.list("."), ["small.toml"]);
}
