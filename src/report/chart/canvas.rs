//! What charts are drawn on: plotters' SVG backend, in fractions of a pixel.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{DashedPathElement, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle};

use super::palette::{Mark, PAPER, Texture};

/// Why something could not be drawn.
pub type DrawingError = DrawingAreaErrorKind<std::io::Error>;

/// What drawing gives: nothing, or the reason why not.
pub(super) type Drawn = Result<(), DrawingError>;

/// plotters places things at whole units only; a tenth of a pixel is fine enough that nobody sees the steps.
pub(super) const UNITS: f64 = 10.0;

/// plotters divides every font size by this before it writes it down.
const FONT_FACTOR: f64 = 1.24;

/// A place in pixels, from the upper left corner.
pub(super) type At = (f64, f64);

/// An area to draw on, in pixels.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Where a text stands against its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    Right,
    /// Its middle is there.
    Middle,
    /// It ends there.
    Left,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: RGBColor,
    pub(super) side: Side,
}

/// Draws on an area of this size and gives what plotters wrote.
pub(super) fn drawn(size: At, paint: impl FnOnce(&Canvas) -> Drawn) -> Result<String, DrawingError> {
    let mut svg = String::new();
    {
        let size = ((size.0 * UNITS) as u32, (size.1 * UNITS) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&PAPER)?;
        let canvas = Canvas { area };
        paint(&canvas)?;
        canvas.area.present()?;
    }
    Ok(svg)
}

impl Canvas<'_> {
    /// A line of text, its middle at the height given.
    pub(super) fn text(&self, text: &str, at: At, set: Type) -> Drawn {
        let h_pos = match set.side {
            Side::Right => HPos::Left,
            Side::Middle => HPos::Center,
            Side::Left => HPos::Right,
        };
        let weight = if set.bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = ("sans-serif", set.size * UNITS * FONT_FACTOR, weight).into_font();
        let style = font.color(&set.colour).pos(Pos::new(h_pos, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), units(at), style))
    }

    /// A straight line.
    pub(super) fn line(&self, from: At, to: At, colour: RGBColor, width: f64) -> Drawn {
        self.path(&[from, to], colour, width)
    }

    /// A line through all the places.
    pub(super) fn path(&self, through: &[At], colour: RGBColor, width: f64) -> Drawn {
        let places: Vec<_> = through.iter().copied().map(units).collect();
        self.area.draw(&PathElement::new(places, stroke(colour, width)))
    }

    /// The same with gaps.
    pub(super) fn dashed(&self, through: &[At], dash: f64, colour: RGBColor, width: f64) -> Drawn {
        let places: Vec<_> = through.iter().copied().map(units).collect();
        let (dash, gap) = ((dash * UNITS) as u32, (3.0 * UNITS) as u32);
        self.area
            .draw(&DashedPathElement::new(places, dash, gap, stroke(colour, width)))
    }

    /// The area within the places, in a colour of this strength: 1 hides what lies below, 0 is not seen.
    pub(super) fn area(&self, around: &[At], colour: RGBColor, strength: f64) -> Drawn {
        let places: Vec<_> = around.iter().copied().map(units).collect();
        self.area.draw(&Polygon::new(places, colour.mix(strength).filled()))
    }

    /// A rectangle in a colour and a texture.
    pub(super) fn bar(&self, from: At, to: At, colour: RGBColor, texture: Texture) -> Drawn {
        let (left, right) = (units(from), units(to));
        let fill = |colour: RGBColor, alpha: f64| {
            self.area
                .draw(&Rectangle::new([left, right], colour.mix(alpha).filled()))
        };
        // Nothing shines through the pale ones.
        fill(PAPER, 1.0)?;
        match texture {
            Texture::Full => fill(colour, 1.0)?,
            Texture::Pale => fill(colour, 0.28)?,
            Texture::Hatched => {
                fill(colour, 0.1)?;
                self.hatch(from, to, colour, false)?;
            }
            Texture::Crossed => {
                fill(colour, 0.1)?;
                self.hatch(from, to, colour, false)?;
                self.hatch(from, to, colour, true)?;
            }
        }
        // plotters gives the outline of a rectangle no width, so it is a path.
        self.path(&[from, (to.0, from.1), to, (from.0, to.1), from], colour, 0.9)
    }

    /// Slanted lines across a rectangle, cut at its edges.
    fn hatch(&self, from: At, to: At, colour: RGBColor, falling: bool) -> Drawn {
        const STEP: f64 = 5.0;
        let (width, height) = (to.0 - from.0, to.1 - from.1);
        let mut start = STEP / 2.0;
        while start < width + height {
            // Along the bottom edge from `start` up and to the left, kept within the bar.
            let low = (start.min(width), height - (start - width).max(0.0));
            let high = ((start - height).max(0.0), height - start.min(height));
            let flip = |(x, y): At| {
                if falling {
                    (from.0 + width - x, from.1 + y)
                } else {
                    (from.0 + x, from.1 + y)
                }
            };
            self.line(flip(low), flip(high), colour, 0.9)?;
            start += STEP;
        }
        Ok(())
    }

    /// An area with these corners.
    pub(super) fn area_of(&self, corners: &[At], colour: RGBColor) -> Drawn {
        let places: Vec<_> = corners.iter().copied().map(units).collect();
        self.area.draw(&Polygon::new(places, colour.filled()))
    }

    /// The mark of a transport; an open one is filled with paper.
    pub(super) fn mark(&self, mark: Mark, at: At, radius: f64, colour: RGBColor, open: bool) -> Drawn {
        let outline = outline(mark, at, radius);
        let mut places: Vec<_> = outline.into_iter().map(units).collect();
        let fill = if open { PAPER } else { colour };
        self.area.draw(&Polygon::new(places.clone(), fill.filled()))?;
        places.extend(places.first().copied());
        self.area.draw(&PathElement::new(places, stroke(colour, 1.6)))
    }
}

fn units((x, y): At) -> (i32, i32) {
    ((x * UNITS).round() as i32, (y * UNITS).round() as i32)
}

fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    colour.stroke_width((width * UNITS).round() as u32)
}

/// The corners of a mark, each about as large to the eye as the others.
fn outline(mark: Mark, (x, y): At, radius: f64) -> Vec<At> {
    let (corners, turn, radius) = match mark {
        Mark::Circle => (24, 0.0, radius),
        Mark::Square => (4, 0.125, radius * 1.2),
        Mark::Triangle => (3, -0.25, radius * 1.35),
        Mark::Diamond => (4, 0.0, radius * 1.3),
    };
    (0..corners)
        .map(|corner| {
            let angle = (f64::from(corner) / f64::from(corners) + turn) * std::f64::consts::TAU;
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
        .collect()
}
