//! The storm after a restart: who tries to connect when, a panel for each transport, with the server's processor time below.

use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH};
use super::palette::{INK, PAPER, QUIET, RULE, colour};
use super::{Chart, Sheet};
use crate::model::come_back::{STEP_S, Storm};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::beside::Beside;
use crate::report::figures::untitled;
use crate::report::finding::restart::{self as found, MOMENT_S};
use crate::report::number::{NONE, count, figure, milliseconds, percent};
use crate::report::table::{Group, Row, Table};
use crate::results::{Distribution, Restart, Scenario};

const LEFT: f64 = 200.0;
const RIGHT: f64 = WIDTH - MARGIN - 44.0;
const PANEL: f64 = 64.0;
/// The processor time below the panel.
const STRIP: f64 = 16.0;
const GAP: f64 = 4.0;
const BETWEEN: f64 = 22.0;
/// As many bars can be told apart.
const MOST_BARS: f64 = 140.0;
/// How long a bar may stand for, in steps of the measurement.
const WIDTHS: [usize; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// One restart to draw.
pub(crate) struct Panel<'a> {
    pub(crate) transport: Transport,
    /// What tells it from others of the same transport; may be empty.
    pub(crate) label: String,
    pub(crate) restart: &'a Restart,
    pub(crate) listeners: u32,
    pub(crate) scenario: &'a Scenario,
}

impl Panel<'_> {
    /// What the model makes of the waits, and when its clock starts: when the listeners notice, in seconds after the server was told to end.
    fn predicted(&self) -> Option<(Storm, f64)> {
        found::predicted(self.restart, self.transport, self.listeners, self.scenario)
    }
}

/// What stands around the panels.
pub(crate) struct Storms<'a> {
    pub(crate) title: String,
    pub(crate) print: String,
    /// What the labels have in common.
    pub(crate) corner: String,
    pub(crate) panels: Vec<Panel<'a>>,
}

/// What the chart shows; `None` of runs without a restart.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    let panels = beside.entries.iter().filter_map(|entry| {
        Some(Panel {
            transport: entry.transport(),
            label: beside.label(entry).unwrap_or_default().to_owned(),
            restart: entry.run.restart.as_ref()?,
            listeners: entry.run.listeners,
            scenario: &beside.runs[entry.side].scenario,
        })
    });
    let panels: Vec<Panel> = panels.collect();
    (!panels.is_empty()).then(|| {
        framed(Storms {
            title: found::title(beside),
            print,
            corner: String::new(),
            panels,
        })
    })
}

/// The same of the points of a sweep.
pub(crate) fn storms(storms: Storms<'_>) -> Result<Chart, ReportError> {
    framed(storms).framed()
}

fn framed(storms: Storms<'_>) -> Sheet {
    Sheet {
        name: "storm",
        topic: "The way back",
        reading: "Connections that were tried, from the moment that the server was told to end; pale ones came to nothing. While the server was away \
                  the ground is grey. The strokes are where the model has the bars’ ends, on average over all that chance may do with the waits. The line climbs with the listeners that were answered again, \
                  from none to all of them. The strip below is the processor time of the server. Without jitter all who were cut off together come back together, even long after the server is there again; with \
                  it they come one by one.",
        drawn: draw(&storms),
        table: table(&storms),
        title: storms.title,
        what: "Bars of the connections that were tried after a restart of the server, over time, with a line of the listeners that were back".into(),
    }
}

/// How everybody came back, a row for each panel; those of a transport are a group where there are several.
fn table(storms: &Storms<'_>) -> Table {
    let is_single = storms.panels.iter().all(|panel| panel.label.is_empty());
    let row = |panel: &Panel| {
        let head = if is_single {
            panel.transport.title()
        } else {
            &panel.label
        };
        Row::new(head, cells(panel))
    };
    let groups = match is_single {
        true => vec![untitled(storms.panels.iter().map(row).collect())],
        false => storms
            .panels
            .chunk_by(|one, other| one.transport == other.transport)
            .map(|panels| Group {
                title: panels[0].transport.title().to_owned(),
                rows: panels.iter().map(row).collect(),
            })
            .collect(),
    };
    let columns = [
        "cut off",
        "answered again",
        "in vain",
        "most in 100 ms",
        "by the model",
        "deaf, p50",
        "p99",
        "max",
        "all back after",
        "busiest CPU",
    ];
    Table {
        name: "storm",
        caption: "How everybody came back: connections, and the time from being cut off to the next message".to_owned(),
        corner: storms.corner.clone(),
        columns: columns.map(str::to_owned).into(),
        groups,
        numeric: true,
    }
}

fn cells(panel: &Panel) -> Vec<String> {
    let Panel { restart, .. } = *panel;
    let ms = |ms: Option<f64>| ms.map_or(NONE.to_owned(), milliseconds);
    let deaf = |figure: fn(&Distribution) -> Option<f64>| ms(figure(&restart.deaf));
    let predicted = found::peak(restart, panel.transport, panel.listeners, panel.scenario).map(figure);
    vec![
        count(restart.cut),
        count(restart.returned()),
        count(restart.refusals()),
        count(restart.peak(MOMENT_S)),
        predicted.unwrap_or(NONE.to_owned()),
        deaf(|deaf| deaf.quantile_ms(0.5)),
        deaf(|deaf| deaf.quantile_ms(0.99)),
        deaf(Distribution::max_ms),
        ms(restart.until_all_back_s().map(|back_s| back_s * 1e3)),
        restart.busiest().map_or("not told".to_owned(), percent),
    ]
}

