//! The ways to hear the feed. Each is a loop over a cursor.

mod asked;
mod batches;
mod events;
mod poll;
mod websocket;

pub(super) use asked::{Asked, Outcome};
pub(super) use batches::Batches;
pub(super) use events::{Opened, event_stream, events, refused_stream, run as run_events};
pub(super) use poll::{Question, cursor, question};
pub(super) use websocket::{Upgrade, asks_for_upgrade, run as run_websocket, upgrade};

use super::worker::Worker;
use crate::feed::ReadError;
use crate::protocol::{After, Refusal, Seq};

/// The position that `after` means; `None` when the listener starts now.
///
/// # Errors
/// Malformed when it is no cursor or past the end, gone when the feed cannot go on from it.
fn position(worker: &Worker, after: Option<&str>) -> Result<Option<Seq>, Refusal> {
    let Some(text) = after else { return Ok(None) };
    let after: After = text.parse().map_err(|error| Refusal::malformed(format!("{error}.")))?;
    worker.server.feed.locate(after).map(Some).map_err(refusal_of)
}

/// How a failed read is answered.
fn refusal_of(error: ReadError) -> Refusal {
    match error {
        ReadError::Gone { oldest, next } => Refusal::Gone { oldest, next },
        ReadError::Ahead { next } => Refusal::malformed(format!("The cursor is past the end of the feed, {next}.")),
    }
}
