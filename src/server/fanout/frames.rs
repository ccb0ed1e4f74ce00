use bytes::Bytes;

use super::envelope::Envelope;
use crate::feed::{Entry, Feed};
use crate::protocol::Seq;

/// Messages in their envelopes, once for all listeners.
pub(super) struct Frames {
    /// One behind the other.
    joined: Bytes,
    frames: Vec<Frame>,
}

/// Where a message is in them.
struct Frame {
    seq: Seq,
    start: usize,
    end: usize,
}

/// Those that a listener has not heard: at least one.
#[derive(Clone, Copy)]
pub(super) struct Unheard<'a> {
    joined: &'a [u8],
    frames: &'a [Frame],
}

/// How far a socket took them.
pub(super) struct Taken<'a> {
    /// How many are begun.
    pub(super) begun: u64,
    /// The last of these.
    pub(super) last: Seq,
    /// What remains of it.
    pub(super) rest: &'a [u8],
}

impl Frames {
    pub(super) fn of(envelope: Envelope, feed: &Feed, entries: &[Entry]) -> Self {
        let length = entries.iter().map(|entry| entry.json.len() + Envelope::MOST).sum();
        let mut joined = Vec::with_capacity(length);
        let mut frames = Vec::with_capacity(entries.len());
        for entry in entries {
            let start = joined.len();
            envelope.push(&mut joined, feed, entry);
            frames.push(Frame {
                seq: entry.seq,
                start,
                end: joined.len(),
            });
        }
        Frames {
            joined: joined.into(),
            frames,
        }
    }

    /// Those behind what was heard; `None` when all are.
    pub(super) fn after(&self, heard: Seq) -> Option<Unheard<'_>> {
        let first = self.frames.partition_point(|frame| frame.seq <= heard);
        let frames = &self.frames[first..];
        Some(Unheard {
            joined: &self.joined,
            frames: (!frames.is_empty()).then_some(frames)?,
        })
    }
}

impl<'a> Unheard<'a> {
    /// To be written.
    pub(super) fn bytes(&self) -> &'a [u8] {
        &self.joined[self.frames[0].start..]
    }

    pub(super) fn count(&self) -> u64 {
        self.frames.len() as u64
    }

    pub(super) fn last(&self) -> Seq {
        self.frames[self.frames.len() - 1].seq
    }

    /// How far so many bytes go; `None` when not a byte was taken.
    pub(super) fn taken(&self, written: usize) -> Option<Taken<'a>> {
        let end = self.frames[0].start + written;
        let begun = self.frames.partition_point(|frame| frame.start < end);
        let last = self.frames[..begun].last()?;
        Some(Taken {
            begun: begun as u64,
            last: last.seq,
            rest: &self.joined[end..last.end],
        })
    }
}
