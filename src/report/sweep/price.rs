//! What the server's processor time comes to if work costs at every point what it cost at the first.
//!
//! The model says how much work there is, not what it costs a processor. A price that is taken from the very point that it is laid beside agrees
//! whatever it is; so it is taken from the first clear point of a line, and told of the others alone. Along the listeners a message costs something
//! by itself, however many hear it: there the first point and the last have to give two prices, and are told for neither of them.
//! What silent listeners cost is measured at each point before anything is said.

use super::field::Spot;
use crate::model::Prediction;
use crate::report::entry::Entry;
use crate::report::prediction::Inputs;
use crate::results::TransportRun;
use crate::results::knob::Key;

/// A server that used less than this share of its processors had time left.
const FREE: f64 = 0.8;

/// What work costs, in seconds of the server's processor time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Price {
    /// A message, however many hear it.
    message_s: f64,
    /// A request of a poll, a delivery of a stream.
    piece_s: f64,
}

/// The price of work, and what silence costs, at one place of the knob.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cpu {
    price: Price,
    /// Processors that the silent listeners keep busy.
    pub(crate) idle: f64,
}

/// A point's work: messages, pieces, and the processor time for them.
struct Work {
    messages: f64,
    pieces: f64,
    cpu_s: f64,
}

/// Gives each spot but those that the price is of what the price makes of it; nothing where a single point is clear.
pub(super) fn told(key: &Key, spots: &mut [Spot]) -> Option<()> {
    let clear: Vec<usize> = (0..spots.len())
        .filter(|at| !spots[*at].is_unclear() && spots[*at].predicted.is_some())
        .collect();
    let is_above_idle = is_above_idle(&clear.iter().map(|at| &spots[*at].entry).collect::<Vec<_>>());
    let work = |at: usize| work(&spots[at].entry.run, is_above_idle);
    let &first = clear.first().filter(|_| clear.len() > 1)?;
    // A server that has no time left does part of its work after the window.
    let is_free = |at: &&usize| spots[**at].load().is_some_and(|load| load < FREE);
    let last = clear
        .iter()
        .rfind(is_free)
        .copied()
        .filter(|_| key.name == "listeners" && clear.len() > 2);
    let both = last
        .filter(|last| *last != first)
        .and_then(|last| Some((two_prices(&work(first)?, &work(last)?)?, last)));
    let (price, of) = match both {
        Some((price, last)) => (price, vec![first, last]),
        None => (one_price(&work(first)?), vec![first]),
    };
    for (at, spot) in spots.iter_mut().enumerate() {
        let idle = spot
            .entry
            .run
            .server
            .idle_cpu_per_s
            .filter(|_| is_above_idle)
            .unwrap_or(0.0);
        spot.cpu = Some(Cpu { price, idle });
        spot.is_priced = of.contains(&at);
    }
    Some(())
}

/// Whether there is work left at all points once what silence costs is taken off.
fn is_above_idle(entries: &[&Entry]) -> bool {
    entries.iter().all(|entry| entry.run.cpu_above_idle_s() > Some(0.0))
}

fn work(run: &TransportRun, is_above_idle: bool) -> Option<Work> {
    let asks = super::quantity::asks(run.transport);
    let work = Work {
        messages: run.publishing.planned_in_window as f64,
        pieces: if asks {
            run.counts.requests
        } else {
            run.counts.deliveries
        } as f64,
        cpu_s: if is_above_idle {
            run.cpu_above_idle_s()
        } else {
            run.server.cpu_s
        }?,
    };
    (work.pieces > 0.0 && work.cpu_s > 0.0).then_some(work)
}

fn one_price(work: &Work) -> Price {
    Price {
        message_s: 0.0,
        piece_s: work.cpu_s / work.pieces,
    }
}

/// The prices with which both points come out; `None` where none do, or one of them would be paid back.
fn two_prices(one: &Work, other: &Work) -> Option<Price> {
    let determinant = one.messages * other.pieces - other.messages * one.pieces;
    let price = Price {
        message_s: (one.cpu_s * other.pieces - other.cpu_s * one.pieces) / determinant,
        piece_s: (one.messages * other.cpu_s - other.messages * one.cpu_s) / determinant,
    };
    (price.message_s >= 0.0 && price.piece_s > 0.0 && price.piece_s.is_finite()).then_some(price)
}

impl Cpu {
    /// Of another place between two, as far from the first as `share` says.
    pub(super) fn between(self, other: Cpu, share: f64) -> Cpu {
        Cpu {
            idle: self.idle + (other.idle - self.idle) * share,
            ..self
        }
    }

    /// Processors that the server keeps busy for one listener.
    fn of_a_listener(&self, prediction: &Prediction, inputs: &Inputs) -> f64 {
        let rate_per_s = inputs.arrivals.rate_per_s();
        let pieces_per_s = if super::quantity::asks(inputs.transport) {
            prediction.requests_per_s
        } else {
            rate_per_s
        };
        (self.idle + self.price.message_s * rate_per_s) / inputs.listeners + self.price.piece_s * pieces_per_s
    }

    /// Milliseconds for 1,000 deliveries.
    pub(crate) fn per_1000_deliveries(&self, prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
        let heard_per_s = if super::quantity::asks(inputs.transport) {
            prediction.full_per_s() * prediction.messages_per_full_answer
        } else {
            inputs.arrivals.rate_per_s()
        };
        Some(self.of_a_listener(prediction, inputs) * 1e6 / heard_per_s).filter(|ms| ms.is_finite())
    }

    /// Milliseconds for a listener in a minute.
    pub(crate) fn per_listener_and_minute(&self, prediction: &Prediction, inputs: &Inputs) -> f64 {
        self.of_a_listener(prediction, inputs) * 60.0 * 1e3
    }
}
