//! Whether model and measurement agree; and where they do not, which assumption of the model the run's own figures speak
//! against.

mod reason;

use super::table::{points, tenths};
use super::{Figure, Predicted};
use crate::model::Server;
use crate::protocol::Transport;
use crate::report::beside::Beside;
use crate::report::entry::Entry;
use crate::report::number::{count, counted, figure, milliseconds, with_unit};
use crate::report::word::{list, name, sentence};

/// Beside chance, the model may be off by so much of what it predicts: it leaves out timers, wake-ups, buffers.
const MODEL_SHARE: f64 = 0.03;
/// The same of a delay, in milliseconds.
const MODEL_MS: f64 = 1.0;
/// The figures that are judged: what was asked, and how late it came.
const JUDGED: [Figure; 4] = [Figure::Requests, Figure::EmptyShare, Figure::Mean, Figure::Most];
/// Predictions for the schedule and for the rate that differ by more than this show what chance does.
const APART: f64 = 0.05;

/// One judged figure of one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    figure: Figure,
    /// What the run gave.
    pub(crate) measured: f64,
    /// What the model gives.
    pub(crate) predicted: f64,
    /// Whether no more than chance and what the model leaves out lies between the two.
    pub(crate) agrees: bool,
}

/// What is to be said about the first run, in sentences: who agrees, who does not and why, what chance did, where CPU breaks
/// even.
pub(crate) fn verdicts(beside: &Beside) -> Vec<String> {
    let judged: Vec<(&Entry, &Predicted, Vec<Judged>)> = beside
        .predicted(0)
        .filter(|(_, predicted)| predicted.inputs.messages() > 0.0)
        .map(|(entry, predicted)| (entry, predicted, judge(entry, predicted)))
        .filter(|(_, _, judged)| !judged.is_empty())
        .collect();
    let (agree, part): (Vec<_>, Vec<_>) = judged
        .iter()
        .partition(|(_, _, judged)| judged.iter().all(|one| one.agrees));
    let mut sentences = Vec::new();
    sentences.extend(agreeing(&agree));
    sentences.extend(
        part.iter()
            .map(|(entry, predicted, judged)| parting(entry, predicted, judged)),
    );
    sentences.extend(
        judged
            .iter()
            .filter_map(|(entry, predicted, _)| by_chance(entry, predicted)),
    );
    sentences.extend(break_even(
        &judged.iter().map(|(_, predicted, _)| *predicted).collect::<Vec<_>>(),
    ));
    sentences
}

/// The figures of one entry that can be judged.
pub(crate) fn judge(entry: &Entry, predicted: &Predicted) -> Vec<Judged> {
    let figures = JUDGED.into_iter().filter(|figure| figure.is_of(entry.transport()));
    let judged = figures.filter_map(|figure| {
        let (measured, expected) = (figure.measured(entry)?, predicted.figure(figure)?);
        let chance = match predicted.schedule {
            Some(_) => predicted.chance.of_this_schedule(figure),
            None => predicted.chance.of_any_schedule(figure),
        };
        let model = expected * MODEL_SHARE
            + match figure {
                Figure::EmptyShare => 0.01,
                delay if delay.is_delay() => MODEL_MS,
                _ => 0.0,
            };
        Some(Judged {
            figure,
            measured,
            predicted: expected,
            agrees: (measured - expected).abs() <= chance.unwrap_or(0.0) + model,
        })
    });
    judged.collect()
}

/// `Long polling and WebSocket did what the model says: …`.
fn agreeing(agree: &[&(&Entry, &Predicted, Vec<Judged>)]) -> Option<String> {
    let names: Vec<&str> = agree.iter().map(|(entry, ..)| name(entry.transport())).collect();
    let worst = |figure: Figure| {
        let all = agree.iter().flat_map(|(.., judged)| judged);
        let of = all.filter(move |one| one.figure == figure && one.predicted > 0.0);
        of.map(|one| (one.measured / one.predicted - 1.0).abs())
            .reduce(f64::max)
    };
    let clauses: Vec<String> = [
        (Figure::Requests, "requests"),
        (Figure::Mean, "mean delays"),
        (Figure::Most, "p99"),
    ]
    .into_iter()
    .filter_map(|(figure, what)| Some(format!("{what} within {}", tenths(worst(figure)?.max(0.001)))))
    .collect();
    if names.is_empty() || clauses.is_empty() {
        return None;
    }
    let names = list(&names);
    Some(sentence(&format!(
        "{names} did what the model says: {}.",
        list(&clauses)
    )))
}

