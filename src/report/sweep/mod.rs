//! The report of a sweep: each figure as a curve over the knob, what it costs to be fresh, and what follows.

mod agreement;
mod caution;
mod field;
mod figures;
mod finding;
mod freshest;
mod frontier;
mod knee;
mod ladder;
mod model;
mod page;
mod price;
mod published;
mod quantity;
mod segments;
mod storm;
mod tables;
mod through;

use super::{Chart, Report, ReportError, Table};
use crate::results::{Knee, Results, Sweep};
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
    let mut charts: Vec<_> = through::chart(&field).transpose()?.into_iter().collect();
    charts.extend(storm::chart(&field).transpose()?);
    charts.extend(ladder::charts(&field)?);
    charts.extend(quantity::charts(&field)?);
    charts.extend(frontier::charts(&field)?);
    finished(
        &field,
        findings,
        charts,
        tables::tables(&field),
        page::Heading::of_sweep(&field),
    )
}

/// Makes the report of a search for the largest load, of which each load is a point.
///
/// # Errors
/// As [`render`].
pub fn render_knee(sweep: &Sweep, results: &[Option<Results>], knee: &Knee) -> Result<SweepReport, ReportError> {
    let mut field = Field::new(sweep, results).ok_or(ReportError::NoRun)?;
    field.levels = knee::limits(knee);
    let mut findings = knee::findings(knee);
    findings.extend(agreement::agreement(&field));
    let mut charts = vec![knee::busy(&field, knee)?];
    charts.extend(quantity::charts(&field)?);
    let mut tables = tables::tables(&field);
    tables.insert(0, knee::table(knee));
    finished(&field, findings, charts, tables, page::Heading::of_knee(&field, knee))
}

fn finished(
    field: &Field,
    findings: Vec<String>,
    charts: Vec<Chart>,
    tables: Vec<Table>,
    heading: page::Heading,
) -> Result<SweepReport, ReportError> {
    let cautions = caution::cautions(field);
    let html = page::page(field, &heading, &findings, &cautions, &charts, &tables)?;
    Ok(SweepReport {
        report: Report {
            html,
            charts,
            findings,
            rounds: Vec::new(),
            tables,
            cautions,
        },
        figures: figures::figures(field),
    })
}

#[cfg(test)]
mod tests;
