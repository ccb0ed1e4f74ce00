//! WebSocket: one request, many answers.
//!
//! Reading is tungstenite's: frames, masks, fragments, UTF-8, the close handshake. Messages are written by the worker's
//! [fan-out](crate::server::fanout), and by this task when the socket is full. All that tungstenite wants to say (pongs,
//! closes) goes into the same outbox, so that frames never mix.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use hyper::{HeaderMap, Response, StatusCode, Version};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::position;
use crate::feed::{PublishError, Receipt};
use crate::protocol::{Refusal, Seq, Speaker, Transport};
use crate::server::answer::{self, AnswerBody};
use crate::server::fanout::{CaughtUp, Outbox};
use crate::server::metrics::{Answer, Cut};
use crate::server::publish;
use crate::server::request::{has_token, parameter, single};
use crate::server::wire::{linger, shutdown_write};
use crate::server::worker::Worker;

/// Frames read before others get their turn.
const TURN: usize = 32;

/// Messages of one client that wait for the disk. It is not read from while there are so many.
const SAID: usize = 32;

/// A control frame's payload is at most this long (RFC 6455, section 5.5), whatever the limit of a text.
const MAX_CONTROL: usize = 125;

/// What an upgraded connection goes on with.
pub(in crate::server) struct Upgrade {
    /// Who speaks.
    pub(in crate::server) speaker: Speaker,
    /// Where they speak from.
    pub(in crate::server) address: IpAddr,
    /// What has been heard, or why the feed cannot go on from there.
    heard: Result<Seq, Refusal>,
}

/// `GET /talkplace` with an upgrade: the answer, and what the connection goes on with once it is sent.
pub(in crate::server) fn upgrade(
    worker: &Worker,
    speaker: Speaker,
    address: IpAddr,
    version: Version,
    query: &str,
    headers: &HeaderMap,
) -> Result<(Response<AnswerBody>, Upgrade), Refusal> {
    let accept = accept_key(version, headers)?;
    let heard = match position(worker, parameter(query, "after")?.as_deref()) {
        Ok(seq) => Ok(seq.unwrap_or_else(|| worker.server.feed.end().seq)),
        // A page cannot read the status of a failed upgrade: this one is told by the code of a close.
        Err(gone @ Refusal::Gone { .. }) => Err(gone),
        Err(refusal) => return Err(refusal),
    };
    let mut response = answer::empty(StatusCode::SWITCHING_PROTOCOLS);
    let fields = response.headers_mut();
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(
        "sec-websocket-accept",
        HeaderValue::try_from(accept).expect("base64 is a header value"),
    );
    worker.server.metrics.answered(Transport::Websocket, Answer::Opened);
    Ok((
        response,
        Upgrade {
            speaker,
            address,
            heard,
        },
    ))
}

/// Whether the request asks for a WebSocket; if not, it is one for [`Refusal::UpgradeRequired`].
pub(in crate::server) fn asks_for_upgrade(version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_11
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &CONNECTION, "upgrade")
}

/// The value of `Sec-WebSocket-Accept` (RFC 6455, section 4.2).
fn accept_key(version: Version, headers: &HeaderMap) -> Result<String, Refusal> {
    const VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
    const KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
    if !asks_for_upgrade(version, headers) || single(headers, &VERSION)? != Some("13") {
        return Err(Refusal::UpgradeRequired);
    }
    let key = single(headers, &KEY)?.unwrap_or_default();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key);
    if !decoded.is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Refusal::malformed("Sec-WebSocket-Key is base64 of 16 bytes."));
    }
    Ok(derive_accept_key(key.as_bytes()))
}

/// Serves one WebSocket until it ends. `read` is what came behind the upgrade request.
pub(in crate::server) async fn run(worker: Rc<Worker>, socket: Rc<TcpStream>, read: Bytes, upgrade: Upgrade) {
    let server = &worker.server;
    let _present = server.metrics.present(Transport::Websocket);
    let counted = server.metrics.outbox();
    let heard = upgrade
        .heard
        .as_ref()
        .copied()
        .unwrap_or_else(|_| server.feed.end().seq);
    let outbox = Outbox::new(Rc::clone(&socket), heard, counted);
    let _membership = worker.fanout.join(Rc::clone(&outbox));
    let max_text = server.config.publishing.max_text;
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(max_text))
        .max_frame_size(Some(max_text.max(MAX_CONTROL)));
    let context = WebSocketContext::from_partially_read(read.into(), Role::Server, Some(config));
    let gone = upgrade.heard.as_ref().err().cloned();
    let now = Instant::now();
    let mut session = Session {
        worker: Rc::clone(&worker),
        socket,
        outbox,
        context,
        upgrade,
        ping_at: now + server.config.ping_interval,
        pong_due: None,
        said: VecDeque::new(),
        ends_at: None,
        is_over: false,
    };
    if let Some(Refusal::Gone { oldest, next }) = gone {
        session.close(CloseCode::Library(4410), &Refusal::gone_reason(&oldest, &next));
    }
    // What came with the upgrade is already there: the socket will not say so.
    session.read();
    session.run().await;
}

