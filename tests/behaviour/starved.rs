//! A run on a machine that has no processor to spare says so, and claims nothing.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Ended, Home};

const CROWDED: &str = r#"
title = "A crowded lab"
transports = ["poll", "websocket"]
listeners = 100
duration = "3s"
warm_up = "500ms"
drain = "10s"
checks = ["delay.p50 < 1us"]

[feed]
rate = "20/s"

[link]
rtt = "10ms"

[poll]
interval = "100ms"
"#;

/// Someone who keeps a processor busy until dropped.
struct Neighbour(Child);

impl Neighbour {
    fn on(processor: &str) -> Neighbour {
        let mut busy = Command::new("taskset");
        busy.args(["-c", processor, "sh", "-c", "while :; do :; done"]);
        Neighbour(busy.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first of the processors that this process may use.
fn processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap();
    allowed.trim().split(['-', ',']).next().unwrap().to_owned()
}

#[test]
#[ignore = "needs taskset"]
fn a_run_without_a_processor_to_spare_is_unclear_and_not_wrong() {
    let home = Home::new();
    home.write("crowded.toml", CROWDED);
    let processor = processor();
    let neighbour = Neighbour::on(&processor);
    let mut crowded = Command::new("taskset");
    crowded
        .args(["-c", &processor, env!("CARGO_BIN_EXE_talkplace"), "run", "crowded.toml"])
        .current_dir(home.path("."))
        .stdin(Stdio::null())
        .env_remove("RUST_LOG");
    let ended = Ended::from(crowded.output().unwrap());
    drop(neighbour);

    // Not 1, although the check does not hold either: a run that proves nothing refutes nothing.
    assert_eq!(ended.status, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("This is unclear"), "{}", ended.stdout);
    let run = home.list("reports/crowded").remove(0);
    let results: Value = serde_json::from_str(&home.read(&format!("reports/crowded/{run}/results.json"))).unwrap();
    assert_eq!(results["complete"], true);
    assert_eq!(results["runs"].as_array().unwrap().len(), 2);
    let reasons = results["unclear"].as_array().unwrap();
    let what = reasons[0]["what"].as_str().unwrap();
    assert!(ended.stdout.contains(what), "{what} in {}", ended.stdout);
    assert!(!reasons[0]["try_this"].as_str().unwrap().is_empty());
    assert!(
        home.list(&format!("reports/crowded/{run}"))
            .contains(&"index.html".into())
    );
}
