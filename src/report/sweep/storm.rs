//! The storms of a sweep over a restart, side by side: with the one value of the knob and with the other.

use super::field::Field;
use super::quantity::print;
use crate::report::ReportError;
use crate::report::cell::RESTART;
use crate::report::chart::{Chart, StormPanel, Storms, storms};
use crate::report::figures::untitled;
use crate::report::finding::restart::{MOMENT_S, along};
use crate::report::table::{Group, Row, Table};

/// The chart; `None` of a sweep whose servers were not restarted.
pub(super) fn chart(field: &Field) -> Option<Result<Chart, ReportError>> {
    let spots = || {
        field
            .lines()
            .flat_map(|(panel, line)| line.spots.iter().map(move |spot| (panel.label.as_str(), spot)))
    };
    let panels = spots().filter_map(|(with, spot)| {
        Some(StormPanel {
            transport: spot.entry.transport(),
            label: spot.label(field, with),
            restart: spot.entry.run.restart.as_ref()?,
            listeners: spot.entry.run.listeners,
        })
    });
    let mut panels: Vec<StormPanel> = panels.collect();
    if panels.is_empty() {
        return None;
    }
    let transports = field.transports();
    panels.sort_by_key(|panel| transports.iter().position(|transport| *transport == panel.transport));
    Some(storms(Storms {
        title: title(field),
        print: print(field),
        table: table(field),
        panels,
    }))
}

/// The highest storm at each end of the knob.
fn title(field: &Field) -> String {
    let highest = |value: &str| {
        let here = field.lines().flat_map(|(_, line)| line.clear());
        let here = here.filter(|spot| spot.value == value);
        here.filter_map(|spot| Some(spot.entry.run.restart.as_ref()?.peak(MOMENT_S)))
            .max()
    };
    let ends: Option<Vec<(String, u64)>> = field
        .along()
        .into_iter()
        .map(|(_, value)| highest(&value).map(|peak| (value, peak)))
        .collect();
    along(field.key.name, &ends.unwrap_or_default())
}

fn table(field: &Field) -> Table {
    let groups = field.lines().map(|(panel, line)| {
        let rows = line
            .spots
            .iter()
            .map(|spot| Row::new(spot.value, RESTART.iter().map(|(_, cell)| cell(&spot.entry)).collect()));
        let with = match panel.label.as_str() {
            "" => String::new(),
            label => format!(", {label}"),
        };
        Group {
            title: format!("{}{with}", line.transport.title()),
            ..untitled(rows.collect())
        }
    });
    Table {
        name: "storm",
        caption: "How everybody came back".to_owned(),
        corner: field.key.name.to_owned(),
        columns: RESTART.iter().map(|(head, _)| (*head).to_owned()).collect(),
        groups: groups.collect(),
        numeric: true,
    }
}
