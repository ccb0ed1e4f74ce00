//! The tables: all figures of a run, several runs side by side, the knobs.

use super::beside::Beside;
use super::caution;
use super::cell::{
    COST, Cell, DELAY, DELIVERIES, GENERATOR, LEDGER, PROCESS, REQUESTS, RESTARTED, SERVER_DELAY, SIDE_BY_SIDE, WIRE,
};
use super::entry::Entry;
use super::knob::{knobs, value};
use super::number::count;
use super::prediction::{inputs_table, prediction_table, published};
use super::rounds::rounds;
use super::table::{Group, Row, Table};

/// All tables of the report, the main one first.
pub(crate) fn tables(beside: &Beside) -> Vec<Table> {
    let mut tables = vec![figures(beside)];
    if beside.several() {
        tables.insert(0, side_by_side(beside));
        tables.push(difference(beside));
    }
    tables.extend(rounds(beside));
    if beside.predicted(0).next().is_some() {
        tables.push(prediction_table(beside));
        tables.push(inputs_table(beside));
    }
    tables.extend(published(beside));
    tables.push(instrument(beside));
    tables.push(knob_table(beside));
    tables
}

/// Everything about the first run: transports across, figures down.
fn figures(beside: &Beside) -> Table {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    let rounds = entries.iter().map(|entry| entry.each.len()).max().unwrap_or(0);
    let mut groups = vec![
        ("Requests", REQUESTS),
        ("Deliveries", DELIVERIES),
        ("Delay, from the intended instant", DELAY),
        match rounds {
            0 => ("Delay, since the server accepted it", SERVER_DELAY),
            _ => (
                "Delay, since the server accepted it, of all rounds together",
                SERVER_DELAY,
            ),
        },
        ("Cost", COST),
        ("Ledger, over the whole run", LEDGER),
    ];
    if entries.iter().any(|entry| entry.run.restart.is_some()) {
        groups.push(("Restart of the server in mid-window", RESTARTED));
    }
    let remarks = caution::remark(beside.first()).into_iter().chain(of_rounds(rounds));
    let remarks: String = remarks.map(|remark| format!("; {remark}")).collect();
    let caption = format!(
        "Run {}, in the counted window unless said otherwise{remarks}",
        beside.first().run
    );
    of_first("figures", caption, &groups, &entries)
}

/// How figures come of several rounds: a sum stays one, and of what each round has its own the middle is told.
fn of_rounds(rounds: usize) -> Option<String> {
    (rounds > 1).then(|| {
        format!(
            "{} rounds: counts are of all together, shares, delays, CPU time per 1,000 and memory are medians",
            count(rounds as u64)
        )
    })
}

/// What the instrument says about itself: the server's process and the load generator of the first run.
fn instrument(beside: &Beside) -> Table {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    let groups = [
        ("The server’s process, in the window", PROCESS),
        ("TCP on the listeners’ connections, in the window", WIRE),
        ("The load generator", GENERATOR),
    ];
    let caption = format!("The instrument itself, in run {}", beside.first().run);
    of_first("instrument", caption, &groups, &entries)
}

/// Transports across, figures down.
fn of_first(name: &'static str, caption: String, groups: &[(&str, &[(&str, Cell)])], entries: &[&Entry]) -> Table {
    Table {
        name,
        caption,
        corner: String::new(),
        columns: entries
            .iter()
            .map(|entry| entry.transport().title().to_owned())
            .collect(),
        groups: groups.iter().map(|(title, rows)| group(title, rows, entries)).collect(),
        numeric: true,
    }
}

/// The main figures of every transport of every run, a row each.
fn side_by_side(beside: &Beside) -> Table {
    beside_chart(beside, "side-by-side", "The main figures of all runs", SIDE_BY_SIDE)
}

/// The knobs that differ between the runs.
fn difference(beside: &Beside) -> Table {
    let rows = beside
        .differences
        .iter()
        .map(|knob| Row::new(knob.name, knob.values.clone()));
    let caption = match beside.differences.len() {
        0 => "The runs have the same knobs",
        _ => "The knobs that differ between the runs",
    };
    Table {
        name: "difference",
        caption: caption.into(),
        corner: "Knob".into(),
        columns: beside.runs.iter().map(|run| run.run.clone()).collect(),
        groups: vec![untitled(rows.collect())],
        numeric: false,
    }
}

/// Every knob of the first run.
fn knob_table(beside: &Beside) -> Table {
    let rows = knobs().map(|key| Row::new(key.name, vec![value(key, beside.first()), key.help.to_owned()]));
    Table {
        name: "knobs",
        caption: format!("The knobs of run {}", beside.first().run),
        corner: "Knob".into(),
        columns: vec!["Value".into(), "What it does".into()],
        groups: vec![untitled(rows.collect())],
        numeric: false,
    }
}

/// The table beside a chart: all entries down, some figures across. Several runs make a group of each transport.
pub(crate) fn beside_chart(beside: &Beside, name: &'static str, caption: &str, cells: &[(&str, Cell)]) -> Table {
    let row = |entry: &Entry| {
        let head = beside.label(entry).unwrap_or(entry.transport().title());
        Row::new(head, cells.iter().map(|(_, cell)| cell(entry)).collect())
    };
    let groups = match beside.several() {
        false => vec![untitled(beside.entries.iter().map(row).collect())],
        true => beside
            .entries
            .chunk_by(|a, b| a.transport() == b.transport())
            .map(|entries| Group {
                title: entries[0].transport().title().to_owned(),
                rows: entries.iter().map(row).collect(),
            })
            .collect(),
    };
    Table {
        name,
        caption: caption.to_owned(),
        corner: String::new(),
        columns: cells.iter().map(|(head, _)| (*head).to_owned()).collect(),
        groups,
        numeric: true,
    }
}

fn group(title: &str, rows: &[(&str, Cell)], entries: &[&Entry]) -> Group {
    let row = |(head, cell): &(&str, Cell)| Row::new(*head, entries.iter().map(|entry| cell(entry)).collect());
    Group {
        title: title.to_owned(),
        rows: rows.iter().map(row).collect(),
    }
}

/// Rows that need no heading in common.
pub(crate) fn untitled(rows: Vec<Row>) -> Group {
    Group {
        title: String::new(),
        rows,
    }
}
