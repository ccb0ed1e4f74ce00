//! One connection: hyper on it, and what hyper does not see: the time that everything takes.
//!
//! hyper reads requests and writes answers. What it has no part in goes on without it: a WebSocket, the events of a stream, and the time that a
//! long poll is held. Then the connection takes its socket back, and hyper's buffers are gone.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::{debug, trace};

use super::again::Again;
use super::answer::{self, Manner, Tracked};
use super::config::Limits;
use super::fanout::Membership;
use super::metrics::Cut;
use super::router;
use super::transport::{Asked, Opened, Outcome, Question, Upgrade, run_events, run_websocket};
use super::wire::{Activity, Overdue, Peer, Wire, linger, peer, poll_read, shutdown_write};
use super::worker::Worker;
use crate::protocol::{Refusal, Seq};

/// How long a closed connection may still send what it had begun to.
const LINGER: Duration = Duration::from_secs(2);

/// What a request's handler knows of the connection that it came by.
pub(super) struct Connection {
    pub(super) worker: Rc<Worker>,
    /// Why it is one more than the server takes, if it is: it is told so, whatever it asks for.
    pub(super) refused: Option<Refusal>,
    peer: SocketAddr,
    socket: Rc<TcpStream>,
    activity: Rc<Activity>,
    next: RefCell<Option<Next>>,
    /// Whether what is being done goes on even if the peer sends no more.
    is_settling: Cell<bool>,
}

/// What a connection goes on with when hyper has done its part.
pub(super) enum Next {
    /// A WebSocket, once the answer is sent.
    Websocket(Upgrade),
    /// An event stream, once its beginning is sent.
    Events(Opened),
    /// A poll, to be answered.
    Poll(Question, Seq, Manner),
}

/// How HTTP on a connection ended.
enum Ended {
    /// By itself.
    Done(hyper::Result<()>),
    /// For what comes next.
    Left,
    /// It took too long.
    Overdue(Overdue),
    /// The peer has gone while something was done for it.
    Gone,
}

impl Connection {
    /// The address that the visitor speaks from.
    pub(super) fn address(&self, headers: &HeaderMap) -> IpAddr {
        let forwarded = self
            .worker
            .server
            .config
            .trust_proxy
            .then(|| router::forwarded_for(headers))
            .flatten();
        // An IPv4 visitor of an IPv6 socket is the same visitor.
        forwarded.unwrap_or(self.peer.ip()).to_canonical()
    }

    /// Awaits what is finished even if the peer sends no more meanwhile: a body whose last bytes still wait in hyper's buffer, or
    /// the feed's decision on what was said, whose answer is still wanted.
    pub(super) async fn settled<T>(&self, work: impl Future<Output = T>) -> T {
        self.is_settling.set(true);
        let done = work.await;
        self.is_settling.set(false);
        done
    }

    /// The address at the other end of the connection, whoever it speaks for.
    pub(super) fn peer(&self) -> IpAddr {
        self.peer.ip()
    }

    /// Lets the connection go on with this once the answer is sent.
    pub(super) fn go_on_with(&self, next: Next) {
        self.next.replace(Some(next));
    }

    /// Leaves the next question to hyper and the router, even when it is the same again.
    pub(super) fn reads_each_question(&self) {
        drop(self.activity.take_asked());
    }

    /// Answers a poll without hyper, or begins to hold it.
    fn answer(&self, question: Question, after: Seq, manner: Manner) -> Answering {
        Asked::answer(&self.worker, &self.socket, &self.activity, question, after, manner)
    }

    /// Has a poll answered without hyper, once what hyper has to send is out: its handler has nothing more to do.
    pub(super) fn answer_without_hyper(&self, question: Question, after: Seq, manner: Manner) {
        self.go_on_with(Next::Poll(question, after, manner));
        self.activity.leave_hyper();
    }
}

