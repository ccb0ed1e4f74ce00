//! Figures over a knob, or over one another: a curve for each transport, measured points with the model's line through them.

use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use super::palette::{INK, QUIET, RULE, colour, mark};
use super::{Chart, Sheet};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::table::Table;

/// Room for the numbers of the vertical axis.
const LEFT: f64 = 74.0;
/// Between two panels.
const BETWEEN: f64 = 22.0;
/// More panels than this in a row would be too narrow to read.
const MOST_ACROSS: usize = 3;
const LEGEND: f64 = 26.0;
/// What the vertical axis counts.
const UNIT: f64 = 14.0;
/// The title of a panel.
const HEAD: f64 = 22.0;
/// The numbers and the title of the horizontal axis.
const FOOT: f64 = 46.0;
/// Where there is nothing of it, on an axis of ratios: so far below (or left of) the rest.
const NOUGHT: f64 = 26.0;
const INSET: f64 = 14.0;
const RADIUS: f64 = 4.6;
/// Half of the stroke that stands for the model's answer at one point: wider than the mark, so that it shows on both sides of it.
const STROKE: f64 = 8.5;
/// Between the marks of two transports at one word.
const BESIDE: f64 = 15.0;
/// Values that are further apart than this, as a ratio, are shown by their ratios.
const DECADE: f64 = 10.0;
/// The same of a knob: who doubles it from step to step means its ratios.
const FEW_TIMES: f64 = 3.5;

/// What a legend says of the lines.
const MODEL: &str = "the model";
const SCHEDULE: &str = "for this very schedule";

/// A chart of curves before it is drawn.
pub(crate) struct Curves {
    pub(crate) name: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) reading: &'static str,
    pub(crate) title: String,
    pub(crate) what: String,
    pub(crate) print: String,
    pub(crate) table: Table,
    pub(crate) across: Along,
    pub(crate) up: Along,
    /// All with the same axes.
    pub(crate) panels: Vec<Panel>,
}

/// What an axis shows.
pub(crate) struct Along {
    pub(crate) title: String,
    pub(crate) ticks: Ticks,
}

/// What is written along an axis.
pub(crate) enum Ticks {
    /// Round numbers, written by this.
    Round(fn(f64) -> String),
    /// These values with their texts.
    Given(Vec<(f64, String)>),
    /// Words without an order, at 0, 1, 2 ….
    Words(Vec<String>),
    /// From nothing to all.
    Share(fn(f64) -> String),
}

/// The curves for one value of a second knob.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) curves: Vec<Curve>,
    /// What somebody has published about it.
    pub(crate) marks: Vec<Published>,
    /// Heights that something is said about: a limit, a published figure.
    pub(crate) levels: Vec<(f64, String)>,
}

/// A published figure, with the words that are written beside it.
pub(crate) enum Published {
    /// A place of the horizontal axis.
    At(f64, String),
    /// A line. Its words stand in the lower right corner and say which line it is.
    Along(Vec<At>, String),
}

/// One transport.
pub(crate) struct Curve {
    pub(crate) transport: Transport,
    /// What was measured, in the order of the knob.
    pub(crate) spots: Vec<Spot>,
    /// What the model says of an average feed, at the points and between them.
    pub(crate) model: Vec<At>,
    /// Whether the points are joined where no model is drawn.
    pub(crate) is_joined: bool,
}

/// One measured point.
pub(crate) struct Spot {
    pub(crate) at: At,
    /// What the model says of the very schedule of this point.
    pub(crate) schedule: Option<At>,
    /// Drawn open: the run was unclear there.
    pub(crate) is_unclear: bool,
    /// Written beside it, where there is room.
    pub(crate) label: String,
}

/// The chart, framed.
pub(crate) fn curves(mut curves: Curves) -> Result<Chart, ReportError> {
    curves.leave_out_what_has_no_place();
    let frame = Frame::new(&curves.title, curves.print.clone());
    let drawn = curves.draw(&frame);
    let sheet = Sheet {
        name: curves.name,
        topic: curves.topic,
        reading: curves.reading,
        title: curves.title,
        what: curves.what,
        table: curves.table,
        drawn,
    };
    sheet.framed()
}

