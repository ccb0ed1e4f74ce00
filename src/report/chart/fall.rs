//! What a fall costs, step by step: the wait, each rung in vain, and the one that opens.

use super::bars::{Bar, Bars, Part};
use super::palette::{Texture, colour};
use super::{Chart, Sheet};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::beside::Beside;
use crate::report::climb::{Typical, half_and_most, tried, word};
use crate::report::finding::ladder;
use crate::report::number::{count, milliseconds};
use crate::report::table::{Group, Row, Table};
use crate::results::Ladder;

/// The walks whose falls are drawn.
pub(crate) struct Fallen<'a> {
    pub(crate) transport: Transport,
    pub(crate) label: String,
    pub(crate) ladder: &'a Ladder,
}

/// What the chart shows; `None` of runs in which nobody fell.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    let fallen = beside.entries.iter().filter_map(|entry| {
        Some(Fallen {
            transport: entry.transport(),
            label: beside.label(entry).unwrap_or_default().to_owned(),
            ladder: entry.run.ladder.as_ref()?,
        })
    });
    framed(&fallen.collect::<Vec<_>>(), ladder::fall_title(beside), print)
}

/// The same of the points of a sweep.
pub(crate) fn falls(fallen: &[Fallen], title: String, print: String) -> Option<Result<Chart, ReportError>> {
    framed(fallen, title, print).map(Sheet::framed)
}

fn framed(fallen: &[Fallen], title: String, print: String) -> Option<Sheet> {
    let mut before = None;
    let rows = fallen.iter().filter_map(|one| {
        let typical = Typical::of(one.ladder)?;
        let again = before.replace(one.transport) == Some(one.transport);
        Some(bar(one, &typical, again))
    });
    let bars = Bars {
        title: title.clone(),
        print,
        axis: "milliseconds without anything to listen by, in the fall that most listeners had (medians)".into(),
        rows: rows.collect(),
    };
    (!bars.rows.is_empty()).then(|| Sheet {
        name: "fall",
        topic: "What a fall costs",
        reading: "Pale is the wait before anything is tried, crossed is a rung in vain, full is the one that opened. A refusal costs a connection and an answer; \
                  silence costs all the patience that a listener has, and tells it nothing.",
        drawn: super::bars::draw(&bars),
        title,
        what: "Bars of the time that a listener had nothing to listen by, made of the steps that it took".into(),
        table: table(fallen),
    })
}

fn bar(one: &Fallen, typical: &Typical, again: bool) -> Bar {
    let wait = Part {
        value: typical.waited_ms,
        texture: Texture::Pale,
        text: format!("{} waiting", no_finer(typical.waited_ms)),
    };
    let rungs = typical.rungs.iter().map(|(rung, failed, took_ms)| Part {
        value: *took_ms,
        texture: if failed.is_some() {
            Texture::Crossed
        } else {
            Texture::Full
        },
        text: match failed {
            Some(why) => format!("{} {} ({})", milliseconds(*took_ms), rung.title(), word(*why)),
            None => format!("{} {}", milliseconds(*took_ms), rung.title()),
        },
    });
    Bar {
        head: if again {
            String::new()
        } else {
            one.transport.title().to_owned()
        },
        below: [one.label.clone()]
            .into_iter()
            .filter(|label| !label.is_empty())
            .collect(),
        colour: colour(one.transport),
        parts: [wait].into_iter().chain(rungs).collect(),
        total: milliseconds(typical.lasted_ms),
        note: String::new(),
        predicted: None,
        interval: None,
    }
}

/// A listener that does not wait tries at once: what its own steps take is no wait, and no figure either.
fn no_finer(ms: f64) -> String {
    const FINEST_MS: f64 = 0.1;
    if ms < FINEST_MS {
        format!("<\u{a0}{}", milliseconds(FINEST_MS))
    } else {
        milliseconds(ms)
    }
}

/// Every rung with every outcome.
fn table(fallen: &[Fallen]) -> Table {
    let groups = fallen.iter().map(|one| {
        let rows = tried(one.ladder).into_iter().map(|tried| {
            let outcome = tried.failed.map_or("opened".to_owned(), |why| why.to_string());
            Row::new(
                format!("{}: {outcome}", tried.transport.title()),
                vec![
                    count(tried.down.count()),
                    half_and_most(&tried.down),
                    count(tried.up.count()),
                    half_and_most(&tried.up),
                ],
            )
        });
        Group {
            title: match one.label.as_str() {
                "" => format!("From {} down", one.transport.title()),
                label => format!("From {} down, {label}", one.transport.title()),
            },
            rows: rows.collect(),
        }
    });
    Table {
        name: "fall",
        caption:
            "Every rung that was tried, with what came of it; times are those of half of the tries, and of the longest"
                .to_owned(),
        corner: String::new(),
        columns: ["with nothing to listen by", "took", "looking upwards", "took"]
            .map(str::to_owned)
            .into(),
        groups: groups.collect(),
        numeric: true,
    }
}
