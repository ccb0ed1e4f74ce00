//! Guesses beside what came of them: how far off each was, and what that is worth.

use super::beside::Beside;
use super::number::{NONE, bytes, figure, milliseconds, percent};
use super::prediction::Figure;
use super::table::{Row, Table};
use super::word::name;
use crate::protocol::Transport;
use crate::results::metric::Unit;

/// For a guess that is right.
const FULL: f64 = 10.0;

/// A guess with what was measured and what the model says, all in the unit of the figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Guessed {
    pub(crate) transport: Transport,
    /// The name of the figure, and what it is.
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) guess: f64,
    pub(crate) measured: f64,
    pub(crate) model: Option<f64>,
}

/// The guesses of the first run whose figures were measured.
pub(crate) fn guessed(beside: &Beside) -> Vec<Guessed> {
    let guesses = beside.first().guesses.iter();
    guesses
        .filter_map(|guess| {
            let metric = guess.metric()?;
            let entry = beside.of_side(0).find(|entry| entry.transport() == guess.transport)?;
            let predicted = beside
                .predicted(0)
                .find(|(entry, _)| entry.transport() == guess.transport);
            let model = predicted.and_then(|(entry, predicted)| {
                let of = figure_of(metric.name)?;
                // The model's delay begins when the server accepts a message.
                let before_ms = match of.is_delay() {
                    true => entry.run.delay.mean_ms()? - entry.run.server_delay.mean_ms()?,
                    false => 0.0,
                };
                Some(predicted.figure(of)? + before_ms)
            });
            Some(Guessed {
                transport: guess.transport,
                what: format!("{}: {}", metric.name, metric.help),
                unit: metric.unit,
                guess: guess.value,
                measured: metric.of(&entry.run)?,
                model,
            })
        })
        .collect()
}

/// Which figure of the model is the one of this name.
fn figure_of(metric: &str) -> Option<Figure> {
    Some(match metric {
        "requests" => Figure::Requests,
        "empty_share" => Figure::EmptyShare,
        "delay.mean" => Figure::Mean,
        "delay.p50" => Figure::Half,
        "delay.p99" => Figure::Most,
        "delay.max" => Figure::Longest,
        _ => return None,
    })
}

impl Guessed {
    /// Ten of what is right, none of what is ten times off, or of a share that is off by half of all; in between by the ratio.
    pub(crate) fn score(&self) -> f64 {
        let off = match self.unit {
            Unit::Share => 2.0 * (self.guess - self.measured).abs(),
            _ if self.guess == self.measured => 0.0,
            _ => (self.guess / self.measured).log10().abs(),
        };
        // A guess of nothing, or at what was nothing, is off by any ratio.
        FULL * (1.0 - off).max(0.0)
    }

    /// `Short polling, delay.max: the longest`.
    pub(crate) fn head(&self) -> String {
        format!("{}, {}", self.transport.title(), self.what)
    }

    /// A value of this figure, as people read it.
    pub(crate) fn write(&self, value: f64) -> String {
        match self.unit {
            Unit::Number => figure(value),
            Unit::Time => milliseconds(value),
            Unit::Share => percent(value.clamp(0.0, 1.0)),
            Unit::Bytes => bytes(value),
        }
    }
}

/// The score of all, as a sentence; `None` without a guess.
pub(crate) fn told(beside: &Beside) -> Option<String> {
    let all = guessed(beside);
    let worst = all.iter().min_by(|one, other| one.score().total_cmp(&other.score()))?;
    let sum: f64 = all.iter().map(Guessed::score).sum();
    Some(format!(
        "The guesses come to {} of {} points; furthest off was that for {} ({}): {} where {} was measured.",
        figure((sum * 10.0).round() / 10.0),
        all.len() * FULL as usize,
        name(worst.transport),
        worst.what,
        worst.write(worst.guess),
        worst.write(worst.measured)
    ))
}

/// A row for each guess.
pub(crate) fn table(all: &[Guessed]) -> Table {
    let row = |one: &Guessed| {
        Row::new(
            one.head(),
            vec![
                one.write(one.guess),
                one.write(one.measured),
                one.model.map_or(NONE.to_owned(), |model| one.write(model)),
                figure((one.score() * 10.0).round() / 10.0),
            ],
        )
    };
    Table {
        name: "guesses",
        caption: "Guessed, measured, and by the model; ten points for a guess that is right, none for one that is ten times off".to_owned(),
        corner: String::new(),
        columns: ["guess", "measured", "model", "points"].map(str::to_owned).into(),
        groups: vec![super::figures::untitled(all.iter().map(row).collect())],
        numeric: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, render};

    fn scored(guess: f64, measured: f64, unit: Unit) -> f64 {
        let one = Guessed {
            transport: Transport::Poll,
            what: "requests".into(),
            unit,
            guess,
            measured,
            model: None,
        };
        (one.score() * 10.0).round() / 10.0
    }

    #[test]
    fn ten_times_off_is_worth_nothing_either_way() {
        assert_eq!(scored(500.0, 500.0, Unit::Number), 10.0);
        assert_eq!(scored(0.0, 0.0, Unit::Number), 10.0);
        assert_eq!(
            (scored(5_000.0, 500.0, Unit::Time), scored(50.0, 500.0, Unit::Time)),
            (0.0, 0.0)
        );
        assert_eq!(scored(1_000.0, 500.0, Unit::Number), scored(250.0, 500.0, Unit::Number));
        assert_eq!(
            (scored(5.0, 0.0, Unit::Number), scored(0.0, 5.0, Unit::Number)),
            (0.0, 0.0)
        );
        assert_eq!(
            (scored(0.6, 0.6, Unit::Share), scored(0.1, 0.6, Unit::Share)),
            (10.0, 0.0)
        );
    }

    #[test]
    fn guesses_are_told_drawn_and_scored() {
        let mut run = fixture::three_ways();
        run.guesses = [
            "poll.requests=36000",
            "long-poll.delay.p99=15ms",
            "websocket.requests=0",
        ]
        .map(|guess| guess.parse().unwrap())
        .into();
        let report = render(&[run]).unwrap();
        let chart = report.charts.iter().find(|chart| chart.name == "guesses.svg").unwrap();
        let cells: Vec<&str> = chart.table.groups[0].rows[0].cells.iter().map(String::as_str).collect();
        assert_eq!(cells, ["36,000", "36,000", "36,000", "10"]);
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.contains("furthest off was that for long polling")),
            "{:?}",
            report.findings
        );
        let none = render(&[fixture::three_ways()]).unwrap();
        assert!(none.charts.iter().all(|chart| chart.name != "guesses.svg"));
    }
}
