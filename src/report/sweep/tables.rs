//! The tables of a sweep: all figures of all points, and one beside each chart.

use std::collections::HashSet;

use super::field::{Field, Line, Panel, Spot};
use super::frontier::{Cost, place};
use super::published;
use super::quantity::{QUANTITIES, Quantity};
use crate::protocol::Transport;
use crate::report::figures::untitled;
use crate::report::number::{NONE, milliseconds, with_unit};
use crate::report::table::{Group, Row, Table};

/// The tables that stand by themselves, the main one first.
pub(super) fn tables(field: &Field) -> Vec<Table> {
    let published = published::table(field);
    [Some(main(field)), published, Some(points(field))]
        .into_iter()
        .flatten()
        .collect()
}

/// Every transport at every point.
fn main(field: &Field) -> Table {
    let told = QUANTITIES.iter().filter(|quantity| quantity.is_told(field));
    let told: Vec<(&Quantity, &str)> = told
        .filter_map(|quantity| Some((quantity, heading(quantity)?)))
        .collect();
    let groups = field.lines().map(|(panel, line)| {
        let rows = line.spots.iter().map(|spot| {
            let cells = told
                .iter()
                .map(|(quantity, _)| (quantity.measured)(&spot.entry).map_or(NONE.to_owned(), quantity.write));
            let unclear = if spot.is_unclear() { " (unclear)" } else { "" };
            Row::new(format!("{}{unclear}", spot.value), cells.collect())
        });
        Group {
            title: titled(line.transport, panel),
            rows: rows.collect(),
        }
    });
    Table {
        name: "figures",
        caption: format!("Sweep {} along {}", field.sweep.name, field.key.name),
        corner: field.key.name.to_owned(),
        columns: told.iter().map(|(_, heading)| (*heading).to_owned()).collect(),
        groups: groups.collect(),
        numeric: true,
    }
}

/// A short heading for a column; what explains another figure stands beside its own chart alone.
fn heading(quantity: &Quantity) -> Option<&'static str> {
    Some(match quantity.name {
        "storm-height" => "storm",
        "storm-cpu" => "busiest CPU",
        "deaf" => "last one hears",
        "falls" => "fall, p50",
        "requests" => "requests/min",
        "empty" => "empty",
        "mean-delay" => "mean",
        "p99-delay" => "p99",
        "bytes" => "bytes/delivery",
        "heads" => "around it",
        "segments" => return None,
        "cpu" => "CPU/1,000",
        "processor" => "CPU",
        "wake-ups" => "wake-ups/s",
        "threads" => "threads",
        _ => "memory",
    })
}

/// Where each point is kept, and what became of its checks.
fn points(field: &Field) -> Table {
    use crate::results::Verdict;
    let rows = field.measured.iter().map(|(point, results)| {
        let count = |verdict| {
            results
                .checks
                .iter()
                .filter(|checked| checked.verdict == verdict)
                .count()
        };
        let checks = match (results.checks.len(), count(Verdict::Fails), count(Verdict::Unclear)) {
            (0, ..) => NONE.to_owned(),
            (_, 0, 0) => "hold".to_owned(),
            (of, 0, unclear) => format!("{unclear} of {of} unclear"),
            (of, fail, _) => format!("{fail} of {of} fail"),
        };
        let clear = if results.unclear.is_empty() { "clear" } else { "unclear" };
        Row::new(
            point.label(&field.sweep.knobs),
            vec![point.folder.clone(), clear.to_owned(), checks],
        )
    });
    Table {
        name: "points",
        caption: "The points, each with the folder of its results (talkplace report FOLDER draws it)".to_owned(),
        corner: "Point".to_owned(),
        columns: ["folder", "measured", "checks"].map(str::to_owned).into(),
        groups: vec![untitled(rows.collect())],
        numeric: false,
    }
}

