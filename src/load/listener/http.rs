//! A listener's HTTP connection: kept alive, one request at a time, small buffers.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::{Bench, End};
use crate::load::recorder::Failure;

/// Room for an answer's head, and for what comes with it. hyper would begin with 8 KiB, which 15,000 listeners would all keep.
const READ_BUFFER: usize = 2048;
/// A batch of a thousand messages of 4 KiB whose every byte JSON had to escape takes half of it.
const LONGEST_BODY: usize = 64 << 20;

/// A connection that asks.
pub(super) struct Http {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
    was_used: bool,
}

impl Http {
    /// Connects.
    pub(super) async fn open(bench: &Bench) -> Result<Http, Failure> {
        let wire = bench.connect().await?;
        let (sender, connection) = Builder::new()
            .read_buf_exact_size(Some(READ_BUFFER))
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| kind(&error))?;
        // It ends when the sender is dropped; how it ends shows in the requests.
        tokio::task::spawn_local(connection);
        let host = HeaderValue::try_from(bench.server.to_string()).expect("an address is a header's value");
        Ok(Http {
            sender,
            host,
            was_used: false,
        })
    }

    /// Waits until the connection takes a request.
    pub(super) async fn ready(&mut self) -> Result<(), End> {
        match self.sender.ready().await {
            Ok(()) => Ok(()),
            // A connection that is closed after an answer was merely idle; one that never gave one is of no use.
            Err(_) if self.was_used => Err(End::Idle),
            Err(_) => Err(End::Failed(Failure::Broken)),
        }
    }

    /// Asks for a path; gives the answer's head. The connection has to be ready.
    pub(super) async fn get(&mut self, path: &str) -> Result<Response<Incoming>, Failure> {
        let request = Request::get(path)
            .header(HOST, self.host.clone())
            .header(USER_AGENT, HeaderValue::from_static("talkplace"))
            .body(Empty::new())
            .expect("our own paths are paths");
        let answer = self.sender.send_request(request).await.map_err(|error| kind(&error))?;
        self.was_used = true;
        Ok(answer)
    }
}

/// All of an answer's body; without a copy when it came in one piece, as short ones do.
pub(super) async fn whole(body: Incoming) -> Result<Bytes, Failure> {
    let collected = Limited::new(body, LONGEST_BODY).collect().await;
    let collected = collected.map_err(|error| match error.downcast_ref::<hyper::Error>() {
        Some(error) => kind(error),
        None => Failure::Unexpected,
    })?;
    Ok(collected.to_bytes())
}

/// What went wrong: bytes that are no HTTP, or a connection that ended.
pub(super) fn kind(error: &hyper::Error) -> Failure {
    if error.is_parse() || error.is_parse_too_large() {
        Failure::Unexpected
    } else {
        Failure::Broken
    }
}
