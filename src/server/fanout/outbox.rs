use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::ops::Deref;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::BATCH;
use super::envelope::Envelope;
use super::frames::{Frames, Unheard};
use super::row::Row;
use crate::feed::Feed;
use crate::protocol::Seq;
use crate::server::blocked::Blocked;

/// One stream's way out: a WebSocket's, or that of events.
///
/// While nothing waits in it, it has a seat in the fan-out's row, and is written to from there.
pub(in crate::server) struct Outbox {
    socket: Rc<TcpStream>,
    envelope: Envelope,
    row: Rc<Row>,
    /// On which beat of the row's round it is time for a comment; a WebSocket gets none.
    beat: Option<u8>,
    place: Cell<Place>,
    /// Up to where the listener has been written to, while it has no seat.
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

/// Where it is in the row.
#[derive(Clone, Copy)]
enum Place {
    Seat(usize),
    /// Beside the seats, as something waits in it.
    Aside(usize),
    /// It writes no more messages.
    Gone,
}

/// An outbox in the hands of its listener's task: with that it leaves the row.
pub(in crate::server) struct OwnOutbox(Rc<Outbox>);

impl OwnOutbox {
    /// The way out of a listener that has heard everything up to `heard`.
    pub(super) fn new(row: &Rc<Row>, socket: Rc<TcpStream>, envelope: Envelope, heard: Seq, counted: Counted) -> Self {
        let outbox = Rc::new(Outbox {
            socket,
            envelope,
            row: Rc::clone(row),
            beat: (envelope != Envelope::Frame).then(|| row.joins()),
            place: Cell::new(Place::Gone),
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
        });
        outbox.place.set(Place::Aside(row.wait(Rc::clone(&outbox))));
        OwnOutbox(outbox)
    }
}

impl Deref for OwnOutbox {
    type Target = Rc<Outbox>;

    fn deref(&self) -> &Rc<Outbox> {
        &self.0
    }
}

impl Drop for OwnOutbox {
    fn drop(&mut self) {
        self.0.go();
        if let Some(beat) = self.0.beat {
            self.0.row.leaves(beat);
        }
    }
}

impl Outbox {
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
        self.go();
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
    pub(in crate::server) fn catch_up(self: &Rc<Self>, feed: &Feed) -> CaughtUp {
        self.stand();
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
            Ok(batch) if batch.entries.is_empty() => {
                self.sit();
                CaughtUp::Yes
            }
            Ok(batch) => match self.write(&Frames::of(self.envelope, feed, &batch.entries)) {
                true => CaughtUp::More,
                false => self.full_or_broken(),
            },
        }
    }

    fn sit(self: &Rc<Self>) {
        self.go();
        let fd = self.socket.as_raw_fd();
        let seat = self
            .row
            .sit(Rc::clone(self), fd, self.envelope, self.beat, self.heard.get());
        self.place.set(Place::Seat(seat));
    }

    /// Gives up its seat, if it has one.
    fn stand(self: &Rc<Self>) {
        if let Place::Seat(_) = self.place.get() {
            self.go();
            self.place.set(Place::Aside(self.row.wait(Rc::clone(self))));
        }
    }

    /// Leaves the row.
    fn go(&self) {
        match self.place.replace(Place::Gone) {
            Place::Seat(seat) => self.heard.set(self.row.stand(seat)),
            Place::Aside(place) => self.row.go(place),
            Place::Gone => {}
        }
    }

    /// In which envelope the listener hears messages, and up to where it has been written to while it has no seat.
    pub(super) fn heard(&self) -> (Envelope, Seq) {
        (self.envelope, self.heard.get())
    }

    /// The row lets it go, as the socket took so much and no more: the listener's own task goes on from there. Gives how many messages were begun.
    pub(super) fn leaves(self: &Rc<Self>, heard: Seq, unheard: Unheard<'_>, written: usize) -> u64 {
        self.leaves_with(heard, b"");
        self.took(unheard, written)
    }

