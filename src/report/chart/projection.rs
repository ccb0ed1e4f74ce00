//! A run and its projection: four panels, in each of them a line from what was measured to what follows from it.

use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use super::palette::{QUIET, RULE, colour, mark};
use super::{Chart, Sheet};
use crate::model::projection::Projection;
use crate::report::ReportError;
use crate::report::number::{bytes, count, figure};
use crate::report::projection::{Aim, Basis, mega};
use crate::report::table::Table;
use crate::results::Results;

const LEFT: f64 = 186.0;
const ROW: f64 = 27.0;
/// Room for a number at either side of a row.
const INSET: f64 = 88.0;
/// The title of a panel, and the space above it.
const HEAD: f64 = 42.0;
/// The numbers of a panel's axis.
const FOOT: f64 = 20.0;
const RADIUS: f64 = 5.0;

/// One quantity of all transports.
struct Panel {
    title: &'static str,
    value: fn(&Projection) -> Option<f64>,
    /// How a value is written beside its mark, and a tick below the axis.
    write: fn(f64) -> String,
    tick: fn(f64) -> String,
    /// What the machine of the run has of it, and how to call that.
    machine: Option<(f64, String)>,
}

/// The chart, framed.
pub(crate) fn projection(
    results: &Results,
    bases: &[Basis],
    aim: &Aim,
    title: &str,
    table: &Table,
) -> Result<Chart, ReportError> {
    let measured = bases.iter().map(|basis| basis.listeners).max().unwrap_or(0);
    let print = format!(
        "Scaled from {} listeners to {}, not measured there. {}, run {}",
        count(measured.into()),
        count(aim.listeners),
        results.scenario.lab,
        results.run
    );
    let sheet = Sheet {
        name: "projection",
        topic: "The run and its projection",
        reading: "The open mark is what the run itself came to, the filled one what the listeners on paper would take; the line between them is the leap. Each step of an axis multiplies by ten or so, so that equal lengths are equal ratios. The dashed line is what the machine of the run has.",
        title: title.to_owned(),
        what: "Four panels of marks on logarithmic axes: requests a second, megabits a second, processors and memory, each as measured and as scaled"
            .into(),
        table: table.clone(),
        drawn: draw(&panels(results), bases, &Frame::new(title, print)),
    };
    sheet.framed()
}

fn panels(results: &Results) -> [Panel; 4] {
    let cores = results.host.cores;
    [
        Panel {
            title: "requests a second",
            value: |p| p.requests_per_s,
            write: figure,
            tick: plain,
            machine: None,
        },
        Panel {
            title: "Mbit/s on the listeners’ sockets, both directions",
            value: |p| p.bits_per_s.map(mega),
            write: figure,
            tick: plain,
            machine: None,
        },
        Panel {
            title: "processors busy, on average",
            value: |p| p.cores,
            write: figure,
            tick: plain,
            machine: Some((cores as f64, format!("the run’s machine: {cores}"))),
        },
        Panel {
            title: "memory of the server",
            value: |p| p.memory_bytes,
            write: bytes,
            tick: bytes,
            machine: results
                .host
                .memory_bytes
                .map(|memory| (memory as f64, format!("the run’s machine: {}", bytes(memory as f64)))),
        },
    ]
}

fn draw(panels: &[Panel], bases: &[Basis], frame: &Frame) -> Result<String, DrawingError> {
    let height = HEAD + ROW * bases.len() as f64 + FOOT;
    let top = frame.top() - 8.0;
    let end = top + height * panels.len() as f64 + 6.0;
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        for (at, panel) in panels.iter().enumerate() {
            panel.draw(canvas, bases, top + height * at as f64)?;
        }
        Ok(())
    })
}

impl Panel {
    fn draw(&self, canvas: &Canvas, bases: &[Basis], top: f64) -> Drawn {
        let (rows, end) = (top + HEAD, top + HEAD + ROW * bases.len() as f64);
        let bold = Type { bold: true, ..BODY };
        canvas.text(self.title, (LEFT, rows - 17.0), bold)?;
        let axis = self.axis(bases);
        self.grid(canvas, &axis, rows, end)?;
        self.machine(canvas, &axis, bases, rows)?;
        for (at, basis) in bases.iter().enumerate() {
            let y = rows + ROW * (at as f64 + 0.5);
            canvas.text(basis.transport.title(), (MARGIN, y), BODY)?;
            self.row(canvas, &axis, basis, y)?;
        }
        Ok(())
    }

    /// From the smallest to the largest value that is more than none.
    fn axis(&self, bases: &[Basis]) -> Axis {
        let of = |basis| {
            let (before, after) = self.values(basis);
            [before, after]
        };
        let values: Vec<f64> = bases.iter().flat_map(of).flatten().collect();
        let low = values.iter().copied().reduce(f64::min).unwrap_or(1.0);
        let high = values.iter().copied().reduce(f64::max).unwrap_or(1.0);
        Axis::logarithmic(low, high, (LEFT, WIDTH - MARGIN), INSET)
    }