/// What is off, and what the run's figures say about it.
fn parting(entry: &Entry, predicted: &Predicted, judged: &[Judged]) -> String {
    let off: Vec<String> = judged.iter().filter(|one| !one.agrees).map(Judged::clause).collect();
    let reasons = reason::reasons(entry, predicted, judged);
    let why = match reasons.as_slice() {
        [] => "No other figure of this run tells why.".to_owned(),
        reasons => reasons
            .iter()
            .map(|reason| sentence(reason) + ".")
            .collect::<Vec<_>>()
            .join(" "),
    };
    format!(
        "{} parted from the model: {}. {why}",
        sentence(name(entry.transport())),
        off.join("; ")
    )
}

impl Judged {
    /// How far the two are from one another: by their ratio, shares by what lies between them, as next to nothing has no ratio.
    pub(crate) fn off(&self) -> f64 {
        match self.figure {
            Figure::EmptyShare => (self.measured - self.predicted).abs(),
            _ => (self.measured / self.predicted).ln().abs(),
        }
    }

    /// `its mean delay was 34.1 ms where 28 ms were predicted`.
    pub(crate) fn clause(&self) -> String {
        let (measured, predicted) = (self.figure.write(self.measured), self.figure.write(self.predicted));
        match self.figure {
            Figure::Requests => format!("it sent {measured} requests, not {predicted}"),
            Figure::EmptyShare => format!("{measured} of its answers were empty, not {predicted}"),
            Figure::Mean => format!("messages took {measured} on average, not {predicted}"),
            Figure::Most => format!("99\u{a0}% of them came within {measured}, not {predicted}"),
            other => format!("{}: {measured}, not {predicted}", other.title()),
        }
    }
}

/// Where this very schedule is not an average one.
fn by_chance(entry: &Entry, predicted: &Predicted) -> Option<String> {
    let figure = [Figure::Requests, Figure::EmptyShare]
        .into_iter()
        .find(|figure| figure.is_of(entry.transport()) && is_apart(*figure, predicted))?;
    let average = figure.predicted(predicted.feed.as_ref()?, &predicted.inputs)?;
    let very = figure.predicted(predicted.schedule.as_ref()?, &predicted.inputs)?;
    let chance = predicted.chance.of_any_schedule(figure).filter(|_| average > 0.0)?;
    let what = match figure {
        Figure::Requests => "requests",
        _ => "share of empty answers",
    };
    Some(format!(
        "Chance is in the {what} of {}: feeds of this rate have {} on average, this very schedule of {} leads to {}. Another seed \
         may differ by {} either way.",
        name(entry.transport()),
        figure.write(average),
        counted(predicted.inputs.messages().round() as u64, "message", "messages"),
        figure.write(very),
        match figure {
            Figure::EmptyShare => points(chance),
            _ => tenths(chance / average),
        }
    ))
}

fn is_apart(figure: Figure, predicted: &Predicted) -> bool {
    let value = |prediction: Option<&crate::model::Prediction>| figure.predicted(prediction?, &predicted.inputs);
    match (value(predicted.feed.as_ref()), value(predicted.schedule.as_ref())) {
        (Some(average), Some(very)) => (very - average).abs() > APART * average.max(0.05),
        _ => false,
    }
}

/// From which interval on short polling would cost the server less than pushing, by what this run's requests and deliveries cost.
fn break_even(all: &[&Predicted]) -> Option<String> {
    let of = |transport: Transport| {
        let one = all.iter().find(|one| one.inputs.transport == transport)?;
        (one.inputs.service_is_known && one.inputs.service_s > 0.0).then_some(&one.inputs)
    };
    let poll = of(Transport::Poll)?;
    let push = of(Transport::Websocket).or_else(|| of(Transport::Events))?;
    let server = Server {
        workers: push.workers,
        poll_s: poll.service_s,
        write_s: push.service_s,
        idle: 0.0,
    };
    let interval_s = server.break_even_interval_s(push.arrivals.rate_per_s());
    Some(format!(
        "A poll cost the server {} of CPU and a delivery by {} {}: by that, short polling would cost it less only if each listener \
         asked less often than once in {}, that is once in {} messages.",
        milliseconds(poll.service_s * 1e3),
        name(push.transport),
        milliseconds(push.service_s * 1e3),
        with_unit(figure(interval_s), "s"),
        count((poll.service_s / push.service_s).round() as u64)
    ))
}