fn draw(storms: &Storms<'_>) -> Result<String, DrawingError> {
    let frame = Frame::new(&storms.title, storms.print.clone());
    let top = frame.top() + 24.0;
    let height = PANEL + GAP + STRIP + BETWEEN;
    let bottom = top + storms.panels.len() as f64 * height - BETWEEN;
    let end = bottom + 44.0;
    let bars = Bars::of(&storms.panels);
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        canvas.text(&bars.legend(), (LEFT, frame.top() + 4.0), SMALL)?;
        let mut before = None;
        for (at, panel) in storms.panels.iter().enumerate() {
            let floor = top + at as f64 * height + PANEL;
            let again = before.replace(panel.transport) == Some(panel.transport);
            heading(canvas, panel, floor - PANEL, again)?;
            bars.draw(canvas, panel, floor)?;
            strip(canvas, panel, &bars.times, floor + GAP)?;
        }
        let middle = Type {
            side: Side::Middle,
            ..SMALL
        };
        for tick in bars.times.ticks() {
            canvas.text(&(plain(tick) + " s"), (bars.times.at(tick), bottom + 12.0), middle)?;
        }
        let axis = "seconds from the moment that the server was told to end";
        canvas.text(axis, (LEFT, bottom + 32.0), SMALL)
    })
}

/// Whose panel it is.
fn heading(canvas: &Canvas, panel: &Panel, top: f64, again: bool) -> Drawn {
    let bold = Type { bold: true, ..BODY };
    let mut y = top + 10.0;
    if !again {
        canvas.text(panel.transport.title(), (MARGIN, y), bold)?;
        y += 18.0;
    }
    canvas.text(&panel.label, (MARGIN, y), SMALL)
}

/// The scales that all panels share.
struct Bars {
    /// Steps in a bar.
    wide: usize,
    step_s: f64,
    times: Axis,
    numbers: Axis,
}

impl Bars {
    fn of(panels: &[Panel]) -> Bars {
        let step_s = panels.first().map_or(0.01, |panel| panel.restart.step_s);
        let length = |panel: &Panel| {
            let after = panel.restart.listening_s - panel.restart.told_s;
            (panel.restart.tried.len() as f64 * step_s).max(after)
        };
        // A little more, so that the end is seen to be one.
        let span_s = panels.iter().map(length).fold(0.0, f64::max) * 1.04;
        let fits = |wide: &usize| span_s / (*wide as f64 * step_s) <= MOST_BARS;
        let wide = WIDTHS.into_iter().find(fits).unwrap_or(500);
        let most = panels
            .iter()
            .flat_map(|panel| panel.restart.tried.chunks(wide).map(|steps| steps.iter().sum::<u64>()))
            .max()
            .unwrap_or(0);
        Bars {
            wide,
            step_s,
            times: Axis::linear(span_s, (LEFT, RIGHT)),
            // Of one panel; each has its own floor.
            numbers: Axis::linear(most as f64, (0.0, PANEL)),
        }
    }

    fn legend(&self) -> String {
        let ms = self.wide as f64 * self.step_s * 1e3;
        format!(
            "connections tried in each {} ms (pale: in vain; strokes: predicted); the line: listeners back",
            plain(ms.round())
        )
    }

    fn draw(&self, canvas: &Canvas, panel: &Panel, floor: f64) -> Drawn {
        let restart = panel.restart;
        let since = |at_s: f64| self.times.at(at_s - restart.told_s);
        canvas.area(
            &[
                (since(restart.ended_s), floor - PANEL),
                (since(restart.listening_s), floor - PANEL),
                (since(restart.listening_s), floor + GAP + STRIP),
                (since(restart.ended_s), floor + GAP + STRIP),
            ],
            QUIET,
            0.14,
        )?;
        let left = Type {
            side: Side::Left,
            ..SMALL
        };
        for tick in self.numbers.ticks().into_iter().skip(1) {
            let y = floor - self.numbers.at(tick);
            canvas.line((LEFT, y), (RIGHT, y), RULE, 1.0)?;
        }
        if let Some(last) = self.numbers.ticks().last() {
            canvas.text(&plain(*last), (LEFT - 8.0, floor - self.numbers.at(*last)), left)?;
        }
        canvas.text("0", (LEFT - 8.0, floor), left)?;
        let sums = |steps: &[u64]| -> Vec<u64> { steps.chunks(self.wide).map(|bar| bar.iter().sum()).collect() };
        let (tried, refused) = (sums(&restart.tried), sums(&restart.refused));
        // A refusal is noticed a moment after it was tried, which may be in the next bar.
        let vain: Vec<u64> = tried
            .iter()
            .zip(refused)
            .map(|(tried, refused)| refused.min(*tried))
            .collect();
        let colour = colour(panel.transport);
        canvas.area(&self.outline(&tried, floor), colour, 1.0)?;
        canvas.area(&self.outline(&vain, floor), PAPER, 1.0)?;
        canvas.area(&self.outline(&vain, floor), colour, 0.28)?;
        canvas.path(&self.outline(&tried, floor), colour, 0.9)?;
        canvas.line((LEFT, floor), (RIGHT, floor), QUIET, 1.0)?;
        self.predicted(canvas, panel, floor)?;
        self.back(canvas, panel, floor)
    }

