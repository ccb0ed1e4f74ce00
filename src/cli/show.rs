use std::fmt::Write as _;

use talkplace::report::{Report, Table};
use talkplace::results::{Caution, Checked, Results, Sweep, Verdict};
use unicode_width::UnicodeWidthStr as _;

use super::terminal;

/// A report as text: what was found, the main table, the knobs that differ between runs, what the rounds tell apart, and the reasons to doubt it.
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
    text.push_str(&sentences(&report.findings));
    if let Some(rounds) = report.tables.iter().find(|table| table.name == "rounds") {
        push(&mut text, rounds);
        text.push('\n');
        text.push_str(&sentences(&report.rounds));
    }
    text + &cautions(&report.cautions)
}

/// Sentences, each behind a dash.
pub(crate) fn sentences(sentences: &[String]) -> String {
    let width = terminal::width();
    sentences.iter().map(|sentence| item('-', sentence, width)).collect()
}

/// Reasons to doubt what is shown, below an empty line.
pub(crate) fn cautions(cautions: &[Caution]) -> String {
    let width = terminal::width();
    let items = cautions
        .iter()
        .map(|Caution { what, try_this }| item('!', &format!("{what} {try_this}"), width));
    let items: String = items.collect();
    if items.is_empty() { items } else { format!("\n{items}") }
}

/// A sentence behind its mark, broken between words where it would not fit; one line where nobody knows the width.
fn item(mark: char, sentence: &str, width: Option<usize>) -> String {
    let mut text = String::from(mark);
    let mut column = 1;
    // Not `split_whitespace`: a number and its unit stay together.
    for word in sentence.split(' ') {
        if column > 1 && width.is_some_and(|width| column + 1 + word.width() > width) {
            text.push_str("\n ");
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + word.width();
    }
    text.push('\n');
    text
}

/// The verdicts on a scenario's checks, one a line.
pub(crate) fn checks(checks: &[Checked]) -> String {
    headed(
        "What the scenario claims",
        checks.iter().map(|checked| verdict(checked, "")).collect(),
    )
}

/// Those on a sweep as a whole, and behind them the checks of its points that do not hold.
pub(crate) fn sweep_checks(sweep: &Sweep, results: &[Option<Results>]) -> String {
    let whole = sweep.checked.iter().map(|checked| verdict(checked, ""));
    let text = headed("What the sweep is claimed to show", whole.collect());
    let points = sweep.points.iter().zip(results);
    let fail = points
        .filter_map(|(point, results)| Some((point, results.as_ref()?)))
        .flat_map(|(point, results)| {
            let fail = results
                .checks
                .iter()
                .filter(|checked| checked.verdict == Verdict::Fails);
            let at = format!("at {}: ", point.label(&sweep.knobs));
            fail.map(move |checked| verdict(checked, &at))
        });
    text + &headed("What does not hold at every point", fail.collect())
}

fn verdict(Checked { check, verdict, found }: &Checked, at: &str) -> String {
    let verdict = match verdict {
        Verdict::Holds => "holds",
        Verdict::Fails => "FAILS",
        Verdict::Unclear => "unclear",
        Verdict::NotAsked => "–",
    };
    format!("{verdict:>7}  {at}{check} ({found})\n")
}

fn headed(heading: &str, lines: String) -> String {
    if lines.is_empty() {
        lines
    } else {
        format!("\n{heading}\n\n{lines}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_broken_between_words_and_never_within_a_figure() {
        let text = item('-', "Half came within 26.8\u{a0}ms 路人甲 路人甲", Some(20));
        assert_eq!(text, "- Half came within\n  26.8\u{a0}ms 路人甲\n  路人甲\n");
        assert_eq!(item('!', "a b", Some(1)), "! a\n  b\n");
        assert_eq!(item('!', &"word ".repeat(90), None).lines().count(), 1);
    }
}
