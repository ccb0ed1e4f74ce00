//! What a sweep shows, in sentences: what moved along the knob and what did not, where curves cross, whether the model agrees.

use super::agreement::agreement;
use super::field::{Field, Line, Panel};
use super::quantity::{QUANTITIES, Quantity};
use super::through;
use crate::model::PollTimer;
use crate::protocol::Transport;
use crate::report::finding::ledger::kept_at;
use crate::report::number::{figure, milliseconds, times};
use crate::report::word::{list, name, sentence, verb};

/// Figures that are counted or timed move by less than this from run to run.
pub(super) const NEAR: f64 = 0.1;
/// Processor time and memory by less than this.
pub(super) const ROUGHLY: f64 = 0.25;
/// Delays by so many milliseconds, and shares by so much.
pub(super) const FEW_MS: f64 = 2.0;
const FEW_POINTS: f64 = 0.03;

/// How a figure moved along the knob.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moved {
    Stayed,
    Fell,
    Rose,
    /// It was further from both ends in between.
    Turned(f64),
}

/// A figure at the two ends of the knob.
struct Movement {
    from: f64,
    to: f64,
    moved: Moved,
}

/// All sentences, in the order of the page.
pub(super) fn findings(field: &Field) -> Vec<String> {
    let of_panel = if field.is_ordered() { along } else { by_word };
    let mut sentences: Vec<String> = if through::is_about(field) {
        through::findings(field)
    } else {
        field.panels.iter().flat_map(|panel| of_panel(field, panel)).collect()
    };
    for panel in &field.panels {
        sentences.extend(half(field, panel));
        sentences.extend(crossing(field, panel));
    }
    // Somebody in between may keep messages back, which is told above.
    if !through::is_about(field) {
        sentences.extend(kept(field));
    }
    sentences.extend(agreement(field));
    if !field.lines().any(|(_, line)| line.clear().next().is_some()) {
        sentences.push(
            "The machine or the generator was the limit at every point, so these curves prove nothing.".to_owned(),
        );
    }
    sentences
}

/// Whether everybody heard everything, at all points.
fn kept(field: &Field) -> Option<String> {
    let spots = field
        .lines()
        .flat_map(|(panel, line)| line.spots.iter().map(move |spot| (panel, spot)));
    let points = spots.map(|(panel, spot)| {
        let value = format!("{} {}", field.key.name, spot.value);
        let values = match panel.label.as_str() {
            "" => value,
            label => format!("{value} and {label}"),
        };
        (values, &spot.entry)
    });
    kept_at(&points.collect::<Vec<_>>())
}

/// `with feed.rate 2/s: `, where there is a second knob.
fn with(panel: &Panel) -> String {
    if panel.label.is_empty() {
        String::new()
    } else {
        format!("with {}: ", panel.label)
    }
}

/// What the words of a knob without an order make of each figure.
fn by_word(field: &Field, panel: &Panel) -> Vec<String> {
    let (mut sentences, mut still) = (Vec::new(), Vec::new());
    for line in &panel.lines {
        let before = sentences.len();
        for quantity in told(field) {
            let moved = movement(line, quantity).is_some_and(|movement| movement.moved != Moved::Stayed);
            if moved {
                let (name, values) = (name(line.transport), list(&values(line, quantity)));
                sentences.push(sentence(&format!(
                    "{}{name}, {}: {values}.",
                    with(panel),
                    quantity.word
                )));
            }
        }
        if sentences.len() == before && line.clear().count() > 1 {
            still.push(name(line.transport));
        }
    }
    sentences.extend(unmoved(field, panel, &still));
    sentences
}

/// `22 ms with woken`, for each word in the order of the knob.
fn values(line: &Line, quantity: &Quantity) -> Vec<String> {
    let values = line.clear().filter_map(|spot| {
        let value = (quantity.measured)(&spot.entry)?;
        Some(format!("{} with {}", (quantity.write)(value), spot.value))
    });
    values.collect()
}

/// The figures that this knob is told by.
fn told<'a>(field: &'a Field) -> impl Iterator<Item = &'static Quantity> + 'a {
    QUANTITIES.iter().filter(|quantity| quantity.is_told(field))
}

/// `short polling and WebSocket do not move with …`.
fn unmoved(field: &Field, panel: &Panel, still: &[&str]) -> Option<String> {
    (!still.is_empty()).then(|| {
        let does = verb(still.len(), "does", "do");
        sentence(&format!(
            "{}{} {does} not move with {}, beyond what differs from run to run.",
            with(panel),
            list(still),
            field.key.name
        ))
    })
}

