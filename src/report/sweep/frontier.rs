//! What it costs to be fresh: cost across, delay up, and a curve for each transport swept along its knob.

use super::field::{Field, Line, Spot};
use super::model::Modelled;
use super::quantity::print;
use super::{freshest, tables};
use crate::report::ReportError;
use crate::report::chart::Chart;
use crate::report::chart::curves::{Along, Curve, Curves, Panel, Spot as Drawn, Ticks, curves, number};
use crate::report::entry::Entry;
use crate::report::number::{bytes, figure, milliseconds};
use crate::report::prediction::Figure;

const READING: &str = "Further left is cheaper, further down is fresher: whoever stands left of and below another is better at both. A transport’s points are joined in the \
                       order of the knob, whose values stand beside them.";
/// Of a knob whose values have no order.
const OF_WORDS: &str = "Further left is cheaper, further down is fresher: whoever stands left of and below another is better at both. The knob’s values stand beside the \
                        points, where there is room.";
/// Where the model has to be told what work costs.
const OF_CPU: &str = "Further left is cheaper, further down is fresher: whoever stands left of and below another is better at both. A transport’s points are joined in the \
                      order of the knob, whose values stand beside them. Where the knob has an order, the line is the model’s, at the price that work had at the first point \
                      (along the listeners, at both ends).";

/// What one listener costs in a minute.
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    topic: &'static str,
    /// What is written behind a figure, in a sentence: `… requests a minute`.
    pub(crate) word: &'static str,
    pub(crate) axis: &'static str,
    pub(crate) write: fn(f64) -> String,
    tick: fn(f64) -> String,
    pub(crate) measured: fn(&Entry) -> Option<f64>,
    predicted: fn(&Modelled) -> Option<f64>,
}

/// In requests, in bytes, in processor time.
pub(crate) static COSTS: [Cost; 3] = [
    Cost {
        name: "frontier-requests",
        topic: "Freshness for requests",
        word: " requests",
        axis: "requests of one listener a minute",
        write: figure,
        tick: number,
        measured: |entry| entry.requests_per_s().map(|per_s| per_s * 60.0),
        predicted: |one| Some(one.prediction.requests_per_s * 60.0),
    },
    Cost {
        name: "frontier-bytes",
        topic: "Freshness for bytes",
        word: "",
        axis: "bytes of one listener a minute, both directions",
        write: bytes,
        tick: bytes,
        measured: |entry| {
            per_listener_and_minute(entry, (entry.run.bytes_out.total() + entry.run.bytes_in.total()) as f64)
        },
        predicted: |Modelled { prediction, inputs, .. }| {
            let out = inputs.sizes.request * prediction.requests_per_s;
            let delivered = prediction.full_per_s() * prediction.messages_per_full_answer;
            let heard = if prediction.requests_per_s > 0.0 {
                delivered
            } else {
                inputs.arrivals.rate_per_s()
            };
            Some((Figure::BytesIn.predicted(prediction, inputs)? * heard + out) * 60.0)
        },
    },
    Cost {
        name: "frontier-cpu",
        topic: "Freshness for processor time",
        word: " of the server’s processor time",
        axis: "milliseconds of the server’s processor time for one listener a minute",
        write: milliseconds,
        tick: number,
        measured: |entry| per_listener_and_minute(entry, entry.run.server.cpu_s? * 1e3),
        predicted: |one| Some(one.cpu?.per_listener_and_minute(&one.prediction, &one.inputs)),
    },
];

fn per_listener_and_minute(entry: &Entry, whole: f64) -> Option<f64> {
    let minutes = f64::from(entry.run.listeners) * entry.run.window_s / 60.0;
    (minutes > 0.0).then(|| whole / minutes)
}

/// Cost against delay, for each cost that was measured.
pub(super) fn charts(field: &Field) -> Result<Vec<Chart>, ReportError> {
    let told = COSTS.iter().filter(|cost| {
        field
            .lines()
            .any(|(_, line)| line.spots.iter().any(|spot| place(spot, cost).is_some()))
    });
    told.map(|cost| chart(field, cost)).collect()
}

fn chart(field: &Field, cost: &'static Cost) -> Result<Chart, ReportError> {
    let panels = field.panels.iter().map(|panel| Panel {
        title: panel.label.clone(),
        curves: panel.lines.iter().filter_map(|line| curve(field, line, cost)).collect(),
        marks: Vec::new(),
        levels: Vec::new(),
    });
    curves(Curves {
        name: cost.name,
        topic: cost.topic,
        reading: match cost.name {
            _ if !field.is_ordered() => OF_WORDS,
            "frontier-cpu" => OF_CPU,
            _ => READING,
        },
        title: freshest::title(field, cost),
        what: format!(
            "Mean delay over {}, a curve for each transport along {}",
            cost.axis, field.key.name
        ),
        print: print(field),
        table: tables::frontier(field, cost),
        across: Along {
            title: cost.axis.to_owned(),
            ticks: Ticks::Round(cost.tick),
        },
        up: Along {
            title: "milliseconds of delay, on the mean".to_owned(),
            ticks: Ticks::Round(number),
        },
        panels: panels.collect(),
    })
}

/// What it costs and how late it is.
pub(crate) fn place(spot: &Spot, cost: &Cost) -> Option<(f64, f64)> {
    Some(((cost.measured)(&spot.entry)?, spot.entry.run.delay.mean_ms()?))
}

fn curve(field: &Field, line: &Line, cost: &Cost) -> Option<Curve> {
    let spots = line.spots.iter().filter_map(|spot| {
        Some(Drawn {
            at: place(spot, cost)?,
            schedule: None,
            is_unclear: spot.is_unclear(),
            label: spot.value.to_owned(),
        })
    });
    let spots: Vec<Drawn> = spots.collect();
    let model = line.model.iter().filter_map(|one| {
        let x = (cost.predicted)(one)?;
        let y = Figure::Mean.predicted(&one.prediction, &one.inputs)? + one.before_ms;
        Some((x, y)).filter(|_| x.is_finite() && y.is_finite())
    });
    (!spots.is_empty()).then(|| Curve {
        transport: line.transport,
        spots,
        model: model.collect(),
        is_joined: field.is_ordered(),
    })
}
