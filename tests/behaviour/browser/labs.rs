//! A lab read and run in the browser.

use serde_json::json;

use super::driver::Browser;
use crate::server::labs;

#[test]
#[ignore = "needs chromium"]
fn a_lab_runs_from_its_form_and_its_report_appears_beside_the_last() {
    let home = tempfile::tempdir().unwrap();
    let server = labs::serve(home.path());
    let browser = Browser::start();
    browser.open(&format!("http://{}/labs/01-three-ways/", server.address));
    browser.click("#knobs summary");
    for (knob, value) in [
        ("transports", "websocket"),
        ("listeners", "2"),
        ("duration", "1s"),
        ("warm_up", "200ms"),
    ] {
        let field = format!("#knobs [name={knob}]");
        browser.js("document.querySelector(arguments[0]).value = ''", json!(field));
        browser.type_into(&field, value);
    }
    browser.click("#knobs [name=quick]");
    for run in 1..=2 {
        browser.js("document.querySelector('#outcome').textContent = ''", json!(null));
        browser.click("#knobs button");
        browser.wait(
            "document.querySelector('#doing').textContent.includes('WebSocket (1 of 1)')",
            json!(null),
        );
        browser.wait(
            "document.querySelector('#outcome').textContent.startsWith('Done')",
            json!(null),
        );
        browser.wait(
            "document.querySelectorAll('#reports iframe').length === arguments[0]",
            json!(run),
        );
    }
    browser.wait(
        "[...document.querySelectorAll('#reports iframe')].every((frame) => frame.contentDocument?.querySelector('h1'))",
        json!(null),
    );
    browser.assert_quiet();
}
