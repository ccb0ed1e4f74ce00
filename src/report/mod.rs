//! From plain results to something that people remember: sentences, tables, charts, and one page that holds them all.
//!
//! [`render`] is pure: results in, text out. Whoever calls it decides where the files go.

pub mod advice;
mod beside;
mod caution;
mod cell;
mod chart;
mod climb;
mod entry;
mod figures;
mod finding;
mod guess;
mod html;
mod knob;
mod number;
mod prediction;
pub mod projection;
mod rounds;
pub mod sweep;
mod table;
mod through;
mod wire;
mod word;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;

pub use chart::{Chart, DrawingError};
pub use table::{Group, Row, Table, TextStyle};

use crate::results::{Caution, Results};
use beside::Beside;

/// Everything that is told about a run, and about those beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The whole report as one self-contained page.
    pub html: String,
    /// The charts of the page, each also a file of its own.
    pub charts: Vec<Chart>,
    /// What was found, in a few sentences of plain text.
    pub findings: Vec<String>,
    /// What the rounds of a run tell apart, and what they do not; empty of a single round.
    pub rounds: Vec<String>,
    /// The tables of the page, the one to print first being the first. Those beside the charts are with their charts.
    pub tables: Vec<Table>,
    /// Reasons to doubt the runs: those in their results, and those that their figures give.
    pub cautions: Vec<Caution>,
}

/// Why no report could be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no run to report on.
    #[error("a report needs at least one run")]
    NoRun,
    /// A chart could not be drawn.
    #[error("the chart `{chart}` could not be drawn")]
    Drawing {
        /// The name of its file.
        chart: &'static str,
        /// What went wrong.
        source: DrawingError,
    },
    /// The page could not be filled in.
    #[error("the page of the report could not be written")]
    Page(#[from] minijinja::Error),
}

/// Makes the report of `runs[0]`, beside the others: earlier runs of the lab, or those that were named to be compared.
///
/// # Errors
/// Without a run, or when drawing or writing fails, by [`ReportError`]. Odd figures are no error: they are reported.
pub fn render(runs: &[Results]) -> Result<Report, ReportError> {
    let beside = Beside::new(runs).ok_or(ReportError::NoRun)?;
    let findings = finding::findings(&beside);
    let cautions = caution::of_all(runs);
    let tables = figures::tables(&beside);
    let charts = chart::charts(&beside)?;
    let rounds = rounds::apart(&beside);
    let html = html::page(&beside, &findings, &rounds, &cautions, &charts, &tables)?;
    Ok(Report {
        html,
        charts,
        findings,
        rounds,
        tables,
        cautions,
    })
}
