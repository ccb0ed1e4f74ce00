//! A listener's HTTP connection: kept alive, one request at a time, small buffers.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::header::{CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::head::{Head, Passes};
use super::{Bench, End, Listener, Wire};
use crate::load::link::Arrival;
use crate::load::recorder::Failure;
use crate::load::tap::SharedRecording;

/// Room for an answer's head, and for what comes with it. hyper would begin with 8 KiB, which 15,000 listeners would all keep.
const READ_BUFFER: usize = 2048;
/// A batch of a thousand messages of 4 KiB whose every byte JSON had to escape takes half of it.
const LONGEST_BODY: usize = 64 << 20;

/// A connection that asks. It moves on while one of its methods is awaited.
pub(super) struct Http {
    sender: SendRequest<Empty<Bytes>>,
    connection: Driven,
    host: HeaderValue,
    cookie: Option<HeaderValue>,
    arrival: Arrival,
    passes: Passes,
    was_used: bool,
    /// Whether it is for further requests, too.
    is_kept: bool,
}

/// What is asked: a path, and what the head has to say besides.
pub(super) struct Question {
    pub(super) path: String,
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
}

/// A whole answer.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
}

impl From<String> for Question {
    fn from(path: String) -> Question {
        let fields = Vec::new();
        Question { path, fields }
    }
}

/// hyper's side of the connection, within the listener's own task: one of its own would cost each answer two more turns
/// of the scheduler, and each listener the memory of a task. `None` when it has ended.
struct Driven(Option<Pin<Box<HttpConnection>>>);

type HttpConnection = Connection<TokioIo<Head<Wire>>, Empty<Bytes>>;

impl Driven {
    /// Does `work` while the connection moves on.
    async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            // Before the connection's turn, which takes out a question that is asked here, and after it, for an answer that it
            // brings in.
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            self.poll(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        // How it ends shows in the requests.
        if let Some(connection) = &mut self.0
            && connection.as_mut().poll(cx).is_ready()
        {
            self.0 = None;
        }
    }
}

impl Http {
    /// Connects.
    pub(super) async fn open(listener: &Listener) -> Result<Http, Failure> {
        Http::over(&listener.bench, listener.cookie.clone(), listener.recording.as_ref()).await
    }

    /// Connects, for an answer whose [body](Http::body) is read elsewhere.
    pub(super) async fn open_for_head(listener: &Listener) -> Result<Http, Failure> {
        Http::connect(&listener.bench, listener.cookie.clone(), listener.recording.as_ref()).await
    }

    /// The same while the listener does something else.
    pub(super) async fn over(
        bench: &Bench,
        cookie: Option<HeaderValue>,
        recording: Option<&SharedRecording>,
    ) -> Result<Http, Failure> {
        let http = Http::connect(bench, cookie, recording).await?;
        http.passes.open();
        Ok(http)
    }

    async fn connect(
        bench: &Bench,
        cookie: Option<HeaderValue>,
        recording: Option<&SharedRecording>,
    ) -> Result<Http, Failure> {
        let (wire, arrival) = bench.connect(recording).await?;
        let head = Head::new(wire);
        let passes = head.passes();
        let (sender, connection) = Builder::new()
            .read_buf_exact_size(Some(READ_BUFFER))
            .handshake(TokioIo::new(head))
            .await
            .map_err(|error| kind(&error))?;
        let host = HeaderValue::try_from(&bench.peer.authority).expect("it was read as part of an address");
        Ok(Http {
            is_kept: bench.scenario.http_keep_alive,
            sender,
            connection: Driven(Some(Box::pin(connection))),
            host,
            cookie,
            arrival,
            passes,
            was_used: false,
        })
    }

    /// When what was read last had come.
    pub(super) fn arrived(&self) -> Instant {
        self.arrival.at()
    }

    /// Waits until the connection takes a request.
    pub(super) async fn ready(&mut self) -> Result<(), End> {
        match self.connection.during(self.sender.ready()).await {
            Ok(()) => Ok(()),
            // A connection that is closed after an answer was merely idle; one that never gave one is of no use.
            Err(_) if self.was_used => Err(End::Idle),
            Err(_) => Err(End::Failed(Failure::Broken)),
        }
    }

    /// Asks; gives the answer's head. The connection has to be ready.
    pub(super) async fn get(&mut self, question: &Question) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::get(&question.path)
            .header(HOST, self.host.clone())
            .header(USER_AGENT, HeaderValue::from_static("talkplace"));
        for (name, value) in &question.fields {
            request = request.header(name, value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie.clone());
        }
        if !self.is_kept {
            request = request.header(CONNECTION, HeaderValue::from_static("close"));
        }
        let request = request.body(Empty::new()).expect("our own paths are paths");
        let answer = self.connection.during(self.sender.send_request(request)).await;
        self.was_used = true;
        answer.map_err(|error| kind(&error))
    }

    /// Asks; gives the whole answer. The connection has to be ready.
    pub(super) async fn ask(&mut self, question: &Question) -> Result<Answered, Failure> {
        let (head, body) = self.get(question).await?.into_parts();
        Ok(Answered {
            status: head.status,
            fields: head.headers,
            body: self.whole(body).await?,
        })
    }

    /// All of an answer's body; without a copy when it came in one piece, as short ones do.
    pub(super) async fn whole(&mut self, body: Incoming) -> Result<Bytes, Failure> {
        self.passes.open();
        let collected = self.connection.during(Limited::new(body, LONGEST_BODY).collect()).await;
        let collected = collected.map_err(|error| match error.downcast_ref::<hyper::Error>() {
            Some(error) => kind(error),
            None => Failure::Unexpected,
        })?;
        Ok(collected.to_bytes())
    }

    /// Takes the connection back from hyper behind an answer's head: what has come of its body, and where the rest comes from. `None` when
    /// the connection has ended.
    pub(super) fn body(self) -> Option<(Vec<u8>, Wire, Arrival)> {
        let connection = Pin::into_inner(self.connection.0?);
        let (wire, behind) = connection.into_parts().io.into_inner().into_parts();
        Some((behind, wire, self.arrival))
    }

    /// Waits for something else, and notices meanwhile when the server closes.
    pub(super) async fn idle(&mut self, wait: impl Future<Output = ()>) {
        self.connection.during(wait).await;
    }
}

/// What went wrong: bytes that are no HTTP, or a connection that ended.
fn kind(error: &hyper::Error) -> Failure {
    if error.is_parse() || error.is_parse_too_large() {
        Failure::Unexpected
    } else {
        Failure::Broken
    }
}
