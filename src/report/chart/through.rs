//! What came through: a field for each transport and each thing in between.

use super::canvas::{Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH};
use super::palette::{INK, QUIET, RULE, Texture, colour};
use super::{Chart, Sheet};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::table::Table;
use crate::report::through::{Fate, Kind};

/// Room for what is in between.
const LEFT: f64 = 132.0;
const HEAD: f64 = 30.0;
const HIGH: f64 = 74.0;
/// Between two fields.
const BETWEEN: f64 = 8.0;
/// What its texture tells of a field.
const STRIP: f64 = 9.0;
const LINE: f64 = 17.0;
/// About so many letters fit into a line of a field of this width.
const LETTER: f64 = 6.4;

/// The fields before they are drawn.
pub(crate) struct Fields {
    pub(crate) title: String,
    pub(crate) print: String,
    pub(crate) table: Table,
    pub(crate) transports: Vec<Transport>,
    /// What was in between, and what became of each transport; `None` of one that was not measured.
    pub(crate) rows: Vec<(String, Vec<Option<Fate>>)>,
}

/// The chart, framed.
pub(crate) fn through(fields: Fields) -> Result<Chart, ReportError> {
    let frame = Frame::new(&fields.title, fields.print.clone());
    let drawn = fields.draw(&frame);
    let sheet = Sheet {
        name: "through",
        topic: "What came through",
        reading: "A full edge: everything came, as if nobody were in between. A hatched one: something was in its way. A crossed one: nothing came.",
        title: fields.title,
        what: "A field for each transport and each configuration".to_owned(),
        table: fields.table,
        drawn,
    };
    sheet.framed()
}

impl Fields {
    fn draw(&self, frame: &Frame) -> Result<String, DrawingError> {
        let top = frame.top() + HEAD;
        let end = top + self.rows.len() as f64 * (HIGH + BETWEEN);
        drawn((WIDTH, frame.height(end)), |canvas| {
            frame.draw(canvas, end)?;
            let bold = Type { bold: true, ..BODY };
            for (n, transport) in self.transports.iter().enumerate() {
                canvas.text(transport.title(), (self.left(n), frame.top() + HEAD / 2.0), bold)?;
            }
            for (n, (label, fates)) in self.rows.iter().enumerate() {
                let y = top + n as f64 * (HIGH + BETWEEN);
                let middle = y + HIGH / 2.0;
                let to_the_field = Type {
                    side: Side::Left,
                    ..BODY
                };
                canvas.text(label, (LEFT - 12.0, middle), to_the_field)?;
                for (column, fate) in fates.iter().enumerate() {
                    if let Some(fate) = fate {
                        self.field(canvas, fate, self.transports[column], (self.left(column), y))?;
                    }
                }
            }
            Ok(())
        })
    }

    fn wide(&self) -> f64 {
        (WIDTH - MARGIN - LEFT) / self.transports.len().max(1) as f64
    }

    fn left(&self, column: usize) -> f64 {
        LEFT + column as f64 * self.wide()
    }

    fn field(&self, canvas: &Canvas, fate: &Fate, transport: Transport, (x, y): (f64, f64)) -> Drawn {
        let right = x + self.wide() - BETWEEN;
        let texture = match fate.kind {
            Kind::Whole => Texture::Full,
            Kind::Hindered => Texture::Hatched,
            Kind::Nothing => Texture::Crossed,
        };
        let corners = [(x, y), (right, y), (right, y + HIGH), (x, y + HIGH), (x, y)];
        canvas.path(&corners, RULE, 1.0)?;
        canvas.bar((x, y), (x + STRIP, y + HIGH), colour(transport), texture)?;
        let bold = Type {
            bold: fate.kind == Kind::Nothing,
            colour: INK,
            ..SMALL
        };
        let quiet = Type { colour: QUIET, ..SMALL };
        let letters = ((right - x - STRIP - 14.0) / LETTER) as usize;
        let first = std::iter::once((fate.heard.as_str(), bold));
        let rest = fate
            .delay
            .iter()
            .chain(&fate.trouble)
            .map(|line| (line.as_str(), quiet));
        for (n, (line, set)) in first.chain(rest).take(4).enumerate() {
            let line: String = line.chars().take(letters).collect();
            canvas.text(&line, (x + STRIP + 8.0, y + 13.0 + n as f64 * LINE), set)?;
        }
        Ok(())
    }
}
