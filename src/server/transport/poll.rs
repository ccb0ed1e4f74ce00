//! Short and long polling: one question, with a hold of zero or more.
//!
//! hyper reads it, and the router; it is answered [without them](super::asked), now or when there is something to say.

use std::time::Duration;

use hyper::{HeaderMap, Response, StatusCode};

use super::batches::batch_json;
use super::position;
use crate::feed::Feed;
use crate::protocol::{After, Refusal, Seq, Transport, Wait};
use crate::server::answer::{self, AnswerBody};
use crate::server::metrics::Answer;
use crate::server::request::parameter;
use crate::server::worker::Worker;

/// A batch has at most so many messages.
const LIMIT_MOST: usize = 1_000;
const LIMIT_DEFAULT: usize = 100;

/// What a poll asks for, but for its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Question {
    pub(super) transport: Transport,
    /// Messages of an answer, at most.
    pub(super) limit: usize,
    /// How long it may be held.
    pub(super) hold: Duration,
    /// Whether `Prefer` had a say in that.
    pub(super) is_preferred: bool,
}

impl Default for Question {
    fn default() -> Self {
        Question {
            transport: Transport::Poll,
            limit: LIMIT_DEFAULT,
            hold: Duration::ZERO,
            is_preferred: false,
        }
    }
}

/// `GET /talkplace/poll` and `GET /talkplace/long-poll`: what is asked, and after which message; `None` asks for a cursor.
pub(in crate::server) fn question(
    worker: &Worker,
    transport: Transport,
    query: &str,
    headers: &HeaderMap,
) -> Result<(Question, Option<Seq>), Refusal> {
    let mut question = Question {
        transport,
        ..Question::default()
    };
    if transport == Transport::LongPoll {
        (question.hold, question.is_preferred) = hold(worker, query, headers)?;
    }
    question.limit = limit(query)?;
    let after = position(worker, parameter(query, "after")?.as_deref())?;
    Ok((question, after))
}

/// The answer to a question without a cursor.
pub(in crate::server) fn cursor(worker: &Worker, question: Question) -> Response<AnswerBody> {
    let server = &worker.server;
    let _present = server.metrics.present(question.transport);
    server.metrics.answered(question.transport, Answer::Cursor);
    let cursor = batch_json(&server.feed, server.feed.end().seq, &[]);
    let mut response = answer::json(StatusCode::OK, cursor);
    question.say_what_was_applied(&mut response);
    response
}

impl Question {
    /// Whether it is answered at once, and with nothing, as everybody's question of this kind: it is not to be held, and nothing follows its
    /// cursor.
    pub(in crate::server) fn finds_nothing(&self, feed: &Feed, after: After) -> bool {
        self.hold.is_zero() && !self.is_preferred && feed.ends_at(after)
    }

    /// Takes the hold away, to be done elsewhere; gives how long it was to be.
    pub(in crate::server) fn take_hold(&mut self) -> Duration {
        self.is_preferred = false;
        std::mem::take(&mut self.hold)
    }

    /// Adds `Preference-Applied` where it belongs (RFC 7240, section 3).
    pub(super) fn say_what_was_applied(&self, response: &mut Response<AnswerBody>) {
        if self.is_preferred {
            let applied = format!("wait={}", self.hold.as_secs()).try_into();
            let applied = applied.expect("`wait=` and digits are a header value");
            response.headers_mut().insert("preference-applied", applied);
        }
    }
}

/// How long the request may be held, and whether `Prefer` had a say in it.
fn hold(worker: &Worker, query: &str, headers: &HeaderMap) -> Result<(Duration, bool), Refusal> {
    let config = &worker.server.config;
    if let Some(text) = parameter(query, "timeout")? {
        let Wait(wait) = text
            .parse()
            .map_err(|error| Refusal::malformed(format!("The timeout is malformed: {error}.")))?;
        return Ok((wait.min(config.long_poll_cap), false));
    }
    let prefer = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(Wait::preferred);
    let wait = prefer.map_or(config.long_poll_timeout, |Wait(wait)| wait);
    Ok((wait.min(config.long_poll_cap), prefer.is_some()))
}

fn limit(query: &str) -> Result<usize, Refusal> {
    let Some(text) = parameter(query, "limit")? else {
        return Ok(LIMIT_DEFAULT);
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text
        .parse()
        .ok()
        .filter(|limit| digits && (1..=LIMIT_MOST).contains(limit));
    limit.ok_or_else(|| Refusal::malformed(format!("`limit` is a whole number from 1 to {LIMIT_MOST}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_its_bounds() {
        assert_eq!(limit(""), Ok(100));
        assert_eq!(limit("limit=1"), Ok(1));
        assert_eq!(limit("limit=1000"), Ok(1000));
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=",
            "limit=x",
            "limit=-1",
            "limit=%2B1",
            "limit=99999999999999999999",
        ] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
