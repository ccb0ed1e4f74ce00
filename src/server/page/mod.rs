//! The chat page and what it loads, embedded in the binary as it lies here: there is no build step.
//!
//! `index.html` is the page, `main.js` where its scripts begin. One file is one idea: `transport/` has the four ways to hear,
//! `ladder.js` the choice among them, `room.js` the room, `compare.js` the four panes.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::answer::{self, AnswerBody};
use super::origin::Origin;

/// A file that the page loads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    path: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        &[$(Asset { path: concat!("/page/", $name), bytes: include_bytes!($name) }),+]
    };
}

static ASSETS: &[Asset] = assets![
    "avatar.js",
    "backoff.js",
    "base.css",
    "clock.js",
    "compare.js",
    "cursor.js",
    "element.js",
    "icon.svg",
    "lab.js",
    "labs.css",
    "ladder.js",
    "lesson-script.js",
    "lesson-worker.js",
    "lesson.js",
    "main.js",
    "me.js",
    "message-list.js",
    "outbox.js",
    "pane.js",
    "panes.css",
    "pretend.js",
    "robot.js",
    "room.css",
    "room.js",
    "say.js",
    "sequence.js",
    "tally.js",
    "timing.js",
    "transport/ask.js",
    "transport/events.js",
    "transport/long-poll.js",
    "transport/short-poll.js",
    "transport/websocket.js",
];

/// The script of the lesson names the address that the contract has; it is shown with the one that the visitor came by.
const LESSON: &str = "/page/lesson-script.js";
const LESSON_ADDRESS: &str = "localhost:3000";

/// Only files of this server; what people type is text, never markup, and no script makes markup out of text.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types lesson";

/// A worker goes by the policy of its own file: the lesson's script may be loaded, and may connect.
const ASSET_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self' ws:; frame-ancestors 'none'";

/// What every answer of the page has. None of it is needed elsewhere: nothing else is shown by a browser as a page.
const USUAL: [(HeaderName, &str); 4] = [
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Where the page links to the labs, when there are some.
const LABS_PLACE: &str = "<!-- the labs -->";
const LABS_LINK: &str = r#"<a href="/labs/">The labs: read, run, compare.</a>"#;

/// The page itself, with a link to the labs when there are some.
pub(super) fn index(has_labs: bool) -> Response<AnswerBody> {
    let html = include_str!("index.html");
    let html = html.replace(LABS_PLACE, if has_labs { LABS_LINK } else { "" });
    let mut response = answer::whole(StatusCode::OK, "text/html; charset=utf-8", html);
    secure_page(response.headers_mut());
    response
}

/// Gives a page the headers that every page here has.
pub(super) fn secure_page(headers: &mut HeaderMap) {
    secure(headers, PAGE_POLICY);
    headers.insert(
        "permissions-policy",
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    );
}

/// The asset at this path.
pub(super) fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The answer that carries it, for whoever came by way of `site`. A browser asks again each time: the file changes with
    /// the program.
    pub(super) fn answer(&self, site: Option<&Origin>) -> Response<AnswerBody> {
        let bytes = match (self.path, site) {
            (LESSON, Some(Origin::Site { host, port })) => lesson(host, *port),
            _ => Bytes::from_static(self.bytes),
        };
        let mut response = answer::whole(StatusCode::OK, self.content_type(), bytes);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        secure(headers, ASSET_POLICY);
        response
    }

    fn content_type(&self) -> &'static str {
        match self.path.rsplit_once('.') {
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        }
    }
}

/// The lesson's script with this address in it. A host has no character that could end the string around it.
fn lesson(host: &str, port: Option<u16>) -> Bytes {
    let address = port.map_or(Cow::Borrowed(host), |port| format!("{host}:{port}").into());
    include_str!("lesson-script.js")
        .replace(LESSON_ADDRESS, &address)
        .into()
}

fn secure(headers: &mut HeaderMap, policy: &'static str) {
    headers.insert("content-security-policy", HeaderValue::from_static(policy));
    for (name, value) in USUAL {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The files of a folder of this one that a browser loads.
    fn files(folder: &str) -> Vec<String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/server/page")
            .join(folder);
        let names = std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap());
        let files = names.filter(|entry| entry.file_type().unwrap().is_file());
        let names = files.map(|entry| format!("{folder}{}", entry.file_name().into_string().unwrap()));
        names
            .filter(|name| !name.ends_with(".rs") && name != "index.html")
            .collect()
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        for name in [files(""), files("transport/")].concat() {
            assert!(asset(&format!("/page/{name}")).is_some(), "{name}");
        }
    }

    #[test]
    fn every_import_leads_to_a_file() {
        for importing in ASSETS.iter().filter(|asset| asset.path.ends_with(".js")) {
            let text = std::str::from_utf8(importing.bytes).unwrap();
            let folder = importing.path.rsplit_once('/').unwrap().0;
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let name = line.split('"').nth(1).unwrap().strip_prefix("./").unwrap();
                assert!(asset(&format!("{folder}/{name}")).is_some(), "{line}");
            }
        }
    }

    #[test]
    fn nothing_that_was_typed_becomes_markup() {
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(way), "{way} in {}", asset.path);
            }
        }
        let html = include_str!("index.html");
        for inline in [" style=", "<style", " onclick=", "<script>"] {
            assert!(!html.contains(inline), "{inline}");
        }
    }

    #[test]
    fn the_lesson_names_the_address_that_the_visitor_came_by() {
        let script = |host: &str| {
            let asset = asset(LESSON).unwrap();
            match asset.answer(Origin::of_host(host).ok().as_ref()).into_body() {
                AnswerBody::Whole(bytes) => String::from_utf8(bytes.into()).unwrap(),
                _ => unreachable!("an asset is whole"),
            }
        };
        assert_eq!(script("localhost:3000"), include_str!("lesson-script.js"));
        assert!(script("[::1]:8080").contains("\"ws://[::1]:8080/talkplace\""));
        assert!(script("example.org").contains("\"ws://example.org/talkplace\""));
        assert!(script("no host").contains(LESSON_ADDRESS));
    }
}
