//! The fast path of the server: one message to everybody on a worker who waits for it.
//!
//! One task per worker waits for the feed. It puts what is new in its envelope once, joined in one piece of memory, and writes it to each
//! socket itself with a single call: nothing is copied for a listener, and no listener's task is woken. Only a socket that
//! is full is left to its own task, which reads on from the listener's cursor as the socket takes it. Held polls are answered
//! in the same way: one answer, head and all, for all who wait at the same cursor.
//!
//! One piece and a plain write, since gathering the pieces anew for each listener costs the system more than joining them
//! once for all.
//!
//! Everything here belongs to one worker, so that cells will do and nobody meets at a lock.

mod envelope;
mod frames;
mod members;
mod outbox;

use std::cell::Cell;
use std::rc::Rc;

use tokio::time::Instant;

use super::Server;
use super::metrics::Metrics;
use super::transport::{Asked, Batches};
use crate::feed::{Entry, Feed, ReadError};
use crate::protocol::Seq;
use frames::Frames;
use members::Members;

pub(super) use envelope::Envelope;
pub(super) use members::Membership;
pub(super) use outbox::{CaughtUp, Counted, Outbox};

/// Messages that are wrapped and written at a time.
const BATCH: usize = 64;

/// Who is there to be written to.
pub(super) struct Fanout {
    pub(super) streams: Rc<Members<Outbox>>,
    /// Polls that are held.
    pub(super) asked: Rc<Members<Asked>>,
    /// Up to where the fan-out has delivered. A stream that has heard less is looked after by its own task.
    position: Cell<Seq>,
}

impl Fanout {
    pub(super) fn new(feed: &Feed) -> Self {
        Fanout {
            streams: Members::new(),
            asked: Members::new(),
            position: Cell::new(feed.end().seq),
        }
    }

    /// Delivers whatever the feed takes in; for ever.
    ///
    /// When `draining` is cancelled it wakes everybody once more, so that they see it.
    pub(super) async fn run(&self, server: &Server, batches: &Batches) {
        let Server {
            feed,
            metrics,
            draining,
            ..
        } = server;
        let mut newest = feed.watch();
        let mut drained = false;
        loop {
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = draining.cancelled(), if !drained => {
                    drained = true;
                    self.streams.each_now(Outbox::call);
                }
            }
            let woken = Instant::now();
            self.deliver(feed, batches, metrics).await;
            metrics.fan_out.observe(woken.elapsed().as_secs_f64());
        }
    }

    async fn deliver(&self, feed: &Feed, batches: &Batches, metrics: &Metrics) {
        loop {
            let batch = match feed.read_after(self.position.get(), BATCH) {
                Ok(batch) => batch,
                // Publishers were quicker than this loop: each listener's own task finds out what that means for it.
                Err(ReadError::Gone { .. } | ReadError::Ahead { .. }) => {
                    self.position.set(feed.end().seq);
                    self.streams.each_now(Outbox::call);
                    self.asked.each(|asked| asked.look(feed, batches)).await;
                    return;
                }
            };
            let Some(last) = batch.entries.last().map(|entry| entry.seq) else {
                return;
            };
            let before = self.position.replace(last);
            let mut wrapped = Wrapped::new(feed, &batch.entries);
            // Counted once for all.
            let mut delivered = [0; Envelope::COUNT];
            self.streams
                .each(|outbox| {
                    if outbox.heard() >= before {
                        let envelope = outbox.envelope();
                        delivered[envelope as usize] += outbox.offer(wrapped.in_an(envelope));
                    }
                })
                .await;
            for envelope in Envelope::ALL {
                metrics
                    .deliveries(envelope.transport())
                    .inc_by(delivered[envelope as usize]);
            }
            self.asked.each(|asked| asked.look(feed, batches)).await;
        }
    }
}

/// A batch in each envelope that somebody asks for.
struct Wrapped<'a> {
    feed: &'a Feed,
    entries: &'a [Entry],
    frames: [Option<Frames>; Envelope::COUNT],
}

impl<'a> Wrapped<'a> {
    fn new(feed: &'a Feed, entries: &'a [Entry]) -> Self {
        Wrapped {
            feed,
            entries,
            frames: Default::default(),
        }
    }

    fn in_an(&mut self, envelope: Envelope) -> &Frames {
        self.frames[envelope as usize].get_or_insert_with(|| Frames::of(envelope, self.feed, self.entries))
    }
}
