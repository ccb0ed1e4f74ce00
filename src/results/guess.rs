//! What somebody expected of a figure before it was measured.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::check::{Check, CheckError, Right};
use super::metric::Metric;
use crate::protocol::Transport;

/// One guess: `poll.requests=4000`, `websocket.delay.p99=25ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// Of which transport.
    pub transport: Transport,
    /// The name of the figure.
    pub figure: String,
    /// What was expected, in the base of the figure's unit.
    pub value: f64,
}

/// Why a text is no guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuessError {
    /// It has no value, or no transport in front.
    #[error("`{0}` is no guess: write it as \"poll.requests=4000\" or \"websocket.delay.p99=25ms\"")]
    Form(String),
    /// The figure or its value cannot be read.
    #[error(transparent)]
    Figure(#[from] CheckError),
}

impl Guess {
    /// The figure; `None` of one that this program does not know.
    pub fn metric(&self) -> Option<&'static Metric> {
        Metric::named(&self.figure)
    }
}

impl FromStr for Guess {
    type Err = GuessError;

    fn from_str(text: &str) -> Result<Self, GuessError> {
        let form = || GuessError::Form(text.to_owned());
        let (figure, value) = text.split_once('=').ok_or_else(form)?;
        // A guess is the claim that a figure has this value, and is read like one.
        let check: Check = format!("{} == {}", figure.trim(), value.trim()).parse()?;
        match (check.left.transport, check.right) {
            (Some(transport), Right::Value(value)) if value >= 0.0 => Ok(Guess {
                transport,
                figure: check.left.metric.name.to_owned(),
                value,
            }),
            _ => Err(form()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_a_figure_and_its_value() {
        let guess: Guess = "websocket.delay.p99 = 25ms".parse().unwrap();
        assert_eq!(
            (guess.transport, guess.figure.as_str(), guess.value),
            (Transport::Websocket, "delay.p99", 25.0)
        );
        let share: Guess = "poll.empty_share=60%".parse().unwrap();
        assert!((share.value - 0.6).abs() < 1e-12);
        for (text, told) in [
            ("poll.requests", "is no guess"),
            ("requests=4000", "is no guess"),
            ("poll.requests=-1", "is no guess"),
            ("poll.requests=long-poll.requests", "is no guess"),
            ("poll.latency=3", "there is no figure `latency`"),
            ("poll.delay.p50=25", "is a time such as 300ms"),
        ] {
            let error = text.parse::<Guess>().unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
