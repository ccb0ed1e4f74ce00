//! A poll from when it was read until it is answered: no part of hyper's any more.
//!
//! While a poll is held there is nothing for hyper to do, and its buffers are most of what a connection weighs. So the connection takes
//! its socket back, as it does for a WebSocket, and waits with this. The worker's [fan-out](crate::server::fanout) writes the answer, one for
//! all who wait at the same cursor; the connection's own task is not woken for it, and goes on when the next request comes.
//!
//! A poll that is not held is answered in the same way, at once; and one to which nothing is new, asked again, without even becoming one of
//! these ([`Asked::say_nothing`]).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes};
use hyper::{Response, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::batches::{Batches, Encoded};
use super::poll::Question;
use crate::feed::Feed;
use crate::protocol::{Refusal, Seq, Transport};
use crate::server::Server;
use crate::server::answer::{self, AnswerBody, Manner};
use crate::server::fanout::Membership;
use crate::server::metrics::{Answer, Present};
use crate::server::queued::Queued;
use crate::server::wire::Activity;
use crate::server::worker::Worker;

/// A poll that is being answered.
pub(in crate::server) struct Asked {
    worker: Rc<Worker>,
    socket: Rc<TcpStream>,
    activity: Rc<Activity>,
    question: Question,
    after: Seq,
    manner: Cell<Manner>,
    state: RefCell<State>,
    /// Wakes the connection's own task.
    waker: Cell<Option<Waker>>,
    /// Whether that has something to do as soon as this is answered.
    is_followed: Cell<bool>,
    /// Counts it until it is answered.
    present: Cell<Option<Present>>,
    queued: RefCell<Queued>,
    held: Cell<Option<Hold>>,
}

/// What a poll has while it is held.
struct Hold {
    _place: OwnedSemaphorePermit,
    _present: Present,
}

enum State {
    /// Until then.
    Waiting(Instant),
    /// This is not written yet.
    Unwritten(Bytes),
    Answered,
    Broken,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Outcome {
    /// The answer is out; whether the connection ends with it.
    Answered { ends: bool },
    /// The socket is broken.
    Broken,
}

impl Asked {
    /// Answers at once, or holds the poll: then it has a place in the fan-out.
    pub(in crate::server) fn answer(
        worker: &Rc<Worker>,
        socket: &Rc<TcpStream>,
        activity: &Rc<Activity>,
        question: Question,
        after: Seq,
        manner: Manner,
    ) -> (Rc<Asked>, Option<Membership<Asked>>) {
        let server = &worker.server;
        let state = State::Waiting(Instant::now() + question.hold);
        let asked = Asked::new(worker, socket, activity, question, after, manner, state);
        asked.look(&server.feed, &worker.batches);
        if asked.waits_until().is_none() {
            return (asked, None);
        }
        if question.hold.is_zero() {
            asked.end(false);
            return (asked, None);
        }
        let Ok(place) = Arc::clone(&server.places).try_acquire_owned() else {
            asked.refuse(&Refusal::TooManyHeld);
            return (asked, None);
        };
        asked.held.set(Some(Hold {
            _place: place,
            _present: server.metrics.held(),
        }));
        let membership = worker.fanout.asked.join(Rc::clone(&asked));
        (asked, Some(membership))
    }

    /// Answers that nothing is new, as most polls are answered: without what those need who wait or are told something. `None` when that is
    /// out; else what is left of it to do.
    pub(in crate::server) fn say_nothing(
        worker: &Rc<Worker>,
        socket: &Rc<TcpStream>,
        activity: &Rc<Activity>,
        question: Question,
    ) -> Option<Rc<Asked>> {
        let Server { feed, metrics, .. } = &*worker.server;
        let now = Instant::now();
        let nothing = worker.batches.nothing(now);
        metrics.answered(question.transport, Answer::Empty);
        let state = match activity.write(socket, &nothing) {
            Ok(written) if written == nothing.len() => {
                activity.has_answered(now);
                return None;
            }
            Ok(written) => State::Unwritten(nothing.slice(written..)),
            Err(_) => State::Broken,
        };
        let (after, manner) = (feed.end().seq, Manner::default());
        Some(Asked::new(worker, socket, activity, question, after, manner, state))
    }

    fn new(
        worker: &Rc<Worker>,
        socket: &Rc<TcpStream>,
        activity: &Rc<Activity>,
        question: Question,
        after: Seq,
        manner: Manner,
        state: State,
    ) -> Rc<Asked> {
        let metrics = &worker.server.metrics;
        Rc::new(Asked {
            worker: Rc::clone(worker),
            socket: Rc::clone(socket),
            activity: Rc::clone(activity),
            question,
            after,
            manner: Cell::new(manner),
            state: RefCell::new(state),
            waker: Cell::new(None),
            is_followed: Cell::new(manner.ends),
            present: Cell::new(Some(metrics.present(question.transport))),
            queued: RefCell::new(Queued::new(metrics.queued.clone())),
            held: Cell::new(None),
        })
    }

    /// When it is answered with nothing; `None` when it is answered.
    pub(in crate::server) fn waits_until(&self) -> Option<Instant> {
        match *self.state.borrow() {
            State::Waiting(until) => Some(until),
            _ => None,
        }
    }

    /// What it waits for, while it is held: whatever follows this.
    pub(in crate::server) fn waits_after(&self) -> Option<(Transport, Seq)> {
        let is_held = self.waits_until().is_some();
        is_held.then_some((self.question.transport, self.after))
    }

    /// Something has come behind it that is not read yet: nobody else will wake the connection's task for that.
    pub(in crate::server) fn is_followed(&self) {
        self.is_followed.set(true);
    }

    /// Ready when the answer is out, by whomever. One task waits at a time.
    pub(in crate::server) fn poll_answered(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            match &*self.state.borrow() {
                State::Waiting(_) => {
                    self.waker.set(Some(cx.waker().clone()));
                    return Poll::Pending;
                }
                State::Unwritten(_) => {}
                State::Answered => {
                    let ends = self.manner.get().ends;
                    return Poll::Ready(Outcome::Answered { ends });
                }
                State::Broken => return Poll::Ready(Outcome::Broken),
            }
            if ready!(self.socket.poll_write_ready(cx)).is_err() {
                return Poll::Ready(Outcome::Broken);
            }
            self.flush();
        }
    }

    /// Answers if there is something to say.
    pub(in crate::server) fn look(&self, feed: &Feed, batches: &Batches) {
        if self.waits_until().is_none() {
            return;
        }
        let server = &self.worker.server;
        let is_crowded = usize::try_from(server.metrics.queued.get())
            .is_ok_and(|queued| queued >= server.config.limits.unread_bytes);
        match batches.read(feed, self.after, self.question.limit, is_crowded) {
            Ok(None) => {}
            Ok(Some(batch)) => self.answer_with(&batch),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Answers with what there is, or with nothing: time is up, for the connection too if it `ends`.
    pub(in crate::server) fn end(&self, ends: bool) {
        let mut manner = self.manner.get();
        manner.ends |= ends;
        self.manner.set(manner);
        self.look(&self.worker.server.feed, &self.worker.batches);
        if self.waits_until().is_none() {
            return;
        }
        self.counts(Answer::Empty);
        if self.is_plain() {
            let nothing = self.worker.batches.nothing(Instant::now()).clone();
            self.write(nothing);
        } else {
            self.write_response(answer::empty(StatusCode::NO_CONTENT));
        }
    }

    fn answer_with(&self, batch: &Encoded) {
        self.counts(Answer::Messages);
        let deliveries = self.worker.server.metrics.deliveries(self.question.transport);
        deliveries.inc_by(batch.messages);
        if self.is_plain() {
            self.write(batch.answer.clone());
        } else {
            self.write_response(answer::json(StatusCode::OK, batch.body()));
        }
    }

    fn refuse(&self, refusal: &Refusal) {
        self.worker.server.metrics.refused(refusal);
        self.counts(Answer::Refused);
        self.write(answer::to_bytes(&answer::refused(refusal), self.manner.get()));
    }

    /// Whether its answer is that of all others who ask for the same.
    fn is_plain(&self) -> bool {
        !self.question.is_preferred && self.manner.get() == Manner::default()
    }

    fn write_response(&self, mut response: Response<AnswerBody>) {
        self.question.say_what_was_applied(&mut response);
        self.write(answer::to_bytes(&response, self.manner.get()));
    }

    fn counts(&self, answer: Answer) {
        let metrics = &self.worker.server.metrics;
        metrics.answered(self.question.transport, answer);
        self.present.take();
        self.held.take();
    }

    fn write(&self, answer: Bytes) {
        self.state.replace(State::Unwritten(answer));
        self.flush();
        // The connection's own task writes what the socket had no room for, and goes on with what follows.
        let is_out = matches!(*self.state.borrow(), State::Answered);
        let is_over = is_out && !self.is_followed.get();
        if let Some(waker) = self.waker.take().filter(|_| !is_over) {
            waker.wake();
        }
    }

    /// Writes what is not written yet, as far as the socket takes it.
    fn flush(&self) {
        let mut state = self.state.borrow_mut();
        let State::Unwritten(rest) = &mut *state else { return };
        match self.activity.write(&self.socket, rest) {
            Ok(written) => rest.advance(written),
            Err(_) => {
                self.queued.borrow_mut().set(0);
                *state = State::Broken;
                return;
            }
        }
        self.queued.borrow_mut().set(rest.len());
        if rest.is_empty() {
            *state = State::Answered;
            self.activity.has_answered(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::server::Config;
    use crate::server::wire::Overdue;

    #[tokio::test]
    async fn what_the_socket_does_not_take_of_nothing_is_written_later() {
        let config = Config::default();
        let server = Server::new(Feed::new(config.keep), config);
        let worker = Rc::new(Worker::new(Arc::new(server)));
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = TcpStream::connect(door.local_addr().unwrap());
        let (peer, ours) = tokio::join!(connecting, door.accept());
        let (mut peer, socket) = (peer.unwrap(), Rc::new(ours.unwrap().0));
        let activity = Rc::new(Activity::new(worker.server.metrics.blocked_http.clone()));
        let say = || Asked::say_nothing(&worker, &socket, &activity, Question::default());

        assert!(say().is_none(), "there is room for the first");
        let mut full = 0;
        while let Ok(written) = socket.try_write(&[0; 4096]) {
            full += written;
        }
        let asked = say().expect("the socket is full");
        let due = activity.deadline(&worker.server.config.limits);
        assert!(
            matches!(due, Some((_, Overdue::Stalled))),
            "whoever does not read is let go"
        );
        let mut heard = Vec::new();
        let answered = poll_fn(|cx| asked.poll_answered(cx));
        let reading = async {
            let mut last = [0; 4096];
            while !(heard.len() > full && heard.ends_with(b"\r\n\r\n")) {
                let read = peer.read(&mut last).await.unwrap();
                heard.extend_from_slice(&last[..read]);
            }
        };
        let (outcome, ()) = tokio::join!(answered, reading);
        assert_eq!(outcome, Outcome::Answered { ends: false });
        let is_beginning = |place: &[u8]| place == b"HTTP/1.1 204";
        assert_eq!(heard.windows(12).filter(|place| is_beginning(place)).count(), 2);
        assert_eq!(worker.server.metrics.queued.get(), 0);
    }
}
