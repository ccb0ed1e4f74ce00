//! A claim about the figures of a run, which a scenario carries so that a lab can say whether its lesson holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::knob::{read_time, write_time};
use super::metric::{METRICS, Metric, Unit};
use crate::protocol::Transport;

/// One claim: `delay.p99 < 300ms`, `long-poll.requests_per_delivery <= 1.1`, `poll.requests > 3 * long-poll.requests`.
///
/// A figure without a transport in front is claimed of every transport that was measured.
#[derive(Debug, Clone)]
pub struct Check {
    /// The figure that it is about.
    pub left: Term,
    /// How it compares.
    pub comparison: Comparison,
    /// With what.
    pub right: Right,
}

/// A figure, of one transport or of each.
#[derive(Debug, Clone)]
pub struct Term {
    /// Whose; `None` is everybody's.
    pub transport: Option<Transport>,
    /// Which.
    pub metric: &'static Metric,
}

/// What a figure is compared with.
#[derive(Debug, Clone)]
pub enum Right {
    /// A number in the base of the figure's unit.
    Value(f64),
    /// So many times another figure.
    Times(f64, Term),
}

/// How two numbers may compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds in every round.
    Holds,
    /// It does not.
    Fails,
    /// The run cannot tell: a figure is missing.
    Unclear,
    /// It is about a transport that this run was not asked to measure.
    NotAsked,
}

/// A claim with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The claim as it was written.
    pub check: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The figures that decided, as text.
    pub found: String,
}

/// A text that is no claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// There is no comparison in it.
    #[error(
        "`{0}` compares nothing; write a figure, one of < <= == != >= >, and a value, such as \"delay.p99 < 300ms\""
    )]
    NoComparison(String),
    /// No figure has this name.
    #[error("there is no figure `{0}`; there are {names}", names = names())]
    NoMetric(String),
    /// The value does not fit the figure.
    #[error("`{0}` is no value for {1}, which {2}")]
    NoValue(String, &'static str, &'static str),
    /// Two figures that are counted in different units.
    #[error("{0} and {1} are counted in different units")]
    Units(&'static str, &'static str),
}

const COMPARISONS: [(&str, Comparison); 6] = [
    // The longer ones first, as the shorter ones begin them.
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::Different),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl Comparison {
    /// Whether two numbers compare in this way.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Equal => left == right,
            Comparison::Different => left != right,
            Comparison::AtLeast => left >= right,
            Comparison::More => left > right,
        }
    }
}

impl Unit {
    /// A number of this unit, as text with its unit.
    pub fn write(self, value: f64) -> String {
        match self {
            Unit::Number => format!("{}", (value * 1000.0).round() / 1000.0),
            Unit::Share => format!("{:.1}%", value * 100.0),
            Unit::Bytes => format!("{value:.0} B"),
            Unit::Time => write_time(std::time::Duration::from_secs_f64(value.max(0.0) / 1000.0)),
        }
    }

    /// The same of what was measured: a time to a hundredth of a millisecond.
    pub fn tell(self, value: f64) -> String {
        match self {
            Unit::Time => self.write((value * 100.0).round() / 100.0),
            _ => self.write(value),
        }
    }

    pub(super) fn read(self, text: &str) -> Option<f64> {
        let number = |text: &str| text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        match self {
            Unit::Number => number(text),
            Unit::Time => read_time(text).ok().map(|time| time.as_secs_f64() * 1000.0),
            Unit::Share => match text.strip_suffix('%') {
                Some(percent) => number(percent).map(|percent| percent / 100.0),
                None => number(text),
            },
            Unit::Bytes => number(text.strip_suffix('B').unwrap_or(text)),
        }
    }

    fn how(self) -> &'static str {
        match self {
            Unit::Number => "is a number",
            Unit::Time => "is a time such as 300ms",
            Unit::Share => "is a share such as 61%",
            Unit::Bytes => "is a number of bytes",
        }
    }
}

impl FromStr for Check {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        let found = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| Some((text.split_once(sign)?, *comparison)));
        let ((left, right), comparison) = found.ok_or_else(|| CheckError::NoComparison(text.trim().to_owned()))?;
        let left: Term = left.trim().parse()?;
        let right = Right::read(unquoted(right.trim()), left.metric)?;
        Ok(Check {
            left,
            comparison,
            right,
        })
    }
}

