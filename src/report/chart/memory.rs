//! The server's memory over time: what is resident in its process, and what the kernel holds for its connections.

use plotters::style::RGBColor;

use super::Sheet;
use super::axis::{Axis, plain};
use super::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use super::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use super::palette::{INK, QUIET, RULE, colour, mark};
use crate::report::beside::Beside;
use crate::report::cell::MEMORY;
use crate::report::entry::Entry;
use crate::report::figures::beside_chart;
use crate::report::finding::title;
use crate::report::number::bytes;
use crate::results::{Memory, MemorySample, Scenario};

const LEFT: f64 = 84.0;
const RIGHT: f64 = WIDTH - MARGIN;
/// The legend, the axis' name, and the names of the phases.
const HEADING: f64 = 84.0;
const RESIDENT: f64 = 240.0;
/// Between the two panels, with the name of the second axis.
const BETWEEN: f64 = 40.0;
const BUFFERS: f64 = 70.0;

/// What the chart shows; `None` of runs whose server's memory was not watched.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    let watched: Vec<Watched> = beside.of_side(0).filter_map(watched).collect();
    let span = Span::of(&watched, &beside.first().scenario)?;
    let title = title::memory(beside);
    Some(Sheet {
        name: "memory",
        topic: "Memory over time",
        reading: "What the process of each server had in memory, from before the first listener came. The mark on a line is where every listener had been \
                  served once; the strong lines are the start of the warm-up and both ends of the window. What a process gives back, it may \
                  keep for later, so that a line seldom falls. Below is what the kernel held for bytes under way; the sockets themselves, some 2 to \
                  4 kB each, are in neither. The model says nothing of memory.",
        drawn: draw(&watched, &span, &title, print),
        title,
        table: beside_chart(beside, "memory", "Memory of the server, of the first round", MEMORY),
        what: "Curves of the server’s resident memory over time, and below of the kernel’s buffers for its connections"
            .into(),
    })
}

/// An entry with what was seen of its server.
type Watched<'a> = (&'a Entry, &'a Memory);

fn watched(entry: &Entry) -> Option<Watched<'_>> {
    let memory = entry.run.memory.as_ref()?;
    (!memory.samples.is_empty()).then_some((entry, memory))
}

/// Which stretch of time is drawn, in seconds, and where its phases end.
struct Span {
    from_s: f64,
    warm_up_s: f64,
    window_end_s: f64,
    to_s: f64,
}

impl Span {
    /// From the first look at any of them to the last.
    fn of(watched: &[Watched], scenario: &Scenario) -> Option<Span> {
        let instants = || {
            watched
                .iter()
                .flat_map(|(_, memory)| &memory.samples)
                .map(|sample| sample.at_s)
        };
        Some(Span {
            from_s: instants().reduce(f64::min)?.min(0.0),
            warm_up_s: scenario.warm_up.as_secs_f64(),
            window_end_s: scenario.sending().as_secs_f64(),
            to_s: instants().reduce(f64::max)?.max(scenario.sending().as_secs_f64()),
        })
    }

