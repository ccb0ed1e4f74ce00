//! Reasons to doubt a run that its own figures give, each with what to try.

use super::entry::{Entry, entries};
use super::number::{counted, milliseconds, percent};
use super::word::{list, name, sentence, verb};
use crate::protocol::Transport;
use crate::results::{Caution, Ledger, PollTimer, Results};

/// Below so many messages the quantiles are the fates of single ones.
const FEW_MESSAGES: u64 = 5;
/// Below so many messages, one in a hundred of them is no message at all: worth a remark.
pub(crate) const MANY_MESSAGES: u64 = 100;
/// The publisher's lag may be this much of the delay before it is part of the story.
const LAG_SHARE: f64 = 0.1;
/// Of what was planned, this much has to be accepted.
const ACHIEVED: f64 = 0.99;
/// The system counts CPU time in microseconds, but what a server does beside serving (timers, one look at its own
/// memory) is a good part of less than this.
const LITTLE_CPU_S: f64 = 0.001;

/// What is doubtful about the run, and then about those beside it, under their names.
pub(crate) fn of_all(runs: &[Results]) -> Vec<Caution> {
    let Some((first, others)) = runs.split_first() else {
        return Vec::new();
    };
    let others = others.iter().flat_map(|run| {
        cautions(run).into_iter().map(|caution| Caution {
            what: format!("Run {}: {}", run.run, caution.what),
            ..caution
        })
    });
    cautions(first).into_iter().chain(others).collect()
}

/// Why the run proves nothing, the cautions that it brought along, then those that follow from its figures.
fn cautions(results: &Results) -> Vec<Caution> {
    let entries = entries(0, results);
    // What somebody in between lets through, refuses and cuts off is what was asked about.
    let hindered: &[Entry] = if results.scenario.between.is_nothing() {
        &entries
    } else {
        &[]
    };
    let own = [
        interrupted(results, &entries),
        ledger(hindered, results),
        failures(hindered),
        refused(hindered),
        missed(&entries),
        achieved(&entries),
        lag(&entries),
        little(&entries),
        few_messages(results),
        short_window(results),
        little_cpu(&entries),
        untold_cost(results, &entries),
        no_link(results),
    ];
    let mut cautions = results.unclear.clone();
    cautions.extend(results.cautions.clone());
    for caution in own.into_iter().flatten() {
        if !cautions.iter().any(|there| there.what == caution.what) {
            cautions.push(caution);
        }
    }
    cautions
}

fn interrupted(results: &Results, entries: &[Entry]) -> Option<Caution> {
    let measured: Vec<_> = entries.iter().map(Entry::transport).collect();
    let planned = results.scenario.transports.iter();
    let missing: Vec<&str> = planned.filter(|t| !measured.contains(t)).map(|t| name(*t)).collect();
    if results.complete && missing.is_empty() {
        return None;
    }
    let what = match missing.as_slice() {
        [] => "The run was stopped before its end".to_owned(),
        names => format!(
            "The run was stopped before its end: {} {} missing",
            list(names),
            verb(names.len(), "is", "are")
        ),
    };
    Some(caution(
        what,
        "Run it again to its end, with a shorter duration if it takes too long.",
    ))
}

fn ledger(entries: &[Entry], results: &Results) -> Option<Caution> {
    let is_broken = |entry: &Entry| !entry.run.ledger.is_clean();
    let names = names_of(entries, is_broken)?;
    let unguarded = results.scenario.poll_timer == PollTimer::Unguarded;
    if unguarded && entries.iter().filter(|entry| is_broken(entry)).all(only_asked_again) {
        let again = entries.iter().map(|entry| entry.run.ledger.repeated).sum();
        return Some(caution(
            format!(
                "{} heard again by {names}: its timer does not wait for the answer, so the next request asks for the same",
                counted(again, "message was", "messages were")
            ),
            "Let it wait: poll.timer = \"fixed\" skips a tick while a request is under way.",
        ));
    }
    Some(caution(
        format!("Not every message was heard once and in order by {names}, so its figures are of a feed with holes"),
        "Use fewer listeners or a lower rate, a longer drain, or let the server keep more messages (server.keep_messages).",
    ))
}

