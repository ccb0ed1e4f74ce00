//! The same few messages on their way to several listeners: time runs to the right, a strip for each listener.

use super::draw::{letter, tint_of};
use super::panel::{Arrow, Heard, Panel, Range, names};
use crate::protocol::Transport;
use crate::report::beside::Beside;
use crate::report::chart::Sheet;
use crate::report::chart::axis::{Axis, plain};
use crate::report::chart::canvas::{At, Canvas, DrawingError, Drawn, Side, Type, drawn};
use crate::report::chart::frame::{BODY, Frame, MARGIN, SMALL, WIDTH, width};
use crate::report::chart::palette::{INK, QUIET, RULE, Texture, colour, mark};
use crate::report::finding::title;
use crate::report::number::{count, milliseconds};
use crate::report::table::{Group, Row, Table};
use crate::report::word::{list, name};
use crate::results::{Trace, Traced, Way};

const LEFT: f64 = 112.0;
const RIGHT: f64 = WIDTH - MARGIN;
/// The name of a transport, with the letters of the messages.
const HEADING: f64 = 30.0;
/// From the server's lane to the listener's.
const STRIP: f64 = 30.0;
/// From one strip to the next, with the times below the listener's lane.
const ROW: f64 = STRIP + 24.0;
/// A label begins at most so far behind its mark.
const BESIDE: f64 = 16.0;
const LABEL_SIZE: f64 = 10.5;
const LANE: Type = Type {
    size: LABEL_SIZE,
    side: Side::Left,
    ..SMALL
};

/// One transport and what each of its recorded listeners sent and got.
type OneTransport = (Transport, Vec<Panel>);

/// What the chart shows; `None` when no transport recorded more than one listener, or no message fell in what was.
pub(in crate::report::chart) fn sheet(beside: &Beside) -> Option<Sheet> {
    let recorded: Vec<(Transport, &Trace)> = beside
        .of_side(0)
        .filter_map(|entry| Some((entry.transport(), entry.run.trace.as_ref()?)))
        .filter(|(_, trace)| trace.listeners.len() > 1)
        .collect();
    let all = recorded
        .iter()
        .flat_map(|(transport, trace)| trace.listeners.iter().map(|traced| (*transport, *trace, traced)));
    let all: Vec<(Transport, &Trace, &Traced)> = all.collect();
    let range = Range::of(&all)?;
    let heard = recorded.iter().map(|(transport, trace)| {
        let panels = trace
            .listeners
            .iter()
            .map(|traced| Panel::new(*transport, trace, traced, range));
        (*transport, panels.collect())
    });
    let heard: Vec<OneTransport> = heard.collect();
    let names = names(heard.iter().flat_map(|(_, panels)| panels))?;
    let listeners = heard.iter().map(|(_, panels)| panels.len()).max().unwrap_or(0);
    let print = format!(
        "The first {listeners} of {} listeners, from {} after the start of the warm-up on. {}, run {}",
        count(beside.first().scenario.listeners.into()),
        milliseconds(range.from_us as f64 / 1000.0),
        beside.first().scenario.lab,
        beside.first().run
    );
    let title = title::plain(beside, "The same messages, as several listeners heard them")
        .unwrap_or_else(|| found(&heard, &names));
    Some(Sheet {
        name: "listeners",
        topic: "What happened, to several listeners",
        reading: "Time runs to the right. Each strip is one listener: the server at its upper edge, the listener at its lower one. A thick line \
                  brings a message, a thin one asks or brings nothing, a bar at the upper edge is a request being held. Letters are messages, at the \
                  instant at which the server accepted them, and at the listener with the time until it had them. Who polls on a timer \
                  hears the same message when its own timer says; who is waiting, hears it when everybody does.",
        table: table(&heard, &names),
        what: "A diagram of what several listeners and the server sent each other around the same few messages, a strip for each listener".into(),
        drawn: draw(&Frame::new(&title, print), &heard, &names, range),
        title,
    })
}

/// How far apart the listeners of a transport heard the same message, at most; `None` when no two of them heard one.
fn apart_ms(panels: &[Panel], names: &[String]) -> Option<f64> {
    let of_message = |text: &String| {
        let messages = panels.iter().flat_map(|panel| &panel.messages);
        let delays = || {
            messages
                .clone()
                .filter(|message| message.text == *text)
                .filter_map(|message| message.delay_ms())
        };
        let both = delays().count() > 1;
        delays()
            .reduce(f64::max)
            .zip(delays().reduce(f64::min))
            .filter(|_| both)
    };
    names
        .iter()
        .filter_map(of_message)
        .map(|(slow, quick)| slow - quick)
        .reduce(f64::max)
}

