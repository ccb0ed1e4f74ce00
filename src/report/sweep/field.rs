//! The measured points of a sweep, put in the order of its knob: a line for each transport and each value of a second knob.

use super::model::{self, Modelled};
use super::price::{self, Cpu};
use crate::protocol::Transport;
use crate::report::entry::{Entry, entries};
use crate::report::prediction::Predicted;
use crate::results::knob::{Key, Kind, read_rate, read_share, read_time};
use crate::results::{Point, Results, Sweep};

/// A sweep with what was measured of it.
pub(crate) struct Field<'a> {
    pub(crate) sweep: &'a Sweep,
    /// Points that were measured, with their results.
    pub(crate) measured: Vec<(&'a Point, &'a Results)>,
    /// The knob along the axis.
    pub(crate) key: &'static Key,
    /// One for each value of the second knob; a single one without it.
    pub(crate) panels: Vec<Panel<'a>>,
    /// Heights that a chart marks: its name, the height, and the words beside it.
    pub(crate) levels: Vec<(&'static str, f64, String)>,
}

/// The lines for one value of the second knob.
pub(crate) struct Panel<'a> {
    /// `feed.rate 2/s`; empty without a second knob.
    pub(crate) label: String,
    pub(crate) lines: Vec<Line<'a>>,
}

/// One transport along the knob.
pub(crate) struct Line<'a> {
    pub(crate) transport: Transport,
    pub(crate) spots: Vec<Spot<'a>>,
    /// What the model says at the points and between them.
    pub(crate) model: Vec<Modelled>,
}

/// One transport at one point.
pub(crate) struct Spot<'a> {
    /// The knob's value, as a number and as a scenario writes it.
    pub(crate) x: f64,
    pub(crate) value: &'a str,
    pub(crate) results: &'a Results,
    pub(crate) entry: Entry,
    pub(crate) predicted: Option<Predicted>,
    /// What its work would cost at the price of the line.
    pub(crate) cpu: Option<Cpu>,
    /// Whether that price is this spot's own, so that it says nothing here.
    pub(crate) is_priced: bool,
}

impl<'a> Field<'a> {
    /// `None` when no point was measured, or when the plan names a knob that there is none of.
    pub(crate) fn new(sweep: &'a Sweep, results: &'a [Option<Results>]) -> Option<Self> {
        let first = sweep.knobs.first()?;
        let key = Key::named(&first.key)?;
        let measured: Vec<(&Point, &Results)> = sweep
            .points
            .iter()
            .zip(results)
            .filter_map(|(point, results)| Some((point, results.as_ref()?)))
            .filter(|(_, results)| !results.runs.is_empty())
            .collect();
        if measured.is_empty() {
            return None;
        }
        let seconds: Vec<Option<&str>> = match sweep.knobs.get(1) {
            Some(second) => second.values.iter().map(|value| Some(value.as_str())).collect(),
            None => vec![None],
        };
        let panels = seconds.into_iter().map(|second| {
            let of = measured
                .iter()
                .filter(|(point, _)| point.values.get(1).map(String::as_str) == second);
            Panel {
                label: second.map_or(String::new(), |value| format!("{} {value}", sweep.knobs[1].key)),
                lines: lines(key, &first.values, of.copied()),
            }
        });
        let panels: Vec<Panel> = panels.filter(|panel| !panel.lines.is_empty()).collect();
        Some(Field {
            sweep,
            panels,
            measured,
            key,
            levels: Vec::new(),
        })
    }

    /// The values of the knob, each with its place along the axis.
    pub(crate) fn along(&self) -> Vec<(f64, String)> {
        let values = &self.sweep.knobs[0].values;
        values
            .iter()
            .map(|value| (place(self.key, values, value), value.clone()))
            .collect()
    }

    /// Heights that the chart of this name marks.
    pub(crate) fn levels_of(&self, chart: &str) -> Vec<(f64, String)> {
        let here = self.levels.iter().filter(|(name, ..)| *name == chart);
        here.map(|(_, height, words)| (*height, words.clone())).collect()
    }