/// How much room a transport's mark and name take.
fn named(transport: Transport) -> f64 {
    10.0 + width(transport.title(), BODY.size) + 22.0
}

/// An axis with a place for what is nothing, which has none among ratios.
struct Scale {
    axis: Axis,
    nought: Option<f64>,
}

impl Scale {
    fn new(along: &Along, values: &[f64], (from, to): (f64, f64)) -> Self {
        let low = values
            .iter()
            .copied()
            .filter(|value| *value > 0.0)
            .fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let has_nought = values.contains(&0.0);
        match &along.ticks {
            Ticks::Share(_) => Scale::linear(1.0, (from, to)),
            Ticks::Words(words) => Scale::linear(
                words.len() as f64 - 1.0,
                (from + 3.0 * inset(from, to), to - 3.0 * inset(from, to)),
            ),
            ticks if low.is_finite() && high / low >= apart(ticks) => {
                let nought = has_nought.then_some(from + 0.5 * inset(from, to));
                let start = if has_nought {
                    from + NOUGHT * (to - from).signum()
                } else {
                    from
                };
                Scale {
                    axis: Axis::logarithmic(low, high, (start, to), INSET),
                    nought,
                }
            }
            _ => Scale::linear(high * 1.06, (from, to)),
        }
    }

    fn linear(to: f64, pixels: At) -> Self {
        Scale {
            axis: Axis::linear(to, pixels),
            nought: None,
        }
    }

    fn at(&self, value: f64) -> f64 {
        match self.nought {
            Some(nought) if value <= 0.0 => nought,
            _ => self.axis.at(value),
        }
    }

    /// Where to write what, the first being the most important.
    fn ticks(&self, along: &Along) -> Vec<(f64, String)> {
        let mut ticks: Vec<(f64, String)> = match &along.ticks {
            Ticks::Round(write) => self
                .axis
                .ticks()
                .into_iter()
                .map(|tick| (self.at(tick), write(tick)))
                .collect(),
            Ticks::Share(write) => [0.0, 0.25, 0.5, 0.75, 1.0]
                .map(|share| (self.at(share), write(share)))
                .into(),
            Ticks::Given(given) => given
                .iter()
                .map(|(value, text)| (self.at(*value), text.clone()))
                .collect(),
            Ticks::Words(words) => words
                .iter()
                .enumerate()
                .map(|(at, word)| (self.at(at as f64), word.clone()))
                .collect(),
        };
        if let (Some(nought), Ticks::Round(_)) = (self.nought, &along.ticks) {
            ticks.push((nought, "0".to_owned()));
        }
        ticks
    }
}

/// From which ratio on values are shown by their ratios.
fn apart(ticks: &Ticks) -> f64 {
    match ticks {
        Ticks::Given(_) => FEW_TIMES,
        _ => DECADE,
    }
}

/// Into the axis, whichever way it runs.
fn inset(from: f64, to: f64) -> f64 {
    INSET * (to - from).signum()
}

impl Curves {
    /// Among ratios nothing lies between 0 and the first point after it: the model goes straight from the one to the other.
    fn leave_out_what_has_no_place(&mut self) {
        let spots: Vec<f64> = self
            .curves()
            .flat_map(|curve| &curve.spots)
            .map(|spot| spot.at.0)
            .collect();
        let above = spots.iter().copied().filter(|x| *x > 0.0);
        let low = above.fold(f64::INFINITY, f64::min);
        let high = spots.iter().copied().fold(0.0, f64::max);
        if !spots.contains(&0.0) || high / low < apart(&self.across.ticks) {
            return;
        }
        for curve in self.panels.iter_mut().flat_map(|panel| &mut panel.curves) {
            curve.model.retain(|(x, _)| *x == 0.0 || *x >= low);
        }
    }

