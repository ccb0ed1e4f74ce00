//! Short and long polling: one handler, with a hold of zero or more.

use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;

use super::batches::batch_json;
use super::held::{Hold, preference_applied};
use super::position;
use crate::protocol::{Refusal, Seq, Transport, Wait};
use crate::server::answer::{self, AnswerBody};
use crate::server::metrics::Answer;
use crate::server::request::parameter;
use crate::server::worker::Worker;

/// A batch has at most so many messages.
const LIMIT_MOST: usize = 1_000;
const LIMIT_DEFAULT: usize = 100;

/// What becomes of a long poll.
pub(in crate::server) enum LongPoll {
    /// It is answered at once.
    Now(Response<AnswerBody>),
    /// It is held.
    Held(Hold),
}

/// `GET /talkplace/poll`
pub(in crate::server) fn poll(worker: &Worker, query: &str) -> Result<Response<AnswerBody>, Refusal> {
    let _present = worker.server.metrics.present(Transport::Poll);
    match at_once(worker, Transport::Poll, query)? {
        Look::Something(response) => Ok(response),
        Look::Nothing { .. } => Ok(nothing(worker, Transport::Poll)),
    }
}

/// `GET /talkplace/long-poll`
pub(in crate::server) fn long_poll(worker: &Worker, query: &str, headers: &HeaderMap) -> Result<LongPoll, Refusal> {
    let metrics = &worker.server.metrics;
    let present = metrics.present(Transport::LongPoll);
    let (hold, preferred) = hold(worker, query, headers)?;
    let applied = preferred.then_some(hold);
    let mut response = match at_once(worker, Transport::LongPoll, query)? {
        Look::Something(response) => response,
        Look::Nothing { .. } if hold.is_zero() => nothing(worker, Transport::LongPoll),
        Look::Nothing { after, limit } => {
            let place = Arc::clone(&worker.server.places).try_acquire_owned();
            return Ok(LongPoll::Held(Hold {
                after,
                limit,
                until: Instant::now() + hold,
                applied,
                place: place.map_err(|_| Refusal::TooManyHeld)?,
                present: [present, metrics.held()],
            }));
        }
    };
    response.headers_mut().extend(applied.map(preference_applied));
    Ok(LongPoll::Now(response))
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

/// What a look at the feed finds.
enum Look {
    /// Messages, or the cursor that was asked for.
    Something(Response<AnswerBody>),
    /// Nothing that follows yet.
    Nothing { after: Seq, limit: usize },
}

fn at_once(worker: &Worker, transport: Transport, query: &str) -> Result<Look, Refusal> {
    let limit = limit(query)?;
    let (feed, metrics) = (&worker.server.feed, &worker.server.metrics);
    let Some(after) = position(worker, parameter(query, "after")?.as_deref())? else {
        metrics.answered(transport, Answer::Cursor);
        let cursor = batch_json(feed, feed.end().seq, &[]);
        return Ok(Look::Something(answer::json(StatusCode::OK, cursor)));
    };
    let Some(batch) = worker.batches.read(feed, after, limit)? else {
        return Ok(Look::Nothing { after, limit });
    };
    metrics.answered(transport, Answer::Messages);
    metrics.deliveries(transport).inc_by(batch.messages);
    Ok(Look::Something(answer::json(StatusCode::OK, batch.body())))
}

fn nothing(worker: &Worker, transport: Transport) -> Response<AnswerBody> {
    worker.server.metrics.answered(transport, Answer::Empty);
    answer::empty(StatusCode::NO_CONTENT)
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
