//! Several rounds of the same transports in turn: medians with an interval, and which of them the rounds tell apart.

use super::beside::Beside;
use super::entry::Entry;
use super::number::{NONE, bytes, count, milliseconds, percent};
use super::table::{Group, Row, Table};
use super::word::{name, sentence};

/// The median of some values and an interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The chance, 0 to 1, that such an interval holds the true median.
    pub(crate) sure: f64,
}

/// An interval is as wide as it has to be for this chance, if there are values enough.
const SURE: f64 = 0.95;

impl Interval {
    /// Of independent values, however they are spread; `None` of fewer than two.
    ///
    /// Each value lies under the true median with chance 1/2, so the k-th lowest and the k-th highest of n have it between them
    /// unless fewer than k of n tosses of a coin fall on one side: 1 − 2·P(fewer than k). From six values on that is 95 % or more for
    /// some k; of fewer the lowest and the highest are all there is (87.5 % of four).
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        if n < 2 {
            return None;
        }
        let mut place = 0;
        while 2 * (place + 2) <= n && holds(n, place + 2) >= SURE {
            place += 1;
        }
        let middle = values[n / 2];
        Some(Interval {
            median: if n.is_multiple_of(2) {
                (values[n / 2 - 1] + middle) / 2.0
            } else {
                middle
            },
            low: values[place],
            high: values[n - 1 - place],
            sure: holds(n, place + 1),
        })
    }
}

/// The chance that the k-th lowest and the k-th highest of n values have the median between them.
fn holds(n: usize, k: usize) -> f64 {
    let mut chance = 0.5f64.powi(n as i32); // of no value on the one side
    let mut fewer = 0.0;
    for tosses in 0..k {
        fewer += chance;
        chance *= (n - tosses) as f64 / (tosses + 1) as f64;
    }
    1.0 - 2.0 * fewer
}

/// A figure of an entry.
type Figure = fn(&Entry) -> Option<f64>;
/// How it is written.
type Write = fn(f64) -> String;

/// The figures that rounds are compared by.
const FIGURES: [(&str, Figure, Write); 7] = [
    ("requests of a round", |e| Some(e.run.counts.requests as f64), whole),
    ("share of empty answers", Entry::empty_share, percent),
    ("delay p50", |e| e.run.delay.quantile_ms(0.5), milliseconds),
    ("delay p99", |e| e.run.delay.quantile_ms(0.99), milliseconds),
    ("bytes per delivery", Entry::bytes_both, bytes),
    (
        "server CPU per 1,000 deliveries",
        |e| e.run.cpu_ms_per_1000_deliveries(),
        milliseconds,
    ),
    ("server memory grown, per listener", Entry::memory_per_listener, bytes),
];

fn whole(value: f64) -> String {
    count(value.round() as u64)
}

/// The medians of the first run's rounds; `None` of a single one.
pub(crate) fn rounds(beside: &Beside) -> Option<Table> {
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    let most = entries
        .iter()
        .map(|entry| entry.each.len())
        .max()
        .filter(|rounds| *rounds > 1)?;
    let cell = |entry: &Entry, figure: Figure, write: Write| {
        entry.over_rounds(figure).map_or(NONE.to_owned(), |interval| {
            let (low, high) = (write(interval.low), write(interval.high));
            match low == high {
                true => low,
                false => between(write(interval.median), &low, &high),
            }
        })
    };
    let row = |(head, figure, write): (&str, Figure, Write)| {
        Row::new(head, entries.iter().map(|entry| cell(entry, figure, write)).collect())
    };
    Some(Table {
        name: "rounds",
        caption: format!(
            "Medians of {} rounds, with an interval that holds the true one with a chance of {}",
            count(most as u64),
            sure(&entries)
        ),
        corner: String::new(),
        columns: entries
            .iter()
            .map(|entry| entry.transport().title().to_owned())
            .collect(),
        groups: vec![Group {
            title: String::new(),
            rows: FIGURES.map(row).into(),
        }],
        numeric: true,
    })
}

