//! The slow end of the delays: which delay is exceeded by one delivery in ten, in a hundred, in a thousand.

use super::Sheet;
use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use super::model_curve::{model_curve, reached_ms};
use super::palette::{QUIET, RULE, colour, mark};
use crate::report::beside::Beside;
use crate::report::cell::TAIL;
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::number::count;
use crate::report::prediction::Predicted;
use crate::results::Distribution;

pub(super) const LEFT: f64 = 84.0;
pub(super) const HEIGHT: f64 = 260.0;
/// Times under this are drawn here: zero has no place on a logarithmic axis.
const SHORTEST_MS: f64 = 0.01;
/// So many places of a predicted curve are drawn.
const PLACES: u32 = 160;

/// What the chart shows.
pub(super) fn sheet(beside: &Beside, print: String) -> Sheet {
    let title = title::tail(beside);
    Sheet {
        name: "quantiles",
        topic: "The slow end of the delays",
        reading: "Further to the right are fewer and slower deliveries: one in ten took at least the time over 90 %, one in a hundred that over 99 %. \
                  A curve that stays flat promises the same to everybody. All listeners share a message’s fate, so what is \
                  rarer than one message of the window rests on a single one. Dotted is what the model says of this very schedule.",
        drawn: draw(beside, &title, print),
        title,
        table: beside_chart(beside, "quantiles", "The slow end of the delays", TAIL),
        what: "Curves of the delay over the share of deliveries that were quicker, both axes logarithmic".into(),
    }
}

fn draw(beside: &Beside, title: &str, print: String) -> Result<String, DrawingError> {
    let frame = Frame::new(title, print);
    let top = frame.top() + 50.0;
    let bottom = top + HEIGHT;
    let end = bottom + 44.0;
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        legend(canvas, beside, frame.top() + 4.0)?;
        let delays: Vec<&Distribution> = beside.entries.iter().map(|entry| &entry.run.delay).collect();
        let (odds, times) = axes(&delays, (bottom, top));
        grid(canvas, &odds, &times, (top, bottom))?;
        for entry in &beside.entries {
            let places = measured(&entry.run.delay, &odds, &times);
            let colour = colour(entry.transport());
            match entry.side {
                0 => canvas.path(&places, colour, 2.2)?,
                _ => canvas.dashed(&places, 6.0, colour, 1.6)?,
            }
            if let Some(end) = places.last() {
                canvas.mark(mark(entry.transport()), *end, 4.5, colour, false)?;
            }
        }
        for (entry, one) in beside.predicted(0) {
            canvas.dashed(
                &predicted(entry, one, &odds, &times),
                1.5,
                colour(entry.transport()),
                1.3,
            )?;
        }
        Ok(())
    })
}

/// One in so many from left to right, and the delay upwards.
pub(super) fn axes(delays: &[&Distribution], (bottom, top): (f64, f64)) -> (Axis, Axis) {
    let delays = || delays.iter();
    let most = delays().map(|delay| delay.count()).max().unwrap_or(0).max(10);
    let quickest = delays().filter_map(|delay| delay.quantile_ms(0.0)).reduce(f64::min);
    let slowest = delays().filter_map(|delay| delay.max_ms()).reduce(f64::max);
    let odds = Axis::logarithmic(1.0, most as f64, (LEFT, WIDTH - MARGIN), 8.0);
    let times = Axis::logarithmic(
        quickest.unwrap_or(1.0).max(SHORTEST_MS),
        slowest.unwrap_or(1_000.0).max(SHORTEST_MS),
        (bottom, top),
        16.0,
    );
    (odds, times)
}

