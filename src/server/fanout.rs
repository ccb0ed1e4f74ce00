//! The fast path of the server: one message to every WebSocket of a worker.
//!
//! One task per worker waits for the feed. It frames what is new once, joined in one piece of memory, and writes it to each
//! socket itself with a single call: nothing is copied for a listener, and no listener's task is woken. Only a socket that
//! is full is left to its own task, which reads on from the listener's cursor as the socket takes it.
//!
//! One piece and a plain write, since gathering the pieces anew for each listener costs the system more than joining them
//! once for all.
//!
//! Everything here belongs to one worker, so that cells will do and nobody meets at a lock.

mod frames;
mod outbox;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use prometheus::Histogram;
use slab::Slab;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bell::Bell;
use crate::feed::{Feed, ReadError};
use crate::protocol::Seq;
use frames::Frames;

pub(super) use outbox::{CaughtUp, Counted, Outbox};

/// Messages that are framed and written at a time.
const BATCH: usize = 64;
/// Listeners served before other tasks of the worker get their turn.
const TURN: usize = 64;

/// Who is there to be written to.
pub(super) struct Fanout {
    outboxes: RefCell<Slab<Rc<Outbox>>>,
    /// Up to where the fan-out has delivered. A listener that has heard less is looked after by its own task.
    position: Cell<Seq>,
}

/// A listener's membership; ends when dropped.
pub(super) struct Membership {
    fanout: Rc<Fanout>,
    key: usize,
}

impl Fanout {
    pub(super) fn new(feed: &Feed) -> Rc<Self> {
        Rc::new(Fanout {
            outboxes: RefCell::default(),
            position: Cell::new(feed.end().seq),
        })
    }

    /// Takes a listener in.
    pub(super) fn join(self: &Rc<Self>, outbox: Rc<Outbox>) -> Membership {
        let key = self.outboxes.borrow_mut().insert(outbox);
        Membership {
            fanout: Rc::clone(self),
            key,
        }
    }

    /// Delivers whatever the feed takes in, and rings the bell for those who are not WebSockets; for ever.
    ///
    /// When `draining` is cancelled it wakes everybody once more, so that they see it.
    pub(super) async fn run(&self, feed: &Feed, bell: &Bell, draining: &CancellationToken, took: &Histogram) {
        let mut newest = feed.watch();
        let mut drained = false;
        loop {
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = draining.cancelled(), if !drained => {
                    drained = true;
                    self.wake_all();
                }
            }
            let woken = Instant::now();
            bell.ring();
            self.deliver(feed).await;
            took.observe(woken.elapsed().as_secs_f64());
        }
    }

    async fn deliver(&self, feed: &Feed) {
        loop {
            let batch = match feed.read_after(self.position.get(), BATCH) {
                Ok(batch) => batch,
                // Publishers were quicker than this loop: each listener's own task finds out what that means for it.
                Err(ReadError::Gone { .. } | ReadError::Ahead { .. }) => {
                    self.position.set(feed.end().seq);
                    self.wake_all();
                    return;
                }
            };
            let Some(last) = batch.entries.last().map(|entry| entry.seq) else {
                return;
            };
            let before = self.position.replace(last);
            let frames = Frames::of(&batch.entries);
            let mut key = 0;
            while key < self.outboxes.borrow().capacity() {
                let outbox = self.outboxes.borrow().get(key).cloned();
                if let Some(outbox) = outbox.filter(|outbox| outbox.heard.get() >= before) {
                    outbox.offer(&frames);
                }
                key += 1;
                if key.is_multiple_of(TURN) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn wake_all(&self) {
        for (_, outbox) in self.outboxes.borrow().iter() {
            outbox.call();
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.fanout.outboxes.borrow_mut().remove(self.key);
    }
}
