//! The charts: one a file, all in the same look, each with its title, its table and its text for those who do not see it.

mod axis;
mod bars;
mod bytes;
mod canvas;
mod cpu;
pub(crate) mod curves;
mod delay;
mod fall;
mod frame;
mod guesses;
mod ladder;
mod memory;
mod model_curve;
mod palette;
mod projection;
mod quantile;
mod requests;
mod space_time;
mod stories;
mod storm;
mod through;
mod timeline;

use super::ReportError;
use super::beside::Beside;
use super::entry::Entry;
use super::finding::ladder::is_mixed;
use super::number::count;
use super::table::Table;

pub use canvas::DrawingError;
pub(crate) use fall::{Fallen, falls};
pub(crate) use ladder::{Ladders, Panel as LadderPanel, ladders};
pub(crate) use projection::projection;
pub(crate) use storm::{Panel as StormPanel, Storms, storms};
pub(crate) use through::{Fields, through};

/// One chart as SVG.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The name of its file: `delay.svg`.
    pub name: String,
    /// What it shows was found, as a sentence without its full stop.
    pub title: String,
    /// The same for those who do not see it: what is drawn, and the figures.
    pub alt: String,
    /// The picture: a whole SVG file that needs nothing else.
    pub svg: String,
    /// What it is about, for the heading above it: `Delay`.
    pub topic: &'static str,
    /// How to read it, in a sentence or two.
    pub reading: &'static str,
    /// Its figures.
    pub table: Table,
}

/// A chart before it is framed.
struct Sheet {
    name: &'static str,
    topic: &'static str,
    reading: &'static str,
    title: String,
    /// What kind of picture it is, as the beginning of its alternative text.
    what: String,
    table: Table,
    drawn: Result<String, DrawingError>,
}

/// All charts of the report, in the order of the page.
pub(crate) fn charts(beside: &Beside) -> Result<Vec<Chart>, ReportError> {
    if beside.entries.is_empty() {
        return Ok(Vec::new());
    }
    let print = print(beside);
    let sheets = [
        guesses::sheet(beside, print.clone()),
        storm::sheet(beside, print.clone()),
        fall::sheet(beside, print.clone()),
        ladder::sheet(beside, print.clone()),
        Some(requests::sheet(beside, print.clone())),
        timeline::sheet(beside, print.clone()),
        Some(delay::sheet(beside, print.clone())),
        Some(quantile::sheet(beside, print.clone())),
        stories::sheet(beside, print.clone()),
        Some(bytes::sheet(beside, print.clone())),
        Some(cpu::sheet(beside, print.clone())),
        memory::sheet(beside, print),
        space_time::sheet(beside),
        space_time::several::sheet(beside),
    ];
    sheets.into_iter().flatten().map(Sheet::framed).collect()
}

impl Sheet {
    fn framed(self) -> Result<Chart, ReportError> {
        let chart = self.name;
        let body = self.drawn.map_err(|source| ReportError::Drawing { chart, source })?;
        let alt = format!("{}. {}", self.what, spoken(&self.table));
        Ok(Chart {
            name: format!("{chart}.svg"),
            svg: accessible(&body, chart, &self.title, &alt),
            title: self.title,
            alt,
            topic: self.topic,
            reading: self.reading,
            table: self.table,
        })
    }
}

/// Replaces the opening tag that plotters writes: the picture scales, and screen readers get its title and description.
fn accessible(svg: &str, name: &str, title: &str, alt: &str) -> String {
    let (tag, body) = svg.split_once('>').unwrap_or(("", svg));
    let attribute = |name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let pixels = |name: &str| {
        attribute(name)
            .and_then(|units| units.parse::<f64>().ok())
            .unwrap_or(0.0)
            / canvas::UNITS
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{}\" height=\"{}\" viewBox=\"{}\" stroke-linejoin=\"round\" role=\"img\" \
         aria-labelledby=\"{name}-title {name}-desc\">\n<title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-desc\">{}</desc>{body}",
        pixels("width"),
        pixels("height"),
        attribute("viewBox").unwrap_or_default(),
        escaped(title),
        escaped(alt),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The table as one sentence a row.
fn spoken(table: &Table) -> String {
    let mut sentences = Vec::new();
    for group in &table.groups {
        for row in &group.rows {
            let cells = table.columns.iter().zip(&row.cells);
            let cells: Vec<String> = cells.map(|(head, cell)| format!("{head} {cell}")).collect();
            let whose = if group.title.is_empty() {
                String::new()
            } else {
                format!("{}, ", group.title)
            };
            sentences.push(format!("{whose}{}: {}.", row.head, cells.join(", ")));
        }
    }
    sentences.join(" ")
}

/// How a chart calls each entry: the transport, once, and what tells its run from the others.
fn heads(beside: &Beside) -> Vec<(String, Vec<String>)> {
    let mut before = None;
    let head = |entry: &Entry| {
        let again = before.replace(entry.transport()) == Some(entry.transport());
        let head = if again {
            String::new()
        } else {
            entry.transport().title().to_owned()
        };
        // Who changes transports is shown under the one that it began with.
        let mixed = is_mixed(entry).then(|| "with fallback".to_owned()).filter(|_| !again);
        (
            head,
            mixed
                .into_iter()
                .chain(beside.label(entry).map(str::to_owned))
                .collect(),
        )
    };
    beside.entries.iter().map(head).collect()
}

/// The small print: how much the figures rest on, and which run they are of.
fn print(beside: &Beside) -> String {
    let run = beside.first();
    let entries: Vec<&Entry> = beside.of_side(0).collect();
    let messages = entries
        .iter()
        .map(|entry| entry.run.publishing.planned_in_window)
        .max()
        .unwrap_or(0);
    let deliveries: u64 = entries.iter().map(|entry| entry.run.counts.deliveries).sum();
    let others = match beside.runs.len() {
        1 => String::new(),
        _ => format!(
            ", beside {}",
            beside.runs[1..]
                .iter()
                .map(|run| run.run.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    format!(
        "{} listeners, {} messages in the window, {} deliveries in all. {}, run {}{others}",
        count(run.scenario.listeners.into()),
        count(messages),
        count(deliveries),
        run.scenario.lab,
        run.run
    )
}
