//! The room's way to listen: what it falls back to, what it says about it, and how it climbs back.

use serde_json::json;

use super::Visitor;
use crate::server::Server;

/// Checks that what is said reaches the room.
fn assert_hears(visitor: &Visitor, server: &Server, so_far: usize) {
    let id = server.say("Do you hear me?");
    let messages = visitor.messages(so_far + 1);
    assert_eq!(messages[so_far]["id"], id);
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_without_websocket_says_so_and_listens_to_events() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.browser.before_each_page("delete window.WebSocket");
    visitor.open(&server, "/");
    visitor.wait_for_state("connected by Server-sent events");
    assert_eq!(visitor.rung("websocket"), "this browser has no WebSocket");
    assert_eq!(visitor.rung("events"), "in use");
    assert_eq!(visitor.rung("long-poll"), "not needed");
    assert_hears(&visitor, &server, 0);
    let said = "document.querySelector('.pane.websocket .note').textContent === 'this browser has no WebSocket'";
    visitor.browser.wait(said, json!(null));
    visitor.wait_for_counter("poll", "ledger", 1);
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn it_goes_down_rung_by_rung_and_climbs_back() {
    let server = Server::start();
    let visitor = Visitor::at(&server, "/?pretend=ie9,no-long-poll");
    visitor.wait_for_state("connected by Short polling");
    for missing in ["websocket", "events", "long-poll"] {
        assert_eq!(visitor.rung(missing), "missing here (pretended)");
    }
    assert_hears(&visitor, &server, 0);
    visitor.browser.click(".ladder summary");
    visitor.browser.click("#pretend [value=no-long-poll]");
    visitor.wait_for_state("connected by Long polling");
    assert_hears(&visitor, &server, 1);
    visitor.browser.click("#pretend [value=ie9]");
    visitor.wait_for_state("connected by WebSocket");
    assert_hears(&visitor, &server, 2);
    visitor.browser.click("#pretend [value=no-websocket]");
    visitor.wait_for_state("connected by Server-sent events");
    assert_hears(&visitor, &server, 3);
    let address = visitor.browser.js("return location.search", json!(null));
    assert_eq!(address, "?pretend=no-websocket");
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn a_websocket_that_is_cut_as_soon_as_it_is_open_is_no_way_to_listen() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    // As behind something that lets the upgrade through and nothing after it. Until it is mended.
    visitor.browser.before_each_page(
        "const Usual = window.WebSocket;
         window.WebSocket = function (address) {
           const socket = new Usual(address);
           if (!window.mended) socket.addEventListener('open', () => socket.close(4000));
           return socket;
         };",
    );
    visitor.open(&server, "/");
    visitor.wait_for_state("connected by Server-sent events");
    assert_eq!(visitor.rung("websocket"), "the connection was closed (4000)");
    assert_hears(&visitor, &server, 0);
    visitor.browser.js("window.mended = true", json!(null));
    visitor.wait_for_state("connected by WebSocket");
    assert_hears(&visitor, &server, 1);
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn a_websocket_that_something_on_the_way_breaks_is_passed_over_and_tried_again() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    // As behind a proxy that does not know the upgrade: the constructor works, the connection fails. Until it is mended.
    visitor.browser.before_each_page(
        "const Usual = window.WebSocket;
         window.WebSocket = function (address) {
           if (window.mended) return new Usual(address);
           return new Usual(new URL('/healthz', address));
         };",
    );
    visitor.open(&server, "/");
    visitor.wait_for_state("connected by Server-sent events");
    assert!(
        visitor.rung("websocket").contains("did not open"),
        "{}",
        visitor.rung("websocket")
    );
    assert_hears(&visitor, &server, 0);
    visitor.browser.js("window.mended = true", json!(null));
    // Nobody tells the page: it looks for a better way by itself.
    visitor.wait_for_state("connected by WebSocket");
    assert_hears(&visitor, &server, 1);
    visitor.browser.assert_quiet_but_for_the_network();
}
