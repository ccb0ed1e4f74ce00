//! The figures that claims about a sweep are about, and how far apart two of their values may be.

use std::fmt;
use std::str::FromStr;

use super::SweepCheckError;
use crate::protocol::Transport;
use crate::results::TransportRun;
use crate::results::check::Term;
use crate::results::metric::Unit;

/// A figure, or the product of two.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The first.
    pub term: Term,
    /// By what it is multiplied.
    pub times: Option<Term>,
    /// A value of a knob: the points that it is taken from; `None` is all of them.
    pub at: Option<String>,
}

/// How far apart two values may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Within {
    /// As a share of the smaller, or of the one that was claimed.
    Share(f64),
    /// In the base of the figure's unit.
    Value(f64),
}

impl Figure {
    /// What it is counted in: one of two may be a plain number.
    pub fn unit(&self) -> Unit {
        match &self.times {
            Some(times) if self.term.metric.unit == Unit::Number => times.metric.unit,
            _ => self.term.metric.unit,
        }
    }

    /// Its value among the runs of a point, for one transport: the median of the rounds. `None` where the point does not have it.
    pub fn of(&self, runs: &[TransportRun], transport: Transport) -> Option<f64> {
        let first = median(&self.term, runs, transport)?;
        match &self.times {
            Some(times) => Some(first * median(times, runs, transport)?),
            None => Some(first),
        }
    }

    /// The transports that it names.
    pub fn transports(&self) -> impl Iterator<Item = Transport> {
        let times = self.times.as_ref().and_then(|term| term.transport);
        self.term.transport.into_iter().chain(times)
    }
}

fn median(term: &Term, runs: &[TransportRun], transport: Transport) -> Option<f64> {
    let wanted = term.transport.unwrap_or(transport);
    let of = runs.iter().filter(|run| run.transport == wanted);
    let mut values: Vec<f64> = of.map(|run| term.metric.of(run)).collect::<Option<_>>()?;
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => None,
        (n, half) if n % 2 == 0 => Some((values[half - 1] + values[half]) / 2.0),
        (_, half) => Some(values[half]),
    }
}

impl FromStr for Figure {
    type Err = SweepCheckError;

    fn from_str(text: &str) -> Result<Self, SweepCheckError> {
        let (text, at) = split_place(text);
        let (term, times) = match text.split_once('*') {
            Some((term, times)) => (term.trim().parse::<Term>()?, Some(times.trim().parse::<Term>()?)),
            None => (text.parse::<Term>()?, None),
        };
        if let Some(times) = &times
            && term.metric.unit != Unit::Number
            && times.metric.unit != Unit::Number
        {
            return Err(SweepCheckError::NoProduct(term.metric.name, times.metric.name));
        }
        Ok(Figure { term, times, at })
    }
}

/// `requests at 1s` is a figure and a place.
pub(super) fn split_place(text: &str) -> (&str, Option<String>) {
    match text.split_once(" at ") {
        Some((figure, place)) => (figure.trim(), Some(place.trim().to_owned())),
        None => (text.trim(), None),
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.term.fmt(f)?;
        self.times.as_ref().map_or(Ok(()), |times| write!(f, " * {times}"))?;
        self.at.as_ref().map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

impl Within {
    /// Whether two values are no further apart.
    pub fn holds(self, one: f64, other: f64) -> bool {
        let (low, high) = (one.min(other), one.max(other));
        match self {
            Within::Share(share) => high - low <= share * low.abs(),
            Within::Value(value) => high - low <= value,
        }
    }

    pub(super) fn read(text: &str, unit: Unit) -> Option<Within> {
        let share = text.strip_suffix('%').filter(|_| unit != Unit::Share);
        let within = match share {
            Some(percent) => Within::Share(Unit::Number.read(percent)? / 100.0),
            None => Within::Value(unit.read(text)?),
        };
        let (Within::Share(distance) | Within::Value(distance)) = within;
        (distance >= 0.0).then_some(within)
    }

    pub(super) fn write(self, unit: Unit) -> String {
        match self {
            Within::Share(share) => format!("{}%", round(share * 100.0)),
            Within::Value(value) => exact(unit, value),
        }
    }
}

/// Without what multiplying by a hundred has left.
fn round(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

/// So that it is read again as it was.
pub(super) fn exact(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Time => unit.write(value),
        Unit::Share => format!("{}%", round(value * 100.0)),
        Unit::Number | Unit::Bytes => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_a_share_or_a_value() {
        assert!(Within::Share(0.1).holds(100.0, 110.0) && !Within::Share(0.1).holds(100.0, 111.0));
        assert!(Within::Value(5.0).holds(20.0, 15.0) && !Within::Value(5.0).holds(20.0, 14.9));
    }
}
