//! A table as data, and as aligned text for the terminal. The page sets the same data as HTML.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// Between two columns of text.
const GAP: &str = "  ";

/// A table with a heading for every row and every column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// A short name to ask for it by: `figures`, `knobs`, `difference`, `side-by-side`, or that of its chart.
    pub name: &'static str,
    /// What it shows, as a sentence without its full stop.
    pub caption: String,
    /// What the headings of the rows have in common; it stands above them.
    pub corner: String,
    /// The headings of the columns.
    pub columns: Vec<String>,
    /// The rows, in groups.
    pub groups: Vec<Group>,
    /// Whether the cells are numbers, set flush right.
    pub numeric: bool,
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they have in common; empty when there is only one group.
    pub title: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its heading.
    pub head: String,
    /// A cell for each column.
    pub cells: Vec<String>,
}

/// How a table is set as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// How many columns of characters there are: a wider table is cut between its columns and goes on below.
    pub width: usize,
    /// Whether headings are set bold and groups faint with escape codes. Leave it off when the output is no terminal.
    pub escapes: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        TextStyle {
            width: 100,
            escapes: false,
        }
    }
}

impl Row {
    /// A row with a heading.
    pub(crate) fn new(head: impl Into<String>, cells: Vec<String>) -> Self {
        Row {
            head: head.into(),
            cells,
        }
    }
}

impl Table {
    /// The table as aligned text, ending with a line break; without escape codes unless they are asked for.
    pub fn to_text(&self, style: TextStyle) -> String {
        let heads = self.head_width();
        let widths = self.column_widths();
        let mut text = String::new();
        let mut from = 0;
        loop {
            let to = from + fitting(&widths[from..], style.width.saturating_sub(heads));
            self.write_columns(&mut text, from..to, heads, &widths, style);
            from = to;
            if from >= widths.len() {
                return text;
            }
            text.push('\n');
        }
    }

    fn write_columns(
        &self,
        text: &mut String,
        columns: std::ops::Range<usize>,
        heads: usize,
        widths: &[usize],
        style: TextStyle,
    ) {
        let titles = columns.clone().map(|at| (self.columns[at].as_str(), widths[at]));
        let mut line = padded(&self.corner, heads, false);
        titles.for_each(|(title, width)| line += &(GAP.to_owned() + &padded(title, width, self.numeric)));
        text.push_str(&escaped(line.trim_end(), "1", style));
        text.push('\n');
        for group in &self.groups {
            if !group.title.is_empty() {
                text.push_str(&escaped(&group.title, "2", style));
                text.push('\n');
            }
            for row in &group.rows {
                let mut line = padded(&(self.indent().to_owned() + &row.head), heads, false);
                for at in columns.clone() {
                    let cell = row.cells.get(at).map_or("", String::as_str);
                    line += GAP;
                    line += &padded(cell, widths[at], self.numeric);
                }
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
    }

    /// Rows under the title of a group stand in a little.
    fn indent(&self) -> &'static str {
        let titled = self.groups.iter().any(|group| !group.title.is_empty());
        if titled { "  " } else { "" }
    }

    fn head_width(&self) -> usize {
        let rows = self.rows().map(|row| self.indent().width() + row.head.width());
        rows.chain([self.corner.width()]).max().unwrap_or(0)
    }

    fn column_widths(&self) -> Vec<usize> {
        let cell = |row: &Row, at: usize| row.cells.get(at).map_or(0, |cell| cell.width());
        self.columns
            .iter()
            .enumerate()
            .map(|(at, title)| {
                self.rows()
                    .map(|row| cell(row, at))
                    .chain([title.width()])
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|group| &group.rows)
    }
}

/// How many of the next columns fit; one at least, or the table would never end.
fn fitting(widths: &[usize], room: usize) -> usize {
    let mut used = 0;
    let fit = widths.iter().take_while(|width| {
        used += *width + GAP.len();
        used <= room
    });
    fit.count().max(1).min(widths.len())
}

fn padded(text: &str, width: usize, right: bool) -> String {
    // Not `{:>width$}`: that counts characters, and a Chinese one is two columns wide.
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { space + text } else { text.to_owned() + &space }
}

fn escaped(text: &str, code: &str, style: TextStyle) -> String {
    if style.escapes {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let rows = vec![
            Row::new("requests", vec!["18,000".into(), "0".into(), "5".into()]),
            Row::new("路人甲", vec!["1".into(), "2 ms".into(), NONE.into()]),
        ];
        let group = Group {
            title: "Asking".into(),
            rows,
        };
        Table {
            name: "figures",
            caption: "A table".into(),
            corner: String::new(),
            columns: vec!["Short polling".into(), "WebSocket".into(), "Events".into()],
            groups: vec![group],
            numeric: true,
        }
    }
    const NONE: &str = "–";

    #[test]
    fn columns_line_up_whatever_the_script() {
        insta::assert_snapshot!(table().to_text(TextStyle::default()));
    }

    #[test]
    fn a_narrow_terminal_gets_the_columns_one_below_the_other() {
        let style = TextStyle {
            width: 26,
            escapes: false,
        };
        let text = table().to_text(style);
        assert!(text.lines().all(|line| line.width() <= 26), "{text}");
        assert_eq!(text.matches("requests").count(), 3, "{text}");
    }

    #[test]
    fn escape_codes_come_only_when_asked_for() {
        let plain = table().to_text(TextStyle::default());
        assert!(!plain.contains('\x1b'));
        let style = TextStyle {
            escapes: true,
            ..TextStyle::default()
        };
        assert!(table().to_text(style).starts_with("\x1b[1m"));
    }
}
