//! The page of a sweep, in the look of the report.

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::field::Field;
use crate::report::Table;
use crate::report::chart::Chart;
use crate::report::html::{Figure, STYLE, environment, figure};
use crate::results::Caution;
use crate::results::knob::KEYS;

const TEMPLATE: &str = include_str!("page.html");

#[derive(Serialize)]
struct Page<'a> {
    style: Value,
    title: &'a str,
    question: &'a str,
    lab: &'a str,
    sweep: &'a str,
    started_at: &'a str,
    talkplace: &'a str,
    knobs: Vec<(&'a str, String)>,
    findings: &'a [String],
    cautions: &'a [Caution],
    figures: Vec<Figure<'a>>,
    tables: &'a [Table],
    /// The knobs that stayed.
    fixed: Vec<(&'a str, String)>,
    command: String,
}

/// The whole page.
pub(super) fn page(
    field: &Field,
    findings: &[String],
    cautions: &[Caution],
    charts: &[Chart],
    tables: &[Table],
) -> Result<String, Error> {
    let (_, first) = field.measured[0];
    let sweep = field.sweep;
    let is_swept = |name: &str| sweep.knobs.iter().any(|knob| knob.key == name);
    let page = Page {
        style: Value::from_safe_string(STYLE.to_owned()),
        title: &first.scenario.title,
        question: &first.scenario.question,
        lab: sweep.lab(),
        sweep: &sweep.name,
        started_at: &sweep.started_at,
        talkplace: &sweep.talkplace,
        knobs: sweep
            .knobs
            .iter()
            .map(|knob| (knob.key.as_str(), knob.values.join(", ")))
            .collect(),
        findings,
        cautions,
        figures: charts.iter().map(figure).collect(),
        tables,
        fixed: KEYS
            .iter()
            .filter(|key| !key.is_words_only() && !is_swept(key.name))
            .map(|key| (key.name, key.get(&first.scenario)))
            .collect(),
        command: command(field),
    };
    let mut environment = environment()?;
    environment.add_template("sweep.html", TEMPLATE)?;
    environment
        .get_template("sweep.html")?
        .render(minijinja::value::Serde(page))
}

/// The command that asks for exactly this sweep again.
fn command(field: &Field) -> String {
    let (_, first) = field.measured[0];
    let swept = &field.sweep.knobs;
    let fixed = KEYS
        .iter()
        .filter(|key| !key.is_words_only() && !swept.iter().any(|knob| knob.key == key.name))
        .map(|key| format!(" \\\n  --set {}={}", key.name, key.get(&first.scenario)));
    let vary = swept
        .iter()
        .map(|knob| format!(" \\\n  --vary {}={}", knob.key, knob.values.join(",")));
    let settings: String = vary.chain(fixed).collect();
    format!("talkplace sweep {}{settings}", field.sweep.lab())
}
