//! What a delivered message cost: bytes and the server's CPU.

use super::super::entry::Entry;
use super::super::number::{bytes, milliseconds, times};
use super::super::word::{list, name, sentence};
use super::alike::{Clearly, Group, groups, phrases};

/// Bytes are counted, not sampled: what differs by a tenth differs.
const CLEARLY_BYTES: Clearly = Clearly {
    share: 0.1,
    besides: 1.0,
};
/// CPU time varies from run to run by a fifth or so on a shared machine.
const CLEARLY_CPU: Clearly = Clearly {
    share: 0.2,
    besides: 0.5,
};

/// Memory comes in pages, and what was freed may be used again or not.
const CLEARLY_MEMORY: Clearly = Clearly {
    share: 0.2,
    besides: 1024.0,
};

/// Bytes and CPU of a delivered message; `None` when nothing was delivered.
pub(super) fn cost(entries: &[&Entry]) -> Option<String> {
    let bytes_ = groups(entries, Entry::bytes_both, CLEARLY_BYTES);
    if bytes_.is_empty() {
        return None;
    }
    let cpu = match cpu_groups(entries).as_slice() {
        [] => String::new(),
        [all] if all.transports.len() > 1 => format!(
            "; 1,000 of them cost the server {} of CPU, with no difference that this run can show",
            all.range(milliseconds)
        ),
        [only] => format!("; 1,000 of them cost the server {} of CPU", only.range(milliseconds)),
        groups => format!(
            "; the server’s CPU time for 1,000 of them was {}",
            phrases(groups, milliseconds)
        ),
    };
    Some(format!(
        "A delivered message moved {}, heads and both directions included{cpu}.",
        phrases(&bytes_, bytes)
    ))
}

/// The chart's title: how many times the bytes.
pub(super) fn bytes_title(entries: &[&Entry]) -> String {
    match groups(entries, Entry::bytes_both, CLEARLY_BYTES).as_slice() {
        [] => "No delivery, so no bytes per delivery".to_owned(),
        [only] => format!("A delivered message moved {}", only.phrase(bytes)),
        [least, .., most] => format!(
            "A delivered message moved {}, {}{} times as much as {}",
            most.phrase(bytes),
            up_to(least, most),
            times(most.high / least.low.max(1.0)),
            least.phrase(bytes)
        ),
    }
}

/// The chart's title: whose deliveries cost the server most.
pub(super) fn cpu_title(entries: &[&Entry]) -> String {
    let groups = cpu_groups(entries);
    match groups.as_slice() {
        [] if entries.iter().any(|entry| entry.run.server.cpu_s.is_some()) => {
            "No delivery, so no CPU time per delivery".to_owned()
        }
        [] => "What the server used is not available here".to_owned(),
        [all] if all.transports.len() > 1 => "No difference in server CPU that this run can show".to_owned(),
        [only] => format!(
            "1,000 deliveries by {} cost the server {} of CPU",
            names(only),
            only.range(milliseconds)
        ),
        [least, .., most] => sentence(&format!(
            "{} cost the server {}{} times the CPU of {}",
            names(most),
            up_to(least, most),
            times(most.high / least.low.max(0.001)),
            names(least)
        )),
    }
}

/// The chart's title: by how much each listener made the server grow.
pub(super) fn memory_title(entries: &[&Entry]) -> String {
    match groups(entries, Entry::memory_per_listener, CLEARLY_MEMORY).as_slice() {
        [] => "The server’s memory did not grow with its listeners".to_owned(),
        [all] if all.transports.len() > 1 => format!(
            "For each listener the server’s memory grew by {}, with no difference that this run can show",
            all.range(bytes)
        ),
        groups => format!(
            "For each listener the server’s memory grew by {}",
            phrases(groups, bytes)
        ),
    }
}

fn cpu_groups(entries: &[&Entry]) -> Vec<Group> {
    groups(entries, |entry| entry.run.cpu_ms_per_1000_deliveries(), CLEARLY_CPU)
}

/// A ratio of groups is that of their furthest members.
fn up_to(least: &Group, most: &Group) -> &'static str {
    if least.transports.len() + most.transports.len() > 2 {
        "up to "
    } else {
        ""
    }
}

fn names(group: &Group) -> String {
    let names: Vec<&str> = group.transports.iter().map(|transport| name(*transport)).collect();
    list(&names)
}
