//! What the engine asks the server itself: for a first cursor, and what it has used up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use tokio::sync::watch;

use super::LoadError;
use super::heard::Batch;
use super::plain::Plain;
use super::process::Process;
use super::target::Peer;
use super::usage::Usage;
use crate::protocol::Cursor;
use crate::results::Dialect;

/// A server that is busy may take its time; one that is stuck must not stop the run from ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection for the engine's own questions.
pub(crate) struct Control {
    peer: Arc<Peer>,
    /// The process that is looked at instead of asking the server.
    process: Option<Process>,
    /// The process of a server of ours, whose processor time is read from outside: to say it itself costs it some of it.
    ours: Option<watch::Receiver<Option<Process>>>,
    plain: Option<Plain>,
}

impl Control {
    /// Connects with the first question.
    pub(crate) fn new(peer: Arc<Peer>, ours: Option<watch::Receiver<Option<Process>>>) -> Control {
        let process = peer.pid.and_then(Process::with_children);
        Control {
            peer,
            process,
            ours,
            plain: None,
        }
    }

    /// The cursor of the feed's end.
    ///
    /// # Errors
    /// [`LoadError::NotOurs`] when what answers does not speak the contract.
    pub(crate) async fn cursor(&mut self) -> Result<Cursor, LoadError> {
        let (status, body) = self.ask(Method::GET, "/talkplace/poll", Bytes::new()).await?;
        let batch = serde_json::from_slice::<Batch>(&body).ok();
        let cursor = batch.and_then(|batch| batch.next.parse().ok());
        cursor.ok_or_else(|| LoadError::NotOurs {
            server: self.peer.url.clone(),
            dialect: self.peer.dialect,
            what: format!("GET /talkplace/poll was answered {status} without a cursor"),
        })
    }

    /// Says something before the run; gives what that is answered with.
    ///
    /// # Errors
    /// When there is no answer at all.
    pub(crate) async fn say(&mut self, text: String) -> Result<(StatusCode, Bytes), LoadError> {
        self.ask(Method::POST, "/talkplace/messages", Bytes::from(text)).await
    }

    /// What the server has used so far. A server that does not tell is no error, it only leaves the figures out.
    ///
    /// # Errors
    /// When one that could tell does not answer at all.
    pub(crate) async fn usage(&mut self) -> Result<Usage, LoadError> {
        if let Some(process) = &self.process {
            return Ok(process.usage());
        }
        if self.peer.dialect != Dialect::Talkplace {
            return Ok(Usage::default());
        }
        let before = self.processor_time();
        let (status, body) = self.ask(Method::GET, "/metrics", Bytes::new()).await?;
        let asking = before.zip(self.processor_time());
        let told = match status {
            StatusCode::OK => Usage::read(&String::from_utf8_lossy(&body)),
            _ => Usage::default(),
        };
        Ok(Usage {
            cpu_s: before.map_or(told.cpu_s, |before| Some(before.as_secs_f64())),
            asking_s: asking.map(|(before, after)| after.saturating_sub(before).as_secs_f64()),
            ..told
        })
    }

    /// What a server of ours has used so far, where the system tells.
    fn processor_time(&self) -> Option<Duration> {
        self.ours.as_ref()?.borrow().as_ref()?.processor_time()
    }

    /// Asks on the kept connection; anew, once, when the server has closed that in the meantime.
    async fn ask(&mut self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), LoadError> {
        let asked = tokio::time::timeout(PATIENCE, async {
            let kept = self.plain.take().filter(|plain| !plain.is_closed());
            if let Some(mut plain) = kept
                && let Ok(answer) = plain.ask(method.clone(), path, body.clone()).await
            {
                self.plain = Some(plain);
                return Ok(answer);
            }
            let mut plain = Plain::open(&self.peer).await?;
            let answer = plain.ask(method.clone(), path, body).await?;
            self.plain = Some(plain);
            Ok::<_, super::plain::PlainError>(answer)
        });
        let why = match asked.await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        Err(LoadError::NoAnswer {
            server: self.peer.url.clone(),
            asked: format!("{method} {path}"),
            why,
        })
    }
}
