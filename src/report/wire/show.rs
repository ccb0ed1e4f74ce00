//! What the page shows of the wire: one message as each transport carried it, byte for byte.

use serde::Serialize;

use super::{Crossing, Kind, Part, crossings};
use crate::protocol::Transport;
use crate::report::beside::Beside;
use crate::report::number::{count, counted};
use crate::report::table::{Group, Row, Table};
use crate::results::Way;

/// One transport's way of carrying a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Wire {
    /// What the transport is called.
    pub(crate) transport: &'static str,
    /// The request and the answer, or the event or frame alone.
    pub(crate) crossings: Vec<Shown>,
    /// What was said once, to open the stream; empty for the polls.
    pub(crate) opening: Vec<Shown>,
    /// How many bytes the message took, in words.
    pub(crate) total: String,
    /// How many bytes each part took.
    #[serde(skip)]
    sizes: Vec<(Part, usize)>,
}

/// One request, answer, event or frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// What it is and how long: `The request, 104 bytes`.
    pub(crate) head: String,
    /// Its parts in order.
    pub(crate) spans: Vec<Span>,
}

/// Bytes of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    /// The class that gives them their colour.
    pub(crate) class: &'static str,
    /// What they are, with their number.
    pub(crate) title: String,
    /// The bytes as text and as signs for what has no letter.
    pub(crate) pieces: Vec<Piece>,
}

/// Text as it was sent, or signs that stand for bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Piece {
    /// Whether these are signs.
    pub(crate) is_sign: bool,
    /// What is shown.
    pub(crate) text: String,
}

/// The same message in every transport of the first run; nothing without a recording of one.
pub(crate) fn wires(beside: &Beside) -> Vec<Wire> {
    let traced = beside.of_side(0).filter_map(|entry| {
        let traced = entry.run.trace.as_ref()?.listeners.first()?;
        Some((entry.transport(), crossings(traced, entry.transport())))
    });
    let traced: Vec<(Transport, Vec<Crossing>)> = traced.collect();
    let text = common(&traced);
    let wires = traced.iter().filter_map(|(transport, all)| {
        let at = all.iter().position(|crossing| carries(crossing, text.as_deref()))?;
        Some(wire(*transport, all, at))
    });
    wires.collect()
}

/// A message that every transport carried, alone in its answer if there is one such.
fn common(traced: &[(Transport, Vec<Crossing>)]) -> Option<String> {
    let (_, first) = traced.first()?;
    let texts: Vec<&str> = first
        .iter()
        .flat_map(|crossing| &crossing.messages)
        .map(|told| told.text.as_str())
        .collect();
    let everywhere = |text: &&&str, alone: bool| {
        traced.iter().all(|(_, all)| {
            all.iter()
                .any(|crossing| carries(crossing, Some(text)) && (!alone || crossing.messages.len() == 1))
        })
    };
    let found = texts
        .iter()
        .find(|text| everywhere(text, true))
        .or_else(|| texts.iter().find(|text| everywhere(text, false)));
    found.map(|text| (*text).to_owned())
}

/// Whether a message came with it, whole: this one, or any.
fn carries(crossing: &Crossing, text: Option<&str>) -> bool {
    let is_it = |told: &super::Told| text.is_none_or(|text| told.text == text);
    crossing.is_whole && crossing.way == Way::In && crossing.messages.iter().any(is_it)
}

