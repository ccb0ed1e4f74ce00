//! Delivery delay as a distribution: how large a share of the deliveries came within a time, on a logarithmic axis.
//!
//! Below the curves each of them has a row on the same axis, with its name and its p50 and p99: labels that never collide.

use plotters::style::RGBColor;

use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH};
use super::model_curve::model_curve;
use super::palette::{INK, QUIET, RULE, colour, mark};
use super::{Sheet, heads};
use crate::report::beside::Beside;
use crate::report::cell::DELAY;
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::number::milliseconds;
use crate::report::prediction::{Predicted, Transits, transits};

const LEFT: f64 = 186.0;
const CURVES: f64 = 240.0;
const ROW: f64 = 36.0;
/// Room for a label at either side of a row.
const INSET: f64 = 104.0;
/// Times under this are drawn here: zero has no place on a logarithmic axis.
const SHORTEST_MS: f64 = 0.01;

/// What the chart shows.
pub(super) fn sheet(beside: &Beside, print: String) -> Sheet {
    let title = title::delay(beside);
    Sheet {
        name: "delay",
        topic: "Delay",
        reading: "A curve further to the left is quicker, a steep one is steady. The filled mark is where half of the deliveries had come (p50), the open one where 99 in 100 had (p99), the short stroke at the end is the slowest. Each step of the axis multiplies the time. The dotted curve is what the model says of this very schedule of messages (of short polling with one phase for all, on average over the phases); it begins when the server accepts a message, so what it mostly took until then (the difference of the medians) is put before it. What others have published stands below, at the times that it comes to on this link.",
        drawn: draw(beside, &title, print),
        title,
        table: beside_chart(
            beside,
            "delay",
            "Delay from the intended instant to the listener",
            DELAY,
        ),
        what: "Cumulative curves of the delivery delay on a logarithmic axis of time, with p50 and p99 marked".into(),
    }
}

fn draw(beside: &Beside, title: &str, print: String) -> Result<String, DrawingError> {
    let frame = Frame::new(title, print);
    let top = frame.top() + 18.0;
    let bottom = top + CURVES;
    let rows = bottom + 14.0;
    let published = transits(beside);
    let rows_end = rows + ROW * (beside.entries.len() + published.len()) as f64;
    let end = rows_end + 44.0;
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        let times = times(beside);
        let shares = Axis::linear(1.0, (bottom, top));
        grid(canvas, &times, &shares, (top, bottom, rows_end))?;
        canvas.text(&shares_title(beside), (LEFT, top - 15.0), SMALL)?;
        // Where curves lie on one another, the wider one below is still seen at both sides of the one above.
        let mut width = 2.0 + 0.7 * beside.entries.chunk_by(alike).count() as f64;
        for transport in beside.entries.chunk_by(alike) {
            width -= 0.7;
            for entry in transport {
                curve(canvas, entry, &times, &shares, width)?;
            }
        }
        for (entry, predicted) in beside.predicted(0) {
            predicted_curve(canvas, entry, predicted, &times, &shares)?;
        }
        for (at, (entry, (head, below))) in beside.entries.iter().zip(heads(beside)).enumerate() {
            let y = rows + ROW * (at as f64 + 0.5);
            heading(canvas, &head, &below, y)?;
            row(canvas, entry, &times, y)?;
        }
        for (at, one) in published.iter().enumerate() {
            let y = rows + ROW * ((beside.entries.len() + at) as f64 + 0.5);
            heading(canvas, one.source, &[format!("published: {}", one.about)], y)?;
            published_row(canvas, one, &times, y)?;
        }
        Ok(())
    })
}

fn alike(one: &Entry, other: &Entry) -> bool {
    one.transport() == other.transport()
}

/// From the quickest delivery to the slowest, measured or predicted.
fn times(beside: &Beside) -> Axis {
    let measured = beside.entries.iter().filter_map(|entry| {
        let delay = &entry.run.delay;
        Some([delay.quantile_ms(0.0)?, delay.max_ms()?])
    });
    let predicted = beside.predicted(0).filter_map(|(entry, predicted)| {
        let curve = model_curve(entry, predicted)?;
        Some([curve.first()?.0, curve.last()?.0])
    });
    let published = transits(beside).into_iter().map(|one| [one.mean_ms, one.longest_ms]);
    let ends: Vec<[f64; 2]> = measured.chain(predicted).chain(published).collect();
    let quickest = ends.iter().map(|[quickest, _]| *quickest).reduce(f64::min);
    let slowest = ends.iter().map(|[_, slowest]| *slowest).reduce(f64::max);
    Axis::logarithmic(
        quickest.unwrap_or(1.0).max(SHORTEST_MS),
        slowest.unwrap_or(1_000.0).max(SHORTEST_MS),
        (LEFT, WIDTH - MARGIN),
        INSET,
    )
}

