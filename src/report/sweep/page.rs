//! The page of a sweep, in the look of the report.

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::field::Field;
use super::knee;
use crate::report::Table;
use crate::report::chart::Chart;
use crate::report::html::{Figure, STYLE, environment, figure};
use crate::report::word::list;
use crate::results::knob::{KEYS, Key};
use crate::results::{Caution, Checked, Knee, Verdict};

const TEMPLATE: &str = include_str!("page.html");

#[derive(Serialize)]
struct Page<'a> {
    style: Value,
    title: &'a str,
    question: &'a str,
    lab: &'a str,
    heading: &'a Heading,
    started_at: &'a str,
    talkplace: &'a str,
    findings: &'a [String],
    cautions: &'a [Caution],
    /// What the whole is claimed to show: the claim, the verdict in a word, what decided.
    claims: Vec<(&'a str, &'static str, &'a str)>,
    figures: Vec<Figure<'a>>,
    tables: &'a [Table],
    /// The knobs that stayed.
    fixed: Vec<(&'a str, String)>,
}

/// What a sweep and a search for a knee say differently.
#[derive(Debug, Serialize)]
pub(super) struct Heading {
    /// `sweep 2026-11-22T17-05-33`.
    name: String,
    /// What was turned.
    along: String,
    /// How a point came to be.
    points: &'static str,
    /// What makes it again.
    command: String,
}

impl Heading {
    pub(super) fn of_sweep(field: &Field) -> Heading {
        let knobs: Vec<String> = field
            .sweep
            .knobs
            .iter()
            .map(|knob| format!("{} ({})", knob.key, knob.values.join(", ")))
            .collect();
        let vary = field
            .sweep
            .knobs
            .iter()
            .map(|knob| format!(" \\\n  --vary {}={}", knob.key, knob.values.join(",")));
        Heading {
            name: format!("sweep {}", field.sweep.name),
            along: format!("along {}", list(&knobs)),
            points: "Every point is a run of its own: each transport alone, with a fresh server, and the same schedule of messages wherever the knob leaves it the same.",
            command: format!(
                "talkplace sweep {}{}{}",
                field.sweep.lab(),
                vary.collect::<String>(),
                fixed(field)
            ),
        }
    }

    pub(super) fn of_knee(field: &Field, knee: &Knee) -> Heading {
        let word = if knee.of == "feed.rate" { "rate" } else { "listeners" };
        let limits = knee.limits.iter().map(|limit| format!(" \\\n  --limit \"{limit}\""));
        let transports: Vec<String> = knee
            .transports
            .iter()
            .map(|found| found.transport.to_string())
            .collect();
        Heading {
            name: format!("search {}", field.sweep.name),
            along: format!("for {}", knee::aim(knee)),
            points: "Every load is a run of its own, of one transport, with a fresh server: first the lab’s own load, then where by its price the processors would be full, \
                     then the middle between what kept the limits and what did not.",
            command: format!(
                "talkplace knee {} --of {word} --transports {}{}{}",
                field.sweep.lab(),
                transports.join(","),
                limits.collect::<String>(),
                fixed(field)
            ),
        }
    }
}

/// The whole page.
pub(super) fn page(
    field: &Field,
    heading: &Heading,
    findings: &[String],
    cautions: &[Caution],
    charts: &[Chart],
    tables: &[Table],
) -> Result<String, Error> {
    let (_, first) = field.measured[0];
    let sweep = field.sweep;
    let page = Page {
        style: Value::from_safe_string(STYLE.to_owned()),
        title: &first.scenario.title,
        question: &first.scenario.question,
        lab: sweep.lab(),
        heading,
        started_at: &sweep.started_at,
        talkplace: &sweep.talkplace,
        findings,
        cautions,
        claims: sweep.checked.iter().map(claim).collect(),
        figures: charts.iter().map(figure).collect(),
        tables,
        fixed: stayed(field).map(|key| (key.name, key.get(&first.scenario))).collect(),
    };
    let mut environment = environment()?;
    environment.add_template("sweep.html", TEMPLATE)?;
    environment
        .get_template("sweep.html")?
        .render(minijinja::value::Serde(page))
}

fn claim(checked: &Checked) -> (&str, &'static str, &str) {
    let verdict = match checked.verdict {
        Verdict::Holds => "holds",
        Verdict::Fails => "fails",
        Verdict::Unclear => "unclear",
        Verdict::NotAsked => "not asked",
    };
    (&checked.check, verdict, &checked.found)
}

/// The knobs that stayed: neither swept over nor following from one that is.
fn stayed(field: &Field) -> impl Iterator<Item = &'static Key> {
    let (_, first) = field.measured[0];
    let is_swept = |key: &Key| field.sweep.knobs.iter().any(|knob| knob.key == key.name);
    // A search has one transport at a time.
    let differs = |key: &Key| {
        let mut others = field.measured[1..].iter();
        others.any(|(_, other)| key.get(&other.scenario) != key.get(&first.scenario))
    };
    KEYS.iter()
        .filter(move |key| !key.is_words_only() && !is_swept(key) && !differs(key) && !key.follows(&first.scenario))
}

/// All that stayed, as a command has it.
fn fixed(field: &Field) -> String {
    let (_, first) = field.measured[0];
    stayed(field)
        .map(|key| format!(" \\\n  --set {}={}", key.name, key.get(&first.scenario)))
        .collect()
}
