//! The curves of a sweep as numbers, for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::field::Field;
use super::quantity::QUANTITIES;
use crate::protocol::Transport;
use crate::results::{Caution, Checked, Swept};

/// All points of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The name of the sweep.
    pub sweep: String,
    /// The lab.
    pub lab: String,
    /// Whether every point of its plan was measured.
    pub complete: bool,
    /// The knobs.
    pub knobs: Vec<Swept>,
    /// What was measured, in the order of the plan.
    pub points: Vec<PointFigures>,
    /// What became of the claims about the whole.
    pub checks: Vec<Checked>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PointFigures {
    /// The folder of its results, within that of the sweep.
    pub folder: String,
    /// The value of each knob.
    pub values: Vec<String>,
    /// Each transport.
    pub transports: Vec<TransportFigures>,
    /// What became of the scenario's checks there.
    pub checks: Vec<Checked>,
    /// Why the point proves nothing; empty for one that can be trusted.
    pub unclear: Vec<Caution>,
}

/// One transport at one point. Times are in milliseconds; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransportFigures {
    /// Which.
    pub transport: Transport,
    /// As measured, by the name of the chart.
    pub measured: BTreeMap<&'static str, f64>,
    /// As the model has them, for this very schedule where it can be followed.
    pub predicted: BTreeMap<&'static str, f64>,
}

pub(super) fn figures(field: &Field) -> Figures {
    let points = field.measured.iter().map(|(point, results)| {
        let spots = field.lines().flat_map(|(_, line)| &line.spots);
        let here = spots.filter(|spot| std::ptr::eq(spot.results, *results));
        let transports = here.map(|spot| TransportFigures {
            transport: spot.entry.transport(),
            measured: named(|quantity| (quantity.measured)(&spot.entry)),
            predicted: named(|quantity| quantity.predicted_at(spot)),
        });
        PointFigures {
            folder: point.folder.clone(),
            values: point.values.clone(),
            transports: transports.collect(),
            checks: results.checks.clone(),
            unclear: results.unclear.clone(),
        }
    });
    Figures {
        sweep: field.sweep.name.clone(),
        lab: field.sweep.lab().to_owned(),
        complete: field.measured.len() == field.sweep.points.len(),
        knobs: field.sweep.knobs.clone(),
        points: points.collect(),
        checks: field.sweep.checked.clone(),
    }
}

fn named(value: impl Fn(&super::quantity::Quantity) -> Option<f64>) -> BTreeMap<&'static str, f64> {
    let all = QUANTITIES
        .iter()
        .filter_map(|quantity| Some((quantity.name, value(quantity)?)));
    all.filter(|(_, value)| value.is_finite()).collect()
}
