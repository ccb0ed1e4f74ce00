//! Horizontal bars, one below the other, each made of parts that are named with their numbers.
//!
//! The axis is linear, since parts of a logarithmic bar cannot be compared. What is too short to be seen beside the longest
//! is still read: every number is written out.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::canvas::{Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use super::palette::{INK, PAPER, QUIET, RULE, Texture};
use crate::report::rounds::Interval;

/// A chart made of bars.
#[derive(Debug)]
pub(super) struct Bars {
    pub(super) title: String,
    pub(super) print: String,
    /// What the axis counts, with its unit.
    pub(super) axis: String,
    pub(super) rows: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    /// Whose it is; empty when it is that of the bar above.
    pub(super) head: String,
    /// What tells it from other bars under the same heading, a line each.
    pub(super) below: Vec<String>,
    pub(super) colour: RGBColor,
    pub(super) parts: Vec<Part>,
    /// Its whole length in words, written behind its end.
    pub(super) total: String,
    /// Said in place of the parts when there are none.
    pub(super) note: String,
    /// How long the model has it.
    pub(super) predicted: Option<f64>,
    /// Of several rounds: from where to where the interval of the bar's length reaches.
    pub(super) interval: Option<Interval>,
}

/// One part of a bar.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) value: f64,
    pub(super) texture: Texture,
    /// The number with what it counts, as it is written below the bar.
    pub(super) text: String,
}

const ROW: f64 = 56.0;
const BAR: f64 = 20.0;
/// One more line of parts below a bar.
const LINE: f64 = 15.0;
const PATCH: f64 = 9.0;
/// Between the bars of one transport and those of the next.
const BREAK: f64 = 10.0;
const LEFT: f64 = 186.0;
/// Room for the total behind the longest bar.
const RIGHT: f64 = 96.0;

/// Draws the bars as SVG.
pub(super) fn draw(bars: &Bars) -> Result<String, DrawingError> {
    let frame = Frame::new(&bars.title, bars.print.clone());
    let (tops, bottom) = tops(&bars.rows, frame.top());
    let has_rounds = bars.rows.iter().any(|bar| bar.interval.is_some());
    let end = bottom + if has_rounds { 60.0 } else { 44.0 };
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        let predicted = bars.rows.iter().filter_map(|bar| bar.predicted);
        let reached = bars.rows.iter().filter_map(|bar| Some(bar.interval?.high));
        let longest = bars
            .rows
            .iter()
            .map(Bar::value)
            .chain(predicted)
            .chain(reached)
            .fold(0.0, f64::max);
        let axis = Axis::linear(longest, (LEFT, WIDTH - MARGIN - RIGHT));
        grid(canvas, &axis, frame.top(), bottom, &bars.axis)?;
        for (bar, top) in bars.rows.iter().zip(tops) {
            bar.draw(canvas, &axis, top)?;
        }
        if bars.rows.iter().any(|bar| bar.is_predicted()) {
            legend(canvas, bottom + 31.0)?;
        }
        if has_rounds {
            whisker(canvas, (LEFT, LEFT + 18.0), bottom + 49.0)?;
            canvas.text(
                "the interval over the rounds, around their median",
                (LEFT + 26.0, bottom + 49.0),
                SMALL,
            )?;
        }
        Ok(())
    })
}

/// Where each bar's row begins, and where the last one ends.
fn tops(rows: &[Bar], top: f64) -> (Vec<f64>, f64) {
    let mut next = top;
    let tops = rows.iter().enumerate().map(|(at, row)| {
        if at > 0 && !row.head.is_empty() {
            next += BREAK;
        }
        let top = next;
        next += ROW + LINE * row.lines().len().saturating_sub(1) as f64;
        top
    });
    let tops = tops.collect();
    (tops, next)
}

fn grid(canvas: &Canvas, axis: &Axis, top: f64, bottom: f64, title: &str) -> Drawn {
    let middle = Type {
        side: Side::Middle,
        ..SMALL
    };
    for tick in axis.ticks() {
        canvas.text(&super::axis::plain(tick), (axis.at(tick), bottom + 11.0), middle)?;
    }
    canvas.line((LEFT, top), (LEFT, bottom), QUIET, 1.0)?;
    canvas.text(title, (LEFT, bottom + 31.0), SMALL)
}

/// A stroke across a bar, with paper at both sides so that it is seen on any texture.
fn predicted_mark(canvas: &Canvas, x: f64, (from, to): (f64, f64)) -> Drawn {
    canvas.line((x, from), (x, to), PAPER, 3.6)?;
    canvas.line((x, from), (x, to), INK, 1.6)
}

/// A line with a stroke at both ends, with paper around it so that it is seen on any texture.
fn whisker(canvas: &Canvas, (from, to): (f64, f64), y: f64) -> Drawn {
    for (tint, wider) in [(PAPER, 2.0), (INK, 0.0)] {
        canvas.line((from, y), (to, y), tint, 1.4 + wider)?;
        for x in [from, to] {
            canvas.line((x, y - 5.0), (x, y + 5.0), tint, 1.4 + wider)?;
        }
    }
    Ok(())
}