/// `28.1 ms (19.7 to 44.7)`: a unit that all three have is said once.
fn between(median: String, low: &str, high: &str) -> String {
    let parts = [median.as_str(), low, high].map(|text| text.split_once('\u{a0}'));
    match parts {
        [Some((_, a)), Some((low, b)), Some((high, c))] if a == b && b == c => format!("{median} ({low} to {high})"),
        _ => format!("{median} ({low} to {high})"),
    }
}

fn sure(entries: &[&Entry]) -> String {
    let sure = entries.iter().filter_map(|entry| entry.over_rounds(FIGURES[0].1));
    sure.map(|interval| interval.sure)
        .reduce(f64::min)
        .map_or(NONE.to_owned(), percent)
}

/// What the rounds tell apart, and what they do not: a sentence a figure; none about a run that proves nothing.
pub(crate) fn apart(beside: &Beside) -> Vec<String> {
    if !beside.first().unclear.is_empty() {
        return Vec::new();
    }
    let entries: Vec<&Entry> = beside.of_side(0).filter(|entry| entry.each.len() > 1).collect();
    if entries.len() < 2 {
        return Vec::new();
    }
    [2, 3, 4, 5]
        .into_iter()
        .filter_map(|at| verdict(&entries, FIGURES[at].0, FIGURES[at].1))
        .collect()
}

