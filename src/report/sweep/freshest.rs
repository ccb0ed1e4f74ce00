//! Who is fresh for least: the title of a frontier. Who is as fresh, or as cheap, is named with the first, as chance could have swapped them.

use super::field::Field;
use super::finding::{FEW_MS, NEAR, ROUGHLY};
use super::frontier::{Cost, place};
use crate::protocol::Transport;
use crate::report::number::milliseconds;
use crate::report::word::{list, name, verb};

/// The title over cost and delay.
pub(super) fn title(field: &Field, cost: &'static Cost) -> String {
    let over = format!("What it costs to be fresh, along {}", field.key.name);
    let all: Vec<Placed> = field
        .lines()
        .flat_map(|(_, line)| line.clear().map(|spot| (line.transport, spot)))
        .filter_map(|(transport, spot)| {
            let (cost, delay_ms) = place(spot, cost)?;
            Some(Placed {
                transport,
                value: spot.value,
                cost,
                delay_ms,
            })
        })
        .collect();
    if field.transports().len() == 1 {
        return ends(&all, cost).map_or(over.clone(), |ends| format!("{over}: {ends}"));
    }
    best(&all, cost).map_or(over.clone(), |best| format!("{over}: {best}"))
}

/// The spots with the least delay and with the least cost.
fn extremes<'a, 'b>(all: &'a [Placed<'b>]) -> Option<(&'a Placed<'b>, &'a Placed<'b>)> {
    let freshest = all
        .iter()
        .min_by(|one, other| one.delay_ms.total_cmp(&other.delay_ms))?;
    let cheapest = all.iter().min_by(|one, other| one.cost.total_cmp(&other.cost))?;
    Some((freshest, cheapest))
}

/// Of a single transport: what its knob leads from and to.
fn ends(all: &[Placed], cost: &Cost) -> Option<String> {
    let (freshest, cheapest) = extremes(all)?;
    Some(format!(
        "from {}{} a minute with {} of delay to {} with {}",
        (cost.write)(cheapest.cost),
        cost.word,
        milliseconds(cheapest.delay_ms),
        (cost.write)(freshest.cost),
        milliseconds(freshest.delay_ms)
    ))
}

/// Of several: who is the freshest, and who the cheapest.
fn best(all: &[Placed], cost: &Cost) -> Option<String> {
    let (freshest, cheapest) = extremes(all)?;
    let fresh: Vec<&Placed> = all.iter().filter(|one| is_as_fresh(one, freshest)).collect();
    let cheap: Vec<&Placed> = all.iter().filter(|one| is_as_cheap(one, cheapest, cost)).collect();
    let both: Vec<&Placed> = fresh
        .iter()
        .copied()
        .filter(|one| is_as_cheap(one, cheapest, cost))
        .collect();
    let delay = |of: &[&Placed]| range(of.iter().map(|one| one.delay_ms), milliseconds);
    let price = |of: &[&Placed]| {
        let range = range(of.iter().map(|one| one.cost), cost.write);
        format!("{range}{} a minute", cost.word)
    };
    if both.is_empty() {
        let at = match named(&cheap).len() {
            1 => format!(" at {}", cheapest.value),
            _ => String::new(),
        };
        return Some(format!(
            "{} the freshest with {}, {}{at} the cheapest with {}",
            are(&named(&fresh)),
            delay(&fresh),
            list(&named(&cheap)),
            price(&cheap)
        ));
    }
    let rest = |of: &[&Placed]| -> Vec<&str> {
        let more = named(of).into_iter();
        more.filter(|name| !named(&both).contains(name)).collect()
    };
    let best = match (rest(&fresh).as_slice(), rest(&cheap).as_slice()) {
        ([], []) => "the freshest and the cheapest".to_owned(),
        (as_fresh, []) => format!("the cheapest, and as fresh as {}", list(as_fresh)),
        ([], as_cheap) => format!("the freshest, and as cheap as {}", list(as_cheap)),
        (as_fresh, as_cheap) => format!("as fresh as {} and as cheap as {}", list(as_fresh), list(as_cheap)),
    };
    Some(format!(
        "{} {best}, {} for {}",
        are(&named(&both)),
        delay(&both),
        price(&both)
    ))
}