    fn phases(&self) -> [(&'static str, f64, f64); 4] {
        [
            ("start-up", self.from_s, 0.0),
            ("warm-up", 0.0, self.warm_up_s),
            ("window", self.warm_up_s, self.window_end_s),
            ("drain", self.window_end_s, self.to_s),
        ]
    }
}

fn draw(watched: &[Watched], span: &Span, title: &str, print: String) -> Result<String, DrawingError> {
    let frame = Frame::new(title, print);
    let top = frame.top() + HEADING;
    let floor = top + RESIDENT;
    let most_buffered = most(watched, |sample| sample.socket_buffer_bytes);
    // The panels from top to bottom.
    let panels = match most_buffered {
        Some(1..) => vec![(top, floor), (floor + BETWEEN, floor + BETWEEN + BUFFERS)],
        _ => vec![(top, floor)],
    };
    let bottom = panels[panels.len() - 1].1;
    let end = bottom + if panels.len() > 1 { 44.0 } else { 62.0 };
    let times = Axis::between(span.from_s, span.to_s, (LEFT, RIGHT));
    let most_resident = most(watched, |sample| Some(sample.rss_bytes)).unwrap_or(0);
    let resident = Axis::linear(most_resident as f64, (floor, top + 8.0));
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        legend(canvas, watched, frame.top() + 4.0)?;
        canvas.text(
            "resident memory of the server’s process",
            (LEFT, frame.top() + 28.0),
            SMALL,
        )?;
        phases(canvas, span, &times, &panels)?;
        levels(canvas, &resident)?;
        for (entry, memory) in watched {
            let line = line(memory, &times, &resident, |sample| Some(sample.rss_bytes));
            let colour = colour(entry.transport());
            canvas.path(&line, colour, 2.0)?;
            let x = times.at(memory.listeners_in_s);
            let at = (x, height_at(&line, x));
            canvas.mark(mark(entry.transport()), at, 4.5, colour, true)?;
        }
        match most_buffered {
            Some(most @ 1..) => {
                let buffers = Axis::linear(most as f64, (bottom, bottom - BUFFERS));
                canvas.text(
                    "the kernel’s buffers for its connections",
                    (LEFT, floor + BETWEEN - 16.0),
                    SMALL,
                )?;
                levels(canvas, &buffers)?;
                for (entry, memory) in watched {
                    let line = line(memory, &times, &buffers, |sample| sample.socket_buffer_bytes);
                    canvas.path(&line, colour(entry.transport()), 1.4)?;
                }
            }
            Some(0) => canvas.text(
                "the kernel’s buffers for its connections were empty whenever they were looked at",
                (LEFT, bottom + 50.0),
                SMALL,
            )?,
            None => canvas.text(
                "this system does not tell what its kernel holds for connections",
                (LEFT, bottom + 50.0),
                SMALL,
            )?,
        }
        Ok(())
    })
}

fn most(watched: &[Watched], of: fn(&MemorySample) -> Option<u64>) -> Option<u64> {
    let samples = watched.iter().flat_map(|(_, memory)| &memory.samples);
    samples.filter_map(of).max()
}

/// The places of a figure over time.
fn line(memory: &Memory, times: &Axis, levels: &Axis, of: fn(&MemorySample) -> Option<u64>) -> Vec<At> {
    let samples = memory.samples.iter();
    samples
        .filter_map(|sample| Some((times.at(sample.at_s), levels.at(of(sample)? as f64))))
        .collect()
}

/// How high a line is at a place between its corners.
fn height_at(line: &[At], x: f64) -> f64 {
    let after = line.partition_point(|corner| corner.0 < x);
    match (line.get(after.wrapping_sub(1)), line.get(after)) {
        (Some(before), Some(after)) => {
            before.1 + (x - before.0) / (after.0 - before.0).max(f64::MIN_POSITIVE) * (after.1 - before.1)
        }
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.0,
    }
}

/// The axis of time, with the phases' names above: one that is too short for its name has it behind its line, higher than its neighbour’s if need be.
fn phases(canvas: &Canvas, span: &Span, times: &Axis, panels: &[(f64, f64)]) -> Drawn {
    let (top, bottom) = (panels[0].0, panels[panels.len() - 1].1);
    // Not through the name of the axis between two panels.
    let upright = |x: f64, colour: RGBColor| {
        panels
            .iter()
            .try_for_each(|(top, floor)| canvas.line((x, *top), (x, *floor), colour, 1.0))
    };
    let middle = Type {
        side: Side::Middle,
        ..SMALL
    };
    for tick in times.ticks() {
        let x = times.at(tick);
        upright(x, RULE)?;
        canvas.text(&(plain(tick) + " s"), (x, bottom + 12.0), middle)?;
    }
    let (mut low_until, mut high_until) = (LEFT, LEFT);
    for (name, from_s, to_s) in span.phases().into_iter().filter(|(_, from_s, to_s)| from_s < to_s) {
        let (from, to) = (times.at(from_s), times.at(to_s));
        let wide = width(name, SMALL.size);
        let x = match wide < to - from {
            true => (from + to - wide) / 2.0,
            false => (from + 4.0).clamp(LEFT, RIGHT - wide),
        };
        let is_low = x >= low_until;
        if is_low || x >= high_until {
            let (until, up) = if is_low {
                (&mut low_until, 8.0)
            } else {
                (&mut high_until, 21.0)
            };
            *until = x + wide + 4.0;
            canvas.text(name, (x, top - up), SMALL)?;
        }
        if from > LEFT {
            upright(from, QUIET)?;
        }
    }
    canvas.text("seconds from the start of the warm-up", (LEFT, bottom + 32.0), SMALL)
}