fn grid(canvas: &Canvas, times: &Axis, shares: &Axis, (top, bottom, rows_end): (f64, f64, f64)) -> Drawn {
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    let middle = Type {
        side: Side::Middle,
        ..SMALL
    };
    for tick in times.ticks() {
        let x = times.at(tick);
        canvas.line((x, top), (x, rows_end), RULE, 1.0)?;
        let label = if tick < 1_000.0 {
            plain(tick) + " ms"
        } else {
            plain(tick / 1_000.0) + " s"
        };
        canvas.text(&label, (x, rows_end + 11.0), middle)?;
    }
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let y = shares.at(share);
        let ink = if share == 0.0 { QUIET } else { RULE };
        canvas.line((LEFT, y), (WIDTH - MARGIN, y), ink, 1.0)?;
        canvas.text(&format!("{:.0} %", share * 100.0), (LEFT - 8.0, y), left)?;
    }
    let axis = "delay from the intended instant of sending to the listener, logarithmic";
    canvas.text(axis, (LEFT, bottom + (rows_end - bottom) + 31.0), SMALL)
}

/// What the vertical axis counts, and what the dashes mean.
fn shares_title(beside: &Beside) -> String {
    let dashed = match &beside.labels[1..] {
        [] => None,
        [other] => Some(format!("dashed: {other}")),
        _ => Some("dashed: the other runs".to_owned()),
    };
    let dotted = beside.predicted(0).next().map(|_| "dotted: predicted".to_owned());
    let has_rounds = beside.entries.iter().any(|entry| entry.each.len() > 1);
    let brackets = has_rounds.then(|| "below a mark: its interval over the rounds".to_owned());
    let lines: Vec<String> = dashed.into_iter().chain(dotted).chain(brackets).collect();
    let lines = if lines.is_empty() {
        String::new()
    } else {
        format!(" ({})", lines.join("; "))
    };
    format!("share of the deliveries that came within the time below{lines}")
}

/// The cumulative curve with a mark at its p50 and its p99. Other runs than the first are dashed.
fn curve(canvas: &Canvas, entry: &Entry, times: &Axis, shares: &Axis, width: f64) -> Drawn {
    let steps = steps(entry, times, shares);
    if steps.is_empty() {
        return Ok(());
    }
    let colour = colour(entry.transport());
    match entry.side {
        0 => canvas.path(&steps, colour, width)?,
        side => canvas.dashed(&steps, dash(side), colour, width.min(2.2))?,
    }
    for (q, open) in [(0.5, false), (0.99, true)] {
        if let Some(ms) = entry.run.delay.quantile_ms(q) {
            canvas.mark(mark(entry.transport()), (times.at(ms), shares.at(q)), 4.5, colour, open)?;
        }
    }
    Ok(())
}

/// The model's curve, dotted: where it is not seen, it lies on the measured one.
fn predicted_curve(canvas: &Canvas, entry: &Entry, predicted: &Predicted, times: &Axis, shares: &Axis) -> Drawn {
    let Some(curve) = model_curve(entry, predicted) else {
        return Ok(());
    };
    let mut places: Vec<At> = Vec::new();
    for (ms, share) in curve {
        let place = (times.at(ms), shares.at(share));
        // A straight line of the model is bent by the axis.
        if let Some(&(last_x, last_y)) = places.last() {
            let (low, high) = (times.value(last_x), ms);
            let steps = ((place.0 - last_x) / 4.0) as u32;
            places.extend((1..=steps).map(|step| {
                let x = last_x + (place.0 - last_x) * f64::from(step) / f64::from(steps + 1);
                (x, last_y + (place.1 - last_y) * (times.value(x) - low) / (high - low))
            }));
        }
        places.push(place);
    }
    canvas.dashed(&places, 1.5, colour(entry.transport()), 1.3)
}

