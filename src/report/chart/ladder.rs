//! By what the listeners listened, over time, where they fall back: a panel for each entry, filled from none of them to all.

use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use super::palette::{INK, QUIET, RULE, Texture, colour};
use super::{Chart, Sheet};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::beside::Beside;
use crate::report::cell::LADDER;
use crate::report::figures::beside_chart;
use crate::report::finding::ladder;
use crate::report::table::Table;
use crate::results::{Ladder, Scenario};

const LEFT: f64 = 186.0;
const RIGHT: f64 = WIDTH - MARGIN - 44.0;
const PANEL: f64 = 74.0;
const BETWEEN: f64 = 30.0;

/// The walks of one entry.
pub(crate) struct Panel<'a> {
    /// The transport that they begin with.
    pub(crate) transport: Transport,
    pub(crate) label: String,
    pub(crate) ladder: &'a Ladder,
    pub(crate) scenario: &'a Scenario,
}

/// What stands around the panels.
pub(crate) struct Ladders<'a> {
    pub(crate) title: String,
    pub(crate) print: String,
    pub(crate) table: Table,
    pub(crate) panels: Vec<Panel<'a>>,
}

/// What the chart shows; `None` of runs in which nobody falls back.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    let panels = beside.entries.iter().filter_map(|entry| {
        Some(Panel {
            transport: entry.transport(),
            label: beside.label(entry).unwrap_or_default().to_owned(),
            ladder: entry.run.ladder.as_ref()?,
            scenario: &beside.runs[entry.side].scenario,
        })
    });
    let panels: Vec<Panel> = panels.collect();
    (!panels.is_empty()).then(|| {
        framed(Ladders {
            title: ladder::title(beside),
            print,
            table: beside_chart(beside, "ladder", "By what the listeners listened in the window", LADDER),
            panels,
        })
    })
}

/// The same of the points of a sweep.
pub(crate) fn ladders(ladders: Ladders<'_>) -> Result<Chart, ReportError> {
    framed(ladders).framed()
}

fn framed(ladders: Ladders<'_>) -> Sheet {
    Sheet {
        name: "ladder",
        topic: "The ladder",
        reading: "How many listeners listened by which transport at each moment; grey had nothing to listen by. Where it says \
                  blocked something on the way takes transports away, until it is free again. What was said while a listener had nothing came later, by its cursor.",
        drawn: draw(&ladders),
        title: ladders.title,
        what: "Areas of how many listeners listened by which transport, over time".into(),
        table: ladders.table,
    }
}

fn draw(ladders: &Ladders<'_>) -> Result<String, DrawingError> {
    let frame = Frame::new(&ladders.title, ladders.print.clone());
    let top = frame.top() + 40.0;
    let height = PANEL + BETWEEN;
    let bottom = top + ladders.panels.len() as f64 * height - BETWEEN;
    let end = bottom + 44.0;
    let from_s = ladders.panels.iter().map(Panel::begins_s).fold(0.0, f64::min);
    let to_s = ladders
        .panels
        .iter()
        .map(|panel| panel.scenario.sending().as_secs_f64())
        .fold(0.0, f64::max);
    let times = Axis::between(from_s, to_s, (LEFT, RIGHT));
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        legend(canvas, &ladders.panels, frame.top() + 2.0)?;
        let mut before = None;
        for (at, panel) in ladders.panels.iter().enumerate() {
            let floor = top + at as f64 * height + PANEL;
            let again = before.replace(panel.transport) == Some(panel.transport);
            heading(canvas, panel, floor - PANEL, again)?;
            areas(canvas, panel, &times, (from_s, to_s), floor)?;
            strokes(canvas, panel.scenario, &times, floor)?;
        }
        let middle = Type {
            side: Side::Middle,
            ..SMALL
        };
        for tick in times.ticks() {
            canvas.text(&(signed(tick) + " s"), (times.at(tick), bottom + 12.0), middle)?;
        }
        canvas.text("seconds from the start of the run", (LEFT, bottom + 32.0), SMALL)
    })
}

impl Panel<'_> {
    /// When its first listener tried its first rung, or the run's start if that is earlier.
    fn begins_s(&self) -> f64 {
        let firsts = self
            .ladder
            .walks
            .iter()
            .filter_map(|walk| Some(walk.rungs.first()?.at_s));
        firsts.fold(0.0, f64::min)
    }
}

fn signed(tick: f64) -> String {
    if tick < 0.0 {
        format!("−{}", plain(-tick))
    } else {
        plain(tick)
    }
}

