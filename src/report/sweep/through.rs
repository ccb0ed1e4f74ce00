//! A sweep over what stands in between: who came through what.

use super::field::{Field, Panel};
use super::quantity::print;
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::chart::{Chart, through};
use crate::report::entry::Entry;
use crate::report::number::NONE;
use crate::report::table::{Group, Row, Table};
use crate::report::through::{Fate, Kind, fate, told_with};
use crate::report::word::{list, name, sentence};

/// Half of the deliveries may be so many times as late as where they come soonest, and by so many milliseconds, before that is a hindrance.
const LATE: f64 = 2.0;
const LATE_MS: f64 = 50.0;

/// Whether the knob of this sweep is what stands in between.
pub(super) fn is_about(field: &Field) -> bool {
    field.key.name.starts_with("between.")
}

/// A sentence for each value.
pub(super) fn findings(field: &Field) -> Vec<String> {
    let of_panel = |panel: &Panel| {
        let sentences = field.along().into_iter().filter_map(|(_, value)| {
            let entries: Vec<&Entry> = entries(panel, &value).collect();
            (!entries.is_empty()).then(|| told_with(&value, &entries))
        });
        sentences.collect::<Vec<_>>()
    };
    field.panels.iter().flat_map(of_panel).collect()
}

/// The entries at a value where neither the generator nor the machine was the limit.
fn entries<'a>(panel: &'a Panel, value: &str) -> impl Iterator<Item = &'a Entry> {
    let spots = panel.lines.iter().flat_map(|line| line.clear());
    let value = value.to_owned();
    spots.filter(move |spot| spot.value == value).map(|spot| &spot.entry)
}

/// The fields; of the first panel, where there are several.
pub(super) fn chart(field: &Field) -> Option<Result<Chart, ReportError>> {
    let panel = field.panels.first().filter(|_| is_about(field))?;
    let transports = field.transports();
    let along = field.along();
    let row = |value: &str| {
        let fates = transports.iter().map(|transport| of(panel, *transport, value));
        (value.to_owned(), fates.collect::<Vec<_>>())
    };
    let rows: Vec<_> = along.iter().map(|(_, value)| row(value)).collect();
    Some(through(crate::report::chart::Fields {
        title: title(&transports, &rows),
        print: print(field),
        table: table(field, &transports, &rows),
        transports,
        rows,
    }))
}

/// What became of a transport at a value. Who is much later than elsewhere was hindered, even if nobody refused anything.
fn of(panel: &Panel, transport: Transport, value: &str) -> Option<Fate> {
    let line = panel.of(transport)?;
    let half = |entry: &Entry| entry.run.delay.quantile_ms(0.5);
    let soonest_ms = line.spots.iter().filter_map(|spot| half(&spot.entry)).reduce(f64::min);
    let entry = &line.spots.iter().find(|spot| spot.value == value)?.entry;
    let mut fate = fate(entry);
    let is_late = |(ms, soonest_ms): (f64, f64)| ms > LATE * soonest_ms && ms > soonest_ms + LATE_MS;
    if fate.kind == Kind::Whole && half(entry).zip(soonest_ms).is_some_and(is_late) {
        fate.kind = Kind::Hindered;
    }
    Some(fate)
}

/// Who did not come through what at all.
fn title(transports: &[Transport], rows: &[(String, Vec<Option<Fate>>)]) -> String {
    let mut stopped: Vec<(String, Vec<&str>)> = Vec::new();
    for (value, fates) in rows {
        let nothing = |fate: &Option<Fate>| fate.as_ref().is_some_and(|fate| fate.kind == Kind::Nothing);
        let names = transports.iter().zip(fates).filter(|(_, fate)| nothing(fate));
        let names: Vec<&str> = names.map(|(transport, _)| name(*transport)).collect();
        let names = list(&names);
        match stopped.iter_mut().find(|(others, _)| *others == names) {
            _ if names.is_empty() => {}
            Some((_, values)) => values.push(value),
            None => stopped.push((names, vec![value])),
        }
    }
    let clauses = stopped
        .iter()
        .map(|(names, values)| format!("{names} did not come through {}", list(values)));
    match clauses.collect::<Vec<_>>().as_slice() {
        [] => "All transports came through everything that was in between".to_owned(),
        clauses => sentence(&clauses.join("; ")),
    }
}

fn table(field: &Field, transports: &[Transport], rows: &[(String, Vec<Option<Fate>>)]) -> Table {
    let cell = |fate: &Option<Fate>| match fate {
        None => NONE.to_owned(),
        Some(fate) => {
            let parts = std::iter::once(&fate.heard).chain(&fate.delay).chain(&fate.trouble);
            parts.map(String::as_str).collect::<Vec<_>>().join("; ")
        }
    };
    let rows = rows
        .iter()
        .map(|(value, fates)| Row::new(value.clone(), fates.iter().map(cell).collect()));
    Table {
        name: "through",
        caption: "What each transport heard, how late half of it was, and what was in its way".to_owned(),
        corner: field.key.name.to_owned(),
        columns: transports
            .iter()
            .map(|transport| transport.title().to_owned())
            .collect(),
        groups: vec![Group {
            title: String::new(),
            rows: rows.collect(),
        }],
        numeric: false,
    }
}
