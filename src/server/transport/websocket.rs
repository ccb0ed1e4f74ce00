//! WebSocket: one request, many answers.
//!
//! Reading is tungstenite's: masks, fragments, UTF-8, the close handshake; the [head of each frame](crate::server::frame_head)
//! is looked at before, as tungstenite is less strict there than the RFC. Messages are written by the worker's
//! [fan-out](crate::server::fanout), and by this task when the socket is full. All that tungstenite wants to say (pongs,
//! closes) goes into the same outbox, so that frames never mix.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use hyper::{HeaderMap, Response, StatusCode, Version};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::position;
use crate::feed::{PublishError, Receipt};
use crate::protocol::{Cursor, Refusal, Seq, Speaker, Transport};
use crate::server::answer::{self, AnswerBody};
use crate::server::fanout::{CaughtUp, Envelope, Outbox, OwnOutbox};
use crate::server::frame_head::{FrameHeads, MAX_CONTROL};
use crate::server::metrics::{Answer, Cut, Present};
use crate::server::publish;
use crate::server::request::{has_token, parameter, single};
use crate::server::wire::{linger, shutdown_write};
use crate::server::worker::Worker;

/// Room for what a client says: one short message. It is kept for as long as the connection lives once something was said, so
/// longer ones are read in pieces.
const READ_BUFFER: usize = 128;

/// Frames read before others get their turn.
const TURN: usize = 32;

/// Messages of one client that wait for the disk. It is not read from while there are so many.
const SAID: usize = 32;

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
// Not an `async fn`, whose future would keep room for its arguments for as long as the connection lives.
pub(in crate::server) fn run(
    worker: Rc<Worker>,
    socket: Rc<TcpStream>,
    read: Bytes,
    upgrade: Upgrade,
) -> impl Future<Output = ()> {
    let mut session = Session::new(worker, socket, read, upgrade);
    async move { session.run().await }
}

struct Session {
    worker: Rc<Worker>,
    _present: Present,
    socket: Rc<TcpStream>,
    outbox: OwnOutbox,
    heads: FrameHeads,
    context: WebSocketContext,
    speaker: Speaker,
    address: IpAddr,
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
    heads: &'a mut FrameHeads,
    outbox: &'a Outbox,
}

/// Why a session goes on.
enum News {
    Readable,
    Writable,
    /// The fan-out leaves the rest to it.
    Called,
    /// The feed has decided on the oldest of what was said.
    Decided(Result<Cursor, PublishError>),
    /// It is time for something.
    Due,
    Broken,
}