fn verdict(entries: &[&Entry], what: &str, figure: Figure) -> Option<String> {
    let intervals: Option<Vec<(&str, Interval)>> = entries
        .iter()
        .map(|entry| Some((name(entry.transport()), entry.over_rounds(figure)?)))
        .collect();
    let intervals = intervals?;
    let pairs = intervals
        .iter()
        .enumerate()
        .flat_map(|(at, one)| intervals[..at].iter().map(move |other| (other, one)));
    let alike: Vec<String> = pairs
        .filter(|((_, one), (_, other))| one.low <= other.high && other.low <= one.high)
        .map(|((one, _), (other, _))| format!("{one} and {other}"))
        .collect();
    Some(sentence(&match alike.as_slice() {
        [] => format!("{what}: the intervals of all transports are apart."),
        alike => format!(
            "{what}: no difference that this run can show between {}.",
            alike.join(", nor between ")
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::{Results, TransportRun};

    fn plain(text: &str) -> String {
        text.replace('\u{a0}', " ")
    }

    /// So many rounds in turn; the CPU time of each is that of the first and so much more.
    fn repeated(more_s: &[f64]) -> Results {
        let mut results = fixture::three_ways();
        let first = std::mem::take(&mut results.runs);
        for (at, more_s) in more_s.iter().enumerate() {
            results.runs.extend(first.iter().cloned().map(|mut run: TransportRun| {
                run.round = at as u32 + 1;
                run.server.cpu_s = run.server.cpu_s.map(|cpu_s| cpu_s + more_s);
                run
            }));
        }
        results
    }

    #[test]
    fn an_interval_is_wide_until_there_are_values_enough() {
        assert_eq!(Interval::of(vec![1.0]), None);
        let four = Interval::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((four.low, four.median, four.high, four.sure), (1.0, 2.5, 4.0, 0.875));
        let nine = Interval::of((1..=9).map(f64::from).collect()).unwrap();
        // 1 − 2·(1 + 9)/512.
        assert_eq!((nine.low, nine.median, nine.high), (2.0, 5.0, 8.0));
        assert!((nine.sure - (1.0 - 20.0 / 512.0)).abs() < 1e-12);
    }

    #[test]
    fn rounds_have_a_table_of_medians() {
        let results = repeated(&[0.0, 0.9, 0.3]);
        let beside = Beside::new(std::slice::from_ref(&results)).unwrap();
        let table = rounds(&beside).unwrap();
        assert_eq!(
            plain(&table.caption),
            "Medians of 3 rounds, with an interval that holds the true one with a chance of 75 %"
        );
        let cpu = table.groups[0]
            .rows
            .iter()
            .find(|row| row.head.contains("CPU"))
            .unwrap();
        assert_eq!(plain(&cpu.cells[2]), "28.1 ms (19.7 to 44.7)");
        let requests = &table.groups[0].rows[0];
        assert_eq!(requests.cells[0], "36,000", "the same in all rounds");
        let once = fixture::three_ways();
        assert!(rounds(&Beside::new(std::slice::from_ref(&once)).unwrap()).is_none());
    }

    #[test]
    fn what_overlaps_is_not_told_apart() {
        let apart_in_cpu = |more_s: &[f64]| {
            let results = repeated(more_s);
            apart(&Beside::new(std::slice::from_ref(&results)).unwrap())
                .pop()
                .unwrap()
        };
        assert_eq!(
            apart_in_cpu(&[0.0, 0.1]),
            "Server CPU per 1,000 deliveries: the intervals of all transports are apart."
        );
        assert_eq!(
            apart_in_cpu(&[0.0, 2.6]),
            "Server CPU per 1,000 deliveries: no difference that this run can show between short polling and long polling, \
             nor between long polling and WebSocket."
        );
    }

    #[test]
    fn one_thing_has_one_figure() {
        // Not the mean of the rounds, which is what all of them together come to.
        let results = repeated(&[0.0, 0.9, 0.0]);
        let report = crate::report::render(std::slice::from_ref(&results)).unwrap();
        let cell = |table: &Table, head: &str| {
            let mut rows = table.groups.iter().flat_map(|group| &group.rows);
            plain(&rows.find(|row| row.head == head).unwrap().cells[2])
        };
        let named = |name: &str| report.tables.iter().find(|table| table.name == name).unwrap();
        let cpu = cell(named("figures"), "server CPU per 1,000 deliveries");
        assert_eq!(cpu, "19.7 ms");
        assert!(cell(named("rounds"), "server CPU per 1,000 deliveries").starts_with(&cpu));
        let chart = report.charts.iter().find(|chart| chart.name == "cpu.svg").unwrap();
        assert_eq!(plain(&chart.table.groups[0].rows[2].cells[0]), cpu);
        assert!(plain(&chart.svg).contains(&cpu));
        assert!(report.findings.iter().any(|finding| plain(finding).contains(&cpu)));
        assert!(
            named("figures")
                .caption
                .contains("3 rounds: counts are of all together")
        );
        assert_eq!(report.rounds.len(), 4);
    }

    #[test]
    fn a_run_that_proves_nothing_tells_nothing_apart() {
        let mut results = repeated(&[0.0, 0.1]);
        results.unclear = vec![crate::results::Caution {
            what: "The machine was busy.".into(),
            try_this: "Wait.".into(),
        }];
        assert!(crate::report::render(&[results]).unwrap().rounds.is_empty());
    }

    #[test]
    fn a_finding_does_not_rank_what_overlaps() {
        let results = repeated(&[0.0, 5.0, 1.0]);
        let report = crate::report::render(std::slice::from_ref(&results)).unwrap();
        let cost = report.findings.iter().find(|finding| finding.contains("CPU")).unwrap();
        assert!(cost.contains("no difference that this run can show"), "{cost}");
        assert!(report.html.contains("id=\"rounds\""));
        let drawn = |report: &crate::report::Report, words: &str| {
            let charts = report.charts.iter().filter(|chart| chart.svg.contains(words));
            charts.map(|chart| chart.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            drawn(&report, "the interval over the rounds"),
            ["requests.svg", "bytes.svg", "cpu.svg"]
        );
        assert_eq!(drawn(&report, "its interval over the rounds"), ["delay.svg"]);
        let once = crate::report::render(&[fixture::three_ways()]).unwrap();
        assert!(drawn(&once, "interval over the rounds").is_empty());
    }
}