    /// Whether the knob has an order: a time, a rate or a number.
    pub(crate) fn is_ordered(&self) -> bool {
        is_ordered(self.key)
    }

    /// All lines of all panels.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&Panel<'a>, &Line<'a>)> {
        self.panels
            .iter()
            .flat_map(|panel| panel.lines.iter().map(move |line| (panel, line)))
    }

    /// The transports, in the order in which they were measured.
    pub(crate) fn transports(&self) -> Vec<Transport> {
        let mut there = Vec::new();
        for (_, line) in self.lines() {
            if !there.contains(&line.transport) {
                there.push(line.transport);
            }
        }
        there
    }
}

impl Panel<'_> {
    /// The line of a transport.
    pub(crate) fn of(&self, transport: Transport) -> Option<&Line<'_>> {
        self.lines.iter().find(|line| line.transport == transport)
    }
}

impl Line<'_> {
    /// The spots at which neither the generator nor the machine was the limit.
    pub(crate) fn clear(&self) -> impl DoubleEndedIterator<Item = &Spot<'_>> {
        self.spots.iter().filter(|spot| !spot.is_unclear())
    }
}

impl Spot<'_> {
    /// What tells it from the others, `reconnect.jitter 0%`. `with` is the label of its panel; two knobs go without their tables' names, as there is
    /// little room for them.
    pub(crate) fn label(&self, field: &Field, with: &str) -> String {
        let short = |name: &str| {
            name.rsplit_once('.')
                .map_or(name.to_owned(), |(_, short)| short.to_owned())
        };
        match with {
            "" => format!("{} {}", field.key.name, self.value),
            with => format!("{} {}, {}", short(field.key.name), self.value, short(with)),
        }
    }

    /// Whether the run proves nothing at this point.
    pub(crate) fn is_unclear(&self) -> bool {
        !self.results.unclear.is_empty()
    }

    /// The share of its processors that the server used.
    pub(crate) fn load(&self) -> Option<f64> {
        self.predicted.as_ref()?.inputs.load(&self.entry)
    }

    /// What a message mostly took until the server had accepted it: the model's delays begin there.
    pub(crate) fn before_ms(&self) -> f64 {
        self.entry.before_ms().unwrap_or(0.0)
    }
}

fn is_ordered(key: &Key) -> bool {
    matches!(key.kind, Kind::Time | Kind::Rate | Kind::Number | Kind::Share)
}

fn lines<'a>(key: &Key, values: &[String], points: impl Iterator<Item = (&'a Point, &'a Results)>) -> Vec<Line<'a>> {
    let mut lines: Vec<Line> = Vec::new();
    for (point, results) in points {
        for entry in entries(0, results) {
            let spot = Spot {
                x: place(key, values, &point.values[0]),
                value: &point.values[0],
                results,
                predicted: Predicted::of(&entry, results),
                entry,
                cpu: None,
                is_priced: false,
            };
            let transport = spot.entry.transport();
            match lines.iter_mut().find(|line| line.transport == transport) {
                Some(line) => line.spots.push(spot),
                None => lines.push(Line {
                    transport,
                    spots: vec![spot],
                    model: Vec::new(),
                }),
            }
        }
    }
    for line in &mut lines {
        line.spots.sort_by(|one, other| one.x.total_cmp(&other.x));
        if is_ordered(key) {
            price::told(key, &mut line.spots);
            line.model = model::along(key, &line.spots);
        }
    }
    lines
}

/// Where a value lies: seconds, messages a second, how many; or its place in the list, where values have no order.
fn place(key: &Key, values: &[String], value: &str) -> f64 {
    let number = match key.kind {
        Kind::Time => read_time(value).ok().map(|time| time.as_secs_f64()),
        Kind::Rate => read_rate(value).ok(),
        Kind::Share => read_share(value).ok(),
        Kind::Number => value.parse().ok(),
        _ => None,
    };
    let listed = || values.iter().position(|other| other == value).unwrap_or(0) as f64;
    number.unwrap_or_else(listed)
}
