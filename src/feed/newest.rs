//! Which message is the newest, told to whoever waits for one.
//!
//! It is told behind the feed's lock, so that whoever wakes does not meet it: publishers may pass each other on the way from one
//! to the other. `loom/` tries every order in which they can.

use super::watch;
use crate::protocol::Seq;

/// The seq of the newest message, for those who wait.
pub(super) struct Newest(watch::Sender<Seq>);

impl Newest {
    pub(super) fn new(seq: Seq) -> Self {
        Newest(watch::Sender::new(seq))
    }

    /// Tells of a message that is in the feed. Only a newer seq replaces an older one, whoever comes first.
    pub(super) fn tell(&self, seq: Seq) {
        self.0.send_if_modified(|newest| {
            let newer = seq > *newest;
            *newest = seq.max(*newest);
            newer
        });
    }

    /// What is told from now on.
    pub(super) fn watch(&self) -> watch::Receiver<Seq> {
        self.0.subscribe()
    }
}
