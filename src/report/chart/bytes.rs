//! Bytes for each delivered message, by direction and by what they are for.

use super::bars::{Bar, Bars, Part};
use super::palette::{Texture, colour};
use super::{Sheet, heads};
use crate::report::beside::Beside;
use crate::report::cell::BYTES;
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::number::bytes;
use crate::report::prediction::Figure;
use crate::results::Parts;

/// What the chart shows.
pub(super) fn sheet(beside: &Beside, print: String) -> Sheet {
    let mut rows = Vec::new();
    for ((entry, predicted), (head, below)) in beside.with_predictions().zip(heads(beside)) {
        let figure = |figure: Figure| predicted.filter(|_| figure.is_of(entry.transport()))?.figure(figure);
        let out = bar(entry, entry.run.bytes_out, head, "to the server", &below);
        rows.push(Bar {
            predicted: figure(Figure::BytesOut),
            interval: entry.over_rounds(Entry::bytes_out),
            ..out
        });
        let back = bar(entry, entry.run.bytes_in, String::new(), "to the listener", &below);
        rows.push(Bar {
            predicted: figure(Figure::BytesIn),
            interval: entry.over_rounds(Entry::bytes_in),
            ..back
        });
    }
    let bars = Bars {
        title: title::bytes(beside),
        print,
        axis: "bytes for each message that one listener heard".into(),
        rows,
    };
    Sheet {
        name: "bytes",
        topic: "Bytes",
        reading: "Bodies are what a listener came for; heads are request and status lines with their headers, frames what wraps a message in a stream. Bytes below HTTP (TCP, IP) are not in it, and neither is what was sent before the window. The stroke across a bar is where the model has its end: the sizes are those of this run, how often they are needed is predicted.",
        title: bars.title.clone(),
        table: beside_chart(beside, "bytes", "Bytes for each delivered message", BYTES),
        what: "Stacked bars of the bytes that crossed the sockets for each delivered message, by direction and by part"
            .into(),
        drawn: super::bars::draw(&bars),
    }
}

fn bar(entry: &Entry, bytes_: Parts, head: String, direction: &str, below: &[String]) -> Bar {
    let deliveries = entry.run.counts.deliveries;
    let kinds = [
        (bytes_.bodies, Texture::Full, "bodies"),
        (bytes_.heads, Texture::Pale, "heads"),
        (bytes_.frames, Texture::Hatched, "frames"),
    ];
    let part = |(number, texture, what): (u64, Texture, &str)| {
        let value = number as f64 / deliveries as f64;
        let text = format!("{} {what}", bytes(value));
        Part { value, texture, text }
    };
    let parts: Vec<Part> = if deliveries == 0 {
        Vec::new()
    } else {
        kinds.map(part).into()
    };
    let note = match (deliveries, bytes_.total()) {
        (0, total) if total > 0 => format!("no message was delivered; {} crossed all the same", bytes(total as f64)),
        _ => "nothing crossed".to_owned(),
    };
    Bar {
        head,
        below: [direction.to_owned()]
            .into_iter()
            .chain(below.iter().cloned())
            .collect(),
        colour: colour(entry.transport()),
        total: if deliveries == 0 {
            String::new()
        } else {
            bytes(parts.iter().map(|part| part.value).sum())
        },
        parts,
        note,
        predicted: None,
        interval: None,
    }
}