    /// The bars of these numbers, as one area that stands on the floor.
    fn outline(&self, numbers: &[u64], floor: f64) -> Vec<At> {
        let x = |bar: usize| self.times.at((bar * self.wide) as f64 * self.step_s);
        let mut places = vec![(x(0), floor)];
        for (bar, number) in numbers.iter().enumerate() {
            let y = floor - self.numbers.at(*number as f64);
            places.extend([(x(bar), y), (x(bar + 1), y)]);
        }
        places.push((x(numbers.len()), floor));
        places
    }

    /// What the model makes of the waits: strokes where it has the ends of the bars.
    fn predicted(&self, canvas: &Canvas, panel: &Panel, floor: f64) -> Drawn {
        let Some((storm, cut_s)) = panel.predicted() else {
            return Ok(());
        };
        let bar_s = self.wide as f64 * self.step_s;
        let mut bars = Vec::new();
        for (at, number) in storm.tried.iter().enumerate().filter(|(_, number)| **number > 0.0) {
            let bar = ((cut_s + at as f64 * STEP_S) / bar_s) as usize;
            if bars.len() <= bar {
                bars.resize(bar + 1, 0.0);
            }
            bars[bar] += number;
        }
        for (bar, number) in bars.iter().enumerate() {
            let x = |bar: usize| self.times.at(bar as f64 * bar_s);
            let height = self.numbers.at(*number);
            // What would lie on the floor says nothing.
            if x(bar + 1) > x(bar) && height >= 1.0 {
                canvas.line((x(bar), floor - height), (x(bar + 1), floor - height), INK, 1.2)?;
            }
        }
        Ok(())
    }

    /// The listeners that were answered again, from none at the floor to all of them at the top.
    fn back(&self, canvas: &Canvas, panel: &Panel, floor: f64) -> Drawn {
        let all = Axis::linear(f64::from(panel.listeners), (floor, floor - PANEL + 2.0));
        let (mut places, mut sum) = (vec![(LEFT, floor)], 0);
        for (at, back) in panel.restart.back.iter().enumerate().filter(|(_, back)| **back > 0) {
            let x = self.times.at((at + 1) as f64 * self.step_s);
            places.push((x, all.at(sum as f64)));
            sum += back;
            places.push((x, all.at(sum as f64)));
        }
        places.push((RIGHT, all.at(sum as f64)));
        canvas.path(&places, INK, 1.2)?;
        canvas.text(&plain(sum as f64), (RIGHT + 6.0, all.at(sum as f64)), SMALL)
    }
}

/// The processor time of the server's process, all of one processor being the whole height.
fn strip(canvas: &Canvas, panel: &Panel, times: &Axis, top: f64) -> Drawn {
    let restart = panel.restart;
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    let floor = top + STRIP;
    canvas.text("server’s CPU", (LEFT - 8.0, floor - STRIP / 2.0), left)?;
    let shares = restart.cpu_s.iter().map(|cpu_s| cpu_s / restart.cpu_step_s);
    let most = shares.clone().fold(1.0, f64::max);
    let busy = Axis::linear(most, (floor, top));
    let mut places = vec![(LEFT, floor)];
    for (at, share) in shares.enumerate() {
        let x = |step: usize| times.at(step as f64 * restart.cpu_step_s);
        if x(at + 1) <= x(at) {
            break;
        }
        places.extend([(x(at), busy.at(share)), (x(at + 1), busy.at(share))]);
    }
    places.push((places[places.len() - 1].0, floor));
    canvas.area(&places, QUIET, 0.6)?;
    canvas.line((LEFT, floor), (RIGHT, floor), RULE, 1.0)?;
    let told = restart.busiest().map_or("not told".to_owned(), percent);
    canvas.text(&told, (RIGHT + 6.0, floor - STRIP / 2.0), SMALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_long_way_back_has_wider_bars() {
        let scenario = Scenario::default();
        let restart = |seconds: f64| {
            let mut restart = fixture::restart(0.0);
            restart.tried.resize((seconds / restart.step_s) as usize, 0);
            restart
        };
        for (seconds, wide) in [(0.5, 2), (4.0, 5), (13.0, 10), (3_000.0, 500)] {
            let restart = restart(seconds);
            let panel = Panel {
                transport: Transport::Events,
                label: String::new(),
                restart: &restart,
                listeners: 1,
                scenario: &scenario,
            };
            assert_eq!(Bars::of(&[panel]).wide, wide, "{seconds}");
        }
    }
}