fn dash(side: usize) -> f64 {
    (9.0 - 3.0 * side as f64).max(2.0)
}

/// The corners of the curve: it rises where a time was seen. Steps too small to be seen are left out.
fn steps(entry: &Entry, times: &Axis, shares: &Axis) -> Vec<At> {
    const VISIBLE: f64 = 0.4;
    let mut corners: Vec<At> = Vec::new();
    for (ms, share) in entry.run.delay.cumulative() {
        let (x, y) = (times.at(ms), shares.at(share));
        let (last_x, last_y) = *corners.last().unwrap_or(&(x, shares.at(0.0)));
        let small = x - last_x < VISIBLE && last_y - y < VISIBLE;
        if small && share < 1.0 && !corners.is_empty() {
            continue;
        }
        corners.extend([(x, last_y), (x, y)]);
    }
    corners
}

fn heading(canvas: &Canvas, head: &str, below: &[String], y: f64) -> Drawn {
    let bold = Type { bold: true, ..BODY };
    let lines = usize::from(!head.is_empty()) + below.len();
    let mut y = y - 7.0 * (lines as f64 - 1.0);
    if !head.is_empty() {
        canvas.text(head, (MARGIN, y), bold)?;
        y += 15.0;
    }
    for line in below {
        canvas.text(line, (MARGIN, y), SMALL)?;
        y += 14.0;
    }
    Ok(())
}

/// From where to where an interval reaches, with its ends turned up.
fn bracket(canvas: &Canvas, (from, to): (f64, f64), y: f64, colour: RGBColor) -> Drawn {
    canvas.path(&[(from, y - 4.0), (from, y), (to, y), (to, y - 4.0)], colour, 1.2)
}

/// p50 and p99 of one entry on the axis of the curves.
fn row(canvas: &Canvas, entry: &Entry, times: &Axis, y: f64) -> Drawn {
    let delay = &entry.run.delay;
    let quantile = |q: f64| entry.median(|round| round.run.delay.quantile_ms(q));
    let (Some(p50), Some(p99), Some(max)) = (quantile(0.5), quantile(0.99), delay.max_ms()) else {
        return canvas.text("nothing was heard in the window", (LEFT + 3.0, y), SMALL);
    };
    let (colour, mark) = (colour(entry.transport()), mark(entry.transport()));
    let [half, most, end] = [p50, p99, max].map(|ms| times.at(ms));
    match entry.side {
        0 => canvas.line((half, y), (most, y), colour, 2.2)?,
        side => canvas.dashed(&[(half, y), (most, y)], dash(side), colour, 2.2)?,
    }
    canvas.line((most, y), (end, y), colour, 0.9)?;
    canvas.line((end, y - 5.0), (end, y + 5.0), colour, 1.4)?;
    for q in [0.5, 0.99] {
        if let Some(interval) = entry.over_rounds(|round| round.run.delay.quantile_ms(q)) {
            bracket(
                canvas,
                (times.at(interval.low), times.at(interval.high)),
                y + 10.0,
                colour,
            )?;
        }
    }
    canvas.mark(mark, (most, y), 4.5, colour, true)?;
    canvas.mark(mark, (half, y), 4.5, colour, false)?;
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    canvas.text(&format!("p50 {}", milliseconds(p50)), (half - 10.0, y), left)?;
    canvas.text(&format!("p99 {}", milliseconds(p99)), (end.max(most) + 10.0, y), SMALL)
}

/// What somebody has published, as strokes at the times that it comes to on this link.
fn published_row(canvas: &Canvas, one: &Transits, times: &Axis, y: f64) -> Drawn {
    let stroke = |x: f64| canvas.line((x, y - 5.0), (x, y + 5.0), INK, 1.6);
    let (mean, longest) = (times.at(one.mean_ms), times.at(one.longest_ms));
    stroke(mean)?;
    if longest - mean < 1.0 {
        return canvas.text(one.both, (mean + 10.0, y), SMALL);
    }
    stroke(longest)?;
    canvas.line((mean, y), (longest, y), INK, 0.9)?;
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    canvas.text(one.mean, (mean - 10.0, y), left)?;
    canvas.text(one.longest, (longest + 10.0, y), SMALL)
}
