//! What came through something in between, transport by transport.

use super::beside::Beside;
use super::entry::Entry;
use super::number::{counted, milliseconds, percent};
use super::word::{list, name, sentence};
use crate::results::Scenario;

/// What became of one transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) kind: Kind,
    /// `heard everything`.
    pub(crate) heard: String,
    /// `half within 21 ms`.
    pub(crate) delay: Option<String>,
    /// `230 answers 504`.
    pub(crate) trouble: Vec<String>,
}

/// The same in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As if there were nobody.
    Whole,
    /// Something came, and something was in its way.
    Hindered,
    /// Nothing came.
    Nothing,
}

/// What became of this transport.
pub(crate) fn fate(entry: &Entry) -> Fate {
    let (ledger, failures) = (&entry.run.ledger, &entry.run.failures);
    let mut trouble: Vec<String> = Vec::new();
    for (status, times) in &entry.run.counts.answers.refused_by_status {
        trouble.push(format!("{} {status}", counted(*times, "answer", "answers")));
    }
    for (times, what) in [
        (failures.broken, "cut off"),
        (failures.timed_out, "not answered in time"),
        (failures.connect, "not connected"),
        (failures.unexpected, "answered with something else"),
    ] {
        if times > 0 {
            trouble.push(format!("{what} {}", counted(times, "time", "times")));
        }
    }
    let (kind, heard) = match (ledger.heard, ledger.lost) {
        (0, _) => (Kind::Nothing, "heard nothing".to_owned()),
        (_, 0) if trouble.is_empty() => (Kind::Whole, "heard everything".to_owned()),
        (_, 0) => (Kind::Hindered, "heard everything".to_owned()),
        (heard, _) => {
            let share = heard as f64 / ledger.expected.max(1) as f64;
            (Kind::Hindered, format!("heard {}", percent(share)))
        }
    };
    Fate {
        kind,
        heard,
        delay: entry
            .run
            .delay
            .quantile_ms(0.5)
            .map(|ms| format!("half within {}", milliseconds(ms))),
        trouble,
    }
}

/// What stood in between, in the words of a scenario and of the program itself: `nginx/1.22.1 with default.conf`.
pub(crate) fn stood(scenario: &Scenario, entries: &[&Entry]) -> Option<String> {
    let file = scenario.between.nginx.as_deref()?;
    let version = entries.iter().find_map(|entry| entry.run.between.as_deref());
    Some(format!("{} with {file}", version.unwrap_or("nginx")))
}

/// `Through nginx/1.22.1 with default.conf short polling heard everything; WebSocket heard nothing (80 answers 426).`
pub(crate) fn finding(beside: &Beside) -> Option<String> {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    let stood = stood(&beside.first().scenario, &entries)?;
    Some(format!("Through {stood} {}.", told(&entries)))
}

/// Who heard what, those who were not hindered in one clause.
pub(crate) fn told(entries: &[&Entry]) -> String {
    let fates: Vec<(&str, Fate)> = entries
        .iter()
        .map(|entry| (name(entry.transport()), fate(entry)))
        .collect();
    let whole = fates.iter().filter(|(_, fate)| fate.kind == Kind::Whole);
    let whole: Vec<&str> = whole.map(|(name, _)| *name).collect();
    let mut clauses = Vec::new();
    if !whole.is_empty() {
        clauses.push(format!("{} heard everything", list(&whole)));
    }
    for (name, fate) in fates.iter().filter(|(_, fate)| fate.kind != Kind::Whole) {
        let trouble = match fate.trouble.as_slice() {
            [] => String::new(),
            trouble => format!(" ({})", list(trouble)),
        };
        clauses.push(format!("{name} {}{trouble}", fate.heard));
    }
    clauses.join("; ")
}

/// The same as a sentence about one value of the knob.
pub(crate) fn told_with(value: &str, entries: &[&Entry]) -> String {
    sentence(&format!("with {value}, {}.", told(entries)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::{Between, Results};

    fn through() -> Results {
        let mut results = fixture::three_ways();
        results.scenario.between = Between {
            nginx: Some("own.conf".into()),
            config: "location { proxy_pass x; }".into(),
        };
        for run in &mut results.runs {
            run.between = Some("nginx/1.22.1".into());
        }
        let long_poll = &mut results.runs[1];
        long_poll.counts.answers.refused = 7;
        long_poll.counts.answers.refused_by_status.insert(504, 7);
        let websocket = &mut results.runs[2];
        websocket.counts.answers.refused_by_status.insert(426, 1);
        websocket.ledger.lost = websocket.ledger.expected;
        websocket.ledger.heard = 0;
        results
    }

    #[test]
    fn who_heard_what_is_told() {
        let runs = [through()];
        let told = finding(&Beside::new(&runs).unwrap()).unwrap().replace('\u{a0}', " ");
        assert_eq!(
            told,
            "Through nginx/1.22.1 with own.conf short polling heard everything; long polling heard everything (7 answers 504); \
             WebSocket heard nothing (1 answer 426)."
        );
        assert_eq!(finding(&Beside::new(&[fixture::three_ways()]).unwrap()), None);
    }

    #[test]
    fn what_was_in_the_way_is_no_reason_to_doubt_and_the_file_is_shown() {
        let report = crate::report::render(&[through()]).unwrap();
        assert!(
            report.findings[0].starts_with("Through nginx/1.22.1"),
            "{:?}",
            report.findings
        );
        let doubts: Vec<&str> = report.cautions.iter().map(|caution| caution.what.as_str()).collect();
        assert!(
            !doubts
                .iter()
                .any(|what| what.contains("refused") || what.contains("holes")),
            "{doubts:?}"
        );
        assert!(report.html.contains("location { proxy_pass x; }"));
    }
}