    fn draw(&self, frame: &Frame) -> Result<String, DrawingError> {
        let across = self.panels.len().clamp(1, MOST_ACROSS);
        let rows = self.panels.len().div_ceil(across);
        let wide = (WIDTH - MARGIN - LEFT - BETWEEN * (across as f64 - 1.0)) / across as f64;
        let high = if across == 1 { 300.0 } else { 210.0 };
        let head = if self.panels.len() > 1 { HEAD } else { 6.0 };
        let legend = self.legend_rows() as f64 * LEGEND;
        let top = frame.top() + legend + UNIT;
        let end = top + rows as f64 * (head + high + FOOT);
        drawn((WIDTH, frame.height(end)), |canvas| {
            frame.draw(canvas, end)?;
            self.legend(canvas, frame.top() + 4.0)?;
            // Above the axis: its own side has no room for a line of text.
            canvas.text(&self.up.title, (MARGIN, frame.top() + 4.0 + legend), SMALL)?;
            let middle = Type {
                side: Side::Middle,
                ..SMALL
            };
            let centre = (LEFT + WIDTH - MARGIN) / 2.0;
            canvas.text(&self.across.title, (centre, end - FOOT + 30.0), middle)?;
            for (n, panel) in self.panels.iter().enumerate() {
                let (row, column) = ((n / across) as f64, (n % across) as f64);
                let left = LEFT + column * (wide + BETWEEN);
                let upper = top + row * (head + high + FOOT) + head;
                let place = Place {
                    left,
                    right: left + wide,
                    top: upper,
                    bottom: upper + high,
                };
                self.panel(canvas, panel, &place, n % across == 0)?;
            }
            Ok(())
        })
    }

    /// Which mark and which colour is whose, and what the lines are.
    fn legend(&self, canvas: &Canvas, mut y: f64) -> Drawn {
        let mut x = MARGIN + 6.0;
        for transport in self.transports() {
            canvas.mark(mark(transport), (x, y), RADIUS, colour(transport), false)?;
            canvas.text(transport.title(), (x + 10.0, y), BODY)?;
            x += named(transport);
        }
        if self.legend_rows() > 1 {
            (x, y) = (MARGIN + 6.0, y + LEGEND - 6.0);
        }
        if self.has_model() {
            canvas.line((x, y), (x + 24.0, y), QUIET, 1.4)?;
            canvas.text(MODEL, (x + 30.0, y), SMALL)?;
            x += 30.0 + width(MODEL, SMALL.size) + 18.0;
        }
        if self.has_schedule() {
            canvas.line((x, y), (x + 14.0, y), INK, 2.2)?;
            canvas.text(SCHEDULE, (x + 20.0, y), SMALL)?;
        }
        Ok(())
    }

    /// The lines have a row of their own where the transports leave no room for them.
    fn legend_rows(&self) -> usize {
        let transports: f64 = self.transports().into_iter().map(named).sum();
        let model = self.has_model().then(|| 30.0 + width(MODEL, SMALL.size) + 18.0);
        let schedule = self.has_schedule().then(|| 20.0 + width(SCHEDULE, SMALL.size));
        let lines: f64 = model.into_iter().chain(schedule).sum();
        if lines > 0.0 && MARGIN + 6.0 + transports + lines > WIDTH - MARGIN {
            2
        } else {
            1
        }
    }

    fn curves(&self) -> impl Iterator<Item = &Curve> {
        self.panels.iter().flat_map(|panel| &panel.curves)
    }

    fn has_model(&self) -> bool {
        self.curves().any(|curve| !curve.model.is_empty())
    }

    fn has_schedule(&self) -> bool {
        let mut spots = self.curves().flat_map(|curve| &curve.spots);
        spots.any(|spot| spot.schedule.is_some())
    }

    fn transports(&self) -> Vec<Transport> {
        let mut there = Vec::new();
        for curve in self.curves() {
            if !there.contains(&curve.transport) {
                there.push(curve.transport);
            }
        }
        there
    }

