//! The labs in a browser, from its side of the socket: who may see them, and a run that is started there.

use std::fs;
use std::path::Path;

use serde_json::Value;
use talkplace::server::{Knob, Lab, Labs};

use super::Server;
use super::http::{Answer, Client};
use super::identity::sign_in;

const FORM: &str = "application/x-www-form-urlencoded";

/// A server with one lab, whose runs go to this folder.
pub(crate) fn serve(reports: &Path) -> Server {
    Server::with(|config| config.labs = labs(reports))
}

/// One lab, whose runs go to this folder.
pub(crate) fn labs(reports: &Path) -> Option<Labs> {
    let knobs = [
        ("transports", "poll,long-poll,websocket"),
        ("listeners", "200"),
        ("duration", "20s"),
        ("warm_up", "2s"),
    ];
    let knobs = knobs.map(|(key, value)| Knob {
        key: key.into(),
        help: format!("what {key} is"),
        value: value.into(),
        quick: value.into(),
    });
    let lab = Lab {
        folder: "01-three-ways".into(),
        name: "three-ways".into(),
        title: "Three ways".into(),
        question: "What does it cost?".into(),
        text: "# Three ways\n\nA *text*, and <script>harm()</script>.\n".into(),
        knobs: knobs.into(),
    };
    Some(Labs {
        reports: reports.to_owned(),
        program: env!("CARGO_BIN_EXE_talkplace").into(),
        labs: vec![lab],
    })
}

/// A request to this computer by one of its own names.
fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    server
        .client()
        .request(method, &format!("http://localhost{path}"), headers, body)
}

fn get(server: &Server, path: &str) -> Answer {
    ask(server, "GET", path, &[], b"")
}

fn start(server: &Server, form: &str) -> Answer {
    let headers = [("Content-Type", FORM), ("Origin", "http://localhost")];
    ask(server, "POST", "/labs/01-three-ways/runs", &headers, form.as_bytes())
}

/// Opens the stream that tells how far a run is.
fn watch(server: &Server) -> Client {
    let mut client = server.client();
    let answer = client.request("GET", "http://localhost/labs/events", &[], b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    client
}

fn next(events: &mut Client) -> Value {
    let event = events.chunk();
    serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap()
}

/// Waits for a state that the caller is content with.
fn wait_for(events: &mut Client, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let state = next(events);
        if wanted(&state) {
            return state;
        }
    }
}

#[test]
fn without_labs_there_is_nothing() {
    let server = Server::start();
    for path in ["/labs/", "/labs/01-three-ways/", "/labs/events", "/reports/a/b/"] {
        get(&server, path).assert_problem(404);
    }
    assert!(!server.get("/").text().contains("/labs/"));
}

#[test]
fn the_pages_show_text_knobs_and_runs() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("three-ways/2026-11-22T17-05-33");
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("index.html"), "<style>a{}</style>A report").unwrap();
    let server = serve(home.path());
    assert!(server.get("/").text().contains("href=\"/labs/\""));
    let list = get(&server, "/labs/").text();
    assert!(
        list.contains("What does it cost?") && list.contains("2026-11-22T17-05-33"),
        "{list}"
    );
    let lab = get(&server, "/labs/01-three-ways/");
    let page = lab.text();
    assert!(
        page.contains("<em>text</em>") && page.contains("&lt;script&gt;"),
        "{page}"
    );
    assert!(page.contains("name=\"duration\" value=\"20s\""), "{page}");
    for asset in page.split('"').filter(|word| word.starts_with("/page/")) {
        assert_eq!(server.get(asset).status, 200, "{asset}");
    }
    assert!(!lab.header("content-security-policy").unwrap().contains("unsafe"));
    let report = get(&server, "/reports/three-ways/2026-11-22T17-05-33/");
    assert!(report.text().ends_with("A report"));
    assert!(
        report
            .header("content-security-policy")
            .unwrap()
            .contains("style-src 'sha256-")
    );
    for path in [
        "/labs/02-none/",
        "/labs/01-three-ways",
        "/reports/three-ways/none/",
        "/reports/",
    ] {
        get(&server, path).assert_problem(404);
    }
    ask(&server, "POST", "/labs/", &[], b"").assert_problem(405);
    ask(&server, "GET", "/labs/stop", &[], b"").assert_problem(405);
}

