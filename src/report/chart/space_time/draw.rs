//! Drawing the panels side by side on one axis of time.

use plotters::style::RGBColor;

use super::panel::{Arrow, Hold, Panel, Range};
use crate::report::chart::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use crate::report::chart::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use crate::report::chart::palette::{INK, QUIET, RULE, Texture, colour, mark};
use crate::report::number::milliseconds;
use crate::report::wire::Kind;
use crate::results::Way;

/// The height of the axis of time.
const HEIGHT: f64 = 640.0;
/// Room for the numbers at the axis.
const AXIS: f64 = 58.0;
/// From a panel's edge to the listener's lane, with the delays; and from the server's lane to the other edge, with the letters.
const BESIDE: (f64, f64) = (60.0, 30.0);
/// The heading of a panel and the names of its lanes.
const HEADING: f64 = 44.0;
/// The height that a label takes.
const LABEL: f64 = 13.0;
/// Between a label and a line.
const CLEAR: f64 = 0.5;
const LABEL_SIZE: f64 = 10.5;
/// Farther apart lanes are no clearer.
const WIDEST: f64 = 260.0;
/// How far a held request's bar stands out on either side of the lane.
const BAR: f64 = 3.5;

/// Where things are in the picture.
struct Place {
    top: f64,
    range: Range,
}

/// The lanes of one panel.
#[derive(Clone, Copy)]
struct Lanes {
    listener: f64,
    server: f64,
}

/// Labels between the lanes, where lines are.
struct Labels {
    between: (f64, f64),
    height: (f64, f64),
    lines: Vec<(At, At)>,
    /// Left, right, top and bottom of what is taken.
    boxes: Vec<[f64; 4]>,
}

/// Labels of one column, kept apart: each lies as near to its place as the others let it.
#[derive(Default)]
struct Column {
    taken: Vec<f64>,
}

pub(super) fn draw(frame: &Frame, panels: &[Panel], names: &[String], range: Range) -> Result<String, DrawingError> {
    let place = Place {
        top: frame.top() + HEADING,
        range,
    };
    let end = place.top + HEIGHT + 14.0;
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        axis(canvas, &place)?;
        let width = (WIDTH - 2.0 * MARGIN - AXIS) / panels.len() as f64;
        let width = width.min(WIDEST);
        for (at, panel) in panels.iter().enumerate() {
            let left = MARGIN + AXIS + width * at as f64;
            let lanes = Lanes {
                listener: left + BESIDE.0,
                server: left + width - BESIDE.1,
            };
            draw_panel(canvas, &place, lanes, panel, names)?;
        }
        Ok(())
    })
}

impl Place {
    fn y(&self, at_us: i64) -> f64 {
        let share = (at_us - self.range.from_us) as f64 / (self.range.until_us - self.range.from_us) as f64;
        self.top + share.clamp(0.0, 1.0) * HEIGHT
    }
}

/// Lines at round instants, counted from the beginning of the picture.
fn axis(canvas: &Canvas, place: &Place) -> Drawn {
    let length_ms = (place.range.until_us - place.range.from_us) as f64 / 1000.0;
    let rough = length_ms / 8.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * decade)
        .find(|step| *step >= rough);
    let step_ms = step.unwrap_or(10.0 * decade);
    let label = Type {
        side: Side::Left,
        ..SMALL
    };
    let mut at_ms = 0.0;
    while at_ms <= length_ms {
        let y = place.y(place.range.from_us + (at_ms * 1000.0) as i64);
        canvas.line((MARGIN + AXIS, y), (WIDTH - MARGIN, y), RULE, 0.8)?;
        canvas.text(&milliseconds(at_ms), (MARGIN + AXIS - 8.0, y), label)?;
        at_ms += step_ms;
    }
    Ok(())
}

fn draw_panel(canvas: &Canvas, place: &Place, lanes: Lanes, panel: &Panel, names: &[String]) -> Drawn {
    let tint = colour(panel.transport);
    heading(canvas, place, lanes, panel)?;
    for hold in &panel.holds {
        draw_hold(canvas, place, lanes, hold, tint)?;
    }
    for x in [lanes.listener, lanes.server] {
        canvas.line((x, place.top), (x, place.top + HEIGHT), QUIET, 1.2)?;
    }
    for arrow in &panel.arrows {
        draw_arrow(canvas, place, lanes, arrow, tint)?;
    }
    let shakes = handshakes(place, lanes, panel);
    for ((from, to), _, _) in &shakes {
        canvas.dashed(&[*from, *to], 3.0, QUIET, 1.1)?;
        head(canvas, *from, *to, QUIET)?;
    }
    let lines = panel.arrows.iter().filter_map(|arrow| visible(place, lanes, arrow));
    let mut labels = Labels {
        between: (lanes.listener + 2.0, lanes.server - BAR - 2.0),
        height: (place.top, place.top + HEIGHT),
        lines: lines.chain(shakes.iter().map(|(line, ..)| *line)).collect(),
        boxes: Vec::new(),
    };
    for arrow in &panel.arrows {
        label_arrow(canvas, place, lanes, arrow, names, &mut labels)?;
    }
    for (line, way, text) in shakes {
        label_line(canvas, line, way, text, false, &mut labels)?;
    }
    for hold in &panel.holds {
        label_hold(canvas, place, lanes, hold, &mut labels)?;
    }
    draw_messages(canvas, place, lanes, panel, names)
}

