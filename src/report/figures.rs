//! The tables: all figures of a run, several runs side by side, the knobs.

use super::beside::Beside;
use super::entry::Entry;
use super::knob::knobs;
use super::number::{NONE, bytes, count, figure, milliseconds, percent, with_unit};
use super::table::{Group, Row, Table};

/// Turns one entry into the text of a cell.
type Cell = fn(&Entry) -> String;

/// Where the system does not tell what the server's process used.
const NOT_TOLD: &str = "not told here";

/// All tables of the report, the main one first.
pub(crate) fn tables(beside: &Beside) -> Vec<Table> {
    let mut tables = vec![figures(beside)];
    if beside.several() {
        tables.insert(0, side_by_side(beside));
        tables.push(difference(beside));
    }
    tables.push(knob_table(beside));
    tables
}

/// Everything about the first run: transports across, figures down.
fn figures(beside: &Beside) -> Table {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    let groups = [
        ("Requests", REQUESTS),
        ("Deliveries", DELIVERIES),
        ("Delay", DELAY),
        ("Cost", COST),
        ("Ledger, over the whole run", LEDGER),
    ];
    Table {
        name: "figures",
        caption: format!(
            "All figures of run {}, of the counted window unless said otherwise",
            beside.first().run
        ),
        corner: String::new(),
        columns: entries
            .iter()
            .map(|entry| entry.transport().title().to_owned())
            .collect(),
        groups: groups.map(|(title, rows)| group(title, rows, &entries)).into(),
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
    let knobs = knobs(&beside.first().scenario).into_iter();
    let rows = knobs.map(|knob| Row::new(knob.name, vec![knob.value, knob.means.to_owned()]));
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

fn untitled(rows: Vec<Row>) -> Group {
    Group {
        title: String::new(),
        rows,
    }
}

const REQUESTS: &[(&str, Cell)] = &[
    ("requests, all listeners", |e| count(e.run.counts.requests)),
    ("requests a second, per listener", |e| {
        optional(e.requests_per_s(), figure)
    }),
    ("answered with messages", |e| count(e.run.counts.answers.with_messages)),
    ("answered empty", |e| count(e.run.counts.answers.empty)),
    ("share of empty answers", |e| optional(e.empty_share(), percent)),
    ("streams opened", |e| count(e.run.counts.answers.opened)),
    ("refused", |e| count(e.run.counts.answers.refused)),
    ("connections opened", |e| count(e.run.counts.connections.opened)),
    ("connections open before", |e| {
        count(e.run.counts.connections.opened_before)
    }),
];

const DELIVERIES: &[(&str, Cell)] = &[
    ("listeners", |e| count(e.run.listeners.into())),
    ("messages in the window", |e| count(e.run.publishing.planned_in_window)),
    ("deliveries", |e| count(e.run.counts.deliveries)),
    ("requests per delivery", |e| optional(e.requests_per_delivery(), figure)),
];

/// Delay, from the intended instant to the instant at which it is heard.
pub(crate) const DELAY: &[(&str, Cell)] = &[
    ("p50", |e| optional(e.run.delay.quantile_ms(0.5), milliseconds)),
    ("p90", |e| optional(e.run.delay.quantile_ms(0.9), milliseconds)),
    ("p99", |e| optional(e.run.delay.quantile_ms(0.99), milliseconds)),
    ("max", |e| optional(e.run.delay.max_ms(), milliseconds)),
    ("mean", |e| optional(e.run.delay.mean_ms(), milliseconds)),
];

const COST: &[(&str, Cell)] = &[
    ("bytes to the server per delivery", |e| optional(e.bytes_out(), bytes)),
    ("bytes to the listener per delivery", |e| optional(e.bytes_in(), bytes)),
    ("server CPU per 1,000 deliveries", cpu_per_1000),
    ("server CPU in all", cpu),
    ("server memory per listener", |e| {
        told(e.memory_per_listener(), e.run.server.rss_after_bytes.is_some(), bytes)
    }),
    ("publisher’s lag, p50", |e| {
        optional(e.run.publishing.lag.quantile_ms(0.5), milliseconds)
    }),
    ("publisher’s lag, p99", |e| {
        optional(e.run.publishing.lag.quantile_ms(0.99), milliseconds)
    }),
];

const LEDGER: &[(&str, Cell)] = &[
    ("expected", |e| count(e.run.ledger.expected)),
    ("heard", |e| count(e.run.ledger.heard)),
    ("lost", |e| count(e.run.ledger.lost)),
    ("repeated", |e| count(e.run.ledger.repeated)),
    ("out of order", |e| count(e.run.ledger.out_of_order)),
    ("failures of the generator", |e| count(e.run.failures.total())),
];

const SIDE_BY_SIDE: &[(&str, Cell)] = &[
    ("requests", |e| count(e.run.counts.requests)),
    ("empty", |e| optional(e.empty_share(), percent)),
    ("delay p50", |e| optional(e.run.delay.quantile_ms(0.5), milliseconds)),
    ("delay p99", |e| optional(e.run.delay.quantile_ms(0.99), milliseconds)),
    ("bytes per delivery", |e| optional(e.bytes_both(), bytes)),
    ("CPU per 1,000", cpu_per_1000),
    ("ledger", |e| {
        if e.run.ledger.is_clean() { "clean" } else { "not clean" }.to_owned()
    }),
];

/// Requests by what they were answered with.
pub(crate) const ANSWERS: &[(&str, Cell)] = &[
    ("requests", |e| count(e.run.counts.requests)),
    ("with messages", |e| count(e.run.counts.answers.with_messages)),
    ("empty", |e| count(e.run.counts.answers.empty)),
    ("streams opened", |e| count(e.run.counts.answers.opened)),
    ("refused", |e| count(e.run.counts.answers.refused)),
    ("per delivery", |e| optional(e.requests_per_delivery(), figure)),
];

/// Bytes per delivery by direction and part.
pub(crate) const BYTES: &[(&str, Cell)] = &[
    ("to the server, heads", |e| part(e, e.run.bytes_out.heads)),
    ("to the server, bodies", |e| part(e, e.run.bytes_out.bodies)),
    ("to the server, frames", |e| part(e, e.run.bytes_out.frames)),
    ("to the listener, heads", |e| part(e, e.run.bytes_in.heads)),
    ("to the listener, bodies", |e| part(e, e.run.bytes_in.bodies)),
    ("to the listener, frames", |e| part(e, e.run.bytes_in.frames)),
    ("together", |e| optional(e.bytes_both(), bytes)),
];

/// What the server's process used.
pub(crate) const SERVER: &[(&str, Cell)] = &[
    ("CPU per 1,000 deliveries", cpu_per_1000),
    ("CPU in the window", cpu),
    ("deliveries", |e| count(e.run.counts.deliveries)),
    ("requests", |e| count(e.run.counts.requests)),
];

fn cpu_per_1000(entry: &Entry) -> String {
    told(
        entry.run.cpu_ms_per_1000_deliveries(),
        entry.run.server.cpu_s.is_some(),
        milliseconds,
    )
}

fn cpu(entry: &Entry) -> String {
    told(entry.run.server.cpu_s, entry.run.server.cpu_s.is_some(), |s| {
        with_unit(figure(s), "s")
    })
}

fn part(entry: &Entry, part: u64) -> String {
    let deliveries = entry.run.counts.deliveries;
    let per_delivery = (deliveries > 0).then(|| part as f64 / deliveries as f64);
    optional(per_delivery, bytes)
}

fn optional(value: Option<f64>, write: fn(f64) -> String) -> String {
    value.map_or(NONE.to_owned(), write)
}

/// Tells a figure that cannot be (a cost per delivery without a delivery) from one that the system does not give.
fn told(value: Option<f64>, told: bool, write: fn(f64) -> String) -> String {
    if told {
        optional(value, write)
    } else {
        NOT_TOLD.to_owned()
    }
}