    /// All values of one axis, of all panels: they share their axes.
    fn values(&self, of: fn(At) -> f64) -> Vec<f64> {
        let curves = self.curves();
        let all = curves.flat_map(|curve| {
            let spots = curve
                .spots
                .iter()
                .flat_map(|spot| [Some(spot.at), spot.schedule])
                .flatten();
            spots.chain(curve.model.iter().copied())
        });
        let marks = self.panels.iter().flat_map(|panel| &panel.marks);
        let published = marks.flat_map(|mark| match mark {
            Published::At(..) => [].iter(),
            Published::Along(places, _) => places.iter(),
        });
        all.chain(published.copied())
            .map(of)
            .filter(|value| value.is_finite())
            .collect()
    }

    fn panel(&self, canvas: &Canvas, panel: &Panel, place: &Place, is_first: bool) -> Drawn {
        let x = Scale::new(&self.across, &self.values(|at| at.0), (place.left, place.right));
        let mut heights = self.values(|at| at.1);
        heights.extend(
            self.panels
                .iter()
                .flat_map(|panel| &panel.levels)
                .map(|(height, _)| *height),
        );
        let y = Scale::new(&self.up, &heights, (place.bottom, place.top));
        self.grid(canvas, place, &x, &y, is_first)?;
        if self.panels.len() > 1 {
            let bold = Type { bold: true, ..BODY };
            canvas.text(&panel.title, (place.left, place.top - HEAD / 2.0), bold)?;
        }
        let at = |(across, up): At| (x.at(across), y.at(up));
        for (n, mark) in panel.marks.iter().enumerate() {
            let row = 14.0 * n as f64;
            match mark {
                Published::At(value, text) => {
                    let x = x.at(*value);
                    canvas.dashed(&[(x, place.top), (x, place.bottom)], 4.0, INK, 1.2)?;
                    place.beside(canvas, (x, place.top + 9.0 + row), text)?;
                }
                Published::Along(places, text) => {
                    let places: Vec<At> = places.iter().copied().map(at).collect();
                    canvas.dashed(&places, 4.0, INK, 1.2)?;
                    // Not at its end, where the curves' own points are.
                    place.beside(canvas, (place.right, place.bottom - 24.0 + row), text)?;
                }
            }
        }
        let beside = self.beside(panel.curves.len());
        let places = |n: usize| {
            let aside = beside(n);
            let (x, y) = (&x, &y);
            move |(across, up): At| (x.at(across) + aside, y.at(up))
        };
        let mut labels = Labels::default();
        for (n, curve) in panel.curves.iter().enumerate() {
            labels.keep_off_curve(curve, places(n));
        }
        for (value, text) in &panel.levels {
            place.level(canvas, y.at(*value), text, &labels)?;
        }
        for (n, curve) in panel.curves.iter().enumerate() {
            if let Ticks::Words(_) = self.across.ticks {
                curve.stems(canvas, places(n), place.bottom)?;
            }
            curve.lines(canvas, places(n))?;
        }
        for (n, curve) in panel.curves.iter().enumerate() {
            curve.marks(canvas, places(n))?;
        }
        for (n, curve) in panel.curves.iter().enumerate() {
            for spot in &curve.spots {
                labels.write(canvas, &spot.label, places(n)(spot.at), place)?;
            }
        }
        Ok(())
    }

    /// How far aside the marks of each of so many curves are: at a word they stand beside one another, along a number one over the other.
    fn beside(&self, curves: usize) -> impl Fn(usize) -> f64 + use<> {
        let apart = match self.across.ticks {
            Ticks::Words(_) => BESIDE,
            _ => 0.0,
        };
        move |n| (n as f64 - (curves as f64 - 1.0) / 2.0) * apart
    }

    fn grid(&self, canvas: &Canvas, place: &Place, x: &Scale, y: &Scale, is_first: bool) -> Drawn {
        let left = Type {
            side: Side::Left,
            ..SMALL
        };
        let middle = Type {
            side: Side::Middle,
            ..SMALL
        };
        for (at, text) in y.ticks(&self.up) {
            canvas.line((place.left, at), (place.right, at), RULE, 1.0)?;
            if is_first {
                canvas.text(&text, (place.left - 8.0, at), left)?;
            }
        }
        let mut written = f64::NEG_INFINITY;
        let mut ticks = x.ticks(&self.across);
        ticks.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (at, text) in ticks {
            canvas.line((at, place.top), (at, place.bottom), RULE, 1.0)?;
            let half = width(&text, SMALL.size) / 2.0;
            // Where two texts would touch, the second is left out; its line stays.
            if at - half > written + 4.0 {
                canvas.text(&text, (at, place.bottom + 12.0), middle)?;
                written = at + half;
            }
        }
        canvas.line((place.left, place.bottom), (place.right, place.bottom), QUIET, 1.0)?;
        Ok(())
    }
}