#[test]
fn only_whoever_sits_here_sees_them() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path());
    // As a page elsewhere would whose name was made to lead here.
    server.get("/labs/").assert_problem(403);
    server.get("/reports/three-ways/x/").assert_problem(403);
    for header in ["X-Forwarded-For", "Forwarded", "Via"] {
        ask(&server, "GET", "/labs/", &[(header, "1.1 proxy")], b"").assert_problem(403);
    }
    let from = |origin| [("Content-Type", FORM), ("Origin", origin)];
    for origin in ["http://evil.example", "null"] {
        ask(&server, "POST", "/labs/01-three-ways/runs", &from(origin), b"quick=on").assert_problem(403);
        ask(&server, "POST", "/labs/stop", &from(origin), b"").assert_problem(403);
    }
    let cookie = sign_in(&server, "name=Ada");
    assert_eq!(ask(&server, "GET", "/labs/", &[("Cookie", &cookie)], b"").status, 200);
    let forged = cookie.replace("name.sig=", "name.sig=x");
    ask(&server, "GET", "/labs/", &[("Cookie", &forged)], b"").assert_problem(401);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was run");
}

#[test]
fn a_form_that_is_none_starts_nothing() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path());
    start(&server, "colour=blue").assert_problem(400);
    start(&server, "--out=%2Ftmp").assert_problem(400);
    let json = [("Content-Type", "application/json")];
    ask(&server, "POST", "/labs/01-three-ways/runs", &json, b"{}").assert_problem(415);
    ask(
        &server,
        "POST",
        "/labs/09-none/runs",
        &[("Content-Type", FORM)],
        b"quick=on",
    )
    .assert_problem(404);
    assert_eq!(next(&mut watch(&server))["state"], "idle");
    // What the lab makes of a value is for the lab to say.
    assert_eq!(start(&server, "listeners=many").status, 303);
    let ended = wait_for(&mut watch(&server), |state| state["state"] == "ended");
    assert_eq!(ended["status"], 2);
    assert_eq!(ended["report"], Value::Null);
    assert!(ended["words"].as_str().unwrap().contains("no whole number"), "{ended}");
}

#[test]
fn a_run_is_started_watched_and_its_report_shown() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path());
    let mut events = watch(&server);
    assert_eq!(next(&mut events)["state"], "idle");
    let form = "quick=on&transports=websocket&listeners=2&duration=1s&warm_up=200ms";
    let answer = start(&server, form);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/labs/01-three-ways/"))
    );
    let running = wait_for(&mut events, |state| state["progress"].is_object());
    assert_eq!(running["lab"], "01-three-ways");
    assert_eq!(
        (&running["progress"]["title"], &running["progress"]["of"]),
        (&"WebSocket".into(), &1.into())
    );
    start(&server, form).assert_problem(409);
    let ended = wait_for(&mut events, |state| state["state"] == "ended");
    // Whatever the run found out, and be it that this machine is busy.
    assert!([0, 1, 3].map(Value::from).contains(&ended["status"]), "{ended}");
    let report = get(&server, ended["report"].as_str().unwrap());
    assert!(report.text().contains("WebSocket"));
    assert_eq!(fs::read_dir(home.path().join("three-ways")).unwrap().count(), 1);
}

#[test]
fn a_run_is_stopped_from_the_page_and_with_the_server() {
    let home = tempfile::tempdir().unwrap();
    let mut server = serve(home.path());
    let mut events = watch(&server);
    let form = "transports=websocket&listeners=2&duration=10m";
    assert_eq!(start(&server, form).status, 303);
    wait_for(&mut events, |state| state["progress"].is_object());
    assert_eq!(ask(&server, "POST", "/labs/stop", &[], b"").status, 303);
    let ended = wait_for(&mut events, |state| state["state"] == "ended");
    assert!(
        ended["words"].as_str().unwrap().contains("stopped by ctrl-C"),
        "{ended}"
    );
    assert_eq!(start(&server, form).status, 303);
    wait_for(&mut events, |state| state["progress"].is_object());
    // A process that it starts looks like itself for a moment, until it is another program.
    let alone = (0..1_000).any(|_| {
        let alone = processes_with(home.path()) == 1;
        if !alone {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        alone
    });
    assert!(alone, "{} processes", processes_with(home.path()));
    // It waits for the run, so that nothing is left behind.
    server.shut_down().recv().unwrap();
    assert_eq!(processes_with(home.path()), 0);
}

/// How many processes have this folder on their command line.
fn processes_with(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let commands = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    commands
        .filter(|command| String::from_utf8_lossy(command).contains(folder))
        .count()
}
