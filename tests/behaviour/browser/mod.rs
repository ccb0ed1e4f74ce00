//! The chat page in a real browser, driven as a visitor drives it.

mod compare;
mod connections;
mod driver;
mod elsewhere;
mod labs;
mod ladder;
mod room;

use serde_json::{Value, json};

use crate::server::Server;
use driver::Browser;

/// Enter, as WebDriver writes it.
const ENTER: &str = "\u{E007}";
/// The keys that turn a slider to its ends.
const HOME: &str = "\u{E011}";
const END: &str = "\u{E010}";

/// The page of a server, open in a browser of its own.
struct Visitor {
    browser: Browser,
}

impl Visitor {
    /// Opens the page, and waits until it listens.
    fn of(server: &Server) -> Self {
        Visitor::at(server, "/")
    }

    fn at(server: &Server, target: &str) -> Self {
        let visitor = Visitor {
            browser: Browser::start(),
        };
        visitor.open(server, target);
        visitor
    }

    fn open(&self, server: &Server, target: &str) {
        self.browser.open(&format!("http://{}{target}", server.address));
        self.wait_for_state("connected by ");
    }

    fn sign_in(&self, name: &str) {
        self.browser.type_into("#name", &format!("{name}{ENTER}"));
        self.browser.wait(
            "document.querySelector('#who').textContent === arguments[0]",
            json!(format!("You are {name}")),
        );
    }

    fn say(&self, text: &str) {
        self.browser.type_into("#text", &format!("{text}{ENTER}"));
    }

    /// Waits for a state of the room that begins with these words.
    fn wait_for_state(&self, words: &str) {
        self.browser.wait(
            "document.querySelector('#state').textContent.startsWith(arguments[0])",
            json!(words),
        );
    }

    /// Waits until the room shows so many messages; gives them as `{id, by, text, mine}`.
    fn messages(&self, count: usize) -> Vec<Value> {
        self.browser.wait(
            "document.querySelectorAll('#messages .message').length >= arguments[0]",
            json!(count),
        );
        let messages = self.browser.js(
            "return [...document.querySelectorAll('#messages .message')].map((line) => ({
                id: line.dataset.id,
                by: line.querySelector('.by b').textContent,
                text: line.querySelector('.text').textContent,
                mine: line.classList.contains('mine'),
            }))",
            json!(null),
        );
        let messages = messages.as_array().unwrap().clone();
        assert_eq!(messages.len(), count, "{messages:?}");
        messages
    }

    /// What became of a rung of the ladder, in words.
    fn rung(&self, transport: &str) -> String {
        let script = "return document.querySelector(`#rungs [data-transport='${arguments[0]}'] span`).textContent";
        self.browser.js(script, json!(transport)).as_str().unwrap().to_owned()
    }

    /// A counter of a pane, as a number.
    fn counter(&self, transport: &str, counter: &str) -> i64 {
        let script = "return Number(document.querySelector(arguments[0]).textContent.replaceAll(/[^0-9]/g, ''))";
        let selector = format!(".pane.{transport} [data-counter={counter}]");
        self.browser.js(script, json!(selector)).as_i64().unwrap()
    }

    /// Waits until a counter of a pane is at least this.
    fn wait_for_counter(&self, transport: &str, counter: &str, least: i64) {
        let selector = format!(".pane.{transport} [data-counter={counter}]");
        self.browser.wait(
            "Number(document.querySelector(arguments[0][0]).textContent.replaceAll(/[^0-9]/g, '')) >= arguments[0][1]",
            json!([selector, least]),
        );
    }
}
