//! Whether model and measurement agree; and where they do not, which assumption of the model the run's own figures speak
//! against.

mod reason;

pub(crate) use reason::{Reason, reasons};

use super::judged::{Explained, Judged, judge};
use super::table::{points, tenths};
use super::{Figure, Predicted};
use crate::model::Server;
use crate::protocol::Transport;
use crate::report::beside::Beside;
use crate::report::entry::Entry;
use crate::report::number::{count, counted, figure, milliseconds, with_unit};
use crate::report::word::{list, name, sentence};

/// Predictions for the schedule and for the rate that differ by more than this show what chance does.
const APART: f64 = 0.05;

/// One transport with what the model says, and how the two stand to one another.
type One<'a> = (&'a Entry, &'a Predicted, Vec<Judged>);

/// What is to be said about the first run, in sentences: who agrees, what lies beyond chance, who does not agree and why, what chance
/// did, where CPU breaks even. An unclear run says nothing about a model.
pub(crate) fn verdicts(beside: &Beside) -> Vec<String> {
    if !beside.first().unclear.is_empty() {
        return Vec::new();
    }
    let judged: Vec<One> = beside
        .predicted(0)
        .filter(|(_, predicted)| predicted.inputs.messages() > 0.0)
        .map(|(entry, predicted)| (entry, predicted, judge(entry, predicted)))
        .filter(|(_, _, judged)| !judged.is_empty())
        .collect();
    let (agree, part): (Vec<&One>, Vec<&One>) = judged
        .iter()
        .partition(|(_, _, judged)| judged.iter().all(Judged::agrees));
    let mut sentences = Vec::new();
    sentences.extend(agreeing(&agree));
    sentences.extend(left_out(&judged));
    sentences.extend(parting(&part));
    sentences.extend(unseen_stop(&agree).filter(|_| part.is_empty()));
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

/// `Long polling and WebSocket did what the model says: …`.
fn agreeing(agree: &[&One]) -> Option<String> {
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

/// What is beyond chance and still no reason to doubt the model: how much of it there is, and the most of it.
fn left_out(judged: &[One]) -> Option<String> {
    let all = || {
        judged.iter().flat_map(|(entry, _, judged)| {
            let beyond = judged
                .iter()
                .filter(|one| one.explained() == Explained::ByWhatIsLeftOut);
            beyond.map(move |one| (entry, one))
        })
    };
    let (entry, most) = all().max_by(|(_, one), (_, other)| one.off().total_cmp(&other.off()))?;
    let why = match most.figure {
        _ if entry.run.between.is_some() => "what stood in between takes its time, too",
        delay if delay.is_delay() && most.measured > most.predicted => {
            "a process has to be woken, and TCP has its own work to do: both take time"
        }
        delay if delay.is_delay() => {
            "the model makes listeners wait for all of the server’s CPU time, and part of that may be spent when nobody waits"
        }
        Figure::BytesIn if !entry.asks() => {
            "what a stream says of itself between messages, to show that it is alive, has bytes too"
        }
        _ => "a request that leaves a little later than on paper finds other messages there",
    };
    Some(format!(
        "{} beyond chance, but within what the model leaves out (wake-ups, TCP, the scheduler: 3\u{a0}%, and 1\u{a0}ms of a delay). \
         The largest is that of {}: {}. {}.",
        counted(
            all().count() as u64,
            "difference in the table is",
            "differences in the table are"
        ),
        name(entry.transport()),
        most.clause(),
        sentence(why)
    ))
}

/// What is off, and what the run's figures say about it; a sentence for each transport. What was said of one is not said again.
fn parting(part: &[&One]) -> Vec<String> {
    let mut told: Vec<Reason> = Vec::new();
    let mut sentences = Vec::new();
    for (entry, predicted, judged) in part {
        let off: Vec<String> = judged.iter().filter(|one| !one.agrees()).map(Judged::clause).collect();
        let reasons = reasons(entry, predicted, judged);
        let mut why: Vec<String> = reasons
            .iter()
            .filter(|reason| !told.contains(reason))
            .map(|reason| sentence(&reason.told) + ".")
            .collect();
        if why.is_empty() {
            why.push(match reasons.is_empty() {
                true => "No figure of this run tells which assumption broke.".to_owned(),
                false => "The reason is the same.".to_owned(),
            });
        }
        sentences.push(format!(
            "{} parted from the model: {}. {}",
            sentence(name(entry.transport())),
            off.join("; "),
            why.join(" ")
        ));
        told.extend(reasons);
    }
    sentences
}

/// A server that was stopped, where what was measured agrees all the same: the model's delays begin when it goes on.
fn unseen_stop(agree: &[&One]) -> Option<String> {
    let (_, predicted, _) = agree.first()?;
    let stopped = reason::stopped(&predicted.inputs)?.told;
    Some(format!(
        "One assumption broke all the same: {stopped}. What was meant to be sent meanwhile waited to be accepted, and the model’s delays begin only \
         there: the stop is in the delay from the intended instant, and not in these figures."
    ))
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
