//! The chat page in a real browser.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Server;

/// A browser that is ended with the test, whatever becomes of it.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs chromium"]
fn the_page_shows_what_was_said_before_and_listens_for_more() {
    let server = Server::start();
    server.say("<b>before</b> the page came");
    let profile = tempfile::tempdir().unwrap();
    let screenshot = profile.path().join("page.png");
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
        .arg(format!("--screenshot={}", screenshot.display()))
        .arg(format!("http://{}/", server.address))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut browser = Browser(child);
    // It has come when it listens.
    server.wait_for(
        "talkplace_requests_total{answer=\"opened\",transport=\"websocket\"}",
        "1",
    );
    let deadline = Instant::now() + Duration::from_secs(60);
    while browser.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the browser did not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut page = String::new();
    std::io::Read::read_to_string(browser.0.stdout.as_mut().unwrap(), &mut page).unwrap();
    assert!(
        page.contains("&lt;b&gt;before&lt;/b&gt; the page came"),
        "what people type stays text: {page}"
    );
    assert!(page.contains(">connected<"), "{page}");
}
