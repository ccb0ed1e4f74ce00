//! Server-sent events: one GET whose answer never ends.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::time::{Instant, Sleep, sleep_until};

use super::position;
use crate::feed::{Entry, Feed};
use crate::protocol::{Refusal, Seq, Transport};
use crate::server::answer::{self, AnswerBody};
use crate::server::bell::Place;
use crate::server::metrics::{Answer, Cut, Present};
use crate::server::request::{parameter, single};
use crate::server::worker::Worker;

/// Messages read from the feed at a time.
const BATCH: usize = 64;

/// Events that are kept for the other listeners of the worker.
const EVENTS: usize = 64;

/// The events that were just framed on a worker, by seq: framed once, shared by all who listen.
#[derive(Default)]
pub(in crate::server) struct Framed {
    events: RefCell<VecDeque<(Seq, Bytes)>>,
}

/// The body of an event stream: what the feed has after the cursor, then what it takes in, with a comment now and then.
pub(in crate::server) struct EventStream {
    worker: Rc<Worker>,
    heard: Seq,
    opening: Option<Bytes>,
    read: VecDeque<Entry>,
    place: Place,
    heartbeat: Pin<Box<Sleep>>,
    _present: Present,
}

/// `GET /talkplace/events`
pub(in crate::server) fn events(
    worker: &Rc<Worker>,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response<AnswerBody>, Refusal> {
    const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
    let after = parameter(query, "after")?;
    let last = single(headers, &LAST_EVENT_ID)?;
    let feed = &worker.server.feed;
    let heard = position(worker, last.or(after.as_deref()))?.unwrap_or_else(|| feed.end().seq);
    worker.server.metrics.answered(Transport::Events, Answer::Opened);
    let stream = EventStream {
        opening: Some(format!("id: {}\n\n", feed.cursor(heard)).into()),
        heard,
        read: VecDeque::new(),
        place: worker.bell.place(),
        heartbeat: Box::pin(sleep_until(Instant::now() + worker.server.config.event_heartbeat)),
        _present: worker.server.metrics.present(Transport::Events),
        worker: Rc::clone(worker),
    };
    Ok(event_stream(AnswerBody::Events(Box::new(stream))))
}

/// The answer for a browser's `EventSource`, which shows a page neither the status nor the body of a refusal: a stream with
/// the refusal as its one event. `None` when the refusal, or whoever asked, takes the plain answer.
pub(in crate::server) fn refused_stream(refusal: &Refusal, headers: &HeaderMap) -> Option<Response<AnswerBody>> {
    let wanted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let wanted = wanted.flat_map(|value| value.split(',')).any(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    });
    if !wanted || ![410, 503].contains(&refusal.status()) {
        return None;
    }
    let retry_ms = refusal.retry_after_s().unwrap_or(3) * 1000;
    let body = format!("retry: {retry_ms}\nevent: refused\ndata: {}\n\n", refusal.to_json());
    Some(event_stream(AnswerBody::Whole(body.into())))
}

/// An event stream with this body.
pub(in crate::server) fn event_stream(body: AnswerBody) -> Response<AnswerBody> {
    let mut response = answer::whole(StatusCode::OK, "text/event-stream", Bytes::new());
    // nginx keeps an answer back until it is whole unless told not to.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    *response.body_mut() = body;
    response
}

impl EventStream {
    /// The next bytes of the stream; `None` ends it: the server shuts down, or the listener fell behind what the feed keeps.
    pub(in crate::server) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(opening));
        }
        loop {
            let seen = self.worker.bell.rings();
            let server = &self.worker.server;
            if self.read.is_empty() {
                match server.feed.read_after(self.heard, BATCH) {
                    Ok(batch) => self.read = batch.entries.into(),
                    Err(_) => {
                        server.metrics.cut(Cut::Behind);
                        return Poll::Ready(None);
                    }
                }
            }
            if let Some(entry) = self.read.pop_front() {
                self.heard = entry.seq;
                server.metrics.deliveries(Transport::Events).inc();
                return Poll::Ready(Some(self.worker.framed.event(&server.feed, &entry)));
            }
            if server.draining.is_cancelled() {
                return Poll::Ready(None);
            }
            if self.heartbeat.as_mut().poll(cx).is_ready() {
                self.heartbeat
                    .as_mut()
                    .reset(Instant::now() + server.config.event_heartbeat);
                return Poll::Ready(Some(Bytes::from_static(b":\n\n")));
            }
            if self.place.poll_rung(cx, seen).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Framed {
    /// The event of a message: `id:` and `data:`, each message's JSON being one line.
    fn event(&self, feed: &Feed, entry: &Entry) -> Bytes {
        let mut events = self.events.borrow_mut();
        if let Some((_, event)) = events.iter().rev().find(|(seq, _)| *seq == entry.seq) {
            return event.clone();
        }
        let mut event = format!("id: {}\ndata: ", feed.cursor(entry.seq)).into_bytes();
        event.extend_from_slice(&entry.json);
        event.extend_from_slice(b"\n\n");
        let event = Bytes::from(event);
        if events.len() == EVENTS {
            events.pop_front();
        }
        events.push_back((entry.seq, event.clone()));
        event
    }
}
