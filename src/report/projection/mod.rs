//! A measured run scaled on paper: its costs per request, per delivery and per listener, times very many of each.

mod basis;
mod doubt;
mod finding;
mod page;
mod rests;
mod tables;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::chart::{self, Chart};
use super::{ReportError, Table};
use crate::model::projection::Projection;
use crate::protocol::Transport;
use crate::results::{Caution, Results};
pub(crate) use basis::{Basis, Rate, bases};

/// What to scale a run to. What is `None` stays as it was in the run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Aim {
    /// How many listeners.
    pub listeners: u64,
    /// Messages a second.
    pub rate_per_s: Option<f64>,
    /// From one short poll to the next.
    pub poll_interval: Option<Duration>,
    /// How long the server may hold a long poll.
    pub long_poll_timeout: Option<Duration>,
    /// Round-trip time between the listeners and the server.
    pub rtt: Option<Duration>,
}

/// A run scaled: as figures, in words, as tables, as a picture and as a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaled {
    /// The figures, for programs.
    pub figures: Figures,
    /// What it comes to, in a few sentences.
    pub findings: Vec<String>,
    /// The scaled figures, and the measured ones that they follow from.
    pub tables: [Table; 2],
    /// The picture.
    pub chart: Chart,
    /// All of it as one self-contained page.
    pub html: String,
}

/// The figures of a projection, with all that they rest on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The run that was scaled.
    pub run: String,
    /// The lab that it is of.
    pub lab: String,
    /// Listeners of the run.
    pub measured_listeners: u32,
    /// Listeners that it was scaled to.
    pub listeners: u64,
    /// The knobs, by their names in a scenario, as a scenario writes them.
    pub knobs: BTreeMap<&'static str, String>,
    /// A row for every transport of the run.
    pub transports: Vec<Row>,
    /// What every figure rests on.
    pub assumptions: Vec<Assumption>,
    /// Reasons to doubt it.
    pub cautions: Vec<Caution>,
}

/// The figures of one transport; `None` where the run does not tell enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which transport.
    pub transport: Transport,
    /// Requests of all listeners.
    pub requests_per_s: Option<f64>,
    /// What crosses the listeners' sockets, both directions, in decimal megabits.
    pub mbit_per_s: Option<f64>,
    /// Of it, the heads of requests and answers.
    pub head_mbit_per_s: Option<f64>,
    /// All of it with the headers of IPv4 and TCP, at least.
    pub wire_mbit_per_s: Option<f64>,
    /// Processors at work, on average.
    pub cores: Option<f64>,
    /// Processor time that one message sets off at once, in seconds.
    pub burst_cpu_s: Option<f64>,
    /// Resident memory of the server.
    pub memory_bytes: Option<f64>,
    /// Connections.
    pub connections: u64,
}

/// What a figure rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// Which figure: `Requests`.
    pub figure: &'static str,
    /// What is taken to be so, in a sentence or two.
    pub rests_on: String,
}

/// Scales a run.
///
/// # Errors
/// When drawing or writing fails, by [`ReportError`]; [`ReportError::NoRun`] when no transport of the run was measured. Figures that the
/// run does not have are no error: what follows from them is not known.
pub fn scale(results: &Results, aim: &Aim) -> Result<Scaled, ReportError> {
    let bases = bases(results, aim);
    if bases.is_empty() {
        return Err(ReportError::NoRun);
    }
    let title = finding::traffic(&bases, aim);
    let findings = finding::findings(&bases, aim);
    let figures = Figures {
        run: results.run.clone(),
        lab: results.scenario.lab.clone(),
        measured_listeners: results.scenario.listeners,
        listeners: aim.listeners,
        knobs: basis::knobs(&basis::turned(&results.scenario, aim)),
        transports: bases.iter().map(row).collect(),
        assumptions: rests::assumptions(results, &bases, aim),
        cautions: doubt::cautions(results, &bases, aim),
    };
    let tables = [tables::scaled(&bases, aim), tables::measured(results, &bases)];
    let chart = chart::projection(results, &bases, aim, &title, &tables[0])?;
    let html = page::page(results, aim, &figures, &findings, &tables, &chart)?;
    Ok(Scaled {
        figures,
        findings,
        tables,
        chart,
        html,
    })
}

fn row(basis: &Basis) -> Row {
    let Projection {
        requests_per_s,
        head_bits_per_s,
        bits_per_s,
        wire_bits_per_s,
        cores,
        burst_cpu_s,
        memory_bytes,
        connections,
    } = basis.scaled;
    Row {
        transport: basis.transport,
        requests_per_s,
        mbit_per_s: bits_per_s.map(mega),
        head_mbit_per_s: head_bits_per_s.map(mega),
        wire_mbit_per_s: wire_bits_per_s.map(mega),
        cores,
        burst_cpu_s,
        memory_bytes,
        connections: connections as u64,
    }
}

/// Decimal megabits.
pub(crate) fn mega(bits: f64) -> f64 {
    bits / 1e6
}

#[cfg(test)]
mod tests;
