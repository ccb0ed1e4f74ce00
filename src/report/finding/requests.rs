//! How often was asked, and how often in vain.

use super::super::entry::Entry;
use super::super::number::{count, counted, figure, percent, times, with_unit};
use super::super::word::{list, name, sentence, verb};

/// What all listeners together asked, transport by transport.
pub(super) fn asked(entries: &[&Entry]) -> String {
    let listeners = entries.iter().map(|entry| entry.run.listeners).max().unwrap_or(0);
    let listeners = counted(listeners.into(), "listener", "listeners");
    let asked = match messages(entries) {
        0 => format!("No message fell into the window, in which {listeners} asked"),
        messages => format!(
            "To hear {}, {listeners} asked",
            counted(messages, "message", "messages")
        ),
    };
    let (silent, asking): (Vec<&&Entry>, Vec<&&Entry>) = entries.iter().partition(|entry| is_open_already(entry));
    let mut clauses: Vec<String> = asking.into_iter().map(|entry| clause(entry)).collect();
    let silent: Vec<&str> = silent.into_iter().map(|entry| name(entry.transport())).collect();
    if clauses.is_empty() {
        return format!("{asked} not once: the streams of {} were open already.", list(&silent));
    }
    if !silent.is_empty() {
        clauses.push(format!("not once by {} (the streams were open already)", list(&silent)));
    }
    format!("{asked} {}.", list(&clauses))
}

/// The chart's title: who asked most, and for how little.
pub(super) fn title(entries: &[&Entry]) -> String {
    let Some(most) = entries.iter().max_by_key(|entry| entry.run.counts.requests) else {
        return "Nothing was measured".to_owned();
    };
    let requests = most.run.counts.requests;
    if requests == 0 {
        let open = entries
            .iter()
            .all(|entry| !entry.asks() && entry.run.counts.connections.opened_before > 0);
        let why = if open { ": all streams were open before it" } else { "" };
        return format!("Nobody asked in the window{why}");
    }
    let asker = sentence(name(most.transport()));
    let messages = match messages(entries) {
        0 => "and no message came".to_owned(),
        messages => format!("for {}", counted(messages, "message", "messages")),
    };
    let vain = match (most.median(Entry::empty_share), most.run.counts.answers.refused) {
        (_, refused) if refused == requests => "; every request was refused".to_owned(),
        (None | Some(0.0), _) => String::new(),
        (Some(1.0), _) => "; every answer was empty".to_owned(),
        (Some(share), _) => format!("; {} of the answers were empty", percent(share)),
    };
    format!("{asker} asked {} {messages}{vain}", counted(requests, "time", "times"))
}

/// The busiest step may have so many times the average before requests are called uneven.
const EVEN: f64 = 1.25;

/// So long may nobody ask before a title says so, in times of the average step from request to request.
const SILENT: f64 = 20.0;

/// The title of the requests over time: how uneven they come.
pub(super) fn timeline_title(entries: &[&Entry]) -> String {
    let uneven = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.busiest_over_mean()?)));
    let Some((entry, ratio)) = uneven.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "Nobody asked in the window".to_owned();
    };
    let name = name(entry.transport());
    if ratio < EVEN {
        let silence = longest_silence(entries).map_or_else(
            || "one moment like the other".to_owned(),
            |(entry, silence_s)| {
                let (long, by) = (with_unit(figure(silence_s), "s"), self::name(entry.transport()));
                format!("but for {long} in which {by} asked next to nothing")
            },
        );
        return format!("Requests came evenly, {silence}");
    }
    format!(
        "The busiest moment of {name} had {} times its average of requests",
        times(ratio)
    )
}

/// Whose requests stayed away longest, and how long, in seconds; `None` when nobody's did for longer than chance makes likely.
fn longest_silence<'a>(entries: &[&'a Entry]) -> Option<(&'a Entry, f64)> {
    let silences = entries.iter().filter_map(|entry| {
        let apart_s = 1.0 / (entry.requests_per_s()? * f64::from(entry.run.listeners));
        let silence_s = entry.longest_silence_s();
        (silence_s > SILENT * apart_s).then_some((*entry, silence_s))
    });
    silences.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn messages(entries: &[&Entry]) -> u64 {
    let messages = entries.iter().map(|entry| entry.run.publishing.planned_in_window);
    messages.max().unwrap_or(0)
}

/// A stream that was opened before the window and had nothing to ask for in it.
fn is_open_already(entry: &Entry) -> bool {
    !entry.asks() && entry.run.counts.requests == 0 && entry.run.counts.connections.opened_before > 0
}

/// `18,000 times by short polling (37 % of the answers were empty)`.
fn clause(entry: &Entry) -> String {
    let counts = &entry.run.counts;
    let name = name(entry.transport());
    match counts.requests {
        0 => format!("not once by {name}"),
        asked => format!("{} by {name} ({})", counted(asked, "time", "times"), fate(entry)),
    }
}

/// What became of the requests.
fn fate(entry: &Entry) -> String {
    let answers = &entry.run.counts.answers;
    let answered = answers.with_messages + answers.empty + answers.opened;
    match (answered, answers.refused) {
        (0, 0) => "none was answered in the window".to_owned(),
        (0, _) => "all were refused".to_owned(),
        (_, 0) => served(entry),
        (_, refused) => format!("{} refused, {}", counted(refused, "was", "were"), served(entry)),
    }
}

fn served(entry: &Entry) -> String {
    let answers = &entry.run.counts.answers;
    match entry.median(Entry::empty_share) {
        None => format!("to open {}", counted(answers.opened, "stream", "streams")),
        Some(0.0) => "no answer was empty".to_owned(),
        Some(1.0) => "every answer was empty".to_owned(),
        Some(share) if share < 0.001 => {
            let were = verb(answers.empty as usize, "was", "were");
            format!("{} of the answers {were} empty", count(answers.empty))
        }
        Some(share) => format!("{} of the answers were empty", percent(share)),
    }
}
