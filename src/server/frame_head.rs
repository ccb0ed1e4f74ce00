//! The heads of a client's WebSocket frames, checked as they come in.
//!
//! tungstenite takes a length that is written longer than it must be, and finds what is wrong with a head only behind
//! its payload: a ping that says it has 5,000 bytes is read whole, or taken for a message that is too long. Here a head is held
//! against RFC 6455 before a byte of its payload counts, and nothing from a bad head on is read.

/// A head is at most this long: two bytes, eight of length, four of mask.
const LONGEST: usize = 14;

/// A control frame's payload is at most this long (RFC 6455, section 5.5).
pub(super) const MAX_CONTROL: usize = 125;

/// Follows the frames of one client.
pub(super) struct FrameHeads {
    /// The head that is being read.
    head: [u8; LONGEST],
    /// How much of it is there.
    have: usize,
    /// Bytes of payload before the next head.
    payload: u64,
    is_broken: bool,
}

impl FrameHeads {
    pub(super) fn new() -> Self {
        FrameHeads {
            head: [0; LONGEST],
            have: 0,
            payload: 0,
            is_broken: false,
        }
    }

    /// Reads on; gives how many of the bytes may be used, which is all of them unless a head is bad.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.is_broken {
            if self.payload > 0 {
                let taken = usize::try_from(self.payload)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                self.payload -= taken as u64;
                at += taken;
                continue;
            }
            self.head[self.have] = bytes[at];
            self.have += 1;
            match head_of(&self.head[..self.have]) {
                Head::Bad => {
                    self.is_broken = true;
                    return at;
                }
                Head::Part => {}
                Head::Whole { payload } => {
                    self.payload = payload;
                    self.have = 0;
                }
            }
            at += 1;
        }
        at
    }

    /// Whether a bad head has come: nothing behind it can be read.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }
}

#[derive(Debug, PartialEq)]
enum Head {
    Part,
    Whole { payload: u64 },
    Bad,
}

/// What the beginning of a head comes to (RFC 6455, sections 5.1, 5.2 and 5.5).
fn head_of(bytes: &[u8]) -> Head {
    let &[first, second, ref rest @ ..] = bytes else {
        return Head::Part;
    };
    let (is_final, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
    let (is_masked, short) = (second & 0x80 != 0, second & 0x7f);
    let is_control = opcode >= 0x8;
    // No extension is agreed on, so that no reserved bit has a meaning.
    let is_bad = reserved != 0
        || !matches!(opcode, 0x0..=0x2 | 0x8..=0xa)
        || !is_masked
        || is_control && (!is_final || usize::from(short) > MAX_CONTROL);
    if is_bad {
        return Head::Bad;
    }
    let (extended, at_least) = match short {
        126 => (2, 126),
        127 => (8, 1 << 16),
        _ => (0, 0),
    };
    let Some(digits) = rest.get(..extended) else {
        return Head::Part;
    };
    let long = digits.iter().fold(0, |length, digit| length << 8 | u64::from(*digit));
    let payload = if extended == 0 { short.into() } else { long };
    // The shortest encoding that holds it, and the highest bit of eight bytes not set.
    if payload < at_least || payload > i64::MAX as u64 {
        Head::Bad
    } else if rest.len() < extended + 4 {
        Head::Part
    } else {
        Head::Whole { payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// How many bytes may be used, read in pieces of every length.
    fn usable(bytes: &[u8]) -> usize {
        let mut found: Vec<usize> = (1..=bytes.len())
            .map(|length| {
                let mut heads = FrameHeads::new();
                let used = bytes.chunks(length).map(|piece| heads.read(piece)).sum();
                assert_eq!(heads.is_broken(), used < bytes.len());
                used
            })
            .collect();
        found.dedup();
        assert_eq!(found.len(), 1, "however it is split: {found:?}");
        found[0]
    }

    fn with_mask(head: &[u8], payload: usize) -> Vec<u8> {
        [head, &MASK, &vec![b'x'; payload]].concat()
    }

    #[test]
    fn frames_follow_one_another() {
        let frames = [
            with_mask(&[0x01, 0x80], 0),
            with_mask(&[0x89, 0x80 | 125], 125),
            with_mask(&[0x00, 0x80 | 126, 0, 126], 126),
            with_mask(&[0x80, 0x80 | 126, 1, 0], 256),
        ]
        .concat();
        assert_eq!(usable(&frames), frames.len());
        let long = with_mask(&[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536);
        assert_eq!(FrameHeads::new().read(&long), long.len());
    }

    #[test]
    fn nothing_is_read_from_a_bad_head_on() {
        let good = with_mask(&[0x81, 0x83], 3);
        for (bad, at) in [
            (&[0xc1, 0x80][..], 1),
            (&[0xa1, 0x80], 1),
            (&[0x91, 0x80], 1),
            (&[0x83, 0x80], 1),
            (&[0x8b, 0x80], 1),
            (&[0x81, 0x01], 1),
            (&[0x09, 0x80], 1),
            (&[0x89, 0x80 | 126], 1),
            (&[0x81, 0x80 | 126, 0, 125], 3),
            (&[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 9),
            (&[0x81, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 9),
        ] {
            let bytes = [&good, bad, &good].concat();
            assert_eq!(usable(&bytes), good.len() + at, "{bad:x?}");
        }
    }
}
