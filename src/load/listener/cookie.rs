//! What a listener's requests say of who it is: the cookie, as long as the scenario wants it.

use std::time::Duration;

use hyper::header::HeaderValue;

use super::Bench;
use crate::load::plain::{Plain, PlainError};
use crate::load::recorder::Failure;
use crate::results::Dialect;

/// From so many bytes on there is room for a signed cookie of any listener: `name` and `name.sig` take up to 119, and something to fill up
/// with takes 7.
const SIGNED_IN: usize = 128;
/// What is filled up with, as a page of the same site would have left it: the server looks past it.
const OTHER: &str = "theme=";
/// Between two tries to sign in.
const PAUSE: Duration = Duration::from_millis(200);

/// The value of the listener's `Cookie`; `None` of a guest without one.
///
/// It signs in for that, if there is room, over a connection that nobody counts: that was done before the run, as a person does once.
pub(super) async fn cookie(bench: &Bench) -> Option<HeaderValue> {
    let length = bench.scenario.http_cookie_bytes as usize;
    if length == 0 {
        return None;
    }
    // Other dialects have nowhere to sign in.
    let signs_in = length >= SIGNED_IN && bench.peer.dialect == Dialect::Talkplace;
    let mut text = String::new();
    while signs_in && text.is_empty() {
        match bench.timer.within(bench.patience(), signed_in(bench)).await {
            Ok(Ok(pair)) => text = pair + "; ",
            Ok(Err(_)) => {
                bench.recorder.borrow_mut().failure(Failure::Unexpected);
                bench.timer.sleep(PAUSE).await;
            }
            Err(_) => bench.recorder.borrow_mut().failure(Failure::TimedOut),
        }
    }
    Some(HeaderValue::try_from(filled(text, length)).expect("cookies are visible ASCII"))
}

async fn signed_in(bench: &Bench) -> Result<String, PlainError> {
    let _permit = bench.connects.acquire().await.expect("it is never closed");
    Plain::open(&bench.peer).await?.sign_in().await
}

/// With another cookie behind it, to this length.
fn filled(mut cookies: String, length: usize) -> String {
    cookies.push_str(OTHER);
    let missing = length.saturating_sub(cookies.len());
    cookies.extend(std::iter::repeat_n('x', missing));
    cookies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_as_long_as_it_is_asked_to_be() {
        for length in [8, 60, 4_000] {
            assert_eq!(filled(String::new(), length).len(), length);
        }
        let longest_pair = format!("name={}; name.sig={}; ", "n".repeat(60), "s".repeat(43));
        assert_eq!(filled(longest_pair, SIGNED_IN).len(), SIGNED_IN);
    }
}
