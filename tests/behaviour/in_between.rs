//! Runs through a real nginx, and what is left of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::server::Server;
use crate::server::http::Client;
use crate::support::Home;

/// A short run of one transport through one of the lab's files.
fn scenario(transport: &str, file: &str) -> String {
    format!(
        "title = \"In between\"\nquestion = \"Who?\"\ntransports = [\"{transport}\"]\nlisteners = 4\nduration = \"3s\"\nwarm_up = \"100ms\"\ndrain = \"600ms\"\n\
         [feed]\nrate = \"1.4/s\"\narrivals = \"constant\"\ntext_bytes = 2048\n[link]\nrtt = \"10ms\"\n[poll]\ninterval = \"200ms\"\n[between]\nnginx = \"{file}\"\n"
    )
}

fn lab_file(name: &str) -> String {
    std::fs::read_to_string(Path::new("labs/10-in-between").join(name)).unwrap()
}

/// What a run claims, with what became of it.
fn through(transport: &str, file: &str, claims: &str) -> Value {
    let home = Home::new();
    home.write("lab/scenario.toml", &scenario(transport, file));
    home.write(&format!("lab/{file}"), &lab_file(file));
    let ended = home.talkplace(&["run", "lab", "--json", "--set", &format!("checks={claims}")]);
    // What is kept back is no reason to doubt the run; a busy machine is one.
    assert!(
        matches!(ended.status, Some(0 | 3)),
        "{transport}, {file}: {}{}",
        ended.stdout,
        ended.stderr
    );
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(results["runs"][0]["between"].as_str().unwrap().starts_with("nginx/"));
    assert_eq!(results["scenario"]["between"]["config"], lab_file(file));
    results["checks"].clone()
}

#[test]
#[ignore = "needs nginx"]
fn what_each_file_of_the_lab_does_to_each_transport() {
    let cases = [
        ("websocket", "default.conf", "heard == 0%; refused_426 > 0"),
        ("poll", "default.conf", "heard == 100%; refused == 0"),
        ("events", "default.conf", "heard == 100%; refused == 0"),
        ("websocket", "upgrade.conf", "heard == 100%; refused == 0"),
        (
            "long-poll",
            "impatient.conf",
            "heard == 100%; refused_504 > 0; repeated == 0",
        ),
        (
            "websocket",
            "impatient.conf",
            "heard == 100%; failures > 0; repeated == 0",
        ),
        // Two fill a buffer, so each waits for the next one, or for the one after it: 700 ms apart here.
        ("events", "buffered.conf", "heard > 0%; server_delay.mean > 300ms"),
    ];
    std::thread::scope(|scope| {
        let running = cases.map(|case| (case, scope.spawn(move || through(case.0, case.1, case.2))));
        for (case, run) in running {
            for checked in run.join().unwrap().as_array().unwrap() {
                assert_eq!(checked["verdict"], "holds", "{case:?}: {checked}");
            }
        }
    });
}

/// Processes whose command line has this folder in it.
fn processes_in(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap().as_bytes();
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let there = |line: &Vec<u8>| line.windows(folder.len()).any(|window| window == folder);
    lines.filter(there).count()
}

fn wait_until(holds: impl Fn() -> bool, what: &str) {
    let came = (0..2_000).any(|_| {
        holds() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }
    });
    assert!(came, "{what} never came");
}

/// A run of a minute, with nginx's folder within the home, as soon as nginx is there.
fn under_way(home: &Home) -> Child {
    home.write(
        "lab/scenario.toml",
        &scenario("poll", "default.conf").replace("3s", "1m"),
    );
    home.write("lab/default.conf", &lab_file("default.conf"));
    let child = home
        .command(&["run", "lab"])
        .env("TMPDIR", home.path(""))
        .spawn()
        .unwrap();
    let there = home.path("talkplace-nginx-");
    wait_until(|| processes_in(&there) > 0, "nginx");
    child
}

#[test]
#[ignore = "needs nginx"]
fn nothing_of_it_is_left_however_the_run_ends() {
    for (signal, status) in [
        (Signal::SIGINT, Some(130)),
        (Signal::SIGTERM, Some(143)),
        (Signal::SIGKILL, None),
    ] {
        let home = Home::new();
        let mut child = under_way(&home);
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), status, "{signal}");
        let there = home.path("talkplace-nginx-");
        wait_until(|| processes_in(&there) == 0, "the end of nginx");
        if signal != Signal::SIGKILL {
            assert!(
                !home.list("").iter().any(|name| name.starts_with("talkplace-nginx-")),
                "{signal}"
            );
        }
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_file_that_nginx_does_not_take_is_told_in_its_words() {
    let home = Home::new();
    home.write("lab/scenario.toml", &scenario("poll", "own.conf"));
    home.write("lab/own.conf", "location / {\n    proxy_pas http://talkplace;\n}\n");
    let ended = home.talkplace(&["run", "lab"]);
    let told = ended.stderr.lines().last().unwrap();
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        told.contains("nginx with own.conf does not run: unknown directive \"proxy_pas\" in own.conf:2"),
        "{}",
        ended.stderr
    );
    assert!(!home.path("reports/lab").exists());
}

#[test]
fn a_file_that_is_not_there_is_told_before_anything_runs() {
    let home = Home::new();
    home.write("lab/scenario.toml", &scenario("poll", "own.conf"));
    let ended = home.talkplace(&["run", "lab"]);
    assert!(
        ended
            .refused()
            .contains("between.nginx: lab/own.conf could not be read"),
        "{}",
        ended.stderr
    );
    let ended = home.talkplace(&["run", "in-between", "--set", "between.nginx=own.conf"]);
    assert!(
        ended
            .refused()
            .contains("the lab has no file `own.conf`; it has README.md, README.zh.md, scenario.toml, default.conf"),
        "{}",
        ended.stderr
    );
    let ended = home.talkplace(&["run", "in-between", "--set", "between.nginx=../x"]);
    assert!(
        ended.refused().contains("no name of a file beside the scenario"),
        "{}",
        ended.stderr
    );
}

/// nginx in front of a server, with these lines in its `location`.
struct InFront {
    child: Child,
    address: std::net::SocketAddr,
    _folder: tempfile::TempDir,
}

impl InFront {
    fn of(server: &Server, lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {name};"));
        let config = format!(
            "daemon off; master_process off; pid pid; error_log stderr; events {{}} http {{ access_log off; {} \
             server {{ listen {address}; location / {{ proxy_pass http://{}; {lines} }} }} }}",
            temp.concat(),
            server.address
        );
        std::fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path().join("")).args(["-c", "nginx.conf"]);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        wait_until(|| std::net::TcpStream::connect(address).is_ok(), "nginx");
        InFront {
            child,
            address,
            _folder: folder,
        }
    }
}

impl Drop for InFront {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fourth line, which a browser needs: the one that the lab's text tells of.
#[test]
#[ignore = "needs nginx"]
fn a_page_may_only_speak_where_its_host_is_passed_on() {
    let server = Server::start();
    for (lines, status) in [("", 403), ("proxy_set_header Host $http_host;", 201)] {
        let in_front = InFront::of(&server, lines);
        let mut client = Client::connect(in_front.address);
        let headers = [("Content-Type", "text/plain"), ("Origin", "http://talk.place")];
        let answer = client.request("POST", "/talkplace/messages", &headers, b"hello");
        assert_eq!(answer.status, status, "{lines}");
    }
}