/// A figure as it was measured and as the model has it.
pub(super) fn of(field: &Field, quantity: &'static Quantity) -> Table {
    let is_told = |line: &&Line| line.spots.iter().any(|spot| (quantity.measured)(&spot.entry).is_some());
    let lines: Vec<(&Panel, &Line)> = field.lines().filter(|(_, line)| is_told(line)).collect();
    let mut columns = Vec::new();
    let is_modelled = |transport: Transport| {
        lines
            .iter()
            .filter(|(_, line)| line.transport == transport)
            .any(|(_, line)| line.spots.iter().any(|spot| quantity.predicted_at(spot).is_some()))
    };
    let transports: Vec<Transport> = field
        .transports()
        .into_iter()
        .filter(|transport| lines.iter().any(|(_, line)| line.transport == *transport))
        .collect();
    let write = |number: Option<f64>| number.map_or(NONE.to_owned(), quantity.write);
    let cells_of = |transport: Transport, spot: Option<&Spot>| {
        let mut cells = vec![write(spot.and_then(|spot| (quantity.measured)(&spot.entry)))];
        if is_modelled(transport) {
            let measured = spot.and_then(|spot| (quantity.measured)(&spot.entry));
            let predicted = spot.and_then(|spot| quantity.predicted_at(spot));
            cells.extend([write(predicted), difference(quantity, measured, predicted)]);
        }
        cells
    };
    // Three columns for each of many would not fit beside one another.
    let is_wide = transports.iter().filter(|transport| is_modelled(**transport)).count() > MOST_ABREAST;
    let groups = if is_wide || has_few_in_common(field) {
        columns.push("measured".to_owned());
        if transports.iter().copied().any(is_modelled) {
            columns.extend(BY_THE_MODEL.map(str::to_owned));
        }
        let groups = lines.iter().map(|(panel, line)| Group {
            title: titled(line.transport, panel),
            rows: line
                .spots
                .iter()
                .map(|spot| Row::new(spot.value, cells_of(line.transport, Some(spot))))
                .collect(),
        });
        groups.collect()
    } else {
        for transport in &transports {
            columns.push(transport.title().to_owned());
            if is_modelled(*transport) {
                columns.extend(BY_THE_MODEL.map(str::to_owned));
            }
        }
        grouped(field, |panel, value| {
            let spot = |transport| panel.of(transport)?.spots.iter().find(|spot| spot.value == value);
            transports
                .iter()
                .flat_map(|transport| cells_of(*transport, spot(*transport)))
                .collect()
        })
    };
    Table {
        name: quantity.name,
        caption: sentence_of(quantity),
        corner: field.key.name.to_owned(),
        columns,
        groups,
        numeric: true,
    }
}

/// More transports than this, each with what the model says, stand one below the other.
const MOST_ABREAST: usize = 2;
/// The columns behind a measured one.
const BY_THE_MODEL: [&str; 2] = ["by the model", "difference"];

/// How much more was measured, in per cent of what the model has; shares differ by points of a hundred.
fn difference(quantity: &Quantity, measured: Option<f64>, predicted: Option<f64>) -> String {
    let Some((measured, predicted)) = measured.zip(predicted) else {
        return NONE.to_owned();
    };
    let (hundredths, unit) = match quantity.name {
        "empty" => ((measured - predicted) * 100.0, "points"),
        _ if measured == predicted => (0.0, "%"),
        _ if predicted > 0.0 => ((measured / predicted - 1.0) * 100.0, "%"),
        _ => return NONE.to_owned(),
    };
    let digits = if hundredths.abs() < 9.95 { 1 } else { 0 };
    let number = format!("{:.digits$}", hundredths.abs());
    let sign = match number.as_str() {
        "0.0" => return with_unit("0".to_owned(), unit),
        _ if hundredths < 0.0 => "−",
        _ => "+",
    };
    with_unit(format!("{sign}{number}"), unit)
}

/// Whether the transports were mostly measured at values of their own, as a search does: side by side they would be columns of gaps.
fn has_few_in_common(field: &Field) -> bool {
    let spots = || field.lines().flat_map(|(_, line)| &line.spots);
    let values: HashSet<&str> = spots().map(|spot| spot.value).collect();
    spots().count() * 2 < values.len() * field.lines().count()
}

fn titled(transport: Transport, panel: &Panel) -> String {
    if panel.label.is_empty() {
        transport.title().to_owned()
    } else {
        format!("{}, {}", transport.title(), panel.label)
    }
}

fn sentence_of(quantity: &Quantity) -> String {
    crate::report::word::sentence(quantity.axis)
}

/// A row for each measured value of the knob, in a group for each value of the second.
fn grouped(field: &Field, cells: impl Fn(&Panel, &str) -> Vec<String>) -> Vec<Group> {
    let mut along = field.along();
    along.sort_by(|one, other| one.0.total_cmp(&other.0));
    let group = |panel: &Panel| {
        let there = |value: &str| {
            panel
                .lines
                .iter()
                .any(|line| line.spots.iter().any(|spot| spot.value == value))
        };
        let rows = along.iter().filter(|(_, value)| there(value));
        Group {
            title: panel.label.clone(),
            rows: rows
                .map(|(_, value)| Row::new(value.clone(), cells(panel, value)))
                .collect(),
        }
    };
    field.panels.iter().map(group).collect()
}

/// Cost and delay of each transport at each value.
pub(super) fn frontier(field: &Field, cost: &'static Cost) -> Table {
    let transports = field.transports();
    let columns = transports
        .iter()
        .flat_map(|transport| [transport.title().to_owned(), "delay".to_owned()]);
    let cells = |panel: &Panel, value: &str| {
        let of = |transport| {
            let spot = panel
                .of(transport)
                .and_then(|line| line.spots.iter().find(|spot| spot.value == value));
            match spot.and_then(|spot| place(spot, cost)) {
                Some((cost_of, delay_ms)) => [(cost.write)(cost_of), milliseconds(delay_ms)],
                None => [NONE.to_owned(), NONE.to_owned()],
            }
        };
        transports.iter().flat_map(|transport| of(*transport)).collect()
    };
    Table {
        name: cost.name,
        caption: format!("{}, and the mean delay", crate::report::word::sentence(cost.axis)),
        corner: field.key.name.to_owned(),
        columns: columns.collect(),
        groups: grouped(field, cells),
        numeric: true,
    }
}
