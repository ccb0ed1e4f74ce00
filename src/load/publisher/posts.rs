//! Saying something by POST: over a connection of its own for as long as its answer takes.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;

use crate::load::heard;
use crate::load::plain::Plain;
use crate::load::recorder::Plan;
use crate::load::target::Peer;
use crate::protocol::{Cursor, Seq};
use crate::results::Dialect;

/// The connections that are not in use.
pub(super) struct Posts {
    peer: Arc<Peer>,
    plan: Arc<Plan>,
    idle: RefCell<Vec<Plain>>,
}

/// The answer `201` of a server that keeps the contract.
#[derive(Deserialize)]
struct Accepted<'a> {
    id: std::borrow::Cow<'a, str>,
}

impl Posts {
    pub(super) fn new(peer: Arc<Peer>, plan: Arc<Plan>) -> Posts {
        Posts {
            peer,
            plan,
            idle: RefCell::default(),
        }
    }

    /// Connects beforehand. Should that fail, the sends will find out.
    pub(super) async fn open_one(&self) {
        if let Ok(plain) = Plain::open(&self.peer).await {
            self.idle.borrow_mut().push(plain);
        }
    }

    /// Says the message at this place in the schedule; gives its position, or `None` when it was not accepted. Calls `leaves` when it has a
    /// connection. Under a key it can be said again, and is one message all the same.
    pub(super) async fn say(&self, index: usize, bytes: u32, key: Option<&str>, leaves: impl FnOnce()) -> Option<Seq> {
        let text = if self.peer.dialect.tells_when() {
            heard::text(index, bytes)
        } else {
            heard::bare_text(index, self.plan.base.feed, bytes)
        };
        let mut plain = self.connection().await?;
        leaves();
        let (status, body) = plain.post("/talkplace/messages", Bytes::from(text), key).await.ok()?;
        self.idle.borrow_mut().push(plain);
        match (self.peer.dialect, status) {
            (Dialect::Talkplace, StatusCode::CREATED) => {
                let accepted: Accepted = serde_json::from_slice(&body).ok()?;
                accepted.id.parse().ok().map(|id: Cursor| id.seq)
            }
            // Whether somebody listens makes the difference of the two.
            (Dialect::Nchan, StatusCode::CREATED | StatusCode::ACCEPTED) => Some(heard::seq_of(index)),
            _ => None,
        }
    }

    /// One that is idle, or a new one.
    async fn connection(&self) -> Option<Plain> {
        loop {
            let Some(plain) = self.idle.borrow_mut().pop() else {
                return Plain::open(&self.peer).await.ok();
            };
            if !plain.is_closed() {
                return Some(plain);
            }
        }
    }
}
