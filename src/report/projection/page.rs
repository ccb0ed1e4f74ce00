//! The page of a projection, in the look of the report.

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::{Aim, Assumption, Figures};
use crate::report::Table;
use crate::report::chart::Chart;
use crate::report::html::{STYLE, environment};
use crate::report::number::count;
use crate::results::{Caution, Results};

const TEMPLATE: &str = include_str!("page.html");

#[derive(Serialize)]
struct Page<'a> {
    style: Value,
    lab: &'a str,
    title: &'a str,
    run: &'a str,
    talkplace: &'a str,
    measured_listeners: String,
    listeners: String,
    findings: &'a [String],
    knobs: Vec<(&'a str, &'a str)>,
    assumptions: &'a [Assumption],
    cautions: &'a [Caution],
    /// Written by ourselves, every text in it escaped.
    svg: Value,
    chart: &'a str,
    reading: &'a str,
    scaled: &'a Table,
    measured: &'a Table,
    command: String,
}

/// The whole page.
pub(super) fn page(
    results: &Results,
    aim: &Aim,
    figures: &Figures,
    findings: &[String],
    tables: &[Table; 2],
    chart: &Chart,
) -> Result<String, Error> {
    let page = Page {
        style: Value::from_safe_string(STYLE.to_owned()),
        lab: &results.scenario.lab,
        title: &results.scenario.title,
        run: &results.run,
        talkplace: &results.talkplace,
        measured_listeners: count(figures.measured_listeners.into()),
        listeners: count(aim.listeners),
        findings,
        knobs: figures
            .knobs
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect(),
        assumptions: &figures.assumptions,
        cautions: &figures.cautions,
        svg: Value::from_safe_string(chart.svg.clone()),
        chart: &chart.title,
        reading: chart.reading,
        scaled: &tables[0],
        measured: &tables[1],
        command: command(figures),
    };
    let mut environment = environment()?;
    environment.add_template("projection.html", TEMPLATE)?;
    environment
        .get_template("projection.html")?
        .render(minijinja::value::Serde(page))
}

/// The command that makes this projection again, with every knob that it depends on.
fn command(figures: &Figures) -> String {
    let knob = |name: &str| figures.knobs.get(name).map_or("", String::as_str);
    format!(
        "talkplace project {}/{} --listeners {} \\\n  --rate {} --poll-interval {} --long-poll-timeout {} --rtt {}",
        figures.lab,
        figures.run,
        figures.listeners,
        knob("feed.rate"),
        knob("poll.interval"),
        knob("long_poll.timeout"),
        knob("link.rtt"),
    )
}
