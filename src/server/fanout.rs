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

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use prometheus::Histogram;
use slab::Slab;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bell::Bell;
use super::blocked::Blocked;
use crate::feed::{Entry, Feed, ReadError};
use crate::protocol::Seq;

/// Messages that are framed and written at a time.
const BATCH: usize = 64;
/// Listeners served before other tasks of the worker get their turn.
const TURN: usize = 64;
/// Of a frame from a server.
const LONGEST_HEADER: usize = 10;

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

/// One WebSocket's way out.
pub(super) struct Outbox {
    socket: Rc<TcpStream>,
    /// Up to where the listener has been written to.
    heard: Cell<Seq>,
    /// The rest of a frame that the socket had no room for, and control frames behind it. Never more than
    /// one message and what [`is_crowded`](Outbox::is_crowded) lets in.
    rest: RefCell<Rest>,
    blocked: Blocked,
    /// Whether the socket is broken.
    broken: Cell<bool>,
    /// After a close frame no message may follow.
    closed: Cell<bool>,
    /// Whether the listener's own task has something to do.
    called: Cell<bool>,
    /// Wakes it.
    waker: Cell<Option<Waker>>,
    counted: Counted,
}

/// Where an outbox counts.
#[derive(Clone)]
pub(super) struct Counted {
    /// Messages that were handed over.
    pub(super) delivered: prometheus::IntCounter,
    /// Bytes that wait outside the feed.
    pub(super) queued: prometheus::IntGauge,
    /// Sockets that are full.
    pub(super) blocked: prometheus::IntGauge,
}

struct Rest {
    pieces: std::collections::VecDeque<Bytes>,
    bytes: usize,
    queued: prometheus::IntGauge,
}

/// Messages framed for WebSocket, once for all listeners.
pub(super) struct Frames {
    /// One behind the other.
    joined: Bytes,
    frames: Vec<Frame>,
}

/// Where a message is in them.
struct Frame {
    seq: Seq,
    start: usize,
    end: usize,
}

/// How far a listener's own task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CaughtUp {
    /// All that there is has been written; the fan-out takes over.
    Yes,
    /// The socket is full.
    Full,
    /// More is there, but others want their turn.
    More,
    /// The feed no longer keeps what this listener needs next.
    Gone,
    /// The socket is broken.
    Broken,
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

impl Outbox {
    /// The way out of a listener that has heard everything up to `heard`.
    pub(super) fn new(socket: Rc<TcpStream>, heard: Seq, counted: Counted) -> Rc<Self> {
        Rc::new(Outbox {
            socket,
            heard: Cell::new(heard),
            rest: RefCell::new(Rest {
                pieces: Default::default(),
                bytes: 0,
                queued: counted.queued.clone(),
            }),
            blocked: Blocked::new(counted.blocked.clone()),
            broken: Cell::new(false),
            closed: Cell::new(false),
            called: Cell::new(false),
            waker: Cell::new(None),
            counted,
        })
    }