/// Short polling that lost nothing, whatever came to it twice.
fn only_asked_again(entry: &Entry) -> bool {
    let but_for_repeats = Ledger {
        repeated: 0,
        ..entry.run.ledger.clone()
    };
    entry.transport() == Transport::Poll && but_for_repeats.is_clean()
}

fn failures(entries: &[Entry]) -> Option<Caution> {
    let total: u64 = entries.iter().map(|entry| entry.run.failures.total()).sum();
    names_of(entries, |entry| entry.run.failures.total() > 0).map(|names| {
        let failures = counted(total, "connection or answer", "connections or answers");
        caution(
            format!("{failures} of the load generator failed ({names})"),
            "Look at the server’s log, and at the limit of open files (ulimit -n); try fewer listeners.",
        )
    })
}

fn refused(entries: &[Entry]) -> Option<Caution> {
    // A server that drains says so to whoever still asks, and a network that blocks refuses what it should: those are no limits to raise.
    let refused = |entry: &Entry| match (&entry.run.restart, &entry.run.ladder) {
        (None, None) => entry.run.counts.answers.refused,
        _ => 0,
    };
    let total: u64 = entries.iter().map(refused).sum();
    names_of(entries, |entry| refused(entry) > 0).map(|names| {
        caution(
            format!("{} refused ({names})", counted(total, "request was", "requests were")),
            "Raise the server’s limits, or use fewer listeners.",
        )
    })
}

fn missed(entries: &[Entry]) -> Option<Caution> {
    let missed: u64 = entries.iter().map(|entry| entry.run.publishing.missed).sum();
    let failed: u64 = entries.iter().map(|entry| entry.run.publishing.failed).sum();
    (missed + failed > 0).then(|| {
        caution(
            format!(
                "Of the planned messages {} never sent and {} not accepted",
                was(missed),
                was(failed)
            ),
            "The server or the machine could not keep up: lower feed.rate, or use fewer listeners.",
        )
    })
}

fn was(number: u64) -> String {
    counted(number, "was", "were")
}

fn achieved(entries: &[Entry]) -> Option<Caution> {
    let share = |entry: &Entry| entry.run.publishing.accepted as f64 / entry.run.publishing.planned as f64;
    let short = |entry: &Entry| entry.run.publishing.planned > 0 && share(entry) < ACHIEVED;
    let least = entries
        .iter()
        .filter(|entry| short(entry))
        .map(share)
        .reduce(f64::min)?;
    let names = names_of(entries, short)?;
    Some(caution(
        format!(
            "Only {} of the planned messages were accepted ({names}): the transports did not carry the same load",
            percent(least)
        ),
        "Lower feed.rate until all of them keep up, then compare.",
    ))
}

fn lag(entries: &[Entry]) -> Option<Caution> {
    let quantile_behind = |entry: &Entry, q: f64| {
        let lag = entry.run.publishing.lag.quantile_ms(q).unwrap_or(0.0);
        entry
            .run
            .delay
            .quantile_ms(q)
            .is_some_and(|delay| lag > LAG_SHARE * delay)
    };
    // Of few sends the 99th percentile is a single one, and one late send makes no late publisher.
    let quantile = |entry: &Entry| {
        if entry.run.publishing.lag.count() < MANY_MESSAGES {
            0.5
        } else {
            0.99
        }
    };
    let behind = |entry: &Entry| quantile_behind(entry, 0.5) || quantile_behind(entry, quantile(entry));
    let worst = entries.iter().filter(|entry| behind(entry));
    let worst = worst
        .filter_map(|entry| Some((entry.run.publishing.lag.quantile_ms(quantile(entry))?, quantile(entry))))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let names = names_of(entries, behind)?;
    Some(caution(
        format!(
            "The publisher itself was late, by {} {}, which is not small beside the delay of {names}",
            milliseconds(worst.0),
            if worst.1 == 0.5 {
                "for half of its sends"
            } else {
                "at its 99th percentile"
            }
        ),
        "End other programs, or use fewer listeners: the generator and the server share this machine.",
    ))
}

