//! The chat page in a real browser.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use super::Server;

/// A browser that is ended with the test, whatever becomes of it.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The page as it stands when the browser takes it to be done.
fn page_of(server: &Server) -> String {
    let profile = tempfile::tempdir().unwrap();
    let child = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args(["--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{}/", server.address))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut browser = Browser(child);
    let mut page = String::new();
    browser.0.stdout.take().unwrap().read_to_string(&mut page).unwrap();
    page
}

#[test]
#[ignore = "needs chromium"]
fn the_page_shows_what_was_said_before_and_listens_for_more() {
    let server = Server::start();
    server.say("<b>before</b> the page came");
    // The browser hurries its clock on as soon as nothing loads, and an open WebSocket is nothing to it: on some visits it
    // is done before the page hears that it is connected. So it is visited until it was seen.
    let seen = (0..10)
        .map(|_| page_of(&server))
        .find(|page| page.contains(">connected<"));
    let page = seen.expect("it connects");
    assert!(
        page.contains("&lt;b&gt;before&lt;/b&gt; the page came"),
        "what people type stays text: {page}"
    );
    server.wait_for("talkplace_listeners{transport=\"websocket\"}", "0");
}
