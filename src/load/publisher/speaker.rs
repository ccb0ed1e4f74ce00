//! Saying something over a WebSocket: one connection for all, as a chat's page has it.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::Mutex;

use crate::load::broadcast::{Line, Mouth, said};
use crate::load::heard;
use crate::load::recorder::Plan;
use crate::load::target::Peer;
use crate::protocol::Seq;

/// The connection, or none after it has broken.
pub(super) struct Speaker {
    peer: Arc<Peer>,
    plan: Arc<Plan>,
    // Held across a send, so that whoever comes meanwhile speaks after it.
    mouth: Mutex<Option<Mouth>>,
}

impl Speaker {
    pub(super) fn new(peer: Arc<Peer>, plan: Arc<Plan>) -> Speaker {
        Speaker {
            peer,
            plan,
            mouth: Mutex::default(),
        }
    }

    /// Connects beforehand. Should that fail, the sends will find out.
    pub(super) async fn open(&self) {
        *self.mouth.lock().await = self.connect().await;
    }

    /// Says the message at this place in the schedule. Nobody answers, so it is accepted when the system has taken it.
    pub(super) async fn say(&self, index: usize, bytes: u32, leaves: impl FnOnce()) -> Option<Seq> {
        let text = heard::bare_text(index, self.plan.base.feed, bytes);
        let mut place = self.mouth.lock().await;
        // Taken out, so that one that breaks, or a send that is given up, leaves no broken one behind.
        let mut mouth = match place.take() {
            Some(mouth) => mouth,
            None => self.connect().await?,
        };
        leaves();
        mouth.send(said(text)).await.ok()?;
        *place = Some(mouth);
        Some(heard::seq_of(index))
    }

    /// A new connection. What it hears, its own words among it, is read and passed over: a client that does not read is cut off.
    async fn connect(&self) -> Option<Mouth> {
        let (mouth, mut ear) = Line::open(&self.peer).await.ok()?.split();
        tokio::task::spawn_local(async move { while let Some(Ok(_)) = ear.next().await {} });
        Some(mouth)
    }
}
