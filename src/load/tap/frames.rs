use crate::results::Parts;

/// The longest header: two bytes, eight of length, four of mask.
const LONGEST_HEADER: usize = 14;

/// Tells the parts of one direction of a WebSocket: the data of data frames are bodies; headers and whole control frames are frames.
#[derive(Debug, Default)]
pub(super) struct FrameMeter {
    header: [u8; LONGEST_HEADER],
    header_len: usize,
    payload_left: u64,
    is_control: bool,
}

impl FrameMeter {
    /// Whether the next byte begins a frame.
    pub(super) fn is_between_frames(&self) -> bool {
        self.header_len == 0 && self.payload_left == 0
    }

    /// Adds the next bytes, however the stream was cut.
    pub(super) fn take(&mut self, mut bytes: &[u8], parts: &mut Parts) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload_left > 0 {
                let n = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= n;
                *if self.is_control {
                    &mut parts.frames
                } else {
                    &mut parts.bodies
                } += n;
                bytes = &bytes[n as usize..];
                continue;
            }
            parts.frames += 1;
            self.header[self.header_len] = *first;
            self.header_len += 1;
            bytes = rest;
            if self.header_len >= 2 && self.header_len == self.expected_len() {
                self.payload_left = self.payload_len();
                self.is_control = self.header[0] & 0x08 != 0;
                self.header_len = 0;
            }
        }
    }

    /// The length of this header, once its first two bytes are known.
    fn expected_len(&self) -> usize {
        let mask = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + mask
    }

    fn payload_len(&self) -> u64 {
        let of = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        match self.header[1] & 0x7f {
            126 => of(&self.header[2..4]),
            127 => of(&self.header[2..10]),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of the server with a payload of this length.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..=125 => frame.push(length as u8),
            126..=65_535 => {
                frame.push(126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + length, b'x');
        frame
    }

    #[test]
    fn every_length_and_kind_is_told_apart_wherever_it_is_cut() {
        let mut stream = Vec::new();
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            stream.extend(frame(0x81, length));
        }
        stream.extend(frame(0x89, 7)); // a ping
        stream.extend([0x8a, 0x82, 1, 2, 3, 4, 5, 6]); // a masked pong of two bytes
        stream.extend([0x82, 0x83, 1, 2, 3, 4, 5, 6, 7]); // masked data of three bytes
        let expected = Parts {
            bodies: 1 + 125 + 126 + 65_535 + 65_536 + 3,
            frames: 2 + 2 + 2 + 4 + 4 + 10 + 9 + 8 + 6,
            ..Parts::default()
        };
        for cut in [1, 2, 3, 7, 1000, usize::MAX] {
            let (mut meter, mut parts) = (FrameMeter::default(), Parts::default());
            stream
                .chunks(cut.min(stream.len()))
                .for_each(|bytes| meter.take(bytes, &mut parts));
            assert_eq!(parts, expected, "{cut}");
        }
    }
}
