//! How listeners fell, what that cost them, and whether they climbed back.

use super::super::beside::Beside;
use super::super::climb::Typical;
use super::super::entry::Entry;
use super::super::number::{count, counted, milliseconds};
use super::super::word::{list, name, sentence};
use crate::results::{Ladder, Scenario};

/// Rungs that took as long but for this share did equally badly.
const ALIKE: f64 = 0.05;

/// Whether anybody changed transports, so that an entry is not of one of them alone.
pub(crate) fn is_mixed(entry: &Entry) -> bool {
    let walks = entry.run.ladder.iter().flat_map(|ladder| &ladder.walks);
    walks.into_iter().any(|walk| {
        let mut opened = walk.rungs.iter().filter(|rung| rung.failed.is_none());
        opened.any(|rung| rung.transport != entry.transport())
    })
}

/// Sentences about each transport whose listeners fell, climbed, or began below it.
pub(super) fn told(entries: &[&Entry], scenario: &Scenario) -> Vec<String> {
    let there = entries
        .iter()
        .filter_map(|entry| Some((*entry, entry.run.ladder.as_ref()?)));
    there
        .flat_map(|(entry, ladder)| {
            [
                fell(entry, ladder),
                looked(ladder),
                climbed(entry, ladder, scenario),
                late(entry, ladder),
            ]
        })
        .flatten()
        .collect()
}

/// How they fell, and by what they listened then.
fn fell(entry: &Entry, ladder: &Ladder) -> Option<String> {
    let own = name(entry.transport());
    let all = ladder.walks.len() as u64;
    let fallen = ladder.fallen() as u64;
    let Some(typical) = Typical::of(ladder) else {
        return Some(match fallen {
            0 => format!("None of {} fell.", counted(all, "listener", "listeners")),
            some => format!(
                "{} fell, and never came to listen again.",
                counted(some, "listener", "listeners")
            ),
        });
    };
    let who = match fallen == all {
        true => format!("All {}", counted(all, "listener", "listeners")),
        false => format!("{} of {}", count(fallen), counted(all, "listener", "listeners")),
    };
    let in_vain = typical
        .rungs
        .iter()
        .filter_map(|(rung, why, took_ms)| Some(format!("{} ({}, {})", name(*rung), (*why)?, milliseconds(*took_ms))));
    let in_vain: Vec<String> = in_vain.collect();
    let landed = typical.rungs.iter().find(|(_, why, _)| why.is_none());
    let landed = landed.map_or(String::new(), |(rung, ..)| format!("listened by {}", name(*rung)));
    let after = match in_vain.is_empty() {
        true => format!("{landed} again"),
        false => format!("tried {} in vain and {landed}", list(&in_vain)),
    };
    let times = ladder.fall_times();
    let half = times.quantile_ms(0.5).map_or(String::new(), |half| {
        format!(
            ": {} without anything to listen by for half of the falls, {} for the longest",
            milliseconds(half),
            milliseconds(times.max_ms().unwrap_or(half))
        )
    });
    Some(format!("{who} fell from {own}; most {after}{half}."))
}

/// What it cost to look upwards in vain, which is no message.
fn looked(ladder: &Ladder) -> Option<String> {
    let looks = ladder.walks.iter().flat_map(|walk| &walk.rungs);
    let looks = looks.filter(|rung| rung.is_climb && rung.failed.is_some()).count() as u64;
    (looks > 0).then(|| {
        format!(
            "They looked upwards {} in vain, and listened by the rung that they had meanwhile.",
            counted(looks, "time", "times")
        )
    })
}

/// Who was back at the end, and how long after the way was free.
fn climbed(entry: &Entry, ladder: &Ladder, scenario: &Scenario) -> Option<String> {
    let own = name(entry.transport());
    let back = ladder.at_the_end(entry.transport()) as u64;
    let free_s = scenario.network.free_after.as_secs_f64();
    let since_free = ladder.walks.iter().filter_map(|walk| {
        let climb = walk
            .rungs
            .iter()
            .rfind(|rung| rung.is_climb && rung.transport == entry.transport())?;
        Some(climb.opened_s()? - free_s)
    });
    let mut since_free: Vec<f64> = since_free.filter(|since_s| *since_s >= 0.0).collect();
    since_free.sort_by(f64::total_cmp);
    let overlap = match ladder.overlap {
        0 => String::new(),
        overlap => format!(
            " {} came by two ways during a change and {} heard once.",
            sentence(&counted(overlap, "message", "messages")),
            if overlap == 1 { "was" } else { "were" }
        ),
    };
    let when = match since_free.as_slice() {
        [first, .., last] if free_s > 0.0 => format!(
            ", the first {} after the way was free and the last {}",
            milliseconds(first * 1e3),
            milliseconds(last * 1e3)
        ),
        _ => String::new(),
    };
    let all = ladder.walks.len() as u64;
    (ladder.fallen() > 0 || back < all).then(|| {
        format!(
            "At the end {} of {} listened by {own}{when}.{overlap}",
            count(back),
            counted(all, "listener", "listeners")
        )
    })
}

