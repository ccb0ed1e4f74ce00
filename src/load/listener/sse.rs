//! Reading an event stream (WHATWG HTML, section 9.2.6), cut at any byte.

/// A line longer than this is no event of a chat.
const LONGEST_LINE: usize = 1 << 20;

/// The state between two pieces of a stream. It holds bytes only while a line or an event is incomplete.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    data: Vec<u8>,
    id: Vec<u8>,
    kind: Vec<u8>,
    has_data: bool,
    // The last piece ended in CR: an LF that begins the next one belongs to it.
    after_cr: bool,
    is_past_bom: bool,
}

/// One event, borrowed from the parser.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    /// Its type; empty for `message`.
    pub(super) kind: &'a [u8],
    /// The last id that the stream gave; empty before the first.
    pub(super) id: &'a [u8],
    /// Its data; `None` for a block without any, which browsers do not show: here it tells the first cursor.
    pub(super) data: Option<&'a [u8]>,
}

/// A line that is too long to go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Parser {
    /// Reads on, and calls `hear` for every block that is complete. An error of `hear` ends it.
    pub(super) fn read<E: From<TooLong>>(
        &mut self,
        mut bytes: &[u8],
        mut hear: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                if self.line.len() > LONGEST_LINE {
                    return Err(TooLong.into());
                }
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.line.is_empty() {
                self.take_line(line, &mut hear)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.take_line(&whole, &mut hear)?;
            }
        }
        Ok(())
    }

    fn take_line<E>(&mut self, mut line: &[u8], hear: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        if !std::mem::replace(&mut self.is_past_bom, true) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_of_block(hear);
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"id" if !value.contains(&0) => replace(&mut self.id, value),
            b"event" => replace(&mut self.kind, value),
            // Comments have an empty name; `retry` and unknown fields do not concern a measuring listener.
            _ => {}
        }
        Ok(())
    }

    fn end_of_block<E>(&mut self, hear: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let heard = hear(Event {
            kind: &self.kind,
            id: &self.id,
            data: self.has_data.then_some(&self.data),
        });
        self.kind.clear();
        self.data.clear();
        self.has_data = false;
        heard
    }
}

fn replace(field: &mut Vec<u8>, value: &[u8]) {
    field.clear();
    field.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Told = (String, String, Option<String>);

    fn told(pieces: &[&[u8]]) -> Vec<Told> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (mut parser, mut told) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser
                .read::<TooLong>(piece, |event| {
                    told.push((text(event.kind), text(event.id), event.data.map(text)));
                    Ok(())
                })
                .unwrap();
        }
        told
    }

    fn event(kind: &str, id: &str, data: Option<&str>) -> Told {
        (kind.into(), id.into(), data.map(String::from))
    }

    const STREAM: &str = "\u{feff}id: f-0\n\n: heartbeat\r\n\r\nid:f-1\rdata: {\"a\":1}\r\rdata:one\r\ndata\r\ndata:  three\r\nid: f-2\r\nretry: 5\r\n\r\n\
                          event: refused\nunknown: x\ndata: no\n\n";

    fn expected() -> Vec<Told> {
        vec![
            event("", "f-0", None),
            event("", "f-0", None),
            event("", "f-1", Some("{\"a\":1}")),
            event("", "f-2", Some("one\n\n three")),
            event("refused", "f-2", Some("no")),
        ]
    }

    #[test]
    fn fields_comments_and_all_line_ends_are_read() {
        assert_eq!(told(&[STREAM.as_bytes()]), expected());
    }

    #[test]
    fn an_event_that_is_not_ended_is_not_told() {
        assert_eq!(told(&[b"data: half\n"]), []);
    }

    #[test]
    fn a_line_has_a_bound() {
        let mut parser = Parser::default();
        let long = vec![b'x'; LONGEST_LINE + 1];
        assert_eq!(parser.read::<TooLong>(&long, |_| Ok(())), Err(TooLong));
    }

    proptest! {
        #[test]
        fn it_may_be_cut_anywhere(cuts in prop::collection::vec(1usize..9, 1..30)) {
            let (mut pieces, mut rest) = (Vec::new(), STREAM.as_bytes());
            for cut in cuts.iter().cycle() {
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(told(&pieces), expected());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            told(&[&bytes]);
        }
    }
}