impl Session {
    fn new(worker: Rc<Worker>, socket: Rc<TcpStream>, read: Bytes, upgrade: Upgrade) -> Session {
        let server = &worker.server;
        let (heard, gone) = match upgrade.heard {
            Ok(heard) => (heard, None),
            Err(refusal) => (server.feed.end().seq, Some(refusal)),
        };
        let counted = server.metrics.outbox(Transport::Websocket);
        let outbox = worker
            .fanout
            .outbox(Rc::clone(&socket), Envelope::Frame, heard, counted);
        let max_text = server.config.publishing.max_text;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(max_text))
            // Whatever the limit of a text.
            .max_frame_size(Some(max_text.max(MAX_CONTROL)));
        let mut heads = FrameHeads::new();
        let usable = heads.read(&read);
        let has_more = !read.is_empty();
        let mut session = Session {
            _present: server.metrics.present(Transport::Websocket),
            socket,
            outbox,
            heads,
            context: WebSocketContext::from_partially_read(read.slice(..usable).into(), Role::Server, Some(config)),
            speaker: upgrade.speaker,
            address: upgrade.address,
            ping_at: worker.pings.due(),
            pong_due: None,
            said: VecDeque::new(),
            ends_at: None,
            is_over: false,
            worker,
        };
        if let Some(Refusal::Gone { oldest, next }) = gone {
            session.close(CloseCode::Library(4410), &Refusal::gone_reason(&oldest, &next));
        }
        // What came with the upgrade is already there: the socket will not say so.
        if has_more {
            session.read();
        }
        session
    }

    async fn run(&mut self) {
        let mut alarm = pin!(sleep_until(self.deadline()));
        loop {
            let written = self.outbox.catch_up(&self.worker.server.feed);
            match written {
                CaughtUp::Broken => return,
                CaughtUp::Gone => self.cut(Cut::Behind, "fell behind what the feed keeps"),
                CaughtUp::More => {
                    tokio::task::yield_now().await;
                    continue;
                }
                // Boxed, as few connections come here and all would keep the room.
                CaughtUp::Yes if self.is_over => return Box::pin(self.end()).await,
                CaughtUp::Yes if self.worker.server.draining.is_cancelled() && self.ends_at.is_none() => {
                    self.close(CloseCode::Restart, "the server restarts");
                    continue;
                }
                CaughtUp::Yes | CaughtUp::Full => {}
            }
            let full = !self.outbox.is_flushed() || written == CaughtUp::Full;
            let deadline = self.deadline();
            if alarm.deadline() != deadline {
                alarm.as_mut().reset(deadline);
            }
            match poll_fn(|cx| self.poll_news(cx, alarm.as_mut(), full)).await {
                News::Readable => {
                    if self.read() {
                        tokio::task::yield_now().await;
                    }
                }
                News::Decided(taken) => self.decided(taken),
                News::Due if !self.on_time() => return,
                News::Broken => return,
                News::Writable | News::Called | News::Due => {}
            }
        }
    }

    /// What there is to do. Polled by hand: futures for each of it would be several times as large as the session.
    fn poll_news(&mut self, cx: &mut Context<'_>, alarm: Pin<&mut Sleep>, full: bool) -> Poll<News> {
        // Time first, and the socket last: a client that never stops talking must not escape its end.
        if alarm.poll(cx).is_ready() {
            return Poll::Ready(News::Due);
        }
        if self.outbox.poll_called(cx).is_ready() {
            return Poll::Ready(News::Called);
        }
        if let Some(said) = self.said.front_mut()
            && let Poll::Ready(taken) = said.poll_taken(cx)
        {
            return Poll::Ready(News::Decided(taken));
        }
        let or_broken = |ready: io::Result<()>, news| Poll::Ready(if ready.is_ok() { news } else { News::Broken });
        if full && let Poll::Ready(ready) = self.socket.poll_write_ready(cx) {
            return or_broken(ready, News::Writable);
        }
        if self.reads()
            && let Poll::Ready(ready) = self.socket.poll_read_ready(cx)
        {
            return or_broken(ready, News::Readable);
        }
        Poll::Pending
    }

    /// What comes first: the ping, the end of a stalled peer, the end of one that does not answer a close.
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
            self.ping_at = self.worker.pings.due();
            let pong_due = config.ping_timeout.map_or(self.ping_at, |timeout| now + timeout);
            self.pong_due.get_or_insert(pong_due);
            self.write(Message::Ping(Bytes::new()));
        }
        true
    }

    /// Reads what is there; true when there is more.
    fn read(&mut self) -> bool {
        for _ in 0..TURN {
            let mut through = Through {
                socket: &self.socket,
                heads: &mut self.heads,
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
    fn decided(&mut self, taken: Result<Cursor, PublishError>) {
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
        match publish::from_websocket(server, &self.speaker, self.address, text) {
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
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.close(CloseCode::Protocol, "broken protocol");
            }
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
            heads: &mut self.heads,
            outbox: &self.outbox,
        };
        // A pong that is owed goes first: tungstenite would put it behind a close frame, where nothing may follow.
        let _ = self
            .context
            .flush(&mut through)
            .and_then(|()| self.context.write(&mut through, message))
            .and_then(|()| self.context.flush(&mut through));
    }

    /// Ends the connection so that the peer can read the close frame before it.
    async fn end(&mut self) {
        if shutdown_write(&self.socket).is_ok() {
            linger(&self.socket, self.worker.server.config.limits.close_timeout).await;
        }
    }
}

impl io::Read for Through<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.heads.is_broken() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let read = self.socket.try_read(buf)?;
        match self.heads.read(&buf[..read]) {
            // None of what came may be used, and nothing at all would be the end of the socket.
            0 if read > 0 => Err(io::ErrorKind::InvalidData.into()),
            usable => Ok(usable),
        }
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
