//! The socket below HTTP: what hyper reads and writes through, and what is known from watching it.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::again::is_memorable;
use super::blocked::Blocked;
use super::config::Limits;
use super::framing::Framing;
use super::worker::AT_ONCE;

/// One connection's socket as hyper takes it.
///
/// Shared, so that the connection's task keeps the socket when hyper ends: a request that did not parse in time is still
/// answered, and a WebSocket goes on where HTTP stopped. hyper's own wrapper has no place to look from.
pub(super) struct Wire {
    socket: Rc<TcpStream>,
    activity: Rc<Activity>,
    /// What was read before.
    read: Bytes,
}

/// What a connection is doing, for whoever ends those that take too long. Everything is in one thread, so cells will do.
pub(super) struct Activity {
    phase: Cell<Phase>,
    blocked: Blocked,
    framing: RefCell<Framing>,
    /// Requests so far.
    requests: Cell<u64>,
    /// Whether an answer of ours is not all out.
    unsent: Cell<bool>,
    /// Whether hyper is done with what the connection goes on with, but for bytes that are not out yet.
    leaving: Cell<Leaving>,
    /// What was read, if it is a request that may be asked again.
    asked: Cell<Option<Box<[u8]>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// Once all is out.
    Flushing,
    Now,
}

#[derive(Clone, Copy)]
enum Phase {
    /// No request, since then.
    Idle(Instant),
    /// A head has begun, at that time, and is not whole.
    Head(Instant),
    /// A request is being answered.
    Busy,
}

/// What a connection has done for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing.
    Idle,
    /// Sending a head.
    Head,
    /// Not reading.
    Stalled,
}

impl Activity {
    /// A new connection's; `blocked` counts those whose socket is full.
    pub(super) fn new(blocked: prometheus::IntGauge) -> Self {
        Activity {
            phase: Cell::new(Phase::Idle(Instant::now())),
            blocked: Blocked::new(blocked),
            framing: RefCell::default(),
            requests: Cell::new(0),
            unsent: Cell::new(false),
            leaving: Cell::new(Leaving::No),
            asked: Cell::new(None),
        }
    }

    /// The bytes of the request that is being answered, if it may be asked again.
    pub(super) fn take_asked(&self) -> Option<Box<[u8]>> {
        self.asked.take()
    }

    /// A request that is not read by hyper is being answered.
    pub(super) fn answering_again(&self) {
        self.phase.set(Phase::Busy);
        self.unsent.set(true);
    }

    /// The connection goes on without hyper once hyper has written what it has.
    pub(super) fn leave_hyper(&self) {
        // A body may be asked again.
        if self.leaving.get() == Leaving::No {
            self.leaving.set(Leaving::Flushing);
        }
    }

    /// Whether that is so.
    pub(super) fn has_left_hyper(&self) -> bool {
        self.leaving.get() == Leaving::Now
    }

    /// Writes a part of an answer without hyper: how many bytes the socket took.
    pub(super) fn write(&self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        match socket.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked.goes_on();
                Ok(0)
            }
            result => {
                self.blocked.ends();
                result
            }
        }
    }

    /// A head is whole: the request is being answered from now on. Gives whether it says its length at most once.
    pub(super) fn answering(&self) -> bool {
        self.answering_again();
        self.requests.set(self.requests.get() + 1);
        !self.framing.borrow().is_ambiguous(self.requests.get())
    }

    /// The answer is handed to hyper.
    pub(super) fn answered(&self) {
        self.phase.set(Phase::Idle(Instant::now()));
    }

    /// The answer is out, without hyper.
    pub(super) fn has_answered(&self, now: Instant) {
        self.phase.set(Phase::Idle(now));
        self.unsent.set(false);
    }

    /// When this will have taken too long, and what it will be called then; `None` while nothing presses.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        if let Some(since) = self.blocked.since() {
            return Some((since + limits.stall_timeout, Overdue::Stalled));
        }
        match self.phase.get() {
            Phase::Idle(since) => Some((since + limits.idle_timeout, Overdue::Idle)),
            Phase::Head(since) => Some((since + limits.head_timeout, Overdue::Head)),
            Phase::Busy => None,
        }
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.phase.get(), Phase::Busy)
    }

    /// Whether nothing of ours is on its way out. What hyper writes then is its own answer to what it cannot parse.
    pub(super) fn is_silent(&self) -> bool {
        !self.unsent.get()
    }

    fn has_flushed(&self) {
        self.unsent.set(self.is_busy());
        if self.leaving.get() == Leaving::Flushing {
            self.leaving.set(Leaving::Now);
        }
    }

    /// hyper begins again, with what came behind the last request.
    fn begins(&self, read: &[u8]) {
        self.leaving.set(Leaving::No);
        if !read.is_empty() {
            self.has_begun();
        }
    }

    fn has_begun(&self) {
        if let Phase::Idle(_) = self.phase.get() {
            self.phase.set(Phase::Head(Instant::now()));
        }
    }

    /// What came from the socket, for hyper.
    pub(super) fn has_read(&self, bytes: &[u8]) {
        let is_first = matches!(self.phase.get(), Phase::Idle(_));
        self.asked.set((is_first && is_memorable(bytes)).then(|| bytes.into()));
        self.framing.borrow_mut().read(bytes);
        self.has_begun();
    }
}

