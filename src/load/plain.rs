//! A client that stands beside the server: no link, no counting. The publisher and the engine's own questions use it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::target::Peer;

/// Answers to such questions are small.
const LONGEST_ANSWER: usize = 4 << 20;

/// One kept-alive connection.
pub(crate) struct Plain {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// The connection, or what came over it, is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PlainError(Box<dyn std::error::Error + Send + Sync>);

impl Plain {
    /// Connects.
    pub(crate) async fn open(peer: &Peer) -> Result<Plain, PlainError> {
        let stream = TcpStream::connect(peer.address).await.map_err(PlainError::new)?;
        stream.set_nodelay(true).map_err(PlainError::new)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(PlainError::new)?;
        // Its end shows in the next request.
        tokio::spawn(connection);
        let host = peer.authority.clone();
        Ok(Plain { sender, host })
    }

    /// Whether the server has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Posts a plain text; under a key, so that it can be posted again and is said once.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        text: Bytes,
        key: Option<&str>,
    ) -> Result<(StatusCode, Bytes), PlainError> {
        self.ask_with(Method::POST, path, text, key).await
    }

    /// Asks for a path, with a plain text where there is one to send.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), PlainError> {
        self.ask_with(method, path, body, None).await
    }

    async fn ask_with(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        key: Option<&str>,
    ) -> Result<(StatusCode, Bytes), PlainError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if !body.is_empty() {
            // nchan answers in JSON only to who asks for that.
            request = request
                .header(CONTENT_TYPE, "text/plain; charset=utf-8")
                .header(ACCEPT, "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(body)).map_err(PlainError::new)?;
        self.sender.ready().await.map_err(PlainError::new)?;
        let answer = self.sender.send_request(request).await.map_err(PlainError::new)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        let body = body.map_err(PlainError)?.to_bytes();
        Ok((status, body))
    }
}

impl Plain {
    /// Signs in under the name of whoever chooses none; gives what a `Cookie` says from then on.
    pub(crate) async fn sign_in(&mut self) -> Result<String, PlainError> {
        let request = Request::post("/signin").header(HOST, &self.host);
        let request = request.body(Full::default()).map_err(PlainError::new)?;
        let answer = self.sender.send_request(request).await.map_err(PlainError::new)?;
        let set = answer.headers().get_all(SET_COOKIE).iter();
        let pairs = set.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let pairs: Vec<&str> = pairs.collect();
        if answer.status() == StatusCode::FOUND && pairs.iter().any(|pair| pair.starts_with("name=")) {
            Ok(pairs.join("; "))
        } else {
            Err(PlainError("POST /signin gave no cookie".into()))
        }
    }
}

impl PlainError {
    fn new(error: impl std::error::Error + Send + Sync + 'static) -> PlainError {
        PlainError(Box::new(error))
    }
}
