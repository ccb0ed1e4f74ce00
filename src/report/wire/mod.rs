//! What crossed the connections of a listener, read as its protocols mean it.

mod message;
mod parts;
mod show;

pub(crate) use parts::{Kind, Part};
pub(crate) use show::{Wire, table, wires};

use std::ops::Range;

use crate::protocol::Transport;
use crate::results::{Piece, Traced, Way};
use message::said;
use parts::{Framing, Unit, units};

/// One request, answer, chunk or frame on its way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Crossing {
    /// Over which connection of the listener.
    pub(crate) connection: u32,
    /// Which way.
    pub(crate) way: Way,
    /// What it is.
    pub(crate) kind: Kind,
    /// When its first byte left, in microseconds from the start of the run.
    pub(crate) left_us: i64,
    /// When its last byte had reached the other side; `None` when that was not seen.
    pub(crate) reached_us: Option<i64>,
    /// All of its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Its parts, end to end.
    pub(crate) parts: Vec<(Part, Range<usize>)>,
    /// The messages in it.
    pub(crate) messages: Vec<Told>,
    /// Whether it has its end.
    pub(crate) is_whole: bool,
}

/// A message that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// When the server accepted it, in microseconds since the Unix epoch.
    pub(crate) at: u64,
    /// What was said, by which it is known again in the run of another transport.
    pub(crate) text: String,
}

impl Crossing {
    /// Whether it is an answer without a message, or a chunk or frame that keeps a connection alive.
    pub(crate) fn is_empty(&self) -> bool {
        match self.kind {
            Kind::Answer(status) => self.messages.is_empty() && matches!(status, 200 | 204),
            Kind::Chunk | Kind::Frame(_) => self.messages.is_empty(),
            Kind::Request | Kind::Unknown => false,
        }
    }
}

/// All that crossed a listener's connections, in the order in which it left.
pub(crate) fn crossings(traced: &Traced, transport: Transport) -> Vec<Crossing> {
    let mut all = Vec::new();
    for connection in 0..traced.opened_us.len() as u32 {
        let of = |way| {
            let pieces = traced.pieces.iter();
            let pieces = pieces.filter(move |piece| piece.connection == connection && piece.way == way);
            pieces.collect::<Vec<_>>()
        };
        let streaming = match transport {
            Transport::Websocket => Framing::Frames,
            Transport::Events => Framing::Chunks,
            Transport::Poll | Transport::LongPoll => Framing::Http,
        };
        let behind = read(&of(Way::In), streaming, &mut all);
        // What a client sends is a request, unless it was answered with a `101`.
        let asking = if behind == Framing::Frames {
            behind
        } else {
            Framing::Http
        };
        read(&of(Way::Out), asking, &mut all);
    }
    all.sort_by_key(|crossing| crossing.left_us);
    all
}

/// Reads one direction of a connection. `streaming` is what comes behind its beginning, when that was not kept.
fn read(pieces: &[&Piece], streaming: Framing, all: &mut Vec<Crossing>) -> Framing {
    let mut framing = streaming;
    for run in pieces.chunk_by(|piece, next| piece.offset + piece.bytes.len() as u64 == next.offset) {
        let bytes: Vec<u8> = run.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
        let first = run[0].offset;
        let way = run[0].way;
        let begins_as = if first == 0 { Framing::Http } else { framing };
        let (mut read, mut behind) = units(&bytes, way, begins_as);
        if way == Way::Out {
            // Behind the upgrade come frames, and nothing among the client's own bytes says so.
            if first == 0 && streaming == Framing::Frames && read.len() > 1 {
                let head = read[0].range.end;
                read.truncate(1);
                let (frames, _) = units(&bytes[head..], way, Framing::Frames);
                read.extend(frames.into_iter().map(|unit| moved(unit, head)));
            }
            behind = streaming;
        }
        framing = behind;
        all.extend(read.into_iter().map(|unit| crossing(unit, &bytes, run)));
    }
    framing
}

