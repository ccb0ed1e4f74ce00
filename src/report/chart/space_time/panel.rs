//! What one panel shows: arrows, holds and messages within a stretch of time.

use std::time::Duration;

use crate::protocol::Transport;
use crate::report::wire::{Crossing, Kind, crossings};
use crate::results::{Trace, Traced, Way};

/// More arrows in one panel cannot be told apart.
const MOST_ARROWS: usize = 36;
/// More messages cannot either.
const MOST_MESSAGES: usize = 8;

/// The stretch of time that all panels show, in microseconds from the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from_us: i64,
    pub(super) until_us: i64,
}

impl Range {
    /// As much of what was recorded as can be told apart; `None` of nothing.
    pub(super) fn of(traces: &[(Transport, &Trace, &Traced)]) -> Option<Range> {
        let from_us = traces.iter().map(|(_, trace, _)| trace.from_us).max()?;
        let until_us = traces.iter().map(|(_, trace, _)| trace.until_us).min()?;
        let all = Range { from_us, until_us };
        let crowded = traces.iter().filter_map(|(transport, trace, traced)| {
            let panel = Panel::new(*transport, trace, traced, all);
            let arrow = panel.arrows.get(MOST_ARROWS).map(|arrow| arrow.from_us);
            let message = panel.messages.get(MOST_MESSAGES).map(|message| message.accepted_us);
            // Behind the last piece of a recording that was cut, nothing is known.
            let cut = traced
                .pieces
                .last()
                .filter(|_| traced.is_cut)
                .map(|piece| piece.left_us);
            arrow.into_iter().chain(message).chain(cut).min()
        });
        let until_us = crowded.min().unwrap_or(until_us);
        (until_us > from_us).then_some(Range { from_us, until_us })
    }

    fn overlaps(self, from_us: i64, until_us: i64) -> bool {
        from_us < self.until_us && until_us >= self.from_us
    }

    /// Whether an instant is shown.
    pub(super) fn contains(self, at_us: i64) -> bool {
        (self.from_us..self.until_us).contains(&at_us)
    }
}

/// What one listener sent and got.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) transport: Transport,
    pub(super) arrows: Vec<Arrow>,
    pub(super) holds: Vec<Hold>,
    /// In the order in which the server accepted them.
    pub(super) messages: Vec<Heard>,
    /// When connections were opened, within the range.
    pub(super) opened_us: Vec<i64>,
    /// What opening one took: a round trip of the link. Nothing where nobody said.
    pub(super) handshake_us: i64,
}

/// Something on its way.
#[derive(Debug, Clone)]
pub(super) struct Arrow {
    pub(super) way: Way,
    pub(super) from_us: i64,
    /// `None` when its arrival was not seen.
    pub(super) to_us: Option<i64>,
    pub(super) kind: Kind,
    pub(super) is_empty: bool,
    /// The messages that it carries, as they are known.
    pub(super) carries: Vec<String>,
}

/// A request that the server has, until it answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) from_us: i64,
    /// `None` when the answer was not seen.
    pub(super) until_us: Option<i64>,
    pub(super) is_empty: bool,
}

/// A message on its way to the listener.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) accepted_us: i64,
    pub(super) heard_us: Option<i64>,
}

impl Panel {
    pub(super) fn new(transport: Transport, trace: &Trace, traced: &Traced, range: Range) -> Panel {
        let all = crossings(traced, transport);
        let seen =
            |crossing: &&Crossing| range.overlaps(crossing.left_us, crossing.reached_us.unwrap_or(crossing.left_us));
        let messages = messages(&all, trace);
        Panel {
            transport,
            arrows: all.iter().filter(seen).map(arrow).collect(),
            holds: holds(&all, range),
            messages: messages
                .into_iter()
                .filter(|message| range.contains(message.accepted_us))
                .collect(),
            opened_us: traced
                .opened_us
                .iter()
                .copied()
                .filter(|at| range.contains(*at))
                .collect(),
            handshake_us: 0,
        }
    }

    /// The same over a link with this round trip.
    pub(super) fn over(self, rtt: Duration) -> Panel {
        Panel {
            handshake_us: rtt.as_micros() as i64,
            ..self
        }
    }

    /// Requests that were sent within the range.
    pub(super) fn requests(&self) -> usize {
        self.arrows.iter().filter(|arrow| arrow.kind == Kind::Request).count()
    }

    /// Answers, events and frames that carried no message.
    pub(super) fn empty(&self) -> usize {
        self.arrows
            .iter()
            .filter(|arrow| arrow.is_empty && arrow.way == Way::In)
            .count()
    }

    /// From accepted to heard, of the messages that were heard.
    pub(super) fn delays_ms(&self) -> Vec<f64> {
        self.messages.iter().filter_map(Heard::delay_ms).collect()
    }
}

impl Heard {
    /// From accepted to heard; `None` when it was not.
    pub(super) fn delay_ms(&self) -> Option<f64> {
        Some((self.heard_us? - self.accepted_us) as f64 / 1000.0)
    }
}

fn arrow(crossing: &Crossing) -> Arrow {
    Arrow {
        way: crossing.way,
        from_us: crossing.left_us,
        to_us: crossing.reached_us,
        kind: crossing.kind,
        is_empty: crossing.is_empty(),
        carries: crossing.messages.iter().map(|told| told.text.clone()).collect(),
    }
}

/// Every message once, when it was first heard.
fn messages(all: &[Crossing], trace: &Trace) -> Vec<Heard> {
    let mut messages: Vec<Heard> = Vec::new();
    for crossing in all {
        for told in &crossing.messages {
            if messages.iter().all(|message| message.text != told.text) {
                messages.push(Heard {
                    text: told.text.clone(),
                    accepted_us: told.at as i64 - trace.start_at_us as i64,
                    heard_us: crossing.reached_us,
                });
            }
        }
    }
    messages.sort_by_key(|message| message.accepted_us);
    messages
}

/// Requests with their answers: over one connection they take turns.
fn holds(all: &[Crossing], range: Range) -> Vec<Hold> {
    let requests = all.iter().filter(|crossing| crossing.kind == Kind::Request);
    let hold = |request: &Crossing| {
        let answer = all.iter().find(|crossing| {
            crossing.connection == request.connection
                && matches!(crossing.kind, Kind::Answer(_))
                && crossing.left_us >= request.left_us
        });
        Some(Hold {
            from_us: request.reached_us?,
            until_us: answer.map(|answer| answer.left_us),
            is_empty: answer.is_some_and(Crossing::is_empty),
        })
    };
    let holds = requests.filter_map(hold);
    holds
        .filter(|hold| range.overlaps(hold.from_us, hold.until_us.unwrap_or(range.until_us)))
        .collect()
}

/// What the messages are called, by their texts: A, B, C, the same in all panels. `None` of no message.
pub(super) fn names<'a>(panels: impl IntoIterator<Item = &'a Panel>) -> Option<Vec<String>> {
    let mut all: Vec<&Heard> = panels.into_iter().flat_map(|panel| &panel.messages).collect();
    all.sort_by_key(|message| message.accepted_us);
    let mut names: Vec<String> = Vec::new();
    for message in all {
        if !names.contains(&message.text) {
            names.push(message.text.clone());
        }
    }
    (!names.is_empty()).then_some(names)
}