/// Where a panel is, in pixels.
struct Place {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Place {
    /// Words beside what somebody has published: at its right, or where there is no room at its left.
    fn beside(&self, canvas: &Canvas, (x, y): At, text: &str) -> Drawn {
        let fits_right = x + 6.0 + width(text, SMALL.size) < self.right;
        let (x, side) = if fits_right {
            (x + 6.0, Side::Right)
        } else {
            (x - 6.0, Side::Left)
        };
        canvas.text(
            text,
            (x, y),
            Type {
                side,
                colour: INK,
                ..SMALL
            },
        )
    }

    /// A dashed line at a height, with its text where no curve runs through it.
    fn level(&self, canvas: &Canvas, y: f64, text: &str, taken: &Labels) -> Drawn {
        canvas.dashed(&[(self.left, y), (self.right, y)], 4.0, INK, 1.2)?;
        let middle = Type {
            side: Side::Middle,
            colour: INK,
            ..SMALL
        };
        canvas.text(text, self.beside_level(y, text, taken), middle)
    }

    /// The middle of a level's text: above its right end, or else the first free place to the left of that, or below the line; above the
    /// right end where all is taken.
    fn beside_level(&self, y: f64, text: &str, taken: &Labels) -> At {
        let (half, tall) = (width(text, SMALL.size) / 2.0, 7.0);
        let (last, first) = (self.right - 4.0 - half, self.left + 4.0 + half);
        let steps = ((last - first) / half).max(0.0) as u32;
        let across = |step: u32| last - half * f64::from(step);
        let all = [y - 8.0, y + 9.0]
            .into_iter()
            .flat_map(|y| (0..=steps).map(move |step| (across(step), y)));
        let mut free = all.filter(|(x, y)| {
            let inside = y - tall >= self.top && y + tall <= self.bottom;
            let (from, to) = ((x - half, y - tall), (x + half, y + tall));
            inside && taken.is_free(from, to) && taken.is_off_lines(from, to)
        });
        free.next().unwrap_or((last, y - 8.0))
    }
}

impl Curve {
    /// From the foot of the chart up to each mark: what stands at a word is no part of a curve.
    fn stems(&self, canvas: &Canvas, at: impl Fn(At) -> At, bottom: f64) -> Drawn {
        for spot in &self.spots {
            let (x, y) = at(spot.at);
            canvas.line((x, bottom), (x, y), colour(self.transport), 1.4)?;
        }
        Ok(())
    }

    fn lines(&self, canvas: &Canvas, at: impl Fn(At) -> At) -> Drawn {
        let colour = colour(self.transport);
        let through: Vec<At> = self.joined().map(at).collect();
        match (self.model.len(), through.len()) {
            (2.., _) => canvas.path(&through, colour, 1.4),
            (_, 2..) => canvas.dashed(&through, 2.0, colour, 1.0),
            _ => Ok(()),
        }
    }

    /// The corners of its line: the model’s where there is one, the points themselves otherwise.
    fn joined(&self) -> impl Iterator<Item = At> {
        let (model, is_joined) = (self.model.len() > 1, self.is_joined);
        let spots = self.spots.iter().map(|spot| spot.at);
        let model_line = self.model.iter().copied().filter(move |_| model);
        model_line.chain(spots.filter(move |_| !model && is_joined))
    }

