//! What a search for the largest load found: sentences, a table, and how busy the server was on the way.

use super::field::{Field, Spot};
use super::quantity::{across, asks, print};
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::chart::Chart;
use crate::report::chart::curves::{Along, Curve, Curves, Panel, Spot as Drawn, Ticks, curves};
use crate::report::figures::untitled;
use crate::report::number::{NONE, count, counted, figure, percent, with_unit};
use crate::report::table::{Row, Table};
use crate::report::word::{list, sentence};
use crate::results::knob::write_rate;
use crate::results::{Check, Found, Knee, Price, Right};

/// Prices that differ by less than this, as a ratio, are one price.
const SAME: f64 = 1.15;

/// What was found about each transport.
pub(super) fn findings(knee: &Knee) -> Vec<String> {
    let of = |found: &Found| format!("{}{}", limits_kept(knee, found), prices(knee, found));
    knee.transports.iter().map(of).collect()
}

fn limits_kept(knee: &Knee, found: &Found) -> String {
    let name = found.transport.title();
    let with = |at: f64| load(knee, at);
    let kept = match (found.holds, found.breaks) {
        (Some(holds), Some(breaks)) => {
            format!(
                "{name}: the limits hold with {}, and not with {}",
                with(holds),
                with(breaks)
            )
        }
        (Some(holds), None) => format!("{name}: the limits hold with {}, the most that was tried", with(holds)),
        (None, Some(breaks)) => format!("{name}: the limits do not even hold with {}", with(breaks)),
        (None, None) => format!("{name}: not measured"),
    };
    match (found.broke.as_slice(), found.unclear.first()) {
        ([], None) => format!("{kept}."),
        // A reason is a sentence already.
        ([], Some(reason)) => format!("{kept}, where the server is not what was found out. {reason}"),
        (broke, _) => {
            // The name stands at the beginning already.
            let own = format!("{name}: ");
            let broke = broke
                .iter()
                .map(|one| one.trim_start_matches(&own).trim_end_matches('.'));
            format!("{kept}, where this broke: {}.", broke.collect::<Vec<_>>().join("; "))
        }
    }
}

/// What one piece of work cost at the first load and at the last, and where either leads.
fn prices(knee: &Knee, found: &Found) -> String {
    let Some(first) = found.first else {
        return String::new();
    };
    let piece = piece(found.transport);
    let full = |price: &Price| {
        let at = full_at(knee, found, price).map(|at| load(knee, at));
        at.map(|at| format!("at that price it is full with {at}"))
    };
    let told = format!(
        " With {} {piece} cost the server {} of processor time{}.",
        load(knee, first.at),
        microseconds(first.each_us),
        full(&first).map_or_else(String::new, |full| format!(": {full}"))
    );
    let Some(last) = found.last.filter(|last| last.at != first.at) else {
        return told;
    };
    let ratio = first.each_us / last.each_us;
    let why = if gathers(knee, found) && ratio < 1.0 / SAME {
        " There an answer carries more messages: the more is said, the more of it waits for the next request."
    } else if ratio > SAME {
        " A busy server finds several pieces of work at each look, and they share what the look costs."
    } else if ratio < 1.0 / SAME {
        " Under load each piece costs more: the processor’s caches no longer hold what it needs."
    } else {
        ""
    };
    format!(
        "{told} With {} it cost {}, {} of its time was used{}.{why}",
        load(knee, last.at),
        microseconds(last.each_us),
        percent(last.busy.min(1.0)),
        full(&last).map_or_else(String::new, |full| format!(", and {full}"))
    )
}

/// Along the rate a listener asks no more often than its timer or its link lets it: its answers get longer.
fn gathers(knee: &Knee, found: &Found) -> bool {
    knee.of == "feed.rate" && asks(found.transport)
}

/// Where the server is full at this price of a piece of work, if more load is more pieces.
fn full_at(knee: &Knee, found: &Found, price: &Price) -> Option<f64> {
    price.full_at.filter(|_| !gathers(knee, found))
}

fn piece(transport: Transport) -> &'static str {
    if asks(transport) { "a request" } else { "a delivery" }
}

fn microseconds(us: f64) -> String {
    with_unit(figure(us), "µs")
}

fn load(knee: &Knee, at: f64) -> String {
    match knee.of.as_str() {
        "feed.rate" => number(knee, at),
        _ => counted(at.round() as u64, "listener", "listeners"),
    }
}

fn number(knee: &Knee, at: f64) -> String {
    match knee.of.as_str() {
        // A place that was calculated is no more exact than what it was calculated from.
        "feed.rate" => write_rate((at * 10.0).round() / 10.0),
        _ => count(at.round() as u64),
    }
}

/// What was searched for: `the most listeners that keep lost == 0`.
pub(super) fn aim(knee: &Knee) -> String {
    let most = match knee.of.as_str() {
        "feed.rate" => "the most messages",
        _ => "the most listeners",
    };
    format!("{most} that keep {}", list(&knee.limits))
}

