//! The chat page and what it loads, embedded in the binary.

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Response, StatusCode};

use super::answer::{self, AnswerBody};

/// A file that the page loads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: [Asset; 2] = [
    Asset {
        path: "/page/chat.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("chat.js"),
    },
    Asset {
        path: "/page/chat.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("chat.css"),
    },
];

/// The page itself.
pub(super) fn index() -> Response<AnswerBody> {
    let html: &'static [u8] = include_bytes!("index.html");
    let mut response = answer::whole(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    // Only files of this server; what people type is text, never markup.
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    headers.insert("content-security-policy", HeaderValue::from_static(policy));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    response
}

/// The asset at this path.
pub(super) fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The answer that carries it. A browser asks again each time: the file changes with the program.
    pub(super) fn answer(&self) -> Response<AnswerBody> {
        let mut response = answer::whole(StatusCode::OK, self.content_type, self.bytes);
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
            .headers_mut()
            .insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        response
    }
}
