//! Who checks whether a server keeps the contract has to find what one does wrong, and nothing where it does not.

mod spoiler;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::Value;
use talkplace::conformance::{Finding, Rule, Stranger, Verdict, check, rules};

use crate::server::Server;
use crate::support::Home;
use spoiler::{Spoiler, Way};

/// Longer than anything takes on a machine with others to serve.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tries rules on the server at an address.
fn findings(address: SocketAddr, tried: impl Fn(&Rule) -> bool) -> Vec<Finding> {
    let tried: Vec<&'static Rule> = rules().filter(|rule| tried(rule)).collect();
    assert!(!tried.is_empty());
    let stranger = Stranger::of(&address.into()).with_patience(PATIENCE);
    check(&stranger, &tried, false, |_| {}).unwrap()
}

/// The names of those that are broken.
fn broken(findings: &[Finding]) -> BTreeSet<&'static str> {
    let broken = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Broken { .. }));
    broken.map(|finding| finding.rule).collect()
}

#[test]
fn our_own_server_keeps_every_rule_that_can_be_tried() {
    let server = Server::start();
    let findings = findings(server.address, |_| true);
    for finding in &findings {
        match &finding.verdict {
            Verdict::Kept => {}
            // What was not tried is told, with its reason; nothing that is there may be in the way of it.
            Verdict::Untold { why } => assert!(!why.starts_with("it needs an answer"), "{finding:?}"),
            Verdict::Broken { .. } => panic!("{finding:?}"),
        }
    }
    let kept = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Kept)
        .count();
    assert!(kept > 110, "{kept} of {}", findings.len());
}

/// Something that a server does wrong: what its answers, or what it reads of requests, have instead of something else; and the rule
/// that has to find it.
const FAULTS: &[(Way, &str, &str, &str)] = &[
    // Answers.
    (
        Way::Answers,
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 200 No Content\r\ncontent-length: 0",
        "poll.nothing",
    ),
    (Way::Answers, "\"next\":\"", "\"then\":\"", "poll.cursor"),
    (
        Way::Answers,
        "content-type: application/json",
        "content-type: text/plain",
        "poll.type",
    ),
    (
        Way::Answers,
        "HTTP/1.1 410 Gone",
        "HTTP/1.1 404 Not Found",
        "cursor.gone",
    ),
    (Way::Answers, "\"oldest\":", "\"eldest\":", "cursor.gone"),
    (
        Way::Answers,
        "preference-applied",
        "preference-noted",
        "long-poll.prefer",
    ),
    (
        Way::Answers,
        "HTTP/1.1 201 Created",
        "HTTP/1.1 200 OK",
        "publish.accepted",
    ),
    (Way::Answers, "\"image\":0", "\"image\":7", "message.guest"),
    (Way::Answers, "\"from\":", "\"form\":", "message.members"),
    (Way::Answers, "\"text\":", "\"test\":", "websocket.message"),
    (
        Way::Answers,
        "content-type: text/event-stream",
        "content-type: text/plain",
        "events.opens",
    ),
    (Way::Answers, "event: refused", "event: goodbye", "events.refused"),
    (
        Way::Answers,
        "x-accel-buffering: no",
        "x-accel-buffering: yes",
        "events.unbuffered",
    ),
    (
        Way::Answers,
        "sec-websocket-accept: ",
        "sec-websocket-accept: x",
        "websocket.upgrade",
    ),
    (
        Way::Answers,
        "HTTP/1.1 426 Upgrade Required",
        "HTTP/1.1 400 Bad Request",
        "websocket.needed",
    ),
    (Way::Answers, "location: /", "location: /chat", "sign-in.form"),
    (Way::Answers, "; HttpOnly", "", "sign-in.attributes"),
    (Way::Answers, "Max-Age=0", "Max-Age=9", "signature.expired"),
    (
        Way::Answers,
        "HTTP/1.1 401 Unauthorized",
        "HTTP/1.1 403 Forbidden",
        "signature.forged",
    ),
    (Way::Answers, "allow: GET", "allows: GET", "path.method"),
    (
        Way::Answers,
        "cache-control: no-store",
        "cache-control: no-cache",
        "http.no-store",
    ),
    (
        Way::Answers,
        "application/problem+json",
        "application/json",
        "path.unknown",
    ),
    (Way::Answers, "\"detail\":", "\"reason\":", "path.unknown"),
    (
        Way::Answers,
        "cache-control: no-store",
        "cache-control: private",
        "http.no-store-refused",
    ),
    (
        Way::Answers,
        "talkplace_messages_total",
        "talkplace_messages_totak",
        "metrics.names",
    ),
    // What it does not read of a request.
    (Way::Requests, "Idempotency-Key: ", "X: ", "idempotency.repeat"),
    (Way::Requests, "Last-Event-ID: ", "X: ", "events.last-event-id"),
    (Way::Requests, "Origin: ", "X: ", "origin.post"),
    (Way::Requests, "Origin: ", "X: ", "origin.websocket"),
    (Way::Requests, "Cookie: ", "X: ", "me.visitor"),
    (
        Way::Requests,
        "Content-Type: image/png",
        "Content-Type: text/plain",
        "publish.type",
    ),
    (Way::Requests, "?after=", "?before=", "poll.batch"),
    (Way::Requests, "&limit=", "&most=", "poll.limit"),
    (Way::Requests, "Content-Length: 0, ", "Content-Length: ", "head.lengths"),
    (Way::Requests, "DELETE ", "GET ", "path.method"),
];