/// The lines to read an amount by.
fn levels(canvas: &Canvas, levels: &Axis) -> Drawn {
    let left = Type {
        side: Side::Left,
        ..SMALL
    };
    for tick in levels.ticks() {
        let y = levels.at(tick);
        let tint = if tick == 0.0 { QUIET } else { RULE };
        canvas.line((LEFT, y), (RIGHT, y), tint, 1.0)?;
        let label = if tick == 0.0 { "0".to_owned() } else { bytes(tick) };
        canvas.text(&label, (LEFT - 8.0, y), left)?;
    }
    Ok(())
}

fn legend(canvas: &Canvas, watched: &[Watched], y: f64) -> Drawn {
    let mut x = LEFT + 5.0;
    for (entry, _) in watched {
        let transport = entry.transport();
        canvas.mark(mark(transport), (x, y), 4.5, colour(transport), true)?;
        canvas.text(transport.title(), (x + 10.0, y), Type { colour: INK, ..BODY })?;
        x += 10.0 + width(transport.title(), BODY.size) + 12.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::Results;

    /// The picture of a run whose samples were changed in some way; `None` when there is none.
    fn picture(change: fn(&mut Memory)) -> Option<String> {
        let mut results: Results = fixture::four_ways();
        let memories = results.runs.iter_mut().filter_map(|run| run.memory.as_mut());
        memories.for_each(change);
        let sheet = sheet(&Beside::new(&[results]).unwrap(), String::new())?;
        Some(sheet.drawn.unwrap())
    }

    #[test]
    fn the_phases_are_named_and_both_kinds_of_memory_drawn() {
        let svg = picture(|_| {}).unwrap();
        for text in [
            "start-up",
            "drain",
            "warm-up",
            "window",
            "resident memory",
            "the kernel’s buffers for its connections",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("empty whenever") && !svg.contains("does not tell"));
    }

    #[test]
    fn buffers_that_were_empty_or_not_told_are_a_sentence() {
        let empty = picture(|memory| memory.samples.iter_mut().for_each(|s| s.socket_buffer_bytes = Some(0))).unwrap();
        assert!(empty.contains("empty whenever they were looked at"));
        let untold = picture(|memory| memory.samples.iter_mut().for_each(|s| s.socket_buffer_bytes = None)).unwrap();
        assert!(untold.contains("this system does not tell"));
    }

    #[test]
    fn a_mark_lies_on_its_line() {
        let line = [(10.0, 5.0), (20.0, 7.0), (20.0, 9.0), (30.0, 9.0)];
        let heights = [0.0, 10.0, 15.0, 20.0, 25.0, 40.0].map(|x| height_at(&line, x));
        assert_eq!(heights, [5.0, 5.0, 6.0, 7.0, 9.0, 9.0]);
        assert_eq!(height_at(&[], 1.0), 0.0);
    }

    #[test]
    fn without_a_look_there_is_no_picture_and_one_is_enough() {
        assert!(picture(|memory| memory.samples.clear()).is_none());
        assert!(picture(|memory| memory.samples.truncate(1)).is_some());
    }
}