/// The two ways of each handshake, with what goes there.
fn handshakes(place: &Place, lanes: Lanes, panel: &Panel) -> Vec<((At, At), Way, &'static str)> {
    let half_us = panel.handshake_us / 2;
    // On bare loopback there is no way to be seen, and one that began before the picture is left out.
    let seen = panel
        .opened_us
        .iter()
        .filter(|opened_us| half_us > 0 && place.range.contains(**opened_us - 2 * half_us));
    let ways = seen.flat_map(|opened_us| {
        let [begun, reached, opened] = [2, 1, 0].map(|halves| place.y(opened_us - halves * half_us));
        [
            (((lanes.listener, begun), (lanes.server, reached)), Way::Out, "SYN"),
            (((lanes.server, reached), (lanes.listener, opened)), Way::In, "SYN, ACK"),
        ]
    });
    ways.collect()
}

fn heading(canvas: &Canvas, place: &Place, lanes: Lanes, panel: &Panel) -> Drawn {
    let middle = (lanes.listener + lanes.server) / 2.0;
    let bold = Type {
        bold: true,
        side: Side::Middle,
        ..BODY
    };
    canvas.text(panel.transport.title(), (middle, place.top - HEADING + 8.0), bold)?;
    let lane = Type {
        side: Side::Middle,
        ..SMALL
    };
    canvas.text("listener", (lanes.listener, place.top - 12.0), lane)?;
    canvas.text("server", (lanes.server, place.top - 12.0), lane)
}

fn draw_hold(canvas: &Canvas, place: &Place, lanes: Lanes, hold: &Hold, tint: RGBColor) -> Drawn {
    let (from, until) = (
        place.y(hold.from_us),
        place.y(hold.until_us.unwrap_or(place.range.until_us)),
    );
    // What is answered at once is not held.
    if until - from < 2.0 {
        return Ok(());
    }
    let tint = if hold.is_empty { QUIET } else { tint };
    canvas.bar(
        (lanes.server - BAR, from),
        (lanes.server + BAR, until),
        tint,
        Texture::Pale,
    )
}

impl Lanes {
    /// Where something is that goes this way: at its beginning and at its end.
    fn ends(self, way: Way) -> (f64, f64) {
        match way {
            Way::Out => (self.listener, self.server),
            Way::In => (self.server, self.listener),
        }
    }
}

/// The part of an arrow that the picture shows.
fn visible(place: &Place, lanes: Lanes, arrow: &Arrow) -> Option<(At, At)> {
    let to_us = arrow.to_us?;
    let (start, end) = lanes.ends(arrow.way);
    let at = |us: i64| {
        let share = (us - arrow.from_us) as f64 / (to_us - arrow.from_us).max(1) as f64;
        (start + share * (end - start), place.y(us))
    };
    Some((
        at(arrow.from_us.max(place.range.from_us)),
        at(to_us.min(place.range.until_us)),
    ))
}

pub(super) fn tint_of(arrow: &Arrow, tint: RGBColor) -> RGBColor {
    match arrow.kind {
        Kind::Unknown => INK,
        _ if arrow.is_empty => QUIET,
        _ => tint,
    }
}

fn draw_arrow(canvas: &Canvas, place: &Place, lanes: Lanes, arrow: &Arrow, tint: RGBColor) -> Drawn {
    let tint = tint_of(arrow, tint);
    let Some((from, to)) = visible(place, lanes, arrow) else {
        return Ok(());
    };
    let width = if arrow.carries.is_empty() { 1.1 } else { 2.0 };
    canvas.line(from, to, tint, width)?;
    if arrow.to_us.is_some_and(|to_us| to_us < place.range.until_us) {
        head(canvas, from, to, tint)?;
    }
    Ok(())
}

/// The head of an arrow.
fn head(canvas: &Canvas, from: At, to: At, tint: RGBColor) -> Drawn {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(0.1);
    let (dx, dy) = (dx / length, dy / length);
    let wing = |side: f64| (to.0 - 7.0 * dx + side * 3.2 * dy, to.1 - 7.0 * dy - side * 3.2 * dx);
    canvas.area_of(&[to, wing(1.0), wing(-1.0)], tint)
}

