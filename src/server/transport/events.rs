//! Server-sent events: one GET whose answer never ends.
//!
//! hyper reads the request and writes the head of the answer. Then the connection takes the socket back, as it does for a WebSocket:
//! messages and heartbeats are written by the worker's [fan-out](crate::server::fanout), and by this task when the socket is full.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode, Version};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::position;
use crate::protocol::{Refusal, Seq, Transport};
use crate::server::answer::{self, AnswerBody};
use crate::server::fanout::{CaughtUp, Envelope, OwnOutbox};
use crate::server::metrics::{Answer, Cut, Present};
use crate::server::request::{parameter, single};
use crate::server::wire::{Peer, peer};
use crate::server::worker::Worker;

/// What a connection goes on with once the head of the answer is sent.
pub(in crate::server) struct Opened {
    heard: Seq,
    envelope: Envelope,
    present: Present,
}

/// `GET /talkplace/events`: the head of the answer with the first event, and what the connection goes on with.
pub(in crate::server) fn events(
    worker: &Worker,
    version: Version,
    query: &str,
    headers: &HeaderMap,
) -> Result<(Response<AnswerBody>, Opened), Refusal> {
    const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
    let after = parameter(query, "after")?;
    let last = single(headers, &LAST_EVENT_ID)?;
    let feed = &worker.server.feed;
    let heard = position(worker, last.or(after.as_deref()))?.unwrap_or_else(|| feed.end().seq);
    worker.server.metrics.answered(Transport::Events, Answer::Opened);
    let opening = format!("id: {}\n\n", feed.cursor(heard));
    let opened = Opened {
        heard,
        envelope: match version {
            Version::HTTP_11 => Envelope::Chunk,
            _ => Envelope::Plain,
        },
        present: worker.server.metrics.present(Transport::Events),
    };
    Ok((event_stream(AnswerBody::Opening(opening.into())), opened))
}

/// The answer for a browser's `EventSource`, which shows a page neither the status nor the body of a refusal: a stream with
/// the refusal as its one event. `None` when the refusal, or whoever asked, takes the plain answer.
pub(in crate::server) fn refused_stream(refusal: &Refusal, headers: &HeaderMap) -> Option<Response<AnswerBody>> {
    let wanted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let wanted = wanted.flat_map(|value| value.split(',')).any(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    });
    if !wanted || ![410, 503].contains(&refusal.status()) {
        return None;
    }
    let retry_ms = refusal.retry_after_s().unwrap_or(3) * 1000;
    let body = format!("retry: {retry_ms}\nevent: refused\ndata: {}\n\n", refusal.to_json());
    Some(event_stream(AnswerBody::Whole(body.into())))
}

/// An event stream with this body.
pub(in crate::server) fn event_stream(body: AnswerBody) -> Response<AnswerBody> {
    let mut response = answer::whole(StatusCode::OK, "text/event-stream", Bytes::new());
    // nginx keeps an answer back until it is whole unless told not to.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    *response.body_mut() = body;
    response
}

/// Serves the stream until it ends: true when it ended as a stream does, and the peer may read on to its end.
// Not an `async fn`, whose future would keep room for its arguments for as long as the connection lives.
pub(in crate::server) fn run(worker: Rc<Worker>, socket: Rc<TcpStream>, opened: Opened) -> impl Future<Output = bool> {
    let counted = worker.server.metrics.outbox(Transport::Events);
    let fanout = &worker.fanout;
    let outbox = fanout.outbox(Rc::clone(&socket), opened.envelope, opened.heard, counted);
    let mut stream = EventStream {
        _present: opened.present,
        envelope: opened.envelope,
        worker,
        socket,
        outbox,
    };
    async move { stream.run().await }
}

struct EventStream {
    worker: Rc<Worker>,
    socket: Rc<TcpStream>,
    outbox: OwnOutbox,
    envelope: Envelope,
    _present: Present,
}

/// Why a stream goes on.
enum News {
    Writable,
    /// The fan-out leaves the rest to it, or the server shuts down.
    Called,
    /// It has taken nothing for too long.
    Stalled,
    /// The peer has left.
    Left,
}

impl EventStream {
    async fn run(&mut self) -> bool {
        // For a socket that is full; boxed, as few are.
        let mut alarm: Option<Pin<Box<Sleep>>> = None;
        loop {
            let server = &self.worker.server;
            let written = self.outbox.catch_up(&server.feed);
            match written {
                CaughtUp::Broken => return false,
                CaughtUp::More => {
                    tokio::task::yield_now().await;
                    continue;
                }
                // Boxed, as few connections come here and all would keep the room.
                CaughtUp::Gone => {
                    server.metrics.cut(Cut::Behind);
                    return Box::pin(self.end()).await;
                }
                CaughtUp::Yes if server.draining.is_cancelled() => return Box::pin(self.end()).await,
                CaughtUp::Yes | CaughtUp::Full => {}
            }
            let full = !self.outbox.is_flushed() || written == CaughtUp::Full;
            let stalled_at = self.stalled_at();
            if alarm.as_ref().map(|alarm| alarm.deadline()) != stalled_at {
                alarm = stalled_at.map(|at| Box::pin(sleep_until(at)));
            }
            match poll_fn(|cx| self.poll_news(cx, alarm.as_mut(), full)).await {
                News::Writable | News::Called => {}
                News::Stalled => {
                    self.worker.server.metrics.cut(Cut::Stalled);
                    return false;
                }
                News::Left => return false,
            }
        }
    }

    fn poll_news(&mut self, cx: &mut Context<'_>, alarm: Option<&mut Pin<Box<Sleep>>>, full: bool) -> Poll<News> {
        if alarm.is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(News::Stalled);
        }
        if self.outbox.poll_called(cx).is_ready() {
            return Poll::Ready(News::Called);
        }
        if full && let Poll::Ready(ready) = self.socket.poll_write_ready(cx) {
            return Poll::Ready(if ready.is_ok() { News::Writable } else { News::Left });
        }
        if peer(&self.socket, cx) == Peer::Left {
            return Poll::Ready(News::Left);
        }
        Poll::Pending
    }

    /// When its peer is given up, if nothing is read until then.
    fn stalled_at(&self) -> Option<Instant> {
        let stall = self.worker.server.config.limits.stall_timeout;
        self.outbox.blocked_since().map(|since| since + stall)
    }

    /// Ends the body; whether the socket has taken the end in time.
    async fn end(&mut self) -> bool {
        if self.envelope == Envelope::Chunk {
            self.outbox.push(b"0\r\n\r\n");
        }
        self.outbox.close();
        let server = &self.worker.server;
        let written = async {
            loop {
                match self.outbox.catch_up(&server.feed) {
                    CaughtUp::Yes => return true,
                    CaughtUp::Full if self.socket.writable().await.is_ok() => {}
                    _ => return false,
                }
            }
        };
        let patience = server.config.limits.close_timeout;
        tokio::time::timeout(patience, written).await.unwrap_or(false)
    }
}
