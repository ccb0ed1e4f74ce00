//! The ladders of a sweep, side by side: with the one value of the knob and with the other.

use super::field::{Field, Spot};
use super::quantity::print;
use crate::report::ReportError;
use crate::report::cell::LADDER;
use crate::report::chart::{Chart, Fallen, LadderPanel, Ladders, falls, ladders};
use crate::report::climb::Typical;
use crate::report::finding::ladder::falls_along;
use crate::report::table::{Group, Row, Table};
use crate::results::Ladder;

/// Both charts; none of a sweep in which nobody falls back.
pub(super) fn charts(field: &Field) -> Result<Vec<Chart>, ReportError> {
    let walked: Vec<(String, &Spot, &Ladder)> = field
        .lines()
        .flat_map(|(panel, line)| line.spots.iter().map(move |spot| (panel.label.as_str(), spot)))
        .filter_map(|(with, spot)| Some((spot.label(field, with), spot, spot.entry.run.ladder.as_ref()?)))
        .collect();
    if walked.is_empty() {
        return Ok(Vec::new());
    }
    let fallen: Vec<Fallen> = walked
        .iter()
        .map(|(label, spot, ladder)| Fallen {
            transport: spot.entry.transport(),
            label: label.clone(),
            ladder,
        })
        .collect();
    let costs: Vec<(String, f64)> = walked
        .iter()
        .filter(|(_, spot, _)| !spot.is_unclear())
        .filter_map(|(_, spot, ladder)| Some((spot.value.to_owned(), Typical::of(ladder)?.lasted_ms)))
        .collect();
    let fall = falls(&fallen, falls_along(field.key.name, &costs), print(field)).transpose()?;
    let panels = walked.iter().map(|(label, spot, ladder)| LadderPanel {
        transport: spot.entry.transport(),
        label: label.clone(),
        ladder,
        scenario: &spot.results.scenario,
    });
    let ladder = ladders(Ladders {
        title: format!("By what the listeners listened, along {}", field.key.name),
        print: print(field),
        table: table(field),
        panels: panels.collect(),
    })?;
    Ok(fall.into_iter().chain([ladder]).collect())
}

fn table(field: &Field) -> Table {
    let groups = field.lines().map(|(panel, line)| {
        let row = |spot: &Spot| Row::new(spot.value, LADDER.iter().map(|(_, cell)| cell(&spot.entry)).collect());
        let with = match panel.label.as_str() {
            "" => String::new(),
            label => format!(", {label}"),
        };
        Group {
            title: format!("{}{with}", line.transport.title()),
            rows: line.spots.iter().map(row).collect(),
        }
    });
    Table {
        name: "ladder",
        caption: "By what the listeners listened in the window".to_owned(),
        corner: field.key.name.to_owned(),
        columns: LADDER.iter().map(|(head, _)| (*head).to_owned()).collect(),
        groups: groups.collect(),
        numeric: true,
    }
}
