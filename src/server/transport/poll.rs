//! Short and long polling: one handler, with a hold of zero or more.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;

use super::{position, refusal_of};
use crate::feed::{Entry, Feed};
use crate::protocol::{Refusal, Seq, Transport, Wait};
use crate::server::answer::{self, AnswerBody};
use crate::server::metrics::Answer;
use crate::server::request::parameter;
use crate::server::specimen::{self, Waiting};
use crate::server::worker::Worker;

/// A batch has at most so many messages.
const LIMIT_MOST: usize = 1_000;
const LIMIT_DEFAULT: usize = 100;

/// Nor has it more bytes of messages, so that a listener that asks and does not read costs a bounded amount of memory. One
/// message always fits.
const BYTES_MOST: usize = 256 << 10;

/// Encoded batches that are kept for others who ask for the same: the long polls that wait at one cursor.
const BATCHES: usize = 4;

/// The batches that were just encoded on a worker, newest first. Everybody who waits at the same cursor shares one body.
#[derive(Default)]
pub(in crate::server) struct Held {
    batches: RefCell<Vec<Encoded>>,
}

#[derive(Clone)]
struct Encoded {
    after: Seq,
    limit: usize,
    /// The newest message of the feed when this was made: with another one it would be another batch.
    newest: Seq,
    messages: u64,
    body: Bytes,
}

/// `GET /talkplace/poll`
pub(in crate::server) async fn poll(worker: &Worker, query: &str) -> Result<Response<AnswerBody>, Refusal> {
    let _present = worker.server.metrics.present(Transport::Poll);
    hear(worker, Transport::Poll, query, Duration::ZERO).await
}

