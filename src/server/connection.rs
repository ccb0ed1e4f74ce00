//! One connection: hyper on it, and what hyper does not see: the time that everything takes.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, trace};

use super::answer::{self, Tracked};
use super::metrics::Cut;
use super::router;
use super::transport::{Upgrade, run_websocket};
use super::wire::{Activity, Overdue, Wire, linger, shutdown_write};
use super::worker::Worker;
use crate::protocol::Refusal;

/// How long a closed connection may still send what it had begun to.
const LINGER: Duration = Duration::from_secs(2);

/// What a request's handler knows of the connection that it came by.
pub(super) struct Connection {
    pub(super) worker: Rc<Worker>,
    /// Why it is one more than the server takes, if it is: it is told so, whatever it asks for.
    pub(super) refused: Option<Refusal>,
    peer: SocketAddr,
    upgrade: RefCell<Option<Upgrade>>,
    /// Whether what is being done goes on even if the peer sends no more.
    is_settling: Cell<bool>,
}

/// How HTTP on a connection ended.
enum Ended {
    /// By itself.
    Done(hyper::Result<()>),
    /// It took too long.
    Overdue(Overdue),
    /// The peer has left while something was held for it.
    Left,
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

    /// Lets the connection go on as a WebSocket once the answer is sent.
    pub(super) fn upgrade_with(&self, upgrade: Upgrade) {
        self.upgrade.replace(Some(upgrade));
    }
}

/// Serves HTTP on a connection until it ends or becomes a WebSocket, then that. `stay` is let go with it.
// Not an `async fn`, whose future would keep room for its arguments; and each half is boxed apart, so that a WebSocket does not
// carry the room for HTTP with it.
pub(super) fn serve<S>(
    worker: Rc<Worker>,
    socket: TcpStream,
    peer: SocketAddr,
    refused: Option<Refusal>,
    stay: S,
) -> impl Future<Output = ()> {
    let socket = Rc::new(socket);
    let connection = Connection {
        worker: Rc::clone(&worker),
        refused,
        peer,
        upgrade: RefCell::new(None),
        is_settling: Cell::new(false),
    };
    let http = Box::pin(serve_http(Rc::new(connection), Rc::clone(&socket)));
    async move {
        let upgraded = http.await;
        let websocket = upgraded.map(|(read, upgrade)| Box::pin(run_websocket(worker, socket, read, upgrade)));
        if let Some(websocket) = websocket {
            websocket.await;
        }
        drop(stay);
    }
}

async fn serve_http(connection: Rc<Connection>, socket: Rc<TcpStream>) -> Option<(bytes::Bytes, Upgrade)> {
    let limits = connection.worker.server.config.limits;
    let activity = Rc::new(Activity::new(connection.worker.server.metrics.blocked_http.clone()));
    let service = service_fn(|request| {
        let is_well_framed = activity.answering();
        let (connection, activity) = (Rc::clone(&connection), Rc::clone(&activity));
        // Unpin, as an upgrade by hand asks for; and a connection without a request carries none of it.
        Box::pin(async move {
            let response = if is_well_framed {
                router::answer(connection, request).await
            } else {
                connection.worker.server.metrics.refused(&Refusal::TwoLengths);
                answer::refused(&Refusal::TwoLengths)
            };
            Ok::<_, Infallible>(response.map(|body| Tracked::new(body, activity)))
        })
    });
    let wire = Wire::new(Rc::clone(&socket), Rc::clone(&activity));
    let mut http = http1::Builder::new()
        .header_read_timeout(None)
        // Else hyper drops even an answer that is ready when the peer has said that it will send no more.
        .half_close(true)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(8192))
        .serve_connection(wire, service);

    let draining = &connection.worker.server.draining;
    let mut drained = pin!(draining.cancelled());
    let mut told = false;
    let mut alarm = pin!(sleep_until(Instant::now() + limits.idle_timeout));
    let ended = poll_fn(|cx| {
        if !told && drained.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut http).graceful_shutdown();
        }
        if let Poll::Ready(done) = http.poll_without_shutdown(cx) {
            return Poll::Ready(Ended::Done(done));
        }
        if activity.is_busy() && !connection.is_settling.get() && has_left(&socket, cx) {
            return Poll::Ready(Ended::Left);
        }
        // The alarm is set anew only when it would come too late: a busy connection does not touch it.
        let deadline = activity.deadline(&limits);
        if let Some((due, _)) = deadline.filter(|(due, _)| *due < alarm.deadline()) {
            alarm.as_mut().reset(due);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            match activity.deadline(&limits) {
                Some((due, overdue)) if due <= Instant::now() => return Poll::Ready(Ended::Overdue(overdue)),
                Some((due, _)) => alarm.as_mut().reset(due),
                None => alarm.as_mut().reset(Instant::now() + limits.idle_timeout),
            }
        }
        Poll::Pending
    })
    .await;
    let upgrade = connection.upgrade.take();
    match ended {
        Ended::Done(Ok(())) => {
            if let Some(upgrade) = upgrade {
                return Some((http.into_parts().read_buf, upgrade));
            }
        }
        Ended::Done(Err(error)) => {
            debug!(peer = %connection.peer, %error, "connection ended");
            if error.is_parse() && activity.is_silent() {
                let too_large = error.is_parse_too_large();
                refuse(
                    &socket,
                    if too_large {
                        "431 Request Header Fields Too Large"
                    } else {
                        "400 Bad Request"
                    },
                );
            }
        }
        Ended::Left => debug!(peer = %connection.peer, "peer left"),
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
                refuse(&socket, "408 Request Timeout");
            }
        }
    }
    drop(http);
    trace!(peer = %connection.peer, "closing");
    if shutdown_write(&socket).is_ok() {
        linger(&socket, LINGER).await;
    }
    None
}

/// Whether the peer sends no more. Whoever closes looks the same as whoever only stops sending: neither is held any longer,
/// or listeners that are gone would stay until their timeout.
fn has_left(socket: &TcpStream, cx: &mut Context<'_>) -> bool {
    let mut byte = [0];
    let mut byte = ReadBuf::new(&mut byte);
    matches!(socket.poll_peek(cx, &mut byte), Poll::Ready(Ok(0) | Err(_)))
}

/// Answers a request that did not parse, or not in time. As much as fits is written: nobody waits for it.
fn refuse(socket: &TcpStream, status: &str) {
    let answer =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncache-control: no-store\r\ncontent-length: 0\r\n\r\n");
    let _ = socket.try_write(answer.as_bytes());
}
