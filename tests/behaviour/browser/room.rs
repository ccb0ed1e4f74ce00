//! The room: talking, and what was said staying what it is.

use serde_json::json;

use super::{ENTER, Visitor};
use crate::server::Server;

#[test]
#[ignore = "needs chromium"]
fn two_visitors_talk() {
    let server = Server::start();
    server.say("before anybody came");
    let (ada, ming) = (Visitor::of(&server), Visitor::of(&server));
    ada.sign_in("Ada");
    ming.sign_in("小明 🎉");
    ada.say("Hello there");
    ming.messages(2);
    ming.say("مرحبا 👋🏽");
    ming.browser
        .type_into("#text", &format!("two\u{E008}{ENTER}\u{E000}lines{ENTER}"));
    let (heard, said) = (ada.messages(4), ming.messages(4));
    let of = |key: &str| heard.iter().map(|message| message[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("by"), ["路人甲", "Ada", "小明 🎉", "小明 🎉"]);
    assert_eq!(
        of("text"),
        ["before anybody came", "Hello there", "مرحبا 👋🏽", "two\nlines"]
    );
    assert_eq!(of("mine"), [false, true, false, false]);
    let mine: Vec<_> = said.iter().map(|message| message["mine"].clone()).collect();
    assert_eq!(mine, [false, false, true, true]);
    let faces = ada.browser.js(
        "return [...document.querySelectorAll('.message .avatar')].map((face) => face.outerHTML)",
        json!(null),
    );
    let faces = faces.as_array().unwrap();
    assert!(
        faces[0] != faces[1] && faces[1] != faces[2] && faces[2] == faces[3],
        "{faces:?}"
    );
    ada.browser.assert_quiet();
    ming.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn what_was_said_before_is_there_a_page_at_a_time() {
    let server = Server::start();
    let said: Vec<String> = (0..230).map(|n| server.say(&format!("message {n}"))).collect();
    let visitor = Visitor::of(&server);
    for shown in [100, 200, 230] {
        let messages = visitor.messages(shown);
        let ids: Vec<_> = messages.iter().map(|message| message["id"].clone()).collect();
        assert_eq!(ids, said[said.len() - shown..]);
        if shown < said.len() {
            visitor
                .browser
                .js("document.querySelector('#earlier').click()", json!(null));
        }
    }
    visitor
        .browser
        .wait("document.querySelector('#earlier').hidden", json!(null));
    // Whoever reads what was before is not taken away from it by what is said now.
    visitor
        .browser
        .js("document.querySelector('#log').scrollTop = 0", json!(null));
    visitor
        .browser
        .wait("document.querySelector('#log').scrollTop === 0", json!(null));
    server.say("now");
    visitor.browser.wait(
        "document.querySelector('#newer').textContent === '1 new message ↓'",
        json!(null),
    );
    assert_eq!(
        visitor
            .browser
            .js("return document.querySelector('#log').scrollTop", json!(null)),
        0
    );
    visitor.browser.click("#newer");
    visitor
        .browser
        .wait("document.querySelector('#newer').hidden", json!(null));
    visitor.browser.assert_quiet();
}

#[test]
#[ignore = "needs chromium"]
fn what_people_type_stays_text() {
    let server = Server::start();
    let visitor = Visitor::of(&server);
    let name = "<img src=x onerror=harm()>";
    let text = "<script>harm()</script><img src=x onerror=\"harm()\"><style>body{display:none}</style>";
    visitor.browser.js(
        "window.harmed = false; window.harm = () => { window.harmed = true }",
        json!(null),
    );
    visitor.sign_in(name);
    visitor.say(text);
    let shown = visitor.messages(1);
    assert_eq!((&shown[0]["by"], &shown[0]["text"]), (&json!(name), &json!(text)));
    visitor.wait_for_counter("websocket", "ledger", 1);
    let made = visitor.browser.js(
        "return document.querySelectorAll('#log :is(img, script, style), .pane :is(img, script, style)').length",
        json!(null),
    );
    assert_eq!(made, 0);
    assert_eq!(visitor.browser.js("return window.harmed", json!(null)), false);
    // Not even the page's own scripts could make markup of it.
    let refused = visitor.browser.js(
        "try { document.body.innerHTML = arguments[0]; return 'made'; } catch (error) { return error.name; }",
        json!(text),
    );
    assert_eq!(refused, "TypeError");
}

#[test]
#[ignore = "needs chromium"]
fn a_restart_in_mid_talk_loses_nothing_and_repeats_nothing() {
    let mut server = Server::start();
    let visitor = Visitor::of(&server);
    visitor.sign_in("Ada");
    visitor.say("before");
    visitor.messages(1);
    // What is heard by nobody before the feed is gone is nowhere.
    visitor.wait_for_counter("poll", "ledger", 1);
    server.shut_down().recv().unwrap();
    visitor.wait_for_state("offline: ");
    visitor.say("while nobody is there");
    visitor.browser.wait(
        "document.querySelector('#left').textContent.includes('not sent yet')",
        json!(null),
    );
    let server = Server::again(server.address);
    visitor.wait_for_state("connected by WebSocket");
    visitor.say("after");
    let messages = visitor.messages(3);
    let texts: Vec<_> = messages.iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["before", "while nobody is there", "after"]);
    // The new server has another key: the name was signed anew, and is the visitor's still.
    for message in &messages {
        assert_eq!((&message["by"], &message["mine"]), (&json!("Ada"), &json!(true)));
    }
    visitor.browser.wait(
        "[...document.querySelectorAll('#messages .remark')].some((line) => line.textContent.includes('started anew'))",
        json!(null),
    );
    for transport in ["poll", "long-poll", "events", "websocket"] {
        visitor.wait_for_counter(transport, "ledger", 3);
        visitor.browser.wait(
            "document.querySelector(arguments[0]).textContent === '3 messages, each once, in order'",
            json!(format!(".pane.{transport} [data-counter=ledger]")),
        );
    }
    visitor.browser.assert_quiet_but_for_the_network();
    drop(server);
}