/// Serves a connection until it ends. `stay` is let go with it.
// Not an `async fn`, whose future would keep room for its arguments; and each part is boxed apart, so that a stream does not
// carry the room for HTTP with it.
pub(super) fn serve<S>(
    worker: Rc<Worker>,
    socket: TcpStream,
    peer: SocketAddr,
    refused: Option<Refusal>,
    stay: S,
) -> impl Future<Output = ()> {
    let connection = Connection {
        activity: Rc::new(Activity::new(worker.server.metrics.blocked_http.clone())),
        worker,
        socket: Rc::new(socket),
        refused,
        peer,
        next: RefCell::new(None),
        is_settling: Cell::new(false),
    };
    let http = Box::pin(serve_http(Rc::new(connection)));
    async move {
        if let Some(stream) = http.await {
            stream.await;
        }
        drop(stay);
    }
}

/// A connection that has become a stream, until it ends.
type Stream = Pin<Box<dyn Future<Output = ()>>>;

/// What a connection goes on with for good; `read` is what came behind the request.
fn stream(connection: &Connection, next: Next, read: Bytes) -> Option<Stream> {
    let (worker, socket) = (Rc::clone(&connection.worker), Rc::clone(&connection.socket));
    match next {
        Next::Websocket(upgrade) => Some(Box::pin(run_websocket(worker, socket, read, upgrade))),
        Next::Events(opened) => {
            let events = run_events(worker, Rc::clone(&socket), opened);
            Some(Box::pin(async move {
                if events.await {
                    Box::pin(close(&socket)).await;
                }
            }))
        }
        Next::Poll(..) => None,
    }
}

/// Serves requests, by hyper and without it in turn, until the connection ends or becomes a stream.
async fn serve_http(connection: Rc<Connection>) -> Option<Stream> {
    let server = &connection.worker.server;
    let mut drained = pin!(server.draining.cancelled());
    let mut alarm = pin!(sleep_until(Instant::now() + server.config.limits.idle_timeout));
    let mut read = Bytes::new();
    let mut again = None;
    loop {
        if !read.is_empty() {
            // Whoever sends many requests at once has others served in between.
            tokio::task::yield_now().await;
        }
        let requests = Box::pin(serve_requests(&connection, read, drained.as_mut(), alarm.as_mut()));
        let (rest, next) = requests.await?;
        let Next::Poll(question, after, manner) = next else {
            return stream(&connection, next, rest);
        };
        if let Some(asked) = connection.activity.take_asked() {
            again = Again::new(&asked, question);
        }
        read = rest;
        let mut poll = connection.answer(question, after, manner);
        loop {
            match serve_poll(&connection, poll, !read.is_empty(), drained.as_mut(), alarm.as_mut()).await {
                Outcome::Answered { ends: false } => {}
                Outcome::Answered { ends: true } => {
                    Box::pin(close(&connection.socket)).await;
                    return None;
                }
                Outcome::Broken => return None,
            }
            let Some(again) = again.as_ref().filter(|_| read.is_empty()) else {
                break;
            };
            match next_question(&connection, again, drained.as_mut(), alarm.as_mut()).await {
                Asking::Again(asked) => poll = asked,
                Asking::Something(bytes) => {
                    read = bytes;
                    break;
                }
                Asking::Nothing => {
                    Box::pin(close(&connection.socket)).await;
                    return None;
                }
            }
        }
    }
}

/// A poll that is being answered, and its place in the fan-out while it is held.
type Answering = (Rc<Asked>, Option<Membership<Asked>>);

/// What comes next on a connection that has polled, and is not answered at once.
enum Asking {
    /// The same question, which is being answered.
    Again(Answering),
    /// Something that hyper has to read.
    Something(Bytes),
    /// Nothing: the connection ends.
    Nothing,
}