/// Two books that do not agree: one of them is wrong, and nobody knows which.
fn little(entries: &[Entry]) -> Option<Caution> {
    let off = |entry: &Entry| entry.run.little.as_ref().is_some_and(|little| !little.fits());
    names_of(entries, off).map(|names| {
        caution(
            format!(
                "The mean number of messages on their way is not their rate times their mean delay (Little’s law) for {names}, by more than \
                 chance allows: its delays or its counts are off"
            ),
            "Run it again with nothing else on the machine; if it stays, it is a fault of talkplace, please report it.",
        )
    })
}

fn few_messages(results: &Results) -> Option<Caution> {
    let most = messages(results)?;
    (most < FEW_MESSAGES).then(|| {
        let what = match most {
            0 => "No message fell into the window, so there is no delay and no cost of a delivery".to_owned(),
            most => format!(
                "Only {} fell into the window, and all listeners share a message’s fate: p99 is the fate of one of them",
                counted(most, "message", "messages")
            ),
        };
        caution(what, "Raise feed.rate or duration until more messages are counted.")
    })
}

/// What the quantiles of a short run rest on: no reason to doubt them, but to read them with care.
pub(crate) fn remark(results: &Results) -> Option<String> {
    let most = messages(results)?;
    (FEW_MESSAGES..MANY_MESSAGES).contains(&most).then(|| {
        format!(
            "a p99 rests on the slowest of {}, as all listeners share a message’s fate",
            counted(most, "message", "messages")
        )
    })
}

/// The messages of the window, of the transport that was given most of them.
fn messages(results: &Results) -> Option<u64> {
    results.runs.iter().map(|run| run.publishing.planned_in_window).max()
}

/// A hold that is longer than the window cannot run out in it often enough to be counted.
fn short_window(results: &Results) -> Option<Caution> {
    let scenario = &results.scenario;
    let long_polls = results.runs.iter().any(|run| run.transport == Transport::LongPoll);
    let quiet = scenario.rate_per_s * scenario.long_poll_timeout.as_secs_f64() < 3.0;
    (long_polls && quiet && scenario.duration < 3 * scenario.long_poll_timeout).then(|| {
        caution(
            "The window is shorter than three holds of a long poll on this quiet feed, so its empty answers are counted by chance".into(),
            "Raise duration, or lower long_poll.timeout.",
        )
    })
}

fn little_cpu(entries: &[Entry]) -> Option<Caution> {
    let little = |entry: &Entry| entry.run.server.cpu_s.is_some_and(|cpu_s| cpu_s < LITTLE_CPU_S);
    names_of(entries, little).map(|names| {
        caution(
            format!(
                "The server used less than {} of CPU in the window for {names}: too little to rank by",
                milliseconds(LITTLE_CPU_S * 1e3)
            ),
            "Raise listeners, feed.rate or duration.",
        )
    })
}

/// A server of somebody else's that tells nothing of itself.
fn untold_cost(results: &Results, entries: &[Entry]) -> Option<Caution> {
    let is_untold = entries.iter().any(|entry| entry.run.server.cpu_s.is_none());
    (results.foreign.is_some() && is_untold).then(|| {
        caution(
            "The server does not tell what it used: its processor time and its memory are not available here, and whether it was the limit of \
             this run is not known"
                .into(),
            "On this machine, give its process with --target-pid.",
        )
    })
}

fn no_link(results: &Results) -> Option<Caution> {
    let bare = results.scenario.rtt.is_zero() && results.scenario.transports.len() > 1;
    bare.then(|| {
        caution(
            "There was no link between listeners and server: on bare loopback long polling and the streams look alike"
                .into(),
            "Set link.rtt to 40ms, or to what your users have.",
        )
    })
}

/// The transports that something is true of, as a list; `None` when it is true of none.
fn names_of(entries: &[Entry], is: impl Fn(&Entry) -> bool) -> Option<String> {
    let names: Vec<&str> = entries
        .iter()
        .filter(|entry| is(entry))
        .map(|entry| name(entry.transport()))
        .collect();
    (!names.is_empty()).then(|| list(&names))
}

fn caution(what: String, try_this: &str) -> Caution {
    Caution {
        what: sentence(&what) + ".",
        try_this: try_this.to_owned(),
    }
}

#[cfg(test)]
mod tests;
