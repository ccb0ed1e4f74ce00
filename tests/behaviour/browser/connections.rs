//! What a browser allows itself, where a lab says so.

use serde_json::json;

use super::driver::Browser;
use crate::labs::text;
use crate::server::Server;

/// The script of the lab about events, as its text has it.
fn script() -> String {
    let chapter = text("labs/12-four-ways/README.md");
    let (_, rest) = chapter.split_once("```js\n").unwrap();
    rest.split("```")
        .next()
        .unwrap()
        .replace("const streams", "window.streams")
}

#[test]
#[ignore = "needs chromium"]
fn six_event_streams_are_open_and_the_seventh_waits() {
    let server = Server::start();
    let browser = Browser::start();
    browser.open(&format!("http://{}/healthz", server.address));
    browser.js(&script(), json!(null));
    let open = "streams.filter((stream) => stream.readyState === 1).length";
    browser.wait(&format!("{open} === 6"), json!(null));
    // It would have opened with the others; and whatever is asked behind it waits, too.
    let asked = "window.answered = false; fetch('/healthz').then(() => { window.answered = true; });";
    browser.js(asked, json!(null));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let waiting = browser.js(&format!("return [{open}, window.answered]"), json!(null));
    assert_eq!(waiting, json!([6, false]));
    browser.js("streams.find((stream) => stream.readyState === 1).close()", json!(null));
    browser.wait(&format!("{open} === 6"), json!(null));
    browser.js("streams.find((stream) => stream.readyState === 1).close()", json!(null));
    browser.wait("window.answered", json!(null));
}
