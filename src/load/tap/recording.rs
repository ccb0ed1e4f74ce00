//! Keeping what crosses the connections of one listener: the bytes, and when they passed either side of the link.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::Slice;
use crate::load::recorder::Plan;
use crate::results::{Piece, Scenario, Traced, Way};

/// How many bytes are kept of one listener.
const BYTES: usize = 64 * 1024;
/// How many pieces are kept of one listener.
const PIECES: usize = 200;
/// The beginnings of so many connections are kept, besides those in the slice.
const OPENINGS: u32 = 8;

/// A recording that both sides of a listener's link tell what passes them. It outlives the connections.
pub(crate) type SharedRecording = Rc<RefCell<Recording>>;

/// What one listener's connections carried: the first piece of each direction, and all that left within the slice.
///
/// So that the slice begins with whole things, it begins with the exchange that is under way at that time: a poll that is
/// being held was asked before.
pub(crate) struct Recording {
    plan: Arc<Plan>,
    slice: Slice,
    /// Whether the listener's side of the link is another place than the server's.
    has_path: bool,
    opened: Vec<Instant>,
    out: Lane,
    back: Lane,
    last: Option<Way>,
    kept: Vec<Kept>,
    /// The exchange under way while the slice has not begun; `None` when it became too long.
    under_way: Option<VecDeque<Kept>>,
    bytes: usize,
    is_cut: bool,
}

/// How far one direction of the present connection is.
#[derive(Default)]
struct Lane {
    left: u64,
    reached: u64,
}

/// A piece before its instants are counted from the start of the run, which may not be known yet.
struct Kept {
    connection: u32,
    way: Way,
    offset: u64,
    left: Instant,
    reached: Option<Instant>,
    bytes: Vec<u8>,
}

impl Recording {
    /// One that waits for the slice.
    pub(crate) fn new(plan: Arc<Plan>, slice: Slice, scenario: &Scenario) -> SharedRecording {
        Rc::new(RefCell::new(Recording {
            plan,
            slice,
            has_path: !scenario.one_way().is_zero(),
            opened: Vec::new(),
            out: Lane::default(),
            back: Lane::default(),
            last: None,
            kept: Vec::new(),
            under_way: None,
            bytes: 0,
            is_cut: false,
        }))
    }

    /// A new connection is there.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.opened.push(now);
        (self.out, self.back) = Default::default();
        self.last = None;
        self.under_way = None;
    }

    /// Bytes passed the listener's side of the link; never called where both sides are one place.
    pub(crate) fn at_listener(&mut self, way: Way, bytes: &[u8], now: Instant) {
        match way {
            Way::Out => self.leave(way, bytes, true, now),
            Way::In => self.reach(way, bytes.len(), now),
        }
    }

    /// Bytes passed the server's side. `begins` says that the first one begins a chunk or a frame.
    pub(crate) fn at_server(&mut self, way: Way, bytes: &[u8], begins: bool, now: Instant) {
        if way == Way::In || !self.has_path {
            self.leave(way, bytes, begins, now);
        }
        if way == Way::Out || !self.has_path {
            self.reach(way, bytes.len(), now);
        }
    }

    fn leave(&mut self, way: Way, bytes: &[u8], begins: bool, now: Instant) {
        let Some(connection) = self.opened.len().checked_sub(1) else {
            return;
        };
        let lane = self.lane(way);
        let offset = lane.left;
        lane.left += bytes.len() as u64;
        let turn = way == Way::Out && self.last != Some(Way::Out);
        self.last = Some(way);
        let piece = Kept {
            connection: connection as u32,
            way,
            offset,
            left: now,
            reached: None,
            bytes: bytes.to_vec(),
        };
        let since_start = self.plan.clock.since_start(now);
        let in_slice = since_start.is_some_and(|since| self.slice.contains(since));
        if turn || (way == Way::In && begins) {
            self.under_way = Some(VecDeque::new());
        }
        if !in_slice && offset == 0 && piece.connection < OPENINGS {
            return self.keep(piece);
        }
        let Some(under_way) = &mut self.under_way else {
            return;
        };
        under_way.push_back(piece);
        if in_slice {
            while let Some(piece) = self.under_way.as_mut().and_then(VecDeque::pop_front) {
                self.keep(piece);
            }
        } else if under_way.len() > PIECES || under_way.iter().map(|piece| piece.bytes.len()).sum::<usize>() > BYTES {
            self.under_way = None;
        }
    }

    /// What has left before now counts as arrived up to these bytes.
    fn reach(&mut self, way: Way, bytes: usize, now: Instant) {
        let Some(connection) = self.opened.len().checked_sub(1) else {
            return;
        };
        let lane = self.lane(way);
        lane.reached += bytes as u64;
        let end = lane.reached;
        let under_way = self.under_way.iter_mut().flatten();
        for piece in self.kept.iter_mut().chain(under_way) {
            let is_there = piece.connection == connection as u32 && piece.way == way && piece.end() <= end;
            if is_there && piece.reached.is_none() {
                piece.reached = Some(now);
            }
        }
    }

    fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Out => &mut self.out,
            Way::In => &mut self.back,
        }
    }

    /// Keeps a piece, or nothing from now on: pieces with a hole between them would be misread.
    fn keep(&mut self, piece: Kept) {
        self.is_cut |= self.kept.len() == PIECES || self.bytes + piece.bytes.len() > BYTES;
        if !self.is_cut {
            self.bytes += piece.bytes.len();
            self.kept.push(piece);
        }
    }

    /// What was kept, with its instants counted from the start of the run; nothing of a run that never started.
    pub(crate) fn traced(&mut self) -> Traced {
        let Some(start) = self.plan.clock.start() else {
            return Traced::default();
        };
        let us = |at: Instant| match at.checked_duration_since(start) {
            Some(after) => after.as_micros() as i64,
            None => -((start - at).as_micros() as i64),
        };
        let piece = |piece: Kept| Piece {
            connection: piece.connection,
            way: piece.way,
            offset: piece.offset,
            left_us: us(piece.left),
            reached_us: piece.reached.map(us),
            bytes: piece.bytes,
        };
        Traced {
            opened_us: self.opened.iter().copied().map(us).collect(),
            pieces: self.kept.drain(..).map(piece).collect(),
            is_cut: self.is_cut,
        }
    }
}