/// `GET /talkplace/long-poll`
pub(in crate::server) async fn long_poll(
    worker: &Worker,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response<AnswerBody>, Refusal> {
    let _present = worker.server.metrics.present(Transport::LongPoll);
    let (hold, preferred) = hold(worker, query, headers)?;
    let mut response = hear(worker, Transport::LongPoll, query, hold).await?;
    if preferred {
        let applied = format!("wait={}", hold.as_secs());
        let applied = HeaderValue::try_from(applied).expect("`wait=` and digits are a header value");
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
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

/// Answers with what follows the cursor, as soon as something does, or with 204 when `hold` has passed.
async fn hear(
    worker: &Worker,
    transport: Transport,
    query: &str,
    hold: Duration,
) -> Result<Response<AnswerBody>, Refusal> {
    let limit = limit(query)?;
    let metrics = &worker.server.metrics;
    let Some(after) = position(worker, parameter(query, "after")?.as_deref())? else {
        metrics.answered(transport, Answer::Cursor);
        return Ok(answer::json(
            StatusCode::OK,
            batch_json(&worker.server.feed, worker.server.feed.end().seq, &[]),
        ));
    };
    match next_batch(worker, after, limit, hold).await? {
        Some(batch) => {
            metrics.answered(transport, Answer::Messages);
            metrics.deliveries(transport).inc_by(batch.messages);
            Ok(answer::json(StatusCode::OK, batch.body))
        }
        None => {
            metrics.answered(transport, Answer::Empty);
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
    }
}

/// What follows `after`: at once when there is something, else as soon as there is; `None` when `hold` passes before, or the
/// server shuts down. Dropping it leaves nothing behind.
async fn next_batch(worker: &Worker, after: Seq, limit: usize, hold: Duration) -> Result<Option<Encoded>, Refusal> {
    // Most short polls end here: no timer, no place at the bell.
    if let Some(batch) = worker.held.read(&worker.server.feed, after, limit)? {
        return Ok(Some(batch));
    }
    if hold.is_zero() {
        return Ok(None);
    }
    let _place = worker.server.places.try_acquire().map_err(|_| Refusal::TooManyHeld)?;
    let _held = worker.server.metrics.held();
    if worker.server.config.waiting != Waiting::Woken {
        specimen::hold(worker, after, hold).await?;
        return worker.held.read(&worker.server.feed, after, limit);
    }
    let deadline = tokio::time::sleep_until(Instant::now() + hold);
    tokio::pin!(deadline);
    let place = worker.bell.place();
    loop {
        let seen = worker.bell.rings();
        if let Some(batch) = worker.held.read(&worker.server.feed, after, limit)? {
            return Ok(Some(batch));
        }
        if worker.server.draining.is_cancelled() {
            return Ok(None);
        }
        tokio::select! {
            biased;
            () = place.rung(seen) => {}
            () = &mut deadline => return Ok(None),
        }
    }
}

impl Held {
    /// The batch that follows `after`, encoded; `None` when nothing does.
    fn read(&self, feed: &Feed, after: Seq, limit: usize) -> Result<Option<Encoded>, Refusal> {
        let newest = feed.end().seq;
        if newest == after {
            return Ok(None);
        }
        let mut batches = self.batches.borrow_mut();
        let same = |batch: &&Encoded| batch.after == after && batch.limit == limit && batch.newest == newest;
        if let Some(batch) = batches.iter().find(same) {
            return Ok(Some(batch.clone()));
        }
        let read = feed.read_after(after, limit).map_err(refusal_of)?;
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let is_first = bytes == 0;
            bytes += entry.json.len();
            is_first || bytes <= BYTES_MOST
        };
        let entries: Vec<&Entry> = read.entries.iter().take_while(fits).collect();
        let Some(last) = entries.last().map(|entry| entry.seq) else {
            return Ok(None);
        };
        let messages: Vec<&[u8]> = entries.iter().map(|entry| &entry.json[..]).collect();
        let body = batch_json(feed, last, &messages).into();
        let batch = Encoded {
            after,
            limit,
            newest,
            messages: messages.len() as u64,
            body,
        };
        batches.truncate(BATCHES - 1);
        batches.insert(0, batch.clone());
        Ok(Some(batch))
    }
}

/// `{"next":"7f3a-18","messages":[…]}`, around messages that are already JSON.
fn batch_json(feed: &Feed, next: Seq, messages: &[&[u8]]) -> Vec<u8> {
    let mut json = format!(r#"{{"next":"{}","messages":["#, feed.cursor(next)).into_bytes();
    json.reserve_exact(messages.iter().map(|message| message.len() + 1).sum::<usize>() + 2);
    for (n, message) in messages.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        json.extend_from_slice(message);
    }
    json.extend_from_slice(b"]}");
    json
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
    use crate::feed::Keep;
    use crate::protocol::Speaker;

    #[test]
    fn those_who_wait_at_one_cursor_share_one_body() {
        let (feed, held) = (Feed::new(Keep::default()), Held::default());
        feed.publish(&Speaker::guest(), "a").unwrap();
        let first = held.read(&feed, 0, 100).unwrap().unwrap();
        let second = held.read(&feed, 0, 100).unwrap().unwrap();
        assert_eq!(first.body.as_ptr(), second.body.as_ptr());
        feed.publish(&Speaker::guest(), "b").unwrap();
        let third = held.read(&feed, 0, 100).unwrap().unwrap();
        assert_eq!((first.messages, third.messages), (1, 2));
        assert!(held.read(&feed, 2, 100).unwrap().is_none());
        for after in 0..2 {
            for limit in 1..10 {
                held.read(&feed, after, limit).unwrap();
            }
        }
        assert!(held.batches.borrow().len() <= BATCHES);
    }

    #[test]
    fn a_batch_has_so_many_bytes_but_a_message_at_least() {
        let (feed, held) = (Feed::new(Keep::default()), Held::default());
        for length in [BYTES_MOST, BYTES_MOST / 2, BYTES_MOST / 4, BYTES_MOST / 4] {
            feed.publish(&Speaker::guest(), &"x".repeat(length)).unwrap();
        }
        let messages = |after| held.read(&feed, after, 100).unwrap().unwrap().messages;
        assert_eq!([0, 1, 2, 3].map(messages), [1, 2, 2, 1]);
    }

    #[test]
    fn a_batch_is_json_of_its_messages() {
        let feed = Feed::new(Keep::default());
        let json = String::from_utf8(batch_json(&feed, 7, &[b"{}", b"{}"])).unwrap();
        assert_eq!(json, format!(r#"{{"next":"{}-7","messages":[{{}},{{}}]}}"#, feed.id()));
    }

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
