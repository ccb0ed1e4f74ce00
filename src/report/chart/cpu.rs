//! What the server's process spent on 1,000 deliveries.

use super::bars::{Bar, Bars, Part};
use super::palette::{Texture, colour};
use super::{Sheet, heads};
use crate::report::beside::Beside;
use crate::report::cell::{NOT_AVAILABLE, SERVER};
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::number::{count, figure, milliseconds, with_unit};

/// What the chart shows.
pub(super) fn sheet(beside: &Beside, print: String) -> Sheet {
    let rows = beside
        .entries
        .iter()
        .zip(heads(beside))
        .map(|(entry, (head, below))| bar(entry, head, below));
    let bars = Bars {
        title: title::cpu(beside),
        print,
        axis: "milliseconds of the server’s CPU time, user and system, for 1,000 deliveries".into(),
        rows: rows.collect(),
    };
    Sheet {
        name: "cpu",
        topic: "Server CPU",
        reading: "Processor time of the server’s process in the window, for everything that it did there, divided by what was delivered. The model does not know what work costs a processor, so nothing is predicted here.",
        title: bars.title.clone(),
        table: beside_chart(beside, "cpu", "CPU time of the server’s process", SERVER),
        what: "Bars of the CPU time that the server’s process used for 1,000 deliveries".into(),
        drawn: super::bars::draw(&bars),
    }
}

fn bar(entry: &Entry, head: String, below: Vec<String>) -> Bar {
    let cost = entry.median(|round| round.run.cpu_ms_per_1000_deliveries());
    let all = entry.run.server.cpu_s;
    let deliveries = entry.run.counts.deliveries;
    let part = cost.zip(all).map(|(cost, all)| Part {
        value: cost,
        texture: Texture::Full,
        text: format!("{} for {} deliveries", with_unit(figure(all), "s"), count(deliveries)),
    });
    Bar {
        head,
        below,
        colour: colour(entry.transport()),
        parts: part.into_iter().collect(),
        total: cost.map(milliseconds).unwrap_or_default(),
        predicted: None,
        interval: entry.over_rounds(|round| round.run.cpu_ms_per_1000_deliveries()),
        note: match all {
            None => NOT_AVAILABLE.into(),
            Some(all) => format!("{} and no delivery", with_unit(figure(all), "s")),
        },
    }
}