impl Kept {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::clock::Clock;
    use crate::load::recorder::Tally;
    use crate::load::schedule::Schedule;
    use crate::load::testing::scenario;
    use crate::load::timeline::Steps;
    use std::time::Duration;

    /// A recording behind a link, whose slice is from 300 to 400 ms after the instant given.
    fn recording() -> (SharedRecording, Instant) {
        let scenario = Scenario {
            rtt: Duration::from_millis(10),
            ..scenario()
        };
        let plan = Plan {
            clock: Clock::new(&scenario),
            schedule: Schedule::new(&scenario),
            steps: Steps::new(&scenario),
            base: "fake-0".parse().unwrap(),
            mark: None,
            shows_naive: false,
            outage: crate::load::outage::Outage::default(),
            tally: Tally::default(),
        };
        let start = Instant::now() + Duration::from_secs(1);
        plan.clock.start_at(start);
        let ms = Duration::from_millis;
        let slice = Slice {
            from: ms(300),
            until: ms(400),
        };
        (Recording::new(Arc::new(plan), slice, &scenario), start)
    }

    /// One poll: its request leaves now, and its answer this much later; each is under way for 5 ms.
    fn poll(recording: &SharedRecording, request: &str, answer: &str, now: Instant, held: u64) {
        let mut recording = recording.borrow_mut();
        let ms = |ms| now + Duration::from_millis(ms);
        recording.at_listener(Way::Out, request.as_bytes(), now);
        recording.at_server(Way::Out, request.as_bytes(), false, ms(5));
        recording.at_server(Way::In, answer.as_bytes(), false, ms(5 + held));
        recording.at_listener(Way::In, answer.as_bytes(), ms(10 + held));
    }

    fn texts(traced: &Traced) -> Vec<&str> {
        let pieces = traced.pieces.iter();
        pieces.map(|piece| std::str::from_utf8(&piece.bytes).unwrap()).collect()
    }

    #[test]
    fn the_first_poll_and_those_of_the_slice_are_kept_also_one_held_before_it() {
        let (recording, start) = recording();
        recording.borrow_mut().connected(start - Duration::from_millis(50));
        poll(&recording, "first?", "first!", start - Duration::from_millis(40), 1);
        for (at, n) in [(100, 1), (150, 2), (290, 3), (320, 4), (500, 5)] {
            let (request, answer) = (format!("{n}?"), format!("{n}!"));
            poll(&recording, &request, &answer, start + Duration::from_millis(at), 10);
        }
        let traced = recording.borrow_mut().traced();
        assert_eq!(texts(&traced), ["first?", "first!", "3?", "3!", "4?", "4!"]);
        let held = &traced.pieces[2];
        assert_eq!((held.left_us, held.reached_us), (290_000, Some(295_000)));
        assert_eq!((traced.pieces[0].left_us, traced.opened_us[0]), (-40_000, -50_000));
        assert_eq!((held.offset, traced.pieces[4].offset), (6 + 2 + 2, 6 + 2 + 2 + 2));
        assert!(!traced.is_cut);
    }

    #[test]
    fn a_stream_is_kept_from_the_first_whole_frame_on() {
        let (recording, start) = recording();
        recording.borrow_mut().connected(start);
        poll(&recording, "open?", "open!", start, 0);
        for (at, text, begins) in [
            (200, "old", true),
            (310, "rest", false),
            (320, "new", true),
            (330, "more", false),
        ] {
            let now = start + Duration::from_millis(at);
            recording.borrow_mut().at_server(Way::In, text.as_bytes(), begins, now);
        }
        let traced = recording.borrow_mut().traced();
        // The frame under way when the slice began is whole: its beginning was kept for that.
        assert_eq!(texts(&traced), ["open?", "open!", "old", "rest", "new", "more"]);
        assert_eq!(traced.pieces[5].reached_us, None);
    }

    #[test]
    fn each_connection_counts_its_own_bytes() {
        let (recording, start) = recording();
        for (at, text) in [(310, "one"), (350, "two")] {
            let now = start + Duration::from_millis(at);
            recording.borrow_mut().connected(now);
            poll(&recording, text, text, now, 0);
        }
        let traced = recording.borrow_mut().traced();
        let places: Vec<_> = traced
            .pieces
            .iter()
            .map(|piece| (piece.connection, piece.offset))
            .collect();
        assert_eq!(places, [(0, 0), (0, 0), (1, 0), (1, 0)]);
    }

    #[test]
    fn it_stops_at_either_bound() {
        for (text, most) in [("x".to_owned(), PIECES), ("x".repeat(BYTES / 10), 10)] {
            let (recording, start) = recording();
            recording.borrow_mut().connected(start);
            for _ in 0..PIECES {
                poll(&recording, &text, &text, start + Duration::from_millis(310), 0);
            }
            let traced = recording.borrow_mut().traced();
            assert_eq!((traced.pieces.len(), traced.is_cut), (most, true));
        }
    }
}