impl Wire {
    /// `read` is what came behind the request before.
    pub(super) fn new(socket: Rc<TcpStream>, activity: Rc<Activity>, read: Bytes) -> Self {
        activity.begins(&read);
        Wire { socket, activity, read }
    }

    /// `length` is that of what is written. hyper's own answers are swallowed, since they lack the headers that every answer
    /// has: the connection's task writes better ones.
    fn write_with(
        &self,
        cx: &mut Context<'_>,
        length: usize,
        write: impl Fn() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if self.activity.is_silent() {
            return Poll::Ready(Ok(length));
        }
        loop {
            if self.socket.poll_write_ready(cx)?.is_pending() {
                self.activity.blocked.goes_on();
                return Poll::Pending;
            }
            match write() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    self.activity.blocked.ends();
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if !self.read.is_empty() {
            let length = self.read.len().min(buf.remaining());
            buf.put_slice(&self.read.split_to(length));
            return Poll::Ready(Ok(()));
        }
        // Filled by way of the stack: hyper's cursor over uninitialised memory cannot be handed to a socket without `unsafe`.
        let mut chunk = [0; AT_ONCE];
        let room = buf.remaining().min(chunk.len());
        let read = ready!(poll_read(&self.socket, cx, &mut chunk[..room]))?;
        if read > 0 {
            self.activity.has_read(&chunk[..read]);
        }
        buf.put_slice(&chunk[..read]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with(cx, buf.len(), || self.socket.try_write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = bufs.iter().map(|buf| buf.len()).sum();
        self.write_with(cx, length, || self.socket.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    // hyper flushes when it has written all that it had.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.activity.has_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown_write(&self.socket))
    }
}

/// Reads what is there; nothing at the end.
pub(super) fn poll_read(socket: &TcpStream, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_read_ready(cx))?;
        match socket.try_read(buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
            Ok(read) => {
                // A read that got less than it had room for has emptied the socket. Saying so spares the next one, which hyper
                // tries at once, a system call that can only fail; what comes from now on is announced again.
                if 0 < read && read < buf.len() {
                    let would_block = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                    let _ = socket.try_io(tokio::io::Interest::READABLE, would_block);
                }
                return Poll::Ready(Ok(read));
            }
        }
    }
}

/// What is known of a peer who is given something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// It says nothing. The task is woken when that changes.
    Listens,
    /// It has said something that is not read yet. Until it is, nothing wakes the task.
    HasSpoken,
    /// It sends no more. Whoever closes looks the same as whoever only stops sending: neither is held any longer, or listeners that
    /// are gone would stay until their timeout.
    Left,
}

/// Looks at the peer, and reads nothing.
pub(super) fn peer(socket: &TcpStream, cx: &mut Context<'_>) -> Peer {
    let mut byte = [0];
    let mut byte = ReadBuf::new(&mut byte);
    match socket.poll_peek(cx, &mut byte) {
        Poll::Pending => Peer::Listens,
        Poll::Ready(Ok(0) | Err(_)) => Peer::Left,
        Poll::Ready(Ok(_)) => Peer::HasSpoken,
    }
}

/// Says that nothing more will be written; the peer may still write.
pub(super) fn shutdown_write(socket: &TcpStream) -> io::Result<()> {
    match socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Write) {
        // The peer was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

/// Reads and throws away what still comes until the peer closes, for `patience` at most.
///
/// Closing a socket with unread bytes resets it, and the peer may lose the answer that was just written.
pub(super) async fn linger(socket: &TcpStream, patience: std::time::Duration) {
    let read_to_end = async { while socket.readable().await.is_ok() && throw_away(socket) {} };
    let _ = tokio::time::timeout(patience, read_to_end).await;
}

/// Reads what is there; false at the end. Not within [`linger`], since a buffer there would be a part of every connection's memory.
fn throw_away(socket: &TcpStream) -> bool {
    match socket.try_read(&mut [0; 4096]) {
        Ok(n) => n > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}