/// Waits for what comes next, and answers on the way what finds nothing.
async fn next_question(
    connection: &Connection,
    again: &Again,
    mut drained: Pin<&mut impl Future<Output = ()>>,
    mut alarm: Pin<&mut Sleep>,
) -> Asking {
    let Connection {
        worker,
        socket,
        activity,
        ..
    } = connection;
    let limits = &worker.server.config.limits;
    poll_fn(|cx| {
        if drained.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Asking::Nothing);
        }
        let mut buffer = worker.buffer.borrow_mut();
        while let Poll::Ready(read) = poll_read(socket, cx, &mut buffer[..]) {
            let Ok(read @ 1..) = read else {
                return Poll::Ready(Asking::Nothing);
            };
            let read = &buffer[..read];
            let (feed, question) = (&worker.server.feed, again.question);
            let after = again.after(read);
            if after.is_some_and(|after| question.finds_nothing(feed, after)) {
                activity.answering_again();
                match Asked::say_nothing(worker, socket, activity, question) {
                    None => continue,
                    Some(asked) => return Poll::Ready(Asking::Again((asked, None))),
                }
            }
            return Poll::Ready(match after.and_then(|after| feed.locate(after).ok()) {
                Some(after) => {
                    activity.answering_again();
                    Asking::Again(connection.answer(question, after, Manner::default()))
                }
                None => {
                    activity.has_read(read);
                    Asking::Something(Bytes::copy_from_slice(read))
                }
            });
        }
        ready!(poll_due(alarm.as_mut(), cx, limits, || activity.deadline(limits)));
        worker.server.metrics.cut(Cut::Idle);
        Poll::Ready(Asking::Nothing)
    })
    .await
}

/// Serves requests by hyper; `read` is what was read of the first.
async fn serve_requests(
    connection: &Rc<Connection>,
    read: Bytes,
    mut drained: Pin<&mut impl Future<Output = ()>>,
    mut alarm: Pin<&mut Sleep>,
) -> Option<(Bytes, Next)> {
    let Connection { socket, activity, .. } = &**connection;
    let limits = connection.worker.server.config.limits;
    let has_served = Cell::new(false);
    let service = service_fn(|request| {
        let is_well_framed = activity.answering();
        let is_one_of_many = has_served.replace(true);
        let connection = Rc::clone(connection);
        // Unpin, as a connection that is left asks for; and one without a request carries none of it.
        Box::pin(async move {
            let activity = Rc::clone(&connection.activity);
            // hyper would answer sixteen before it lets go.
            if is_one_of_many {
                connection.settled(tokio::task::yield_now()).await;
            }
            let response = if is_well_framed {
                router::answer(connection, request).await
            } else {
                connection.worker.server.metrics.refused(&Refusal::TwoLengths);
                answer::refused(&Refusal::TwoLengths)
            };
            Ok::<_, Infallible>(response.map(|body| Tracked::new(body, activity)))
        })
    });
    let wire = Wire::new(Rc::clone(socket), Rc::clone(activity), read);
    let mut http = http1::Builder::new()
        .header_read_timeout(None)
        // Else hyper drops even an answer that is ready when the peer has said that it will send no more.
        .half_close(true)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(8192))
        .serve_connection(wire, service);
    let mut told = false;
    let ended = poll_fn(|cx| {
        has_served.set(false);
        if !told && drained.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut http).graceful_shutdown();
        }
        if let Poll::Ready(done) = http.poll_without_shutdown(cx) {
            return Poll::Ready(Ended::Done(done));
        }
        if activity.has_left_hyper() {
            return Poll::Ready(Ended::Left);
        }
        if activity.is_busy() && !connection.is_settling.get() && peer(socket, cx) == Peer::Left {
            return Poll::Ready(Ended::Gone);
        }
        poll_due(alarm.as_mut(), cx, &limits, || activity.deadline(&limits)).map(Ended::Overdue)
    })
    .await;
    let next = connection.next.take();
    match ended {
        Ended::Left | Ended::Done(Ok(())) => {
            if let Some(next) = next {
                // A copy, as even what is empty would keep hyper's buffer.
                let read = Bytes::copy_from_slice(&http.into_parts().read_buf);
                return Some((read, next));
            }
        }
        Ended::Done(Err(error)) => {
            debug!(peer = %connection.peer, %error, "connection ended");
            if error.is_parse() && activity.is_silent() {
                let too_large = error.is_parse_too_large();
                refuse(
                    socket,
                    if too_large {
                        "431 Request Header Fields Too Large"
                    } else {
                        "400 Bad Request"
                    },
                );
            }
        }
        Ended::Gone => debug!(peer = %connection.peer, "peer left"),
        Ended::Overdue(overdue) => {
            debug!(peer = %connection.peer, ?overdue, "connection let go");
            connection.worker.server.metrics.cut(match overdue {
                Overdue::Idle => Cut::Idle,
                Overdue::Head => Cut::SlowHead,
                Overdue::Stalled => Cut::Stalled,
            });
            if overdue == Overdue::Stalled {
                return None;
            }
            if overdue == Overdue::Head {
                refuse(socket, "408 Request Timeout");
            }
        }
    }
    drop(http);
    trace!(peer = %connection.peer, "closing");
    close(socket).await;
    None
}