struct Session {
    worker: Rc<Worker>,
    socket: Rc<TcpStream>,
    outbox: Rc<Outbox>,
    context: WebSocketContext,
    upgrade: Upgrade,
    ping_at: Instant,
    /// When the pong that is missing must have come.
    pong_due: Option<Instant>,
    /// What the client has said and the feed has not taken in yet.
    said: VecDeque<Receipt>,
    /// Set with the close frame: when the connection ends even if the peer does not answer it.
    ends_at: Option<Instant>,
    /// Nothing more will be read: what waits is written, and then it ends.
    is_over: bool,
}

/// Tungstenite's view of the socket: it reads from it, and what it writes goes into the outbox.
struct Through<'a> {
    socket: &'a TcpStream,
    outbox: &'a Outbox,
}

impl Session {
    async fn run(&mut self) {
        loop {
            let written = self.outbox.catch_up(&self.worker.server.feed);
            match written {
                CaughtUp::Broken => return,
                CaughtUp::Gone => self.cut(Cut::Behind, "fell behind what the feed keeps"),
                CaughtUp::More => {
                    tokio::task::yield_now().await;
                    continue;
                }
                CaughtUp::Yes if self.is_over => return self.end().await,
                CaughtUp::Yes if self.worker.server.draining.is_cancelled() && self.ends_at.is_none() => {
                    self.close(CloseCode::Restart, "the server restarts");
                    continue;
                }
                CaughtUp::Yes | CaughtUp::Full => {}
            }
            let reads = self.reads();
            let full = !self.outbox.is_flushed() || written == CaughtUp::Full;
            let deadline = self.deadline();
            tokio::select! {
                ready = self.socket.readable(), if reads => match ready {
                    Ok(()) => if self.read() { tokio::task::yield_now().await },
                    Err(_) => return,
                },
                ready = self.socket.writable(), if full => if ready.is_err() { return },
                () = self.outbox.woken() => {}
                taken = first(&self.said), if !self.said.is_empty() => self.decided(taken),
                () = sleep_until(deadline) => if !self.on_time() { return },
            }
        }
    }

    /// What comes first: the ping, the end of a peer without a pong, the end of a stalled peer, the end of one that does not answer a close.
    fn deadline(&self) -> Instant {
        if let Some(ends_at) = self.ends_at {
            return ends_at;
        }
        let stall = self.worker.server.config.limits.stall_timeout;
        let stalled = self.outbox.blocked_since().map(|since| since + stall);
        let alarms = [Some(self.ping_at), self.pong_due, stalled];
        alarms.into_iter().flatten().min().unwrap_or(self.ping_at)
    }

    /// Does what is due; false ends the connection.
    fn on_time(&mut self) -> bool {
        let now = Instant::now();
        let limits = &self.worker.server.config.limits;
        if let Some(ends_at) = self.ends_at {
            return now < ends_at;
        }
        if self
            .outbox
            .blocked_since()
            .is_some_and(|since| now >= since + limits.stall_timeout)
        {
            self.cut(Cut::Stalled, "nothing was read");
            return true;
        }
        if self.pong_due.is_some_and(|due| now >= due) {
            self.worker.server.metrics.cut(Cut::NoPong);
            return false;
        }
        if now >= self.ping_at {
            let config = &self.worker.server.config;
            self.ping_at = now + config.ping_interval;
            let timeout = config.ping_timeout.unwrap_or(config.ping_interval);
            self.pong_due.get_or_insert(now + timeout);
            self.write(Message::Ping(Bytes::new()));
        }
        true
    }

