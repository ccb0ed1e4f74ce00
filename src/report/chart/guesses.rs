//! Guess, measurement and model on one axis: as ratios to what was measured, since the figures have nothing else in common.

use super::Sheet;
use super::axis::Axis;
use super::canvas::{Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH};
use super::palette::{INK, QUIET, RULE, colour, mark};
use crate::report::beside::Beside;
use crate::report::guess::{Guessed, guessed, table, told};
use crate::report::number::times;

const LEFT: f64 = 300.0;
const ROW: f64 = 38.0;
/// A guess that is further off lies at the end of the axis.
const FURTHEST: f64 = 100.0;

/// What the chart shows; nothing where nobody guessed.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    let all = guessed(beside);
    let title = told(beside)?;
    let title = title.trim_end_matches('.').to_owned();
    Some(Sheet {
        name: "guesses",
        topic: "Guessed and measured",
        reading: "The open mark is the guess, the line through all rows what was measured, the short stroke what the model says. Left of the line is too little, right of it \
                  too much; equal lengths are equal ratios. A guess of nothing, or at nothing, lies at the end.",
        drawn: draw(&all, &title, print),
        title,
        what: "A row for each guess: the guess and the model as ratios to what was measured, on a logarithmic axis"
            .into(),
        table: table(&all),
    })
}

fn draw(all: &[Guessed], title: &str, print: String) -> Result<String, DrawingError> {
    let frame = Frame::new(title, print);
    let (top, bottom) = (frame.top() + 6.0, frame.top() + 6.0 + ROW * all.len() as f64);
    let end = bottom + 40.0;
    let ratios = all.iter().map(|one| ratio(one.guess, one.measured));
    let furthest = ratios
        .map(|ratio| ratio.max(ratio.recip()))
        .fold(10.0, f64::max)
        .min(FURTHEST);
    let axis = Axis::logarithmic(furthest.recip(), furthest, (LEFT, WIDTH - MARGIN), 20.0);
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        let middle = Type {
            side: Side::Middle,
            ..SMALL
        };
        for tick in [0.01, 0.1, 0.5, 2.0, 10.0, 100.0] {
            if (furthest.recip() * 0.99..=furthest * 1.01).contains(&tick) {
                let x = axis.at(tick);
                canvas.line((x, top), (x, bottom), RULE, 1.0)?;
                canvas.text(&written(tick), (x, bottom + 11.0), middle)?;
            }
        }
        let x = axis.at(1.0);
        canvas.line((x, top), (x, bottom), INK, 1.6)?;
        canvas.text("as measured", (x, bottom + 11.0), middle)?;
        canvas.line((LEFT, bottom), (WIDTH - MARGIN, bottom), QUIET, 1.0)?;
        for (at, one) in all.iter().enumerate() {
            row(canvas, &axis, one, top + ROW * (at as f64 + 0.5))?;
        }
        Ok(())
    })
}

fn row(canvas: &Canvas, axis: &Axis, one: &Guessed, y: f64) -> Drawn {
    canvas.text(one.transport.title(), (MARGIN, y - 7.0), BODY)?;
    canvas.text(&one.what, (MARGIN, y + 8.0), SMALL)?;
    let colour = colour(one.transport);
    if let Some(model) = one.model {
        let x = axis.at(ratio(model, one.measured));
        canvas.line((x, y - 9.0), (x, y + 9.0), colour, 2.6)?;
    }
    let x = axis.at(ratio(one.guess, one.measured));
    canvas.mark(mark(one.transport), (x, y), 5.0, colour, true)?;
    let is_left = x > WIDTH - MARGIN - 80.0;
    let (x, side) = if is_left {
        (x - 11.0, Side::Left)
    } else {
        (x + 11.0, Side::Right)
    };
    canvas.text(&one.write(one.guess), (x, y), Type { side, ..SMALL })
}

/// How many times what was measured; the ends of the axis where one of the two is nothing.
fn ratio(value: f64, measured: f64) -> f64 {
    if value == measured {
        return 1.0;
    }
    (value / measured).clamp(FURTHEST.recip(), FURTHEST)
}

fn written(ratio: f64) -> String {
    if ratio < 1.0 {
        format!("1/{}", times(ratio.recip()))
    } else {
        format!("{} ×", times(ratio))
    }
}
