//! How a server should not wait: each specimen does what the contract says of a long poll, at its own price.

use std::time::Duration;

use talkplace::server::Waiting;

use super::Server;
use crate::serving::Serving;
use crate::support::Home;

const SPECIMENS: [Waiting; 3] = [
    Waiting::Spin,
    Waiting::Sleep(Duration::from_millis(10)),
    Waiting::Thread,
];

/// How many wait in a long poll.
fn held(server: &Server, listeners: usize) {
    server.wait_for("talkplace_listeners{transport=\"long-poll\"}", &listeners.to_string());
}

#[test]
fn a_message_reaches_whoever_is_held_by_one() {
    for waiting in SPECIMENS {
        let server = Server::with(|config| config.waiting = waiting);
        let target = format!("/talkplace/long-poll?after={}&timeout=1m", server.cursor());
        let mut listeners: Vec<_> = (0..6).map(|_| server.client()).collect();
        for listener in &mut listeners {
            listener.send_request("GET", &target, &[], b"");
        }
        held(&server, 6);
        server.say("now");
        for listener in &mut listeners {
            assert_eq!(listener.answer().texts(), ["now"], "{waiting:?}");
        }
        // And again, when somebody is told already.
        let late = server.get(&target);
        assert_eq!(late.texts(), ["now"]);
        held(&server, 0);
    }
}

#[test]
fn one_holds_no_longer_than_it_was_asked_to() {
    for waiting in SPECIMENS {
        let server = Server::with(|config| config.waiting = waiting);
        let target = format!("/talkplace/long-poll?after={}&timeout=100ms", server.cursor());
        let asked = std::time::Instant::now();
        assert_eq!(server.get(&target).status, 204, "{waiting:?}");
        let held = asked.elapsed();
        assert!(
            (Duration::from_millis(100)..Duration::from_secs(5)).contains(&held),
            "{waiting:?}: {held:?}"
        );
    }
}

#[test]
fn whoever_leaves_or_is_sent_away_leaves_nothing_behind() {
    for waiting in SPECIMENS {
        let mut server = Server::with(|config| config.waiting = waiting);
        let target = format!("/talkplace/long-poll?after={}&timeout=1m", server.cursor());
        let (mut leaves, mut stays) = (server.client(), server.client());
        leaves.send_request("GET", &target, &[], b"");
        stays.send_request("GET", &target, &[], b"");
        held(&server, 2);
        drop(leaves);
        held(&server, 1);
        let ended = server.shut_down();
        assert_eq!(stays.answer().status, 204, "{waiting:?}");
        ended.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}

/// A figure of a server's process, by its own account.
fn figure(serving: &Serving, name: &str) -> f64 {
    let mut client = super::Client::connect(serving.address.parse().unwrap());
    let page = client.get("/metrics").text();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {page}")).parse().unwrap()
}

/// A server that waits in this way, with so many polls that it holds.
fn holding(home: &Home, wait: &str, polls: usize) -> (Serving, Vec<super::Client>) {
    let serving = Serving::start(home.command(&["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--wait", wait]));
    let address = serving.address.parse().unwrap();
    let mut clients: Vec<_> = (0..polls).map(|_| super::Client::connect(address)).collect();
    for client in &mut clients {
        client.send_request("GET", "/talkplace/long-poll?after=0&timeout=1m", &[], b"");
    }
    let name = "talkplace_held_polls";
    wait_until(|| figure(&serving, name) == polls as f64, name);
    (serving, clients)
}

fn wait_until(holds: impl Fn() -> bool, what: &str) {
    let came = (0..2_000).any(|_| {
        let holds = holds();
        if !holds {
            std::thread::sleep(Duration::from_millis(10));
        }
        holds
    });
    assert!(came, "{what} never came");
}

#[test]
fn a_thread_for_each_holder_is_a_thread_and_goes_with_its_poll() {
    let home = Home::new();
    let (serving, mut clients) = holding(&home, "thread", 12);
    let with = figure(&serving, "process_threads");
    clients.truncate(2);
    wait_until(
        || figure(&serving, "process_threads") == with - 10.0,
        "ten threads fewer",
    );
}

#[test]
fn a_spinning_server_burns_its_processor_with_nothing_to_do() {
    let home = Home::new();
    let (serving, _clients) = holding(&home, "spin", 2);
    let name = "process_cpu_seconds_total";
    let before = figure(&serving, name);
    // A server that is woken would take weeks for it.
    wait_until(
        || figure(&serving, name) > before + 0.3,
        "a third of a second of processor time",
    );
}

#[test]
fn a_way_to_wait_that_there_is_none_of_is_refused() {
    let home = Home::new();
    for (wait, told) in [("sometimes", "sleep-10ms"), ("sleep-0s", "more than zero")] {
        let ended = home.talkplace(&["serve", "--listen", "127.0.0.1:0", "--wait", wait]);
        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}
