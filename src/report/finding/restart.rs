//! What a restart of the server did to its listeners.

use super::super::beside::Beside;
use super::super::entry::Entry;
use super::super::number::{count, counted, figure, milliseconds, percent, times};
use super::super::word::{name, sentence};
use super::alike::{Clearly, groups, phrases};
use crate::model::come_back::{ComeBack, Storm};
use crate::protocol::Transport;
use crate::results::{Restart, RestartBy, Scenario};

/// The storm is told by what comes within so many seconds.
pub(crate) const MOMENT_S: f64 = 0.1;
/// What chance does to the last of some hundred listeners is a tenth.
const CLEARLY: Clearly = Clearly {
    share: 0.1,
    besides: 20.0,
};

/// What happened to the server, who was cut off, when they heard again, and how high the storm was; nothing of a run without a restart.
pub(super) fn told(entries: &[&Entry], scenario: &Scenario) -> Vec<String> {
    let there: Vec<(&Entry, &Restart)> = entries
        .iter()
        .filter_map(|entry| Some((*entry, entry.run.restart.as_ref()?)))
        .collect();
    if there.is_empty() {
        return Vec::new();
    }
    let mut sentences = vec![went(&there, scenario)];
    let deaf = |q: f64| {
        let deaf = groups(
            entries,
            |entry| {
                let deaf = &entry.run.restart.as_ref()?.deaf;
                if q < 1.0 { deaf.quantile_ms(q) } else { deaf.max_ms() }
            },
            CLEARLY,
        );
        phrases(&deaf, milliseconds)
    };
    if there.iter().any(|(_, restart)| !restart.deaf.is_empty()) {
        sentences.push(format!(
            "Cut off, half of the listeners heard a message again within {}; the last of them within {}.",
            deaf(0.5),
            deaf(1.0)
        ));
    }
    let heights = there.iter().map(|(entry, restart)| {
        let peak = peak(restart, entry.transport(), entry.run.listeners, scenario);
        let model = peak.map_or(String::new(), |peak| format!(", by the model {}", figure(peak)));
        format!(
            "{} by {}{model}",
            count(restart.peak(MOMENT_S)),
            name(entry.transport())
        )
    });
    sentences.push(format!(
        "With the server back, the most connections that came to it within a tenth of a second were {}.",
        heights.collect::<Vec<_>>().join("; ")
    ));
    sentences.extend(again(&there));
    sentences
}

/// What the model makes of the waits of those who were cut off, and when its clock starts: when they notice, in seconds after the server was
/// told to end. `None` of listeners whose connections are not kept, as they ask anew all the time.
pub(crate) fn predicted(
    restart: &Restart,
    transport: Transport,
    listeners: u32,
    scenario: &Scenario,
) -> Option<(Storm, f64)> {
    let cut_s = scenario.one_way().as_secs_f64();
    let come_back = ComeBack {
        listeners: f64::from(listeners),
        wait_s: scenario.reconnect.wait.as_secs_f64(),
        longest_s: scenario.reconnect.longest.as_secs_f64(),
        jitter: scenario.reconnect.jitter.0,
        one_way_s: scenario.one_way().as_secs_f64(),
        notice_s: match transport {
            Transport::Poll => scenario.poll_interval.as_secs_f64(),
            _ => 0.0,
        },
        away_s: restart.listening_s - restart.told_s - cut_s,
    };
    (scenario.http_keep_alive && !scenario.ladder.falls_back).then(|| (come_back.storm(), cut_s))
}

/// The height of the storm by the model: the most connections in a tenth of a second, on average.
pub(crate) fn peak(restart: &Restart, transport: Transport, listeners: u32, scenario: &Scenario) -> Option<f64> {
    let (storm, cut_s) = predicted(restart, transport, listeners, scenario)?;
    Some(storm.peak(restart.listening_s - restart.told_s - cut_s, MOMENT_S))
}

/// What was done to the server, and to how many that put an end.
fn went(there: &[(&Entry, &Restart)], scenario: &Scenario) -> String {
    let longest = |of: fn(&Restart) -> f64| there.iter().map(|(_, restart)| of(restart)).fold(0.0, f64::max);
    let end = longest(|restart| restart.ended_s - restart.told_s);
    let away = longest(|restart| restart.listening_s - restart.ended_s);
    let how = match scenario.restart.by {
        RestartBy::Drain => format!("asked to end in mid-window, did so within {}", milliseconds(end * 1e3)),
        RestartBy::Kill => "killed in mid-window".to_owned(),
    };
    let cut: u64 = there.iter().map(|(_, restart)| restart.cut).sum();
    let all: u64 = there.iter().map(|(entry, _)| u64::from(entry.run.listeners)).sum();
    let who = match cut == all {
        true => format!("all {} were cut off", counted(all, "listener", "listeners")),
        false => format!(
            "{} of {} were cut off, and the others noticed nothing",
            count(cut),
            counted(all, "listener", "listeners")
        ),
    };
    format!(
        "The server was {how}, and listened again {} later; {who}.",
        milliseconds(away * 1e3)
    )
}

/// What was published meanwhile.
fn again(there: &[(&Entry, &Restart)]) -> Option<String> {
    let retried: u64 = there.iter().map(|(entry, _)| entry.run.publishing.retried).sum();
    (retried > 0).then(|| {
        format!(
            "Messages that were due meanwhile were posted again under their keys, {}, until the server had them.",
            counted(retried, "time", "times")
        )
    })
}

/// The chart's title: how high the storm was.
pub(crate) fn title(beside: &Beside) -> String {
    if let Some(title) = super::title::plain(beside, "The way back after a restart") {
        return title;
    }
    let highest = beside
        .of_side(0)
        .filter_map(|entry| {
            let restart = entry.run.restart.as_ref()?;
            Some((restart.peak(MOMENT_S), entry, restart))
        })
        .max_by_key(|(peak, ..)| *peak);
    let Some((peak, entry, restart)) = highest else {
        return "The way back after a restart".to_owned();
    };
    let of = match restart.cut {
        0 => String::new(),
        cut => format!(
            " ({} of those who were cut off)",
            percent((peak as f64 / cut as f64).min(1.0))
        ),
    };
    let until = restart.until_all_back_s().map_or(String::new(), |until_s| {
        format!("; all were back {} after the server", milliseconds(until_s * 1e3))
    });
    format!(
        "{} by {} came back within one tenth of a second{of}{until}",
        counted(peak, "connection", "connections"),
        name(entry.transport())
    )
}

/// How the storm changed along a knob: the title over the storms of a sweep.
pub(crate) fn along(knob: &str, ends: &[(String, u64)]) -> String {
    match ends {
        [(first, high), .., (last, low)] if *high > *low && *low > 0 => sentence(&format!(
            "with {knob} at {last} at most {} came back within a tenth of a second, with {first} {} ({} times as many)",
            count(*low),
            count(*high),
            times(*high as f64 / *low as f64)
        )),
        _ => format!("The way back along {knob}"),
    }
}