/// The rungs that anybody used, each with its colour, and what grey means.
fn legend(canvas: &Canvas, panels: &[Panel], y: f64) -> Drawn {
    const PATCH: f64 = 9.0;
    let mut x = LEFT;
    let used = Transport::ALL.into_iter().rev().filter(|rung| {
        let rungs = panels
            .iter()
            .flat_map(|panel| panel.ladder.walks.iter().flat_map(|walk| &walk.rungs));
        rungs
            .into_iter()
            .any(|one| one.transport == *rung && one.failed.is_none())
    });
    let entries = used.map(|rung| (colour(rung), Texture::Full, rung.title()));
    for (tint, texture, text) in entries.chain([(QUIET, Texture::Pale, "nothing")]) {
        canvas.bar((x, y - PATCH / 2.0), (x + PATCH, y + PATCH / 2.0), tint, texture)?;
        canvas.text(text, (x + PATCH + 5.0, y), SMALL)?;
        x += PATCH + 5.0 + width(text, SMALL.size) + 14.0;
    }
    Ok(())
}

fn heading(canvas: &Canvas, panel: &Panel, top: f64, again: bool) -> Drawn {
    let bold = Type { bold: true, ..BODY };
    let mut y = top + 10.0;
    if !again {
        canvas.text(panel.transport.title(), (MARGIN, y), bold)?;
        canvas.text("with fallback", (MARGIN, y + 16.0), SMALL)?;
        y += 36.0;
    }
    canvas.text(&panel.label, (MARGIN, y), SMALL)
}

/// One area for each transport, the better ones below, over the grey of those who listen by nothing.
fn areas(canvas: &Canvas, panel: &Panel, times: &Axis, (from_s, to_s): At, floor: f64) -> Drawn {
    let all = panel.ladder.walks.len().max(1) as f64;
    let top = floor - PANEL;
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    // Nothing is drawn of the time before this run's own listeners came.
    let begin = times.at(panel.begins_s().max(from_s));
    canvas.area(
        &[(begin, top), (RIGHT, top), (RIGHT, floor), (begin, floor)],
        QUIET,
        0.28,
    )?;
    canvas.text(&plain(all), (LEFT - 8.0, top), left)?;
    canvas.text("0", (LEFT - 8.0, floor), left)?;
    let changes = changes(panel.ladder);
    for last in 0..Transport::ALL.len() {
        // From the worst of them, which reaches highest, down to the best.
        let used = &by_rank()[..Transport::ALL.len() - last];
        let Some(rung) = used.last() else { break };
        let mut places = vec![(times.at(from_s), floor)];
        let mut number = 0i64;
        for (at_s, transport, change) in &changes {
            if !used.contains(transport) {
                continue;
            }
            let x = times.at(at_s.clamp(from_s, to_s));
            places.push((x, floor - PANEL * number as f64 / all));
            number += change;
            places.push((x, floor - PANEL * number as f64 / all));
        }
        places.push((times.at(to_s), floor - PANEL * number as f64 / all));
        places.push((times.at(to_s), floor));
        canvas.area(&places, colour(*rung), 1.0)?;
    }
    canvas.line((LEFT, floor), (RIGHT, floor), QUIET, 1.0)
}

/// The best first.
fn by_rank() -> [Transport; 4] {
    let mut all = Transport::ALL;
    all.reverse();
    all
}

/// When somebody began to listen by a transport, or left it, in order.
fn changes(ladder: &Ladder) -> Vec<(f64, Transport, i64)> {
    let mut changes = Vec::new();
    for rung in ladder.walks.iter().flat_map(|walk| &walk.rungs) {
        if let Some(opened_s) = rung.opened_s() {
            changes.push((opened_s, rung.transport, 1));
            changes.extend(rung.left_s.map(|left_s| (left_s.max(opened_s), rung.transport, -1)));
        }
    }
    // Who comes is counted before who leaves at the same instant.
    changes.sort_by(|one, other| one.0.total_cmp(&other.0).then(other.2.cmp(&one.2)));
    changes
}

/// Where the way is blocked, and where it is free again.
fn strokes(canvas: &Canvas, scenario: &Scenario, times: &Axis, floor: f64) -> Drawn {
    let network = &scenario.network;
    if network.blocks.is_empty() {
        return Ok(());
    }
    let instants = [(network.blocks_after, "blocked"), (network.free_after, "free again")];
    for (at, word) in instants.into_iter().filter(|(at, _)| !at.is_zero()) {
        let x = times.at(at.as_secs_f64());
        canvas.line((x, floor - PANEL - 4.0), (x, floor + 4.0), INK, 1.4)?;
        canvas.text(word, (x + 4.0, floor - PANEL - 9.0), SMALL)?;
    }
    canvas.line((LEFT, floor), (RIGHT, floor), RULE, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::Why;

    #[test]
    fn whoever_changes_is_never_counted_twice_for_long() {
        let ladder = fixture::ladder(Why::Silent, 6.0);
        let mut number = 0;
        for (_, _, change) in changes(&ladder) {
            number += change;
            assert!((0..=301).contains(&number), "{number}");
        }
        assert_eq!(number, 299, "all but the one that never came back");
    }
}
