//! A server that talkplace did not start: measured when it understands, refused with one sentence when not.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;
use crate::support::Home;

const SMALL: &str = r#"
title = "A small lab"
transports = ["poll", "long-poll", "events", "websocket"]
listeners = 3
duration = "1s"
warm_up = "200ms"
drain = "5s"

[feed]
rate = "20/s"
arrivals = "constant"

[link]
rtt = "4ms"

[poll]
interval = "50ms"
"#;

fn small() -> Home {
    let home = Home::new();
    home.write("small.toml", SMALL);
    home
}

/// Measures the small lab on a server; gives the results.
fn measured(home: &Home, flags: &[&str]) -> Value {
    let mut arguments = vec!["run", "small.toml", "--json", "--no-compare"];
    arguments.extend(flags);
    let ended = home.talkplace(&arguments);
    ended.ran();
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Checks that everybody heard everything once.
fn is_clean(results: &Value, transports: usize) {
    let runs = results["runs"].as_array().unwrap();
    assert_eq!(runs.len(), transports);
    for run in runs {
        let ledger = &run["ledger"];
        assert!(ledger["expected"].as_u64() > Some(50), "{ledger}");
        assert_eq!(ledger["heard"], ledger["expected"], "{} {ledger}", run["transport"]);
        for none in ["lost", "repeated", "out_of_order", "gone"] {
            assert_eq!(ledger[none], 0, "{} {ledger}", run["transport"]);
        }
        assert_eq!(run["failures"]["unexpected"], 0, "{}", run["transport"]);
    }
}

#[test]
fn a_server_that_keeps_the_contract_is_measured_in_every_transport() {
    let (home, server) = (small(), Server::start());
    let url = format!("http://{}", server.address);
    let results = measured(&home, &["--target", &url, "--target-name", "mine"]);
    is_clean(&results, 4);
    assert_eq!(results["foreign"]["name"], "mine");
    assert_eq!(results["foreign"]["dialect"], "talkplace");
    assert_eq!(results["foreign"]["process"], false);
    // It says itself what it used, and when it accepted each message.
    for run in results["runs"].as_array().unwrap() {
        assert!(run["server"]["cpu_s"].is_number(), "{}", run["server"]);
    }
    let cautions = results["cautions"].to_string();
    assert!(cautions.contains("was not started by talkplace"), "{cautions}");

    let run = &home.list("reports/small")[0];
    let page = home.read(&format!("reports/small/{run}/index.html"));
    assert!(
        page.contains("The server: mine, on http:"),
        "the page says what was measured"
    );
    let verified = home.talkplace(&["verify", &format!("reports/small/{run}/results.json")]);
    assert!(verified.stdout.contains(": fits."), "{}", verified.stdout);
}

#[test]
fn what_cannot_be_measured_is_told_in_one_sentence_and_leaves_nothing() {
    let (home, server) = (small(), Server::start());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = silent.local_addr().unwrap();
    drop(silent);
    let (http, ws) = (
        format!("http://{}", server.address),
        format!("ws://{}/talkplace", server.address),
    );
    let gone = format!("http://{nobody}");
    for (flags, told) in [
        (
            vec!["--target", "localhost"],
            "is no address of a server: write it like http://localhost:3000",
        ),
        (vec!["--target", "https://localhost"], "talkplace has no TLS"),
        (vec!["--target", &gone], "nobody listens on"),
        (vec!["--target", &ws], "is spoken to with --dialect ws-broadcast"),
        (
            vec!["--target", &ws, "--dialect", "ws-broadcast"],
            "ws-broadcast has no way to hear by poll, long-poll and events: leave them out, such as with --transports websocket",
        ),
        (
            vec!["--target", &http, "--set", "server.stop=300ms"],
            "server.stop needs a server that talkplace starts",
        ),
        (
            vec!["--target", &http, "--target-pid", "2147483647"],
            "the system tells nothing of a process 2147483647",
        ),
        (
            vec!["--target", &http, "--dialect", "nchan"],
            "does not speak the dialect nchan: POST /talkplace/messages was answered 201 Created without the id of a message",
        ),
    ] {
        let ended = home.talkplace(&[&["run", "small.toml"], &flags[..]].concat());
        // A run that was begun says so before.
        let last = ended.stderr.trim_end().lines().last().unwrap_or_default();
        assert!(
            ended.status == Some(2) && last.starts_with("talkplace: ") && last.contains(told),
            "{last}"
        );
        assert!(ended.stdout.is_empty() && home.list("reports/small").is_empty());
    }
    // What clap knows to be wrong.
    for flags in [
        vec!["--dialect", "nchan"],
        vec!["--target", &http, "--dialect", "morse"],
        vec!["--target", &http, "--target-pid", "0"],
        vec!["--target", &http, "--target-name", " "],
    ] {
        let ended = home.talkplace(&[&["run", "small.toml"], &flags[..]].concat());
        assert_eq!(ended.status, Some(2), "{flags:?}");
    }
}

/// A program that is ended with the test.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Program {
        Program(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // nginx ends its workers when it is asked to, and leaves them behind when it is killed.
        let pid = nix::unistd::Pid::from_raw(self.0.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A file of the lab.
fn of_the_lab(name: &str) -> String {
    format!("{}/labs/14-bring-your-own/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
#[ignore = "needs node"]
fn the_labs_own_server_is_measured_and_its_process_with_it() {
    let home = small();
    let mut node = Command::new("node");
    let mut server = Program::start(node.arg(of_the_lab("server.js")).arg("0").stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    let url = format!("ws://{address}/talkplace");
    let pid = server.pid();
    let flags = [
        "--target",
        &url,
        "--dialect",
        "ws-broadcast",
        "--transports",
        "websocket",
    ];
    let results = measured(&home, &[&flags[..], &["--target-pid", &pid]].concat());
    is_clean(&results, 1);
    let run = &results["runs"][0];
    assert!(run["server"]["cpu_s"].as_f64() > Some(0.0), "{}", run["server"]);
    assert!(
        run["server"]["rss_after_bytes"].as_u64() > Some(1_000_000),
        "{}",
        run["server"]
    );
    // The text alone in a frame with two bytes of header.
    assert_eq!(
        run["bytes_in"]["bodies"].as_u64(),
        run["counts"]["deliveries"].as_u64().map(|each| each * 64)
    );
    // Another program's process is not taken for it.
    let ours = std::process::id().to_string();
    let other = Program::start(Command::new("sleep").arg("60"));
    let refused = home.talkplace(&[&["run", "small.toml"], &flags[..], &["--target-pid", &other.pid()]].concat());
    assert!(
        refused.refused().contains("its figures would be another program’s"),
        "{}",
        refused.stderr
    );
    // This test has started the server, so that it is among what is counted with it.
    assert!(
        home.talkplace(&[&["run", "small.toml", "--quick"], &flags[..], &["--target-pid", &ours]].concat())
            .status
            != Some(2)
    );
}

/// nginx with the lab's configuration, on a port of its own.
fn nchan(home: &Home) -> (Program, u16) {
    let text = fs::read_to_string(of_the_lab("nginx.conf")).unwrap();
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        home.write(
            "nchan/nginx.conf",
            &text.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}")),
        );
        let folder = home.path("nchan");
        let mut nginx = Command::new("nginx");
        nginx
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(&folder)
            .stderr(Stdio::null());
        let mut server = Program::start(&mut nginx);
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (server, port);
            }
            // Somebody else may have taken the port meanwhile.
            if server.0.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("nginx does not start: try `nginx -p labs/14-bring-your-own -e stderr -c nginx.conf`");
}

#[test]
#[ignore = "needs nginx with nchan"]
fn nchan_is_measured_in_every_transport() {
    let home = small();
    let (server, port) = nchan(&home);
    let url = format!("http://127.0.0.1:{port}");
    let results = measured(
        &home,
        &["--target", &url, "--dialect", "nchan", "--target-pid", &server.pid()],
    );
    is_clean(&results, 4);
    for run in results["runs"].as_array().unwrap() {
        // The worker's time, which is not the master's.
        assert!(run["server"]["cpu_s"].as_f64() > Some(0.0), "{}", run["server"]);
    }
    let long_poll = &results["runs"][1];
    let answers = &long_poll["counts"]["answers"];
    assert_eq!(
        answers["with_messages"], long_poll["counts"]["deliveries"],
        "one message an answer"
    );
}
