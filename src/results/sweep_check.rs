//! A claim about a sweep as a whole: how a figure changes along the knob, or what holds at its points.

mod figure;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Check;
use super::check::CheckError;
pub use figure::{Figure, Within};
use figure::{exact, split_place};

/// One claim: `long-poll.requests falls`, `long-poll.delay.mean stays within 5ms`, `poll.requests_per_s * poll.wait.mean is 500ms within 5%`,
/// or a [`Check`], which then has to hold at every point.
///
/// A figure may be that of some of the points, named by the value of a knob: `long-poll.requests at 1/5s falls`, `requests at 1s > 3 * requests at 25s`.
/// A movement may end before the knob does: `long-poll.requests falls until 25s`.
#[derive(Debug, Clone)]
pub enum SweepCheck {
    /// How a figure moves along a knob.
    Moves(Figure, Shape, Stretch),
    /// Its value, and how far off it may be.
    Is(Figure, f64, Within),
    /// What holds, with the places of its two sides. A right side without a place is that of the same point.
    Holds(Check, Option<String>, Option<String>),
}

/// How a figure moves from each value of a knob to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// It is lower each time.
    Falls,
    /// It is higher each time.
    Rises,
    /// Its highest and its lowest value are no further apart than this.
    Stays(Within),
}

/// The part of a knob that a figure moves along.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stretch {
    /// The knob; without one it is the first.
    pub along: Option<String>,
    /// The last of its values that the claim is about; without one all are.
    pub until: Option<String>,
}

/// A text that is no claim about a sweep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepCheckError {
    /// Neither a movement, nor a value, nor a comparison.
    #[error(
        "`{0}` claims nothing; write \"FIGURE falls\", \"FIGURE rises\", \"FIGURE stays within 10%\", \"FIGURE is VALUE within 5%\" or a comparison, such as \
         \"delay.p99 < 300ms\""
    )]
    NoClaim(String),
    /// How far off it may be cannot be read.
    #[error("`{0}` is no distance for {1}; write a share such as 10%, or a value with its unit")]
    NoDistance(String, String),
    /// A product of two figures that have a unit each.
    #[error("{0} and {1} both have a unit: their product has none that could be written")]
    NoProduct(&'static str, &'static str),
    /// What is wrong with the figure or the comparison itself.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl SweepCheck {
    /// The knob that it is about the way along, if it names one.
    pub fn along(&self) -> Option<&str> {
        match self {
            SweepCheck::Moves(_, _, stretch) => stretch.along.as_deref(),
            SweepCheck::Is(..) | SweepCheck::Holds(..) => None,
        }
    }

    /// The values of knobs that it names, to be written as the knobs write them.
    pub fn places(&mut self) -> impl Iterator<Item = &mut String> {
        let (one, other) = match self {
            SweepCheck::Moves(figure, _, stretch) => (&mut figure.at, stretch.until.as_mut()),
            SweepCheck::Is(figure, ..) => (&mut figure.at, None),
            SweepCheck::Holds(_, left, right) => (left, right.as_mut()),
        };
        one.iter_mut().chain(other)
    }
}

impl FromStr for SweepCheck {
    type Err = SweepCheckError;

    fn from_str(text: &str) -> Result<Self, SweepCheckError> {
        let text = text.trim();
        let (moves, along) = split_end(text, " along ");
        let (moves, until) = split_end(moves, " until ");
        let stretch = Stretch { along, until };
        for (word, shape) in [(" falls", Shape::Falls), (" rises", Shape::Rises)] {
            if let Some(figure) = moves.strip_suffix(word) {
                return Ok(SweepCheck::Moves(figure.parse()?, shape, stretch));
            }
        }
        let distance = |text: &str, figure: &Figure| {
            Within::read(text.trim(), figure.unit())
                .ok_or_else(|| SweepCheckError::NoDistance(text.trim().to_owned(), figure.to_string()))
        };
        if let Some((figure, within)) = moves.split_once(" stays within ") {
            let figure: Figure = figure.parse()?;
            let within = distance(within, &figure)?;
            return Ok(SweepCheck::Moves(figure, Shape::Stays(within), stretch));
        }
        if stretch != Stretch::default() {
            return Err(SweepCheckError::NoClaim(text.to_owned()));
        }
        if let Some((figure, value)) = text.split_once(" is ") {
            let figure: Figure = figure.parse()?;
            let (value, within) = value
                .split_once(" within ")
                .ok_or_else(|| SweepCheckError::NoClaim(text.to_owned()))?;
            let within = distance(within, &figure)?;
            let value = figure.unit().read(value.trim());
            let value = value.ok_or_else(|| SweepCheckError::NoClaim(text.to_owned()))?;
            return Ok(SweepCheck::Is(figure, value, within));
        }
        let (text, places) = without_places(text);
        match text.parse::<Check>() {
            Ok(check) => Ok(SweepCheck::Holds(check, places.0, places.1)),
            Err(CheckError::NoComparison(_)) => Err(SweepCheckError::NoClaim(text)),
            Err(error) => Err(error.into()),
        }
    }
}