    fn marks(&self, canvas: &Canvas, at: impl Fn(At) -> At) -> Drawn {
        let colour = colour(self.transport);
        for spot in &self.spots {
            if let Some((x, y)) = spot.schedule.map(&at) {
                canvas.line((x - STROKE, y), (x + STROKE, y), colour, 2.2)?;
            }
            canvas.mark(mark(self.transport), at(spot.at), RADIUS, colour, spot.is_unclear)?;
        }
        Ok(())
    }
}

/// What is taken already.
#[derive(Default)]
struct Labels {
    /// Corners, upper left and lower right: nothing is written over them.
    boxes: Vec<(At, At)>,
    /// Places of lines: they are written over where nothing else is free.
    lines: Vec<At>,
}

impl Labels {
    /// A mark, and the model's stroke across it or near it: a number that touches the stroke reads as one with a minus.
    fn keep_off_spot(&mut self, spot: &Spot, at: impl Fn(At) -> At) {
        self.keep_off(at(spot.at), RADIUS + 1.0, RADIUS + 1.0);
        if let Some(place) = spot.schedule.map(at) {
            self.keep_off(place, STROKE + 2.0, 2.0);
        }
    }

    /// A curve's marks, and its line.
    fn keep_off_curve(&mut self, curve: &Curve, at: impl Fn(At) -> At) {
        curve.spots.iter().for_each(|spot| self.keep_off_spot(spot, &at));
        self.keep_off_line(&curve.joined().map(&at).collect::<Vec<At>>());
    }

    /// Whether nothing is written between these corners, and no mark stands there.
    fn is_free(&self, from: At, to: At) -> bool {
        let is_apart = |(a, b): &(At, At)| to.0 <= a.0 || b.0 <= from.0 || to.1 <= a.1 || b.1 <= from.1;
        self.boxes.iter().all(is_apart)
    }

    /// Whether no line crosses letters between these corners.
    fn is_off_lines(&self, from: At, to: At) -> bool {
        let mut lines = self.lines.iter();
        // A letter is lower than its line.
        lines.all(|(x, y)| *x < from.0 || *x > to.0 || *y < from.1 + 1.0 || *y > to.1 - 1.0)
    }

    /// A line through these corners.
    fn keep_off_line(&mut self, corners: &[At]) {
        const STEP: f64 = 3.0;
        for pair in corners.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let steps = ((x1 - x0).hypot(y1 - y0) / STEP).ceil().max(1.0) as u32;
            self.lines.extend((0..=steps).map(|step| {
                let share = f64::from(step) / f64::from(steps);
                (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)
            }));
        }
    }

    fn keep_off(&mut self, (x, y): At, wide: f64, high: f64) {
        self.boxes.push(((x - wide, y - high), (x + wide, y + high)));
    }

    /// Right of the mark or left, there behind the stroke, above or below it, or askew: where nothing else is, nor a line if it can be; nowhere
    /// when there is no room.
    fn write(&mut self, canvas: &Canvas, text: &str, (x, y): At, within: &Place) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let (half, tall) = (width(text, SMALL.size) / 2.0, 7.0);
        let (near, far) = (RADIUS + 4.0, STROKE + 4.0);
        let middles = [
            (x + near + half, y),
            (x - near - half, y),
            (x + far + half, y),
            (x - far - half, y),
            (x, y - near - tall),
            (x, y + near + tall),
            (x + near + half, y - near - 2.0),
            (x + near + half, y + near + 2.0),
            (x - near - half, y - near - 2.0),
            (x - near - half, y + near + 2.0),
        ];
        let around = |(mx, my): At| ((mx - half, my - tall), (mx + half, my + tall));
        let is_free = |middle: &At| {
            let (from, to) = around(*middle);
            let inside = from.0 >= within.left && to.0 <= within.right && from.1 >= within.top && to.1 <= within.bottom;
            inside && self.is_free(from, to)
        };
        let is_off_lines = |middle: &&At| {
            let (from, to) = around(**middle);
            self.is_off_lines(from, to)
        };
        let free: Vec<At> = middles.into_iter().filter(is_free).collect();
        let Some(&middle) = free.iter().find(is_off_lines).or(free.first()) else {
            return Ok(());
        };
        self.boxes.push(around(middle));
        let written = Type {
            side: Side::Middle,
            ..SMALL
        };
        canvas.text(text, middle, written)
    }
}

