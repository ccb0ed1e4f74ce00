//! Requests by what they were answered with.

use super::bars::{Bar, Bars, Part};
use super::palette::{Texture, colour};
use super::{Sheet, heads};
use crate::report::beside::Beside;
use crate::report::cell::ANSWERS;
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::number::{count, counted};
use crate::report::prediction::Figure;
use crate::report::rounds::Interval;

/// What the chart shows.
pub(super) fn sheet(beside: &Beside, print: String) -> Sheet {
    let heads = heads(beside);
    let rows = beside
        .with_predictions()
        .zip(heads)
        .map(|((entry, predicted), (head, below))| Bar {
            interval: interval(entry),
            predicted: predicted.and_then(|predicted| predicted.figure(Figure::Requests)),
            head,
            below,
            colour: colour(entry.transport()),
            parts: parts(entry),
            total: count(entry.run.counts.requests),
            note: note(entry),
        });
    let bars = Bars {
        title: title::requests(beside),
        print,
        axis: "requests of all listeners in the counted window".into(),
        rows: rows.collect(),
    };
    Sheet {
        name: "requests",
        topic: "Requests",
        reading: "The bar is as long as the requests are many; full colour is what brought messages, pale is what was asked in vain. A stream asks once, before the window begins, and then only listens. The stroke across a bar is where the model has its end, for this very schedule of messages.",
        title: bars.title.clone(),
        table: beside_chart(beside, "requests", "Requests by what they were answered with", ANSWERS),
        what: "Stacked bars of the requests that all listeners sent in the window, by what they were answered with"
            .into(),
        drawn: super::bars::draw(&bars),
    }
}

/// The bar is that of all rounds together, and so is the interval: as if every round had had its ends.
fn interval(entry: &Entry) -> Option<Interval> {
    let rounds = entry.each.len() as f64;
    entry.over_rounds(|round| Some(round.run.counts.requests as f64 * rounds))
}

fn parts(entry: &Entry) -> Vec<Part> {
    let answers = &entry.run.counts.answers;
    let answered = answers.with_messages + answers.empty + answers.opened + answers.refused;
    // A request whose answer came after the window, or never.
    let open = entry.run.counts.requests.saturating_sub(answered);
    let kinds = [
        (answers.with_messages, Texture::Full, "with messages"),
        (answers.empty, Texture::Pale, "empty"),
        (answers.opened, Texture::Hatched, "streams opened"),
        (answers.refused, Texture::Crossed, "refused"),
        (open, Texture::Hatched, "not answered in the window"),
    ];
    let part = |(number, texture, what)| Part {
        value: number as f64,
        texture,
        text: format!("{} {what}", count(number)),
    };
    kinds.map(part).into()
}

fn note(entry: &Entry) -> String {
    match entry.run.counts.connections.opened_before {
        0 => "no request in the window".into(),
        open if entry.asks() => format!(
            "no request in the window; {}",
            counted(open, "connection open", "connections open")
        ),
        open => format!(
            "nothing to ask for: {} open before the window",
            counted(open, "stream was", "streams were")
        ),
    }
}