fn moved(mut unit: Unit, by: usize) -> Unit {
    let moved = |range: &Range<usize>| range.start + by..range.end + by;
    unit.range = moved(&unit.range);
    unit.parts.iter_mut().for_each(|(_, range)| *range = moved(range));
    unit
}

/// A unit with the instants of the pieces that its ends lie in, and its ranges counted from its own beginning.
fn crossing(unit: Unit, bytes: &[u8], run: &[&Piece]) -> Crossing {
    let holds = |place: usize| {
        let offset = run[0].offset + place as u64;
        let after = run.partition_point(|piece| piece.offset <= offset);
        run[after.saturating_sub(1)]
    };
    let (first, last) = (holds(unit.range.start), holds(unit.range.end - 1));
    let start = unit.range.start;
    let parts: Vec<_> = unit
        .parts
        .iter()
        .map(|(part, range)| (*part, range.start - start..range.end - start))
        .collect();
    let bytes = bytes[unit.range].to_vec();
    let messages = parts.iter().filter(|(part, _)| *part == Part::Message);
    let messages = messages.filter_map(|(_, range)| {
        let said = said(&bytes[range.clone()])?;
        Some(Told {
            at: said.at,
            text: said.text.into_owned(),
        })
    });
    Crossing {
        connection: first.connection,
        way: first.way,
        kind: unit.kind,
        left_us: first.left_us,
        reached_us: last.reached_us.filter(|_| unit.is_whole),
        messages: messages.collect(),
        bytes,
        parts,
        is_whole: unit.is_whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(connection: u32, way: Way, offset: u64, left_us: i64, bytes: &[u8]) -> Piece {
        Piece {
            connection,
            way,
            offset,
            left_us,
            reached_us: Some(left_us + 5),
            bytes: bytes.to_vec(),
        }
    }

    fn kinds(traced: &Traced, transport: Transport) -> Vec<(Kind, i64, Option<i64>)> {
        let all = crossings(traced, transport).into_iter();
        all.map(|crossing| (crossing.kind, crossing.left_us, crossing.reached_us))
            .collect()
    }

    #[test]
    fn an_answer_in_pieces_is_one_and_reached_with_its_last() {
        let traced = Traced {
            opened_us: vec![0],
            pieces: vec![
                piece(0, Way::Out, 0, 10, b"GET / HTTP/1.1\r\n\r\n"),
                piece(0, Way::In, 0, 20, b"HTTP/1.1 200 OK\r\nContent-"),
                piece(0, Way::In, 25, 21, b"Length: 2\r\n\r\n{}HTTP/1.1 204 None\r\n\r\n"),
                // A gap, after which an answer begins again, and is not ended.
                piece(0, Way::In, 500, 90, b"HTTP/1.1 200 OK\r\n"),
            ],
            is_cut: false,
        };
        let expected = [
            (Kind::Request, 10, Some(15)),
            (Kind::Answer(200), 20, Some(26)),
            (Kind::Answer(204), 21, Some(26)),
            (Kind::Answer(200), 90, None),
        ];
        assert_eq!(kinds(&traced, Transport::Poll), expected);
    }

    #[test]
    fn a_stream_goes_on_behind_a_gap_also_where_its_opening_was_not_kept() {
        let traced = Traced {
            opened_us: vec![0, 50],
            pieces: vec![
                piece(0, Way::Out, 0, 1, b"GET / HTTP/1.1\r\n\r\n"),
                piece(0, Way::In, 0, 2, b"HTTP/1.1 101 Switching\r\n\r\n"),
                piece(0, Way::In, 900, 3, &[0x89, 1, 7]),
                piece(0, Way::Out, 18, 4, &[0x8a, 0x81, 1, 2, 3, 4, 6]),
                piece(1, Way::In, 900, 60, &[0x81, 0]),
            ],
            is_cut: false,
        };
        let seen: Vec<Kind> = kinds(&traced, Transport::Websocket)
            .into_iter()
            .map(|(kind, ..)| kind)
            .collect();
        assert_eq!(
            seen,
            [
                Kind::Request,
                Kind::Answer(101),
                Kind::Frame(9),
                Kind::Frame(10),
                Kind::Frame(1)
            ]
        );
    }
}