fn found(heard: &[OneTransport], names: &[String]) -> String {
    let apart = heard
        .iter()
        .filter_map(|(transport, panels)| Some((*transport, apart_ms(panels, names)?)));
    let apart = apart.enumerate().map(|(at, (transport, ms))| {
        let apart = if at == 0 { " apart" } else { "" };
        format!("{}{apart} by {}", milliseconds(ms), name(transport))
    });
    match apart.collect::<Vec<_>>().as_slice() {
        [] => "No two listeners were seen hearing the same message".to_owned(),
        apart => format!("The same message reached the listeners up to {}", list(apart)),
    }
}

fn table(heard: &[OneTransport], names: &[String]) -> Table {
    let row = |(at, panel): (usize, &Panel)| {
        let cells = vec![
            count(panel.requests() as u64),
            count(panel.empty() as u64),
            delays(panel.messages.iter(), names),
        ];
        Row::new(format!("listener {}", at + 1), cells)
    };
    let groups = heard.iter().map(|(transport, panels)| Group {
        title: transport.title().to_owned(),
        rows: panels.iter().enumerate().map(row).collect(),
    });
    Table {
        name: "listeners",
        caption: "What the picture shows, in numbers".into(),
        corner: String::new(),
        columns: ["Requests", "Came without a message", "From accepted to heard"]
            .map(String::from)
            .into(),
        groups: groups.collect(),
        numeric: true,
    }
}

/// From an instant to its place.
struct Times {
    axis: Axis,
    range: Range,
}

impl Times {
    fn x(&self, at_us: i64) -> f64 {
        self.axis.at((at_us - self.range.from_us) as f64 / 1000.0)
    }
}

fn draw(frame: &Frame, heard: &[OneTransport], names: &[String], range: Range) -> Result<String, DrawingError> {
    let top = frame.top();
    let rows: usize = heard.iter().map(|(_, panels)| panels.len()).sum();
    let bottom = top + heard.len() as f64 * HEADING + rows as f64 * ROW;
    let end = bottom + 40.0;
    let length_ms = (range.until_us - range.from_us) as f64 / 1000.0;
    let times = Times {
        axis: Axis::linear(length_ms, (LEFT, RIGHT)),
        range,
    };
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        grid(canvas, &times.axis, (top, bottom))?;
        let mut y = top;
        for (transport, panels) in heard {
            heading(canvas, *transport, panels, names, &times, y + 14.0)?;
            y += HEADING;
            for (at, panel) in panels.iter().enumerate() {
                strip(canvas, panel, at + 1, names, &times, y)?;
                y += ROW;
            }
        }
        Ok(())
    })
}

fn grid(canvas: &Canvas, axis: &Axis, (top, bottom): (f64, f64)) -> Drawn {
    let middle = Type {
        side: Side::Middle,
        ..SMALL
    };
    for tick in axis.ticks() {
        let x = axis.at(tick);
        canvas.line((x, top), (x, bottom), RULE, 0.8)?;
        let label = plain(tick) + " ms";
        let edge = RIGHT - width(&label, SMALL.size) / 2.0;
        canvas.text(&label, (x.min(edge), bottom + 10.0), middle)?;
    }
    canvas.text(
        "milliseconds from the beginning of the picture",
        (LEFT, bottom + 28.0),
        SMALL,
    )
}

/// The transport, and the letters of the messages where the server accepted them.
fn heading(canvas: &Canvas, transport: Transport, panels: &[Panel], names: &[String], times: &Times, y: f64) -> Drawn {
    let bold = Type { bold: true, ..BODY };
    canvas.text(transport.title(), (MARGIN, y), bold)?;
    let title_end = MARGIN + width(transport.title(), BODY.size);
    let mut free_from = title_end + 8.0;
    for name in names {
        let mut known = panels.iter().flat_map(|panel| &panel.messages);
        let Some((message, letter)) = known.find(|message| message.text == *name).zip(letter(name, names)) else {
            continue;
        };
        let x = (times.x(message.accepted_us) - 4.0).max(free_from);
        canvas.text(
            &letter,
            (x, y + 3.0),
            Type {
                colour: INK,
                bold: true,
                ..SMALL
            },
        )?;
        free_from = x + 11.0;
    }
    Ok(())
}