pub(super) fn grid(canvas: &Canvas, odds: &Axis, times: &Axis, (top, bottom): (f64, f64)) -> Drawn {
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    let middle = Type {
        side: Side::Middle,
        ..SMALL
    };
    for tick in times.ticks() {
        let y = times.at(tick);
        canvas.line((LEFT, y), (WIDTH - MARGIN, y), RULE, 1.0)?;
        let label = if tick < 1_000.0 {
            plain(tick) + " ms"
        } else {
            plain(tick / 1_000.0) + " s"
        };
        canvas.text(&label, (LEFT - 8.0, y), left)?;
    }
    for tick in odds.ticks().into_iter().filter(|tick| tick.log10().fract() == 0.0) {
        let x = odds.at(tick);
        canvas.line((x, top), (x, bottom), RULE, 1.0)?;
        canvas.text(&within(tick), (x, bottom + 12.0), middle)?;
    }
    canvas.line((LEFT, bottom), (WIDTH - MARGIN, bottom), QUIET, 1.0)?;
    let axis = "share of the deliveries that came within the time at the left; each line leaves out a tenth of what the one before it did";
    canvas.text(axis, (LEFT, bottom + 32.0), SMALL)
}

/// What share is quicker than the slowest one in so many.
fn within(odds: f64) -> String {
    match odds.log10().round() as usize {
        0 => "0 %".to_owned(),
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        nines => format!("99.{} %", "9".repeat(nines - 2)),
    }
}

/// A mark and a name each, in a row; and what the lines mean.
fn legend(canvas: &Canvas, beside: &Beside, y: f64) -> Drawn {
    let mut x = LEFT + 5.0;
    for entries in beside.entries.chunk_by(|a, b| a.transport() == b.transport()) {
        let transport = entries[0].transport();
        canvas.mark(mark(transport), (x, y), 4.5, colour(transport), false)?;
        canvas.text(transport.title(), (x + 10.0, y), BODY)?;
        x += 10.0 + width(transport.title(), BODY.size) + 12.0;
    }
    let dashed = match &beside.labels[1..] {
        [] => String::new(),
        [other] => format!("dashed: {other}; "),
        _ => "dashed: the other runs; ".to_owned(),
    };
    let most = beside
        .entries
        .iter()
        .map(|entry| entry.run.delay.count())
        .max()
        .unwrap_or(0);
    let text = format!(
        "delay, up to the slowest of {} deliveries ({dashed}dotted: predicted)",
        count(most)
    );
    canvas.text(&text, (LEFT, y + 24.0), SMALL)
}

/// The corners of the measured curve: a delay holds from the share before its bucket to the share with it.
pub(super) fn measured(delay: &Distribution, odds: &Axis, times: &Axis) -> Vec<At> {
    const VISIBLE: f64 = 0.4;
    let mut corners: Vec<At> = Vec::new();
    let mut before = 0.0;
    for (ms, share) in delay.cumulative() {
        let y = times.at(ms);
        let (from, to) = (odds.at(one_in(before, delay)), odds.at(one_in(share, delay)));
        before = share;
        let (last_x, last_y) = *corners.last().unwrap_or(&(f64::NEG_INFINITY, y));
        if to - last_x < VISIBLE && last_y - y < VISIBLE && share < 1.0 {
            continue;
        }
        corners.extend([(from.max(last_x), y), (to, y)]);
    }
    corners
}

/// One in how many is slower than the share; the slowest of all is one of them all.
fn one_in(share: f64, delay: &Distribution) -> f64 {
    1.0 / (1.0 - share).max(1.0 / delay.count().max(1) as f64)
}

/// The model's curve, up to where the measured one ends.
fn predicted(entry: &Entry, predicted: &Predicted, odds: &Axis, times: &Axis) -> Vec<At> {
    let Some(curve) = model_curve(entry, predicted) else {
        return Vec::new();
    };
    let (from, to) = (odds.at(1.0), odds.at(one_in(1.0, &entry.run.delay)));
    (0..=PLACES)
        .map(|place| {
            let x = from + (to - from) * f64::from(place) / f64::from(PLACES);
            (x, times.at(reached_ms(&curve, 1.0 - 1.0 / odds.value(x))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_is_a_share_of_nines() {
        let seen = [1.0, 10.0, 100.0, 1_000.0, 100_000.0].map(within);
        assert_eq!(seen, ["0 %", "90 %", "99 %", "99.9 %", "99.999 %"]);
    }
}