/// A number on an axis of these charts.
pub(crate) fn number(value: f64) -> String {
    plain(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(ticks: Ticks) -> Along {
        Along {
            title: String::new(),
            ticks,
        }
    }

    #[test]
    fn nothing_has_a_place_beside_ratios() {
        let scale = Scale::new(&along(Ticks::Round(plain)), &[0.0, 1.0, 100.0], (100.0, 500.0));
        assert!(scale.at(0.0) < scale.at(1.0) - 10.0);
        assert!((scale.at(10.0) - (scale.at(1.0) + scale.at(100.0)) / 2.0).abs() < 1e-6);
        let ticks = scale.ticks(&along(Ticks::Round(plain)));
        assert_eq!(ticks.last().unwrap().1, "0");
        // The same upwards, where pixels count down.
        let up = Scale::new(&along(Ticks::Round(plain)), &[0.0, 1.0, 100.0], (500.0, 100.0));
        assert!(up.at(0.0) > up.at(1.0) + 10.0);
    }

    #[test]
    fn values_near_one_another_begin_at_nothing() {
        let scale = Scale::new(&along(Ticks::Round(plain)), &[20.0, 40.0], (0.0, 106.0));
        assert!((scale.at(40.0) - 100.0).abs() < 1e-6 && scale.at(0.0) == 0.0);
    }

    #[test]
    fn words_of_a_limit_stand_where_no_curve_runs() {
        let place = Place {
            left: 0.0,
            right: 600.0,
            top: 0.0,
            bottom: 300.0,
        };
        let text = "the limit: delay.p99 < 600ms";
        let half = width(text, SMALL.size) / 2.0;
        let mut taken = Labels::default();
        assert_eq!(place.beside_level(100.0, text, &taken), (596.0 - half, 92.0));
        // A curve that crosses the line near its right end.
        let curve = Curve {
            transport: Transport::LongPoll,
            spots: Vec::new(),
            model: vec![(450.0, 150.0), (590.0, 50.0)],
            is_joined: false,
        };
        taken.keep_off_curve(&curve, |at| at);
        let (x, y) = place.beside_level(100.0, text, &taken);
        assert!(y < 100.0 && x + half < 540.0 && x - half >= 0.0, "{x} {y}");
        // Where nothing is free they stay.
        taken.keep_off((300.0, 150.0), 300.0, 150.0);
        assert_eq!(place.beside_level(100.0, text, &taken), (596.0 - half, 92.0));
    }

    #[test]
    fn between_nothing_and_the_first_point_the_model_goes_straight() {
        let spot = |x| Spot {
            at: (x, 1.0),
            schedule: None,
            is_unclear: false,
            label: String::new(),
        };
        let with = |xs: &[f64]| Curves {
            name: "n",
            topic: "t",
            reading: "r",
            title: "t".to_owned(),
            what: String::new(),
            print: String::new(),
            table: Table {
                name: "n",
                caption: String::new(),
                corner: String::new(),
                columns: Vec::new(),
                groups: Vec::new(),
                numeric: true,
            },
            across: along(Ticks::Round(plain)),
            up: along(Ticks::Round(plain)),
            panels: vec![Panel {
                title: String::new(),
                curves: vec![Curve {
                    transport: Transport::Poll,
                    spots: xs.iter().copied().map(spot).collect(),
                    model: [0.0, 1.0, 5.0, 10.0, 100.0].map(|x| (x, 1.0)).into(),
                    is_joined: true,
                }],
                marks: Vec::new(),
                levels: Vec::new(),
            }],
        };
        let left = |xs: &[f64]| {
            let mut curves = with(xs);
            curves.leave_out_what_has_no_place();
            let model = &curves.panels[0].curves[0].model;
            model.iter().map(|(x, _)| *x).collect::<Vec<_>>()
        };
        assert_eq!(left(&[0.0, 10.0, 100.0]), [0.0, 10.0, 100.0]);
        // An axis of equal steps has a place for each of them, and one without a 0 has no gap.
        assert_eq!(left(&[0.0, 50.0, 100.0]).len(), 5);
        assert_eq!(left(&[1.0, 100.0]).len(), 5);
    }

    #[test]
    fn a_number_does_not_touch_the_stroke_of_the_model() {
        let place = Place {
            left: 0.0,
            right: 200.0,
            top: 0.0,
            bottom: 100.0,
        };
        let taken_by = |schedule| {
            let mut labels = Labels::default();
            let spot = Spot {
                at: (100.0, 50.0),
                schedule,
                is_unclear: false,
                label: "56".to_owned(),
            };
            labels.keep_off_spot(&spot, |at| at);
            drawn((200.0, 100.0), |canvas| {
                labels.write(canvas, &spot.label, spot.at, &place)
            })
            .unwrap();
            *labels.boxes.last().unwrap()
        };
        assert!(taken_by(None).0.0 < 100.0 + STROKE + 1.0);
        for stroke in [44.0, 50.0, 55.0] {
            let (from, _) = taken_by(Some((100.0, stroke)));
            assert!(
                from.0 >= 100.0 + STROKE + 2.0,
                "a number at {from:?}, a stroke at {stroke}"
            );
        }
        // A stroke far above is in nobody's way.
        assert_eq!(taken_by(None), taken_by(Some((100.0, 10.0))));
    }

    #[test]
    fn a_word_does_not_lie_on_a_line() {
        let place = Place {
            left: 0.0,
            right: 200.0,
            top: 0.0,
            bottom: 100.0,
        };
        let written = |line: &[At]| {
            let mut labels = Labels::default();
            labels.keep_off((100.0, 50.0), RADIUS, RADIUS);
            labels.keep_off_line(line);
            drawn((200.0, 100.0), |canvas| {
                labels.write(canvas, "25s", (100.0, 50.0), &place)
            })
            .unwrap();
            *labels.boxes.last().unwrap()
        };
        let (from, _) = written(&[]);
        assert!(from.0 > 100.0, "at the right where nothing is");
        let (from, to) = written(&[(100.0, 50.0), (190.0, 50.0)]);
        assert!(to.0 < 100.0 || to.1 < 50.0 || from.1 > 50.0, "{from:?} {to:?}");
        // Better on a line than nowhere.
        let everywhere: Vec<At> = (0..100)
            .flat_map(|y| [(0.0, f64::from(y)), (200.0, f64::from(y))])
            .collect();
        assert_eq!(written(&everywhere), written(&[]));
    }

    #[test]
    fn the_legend_has_no_row_for_lines_that_are_not_there() {
        let rows = |of_the_model: Option<At>| {
            let spot = || Spot {
                at: (1.0, 1.0),
                schedule: of_the_model,
                is_unclear: false,
                label: String::new(),
            };
            let curve = |transport| Curve {
                transport,
                spots: vec![spot()],
                model: of_the_model.into_iter().collect(),
                is_joined: true,
            };
            let panel = Panel {
                title: String::new(),
                curves: Transport::ALL.map(curve).into(),
                marks: Vec::new(),
                levels: Vec::new(),
            };
            let curves = Curves {
                name: "cpu",
                topic: "",
                reading: "",
                title: String::new(),
                what: String::new(),
                print: String::new(),
                table: Table {
                    name: "cpu",
                    caption: String::new(),
                    corner: String::new(),
                    columns: Vec::new(),
                    groups: Vec::new(),
                    numeric: true,
                },
                across: along(Ticks::Round(plain)),
                up: along(Ticks::Round(plain)),
                panels: vec![panel],
            };
            curves.legend_rows()
        };
        assert_eq!((rows(None), rows(Some((1.0, 1.0)))), (1, 2));
    }

    #[test]
    fn words_stand_apart_and_within() {
        let words = Ticks::Words(vec!["fixed".into(), "after-answer".into()]);
        let scale = Scale::new(&along(words), &[0.0, 1.0], (0.0, 400.0));
        assert!(scale.at(0.0) > 20.0 && scale.at(1.0) < 380.0);
    }
}