    /// Ready when the listener's own task has something to do. One task waits at a time.
    pub(super) fn poll_called(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.called.replace(false) {
            return Poll::Ready(());
        }
        self.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn call(&self) {
        self.called.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Puts a control frame behind what waits.
    pub(super) fn push(&self, bytes: &[u8]) {
        self.rest.borrow_mut().push(Bytes::copy_from_slice(bytes));
    }

    /// Writes no more messages: a close frame is on its way.
    pub(super) fn close(&self) {
        self.closed.set(true);
    }

    /// Whether so much waits that nothing should be read that could add to it: a peer that sends pings and reads no pongs.
    pub(super) fn is_crowded(&self) -> bool {
        self.rest.borrow().pieces.len() > 16
    }

    /// Whether nothing waits to be written but messages.
    pub(super) fn is_flushed(&self) -> bool {
        self.rest.borrow().pieces.is_empty()
    }

    /// Since when the socket has taken nothing though something waits for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked.since()
    }

    /// Writes what waits, then what the feed has beyond it, until there is no more or the socket is full.
    pub(super) fn catch_up(&self, feed: &Feed) -> CaughtUp {
        if self.broken.get() {
            return CaughtUp::Broken;
        }
        if !self.flush() {
            return self.full_or_broken();
        }
        if self.closed.get() {
            return CaughtUp::Yes;
        }
        match feed.read_after(self.heard.get(), BATCH) {
            Err(_) => CaughtUp::Gone,
            Ok(batch) if batch.entries.is_empty() => CaughtUp::Yes,
            Ok(batch) => match self.write(&Frames::of(&batch.entries)) {
                true => CaughtUp::More,
                false => self.full_or_broken(),
            },
        }
    }

    /// Writes the frames that this listener has not heard, or leaves it to the listener's own task.
    fn offer(&self, frames: &Frames) {
        if self.closed.get() || self.broken.get() {
            return;
        }
        if !self.is_flushed() || !self.write(frames) {
            self.call();
        }
    }

    fn full_or_broken(&self) -> CaughtUp {
        if self.broken.get() {
            CaughtUp::Broken
        } else {
            CaughtUp::Full
        }
    }

    /// Writes what waits; whether all of it is out.
    fn flush(&self) -> bool {
        loop {
            let mut rest = self.rest.borrow_mut();
            if rest.pieces.is_empty() {
                return true;
            }
            let slices: Vec<IoSlice<'_>> = rest
                .pieces
                .iter()
                .take(BATCH)
                .map(|piece| IoSlice::new(piece))
                .collect();
            match self.taken(self.socket.try_write_vectored(&slices)) {
                None => return false,
                Some(written) => rest.advance(written),
            }
        }
    }

    /// Writes frames that follow what was heard, with nothing waiting before them; whether all of them are out.
    ///
    /// What remains of a frame that is half out waits; frames behind it stay in the feed.
    fn write(&self, frames: &Frames) -> bool {
        let unheard = frames.after(self.heard.get());
        let Some(first) = unheard.first() else {
            return true;
        };
        let Some(written) = self.taken(self.socket.try_write(&frames.joined[first.start..])) else {
            return false;
        };
        let end = first.start + written;
        let begun = unheard.partition_point(|frame| frame.start < end);
        self.counted.delivered.inc_by(begun as u64);
        let Some(last) = unheard[..begun].last() else {
            return false;
        };
        self.heard.set(last.seq);
        if end < last.end {
            // Copied, so that one slow listener does not keep the whole batch.
            let rest = Bytes::copy_from_slice(&frames.joined[end..last.end]);
            self.rest.borrow_mut().push(rest);
        }
        end == frames.joined.len()
    }

    /// Bytes taken; `None` when the socket is full or broken.
    fn taken(&self, result: io::Result<usize>) -> Option<usize> {
        match result {
            Ok(written) => {
                self.blocked.ends();
                Some(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked.goes_on();
                None
            }
            Err(_) => {
                self.broken.set(true);
                None
            }
        }
    }
}

impl Rest {
    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.queued.add(piece.len() as i64);
            self.pieces.push_back(piece);
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        self.queued.sub(written as i64);
        while written > 0 {
            let piece = self.pieces.front_mut().expect("no more is written than there was");
            let taken = written.min(piece.len());
            bytes::Buf::advance(piece, taken);
            written -= taken;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.queued.sub(self.bytes as i64);
    }
}

impl Frames {
    fn of(entries: &[Entry]) -> Self {
        let length = entries.iter().map(|entry| LONGEST_HEADER + entry.json.len()).sum();
        let mut joined = Vec::with_capacity(length);
        let mut frames = Vec::with_capacity(entries.len());
        for Entry { seq, json } in entries {
            let start = joined.len();
            push_header(&mut joined, json.len());
            joined.extend_from_slice(json);
            let end = joined.len();
            frames.push(Frame { seq: *seq, start, end });
        }
        Frames {
            joined: joined.into(),
            frames,
        }
    }

    fn after(&self, heard: Seq) -> &[Frame] {
        let first = self.frames.partition_point(|frame| frame.seq <= heard);
        &self.frames[first..]
    }
}

/// The head of a final text frame without a mask (RFC 6455, section 5.2): the shortest that holds the length.
fn push_header(bytes: &mut Vec<u8>, length: usize) {
    bytes.push(0x81);
    if length <= 125 {
        bytes.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        bytes.push(126);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(127);
        bytes.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Keep;
    use crate::protocol::Speaker;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    async fn pair() -> (Rc<TcpStream>, TcpStream) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        (Rc::new(socket.accept().await.unwrap().0), client)
    }

    fn outbox(socket: Rc<TcpStream>) -> Rc<Outbox> {
        let gauge = || prometheus::IntGauge::new("x", "x").unwrap();
        let counted = Counted {
            delivered: prometheus::IntCounter::new("x", "x").unwrap(),
            queued: gauge(),
            blocked: gauge(),
        };
        Outbox::new(socket, 0, counted)
    }

    fn header(length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_header(&mut bytes, length);
        bytes
    }

    #[test]
    fn the_header_is_the_shortest_that_holds_the_length() {
        assert_eq!(header(125), [0x81, 125]);
        assert_eq!(header(126), [0x81, 126, 0, 126]);
        assert_eq!(header(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[tokio::test]
    async fn a_full_socket_keeps_a_bounded_rest_and_goes_on_from_the_feed() {
        let (socket, mut client) = pair().await;
        let feed = Feed::new(Keep {
            messages: 100_000,
            bytes: 1 << 30,
        });
        let text = "x".repeat(4_000);
        let outbox = outbox(Rc::clone(&socket));
        socket.writable().await.unwrap();
        while outbox.is_flushed() {
            feed.publish(&Speaker::guest(), &text).unwrap();
            let batch = feed.read_after(outbox.heard.get(), BATCH).unwrap();
            outbox.offer(&Frames::of(&batch.entries));
        }
        for _ in 0..100 {
            feed.publish(&Speaker::guest(), &text).unwrap();
        }
        assert!(
            outbox.rest.borrow().bytes < 5_000,
            "at most one message waits outside the feed"
        );
        assert_eq!(outbox.counted.queued.get(), outbox.rest.borrow().bytes as i64);

        let expected: usize = feed
            .read_after(0, 100_000)
            .unwrap()
            .entries
            .iter()
            .map(|entry| entry.json.len() + 4)
            .sum();
        let reader = tokio::spawn(async move {
            let mut all = vec![0; expected];
            client.read_exact(&mut all).await.unwrap();
            all
        });
        loop {
            match outbox.catch_up(&feed) {
                CaughtUp::Yes => break,
                CaughtUp::More => {}
                CaughtUp::Full => outbox.socket.writable().await.unwrap(),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((outbox.counted.queued.get(), outbox.counted.blocked.get()), (0, 0));
        let all = reader.await.unwrap();
        let mut at = 0;
        for entry in feed.read_after(0, 100_000).unwrap().entries {
            assert_eq!(
                &all[at + 4..at + 4 + entry.json.len()],
                &entry.json[..],
                "message {}",
                entry.seq
            );
            at += 4 + entry.json.len();
        }
    }

    #[tokio::test]
    async fn whoever_heard_a_part_of_a_batch_gets_the_rest_of_it_once() {
        let (socket, mut client) = pair().await;
        let feed = Feed::new(Keep::default());
        for text in ["a", "b", "c"] {
            feed.publish(&Speaker::guest(), text).unwrap();
        }
        socket.writable().await.unwrap();
        let outbox = outbox(socket);
        outbox.heard.set(1);
        let frames = Frames::of(&feed.read_after(0, 10).unwrap().entries);
        outbox.offer(&frames);
        outbox.offer(&frames);
        outbox.push(b"end");
        assert_eq!(outbox.catch_up(&feed), CaughtUp::Yes);
        let mut heard = Vec::new();
        while !heard.ends_with(b"end") {
            client.read_buf(&mut heard).await.unwrap();
        }
        let text = String::from_utf8_lossy(&heard);
        assert!(!text.contains(r#""text":"a""#));
        assert_eq!(text.matches(r#""text":"b""#).count(), 1);
        assert_eq!(text.matches(r#""text":"c""#).count(), 1);
    }
}
