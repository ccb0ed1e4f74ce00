use std::collections::VecDeque;

use bytes::Bytes;

use super::{Entry, Keep, PublishError};
use crate::protocol::Seq;

/// The messages kept, oldest first, without a gap between their seqs.
pub(super) struct Ring {
    keep: Keep,
    messages: VecDeque<Bytes>,
    bytes: usize,
    newest: Seq,
    newest_at: u64,
    closed: bool,
}

impl Ring {
    pub(super) fn new(keep: Keep) -> Self {
        Ring {
            keep,
            messages: VecDeque::new(),
            bytes: 0,
            newest: 0,
            newest_at: 0,
            closed: false,
        }
    }

    /// Appends what `encode` makes of the new message's seq and time, and lets go of what is over the bounds.
    ///
    /// `now_us` is held back to the time of the message before, so that times never decrease along the feed.
    pub(super) fn push(&mut self, now_us: u64, encode: impl FnOnce(Seq, u64) -> Bytes) -> Result<Seq, PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        let at = now_us.max(self.newest_at);
        let message = encode(self.newest + 1, at);
        self.append(at, message);
        Ok(self.newest)
    }

    /// Appends a message that is encoded as the next one, even to a closed ring: it was on its way before.
    pub(super) fn append(&mut self, at: u64, message: Bytes) {
        self.newest += 1;
        self.newest_at = at;
        self.bytes += message.len();
        self.messages.push_back(message);
        while self.over() {
            let dropped = self.messages.pop_front().expect("`over` is false of one message");
            self.bytes -= dropped.len();
        }
    }

    /// Lets the first message that is appended have the seq behind this one.
    pub(super) fn start_after(&mut self, seq: Seq) {
        debug_assert!(self.messages.is_empty());
        self.newest = seq;
    }

    /// How many messages are kept, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.messages.len(), self.bytes)
    }

    /// Everything that is kept.
    pub(super) fn all(&self) -> Vec<Entry> {
        self.after(self.oldest() - 1, usize::MAX)
    }

    /// The time of the newest message.
    pub(super) fn newest_at(&self) -> u64 {
        self.newest_at
    }

    /// Whether no more messages are taken in.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The newest seq; 0 before the first message.
    pub(super) fn newest(&self) -> Seq {
        self.newest
    }

    /// The oldest seq kept, or the next to come when none is.
    pub(super) fn oldest(&self) -> Seq {
        self.newest + 1 - self.messages.len() as Seq
    }

    /// Up to `limit` messages that follow `after`, which must not be older than what is kept.
    pub(super) fn after(&self, after: Seq, limit: usize) -> Vec<Entry> {
        let skip = (after + 1).saturating_sub(self.oldest()) as usize;
        (after + 1..)
            .zip(self.messages.iter().skip(skip).take(limit))
            .map(|(seq, json)| Entry {
                seq,
                json: json.clone(),
            })
            .collect()
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    fn over(&self) -> bool {
        self.messages.len() > 1 && (self.messages.len() > self.keep.messages || self.bytes > self.keep.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ring: &mut Ring, now_us: u64) -> (Seq, u64) {
        let mut seen = 0;
        let seq = ring
            .push(now_us, |_, at| {
                seen = at;
                Bytes::from_static(b"0123456789")
            })
            .unwrap();
        (seq, seen)
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_turn_time_around() {
        let mut ring = Ring::new(Keep::default());
        assert_eq!(push(&mut ring, 500), (1, 500));
        assert_eq!(push(&mut ring, 100), (2, 500));
        assert_eq!(push(&mut ring, 501), (3, 501));
    }

    #[test]
    fn bytes_bound_the_ring_as_well_as_messages() {
        let mut ring = Ring::new(Keep {
            messages: 100,
            bytes: 25,
        });
        for _ in 0..5 {
            push(&mut ring, 0);
        }
        assert_eq!((ring.oldest(), ring.newest()), (4, 5));
        assert_eq!(ring.after(3, 10).len(), 2);
    }

    #[test]
    fn one_message_is_kept_however_small_the_bounds() {
        let mut ring = Ring::new(Keep { messages: 0, bytes: 0 });
        push(&mut ring, 0);
        push(&mut ring, 0);
        assert_eq!((ring.oldest(), ring.newest()), (2, 2));
    }
}
