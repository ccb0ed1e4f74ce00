use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use tokio::sync::oneshot;

use super::PublishError;
use crate::protocol::Cursor;

/// A message's way into the feed. In memory it is there at once; a feed in a file takes it in with the next force.
///
/// Clones wait for the same message. Dropping all of them changes nothing: the message is on its way.
#[derive(Debug, Clone)]
pub struct Receipt {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Taken(Cursor),
    Waiting(Shared<oneshot::Receiver<Taken>>),
}

/// What became of a message.
pub(super) type Taken = Result<Cursor, PublishError>;

impl Receipt {
    /// The receipt of a message that has been taken in.
    pub fn of(taken: Cursor) -> Self {
        Receipt {
            state: State::Taken(taken),
        }
    }

    pub(super) fn waiting(told: oneshot::Receiver<Taken>) -> Self {
        Receipt {
            state: State::Waiting(told.shared()),
        }
    }

    /// The message's id, once the feed has taken it in.
    ///
    /// # Errors
    /// [`PublishError::NotKept`]: it has not, and nobody has heard it.
    pub async fn taken(self) -> Result<Cursor, PublishError> {
        match self.state {
            State::Taken(cursor) => Ok(cursor),
            State::Waiting(told) => told.await.unwrap_or(Err(PublishError::NotKept)),
        }
    }

    /// [`taken`](Receipt::taken) for those who poll. Once it was ready it must not be polled again.
    pub fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Result<Cursor, PublishError>> {
        match &mut self.state {
            State::Taken(cursor) => Poll::Ready(Ok(*cursor)),
            State::Waiting(told) => Pin::new(told)
                .poll(cx)
                .map(|told| told.unwrap_or(Err(PublishError::NotKept))),
        }
    }

    /// What became of the message, if that is known.
    pub fn known(&self) -> Option<Result<Cursor, PublishError>> {
        match &self.state {
            State::Taken(cursor) => Some(Ok(*cursor)),
            // A fresh clone is asked, since a future that has given its answer to another one would not give it here.
            State::Waiting(told) => told
                .clone()
                .now_or_never()
                .map(|told| told.unwrap_or(Err(PublishError::NotKept))),
        }
    }
}