    /// The row lets it go with the rest of a comment to write.
    pub(super) fn leaves_with(self: &Rc<Self>, heard: Seq, rest: &[u8]) {
        self.place.set(Place::Aside(self.row.wait(Rc::clone(self))));
        self.heard.set(heard);
        self.push(rest);
        self.call();
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
    fn write(&self, frames: &Frames) -> bool {
        let Some(unheard) = frames.after(self.heard.get()) else {
            return true;
        };
        let Some(written) = self.taken(self.socket.try_write(unheard.bytes())) else {
            return false;
        };
        self.counted.delivered.inc_by(self.took(unheard, written));
        written == unheard.bytes().len()
    }

    /// So much is out. What remains of a frame that is half out waits; frames behind it stay in the feed. Gives how many are begun.
    fn took(&self, unheard: Unheard<'_>, written: usize) -> u64 {
        let Some(taken) = unheard.taken(written) else { return 0 };
        self.heard.set(taken.last);
        // Copied, so that one slow listener does not keep the whole batch.
        self.rest.borrow_mut().push(Bytes::copy_from_slice(taken.rest));
        taken.begun
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
    use std::time::Duration;

    use super::*;
    use crate::feed::Keep;
    use crate::protocol::Speaker;
    use crate::server::beat::Beat;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    async fn pair() -> (Rc<TcpStream>, TcpStream) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        (Rc::new(socket.accept().await.unwrap().0), client)
    }

    fn outbox(row: &Rc<Row>, socket: Rc<TcpStream>, heard: Seq) -> OwnOutbox {
        outbox_in(Envelope::Frame, row, socket, heard)
    }

    fn outbox_in(envelope: Envelope, row: &Rc<Row>, socket: Rc<TcpStream>, heard: Seq) -> OwnOutbox {
        let gauge = || prometheus::IntGauge::new("x", "x").unwrap();
        let counted = Counted {
            delivered: prometheus::IntCounter::new("x", "x").unwrap(),
            queued: gauge(),
            blocked: gauge(),
        };
        OwnOutbox::new(row, socket, envelope, heard, counted)
    }

    /// What the fan-out does with new messages.
    async fn tell(row: &Row, feed: &Feed, after: Seq) -> u64 {
        let batch = feed.read_after(after, BATCH).unwrap();
        let frames = Rc::new(Frames::of(Envelope::Frame, feed, &batch.entries));
        let delivered = row.write(|_| Rc::clone(&frames)).await;
        delivered[Envelope::Frame as usize]
    }

    #[tokio::test]
    async fn a_full_socket_keeps_a_bounded_rest_and_goes_on_from_the_feed() {
        let (socket, mut client) = pair().await;
        let feed = Feed::new(Keep {
            messages: 100_000,
            bytes: 1 << 30,
        });
        let text = "x".repeat(4_000);
        let row = Rc::new(Row::new(HEARTBEAT));
        let outbox = outbox(&row, Rc::clone(&socket), 0);
        socket.writable().await.unwrap();
        assert_eq!(outbox.catch_up(&feed), CaughtUp::Yes);
        let mut told = 0;
        while let Place::Seat(_) = outbox.place.get() {
            feed.publish(&Speaker::guest(), &text).unwrap();
            tell(&row, &feed, told).await;
            told += 1;
        }
        assert!(outbox.called.get(), "its own task goes on");
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
            assert_eq!(tell(&row, &feed, told).await, 0, "nobody sits");
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
        let row = Rc::new(Row::new(HEARTBEAT));
        let outbox = outbox(&row, socket, 1);
        while outbox.catch_up(&feed) != CaughtUp::Yes {}
        feed.publish(&Speaker::guest(), "d").unwrap();
        assert_eq!(tell(&row, &feed, 1).await, 1);
        assert_eq!(tell(&row, &feed, 0).await, 0);
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
        assert_eq!(text.matches(r#""text":"d""#).count(), 1);
    }

    #[tokio::test]
    async fn whoever_has_closed_or_left_is_not_written_to() {
        let (socket, _client) = pair().await;
        let (other, _other_client) = pair().await;
        let feed = Feed::new(Keep::default());
        let row = Rc::new(Row::new(HEARTBEAT));
        let closed = outbox(&row, socket, 0);
        let left = outbox(&row, other, 0);
        assert_eq!(closed.catch_up(&feed), CaughtUp::Yes);
        assert_eq!(left.catch_up(&feed), CaughtUp::Yes);
        closed.close();
        drop(left);
        feed.publish(&Speaker::guest(), "a").unwrap();
        assert_eq!(tell(&row, &feed, 0).await, 0);
        assert_eq!(closed.catch_up(&feed), CaughtUp::Yes);
        assert_eq!(tell(&row, &feed, 0).await, 0);
    }

    const HEARTBEAT: Duration = Duration::from_secs(15);
    const ROUND: u8 = Beat::ROUND as u8;

    async fn round(row: &Row) {
        for beat in 0..ROUND {
            row.comment(beat).await;
        }
    }

    #[tokio::test]
    async fn a_quiet_stream_of_events_gets_a_comment_a_round() {
        let feed = Feed::new(Keep::default());
        let row = Rc::new(Row::new(HEARTBEAT));
        let (socket, mut client) = pair().await;
        let (other, listener) = pair().await;
        for socket in [&socket, &other] {
            socket.writable().await.unwrap();
        }
        let stream = outbox_in(Envelope::Chunk, &row, socket, 0);
        let frames = outbox(&row, other, 0);
        assert_eq!(stream.catch_up(&feed), CaughtUp::Yes);
        assert_eq!(frames.catch_up(&feed), CaughtUp::Yes);
        let own = stream.beat.unwrap();
        for beat in (0..ROUND).filter(|beat| *beat != own) {
            row.comment(beat).await;
        }
        let mut heard = [0; 64];
        let early = client.try_read(&mut heard).unwrap_err();
        assert_eq!(early.kind(), io::ErrorKind::WouldBlock, "these are not its beats");
        round(&row).await;
        round(&row).await;
        client.read_exact(&mut heard[..16]).await.unwrap();
        assert_eq!(&heard[..16], b"3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
        let none = listener.try_read(&mut heard).unwrap_err();
        assert_eq!(
            none.kind(),
            io::ErrorKind::WouldBlock,
            "a WebSocket is pinged by its own task"
        );
    }

    #[tokio::test]
    async fn a_comment_that_does_not_fit_is_left_to_the_listeners_own_task() {
        let feed = Feed::new(Keep::default());
        let row = Rc::new(Row::new(HEARTBEAT));
        let (socket, mut client) = pair().await;
        let stream = outbox_in(Envelope::Plain, &row, Rc::clone(&socket), 0);
        socket.writable().await.unwrap();
        assert_eq!(stream.catch_up(&feed), CaughtUp::Yes);
        let mut filled = 0;
        while let Ok(written) = socket.try_write(&[b'x'; 4096]) {
            filled += written;
        }
        round(&row).await;
        assert!(stream.called.get());
        round(&row).await;
        assert_eq!(
            stream.rest.borrow().bytes,
            3,
            "one comment waits, and no second one behind it"
        );
        let reader = tokio::spawn(async move {
            let mut all = vec![0; filled + 3];
            client.read_exact(&mut all).await.unwrap();
            all
        });
        while stream.catch_up(&feed) != CaughtUp::Yes {
            socket.writable().await.unwrap();
        }
        assert!(reader.await.unwrap().ends_with(b"x:\n\n"));
        assert!(stream.blocked_since().is_none());
    }
}