/// Answers a poll, at once or when it need not be held any longer: by the fan-out, or because time is up, for it or for the server.
async fn serve_poll(
    connection: &Connection,
    (asked, _membership): Answering,
    is_followed: bool,
    mut drained: Pin<&mut impl Future<Output = ()>>,
    mut alarm: Pin<&mut Sleep>,
) -> Outcome {
    let Connection {
        worker,
        socket,
        activity,
        ..
    } = connection;
    let limits = &worker.server.config.limits;
    if is_followed {
        asked.is_followed();
    }
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(outcome) = asked.poll_answered(cx) {
                return Poll::Ready(outcome);
            }
            let waits_until = asked.waits_until();
            if waits_until.is_some() {
                if drained.as_mut().poll(cx).is_ready() {
                    asked.end(true);
                    continue;
                }
                match peer(socket, cx) {
                    Peer::Listens => {}
                    Peer::HasSpoken => asked.is_followed(),
                    Peer::Left => {
                        debug!(peer = %connection.peer, "peer left");
                        return Poll::Ready(Outcome::Broken);
                    }
                }
            }
            let deadline = || match waits_until {
                Some(until) => Some((until, None)),
                None => activity.deadline(limits).map(|(due, why)| (due, Some(why))),
            };
            if ready!(poll_due(alarm.as_mut(), cx, limits, deadline)).is_some() {
                worker.server.metrics.cut(Cut::Stalled);
                return Poll::Ready(Outcome::Broken);
            }
            asked.end(false);
        }
    })
    .await
}

/// Ready when the deadline has passed; with what is due then.
///
/// The alarm is set anew only when it would come too late: a busy connection does not touch it.
fn poll_due<T>(
    mut alarm: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
    limits: &Limits,
    deadline: impl Fn() -> Option<(Instant, T)>,
) -> Poll<T> {
    if let Some((due, _)) = deadline().filter(|(due, _)| *due < alarm.deadline()) {
        alarm.as_mut().reset(due);
    }
    loop {
        ready!(alarm.as_mut().poll(cx));
        match deadline() {
            Some((due, what)) if due <= Instant::now() => return Poll::Ready(what),
            Some((due, _)) => alarm.as_mut().reset(due),
            None => alarm.as_mut().reset(Instant::now() + limits.idle_timeout),
        }
    }
}

/// Ends a connection so that the peer can read what was written before.
async fn close(socket: &TcpStream) {
    if shutdown_write(socket).is_ok() {
        linger(socket, LINGER).await;
    }
}

/// Answers a request that did not parse, or not in time. As much as fits is written: nobody waits for it.
fn refuse(socket: &TcpStream, status: &str) {
    let answer =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncache-control: no-store\r\ncontent-length: 0\r\n\r\n");
    let _ = socket.try_write(answer.as_bytes());
}
