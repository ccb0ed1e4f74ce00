//! What the engine asks the server itself: for a first cursor, and what it has used up.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;

use super::LoadError;
use super::heard::Batch;
use super::plain::Plain;
use super::usage::Usage;
use crate::protocol::Cursor;

/// A server that is busy may take its time; one that is stuck must not stop the run from ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection for the engine's own questions.
pub(crate) struct Control {
    server: SocketAddr,
    plain: Option<Plain>,
}

impl Control {
    /// Connects with the first question.
    pub(crate) fn new(server: SocketAddr) -> Control {
        Control { server, plain: None }
    }

    /// The cursor of the feed's end.
    ///
    /// # Errors
    /// [`LoadError::NotOurs`] when what answers does not speak the contract.
    pub(crate) async fn cursor(&mut self) -> Result<Cursor, LoadError> {
        let (status, body) = self.get("/talkplace/poll").await?;
        let batch = serde_json::from_slice::<Batch>(&body).ok();
        let cursor = batch.and_then(|batch| batch.next.parse().ok());
        cursor.ok_or_else(|| LoadError::NotOurs {
            server: self.server,
            what: format!("GET /talkplace/poll was answered {status} without a cursor"),
        })
    }

    /// What the server has used so far. A server without metrics is no error, it only leaves the figures out.
    ///
    /// # Errors
    /// When it does not answer at all.
    pub(crate) async fn usage(&mut self) -> Result<Usage, LoadError> {
        let (status, body) = self.get("/metrics").await?;
        if status != StatusCode::OK {
            return Ok(Usage::default());
        }
        Ok(Usage::read(&String::from_utf8_lossy(&body)))
    }

    /// Asks on the kept connection; anew, once, when the server has closed that in the meantime.
    async fn get(&mut self, path: &str) -> Result<(StatusCode, bytes::Bytes), LoadError> {
        let asked = tokio::time::timeout(PATIENCE, async {
            let kept = self.plain.take().filter(|plain| !plain.is_closed());
            if let Some(mut plain) = kept
                && let Ok(answer) = plain.get(path).await
            {
                self.plain = Some(plain);
                return Ok(answer);
            }
            let mut plain = Plain::open(self.server).await?;
            let answer = plain.get(path).await?;
            self.plain = Some(plain);
            Ok::<_, super::plain::PlainError>(answer)
        });
        let why = match asked.await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        Err(LoadError::NoAnswer {
            server: self.server,
            path: path.to_owned(),
            why,
        })
    }
}