/// From one end of a knob that has an order to the other.
fn along(field: &Field, panel: &Panel) -> Vec<String> {
    let with = with(panel);
    let (mut sentences, mut still) = (Vec::new(), Vec::new());
    for line in &panel.lines {
        let (Some(first), Some(last)) = (line.clear().next(), line.clear().next_back()) else {
            continue;
        };
        if first.value == last.value {
            continue;
        }
        let moves: Vec<(&Quantity, Movement)> = told(field)
            .filter_map(|quantity| Some((quantity, movement(line, quantity)?)))
            .collect();
        if moves.iter().all(|(_, movement)| movement.moved == Moved::Stayed) {
            still.push(name(line.transport));
            continue;
        }
        let clauses: Vec<String> = moves
            .iter()
            .filter_map(|(quantity, movement)| clause(quantity, movement))
            .collect();
        sentences.push(sentence(&format!(
            "{with}{}, {} from {} to {}: {}.",
            name(line.transport),
            field.key.name,
            first.value,
            last.value,
            list(&clauses)
        )));
    }
    sentences.extend(unmoved(field, panel, &still));
    sentences
}

/// `its requests fell from 60 to 31 (1.9 times)`; nothing of a processor or a memory that stayed.
fn clause(quantity: &Quantity, movement: &Movement) -> Option<String> {
    let write = quantity.write;
    let (from, to) = (write(movement.from), write(movement.to));
    let word = quantity.word;
    let ratio = |larger: f64, smaller: f64| match larger / smaller {
        ratio if ratio.is_finite() && ratio >= 1.5 => format!(" ({} times)", times(ratio)),
        _ => String::new(),
    };
    Some(match movement.moved {
        Moved::Stayed if matches!(quantity.name, "cpu" | "memory") => return None,
        // A stream asks for nothing all along, which is no news.
        Moved::Stayed if movement.from == 0.0 => return None,
        Moved::Stayed if from == to => format!("{word} stayed at {from}"),
        Moved::Stayed => format!("{word} stayed at {from} to {to}"),
        Moved::Fell => format!("{word} fell from {from} to {to}{}", ratio(movement.from, movement.to)),
        Moved::Rose => format!("{word} rose from {from} to {to}{}", ratio(movement.to, movement.from)),
        Moved::Turned(between) => format!("{word} went from {from} by way of {} to {to}", write(between)),
    })
}

fn movement(line: &Line, quantity: &Quantity) -> Option<Movement> {
    let values: Vec<f64> = line
        .clear()
        .filter_map(|spot| (quantity.measured)(&spot.entry))
        .collect();
    let (from, to) = (*values.first()?, *values.last()?);
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let near = |a: f64, b: f64| is_near(quantity, a, b);
    let (low_end, high_end) = (from.min(to), from.max(to));
    let moved = if !near(highest, high_end) {
        Moved::Turned(highest)
    } else if !near(lowest, low_end) {
        Moved::Turned(lowest)
    } else if near(from, to) {
        Moved::Stayed
    } else if from > to {
        Moved::Fell
    } else {
        Moved::Rose
    };
    Some(Movement { from, to, moved })
}

/// Whether two values of a figure differ by no more than they do from run to run.
fn is_near(quantity: &Quantity, one: f64, other: f64) -> bool {
    let apart = (one - other).abs();
    let least = match quantity.name {
        "empty" => FEW_POINTS,
        "mean-delay" | "p99-delay" => FEW_MS,
        _ => 0.0,
    };
    let share = match quantity.name {
        "empty" => 0.0,
        "cpu" | "memory" | "storm-height" | "storm-cpu" => ROUGHLY,
        _ => NEAR,
    };
    apart <= least || apart <= share * one.abs().max(other.abs())
}

/// Requests a second × mean wait is a half, whatever short polling's interval is.
fn half(field: &Field, panel: &Panel) -> Option<String> {
    let line = panel
        .of(Transport::Poll)
        .filter(|_| field.key.name == "poll.interval")?;
    let products: Vec<f64> = line
        .clear()
        .filter_map(|spot| {
            let inputs = &spot.predicted.as_ref()?.inputs;
            let transit_ms = (inputs.one_way_s + inputs.service_s) * 1e3;
            let wait_s = (spot.entry.run.server_delay.mean_ms()? - transit_ms) / 1e3;
            (inputs.timer == PollTimer::Fixed).then_some(spot.entry.requests_per_s()? * wait_s)
        })
        .collect();
    let least = products.iter().copied().reduce(f64::min)?;
    let most = products.iter().copied().reduce(f64::max)?;
    (products.len() > 1).then(|| {
        format!(
            "Requests a second × mean wait was {} to {} at every interval of short polling, where the model has 1/2: who wants to wait half as long asks twice as \
             often.",
            figure(least),
            figure(most)
        )
    })
}