#[test]
fn a_fault_is_found_by_the_rule_that_it_breaks() {
    let server = Server::start();
    // Each behind a go-between of its own, so that they are found at the same time.
    std::thread::scope(|scope| {
        for (way, right, wrong, rule) in FAULTS {
            let server = &server;
            scope.spawn(move || {
                let spoiler = Spoiler::before(server.address, *way, right, wrong);
                let found = findings(spoiler.address, |each| each.name == *rule);
                assert_eq!(
                    broken(&found),
                    BTreeSet::from([*rule]),
                    "{right:?} became {wrong:?}: {found:?}"
                );
            });
        }
    });
}

#[test]
fn a_fault_that_two_rules_are_about_is_found_by_both_and_no_other() {
    let server = Server::start();
    let spoiler = Spoiler::before(
        server.address,
        Way::Answers,
        "cache-control: no-store",
        "cache-control: no-stork",
    );
    let found = findings(spoiler.address, |_| true);
    assert_eq!(
        broken(&found),
        BTreeSet::from(["http.no-store", "http.no-store-refused"])
    );
}

/// Answers every connection in the same way, for as long as the test runs.
fn somebody(says: &'static [u8]) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut bytes = [0; 4096];
                while let Ok(1..) = stream.read(&mut bytes) {
                    if stream.write_all(says).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn the_command_says_what_a_little_server_does_wrong() {
    let home = Home::new();
    let little = somebody(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nok");
    let url = format!("http://{little}");
    let only = [
        "check",
        &url,
        "--only",
        "page",
        "--only",
        "poll.nothing",
        "--only",
        "publish.accepted",
    ];
    let ended = home.talkplace(&only);
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let told = &ended.stdout;
    for line in [
        "   kept  page.root                    `/` is a page (Requests)",
        "   kept  page.healthz                 `/healthz` is 200 `ok` (Requests)",
        "      ?  poll.nothing                 where nothing follows the cursor, 204 (Requests)",
        "    could not tell  it needs an answer to GET /talkplace/poll, and there came 200 OK: ok",
        " BROKEN  publish.accepted             what is said is answered 201 with its id (Requests)",
        "              sent  POST /talkplace/messages, Content-Type: text/plain, check: is this accepted?",
        "              came  200 OK: ok",
        "          expected  201 with {\"id\":…}",
        "  all          2 of 4 kept, 1 broken, 1 could not be told",
    ] {
        assert!(told.lines().any(|there| there == line), "{line}\n{told}");
    }
    let ended = home.talkplace(&[&only[..], &["--json"]].concat());
    assert_eq!(ended.status, Some(1));
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&json["kept"], &json["broken"], &json["untold"]),
        (&2.into(), &1.into(), &1.into())
    );
    let finding = json["findings"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&finding["rule"], &finding["verdict"]),
        (&"page.healthz".into(), &"kept".into())
    );
}

#[test]
fn the_command_on_a_server_that_keeps_the_contract_ends_well() {
    let (home, server) = (Home::new(), Server::start());
    let ended = home.talkplace(&["check", &format!("http://{}", server.address), "--only", "poll"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.ends_with("all          8 of 8 kept, 0 broken\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn what_cannot_be_checked_is_told_in_one_sentence() {
    let home = Home::new();
    let other = format!("http://{}", somebody(b"SSH-2.0-OpenSSH_9.2\r\n"));
    for (arguments, told) in [
        (
            vec!["check", "localhost:3000"],
            "is no address of a server: write it like http://localhost:3000",
        ),
        (vec!["check", "https://localhost:3000"], "talkplace has no TLS"),
        (
            vec!["check", "http://127.0.0.1:1"],
            "nobody listens on http://127.0.0.1:1",
        ),
        (
            vec!["check", &other],
            "speaks no HTTP: to GET /talkplace/poll there came what is no answer of HTTP/1.1: SSH-2.0-OpenSSH_9.2",
        ),
        (
            vec!["check", &other, "--only", "polls"],
            "there is no rule and no group `polls`; the groups are: poll, cursor, long-poll",
        ),
    ] {
        let ended = home.talkplace(&arguments);
        assert!(ended.refused().contains(told), "{}", ended.stderr);
    }
}
