//! The scaled figures, and the measured ones that they follow from.

use super::{Aim, Basis, Rate, mega};
use crate::report::number::{bytes, count, figure, with_unit};
use crate::report::table::{Group, Row, Table};
use crate::results::Results;

/// Where the run does not tell enough.
pub(crate) const UNKNOWN: &str = "not known";

type Cell = fn(&Basis) -> Option<String>;

const SCALED: &[(&str, Cell)] = &[
    ("requests a second", |b| b.scaled.requests_per_s.map(figure)),
    ("Mbit/s on the listeners’ sockets", |b| {
        b.scaled.bits_per_s.map(mega).map(figure)
    }),
    ("Mbit/s of it heads", |b| b.scaled.head_bits_per_s.map(mega).map(figure)),
    ("Mbit/s with TCP/IP headers, at least", |b| {
        b.scaled.wire_bits_per_s.map(mega).map(figure)
    }),
    ("processors busy, on average", |b| b.scaled.cores.map(figure)),
    ("processor time that a message sets off", |b| {
        b.scaled.burst_cpu_s.map(|cpu_s| with_unit(figure(cpu_s), "s"))
    }),
    ("server memory", |b| b.scaled.memory_bytes.map(bytes)),
    ("connections", |b| Some(count(b.scaled.connections as u64))),
];

const MEASURED: &[(&str, Cell)] = &[
    ("requests a second, per listener", |b| match b.rate {
        Rate::Measured(per_s) => Some(figure(per_s)),
        rate @ Rate::Predicted(_) => rate.per_s().map(|per_s| format!("{} by the model", figure(per_s))),
        Rate::Unknown => None,
    }),
    ("heads of a request and its answer", |b| match b.rate.per_s() {
        Some(0.0) => Some("none".to_owned()),
        _ => b.costs.request_bytes.map(bytes),
    }),
    ("bodies and frames of a delivery", |b| b.costs.delivery_bytes.map(bytes)),
    ("server CPU", |b| {
        let per_request = b.costs.request_cpu_s.filter(|cpu_s| *cpu_s > 0.0);
        let per_delivery = b.costs.delivery_cpu_s.filter(|cpu_s| *cpu_s > 0.0);
        per_request
            .map(|cpu_s| format!("{} a request", microseconds(cpu_s)))
            .or(per_delivery.map(|cpu_s| format!("{} a delivery", microseconds(cpu_s))))
    }),
    ("server memory grown, per listener", |b| {
        b.costs.listener_memory_bytes.map(bytes)
    }),
    ("server memory, without a listener", |b| {
        b.costs.base_memory_bytes.map(bytes)
    }),
];

/// What the run comes to.
pub(super) fn scaled(bases: &[Basis], aim: &Aim) -> Table {
    table(
        "scaled",
        format!("What {} listeners would take, on paper", count(aim.listeners)),
        SCALED,
        bases,
    )
}

/// What one of each cost in the run.
pub(super) fn measured(results: &Results, bases: &[Basis]) -> Table {
    let listeners = bases.iter().map(|basis| basis.listeners).max().unwrap_or(0);
    table(
        "measured",
        format!(
            "What one of each costs, by run {} with {} listeners",
            results.run,
            count(listeners.into())
        ),
        MEASURED,
        bases,
    )
}

/// Processor time: `56.5 µs`.
pub(super) fn microseconds(time_s: f64) -> String {
    with_unit(figure(time_s * 1e6), "µs")
}

fn table(name: &'static str, caption: String, cells: &[(&str, Cell)], bases: &[Basis]) -> Table {
    let text = |cell: &Cell, basis: &Basis| cell(basis).unwrap_or_else(|| UNKNOWN.to_owned());
    let rows = cells
        .iter()
        .map(|(head, cell)| Row::new(*head, bases.iter().map(|basis| text(cell, basis)).collect()));
    Table {
        name,
        caption,
        corner: String::new(),
        columns: bases.iter().map(|basis| basis.transport.title().to_owned()).collect(),
        groups: vec![Group {
            title: String::new(),
            rows: rows.collect(),
        }],
        numeric: true,
    }
}
