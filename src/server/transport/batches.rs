use std::cell::{Ref, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::Instant;

use super::refusal_of;
use crate::feed::{Entry, Feed};
use crate::protocol::{Refusal, Seq};
use crate::server::answer::{self, Manner};

/// A batch has no more bytes of messages, so that a listener that asks and does not read costs a bounded amount of memory. One
/// message always fits.
const BYTES_MOST: usize = 256 << 10;

/// The same while many ask who do not read: what that costs goes with their number.
const BYTES_FEW: usize = 8 << 10;

/// Batches that are kept for others who ask for the same: the long polls that wait at one cursor.
const KEPT: usize = 4;

/// The batches that were just encoded on a worker, newest first. Everybody who waits at the same cursor shares one answer.
#[derive(Default)]
pub(in crate::server) struct Batches {
    encoded: RefCell<Vec<Encoded>>,
    /// The answer without one, and until when its date is right.
    nothing: RefCell<Option<(Instant, Bytes)>>,
}

/// What follows a cursor, as it is sent.
#[derive(Clone)]
pub(super) struct Encoded {
    after: Seq,
    limit: usize,
    /// The newest message of the feed when this was made: with another one it would be another batch.
    newest: Seq,
    pub(super) messages: u64,
    /// Head and body, for a connection that goes on.
    pub(super) answer: Bytes,
    head: usize,
}

impl Encoded {
    /// `{"next":"7f3a-18","messages":[…]}`
    pub(super) fn body(&self) -> Bytes {
        self.answer.slice(self.head..)
    }
}

impl Batches {
    /// The batch that follows `after`; `None` when nothing does. It is a short one while `is_crowded`.
    ///
    /// # Errors
    /// When the feed cannot go on from there.
    pub(super) fn read(
        &self,
        feed: &Feed,
        after: Seq,
        limit: usize,
        is_crowded: bool,
    ) -> Result<Option<Encoded>, Refusal> {
        let newest = feed.end().seq;
        if newest == after {
            return Ok(None);
        }
        let mut batches = self.encoded.borrow_mut();
        let same = |batch: &&Encoded| batch.after == after && batch.limit == limit && batch.newest == newest;
        if let Some(batch) = batches.iter().find(same) {
            return Ok(Some(batch.clone()));
        }
        let read = feed.read_after(after, limit).map_err(refusal_of)?;
        let most = if is_crowded { BYTES_FEW } else { BYTES_MOST };
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let is_first = bytes == 0;
            bytes += entry.json.len();
            is_first || bytes <= most
        };
        let entries: Vec<&Entry> = read.entries.iter().take_while(fits).collect();
        let Some(last) = entries.last().map(|entry| entry.seq) else {
            return Ok(None);
        };
        let messages: Vec<&[u8]> = entries.iter().map(|entry| &entry.json[..]).collect();
        let body = batch_json(feed, last, &messages);
        let length = body.len();
        let answer = answer::to_bytes(&answer::json(StatusCode::OK, body), Manner::default());
        let batch = Encoded {
            after,
            limit,
            newest,
            messages: messages.len() as u64,
            head: answer.len() - length,
            answer,
        };
        batches.truncate(KEPT - 1);
        batches.insert(0, batch.clone());
        Ok(Some(batch))
    }

    /// 204, for a connection that goes on: the same bytes until the second of their date is over.
    pub(super) fn nothing(&self, now: Instant) -> Ref<'_, Bytes> {
        let is_right = |nothing: &(Instant, Bytes)| now < nothing.0;
        if !self.nothing.borrow().as_ref().is_some_and(is_right) {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let left = Duration::from_secs(1) - Duration::from_nanos(since.subsec_nanos().into());
            let answer = answer::to_bytes(&answer::empty(StatusCode::NO_CONTENT), Manner::default());
            self.nothing.replace(Some((now + left, answer)));
        }
        Ref::map(self.nothing.borrow(), |nothing| {
            &nothing.as_ref().expect("it was just made").1
        })
    }
}

/// A batch, around messages that are already JSON.
pub(super) fn batch_json(feed: &Feed, next: Seq, messages: &[&[u8]]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Keep;
    use crate::protocol::Speaker;

    #[test]
    fn those_who_wait_at_one_cursor_share_one_answer() {
        let (feed, batches) = (Feed::new(Keep::default()), Batches::default());
        feed.publish(&Speaker::guest(), "a").unwrap();
        let first = batches.read(&feed, 0, 100, false).unwrap().unwrap();
        let second = batches.read(&feed, 0, 100, false).unwrap().unwrap();
        assert_eq!(first.answer.as_ptr(), second.answer.as_ptr());
        feed.publish(&Speaker::guest(), "b").unwrap();
        let third = batches.read(&feed, 0, 100, false).unwrap().unwrap();
        assert_eq!((first.messages, third.messages), (1, 2));
        assert!(batches.read(&feed, 2, 100, false).unwrap().is_none());
        for after in 0..2 {
            for limit in 1..10 {
                batches.read(&feed, after, limit, false).unwrap();
            }
        }
        assert!(batches.encoded.borrow().len() <= KEPT);
    }

    #[test]
    fn the_body_is_what_is_behind_the_head() {
        let (feed, batches) = (Feed::new(Keep::default()), Batches::default());
        feed.publish(&Speaker::guest(), "a").unwrap();
        let batch = batches.read(&feed, 0, 100, false).unwrap().unwrap();
        let (answer, body) = (batch.answer.clone(), batch.body());
        assert!(body.starts_with(br#"{"next":"#));
        assert!(answer.ends_with(&[b"\r\n\r\n", &body[..]].concat()));
    }

    #[test]
    fn a_batch_has_so_many_bytes_but_a_message_at_least() {
        let (feed, batches) = (Feed::new(Keep::default()), Batches::default());
        for length in [BYTES_MOST, BYTES_MOST / 2, BYTES_MOST / 4, BYTES_MOST / 4] {
            feed.publish(&Speaker::guest(), &"x".repeat(length)).unwrap();
        }
        let messages = |after| batches.read(&feed, after, 100, false).unwrap().unwrap().messages;
        assert_eq!([0, 1, 2, 3].map(messages), [1, 2, 2, 1]);
        // One at least, however much waits to be read.
        let few = Batches::default().read(&feed, 1, 100, true).unwrap().unwrap();
        assert_eq!(few.messages, 1);
    }

    #[test]
    fn a_batch_is_json_of_its_messages() {
        let feed = Feed::new(Keep::default());
        let json = String::from_utf8(batch_json(&feed, 7, &[b"{}", b"{}"])).unwrap();
        assert_eq!(json, format!(r#"{{"next":"{}-7","messages":[{{}},{{}}]}}"#, feed.id()));
    }
}
