//! The report of a sweep: each figure as a curve over the knob, what it costs to be fresh, and what follows.

mod caution;
mod field;
mod figures;
mod finding;
mod frontier;
mod ladder;
mod model;
mod page;
mod published;
mod quantity;
mod storm;
mod tables;

use super::{Report, ReportError};
use crate::results::{Results, Sweep};
use field::Field;
pub use figures::{Figures, PointFigures, TransportFigures};

/// What is told about a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepReport {
    /// For readers.
    pub report: Report,
    /// For programs.
    pub figures: Figures,
}

/// Makes the report of a sweep; `results` has a place for each of its points, empty where nothing was measured.
///
/// # Errors
/// Without a measured point, or when drawing or writing fails, by [`ReportError`].
pub fn render(sweep: &Sweep, results: &[Option<Results>]) -> Result<SweepReport, ReportError> {
    let field = Field::new(sweep, results).ok_or(ReportError::NoRun)?;
    let findings = finding::findings(&field);
    let cautions = caution::cautions(&field);
    let figures = figures::figures(&field);
    let mut charts: Vec<_> = storm::chart(&field).transpose()?.into_iter().collect();
    charts.extend(ladder::charts(&field)?);
    charts.extend(quantity::charts(&field)?);
    charts.extend(frontier::charts(&field)?);
    let tables = tables::tables(&field);
    let html = page::page(&field, &findings, &cautions, &charts, &tables)?;
    Ok(SweepReport {
        report: Report {
            html,
            charts,
            findings,
            tables,
            cautions,
        },
        figures,
    })
}

#[cfg(test)]
mod tests;