/// A text without what follows this word in it, and that.
fn split_end<'a>(text: &'a str, word: &str) -> (&'a str, Option<String>) {
    match text.split_once(word) {
        Some((text, end)) => (text.trim_end(), Some(end.trim().to_owned())),
        None => (text, None),
    }
}

/// A comparison without the places of its sides, and these.
fn without_places(text: &str) -> (String, (Option<String>, Option<String>)) {
    let sign = |c: char| "<>=!".contains(c);
    let (Some(from), Some(last)) = (text.find(sign), text.rfind(sign)) else {
        return (text.to_owned(), (None, None));
    };
    // All signs are of one byte.
    let (left, left_at) = split_place(&text[..from]);
    let (right, right_at) = split_place(&text[last + 1..]);
    (format!("{left} {} {right}", &text[from..=last]), (left_at, right_at))
}

impl fmt::Display for SweepCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SweepCheck::Moves(figure, shape, stretch) => {
                match shape {
                    Shape::Falls => write!(f, "{figure} falls")?,
                    Shape::Rises => write!(f, "{figure} rises")?,
                    Shape::Stays(within) => write!(f, "{figure} stays within {}", within.write(figure.unit()))?,
                }
                stretch
                    .until
                    .as_ref()
                    .map_or(Ok(()), |value| write!(f, " until {value}"))?;
                stretch.along.as_ref().map_or(Ok(()), |key| write!(f, " along {key}"))
            }
            SweepCheck::Is(figure, value, within) => {
                let unit = figure.unit();
                write!(f, "{figure} is {} within {}", exact(unit, *value), within.write(unit))
            }
            SweepCheck::Holds(check, left_at, right_at) => {
                let text = check.to_string();
                match (left_at, text.split_once(' ')) {
                    // A figure has no space in its name.
                    (Some(at), Some((figure, rest))) => write!(f, "{figure} at {at} {rest}")?,
                    _ => f.write_str(&text)?,
                }
                right_at.as_ref().map_or(Ok(()), |at| write!(f, " at {at}"))
            }
        }
    }
}

impl PartialEq for SweepCheck {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Serialize for SweepCheck {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SweepCheck {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_claim_is_written_as_it_was_read() {
        for text in [
            "long-poll.requests falls",
            "requests_per_delivery rises along feed.rate",
            "long-poll.requests at 1/5s falls until 25s",
            "long-poll.delay.mean stays within 5ms",
            "long-poll.delay.mean stays within 7% until 200ms along link.rtt",
            "long-poll.delay.mean stays within 7% along link.rtt",
            "poll.empty_share stays within 3%",
            "poll.requests_per_s * poll.wait.mean is 500ms within 5%",
            "heads_per_delivery is 2 within 0.5",
            "long-poll.requests at 1/5s falls",
            "websocket.heads_per_delivery at 10 is 2 within 0.5",
            "poll.delay.mean > websocket.delay.mean",
            "delay.p99 at 1000 < 1s",
            "requests at 1s > 3 * requests at 25s",
            "requests >= requests at 25s",
        ] {
            assert_eq!(text.parse::<SweepCheck>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_claim_says_why() {
        let error = |text: &str| text.parse::<SweepCheck>().unwrap_err().to_string();
        assert!(error("long-poll.requests").contains("claims nothing"));
        assert!(error("long-poll.requests falls slowly").contains("claims nothing"));
        assert!(
            error("long-poll.requestz falls").starts_with("there is no figure `requestz`"),
            "{}",
            error("long-poll.requestz falls")
        );
        assert!(error("requests at 5s").contains("claims nothing"));
        assert!(error("delay.mean stays within 5").contains("`5` is no distance for delay.mean"));
        assert!(error("delay.mean stays within -5%").contains("no distance"));
        assert!(error("delay.mean is 5ms").contains("claims nothing"));
        assert!(error("delay.mean * delay.p99 falls").contains("both have a unit"));
        assert!(error("delay.p99 < 300").contains("is a time such as 300ms"));
        assert!(error("delay.p99 < 300ms along listeners").contains("claims nothing"));
        assert!(error("delay.p99 < 300ms until 200").contains("claims nothing"));
        assert!(error("delay.mean is 5ms within 1ms until 200").contains("claims nothing"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-z_.<>=!*: 0-9%é-]{0,40}") {
            let _ = text.parse::<SweepCheck>();
        }

        #[test]
        fn what_is_read_can_be_read_again(number in 0.0f64..1e6, form in 0usize..4) {
            let text = match form {
                0 => format!("requests stays within {number}%"),
                1 => format!("requests is {number} within {number}%"),
                2 => format!("delay.mean stays within {number:.3}ms"),
                _ => format!("empty_share is {number}% within {number}%"),
            };
            let check: SweepCheck = text.parse().unwrap();
            let again: SweepCheck = check.to_string().parse().unwrap();
            prop_assert_eq!(again.to_string(), check.to_string());
        }
    }
}