/// All of it in numbers.
pub(super) fn table(knee: &Knee) -> Table {
    let number = |value: Option<f64>| value.map_or(NONE.to_owned(), |value| number(knee, value));
    let rows = knee.transports.iter().map(|found| {
        let price = |price: Option<Price>| {
            [
                price.map_or(NONE.to_owned(), |price| microseconds(price.each_us)),
                number(price.and_then(|price| full_at(knee, found, &price))),
            ]
        };
        let [first, first_full] = price(found.first);
        let [last, last_full] = price(found.last);
        let cells = vec![
            number(found.holds),
            number(found.breaks),
            first,
            first_full,
            last,
            last_full,
        ];
        Row::new(found.transport.title(), cells)
    });
    Table {
        name: "knee",
        caption: format!(
            "{}; the price of one at the first load and at the last that held, and where the server would be full at that price",
            sentence(&aim(knee))
        ),
        corner: knee.of.clone(),
        columns: ["hold", "do not", "price, first", "full", "price, last", "full"]
            .map(str::to_owned)
            .into(),
        groups: vec![untitled(rows.collect())],
        numeric: true,
    }
}

/// Limits on a delay are drawn where the delay is.
pub(super) fn limits(knee: &Knee) -> Vec<(&'static str, f64, String)> {
    let checks = knee.limits.iter().filter_map(|limit| limit.parse::<Check>().ok());
    let levels = checks.filter_map(|check| {
        let chart = match check.left.metric.name {
            "delay.p99" => "p99-delay",
            "delay.mean" => "mean-delay",
            _ => return None,
        };
        match check.right {
            Right::Value(height) => Some((chart, height, format!("the limit: {check}"))),
            Right::Times(..) => None,
        }
    });
    levels.collect()
}

/// The share of the server's processors that was used at each load, with the straight line that the first load's price makes.
pub(super) fn busy(field: &Field, knee: &Knee) -> Result<Chart, ReportError> {
    let share = Spot::load;
    let lines = || field.lines().map(|(_, line)| line);
    let drawn = lines().map(|line| {
        let found = knee.transports.iter().find(|found| found.transport == line.transport);
        let spots = line.spots.iter().filter_map(|spot| {
            Some(Drawn {
                at: (spot.x, share(spot)?.min(1.0)),
                schedule: None,
                is_unclear: spot.is_unclear(),
                label: String::new(),
            })
        });
        Curve {
            transport: line.transport,
            spots: spots.collect(),
            model: found.and_then(|found| found.first).map_or_else(Vec::new, straight),
            is_joined: false,
        }
    });
    let rows = lines().flat_map(|line| line.spots.iter().map(move |spot| (line.transport, spot)));
    let rows = rows.map(|(transport, spot)| {
        let cell = share(spot).map_or(NONE.to_owned(), |share| percent(share.min(1.0)));
        Row::new(format!("{}, {}", transport.title(), spot.value), vec![cell])
    });
    let called: Vec<String> = knee
        .transports
        .iter()
        .filter_map(|found| {
            Some(format!(
                "{} with {}",
                crate::report::word::name(found.transport),
                load(knee, found.holds?)
            ))
        })
        .collect();
    let title = if called.is_empty() {
        "How busy the server was: no load kept the limits".to_owned()
    } else {
        sentence(&format!(
            "how busy the server was: the limits hold for {}",
            list(&called)
        ))
    };
    curves(Curves {
        name: "busy",
        topic: "The server, busy",
        reading: "How much of the server’s processor time was used. The line goes through the first point of each transport as if every further piece of work cost \
                  what the first ones did: where it reaches the top, the server would be full.",
        title,
        what: format!("Share of the server’s processor time over {}", knee.of),
        print: print(field),
        table: Table {
            name: "busy",
            caption: "Share of the server’s processor time that was used".to_owned(),
            corner: knee.of.clone(),
            columns: vec!["used".to_owned()],
            groups: vec![untitled(rows.collect())],
            numeric: true,
        },
        across: across(field),
        up: Along {
            title: "share of the server’s processor time".to_owned(),
            ticks: Ticks::Share(percent),
        },
        panels: vec![Panel {
            title: String::new(),
            curves: drawn.collect(),
            marks: Vec::new(),
            levels: Vec::new(),
        }],
    })
}

/// From the first load to where its price fills the server; many steps, since an axis of ratios bends it.
fn straight(first: Price) -> Vec<(f64, f64)> {
    let Some(full_at) = first.full_at.filter(|full_at| *full_at > first.at) else {
        return Vec::new();
    };
    let steps = 24;
    let place = |step: i32| {
        let at = first.at * (full_at / first.at).powf(f64::from(step) / f64::from(steps));
        (
            at,
            (first.busy + (1.0 - first.busy) * (at - first.at) / (full_at - first.at)).min(1.0),
        )
    };
    (0..=steps).map(place).collect()
}
