//! What one listener sent and got around a few messages: time runs down, and everything is on its way for as long as it was.

mod draw;
mod panel;
pub(super) mod several;

use super::Sheet;
use super::frame::Frame;
use crate::protocol::Transport;
use crate::report::beside::Beside;
use crate::report::figures::untitled;
use crate::report::number::{count, counted, milliseconds};
use crate::report::table::{Row, Table};
use crate::report::word::list;
use panel::{Panel, Range};

/// What the chart shows; `None` when nothing was recorded of any transport, or no message fell in what was.
pub(super) fn sheet(beside: &Beside) -> Option<Sheet> {
    let traces = beside.of_side(0).filter_map(|entry| {
        let trace = entry.run.trace.as_ref()?;
        Some((entry.transport(), trace, trace.listeners.first()?))
    });
    let traces: Vec<_> = traces.collect();
    let range = Range::of(&traces)?;
    let run = beside.first();
    let panels: Vec<Panel> = traces
        .iter()
        .map(|(transport, trace, traced)| Panel::new(*transport, trace, traced, range).over(run.scenario.rtt))
        .collect();
    let names = panel::names(&panels)?;
    let title = title(&panels, names.len());
    let print = format!(
        "The first of {} listeners, {} to {} after the start of the warm-up. {}, run {}",
        count(run.scenario.listeners.into()),
        milliseconds(range.from_us as f64 / 1000.0),
        milliseconds(range.until_us as f64 / 1000.0),
        run.scenario.lab,
        run.run
    );
    Some(Sheet {
        name: "space-time",
        topic: "What happened, to one listener",
        reading: "Time runs down, the listener is at the left and the server at the right of each panel. A slanted line is a request, an answer, an event or a frame on its way; a bar on the server’s side is a request being held; what is dashed is the handshake of a new connection. Letters are messages: beside the server at the instant at which it accepted them, beside the listener with the time until it had them. Grey is what carried none.",
        table: table(&panels),
        what: "A diagram of what one listener and the server sent each other around the same few messages, a panel for each transport".into(),
        drawn: draw::draw(&Frame::new(&title, print), &panels, &names, range),
        title,
    })
}

/// What each transport needed for the same messages.
fn title(panels: &[Panel], messages: usize) -> String {
    let needed: Vec<String> = panels
        .iter()
        .map(|panel| match panel.requests() {
            0 => format!("none over {}", name(panel.transport)),
            asked => format!("{asked} by {}", name(panel.transport)),
        })
        .collect();
    let what = counted(messages as u64, "message", "messages");
    format!("Around {what}, one listener sent these requests: {}", list(&needed))
}

fn name(transport: Transport) -> &'static str {
    crate::report::word::name(transport)
}

fn table(panels: &[Panel]) -> Table {
    let row = |panel: &Panel| {
        let delays = panel.delays_ms();
        let mean = (!delays.is_empty()).then(|| delays.iter().sum::<f64>() / delays.len() as f64);
        let cells = vec![
            count(panel.requests() as u64),
            count(panel.empty() as u64),
            count(delays.len() as u64),
            mean.map_or(crate::report::number::NONE.to_owned(), milliseconds),
        ];
        Row::new(panel.transport.title(), cells)
    };
    Table {
        name: "space-time",
        caption: "What the picture shows, in numbers".into(),
        corner: String::new(),
        columns: [
            "Requests",
            "Came without a message",
            "Messages heard",
            "Mean time from accepted to heard",
        ]
        .map(String::from)
        .into(),
        groups: vec![untitled(panels.iter().map(row).collect())],
        numeric: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded;
    use crate::results::{Results, Traced};

    /// The chart of a run whose recordings were changed in some way.
    fn changed(change: fn(&mut Traced)) -> Option<Sheet> {
        let mut results = recorded::four_ways();
        let traces = results.runs.iter_mut().filter_map(|run| run.trace.as_mut());
        traces.flat_map(|trace| &mut trace.listeners).for_each(change);
        drawn(&results)
    }

    fn drawn(results: &Results) -> Option<Sheet> {
        let runs = [results.clone()];
        let sheet = sheet(&Beside::new(&runs).unwrap());
        sheet.inspect(|sheet| assert!(sheet.drawn.is_ok()))
    }

    fn cells(sheet: &Sheet) -> Vec<Vec<String>> {
        let rows = sheet.table.groups[0].rows.iter();
        rows.map(|row| row.cells.iter().map(|cell| cell.replace('\u{a0}', " ")).collect())
            .collect()
    }

    #[test]
    fn each_transport_is_told_by_what_it_needed_for_the_same_messages() {
        let sheet = changed(|_| {}).unwrap();
        assert_eq!(
            sheet.title.replace('\u{a0}', " "),
            "Around 2 messages, one listener sent these requests: 2 by short polling, 2 by long polling, \
             none over server-sent events and none over WebSocket"
        );
        let expected = [
            ["2", "1", "2", "150 ms"],
            ["2", "0", "2", "20.1 ms"],
            ["0", "0", "2", "20.1 ms"],
            ["0", "1", "2", "20.1 ms"],
        ];
        assert_eq!(cells(&sheet), expected);
    }

    #[test]
    fn the_picture_names_what_it_shows() {
        let svg = changed(|_| {}).unwrap().drawn.unwrap();
        let texts: Vec<String> = svg
            .split("</text>")
            .filter_map(|text| text.rsplit('>').next())
            .map(|text| text.trim().replace('\u{a0}', " "))
            .collect();
        let expected = [
            "204",
            "200 A B",
            "200 A",
            "held 580 ms",
            "A 200 ms",
            "event A",
            "frame B",
            "ping",
            "pong",
        ];
        for text in expected {
            assert!(texts.iter().any(|there| there == text), "{text} in {texts:?}");
        }
    }

    #[test]
    fn a_new_connection_is_drawn_with_its_handshake() {
        let svg = changed(|traced| traced.opened_us.push(5_150_000))
            .unwrap()
            .drawn
            .unwrap();
        for text in ["SYN", "SYN, ACK", "connects"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }

    #[test]
    fn without_a_message_or_a_recording_there_is_no_picture() {
        assert!(changed(|traced| traced.pieces.clear()).is_none());
        assert!(
            changed(|traced| traced.pieces.truncate(2)).is_some(),
            "long polling still heard one"
        );
        let mut results = recorded::four_ways();
        results.runs.iter_mut().for_each(|run| run.trace = None);
        assert!(drawn(&results).is_none());
    }

    #[test]
    fn a_recording_that_is_cut_or_broken_is_drawn_as_far_as_it_goes() {
        let cut = changed(|traced| {
            traced.pieces.truncate(4);
            traced.is_cut = true;
        });
        assert!(cut.is_some());
        let no_arrivals = changed(|traced| traced.pieces.iter_mut().for_each(|piece| piece.reached_us = None));
        assert_eq!(cells(&no_arrivals.unwrap())[0], ["2", "1", "0", "–"].map(String::from));
        let broken = changed(|traced| traced.pieces.iter_mut().for_each(|piece| piece.bytes.reverse()));
        assert!(broken.is_none());
        let again = changed(|traced| {
            traced.opened_us.push(5_150_000);
            traced.pieces.iter_mut().skip(3).for_each(|piece| {
                piece.connection = 1;
                piece.offset = 0;
            });
        });
        assert!(again.is_some());
    }
}