    fn grid(&self, canvas: &Canvas, axis: &Axis, rows: f64, end: f64) -> Drawn {
        let middle = Type {
            side: Side::Middle,
            ..SMALL
        };
        let ticks = axis.ticks();
        for tick in &ticks {
            let x = axis.at(*tick);
            canvas.line((x, rows), (x, end), RULE, 1.0)?;
            canvas.text(&(self.tick)(*tick), (x, end + 11.0), middle)?;
        }
        canvas.line((LEFT, end), (WIDTH - MARGIN, end), QUIET, 1.0)?;
        Ok(())
    }

    /// What the machine of the run has: a line through all rows, but for a number that it would cross.
    fn machine(&self, canvas: &Canvas, axis: &Axis, bases: &[Basis], rows: f64) -> Drawn {
        let Some((has, called)) = &self.machine else {
            return Ok(());
        };
        let x = axis.at(*has);
        // What lies beyond the axis has no place on it.
        if x <= LEFT + 1.0 || x >= WIDTH - MARGIN - 1.0 {
            return Ok(());
        }
        for (at, basis) in bases.iter().enumerate() {
            let top = rows + ROW * at as f64;
            if !self
                .written(axis, basis)
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&x))
            {
                canvas.dashed(&[(x, top), (x, top + ROW)], 4.0, QUIET, 1.2)?;
            }
        }
        let middle = Type {
            side: Side::Middle,
            ..SMALL
        };
        let room = width(called, SMALL.size) / 2.0;
        let behind_title = LEFT + width(self.title, BODY.size) + 8.0 + room;
        let x = x.max(behind_title).min(WIDTH - MARGIN - room);
        canvas.text(called, (x, rows - 9.0), middle)
    }

    /// From where to where numbers stand in the row of a transport.
    fn written(&self, axis: &Axis, basis: &Basis) -> Vec<(f64, f64)> {
        const CLEAR: f64 = 5.0;
        let (before, after) = self.values(basis);
        let rises = rises(before, after);
        let span = |value: Option<f64>, size: f64, left: bool| {
            let (x, _) = beside(axis.at(value?), left);
            let long = width(&(self.write)(value?), size);
            Some(if left {
                (x - long - CLEAR, x + CLEAR)
            } else {
                (x - CLEAR, x + long + CLEAR)
            })
        };
        [span(before, SMALL.size, rises), span(after, BODY.size, !rises)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The measured and the scaled value, as far as they have a place on the axis.
    fn values(&self, basis: &Basis) -> (Option<f64>, Option<f64>) {
        let of = |projection| (self.value)(projection).filter(|value| drawable(*value));
        (of(&basis.measured), of(&basis.scaled))
    }

    /// The open mark, the line and the filled mark, with their numbers.
    fn row(&self, canvas: &Canvas, axis: &Axis, basis: &Basis, y: f64) -> Drawn {
        let (before, after) = self.values(basis);
        let Some(scaled) = after else {
            return canvas.text(self.nothing(basis), (LEFT + 6.0, y), SMALL);
        };
        let rises = rises(before, after);
        let to: At = (axis.at(scaled), y);
        let (colour, mark) = (colour(basis.transport), mark(basis.transport));
        if let Some(before) = before {
            let from: At = (axis.at(before), y);
            canvas.line(from, to, colour, 1.6)?;
            canvas.mark(mark, from, RADIUS - 1.2, colour, true)?;
            let (x, side) = beside(from.0, rises);
            canvas.text(&(self.write)(before), (x, y), Type { side, ..SMALL })?;
        }
        canvas.mark(mark, to, RADIUS, colour, false)?;
        let (x, side) = beside(to.0, !rises);
        let bold = Type { bold: true, ..BODY };
        canvas.text(&(self.write)(scaled), (x, y), Type { side, ..bold })
    }

    /// What stands in place of a mark: there is none of it, or nobody knows.
    fn nothing(&self, basis: &Basis) -> &'static str {
        match (self.value)(&basis.scaled) {
            Some(0.0) => "none",
            _ => "not known",
        }
    }
}

/// Whether the scaled value is the larger one, so that its number stands to its right.
fn rises(before: Option<f64>, after: Option<f64>) -> bool {
    !matches!((before, after), (Some(before), Some(after)) if before > after)
}

/// Where a number stands beside its mark: to the left of it or to the right.
fn beside(x: f64, left: bool) -> (f64, Side) {
    if left {
        (x - 11.0, Side::Left)
    } else {
        (x + 11.0, Side::Right)
    }
}

fn drawable(value: f64) -> bool {
    value.is_finite() && value > 0.0
}