/// Where long polling begins to send more requests than short polling, along the knob: straight between two points, by ratios.
pub(super) fn crossing_at(panel: &Panel) -> Option<f64> {
    let (poll, long_poll) = (panel.of(Transport::Poll)?, panel.of(Transport::LongPoll)?);
    let ratios: Vec<(f64, f64)> = long_poll
        .clear()
        .filter_map(|spot| {
            let other = poll.clear().find(|other| other.value == spot.value)?;
            let ratio = spot.entry.requests_per_s()? / other.entry.requests_per_s()?;
            (ratio.is_finite() && ratio > 0.0 && spot.x > 0.0).then(|| (spot.x.ln(), ratio.ln()))
        })
        .collect();
    ratios.windows(2).find_map(|pair| {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        (y0 * y1 <= 0.0 && y0 != y1).then(|| (x0 + (x1 - x0) * y0 / (y0 - y1)).exp())
    })
}

fn crossing(field: &Field, panel: &Panel) -> Option<String> {
    if !field.is_ordered() {
        return None;
    }
    let (at, with) = (crossing_at(panel)?, with(panel));
    let interval_s = panel
        .lines
        .first()?
        .spots
        .first()?
        .results
        .scenario
        .poll_interval
        .as_secs_f64();
    let (unit, more) = match field.key.name {
        "feed.rate" => (
            format!("{} a second", messages(at)),
            format!(
                ", that is {} in an interval of short polling",
                messages(at * interval_s)
            ),
        ),
        "listeners" => (format!("{} listeners", figure(at)), String::new()),
        _ => (milliseconds(at * 1e3), String::new()),
    };
    Some(sentence(&format!(
        "{with}long polling and short polling send as many requests at {} {unit}{more}.",
        field.key.name
    )))
}

fn messages(many: f64) -> String {
    match figure(many).as_str() {
        "1" => "1 message".to_owned(),
        many => format!("{many} messages"),
    }
}

/// What a chart over the knob shows: its title.
pub(super) fn title(field: &Field, quantity: &Quantity) -> String {
    let over = match field.sweep.knobs.get(1) {
        Some(second) => format!("{} over {} and {}", quantity.topic, field.key.name, second.key),
        None => format!("{} over {}", quantity.topic, field.key.name),
    };
    let [panel] = field.panels.as_slice() else {
        return over;
    };
    let (mut moved, mut still) = (Vec::new(), Vec::new());
    for line in &panel.lines {
        let Some(movement) = movement(line, quantity) else {
            continue;
        };
        let (from, to) = ((quantity.write)(movement.from), (quantity.write)(movement.to));
        let name = name(line.transport);
        match movement.moved {
            Moved::Stayed => still.push(name),
            _ if !field.is_ordered() => moved.extend(extremes(line, quantity)),
            Moved::Fell => moved.push(format!("{name} fell from {from} to {to}")),
            Moved::Rose => moved.push(format!("{name} rose from {from} to {to}")),
            Moved::Turned(between) => moved.push(format!(
                "{name} went from {from} by way of {} to {to}",
                (quantity.write)(between)
            )),
        }
    }
    if !still.is_empty() {
        moved.push(format!("{} stayed", list(&still)));
    }
    match moved.as_slice() {
        [] => over,
        // As many clauses would be no title.
        [_, _, _, ..] if !field.is_ordered() => {
            highest(panel, quantity).map_or(over.clone(), |highest| format!("{over}: {highest}"))
        }
        moved => format!("{over}: {}", moved.join(", ")),
    }
}

/// `at most 1,097 ms, by server-sent events with buffered.conf`.
fn highest(panel: &Panel, quantity: &Quantity) -> Option<String> {
    let all = panel.lines.iter().flat_map(|line| {
        let values = line
            .clear()
            .filter_map(|spot| Some(((quantity.measured)(&spot.entry)?, spot.value)));
        values.map(|(value, word)| (value, name(line.transport), word))
    });
    let (value, name, word) = all.max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(format!("at most {}, by {name} with {word}", (quantity.write)(value)))
}

/// `long polling from 22 ms (woken) to 520 ms (sleep-1s)`: where it is least and where it is most.
fn extremes(line: &Line, quantity: &Quantity) -> Option<String> {
    let values = line
        .clear()
        .filter_map(|spot| Some(((quantity.measured)(&spot.entry)?, spot.value)));
    let values: Vec<(f64, &str)> = values.collect();
    let least = values.iter().min_by(|one, other| one.0.total_cmp(&other.0))?;
    let most = values.iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(format!(
        "{} from {} ({}) to {} ({})",
        name(line.transport),
        (quantity.write)(least.0),
        least.1,
        (quantity.write)(most.0),
        most.1
    ))
}
