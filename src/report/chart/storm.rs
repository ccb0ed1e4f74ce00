//! The storm after a restart: who tries to connect when, a panel for each transport, with the server's processor time below.

use super::axis::{Axis, plain};
use super::canvas::{Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH};
use super::palette::{INK, QUIET, RULE, Texture, colour};
use super::{Chart, Sheet};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::beside::Beside;
use crate::report::cell::RESTART;
use crate::report::figures::beside_chart;
use crate::report::finding::restart;
use crate::report::number::percent;
use crate::report::table::Table;
use crate::results::Restart;

const LEFT: f64 = 186.0;
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
}

/// What stands around the panels.
pub(crate) struct Storms<'a> {
    pub(crate) title: String,
    pub(crate) print: String,
    pub(crate) table: Table,
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
        })
    });
    let panels: Vec<Panel> = panels.collect();
    (!panels.is_empty()).then(|| {
        framed(Storms {
            title: restart::title(beside),
            print,
            table: beside_chart(beside, "storm", "How everybody came back", RESTART),
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
        reading: "Connections that were tried, from the moment that the server was told to end; crossed ones came to nothing. While the server was away \
                  the ground is grey. The line climbs with the listeners that were answered again, from none to all of them. The strip below is the processor time of the \
                  server. Without jitter all who were cut off together come back together, even long after the server is there again; with \
                  it they come one by one.",
        drawn: draw(&storms),
        title: storms.title,
        what: "Bars of the connections that were tried after a restart of the server, over time, with a line of the listeners that were back".into(),
        table: storms.table,
    }
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
            "connections tried in each {} ms (crossed: in vain); the line: listeners back",
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
        let tried = restart.tried.chunks(self.wide);
        for (at, (tried, refused)) in tried.zip(restart.refused.chunks(self.wide)).enumerate() {
            let (tried, refused): (u64, u64) = (tried.iter().sum(), refused.iter().sum());
            // A refusal is noticed a moment after it was tried, which may be in the next bar.
            let vain = refused.min(tried) as f64;
            let x = |bar: usize| self.times.at((bar * self.wide) as f64 * self.step_s);
            let (from, to) = (x(at), (x(at + 1) - 0.6).max(x(at) + 0.8));
            let heights = [(0.0, vain, Texture::Crossed), (vain, tried as f64, Texture::Full)];
            for (low, high, texture) in heights.into_iter().filter(|(low, high, _)| high > low) {
                let (high, low) = (floor - self.numbers.at(high), floor - self.numbers.at(low));
                canvas.bar((from, high), (to, low), colour(panel.transport), texture)?;
            }
        }
        canvas.line((LEFT, floor), (RIGHT, floor), QUIET, 1.0)?;
        self.back(canvas, panel, floor)
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
            };
            assert_eq!(Bars::of(&[panel]).wide, wide, "{seconds}");
        }
    }
}
