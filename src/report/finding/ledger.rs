//! Whether every message was heard once and in order.

use super::super::entry::Entry;
use super::super::number::count;
use super::super::word::{list, name, sentence};
use crate::results::Ledger;

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

/// `WebSocket lost 3 and repeated 1 of 18,000 deliveries`.
fn faults(entry: &Entry) -> String {
    let Ledger {
        expected,
        heard,
        lost,
        repeated,
        out_of_order,
        gone,
    } = entry.run.ledger;
    let mut faults = Vec::new();
    for (number, what) in [
        (lost, "lost"),
        (repeated, "repeated"),
        (out_of_order, "heard out of order"),
    ] {
        if number > 0 {
            faults.push(format!("{what} {}", count(number)));
        }
    }
    if gone > 0 {
        faults.push(format!("found the feed gone {} times", count(gone)));
    }
    if faults.is_empty() {
        faults.push(format!("heard {}", count(heard)));
    }
    format!(
        "{} {} of {} expected deliveries",
        name(entry.transport()),
        list(&faults),
        count(expected)
    )
}
