use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd as _, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use nix::sys::socket::{MsgFlags, send};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::BATCH;
use super::envelope::Envelope;
use super::frames::Frames;
use crate::feed::Feed;
use crate::protocol::Seq;
use crate::server::blocked::Blocked;

/// One stream's way out: a WebSocket's, or that of events.
pub(in crate::server) struct Outbox {
    socket: Rc<TcpStream>,
    /// Of the socket.
    fd: RawFd,
    envelope: Envelope,
    /// Up to where the listener has been written to.
    heard: Cell<Seq>,
    /// The rest of a frame that the socket had no room for, and control frames behind it. Never more than
    /// one message and what [`is_crowded`](Outbox::is_crowded) lets in.
    rest: RefCell<Rest>,
    blocked: Blocked,
    /// Whether the socket is broken.
    broken: Cell<bool>,
    /// After a close frame, or the end of a body, no message may follow.
    closed: Cell<bool>,
    /// Whether the listener's own task has something to do.
    called: Cell<bool>,
    /// Wakes it.
    waker: Cell<Option<Waker>>,
    counted: Counted,
}

/// Where an outbox counts.
#[derive(Clone)]
pub(in crate::server) struct Counted {
    /// Messages that were handed over.
    pub(in crate::server) delivered: prometheus::IntCounter,
    /// Bytes that wait outside the feed.
    pub(in crate::server) queued: prometheus::IntGauge,
    /// Sockets that are full.
    pub(in crate::server) blocked: prometheus::IntGauge,
}

struct Rest {
    pieces: std::collections::VecDeque<Bytes>,
    bytes: usize,
    queued: prometheus::IntGauge,
}

/// How far a listener's own task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum CaughtUp {
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

impl Outbox {
    /// The way out of a listener that has heard everything up to `heard`.
    pub(in crate::server) fn new(socket: Rc<TcpStream>, envelope: Envelope, heard: Seq, counted: Counted) -> Rc<Self> {
        Rc::new(Outbox {
            fd: socket.as_raw_fd(),
            socket,
            envelope,
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

    pub(super) fn envelope(&self) -> Envelope {
        self.envelope
    }

    pub(super) fn heard(&self) -> Seq {
        self.heard.get()
    }

    /// Ready when the listener's own task has something to do. One task waits at a time.
    pub(in crate::server) fn poll_called(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.called.replace(false) {
            return Poll::Ready(());
        }
        self.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Has the listener's own task look.
    pub(super) fn call(&self) {
        self.called.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Puts what is no message, a control frame or a comment, behind what waits.
    pub(in crate::server) fn push(&self, bytes: &[u8]) {
        self.rest.borrow_mut().push(Bytes::copy_from_slice(bytes));
    }

    /// Writes no more messages: the end is on its way.
    pub(in crate::server) fn close(&self) {
        self.closed.set(true);
    }

    /// Whether so much waits that nothing should be read that could add to it: a peer that sends pings and reads no pongs.
    pub(in crate::server) fn is_crowded(&self) -> bool {
        self.rest.borrow().pieces.len() > 16
    }

    /// Whether nothing waits to be written but messages.
    pub(in crate::server) fn is_flushed(&self) -> bool {
        self.rest.borrow().pieces.is_empty()
    }

    /// Since when the socket has taken nothing though something waits for it.
    pub(in crate::server) fn blocked_since(&self) -> Option<Instant> {
        self.blocked.since()
    }

    /// Writes what waits, then what the feed has beyond it, until there is no more or the socket is full.
    pub(in crate::server) fn catch_up(&self, feed: &Feed) -> CaughtUp {
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
            Ok(batch) => {
                let (begun, is_all) = self.write(&Frames::of(self.envelope, feed, &batch.entries));
                self.counted.delivered.inc_by(begun);
                match is_all {
                    true => CaughtUp::More,
                    false => self.full_or_broken(),
                }
            }
        }
    }

    /// Writes the frames that this listener has not heard, or leaves it to the listener's own task. Gives how many messages that were.
    pub(super) fn offer(&self, frames: &Frames) -> u64 {
        if self.closed.get() || self.broken.get() {
            return 0;
        }
        if !self.is_flushed() {
            self.call();
            return 0;
        }
        let (begun, is_all) = self.write(frames);
        if !is_all {
            self.call();
        }
        begun
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

    /// Writes frames that follow what was heard, with nothing waiting before them: how many are begun, and whether all of them are out.
    ///
    /// What remains of a frame that is half out waits; frames behind it stay in the feed.
    fn write(&self, frames: &Frames) -> (u64, bool) {
        let unheard = frames.after(self.heard.get());
        let Some(first) = unheard.first() else {
            return (0, true);
        };
        let Some(written) = self.taken(self.try_write(&frames.joined[first.start..])) else {
            return (0, false);
        };
        let end = first.start + written;
        let begun = unheard.partition_point(|frame| frame.start < end);
        let Some(last) = unheard[..begun].last() else {
            return (0, false);
        };
        self.heard.set(last.seq);
        if end < last.end {
            // Copied, so that one slow listener does not keep the whole batch.
            let rest = Bytes::copy_from_slice(&frames.joined[end..last.end]);
            self.rest.borrow_mut().push(rest);
        }
        (begun as u64, end == frames.joined.len())
    }

    /// Asks the system directly: what tokio knows of the socket lies elsewhere in memory, and fetching it for every listener is a good part of what
    /// a delivery costs beyond the system's own work. A socket that is full is left to tokio, which then knows that it is.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match send(self.fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(written) => Ok(written),
            Err(_) => self.socket.try_write(bytes),
        }
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
        Outbox::new(socket, Envelope::Frame, 0, counted)
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
            outbox.offer(&Frames::of(Envelope::Frame, &feed, &batch.entries));
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
        let frames = Frames::of(Envelope::Frame, &feed, &feed.read_after(0, 10).unwrap().entries);
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
