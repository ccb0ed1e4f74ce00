//! A long poll while it is held: no part of hyper's any more.
//!
//! While nothing is said there is nothing for hyper to do, and its buffers are most of what a connection weighs. So the connection takes
//! the socket back, as it does for a WebSocket, and waits with this. The worker's [fan-out](crate::server::fanout) writes the answer, one for
//! all who wait at the same cursor; the connection's own task is not woken for it, and goes on with hyper when the next request comes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::batches::{Batches, Encoded};
use crate::feed::Feed;
use crate::protocol::{Refusal, Seq, Transport};
use crate::server::answer::{self, AnswerBody, Manner};
use crate::server::metrics::{Answer, Present};
use crate::server::wire::Activity;
use crate::server::worker::Worker;

/// What a long poll waits for, and how it is answered.
pub(in crate::server) struct Hold {
    pub(super) after: Seq,
    pub(super) limit: usize,
    pub(super) until: Instant,
    /// How much of `Prefer` was applied, if it had a say.
    pub(super) applied: Option<Duration>,
    pub(super) place: OwnedSemaphorePermit,
    pub(super) present: [Present; 2],
}

/// A long poll that is held.
pub(in crate::server) struct HeldPoll {
    worker: Rc<Worker>,
    socket: Rc<TcpStream>,
    activity: Rc<Activity>,
    after: Seq,
    limit: usize,
    until: Instant,
    applied: Option<Duration>,
    manner: Cell<Manner>,
    state: RefCell<State>,
    /// Wakes the connection's own task.
    waker: Cell<Option<Waker>>,
    /// Counts it as held until it is answered.
    present: Cell<Option<(OwnedSemaphorePermit, [Present; 2])>>,
}

enum State {
    Waiting,
    /// This is not written yet.
    Full(Bytes),
    Answered,
    Broken,
}

/// How a held poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Held {
    /// The answer is out; whether the connection ends with it.
    Answered { ends: bool },
    /// The socket is broken.
    Broken,
}

/// The header that says how much of `Prefer: wait` was applied.
pub(super) fn preference_applied(hold: Duration) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::try_from(format!("wait={}", hold.as_secs()));
    (
        HeaderName::from_static("preference-applied"),
        value.expect("`wait=` and digits are a header value"),
    )
}

impl HeldPoll {
    pub(in crate::server) fn new(
        worker: Rc<Worker>,
        socket: Rc<TcpStream>,
        activity: Rc<Activity>,
        hold: Hold,
        manner: Manner,
    ) -> Rc<Self> {
        Rc::new(HeldPoll {
            worker,
            socket,
            activity,
            after: hold.after,
            limit: hold.limit,
            until: hold.until,
            applied: hold.applied,
            manner: Cell::new(manner),
            state: RefCell::new(State::Waiting),
            waker: Cell::new(None),
            present: Cell::new(Some((hold.place, hold.present))),
        })
    }

    /// When it is answered with nothing.
    pub(in crate::server) fn until(&self) -> Instant {
        self.until
    }

    /// Whether nothing is said yet.
    pub(in crate::server) fn is_waiting(&self) -> bool {
        matches!(*self.state.borrow(), State::Waiting)
    }

    /// Ready when the answer is out, by whomever. One task waits at a time.
    pub(in crate::server) fn poll_answered(&self, cx: &mut Context<'_>) -> Poll<Held> {
        loop {
            match &mut *self.state.borrow_mut() {
                State::Waiting => {
                    self.waker.set(Some(cx.waker().clone()));
                    return Poll::Pending;
                }
                State::Full(_) => {}
                State::Answered => {
                    return Poll::Ready(Held::Answered {
                        ends: self.manner.get().ends,
                    });
                }
                State::Broken => return Poll::Ready(Held::Broken),
            }
            if ready!(self.socket.poll_write_ready(cx)).is_err() {
                return Poll::Ready(Held::Broken);
            }
            self.flush();
        }
    }

    /// Answers if there is something to say.
    pub(in crate::server) fn look(&self, feed: &Feed, batches: &Batches) {
        if !self.is_waiting() {
            return;
        }
        match batches.read(feed, self.after, self.limit) {
            Ok(None) => {}
            Ok(Some(batch)) => self.answer_with(&batch),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Answers with what there is, or with nothing: time is up, for the connection too if it `ends`.
    pub(in crate::server) fn end(&self, ends: bool) {
        let manner = self.manner.get();
        self.manner.set(Manner {
            ends: ends || manner.ends,
            ..manner
        });
        self.look(&self.worker.server.feed, &self.worker.batches);
        if self.is_waiting() {
            self.counts(Answer::Empty);
            self.write_response(answer::empty(StatusCode::NO_CONTENT));
        }
    }

    fn answer_with(&self, batch: &Encoded) {
        self.counts(Answer::Messages);
        let metrics = &self.worker.server.metrics;
        metrics.deliveries(Transport::LongPoll).inc_by(batch.messages);
        if self.applied.is_none() && self.manner.get() == Manner::default() {
            self.write(batch.answer.clone());
        } else {
            self.write_response(answer::json(StatusCode::OK, batch.body()));
        }
    }

    fn refuse(&self, refusal: &Refusal) {
        self.worker.server.metrics.refused(refusal);
        self.counts(Answer::Refused);
        self.write_response(answer::refused(refusal));
    }

    fn write_response(&self, mut response: Response<AnswerBody>) {
        if let Some(hold) = self.applied.filter(|_| response.status().is_success()) {
            response.headers_mut().extend([preference_applied(hold)]);
        }
        self.write(answer::to_bytes(&response, self.manner.get()));
    }

    fn counts(&self, answer: Answer) {
        self.worker.server.metrics.answered(Transport::LongPoll, answer);
        self.present.take();
    }

    fn write(&self, answer: Bytes) {
        self.state.replace(State::Full(answer));
        self.flush();
        // The connection's own task writes what the socket had no room for.
        if !matches!(*self.state.borrow(), State::Answered)
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    /// Writes what is not written yet, as far as the socket takes it.
    fn flush(&self) {
        let mut state = self.state.borrow_mut();
        let State::Full(rest) = &mut *state else { return };
        match self.activity.write(&self.socket, rest) {
            Ok(written) => rest.advance(written),
            Err(_) => {
                *state = State::Broken;
                return;
            }
        }
        if rest.is_empty() {
            *state = State::Answered;
            self.activity.has_answered();
        }
    }
}