/// A value may be quoted, as it is elsewhere in a scenario: `delay.p99 < "300ms"`.
fn unquoted(text: &str) -> &str {
    let between = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).map_or(text, str::trim)
}

impl FromStr for Term {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        let prefixed = text
            .split_once('.')
            .and_then(|(first, rest)| Some((first.parse().ok()?, rest)));
        let (transport, name) = prefixed.map_or((None, text), |(transport, rest)| (Some(transport), rest));
        let metric = Metric::named(name).ok_or_else(|| CheckError::NoMetric(name.to_owned()))?;
        Ok(Term { transport, metric })
    }
}

impl Right {
    fn read(text: &str, left: &'static Metric) -> Result<Right, CheckError> {
        if let Some(value) = left.unit.read(text) {
            return Ok(Right::Value(value));
        }
        let (factor, term) = match text.split_once('*') {
            Some((factor, term)) => (Unit::Number.read(factor), term.trim()),
            None => (Some(1.0), text),
        };
        let (Some(factor), Ok(term)) = (factor, term.parse::<Term>()) else {
            return Err(CheckError::NoValue(text.to_owned(), left.name, left.unit.how()));
        };
        if term.metric.unit != left.unit {
            return Err(CheckError::Units(left.name, term.metric.name));
        }
        Ok(Right::Times(factor, term))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transport {
            Some(transport) => write!(f, "{transport}.{}", self.metric.name),
            None => f.write_str(self.metric.name),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS
            .iter()
            .find(|(_, comparison)| *comparison == self.comparison);
        let (sign, _) = sign.expect("every comparison has a sign");
        write!(f, "{} {sign} ", self.left)?;
        match &self.right {
            // As exact as it was read, or it would be another claim.
            Right::Value(value) => match self.left.metric.unit {
                Unit::Time => f.write_str(&Unit::Time.write(*value)),
                Unit::Number | Unit::Share | Unit::Bytes => write!(f, "{value}"),
            },
            Right::Times(factor, term) if *factor == 1.0 => write!(f, "{term}"),
            Right::Times(factor, term) => write!(f, "{factor} * {term}"),
        }
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Serialize for Check {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Check {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn names() -> String {
    let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_claim_is_written_as_it_was_read() {
        for text in [
            "delay.p99 < 300ms",
            "lost == 0",
            "requests_per_delivery <= 1.5",
            "poll.empty_share > 0.5",
            "long-poll.requests < poll.requests",
            "poll.delay.p50 >= 5 * websocket.delay.p50",
            "bytes_per_delivery != 100",
        ] {
            let check: Check = text.parse().unwrap();
            assert_eq!(check.to_string(), text);
        }
        assert_eq!(
            "poll.empty_share>50%".parse::<Check>().unwrap().to_string(),
            "poll.empty_share > 0.5"
        );
    }

    #[test]
    fn a_value_may_be_quoted() {
        for (quoted, plain) in [
            ("delay.p99 < \"300ms\"", "delay.p99 < 300ms"),
            ("lost == '0'", "lost == 0"),
            (
                "poll.requests > \"3 * long-poll.requests\"",
                "poll.requests > 3 * long-poll.requests",
            ),
        ] {
            assert_eq!(quoted.parse::<Check>().unwrap().to_string(), plain);
        }
        for wrong in ["delay.p99 < \"300ms", "delay.p99 < \"", "delay.p99 < \"\""] {
            assert!(wrong.parse::<Check>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_claim_says_why() {
        let error = |text: &str| text.parse::<Check>().unwrap_err().to_string();
        assert!(error("delay.p99").contains("compares nothing"));
        assert!(error("delay.p98 < 3ms").starts_with("there is no figure `delay.p98`; there are delay.mean"));
        assert!(error("delay.p99 < 300").contains("is a time such as 300ms"));
        assert!(error("lost < many").contains("is a number"));
        assert!(error("lost < delay.p50").contains("different units"));
        assert!(error("lost < x * poll.lost").contains("no value"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-z_.<>=!* 0-9%\"'-]{0,40}") {
            if let Ok(check) = text.parse::<Check>() {
                prop_assert!(check.to_string().parse::<Check>().is_ok());
            }
        }
    }
}
