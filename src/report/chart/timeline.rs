//! Requests a second over time, a panel for each transport, and the messages that made them.

use super::Sheet;
use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH};
use super::palette::{INK, QUIET, RULE, colour};
use crate::report::beside::Beside;
use crate::report::cell::OVER_TIME;
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::prediction::Figure;
use crate::results::Timeline;

const LEFT: f64 = 186.0;
const PANEL: f64 = 62.0;
const BETWEEN: f64 = 18.0;
const TICKS: f64 = 12.0;

/// What the chart shows; `None` of runs that did not keep it.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    beside
        .of_side(0)
        .find(|entry| !entry.run.timeline.requests.is_empty())?;
    let title = title::timeline(beside);
    Some(Sheet {
        name: "timeline",
        topic: "Requests over time",
        reading: "All panels have the same scales. Full colour is what was answered with messages, pale what was asked in vain; the strokes at \
                  the bottom are the messages as the server accepted them, and the dotted line is the rate that the model predicts on average. Short polling does \
                  not know of the messages; a long poll comes back after each of them; a stream has nothing to ask.",
        drawn: draw(beside, &title, print),
        title,
        table: beside_chart(beside, "timeline", "Requests over time, of the first round", OVER_TIME),
        what: "Panels of the requests a second of all listeners over time, with the instants of the messages".into(),
    })
}

fn draw(beside: &Beside, title: &str, print: String) -> Result<String, DrawingError> {
    let frame = Frame::new(title, print);
    let top = frame.top() + 18.0;
    let panels = beside.of_side(0).count() as f64;
    let bottom = top + panels * (PANEL + BETWEEN);
    let end = bottom + TICKS + 44.0;
    let scenario = &beside.first().scenario;
    let warm_up_s = scenario.warm_up.as_secs_f64();
    let span_s = scenario.sending().as_secs_f64();
    let most = beside
        .of_side(0)
        .map(|entry| busiest(&entry.run.timeline))
        .fold(0.0, f64::max);
    let times = Axis::linear(span_s, (LEFT, WIDTH - MARGIN));
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        canvas.text(
            "requests a second, all listeners together (dotted: predicted, on average)",
            (LEFT, top - 15.0),
            SMALL,
        )?;
        time_grid(canvas, &times, warm_up_s, (top, bottom + TICKS))?;
        for (at, entry) in beside.of_side(0).enumerate() {
            let floor = top + (at + 1) as f64 * (PANEL + BETWEEN) - BETWEEN;
            let rates = Axis::linear(most, (floor, floor - PANEL));
            panel(canvas, entry, &times, &rates)?;
            let predicted = beside
                .predicted(0)
                .find(|(other, _)| other.transport() == entry.transport());
            let rate = predicted.and_then(|(_, one)| Some(one.figure(Figure::Requests)? / one.inputs.window_s));
            if let Some(rate) = rate.filter(|rate| *rate > 0.0) {
                let y = rates.at(rate);
                canvas.dashed(&[(times.at(warm_up_s), y), (times.at(span_s), y)], 1.5, INK, 1.1)?;
            }
        }
        messages(canvas, beside, &times, bottom)
    })
}

/// Requests in the busiest step, a second.
fn busiest(timeline: &Timeline) -> f64 {
    timeline
        .requests
        .iter()
        .max()
        .map_or(0.0, |most| *most as f64 / timeline.step_s)
}

fn time_grid(canvas: &Canvas, times: &Axis, warm_up_s: f64, (top, bottom): (f64, f64)) -> Drawn {
    let middle = Type {
        side: Side::Middle,
        ..SMALL
    };
    for tick in times.ticks() {
        let x = times.at(tick);
        canvas.line((x, top), (x, bottom), RULE, 1.0)?;
        canvas.text(&(plain(tick) + " s"), (x, bottom + 12.0), middle)?;
    }
    if warm_up_s > 0.0 {
        let x = times.at(warm_up_s);
        canvas.line((x, top), (x, bottom), QUIET, 1.0)?;
    }
    let axis = match warm_up_s > 0.0 {
        true => "seconds from the start of the run; the window begins at the strong line",
        false => "seconds from the start of the run",
    };
    canvas.text(axis, (LEFT, bottom + 32.0), SMALL)
}

/// The requests of one transport, the empty answers on top of the full ones.
fn panel(canvas: &Canvas, entry: &Entry, times: &Axis, rates: &Axis) -> Drawn {
    let timeline = &entry.run.timeline;
    let floor = rates.at(0.0);
    let bold = Type { bold: true, ..BODY };
    canvas.text(entry.transport().title(), (MARGIN, floor - PANEL / 2.0), bold)?;
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    for tick in rates
        .ticks()
        .into_iter()
        .filter(|tick| rates.at(*tick) >= floor - PANEL)
    {
        let y = rates.at(tick);
        canvas.line((LEFT, y), (WIDTH - MARGIN, y), RULE, 1.0)?;
    }
    if let Some(last) = rates.ticks().last() {
        canvas.text(&plain(*last), (LEFT - 8.0, rates.at(*last)), left)?;
    }
    canvas.text("0", (LEFT - 8.0, floor), left)?;
    let full = timeline.requests.iter().zip(&timeline.empty);
    let full: Vec<u64> = full.map(|(all, empty)| all.saturating_sub(*empty)).collect();
    let colour = colour(entry.transport());
    canvas.area(&outline(&timeline.requests, timeline, times, rates), colour, 0.28)?;
    canvas.area(&outline(&full, timeline, times, rates), colour, 1.0)?;
    if timeline.requests.iter().all(|requests| *requests == 0) {
        canvas.text(
            "no request during the run",
            (WIDTH - MARGIN - 8.0, floor - PANEL / 2.0),
            left,
        )?;
    }
    canvas.line((LEFT, floor), (WIDTH - MARGIN, floor), QUIET, 1.0)
}

/// The steps of a count as an area that stands on the axis.
fn outline(counts: &[u64], timeline: &Timeline, times: &Axis, rates: &Axis) -> Vec<At> {
    let floor = rates.at(0.0);
    let mut corners = vec![(times.at(0.0), floor)];
    for (step, number) in counts.iter().enumerate() {
        let y = rates.at(*number as f64 / timeline.step_s);
        let x = |step: usize| times.at(step as f64 * timeline.step_s);
        if x(step + 1) > x(step) {
            corners.extend([(x(step), y), (x(step + 1), y)]);
        }
    }
    let end = corners.last().map_or(floor, |corner| corner.0);
    corners.push((end, floor));
    corners
}

/// The messages of the first transport that has any: all of them had the same schedule.
fn messages(canvas: &Canvas, beside: &Beside, times: &Axis, top: f64) -> Drawn {
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    canvas.text("messages", (LEFT - 8.0, top + TICKS / 2.0 - 4.0), left)?;
    let known = beside
        .of_side(0)
        .find(|entry| !entry.run.timeline.messages_s.is_empty());
    let mut last_x = f64::NEG_INFINITY;
    for at_s in known.map(|entry| &entry.run.timeline.messages_s).into_iter().flatten() {
        let x = times.at(*at_s);
        // Of a thousand on one pixel, one is seen.
        if x - last_x >= 0.5 {
            canvas.line((x, top - 8.0), (x, top + TICKS - 8.0), INK, 0.8)?;
            last_x = x;
        }
    }
    Ok(())
}