    /// Reads what is there; true when there is more.
    fn read(&mut self) -> bool {
        for _ in 0..TURN {
            let mut through = Through {
                socket: &self.socket,
                outbox: &self.outbox,
            };
            match self.context.read(&mut through) {
                Ok(Message::Text(text)) => self.hear(&text),
                Ok(Message::Binary(_)) => self.close(CloseCode::Unsupported, "messages are text"),
                Ok(Message::Pong(_)) => self.pong_due = None,
                Ok(Message::Close(_)) => self.outbox.close(),
                Ok(Message::Ping(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) => {
                    self.fail(&error);
                    return false;
                }
            }
            if !self.reads() {
                return false;
            }
        }
        true
    }

    /// Whether anything may come that would have to wait.
    fn reads(&self) -> bool {
        !self.is_over && !self.outbox.is_crowded() && self.said.len() < SAID
    }

    /// The feed has decided on the oldest of what was said. A client is not told of each message, but when one is lost.
    fn decided(&mut self, taken: Result<crate::protocol::Cursor, PublishError>) {
        self.said.pop_front();
        if taken.is_err() {
            self.worker.server.metrics.refused(&Refusal::NotKept);
            self.close(CloseCode::Again, "a message could not be kept");
        }
    }

    /// Publishes what the client says.
    fn hear(&mut self, text: &str) {
        // Behind a close frame of ours the client may still speak, but nobody listens.
        if self.ends_at.is_some() {
            return;
        }
        let server = &self.worker.server;
        if text.is_empty() {
            return self.close(CloseCode::Policy, "an empty text is no message");
        }
        match publish::from_websocket(server, &self.upgrade.speaker, self.upgrade.address, text) {
            Ok(receipt) if receipt.known().is_none() => self.said.push_back(receipt),
            Ok(_) | Err(Refusal::Draining) => {}
            Err(refusal) => {
                server.metrics.refused(&refusal);
                match refusal {
                    Refusal::NotKept => self.close(CloseCode::Again, "a message could not be kept"),
                    _ => self.close(CloseCode::Policy, "too many messages"),
                }
            }
        }
    }

    /// Says goodbye after something that cannot be read on from.
    fn fail(&mut self, error: &Error) {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => {}
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {}
            Error::Utf8(_) => self.close(CloseCode::Invalid, "not UTF-8"),
            Error::Capacity(CapacityError::MessageTooLong { .. }) => self.close(CloseCode::Size, "too long"),
            _ => self.close(CloseCode::Protocol, "broken protocol"),
        }
        self.is_over = true;
        self.outbox.close();
        let patience = self.worker.server.config.limits.close_timeout;
        self.ends_at.get_or_insert_with(|| Instant::now() + patience);
    }

    /// Lets a listener go that does not keep up: it comes back with its cursor.
    fn cut(&mut self, why: Cut, reason: &str) {
        if self.ends_at.is_none() {
            self.worker.server.metrics.cut(why);
        }
        self.close(CloseCode::Again, reason);
    }

    /// Sends a close frame, once. No message follows it.
    fn close(&mut self, code: CloseCode, reason: &str) {
        if self.ends_at.is_some() {
            return;
        }
        let server = &self.worker.server;
        self.ends_at = Some(Instant::now() + server.config.limits.close_timeout);
        // What the feed has taken in goes first, as far as the socket takes it: this client's own last words, for one.
        while self.outbox.catch_up(&server.feed) == CaughtUp::More {}
        self.write(Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        })));
        self.outbox.close();
    }

    /// Hands a control frame to tungstenite, which knows whether it may still be sent. The outbox takes everything, so
    /// the only failure is a connection that is already closing.
    fn write(&mut self, message: Message) {
        let mut through = Through {
            socket: &self.socket,
            outbox: &self.outbox,
        };
        let _ = self
            .context
            .write(&mut through, message)
            .and_then(|()| self.context.flush(&mut through));
    }

    /// Ends the connection so that the peer can read the close frame before it.
    async fn end(&mut self) {
        if shutdown_write(&self.socket).is_ok() {
            linger(&self.socket, self.worker.server.config.limits.close_timeout).await;
        }
    }
}

/// What becomes of the oldest of what was said.
async fn first(said: &VecDeque<Receipt>) -> Result<crate::protocol::Cursor, PublishError> {
    match said.front() {
        Some(receipt) => receipt.clone().taken().await,
        None => std::future::pending().await,
    }
}

impl io::Read for Through<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buf)
    }
}

impl io::Write for Through<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