fn wire(transport: Transport, all: &[Crossing], at: usize) -> Wire {
    let delivery = &all[at];
    let asked = |crossing: &&Crossing| {
        crossing.kind == Kind::Request
            && crossing.connection == delivery.connection
            && crossing.left_us <= delivery.left_us
    };
    let is_answer = matches!(delivery.kind, Kind::Answer(_));
    let request = all.iter().rfind(asked);
    let opened = all.iter().find(|crossing| {
        !is_answer && crossing.connection == delivery.connection && matches!(crossing.kind, Kind::Answer(_))
    });
    let carried: Vec<&Crossing> = request.filter(|_| is_answer).into_iter().chain([delivery]).collect();
    let opening: Vec<&Crossing> = match opened {
        Some(answer) => request.into_iter().chain([answer]).collect(),
        None => Vec::new(),
    };
    let sizes = sizes(&carried);
    let total: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
    let text: usize = sizes
        .iter()
        .filter(|(part, _)| *part == Part::Message)
        .map(|(_, bytes)| bytes)
        .sum();
    let messages = match delivery.messages.len() {
        1 => "one message".to_owned(),
        several => counted(several as u64, "message", "messages"),
    };
    let whose = if delivery.messages.len() == 1 {
        "the message itself"
    } else {
        "the messages themselves"
    };
    Wire {
        transport: transport.title(),
        crossings: carried.into_iter().map(shown).collect(),
        opening: opening.into_iter().map(shown).collect(),
        total: format!(
            "{} for {messages}, of which {} are {whose}.",
            counted(total as u64, "byte", "bytes"),
            count(text as u64)
        ),
        sizes,
    }
}

/// How many bytes each part has, in the order in which the parts first come.
fn sizes(crossings: &[&Crossing]) -> Vec<(Part, usize)> {
    let mut sizes: Vec<(Part, usize)> = Vec::new();
    for (part, range) in crossings.iter().flat_map(|crossing| &crossing.parts) {
        match sizes.iter_mut().find(|(known, _)| known == part) {
            Some((_, bytes)) => *bytes += range.len(),
            None => sizes.push((*part, range.len())),
        }
    }
    sizes
}

/// The bytes by part: parts down, transports across.
pub(crate) fn table(wires: &[Wire]) -> Table {
    let mut parts: Vec<Part> = wires
        .iter()
        .flat_map(|wire| &wire.sizes)
        .map(|(part, _)| *part)
        .collect();
    parts.sort_unstable();
    parts.dedup();
    let of = |sizes: &[(Part, usize)], part: Part| {
        let found = sizes.iter().find(|(known, _)| *known == part);
        found.map_or("–".to_owned(), |(_, bytes)| count(*bytes as u64))
    };
    let mut rows: Vec<Row> = parts
        .into_iter()
        .map(|part| Row::new(part.words(), wires.iter().map(|wire| of(&wire.sizes, part)).collect()))
        .collect();
    let total = |sizes: &[(Part, usize)]| count(sizes.iter().map(|(_, bytes)| *bytes as u64).sum());
    rows.push(Row::new("All", wires.iter().map(|wire| total(&wire.sizes)).collect()));
    Table {
        name: "wire",
        caption: "Bytes that this delivery took, by part".into(),
        corner: String::new(),
        columns: wires.iter().map(|wire| wire.transport.to_owned()).collect(),
        groups: vec![Group {
            title: String::new(),
            rows,
        }],
        numeric: true,
    }
}

fn shown(crossing: &Crossing) -> Shown {
    let what = match (crossing.kind, crossing.messages.len()) {
        (Kind::Request, _) => "The request",
        (Kind::Answer(_), _) => "The answer",
        (Kind::Chunk, _) => "The event",
        (Kind::Frame(_), _) => "The frame",
        (Kind::Unknown, _) => "Bytes",
    };
    let spans = crossing.parts.iter().map(|(part, range)| Span {
        class: part.class(),
        title: format!("{}: {}", part.words(), counted(range.len() as u64, "byte", "bytes")),
        pieces: part.pieces(&crossing.bytes[range.clone()]),
    });
    Shown {
        head: format!("{what}, {}", counted(crossing.bytes.len() as u64, "byte", "bytes")),
        spans: spans.collect(),
    }
}

