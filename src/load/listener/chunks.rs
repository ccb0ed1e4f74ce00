//! The body of an answer that never ends, out of the chunks that it comes in (RFC 9112, section 7.1).

/// A chunk's size has no more digits.
const MOST_DIGITS: usize = 8;

/// Takes the data out of chunks, cut at any byte. It keeps none of it.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    size: u64,
    digits: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// What may stand behind a size, to the end of its line.
    Extension,
    Data,
    /// The line break behind the data.
    DataEnd,
    /// Behind the last chunk.
    Ended,
}

/// What came are no chunks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoChunks;

impl Chunks {
    /// Reads on, and calls `hear` for all data; whether the body goes on.
    pub(super) fn read<E: From<NoChunks>>(
        &mut self,
        mut bytes: &[u8],
        mut hear: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        while let Some((first, rest)) = bytes.split_first() {
            match (self.state, first) {
                (State::Ended, _) => return Ok(false),
                (State::Data, _) => {
                    let length = bytes.len().min(usize::try_from(self.size).unwrap_or(usize::MAX));
                    hear(&bytes[..length])?;
                    self.size -= length as u64;
                    if self.size == 0 {
                        self.state = State::DataEnd;
                    }
                    bytes = &bytes[length..];
                    continue;
                }
                (State::DataEnd, b'\r') | (State::Extension, _) if *first != b'\n' => {}
                (State::DataEnd, b'\n') => self.state = State::Size,
                (State::Size, digit) if digit.is_ascii_hexdigit() && self.digits < MOST_DIGITS => {
                    let digit = char::from(*digit).to_digit(16).expect("it is one");
                    self.size = self.size << 4 | u64::from(digit);
                    self.digits += 1;
                }
                (State::Size | State::Extension, b'\n') if self.digits > 0 => {
                    self.state = if self.size == 0 { State::Ended } else { State::Data };
                    self.digits = 0;
                }
                (State::Size, b'\r' | b';' | b' ') if self.digits > 0 => self.state = State::Extension,
                _ => return Err(NoChunks.into()),
            }
            bytes = rest;
        }
        Ok(self.state != State::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), NoChunks> {
        let (mut chunks, mut data, mut goes_on) = (Chunks::default(), Vec::new(), true);
        for piece in pieces {
            goes_on = chunks.read::<NoChunks>(piece, |bytes| {
                data.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((data, goes_on))
    }

    #[test]
    fn data_is_what_is_between_the_sizes() {
        let whole = b"5\r\nhello\r\n1A;name=value\r\nabcdefghijklmnopqrstuvwxyz\r\n";
        assert_eq!(read(&[whole]), Ok((b"helloabcdefghijklmnopqrstuvwxyz".to_vec(), true)));
        assert_eq!(read(&[b"1\r\nx\r\n0\r\n\r\n"]), Ok((b"x".to_vec(), false)));
    }

    #[test]
    fn what_is_no_chunk_is_told() {
        for bytes in [&b"\r\n"[..], b"x", b"-1\r\n", b"1\r\nxx", b"123456789\r\n", b";\r\n"] {
            assert_eq!(read(&[bytes]), Err(NoChunks), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn it_may_be_cut_anywhere(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..6), cut in 1usize..9) {
            let chunk = |data: &Vec<u8>| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
            let stream: Vec<u8> = pieces.iter().flat_map(chunk).collect();
            let cuts: Vec<&[u8]> = stream.chunks(cut).collect();
            prop_assert_eq!(read(&cuts), Ok((pieces.concat(), true)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&[&bytes]);
        }
    }
}