/// How late messages came by all the rungs together.
fn late(entry: &Entry, _: &Ladder) -> Option<String> {
    let delay = &entry.run.delay;
    Some(format!(
        "By all rungs together half of the deliveries came within {}, 99\u{a0}% of them within {}, and the last within {}.",
        milliseconds(delay.quantile_ms(0.5)?),
        milliseconds(delay.quantile_ms(0.99)?),
        milliseconds(delay.max_ms()?)
    ))
}

/// The title over the rungs in use: where they all went.
pub(crate) fn title(beside: &Beside) -> String {
    let plain = super::title::unclear(beside, "By what the listeners listened");
    plain.unwrap_or_else(|| {
        let first = beside
            .of_side(0)
            .find_map(|entry| Some((entry, entry.run.ladder.as_ref()?)));
        let typical = first.and_then(|(entry, ladder)| Some((entry, ladder, Typical::of(ladder)?)));
        let Some((entry, ladder, typical)) = typical else {
            return "By what the listeners listened: nobody fell".to_owned();
        };
        let own = name(entry.transport());
        let landed = typical.rungs.last().map_or(own, |(rung, ..)| name(*rung));
        format!(
            "From {own} to {landed}: {} of {} were back on {own} at the end",
            count(ladder.at_the_end(entry.transport()) as u64),
            counted(ladder.walks.len() as u64, "listener", "listeners")
        )
    })
}

/// The title over the falls: what the typical one took, and most of it for what.
pub(crate) fn fall_title(beside: &Beside) -> String {
    let plain = super::title::unclear(beside, "What a fall cost");
    plain.unwrap_or_else(|| {
        let typical = beside
            .of_side(0)
            .find_map(|entry| Typical::of(entry.run.ladder.as_ref()?));
        typical.map_or("What a fall cost".to_owned(), |typical| of_typical(&typical))
    })
}

fn of_typical(typical: &Typical) -> String {
    format!(
        "A fall cost {} without anything to listen by{}",
        milliseconds(typical.lasted_ms),
        dearest(typical).unwrap_or_default()
    )
}

/// What took most of it: the rung in vain that took longest, and those that took as long.
fn dearest(typical: &Typical) -> Option<String> {
    let in_vain = || {
        let rungs = typical.rungs.iter();
        rungs.filter_map(|(rung, why, took_ms)| Some((name(*rung), (*why)?, *took_ms)))
    };
    let most_ms = in_vain().map(|(.., took_ms)| took_ms).reduce(f64::max)?;
    let alike: Vec<_> = in_vain()
        .filter(|(.., took_ms)| *took_ms >= most_ms * (1.0 - ALIKE))
        .collect();
    let (_, why, _) = alike[0];
    let each = if alike.len() > 1 { " each" } else { "" };
    let whom = if alike.iter().all(|(_, other, _)| *other == why) {
        let names: Vec<&str> = alike.iter().map(|(rung, ..)| *rung).collect();
        format!("{} ({why})", list(&names))
    } else {
        let names: Vec<String> = alike.iter().map(|(rung, why, _)| format!("{rung} ({why})")).collect();
        list(&names)
    };
    Some(format!(", of which {}{each} for {whom}", milliseconds(most_ms)))
}

/// The title over the falls of a sweep: the cheapest and the dearest.
pub(crate) fn falls_along(knob: &str, falls: &[(String, f64)]) -> String {
    let least = falls.iter().min_by(|one, other| one.1.total_cmp(&other.1));
    let most = falls.iter().max_by(|one, other| one.1.total_cmp(&other.1));
    match (least, most) {
        (Some((cheap, least)), Some((dear, most))) if most > least => format!(
            "A fall cost {} with {knob} {cheap}, and {} with {dear}",
            milliseconds(*least),
            milliseconds(*most)
        ),
        _ => format!("What a fall cost, along {knob}"),
    }
}