/// One listener: the server's lane above, its own below.
fn strip(canvas: &Canvas, panel: &Panel, number: usize, names: &[String], times: &Times, top: f64) -> Drawn {
    let (server, listener) = (top, top + STRIP);
    let (tint, shape) = (colour(panel.transport), mark(panel.transport));
    canvas.text("server", (LEFT - 8.0, server), LANE)?;
    canvas.text(&format!("listener {number}"), (LEFT - 8.0, listener), LANE)?;
    for hold in &panel.holds {
        let from = times.x(hold.from_us);
        let until = times.x(hold.until_us.unwrap_or(times.range.until_us));
        // What is answered at once is not held.
        if until - from >= 2.0 {
            let tint = if hold.is_empty { QUIET } else { tint };
            canvas.bar((from, server - 3.5), (until, server + 3.5), tint, Texture::Pale)?;
        }
    }
    for y in [server, listener] {
        canvas.line((LEFT, y), (RIGHT, y), QUIET, 1.0)?;
    }
    for arrow in &panel.arrows {
        if let Some((from, to)) = ends(arrow, times, (server, listener)) {
            let width = if arrow.carries.is_empty() { 0.9 } else { 2.0 };
            canvas.line(from, to, tint_of(arrow, tint), width)?;
        }
    }
    for message in &panel.messages {
        canvas.mark(shape, (times.x(message.accepted_us), server), 3.2, tint, true)?;
    }
    let mut free_from = LEFT;
    let heard = panel.messages.iter().filter(|message| message.heard_us.is_some());
    let heard: Vec<&Heard> = heard.collect();
    // What came with one answer has one mark.
    for together in heard.chunk_by(|one, next| one.heard_us == next.heard_us) {
        let Some(at_us) = together[0].heard_us.filter(|at_us| times.range.contains(*at_us)) else {
            continue;
        };
        let x = times.x(at_us);
        canvas.mark(shape, (x, listener), 3.2, tint, false)?;
        let text = delays(together.iter().copied(), names);
        let wide = width(&text, LABEL_SIZE);
        // Of messages that come close together not all have room; the table has them.
        let left = (x - wide / 2.0).max(free_from).min(RIGHT - wide);
        if left >= free_from && left <= x + BESIDE {
            let set = Type {
                size: LABEL_SIZE,
                colour: INK,
                ..SMALL
            };
            canvas.text(&text, (left, listener + 11.0), set)?;
            free_from = left + wide + 4.0;
        }
    }
    Ok(())
}

/// Each message with the time until it was heard: `A 200 ms, B 100 ms`.
fn delays<'a>(messages: impl Iterator<Item = &'a Heard>, names: &[String]) -> String {
    let times = messages.filter_map(|message| {
        let letter = letter(&message.text, names)?;
        Some(format!("{letter} {}", milliseconds(message.delay_ms()?)))
    });
    times.collect::<Vec<_>>().join(", ")
}

/// Where the visible part of an arrow begins and ends.
fn ends(arrow: &Arrow, times: &Times, (server, listener): (f64, f64)) -> Option<(At, At)> {
    let to_us = arrow.to_us?;
    let (start, end) = match arrow.way {
        Way::Out => (listener, server),
        Way::In => (server, listener),
    };
    let at = |us: i64| {
        let share = (us - arrow.from_us) as f64 / (to_us - arrow.from_us).max(1) as f64;
        (times.x(us), start + share * (end - start))
    };
    let range = times.range;
    Some((at(arrow.from_us.max(range.from_us)), at(to_us.min(range.until_us))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded;
    use crate::results::Results;

    fn drawn(results: Results) -> Option<Sheet> {
        let sheet = sheet(&Beside::new(&[results]).unwrap());
        sheet.inspect(|sheet| assert!(sheet.drawn.is_ok()))
    }

    #[test]
    fn who_polls_hears_when_its_timer_says_and_who_waits_when_everybody_does() {
        let sheet = drawn(recorded::of_several()).unwrap();
        assert_eq!(
            sheet.title.replace('\u{a0}', " "),
            "The same message reached the listeners up to 120 ms apart by short polling, 0.3 ms by long polling, \
             0.3 ms by server-sent events and 0.3 ms by WebSocket"
        );
        let groups = &sheet.table.groups;
        assert_eq!((groups.len(), groups[0].rows.len()), (4, 3));
        let times: Vec<String> = groups[0]
            .rows
            .iter()
            .map(|row| row.cells[2].replace('\u{a0}', " "))
            .collect();
        assert_eq!(
            times,
            ["A 200 ms, B 100 ms", "A 260 ms, B 160 ms", "A 320 ms, B 220 ms"]
        );
    }

    #[test]
    fn one_listener_alone_is_drawn_elsewhere() {
        assert!(drawn(recorded::four_ways()).is_none());
    }

    #[test]
    fn an_unclear_run_ranks_nothing_here_either() {
        let mut results = recorded::of_several();
        results.unclear.push(crate::results::Caution {
            what: "The machine was busy.".into(),
            try_this: "Try again.".into(),
        });
        let title = drawn(results).unwrap().title;
        assert!(title.ends_with("in a run that is unclear"), "{title}");
    }

    #[test]
    fn arrivals_that_were_not_seen_are_left_out() {
        let mut results = recorded::of_several();
        let traces = results.runs.iter_mut().filter_map(|run| run.trace.as_mut());
        let pieces = traces
            .flat_map(|trace| &mut trace.listeners)
            .flat_map(|traced| &mut traced.pieces);
        pieces.for_each(|piece| piece.reached_us = None);
        let sheet = drawn(results).unwrap();
        assert_eq!(sheet.title, "No two listeners were seen hearing the same message");
    }
}
