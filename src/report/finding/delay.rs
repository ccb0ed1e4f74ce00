//! How late messages were heard.

use super::super::caution::MANY_MESSAGES;
use super::super::entry::Entry;
use super::super::number::milliseconds;
use super::super::word::{list, name, sentence};
use super::alike::{Clearly, groups, phrases};

/// Theory and measurement agree to 5 % and 2 ms at best; what is closer than that is no difference.
pub(super) const CLEARLY: Clearly = Clearly {
    share: 0.05,
    besides: 2.0,
};

/// Half of the deliveries, and nearly all of them, transport by transport.
pub(super) fn waited(entries: &[&Entry]) -> String {
    let p50 = groups(entries, |entry| entry.run.delay.quantile_ms(0.5), CLEARLY);
    let p99 = groups(entries, |entry| entry.run.delay.quantile_ms(0.99), CLEARLY);
    if p50.is_empty() {
        return "Nothing that was meant for the window was heard, so there is no delay to report.".to_owned();
    }
    // Of few messages the slow end is the fate of one of them.
    if entries
        .iter()
        .all(|entry| entry.run.publishing.planned_in_window < MANY_MESSAGES)
    {
        let half = phrases(&p50, milliseconds);
        return format!("Half of the deliveries came within {half}.{}", silent(entries));
    }
    if let ([only], [half], [most]) = (entries, p50.as_slice(), p99.as_slice()) {
        let (half, most) = (half.range(milliseconds), most.range(milliseconds));
        let name = name(only.transport());
        return format!("Half of the deliveries came within {half} by {name}, and 99\u{a0}% of them within {most}.");
    }
    let half = phrases(&p50, milliseconds);
    let most = phrases(&p99, milliseconds);
    let apart = if p50.len() == 1 && p50[0].transports.len() > 1 && p99.len() == 1 {
        " This run shows no clear difference between them."
    } else {
        ""
    };
    format!(
        "Half of the deliveries came within {half}; 99\u{a0}% of them within {most}.{apart}{}",
        silent(entries)
    )
}

/// The chart's title: the quickest against the slowest, where they differ.
pub(super) fn title(entries: &[&Entry]) -> String {
    let p50 = groups(entries, |entry| entry.run.delay.quantile_ms(0.5), CLEARLY);
    match p50.as_slice() {
        [] => "No delivery in the window, so no delay".to_owned(),
        [only] => format!("Half of the deliveries came within {}", only.phrase(milliseconds)),
        [quick, .., slow] => format!(
            "Half of the deliveries came within {}, but within {}",
            quick.phrase(milliseconds),
            slow.phrase(milliseconds)
        ),
    }
}

/// The title of the slow end: what one delivery in a hundred took at least.
pub(super) fn tail_title(entries: &[&Entry]) -> String {
    let p99 = groups(entries, |entry| entry.run.delay.quantile_ms(0.99), CLEARLY);
    match p99.as_slice() {
        [] => "No delivery in the window, so no slow one".to_owned(),
        groups => format!(
            "One delivery in a hundred took more than {}",
            phrases(groups, milliseconds)
        ),
    }
}

fn silent(entries: &[&Entry]) -> String {
    let silent = entries.iter().filter(|entry| entry.run.delay.is_empty());
    let names: Vec<&str> = silent.map(|entry| name(entry.transport())).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" {}", sentence(&format!("nothing was heard by {}.", list(names)))),
    }
}
