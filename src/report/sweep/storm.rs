//! The storms of a sweep over a restart, side by side: with the one value of the knob and with the other.

use super::field::Field;
use super::quantity::print;
use crate::report::ReportError;
use crate::report::chart::{Chart, StormPanel, Storms, storms};
use crate::report::finding::restart::{MOMENT_S, along};

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
            scenario: &spot.results.scenario,
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
        corner: String::new(),
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
