use std::fmt::Write as _;

use talkplace::report::{Report, Table};
use talkplace::results::{Caution, Checked, Verdict};

use super::terminal;

/// A report as text: what was found, the main table, the knobs that differ between runs, and the reasons to doubt it.
pub(crate) fn text(title: &str, report: &Report) -> String {
    let mut text = format!("{title}\n");
    let differences = report
        .tables
        .iter()
        .filter(|table| table.name == "difference" && !table.groups.is_empty());
    for table in report.tables.iter().take(1).chain(differences) {
        push(&mut text, table);
    }
    text.push('\n');
    let findings = report.findings.iter().map(|finding| format!("- {finding}\n"));
    text.extend(findings);
    let cautions = cautions(&report.cautions);
    if !cautions.is_empty() {
        text.push('\n');
        text.push_str(&cautions);
    }
    text
}

/// Reasons to doubt what is shown, one a line.
pub(crate) fn cautions(cautions: &[Caution]) -> String {
    cautions
        .iter()
        .map(|Caution { what, try_this }| format!("! {what} {try_this}\n"))
        .collect()
}

/// The verdicts on a scenario's checks, one a line.
pub(crate) fn checks(checks: &[Checked]) -> String {
    let lines = checks.iter().map(|Checked { check, verdict, found }| {
        let verdict = match verdict {
            Verdict::Holds => "holds",
            Verdict::Fails => "FAILS",
            Verdict::Unclear => "unclear",
        };
        format!("{verdict:>7}  {check} ({found})\n")
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        lines
    } else {
        format!("\nWhat the scenario claims\n\n{lines}")
    }
}

/// A table below its caption.
pub(crate) fn push(text: &mut String, table: &Table) {
    let _ = write!(
        text,
        "\n{}\n\n{}",
        table.caption,
        table.to_text(terminal::table_style())
    );
}
