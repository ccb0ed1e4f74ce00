//! The four panes, their knobs, the robot, and the lesson's script.

use serde_json::json;

use super::{END, HOME, Visitor};
use crate::server::Server;

const TRANSPORTS: [&str; 4] = ["poll", "long-poll", "events", "websocket"];

/// The ids that a pane shows, oldest first.
fn heard(visitor: &Visitor, transport: &str) -> Vec<String> {
    let ids = visitor.browser.js(
        "return [...document.querySelectorAll(`.pane.${arguments[0]} .heard li`)].map((line) => line.dataset.id).reverse()",
        json!(transport),
    );
    serde_json::from_value(ids).unwrap()
}

#[test]
#[ignore = "needs chromium"]
fn each_pane_shows_each_message_once_and_in_order() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.wait_for_counter("poll", "requests", 1);
    let said: Vec<String> = (0..20).map(|n| server.say(&format!("message {n}"))).collect();
    for transport in TRANSPORTS {
        visitor.wait_for_counter(transport, "ledger", 20);
        assert_eq!(heard(&visitor, transport), said, "{transport}");
    }
    assert_eq!(visitor.counter("events", "requests"), 1);
    assert_eq!(visitor.counter("websocket", "requests"), 1);
    visitor.wait_for_counter("poll", "bytes", 1);
    let drawn = visitor.browser.js(
        "return [...document.querySelectorAll('.sequence')].map((svg) => svg.querySelectorAll('circle.message').length)",
        json!(null),
    );
    assert!(
        drawn.as_array().unwrap().iter().all(|dots| dots.as_i64().unwrap() > 0),
        "{drawn}"
    );
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn a_paused_pane_asks_nothing_and_goes_on_where_it_was() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.wait_for_counter("long-poll", "requests", 1);
    visitor.browser.click(".pane.long-poll header button");
    let asked = visitor.counter("long-poll", "requests");
    let said: Vec<String> = (0..3).map(|n| server.say(&format!("message {n}"))).collect();
    visitor.wait_for_counter("poll", "ledger", 3);
    assert_eq!(visitor.counter("long-poll", "requests"), asked);
    assert!(heard(&visitor, "long-poll").is_empty());
    visitor.browser.click(".pane.long-poll header button");
    visitor.wait_for_counter("long-poll", "ledger", 3);
    assert_eq!(heard(&visitor, "long-poll"), said);
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn the_sliders_act_at_once() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.wait_for_counter("poll", "requests", 1);
    // Every 30 s: the next question is further away than this test waits for anything.
    visitor.browser.type_into("#interval", END);
    visitor.browser.wait(
        "document.querySelector('#interval-shown').textContent === '30 s'",
        json!(null),
    );
    let slow = visitor.counter("poll", "requests");
    visitor.browser.type_into("#interval", HOME);
    visitor.wait_for_counter("poll", "requests", slow + 10);
    visitor.browser.type_into("#interval", END);
    let stopped = visitor.counter("poll", "requests");

    // Held for 25 s only the first long poll, which is not held, is empty; held for one second many are.
    visitor.browser.type_into("#timeout", HOME);
    visitor.wait_for_counter("long-poll", "empty", 4);
    // Three holds of a second have passed.
    let asked = visitor.counter("poll", "requests") - stopped;
    assert!(asked <= 1, "{asked} questions of a timer of 30 s");
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn the_robot_talks_and_the_lesson_runs() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.browser.type_into("#rate", END);
    visitor.browser.click("#robot");
    visitor.wait_for_counter("websocket", "ledger", 5);
    visitor.browser.click("#robot");

    visitor.browser.click(".lesson summary");
    let script = visitor
        .browser
        .js("return document.querySelector('#script').textContent", json!(null));
    assert!(
        script
            .as_str()
            .unwrap()
            .contains(&format!("ws://{}/talkplace", server.address)),
        "{script}"
    );
    visitor.browser.click("#run");
    visitor.browser.wait(
        "document.querySelector('#console').textContent.includes('hello world')",
        json!(null),
    );
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn one_window_of_a_browser_runs_the_four() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.wait_for_counter("websocket", "requests", 1);
    visitor.browser.open_window();
    visitor.open(&server, "/");
    visitor
        .browser
        .wait("!document.querySelector('#elsewhere').hidden", json!(null));
    assert_eq!(visitor.counter("websocket", "requests"), 0);
    visitor.browser.click("#take-over");
    visitor.wait_for_counter("websocket", "requests", 1);
    visitor
        .browser
        .wait("document.querySelector('#elsewhere').hidden", json!(null));
    // Closed, it gives the four back to the one that had them.
    visitor.browser.close_window();
    visitor.wait_for_counter("websocket", "requests", 2);
    visitor
        .browser
        .wait("document.querySelector('#elsewhere').hidden", json!(null));
    visitor.browser.assert_quiet();
}