/// What the stroke means, at the right below the axis.
fn legend(canvas: &Canvas, y: f64) -> Drawn {
    const ROOM: f64 = 76.0;
    let x = WIDTH - MARGIN - ROOM;
    predicted_mark(canvas, x, (y - 6.0, y + 6.0))?;
    canvas.text("predicted", (x + 7.0, y), SMALL)
}

impl Bar {
    fn value(&self) -> f64 {
        self.parts.iter().map(|part| part.value).sum()
    }

    fn draw(&self, canvas: &Canvas, axis: &Axis, top: f64) -> Drawn {
        self.draw_heading(canvas, top)?;
        let (from, to) = (top + 6.0, top + 6.0 + BAR);
        // Behind the bar only: a line through the text below it would be in the way.
        for tick in axis.ticks().into_iter().skip(1) {
            canvas.line((axis.at(tick), top), (axis.at(tick), to + 4.0), RULE, 1.0)?;
        }
        let mut before = 0.0;
        let mut end = LEFT;
        for part in self.parts.iter().filter(|part| part.value > 0.0) {
            let start = axis.at(before).max(end);
            before += part.value;
            // What is there is seen, be it as a hair.
            end = axis.at(before).max(start + 1.0);
            canvas.bar((start, from), (end, to), self.colour, part.texture)?;
        }
        if let Some(predicted) = self.predicted.filter(|_| self.is_predicted()) {
            let x = axis.at(predicted);
            predicted_mark(canvas, x, (from - 4.0, to + 4.0))?;
            end = end.max(x + 1.0);
        }
        if let Some(interval) = self.interval.filter(|interval| interval.low < interval.high) {
            let (low, high) = (axis.at(interval.low), axis.at(interval.high));
            whisker(canvas, (low, high), (from + to) / 2.0)?;
            end = end.max(high + 1.0);
        }
        let bold = Type { bold: true, ..BODY };
        canvas.text(&self.total, (end + 7.0, (from + to) / 2.0), bold)?;
        self.draw_parts(canvas, to + 14.0)
    }

    /// Whether there is a mark to draw: of nothing nobody would see one.
    fn is_predicted(&self) -> bool {
        self.predicted.is_some_and(|predicted| predicted > 0.0)
    }

    fn draw_heading(&self, canvas: &Canvas, top: f64) -> Drawn {
        let head = Type { bold: true, ..BODY };
        let mut y = top + 16.0;
        if !self.head.is_empty() {
            canvas.text(&self.head, (MARGIN, y), head)?;
            y += 16.0;
        }
        for line in &self.below {
            canvas.text(line, (MARGIN, y), SMALL)?;
            y += 14.0;
        }
        Ok(())
    }

    /// The parts below the bar, each with a patch of its texture.
    fn draw_parts(&self, canvas: &Canvas, y: f64) -> Drawn {
        let lines = self.lines();
        for (parts, n) in lines.iter().zip(0..) {
            let (mut x, y) = (LEFT + 3.0, y + LINE * f64::from(n));
            for part in parts {
                let patch = ((x, y - PATCH / 2.0), (x + PATCH, y + PATCH / 2.0));
                canvas.bar(patch.0, patch.1, self.colour, part.texture)?;
                canvas.text(&part.text, (x + PATCH + 5.0, y), SMALL)?;
                x += part.width();
            }
        }
        if lines.is_empty() {
            canvas.text(&self.note, (LEFT + 3.0, y), SMALL)?;
        }
        Ok(())
    }

    /// The parts that there are, as many on a line as it has room for.
    fn lines(&self) -> Vec<Vec<&Part>> {
        let mut lines: Vec<Vec<&Part>> = Vec::new();
        let mut room = 0.0;
        for part in self.parts.iter().filter(|part| part.value > 0.0) {
            if part.width() > room {
                lines.push(Vec::new());
                room = WIDTH - MARGIN - LEFT;
            }
            room -= part.width();
            lines.last_mut().expect("the first has no room left").push(part);
        }
        lines
    }
}

impl Part {
    /// What it takes of a line, with the gap behind it.
    fn width(&self) -> f64 {
        PATCH + 5.0 + width(&self.text, SMALL.size) + 12.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_no_line_has_room_for_go_on_below() {
        let part = |text: &str| Part {
            value: 1.0,
            texture: Texture::Full,
            text: text.to_owned(),
        };
        let bar = |parts: Vec<Part>| Bar {
            head: "WebSocket".to_owned(),
            below: Vec::new(),
            colour: INK,
            parts,
            total: String::new(),
            note: String::new(),
            predicted: None,
            interval: None,
        };
        let (short, long) = (
            "5 ms waiting",
            "6,001 ms Server-sent events (let its time pass in silence)",
        );
        let rows = [
            bar(vec![part(short), part(long), part(long), part(short)]),
            bar(vec![part(short)]),
        ];
        let on_lines: Vec<usize> = rows[0].lines().iter().map(Vec::len).collect();
        assert!(
            on_lines.len() > 1 && on_lines.iter().sum::<usize>() == 4,
            "{on_lines:?}"
        );
        let end = |line: &Vec<&Part>| LEFT + line.iter().map(|part| part.width()).sum::<f64>();
        assert!(rows[0].lines().iter().all(|line| end(line) <= WIDTH - MARGIN));
        let (tops, bottom) = tops(&rows, 0.0);
        assert!(tops[1] - tops[0] > bottom - tops[1] - BREAK);
    }
}