/// What it is, and which messages it carries.
fn words(arrow: &Arrow, names: &[String]) -> String {
    let what = match arrow.kind {
        Kind::Request => "GET".to_owned(),
        Kind::Answer(status) => status.to_string(),
        Kind::Chunk if arrow.carries.is_empty() => "heartbeat".to_owned(),
        Kind::Chunk => "event".to_owned(),
        Kind::Frame(8) => "close".to_owned(),
        Kind::Frame(9) => "ping".to_owned(),
        Kind::Frame(10) => "pong".to_owned(),
        Kind::Frame(_) => "frame".to_owned(),
        Kind::Unknown => "?".to_owned(),
    };
    let letters: Vec<String> = arrow.carries.iter().filter_map(|text| letter(text, names)).collect();
    [vec![what], letters].concat().join(" ")
}

/// What a message is called.
pub(super) fn letter(text: &str, names: &[String]) -> Option<String> {
    let at = names.iter().position(|name| name == text)?;
    Some(char::from(b'A' + (at % 26) as u8).to_string())
}

/// The label of an arrow stands where no line and no other label is, beside its middle if it can; without a place it is left out.
fn label_arrow(
    canvas: &Canvas,
    place: &Place,
    lanes: Lanes,
    arrow: &Arrow,
    names: &[String],
    labels: &mut Labels,
) -> Drawn {
    let Some((from, to)) = visible(place, lanes, arrow) else {
        return Ok(());
    };
    // Of an arrow that the picture cuts off, there is too little to name.
    if (to.0 - from.0).abs() < 0.6 * (lanes.server - lanes.listener) {
        return Ok(());
    }
    label_line(
        canvas,
        (from, to),
        arrow.way,
        &words(arrow, names),
        !arrow.carries.is_empty(),
        labels,
    )
}

/// The same for any line.
fn label_line(
    canvas: &Canvas,
    (from, to): (At, At),
    way: Way,
    text: &str,
    carries: bool,
    labels: &mut Labels,
) -> Drawn {
    // Answers come from above and requests go on below, so that what belongs together stays together.
    let away = if way == Way::Out { 1.0 } else { -1.0 };
    let places = [0.5, 0.36, 0.64]
        .into_iter()
        .flat_map(|share| [(share, away), (share, -away)]);
    for (share, away) in places {
        let on_line = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
        for distance in [8.0, 9.5, 11.0, 14.0, 19.0, 24.0] {
            let middle = (on_line.0, on_line.1 + away * distance);
            if labels.is_beside(on_line, middle.1) && labels.take(middle, width(text, LABEL_SIZE)) {
                let set = Type {
                    side: Side::Middle,
                    size: LABEL_SIZE,
                    bold: carries,
                    colour: if carries { INK } else { QUIET },
                };
                return canvas.text(text, middle, set);
            }
        }
    }
    Ok(())
}

/// How long a request is held, beside the bar.
fn label_hold(canvas: &Canvas, place: &Place, lanes: Lanes, hold: &Hold, labels: &mut Labels) -> Drawn {
    let Some(until_us) = hold.until_us else {
        return Ok(());
    };
    let (from, until) = (place.y(hold.from_us), place.y(until_us));
    let text = format!(
        "held {}",
        milliseconds(((until_us - hold.from_us) as f64 / 1000.0).round())
    );
    let wide = width(&text, LABEL_SIZE);
    let middle = (lanes.server - BAR - 5.0 - wide / 2.0, (from + until) / 2.0);
    if until - from < 3.0 * LABEL || !labels.take(middle, wide) {
        return Ok(());
    }
    let set = Type {
        size: LABEL_SIZE,
        side: Side::Left,
        ..SMALL
    };
    canvas.text(&text, (lanes.server - BAR - 5.0, middle.1), set)
}