/// One clear spot of a frontier.
struct Placed<'a> {
    transport: Transport,
    value: &'a str,
    cost: f64,
    delay_ms: f64,
}

fn is_as_fresh(one: &Placed, freshest: &Placed) -> bool {
    one.delay_ms <= freshest.delay_ms * (1.0 + NEAR) + FEW_MS
}

/// Processor time varies more than what is counted.
fn is_as_cheap(one: &Placed, cheapest: &Placed, cost: &Cost) -> bool {
    let share = if cost.name == "frontier-cpu" { ROUGHLY } else { NEAR };
    one.cost <= cheapest.cost * (1.0 + share)
}

/// The transports of some spots, each once.
fn named(of: &[&Placed]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for one in of {
        let name = name(one.transport);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `WebSocket is`, `WebSocket and server-sent events are`.
fn are(names: &[&str]) -> String {
    format!("{} {}", list(names), verb(names.len(), "is", "are"))
}

/// One figure, or the lowest and the highest of several; a unit that both have is said once.
fn range(values: impl Iterator<Item = f64> + Clone, write: fn(f64) -> String) -> String {
    let low = write(values.clone().fold(f64::INFINITY, f64::min));
    let high = write(values.fold(f64::NEG_INFINITY, f64::max));
    match (low.split_once('\u{a0}'), high.split_once('\u{a0}')) {
        _ if low == high => high,
        (Some((number, a)), Some((_, b))) if a == b => format!("{number} to {high}"),
        _ => format!("{low} to {high}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(transport: Transport, cost: f64, delay_ms: f64) -> Placed<'static> {
        Placed {
            transport,
            value: "1s",
            cost,
            delay_ms,
        }
    }

    /// The title over these spots without the words that it begins with.
    fn title_of(spots: &[Placed]) -> String {
        let cost = &super::super::frontier::COSTS[0];
        best(spots, cost).unwrap().replace('\u{a0}', " ")
    }

    #[test]
    fn who_is_as_good_is_named_with_the_first() {
        let poll = || placed(Transport::Poll, 60.0, 1_500.0);
        let long = || placed(Transport::LongPoll, 12.0, 21.0);
        let events = || placed(Transport::Events, 0.0, 20.5);
        let push = || placed(Transport::Websocket, 0.0, 20.4);
        assert_eq!(
            title_of(&[poll(), events(), push()]),
            "server-sent events and WebSocket are the freshest and the cheapest, 20.4 to 20.5 ms for 0 requests a minute"
        );
        assert_eq!(
            title_of(&[poll(), long(), push()]),
            "WebSocket is the cheapest, and as fresh as long polling, 20.4 ms for 0 requests a minute"
        );
        assert_eq!(
            title_of(&[poll(), long(), placed(Transport::Websocket, 0.0, 300.0)]),
            "long polling is the freshest with 21 ms, WebSocket at 1s the cheapest with 0 requests a minute"
        );
        assert_eq!(
            title_of(&[poll(), placed(Transport::LongPoll, 58.0, 21.0)]),
            "long polling is the freshest, and as cheap as short polling, 21 ms for 58 requests a minute"
        );
    }

    #[test]
    fn fresh_at_one_value_and_cheap_at_another_is_not_both() {
        let at = |value: &'static str, cost: f64, delay_ms: f64| Placed {
            value,
            ..placed(Transport::Poll, cost, delay_ms)
        };
        let long = placed(Transport::LongPoll, 100.0, 400.0);
        assert_eq!(
            title_of(&[at("250ms", 240.0, 145.0), at("4s", 15.0, 2_020.0), long]),
            "short polling is the freshest with 145 ms, short polling at 4s the cheapest with 15 requests a minute"
        );
    }
}
