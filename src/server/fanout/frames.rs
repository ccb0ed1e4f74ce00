use bytes::Bytes;

use super::envelope::Envelope;
use crate::feed::{Entry, Feed};
use crate::protocol::Seq;

/// Messages in their envelopes, once for all listeners.
pub(super) struct Frames {
    /// One behind the other.
    pub(super) joined: Bytes,
    frames: Vec<Frame>,
}

/// Where a message is in them.
pub(super) struct Frame {
    pub(super) seq: Seq,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Frames {
    pub(super) fn of(envelope: Envelope, feed: &Feed, entries: &[Entry]) -> Self {
        let length = entries.iter().map(|entry| entry.json.len() + Envelope::MOST).sum();
        let mut joined = Vec::with_capacity(length);
        let mut frames = Vec::with_capacity(entries.len());
        for entry in entries {
            let start = joined.len();
            envelope.push(&mut joined, feed, entry);
            let end = joined.len();
            frames.push(Frame {
                seq: entry.seq,
                start,
                end,
            });
        }
        Frames {
            joined: joined.into(),
            frames,
        }
    }

    /// Those behind what was heard.
    pub(super) fn after(&self, heard: Seq) -> &[Frame] {
        let first = self.frames.partition_point(|frame| frame.seq <= heard);
        &self.frames[first..]
    }
}
