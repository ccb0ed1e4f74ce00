use bytes::Bytes;

use crate::feed::Entry;
use crate::protocol::Seq;

/// Of a frame from a server.
const LONGEST_HEADER: usize = 10;

/// Messages framed for WebSocket, once for all listeners.
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
    pub(super) fn of(entries: &[Entry]) -> Self {
        let length = entries.iter().map(|entry| LONGEST_HEADER + entry.json.len()).sum();
        let mut joined = Vec::with_capacity(length);
        let mut frames = Vec::with_capacity(entries.len());
        for Entry { seq, json } in entries {
            let start = joined.len();
            push_header(&mut joined, json.len());
            joined.extend_from_slice(json);
            let end = joined.len();
            frames.push(Frame { seq: *seq, start, end });
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

/// The head of a final text frame without a mask (RFC 6455, section 5.2): the shortest that holds the length.
fn push_header(bytes: &mut Vec<u8>, length: usize) {
    bytes.push(0x81);
    if length <= 125 {
        bytes.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        bytes.push(126);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(127);
        bytes.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_header(&mut bytes, length);
        bytes
    }

    #[test]
    fn the_header_is_the_shortest_that_holds_the_length() {
        assert_eq!(header(125), [0x81, 125]);
        assert_eq!(header(126), [0x81, 126, 0, 126]);
        assert_eq!(header(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
