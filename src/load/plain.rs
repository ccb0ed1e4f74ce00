//! A client that stands beside the server: no link, no counting. The publisher and the engine's own questions use it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

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
    pub(crate) async fn open(server: SocketAddr) -> Result<Plain, PlainError> {
        let stream = TcpStream::connect(server).await.map_err(PlainError::new)?;
        stream.set_nodelay(true).map_err(PlainError::new)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(PlainError::new)?;
        // Its end shows in the next request.
        tokio::spawn(connection);
        let host = server.to_string();
        Ok(Plain { sender, host })
    }

    /// Whether the server has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Asks for a path.
    pub(crate) async fn get(&mut self, path: &str) -> Result<(StatusCode, Bytes), PlainError> {
        self.ask(Method::GET, path, Bytes::new(), None).await
    }

    /// Posts a plain text; under a key, so that it can be posted again and is said once.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        text: Bytes,
        key: Option<&str>,
    ) -> Result<(StatusCode, Bytes), PlainError> {
        self.ask(Method::POST, path, text, key).await
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        key: Option<&str>,
    ) -> Result<(StatusCode, Bytes), PlainError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8");
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

impl PlainError {
    fn new(error: impl std::error::Error + Send + Sync + 'static) -> PlainError {
        PlainError(Box::new(error))
    }
}