/// Letters where the server accepted a message, and how long it took where the listener had it.
fn draw_messages(canvas: &Canvas, place: &Place, lanes: Lanes, panel: &Panel, names: &[String]) -> Drawn {
    let (tint, shape) = (colour(panel.transport), mark(panel.transport));
    let (mut accepted, mut heard) = (Column::default(), Column::default());
    for opened_us in &panel.opened_us {
        let y = place.y(*opened_us);
        canvas.line((lanes.listener - 5.0, y), (lanes.listener + 5.0, y), INK, 1.6)?;
        let set = Type {
            side: Side::Left,
            size: LABEL_SIZE,
            ..SMALL
        };
        canvas.text("connects", (lanes.listener - 8.0, heard.near(y)), set)?;
    }
    for message in &panel.messages {
        let Some(letter) = letter(&message.text, names) else {
            continue;
        };
        let y = place.y(message.accepted_us);
        canvas.mark(shape, (lanes.server, y), 3.6, tint, true)?;
        let bold = Type { bold: true, ..SMALL };
        canvas.text(
            &letter,
            (lanes.server + 9.0, accepted.near(y)),
            Type { colour: INK, ..bold },
        )?;
        let Some((at_us, delay_ms)) = message.heard_us.zip(message.delay_ms()) else {
            continue;
        };
        if !place.range.contains(at_us) {
            continue;
        }
        let y = place.y(at_us);
        canvas.mark(shape, (lanes.listener, y), 3.6, tint, false)?;
        let text = format!("{letter} {}", milliseconds(delay_ms.round()));
        let set = Type {
            side: Side::Left,
            size: 10.5,
            colour: INK,
            ..SMALL
        };
        canvas.text(&text, (lanes.listener - 8.0, heard.near(y)), set)?;
    }
    Ok(())
}

impl Labels {
    /// Whether no other line lies between a place on a line and a label at this height: it would be taken for that one's.
    fn is_beside(&self, (x, on_line): At, y: f64) -> bool {
        let (top, bottom) = (on_line.min(y) + 0.3, on_line.max(y) - 0.3);
        self.lines.iter().all(|(from, to)| {
            let at = from.1 + (x - from.0) / (to.0 - from.0) * (to.1 - from.1);
            x < from.0.min(to.0) || x > from.0.max(to.0) || at < top || at > bottom
        })
    }

    /// Takes a box around this place if it is free.
    fn take(&mut self, (x, y): At, wide: f64) -> bool {
        let (left, right) = (x - wide / 2.0, x + wide / 2.0);
        let (top, bottom) = (y - LABEL / 2.0, y + LABEL / 2.0);
        let inside =
            left >= self.between.0 && right <= self.between.1 && top >= self.height.0 && bottom <= self.height.1;
        let off_lines = self.lines.iter().all(|(from, to)| {
            let (low, high) = if from.0 < to.0 { (from, to) } else { (to, from) };
            if high.0 < left || low.0 > right {
                return true;
            }
            let at = |x: f64| low.1 + (x.clamp(low.0, high.0) - low.0) / (high.0 - low.0).max(0.1) * (high.1 - low.1);
            let (one, other) = (at(left), at(right));
            one.max(other) < top - CLEAR || one.min(other) > bottom + CLEAR
        });
        let off_boxes = self.boxes.iter().all(|taken| {
            let [taken_left, taken_right, taken_top, taken_bottom] = *taken;
            right < taken_left || left > taken_right || bottom < taken_top || top > taken_bottom
        });
        let is_free = inside && off_lines && off_boxes;
        if is_free {
            self.boxes.push([left, right, top, bottom]);
        }
        is_free
    }
}

impl Column {
    /// Takes the next free place from here on down.
    fn near(&mut self, mut y: f64) -> f64 {
        // A hair less than a label, as a label's height farther down may come out as a rounding error too near.
        while let Some(taken) = self.taken.iter().find(|taken| (*taken - y).abs() < LABEL - 0.001) {
            y = taken + LABEL;
        }
        self.taken.push(y);
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_off_lines_and_off_one_another() {
        let mut labels = Labels {
            between: (0.0, 100.0),
            height: (0.0, 200.0),
            lines: vec![((0.0, 50.0), (100.0, 90.0))],
            boxes: Vec::new(),
        };
        assert!(labels.is_beside((50.0, 70.0), 90.0) && labels.is_beside((50.0, 100.0), 80.0));
        assert!(!labels.is_beside((50.0, 60.0), 90.0), "the line lies between");
        assert!(!labels.take((50.0, 70.0), 30.0), "on the line");
        assert!(labels.take((20.0, 80.0), 30.0), "below its upper end");
        assert!(!labels.take((30.0, 85.0), 30.0), "on another label");
        assert!(!labels.take((90.0, 20.0), 30.0), "beyond the lane");
        assert!(!labels.take((50.0, 198.0), 30.0), "below the picture");
    }

    #[test]
    fn a_column_ends_its_search_at_any_height() {
        // Of such heights some are less than 13 from themselves plus 13.
        for step in 0..2_000 {
            let y = 500.0 + f64::from(step) * 0.123_456_789;
            let mut column = Column::default();
            assert_eq!((column.near(y), column.near(y)), (y, y + LABEL));
        }
    }

    #[test]
    fn a_column_moves_labels_down() {
        let mut column = Column::default();
        assert_eq!(
            [10.0, 12.0, 11.0, 60.0].map(|y| column.near(y)),
            [10.0, 23.0, 36.0, 60.0]
        );
    }
}
