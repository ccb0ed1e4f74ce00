//! Whether every message was heard once and in order.

use super::super::entry::Entry;
use super::super::number::count;
use super::super::word::{list, name, sentence};
use crate::results::Ledger;

/// Points of a sweep that are named.
const FEW: usize = 3;

/// What the ledgers of all transports say together.
pub(super) fn kept(entries: &[&Entry]) -> String {
    let expected: u64 = entries.iter().map(|entry| entry.run.ledger.expected).sum();
    let broken: Vec<&&Entry> = entries.iter().filter(|entry| !entry.run.ledger.is_clean()).collect();
    match (expected, broken.is_empty()) {
        (0, true) => "No message was accepted, so there was nothing to lose.".to_owned(),
        (1, true) => "The one expected delivery arrived.".to_owned(),
        (_, true) => format!(
            "Each of the {} expected deliveries arrived exactly once and in order.",
            count(expected)
        ),
        (_, false) => {
            let faults: Vec<String> = broken.iter().map(|entry| faults(entry)).collect();
            let rest = if broken.len() < entries.len() {
                "; the others heard everything once and in order"
            } else {
                ""
            };
            sentence(&format!("{}{rest}.", faults.join("; ")))
        }
    }
}

/// The same of the points of a sweep, each with its values in words; the first few where it was not so.
pub(crate) fn kept_at(points: &[(String, &Entry)]) -> Option<String> {
    let expected: u64 = points.iter().map(|(_, entry)| entry.run.ledger.expected).sum();
    let broken = || points.iter().filter(|(_, entry)| !entry.run.ledger.is_clean());
    let told: Vec<String> = broken()
        .take(FEW)
        .map(|(values, entry)| format!("with {values} {}", faults(entry)))
        .collect();
    let beyond = broken().count() - told.len();
    match (expected, told.is_empty()) {
        (0, true) => None,
        (_, true) => Some(format!(
            "Of all points together each of the {} expected deliveries arrived exactly once and in order.",
            count(expected)
        )),
        (_, false) => {
            let more = match beyond {
                0 => String::new(),
                more => format!("; and {} more", count(more as u64)),
            };
            Some(sentence(&format!("{}{more}.", told.join("; "))))
        }
    }
}

/// `WebSocket lost 3 of 18,000 expected deliveries and repeated 1`, `short polling heard all 320 expected deliveries and repeated 1,180`.
fn faults(entry: &Entry) -> String {
    let Ledger {
        expected,
        lost,
        repeated,
        out_of_order,
        gone,
        ..
    } = entry.run.ledger;
    let mut faults = vec![match lost {
        0 => format!("heard all {} expected deliveries", count(expected)),
        lost => format!("lost {} of {} expected deliveries", count(lost), count(expected)),
    }];
    if repeated > 0 {
        faults.push(format!("repeated {}", count(repeated)));
    }
    if out_of_order > 0 {
        faults.push(format!("heard {} out of order", count(out_of_order)));
    }
    if gone > 0 {
        faults.push(format!("found the feed gone {} times", count(gone)));
    }
    format!("{} {}", name(entry.transport()), list(&faults))
}