impl Part {
    /// What it is, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Part::RequestLine => "Request line",
            Part::StatusLine => "Status line",
            Part::Headers => "Headers",
            Part::Cookie => "Cookie",
            Part::ChunkSize => "Chunk sizes",
            Part::EventLines => "Lines of the event",
            Part::FrameHeader => "Frame header",
            Part::Mask => "Mask",
            Part::Control => "Control data",
            Part::Wrapping => "Around the messages",
            Part::Message => "Message",
            Part::Other => "Other bytes",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Part::RequestLine | Part::StatusLine => "line",
            Part::Headers | Part::Other => "headers",
            Part::Cookie => "cookie",
            Part::ChunkSize | Part::FrameHeader | Part::Mask | Part::Control => "framing",
            Part::EventLines | Part::Wrapping => "wrapping",
            Part::Message => "message",
        }
    }

    /// Its bytes: what frames are made of as hexadecimal digits, everything else as it reads.
    fn pieces(self, bytes: &[u8]) -> Vec<Piece> {
        match self {
            Part::FrameHeader | Part::Mask | Part::Control => vec![Piece {
                is_sign: false,
                text: hex(bytes),
            }],
            _ => readable(bytes),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ") + " "
}

/// Bytes as text. What has no letter is shown by a sign, so that every byte can be told; a line break also breaks the line.
fn readable(bytes: &[u8]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |is_sign: bool, text: &str| match pieces.last_mut() {
        Some(last) if last.is_sign == is_sign => last.text.push_str(text),
        _ => pieces.push(Piece {
            is_sign,
            text: text.to_owned(),
        }),
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                // Arrows, as most fonts lack the pictures that Unicode has for control characters.
                '\r' => push(true, "←"),
                '\n' => push(true, "↓\n"),
                control if control.is_ascii_control() => push(true, &format!("\\x{:02x}", u32::from(control))),
                letter => push(false, letter.encode_utf8(&mut [0; 4])),
            }
        }
        chunk
            .invalid()
            .iter()
            .for_each(|byte| push(true, &format!("\\x{byte:02x}")));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded;

    #[test]
    fn every_byte_can_be_told() {
        let shown = |bytes: &[u8]| {
            let pieces = readable(bytes).into_iter();
            pieces
                .map(|piece| {
                    if piece.is_sign {
                        format!("[{}]", piece.text)
                    } else {
                        piece.text
                    }
                })
                .collect::<String>()
        };
        assert_eq!(shown("a: 路\r\n←\t\u{7f}".as_bytes()), "a: 路[←↓\n]←[\\x09\\x7f]");
        assert_eq!(shown(b"\xff<b>"), "[\\xff]<b>");
        assert_eq!(Part::FrameHeader.pieces(&[0x81, 0x7e, 0, 160])[0].text, "81 7e 00 a0 ");
    }

    #[test]
    fn the_same_message_is_shown_in_every_transport() {
        let runs = [recorded::four_ways()];
        let wires = wires(&Beside::new(&runs).unwrap());
        let message = recorded::message(0).len();
        for wire in &wires {
            let carried = wire.crossings.iter().flat_map(|shown| &shown.spans);
            let text: String = carried
                .flat_map(|span| &span.pieces)
                .map(|piece| piece.text.as_str())
                .collect();
            assert!(text.contains("#0 <b>"), "{}: {text}", wire.transport);
        }
        let [poll, long_poll, events, websocket] = wires.as_slice() else {
            panic!("four transports")
        };
        assert!(
            poll.total.contains("2\u{a0}messages") && poll.total.contains("the messages themselves"),
            "{}",
            poll.total
        );
        let of = |wire: &Wire, part| {
            wire.sizes
                .iter()
                .find(|(known, _)| *known == part)
                .map_or(0, |(_, bytes)| *bytes)
        };
        for wire in [long_poll, events, websocket] {
            assert_eq!(of(wire, Part::Message), message, "{}", wire.transport);
        }
        assert_eq!((of(long_poll, Part::Cookie), of(events, Part::ChunkSize)), (16, 6));
        assert_eq!((of(websocket, Part::FrameHeader), websocket.sizes.len()), (2, 2));
        assert_eq!((long_poll.crossings.len(), long_poll.opening.len()), (2, 0));
        assert_eq!((websocket.crossings.len(), websocket.opening.len()), (1, 2));
    }

    #[test]
    fn the_page_escapes_what_was_said() {
        let html = crate::report::render(&[recorded::four_ways()]).unwrap().html;
        assert!(html.contains("What the wire carried"));
        assert!(html.contains("#0 &lt;b&gt;") && !html.contains("#0 <b>"));
        let without = crate::report::render(&[crate::report::fixture::four_ways()])
            .unwrap()
            .html;
        assert!(!without.contains("What the wire carried"));
    }
}
