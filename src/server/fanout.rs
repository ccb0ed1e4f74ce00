//! The fast path of the server: one message to everybody on a worker who waits for it.
//!
//! One task per worker waits for the feed. It puts what is new in its envelope once, joined in one piece of memory, and writes it to each
//! socket itself with a single call: nothing is copied for a listener, and no listener's task is woken. A listener whose socket
//! is full leaves the [row] and is left to its own task, which reads on from the listener's cursor as the socket takes it. Held polls are answered
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
mod row;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Server;
use super::behind::Furthest;
use super::metrics::Metrics;
use super::transport::{Asked, Batches};
use crate::feed::{Entry, Feed, ReadError};
use crate::protocol::Seq;
use frames::Frames;
use members::Members;
use row::Row;

pub(super) use envelope::Envelope;
pub(super) use members::Membership;
pub(super) use outbox::{CaughtUp, Counted, Outbox, OwnOutbox};

/// Messages that are wrapped and written at a time.
const BATCH: usize = 64;

/// Who is there to be written to.
pub(super) struct Fanout {
    row: Rc<Row>,
    /// Polls that are held.
    pub(super) asked: Rc<Members<Asked>>,
    /// Up to where it has delivered.
    position: Cell<Seq>,
}

impl Fanout {
    /// Of a worker whose event streams get a comment once in `heartbeat`.
    pub(super) fn new(feed: &Feed, heartbeat: Duration) -> Self {
        Fanout {
            row: Rc::new(Row::new(heartbeat)),
            asked: Members::new(),
            position: Cell::new(feed.end().seq),
        }
    }

    /// A stream's way out, of a listener that has heard everything up to `heard`.
    pub(super) fn outbox(&self, socket: Rc<TcpStream>, envelope: Envelope, heard: Seq, counted: Counted) -> OwnOutbox {
        OwnOutbox::new(&self.row, socket, envelope, heard, counted)
    }

    /// Who is furthest behind.
    pub(super) fn furthest(&self) -> Furthest {
        let mut furthest = Furthest::default();
        self.row
            .each_heard(|envelope, heard| furthest.add(envelope.transport(), heard));
        self.asked.each_now(|asked| {
            if let Some((transport, after)) = asked.waits_after() {
                furthest.add(transport, after);
            }
        });
        furthest
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
                    self.row.call();
                }
            }
            let woken = Instant::now();
            self.deliver(feed, batches, metrics).await;
            metrics.fan_out.observe(woken.elapsed().as_secs_f64());
        }
    }

    /// Keeps event streams alive that hear nothing; for ever.
    pub(super) async fn keep_alive(&self) {
        self.row.keep_alive().await;
    }

    async fn deliver(&self, feed: &Feed, batches: &Batches, metrics: &Metrics) {
        loop {
            let batch = match feed.read_after(self.position.get(), BATCH) {
                Ok(batch) => batch,
                // Publishers were quicker than this loop: each listener's own task finds out what that means for it.
                Err(ReadError::Gone { .. } | ReadError::Ahead { .. }) => {
                    self.position.set(feed.end().seq);
                    self.row.call();
                    self.asked.each(|asked| asked.look(feed, batches)).await;
                    return;
                }
            };
            let Some(last) = batch.entries.last().map(|entry| entry.seq) else {
                return;
            };
            self.position.set(last);
            let mut wrapped = Wrapped::new(feed, &batch.entries);
            // Counted once for all.
            let delivered = self.row.write(|envelope| wrapped.in_an(envelope)).await;
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
    frames: [Option<Rc<Frames>>; Envelope::COUNT],
}

impl<'a> Wrapped<'a> {
    fn new(feed: &'a Feed, entries: &'a [Entry]) -> Self {
        Wrapped {
            feed,
            entries,
            frames: Default::default(),
        }
    }

    fn in_an(&mut self, envelope: Envelope) -> Rc<Frames> {
        let frames = &mut self.frames[envelope as usize];
        let frames = frames.get_or_insert_with(|| Frames::of(envelope, self.feed, self.entries).into());
        Rc::clone(frames)
    }
}
