//! What stands around every chart: its title above, where the figures come from below.

use super::canvas::{At, Canvas, Drawn, Side, Type};
use super::palette::{INK, QUIET};

/// The width of every chart in pixels.
pub(super) const WIDTH: f64 = 800.0;
/// Free space at the left and at the right.
pub(super) const MARGIN: f64 = 16.0;
/// About as many letters of the title fit on one line.
const TITLE_LETTERS: usize = 74;
const TITLE_SIZE: f64 = 16.0;
const TITLE_LINE: f64 = 23.0;
const PRINT_SIZE: f64 = 11.0;

/// Text of a chart's body.
pub(super) const BODY: Type = Type {
    size: 13.0,
    bold: false,
    colour: INK,
    side: Side::Right,
};
/// Numbers on axes, notes, units.
pub(super) const SMALL: Type = Type {
    size: 11.5,
    bold: false,
    colour: QUIET,
    side: Side::Right,
};

/// The title and the small print of one chart.
#[derive(Debug)]
pub(super) struct Frame {
    title: Vec<String>,
    print: String,
}

impl Frame {
    /// Breaks the title into lines.
    pub(super) fn new(title: &str, print: String) -> Self {
        Frame {
            title: balanced(title, TITLE_LETTERS),
            print,
        }
    }

    /// Where the body begins.
    pub(super) fn top(&self) -> f64 {
        MARGIN + TITLE_LINE * self.title.len() as f64 + 14.0
    }

    /// How high the chart is when its body ends there.
    pub(super) fn height(&self, body_end: f64) -> f64 {
        body_end + 34.0
    }

    /// Draws both.
    pub(super) fn draw(&self, canvas: &Canvas, body_end: f64) -> Drawn {
        let title = Type {
            size: TITLE_SIZE,
            bold: true,
            ..BODY
        };
        for (row, line) in self.title.iter().enumerate() {
            let at: At = (MARGIN, MARGIN + TITLE_LINE * (row as f64 + 0.5));
            canvas.text(line, at, title)?;
        }
        let print = Type {
            size: PRINT_SIZE,
            ..SMALL
        };
        canvas.text(&self.print, (MARGIN, body_end + 20.0), print)
    }
}

/// Breaks a text into as few lines as it needs, none of them much shorter than the others.
///
/// Where one clause ends and the next begins is the best place of all.
fn balanced(text: &str, letters: usize) -> Vec<String> {
    if let Some((clause, rest)) = text.split_once("; ").filter(|_| text.chars().count() > letters) {
        let first = balanced(&format!("{clause};"), letters);
        return first.into_iter().chain(balanced(rest, letters)).collect();
    }
    let needed = lines(text, letters).len();
    let narrowest = (1..letters).find(|letters| lines(text, *letters).len() == needed);
    // Of one line nothing can be balanced, and a word longer than a line stays whole.
    lines(text, narrowest.unwrap_or(letters))
}

/// Breaks a text between words into lines of about so many letters.
fn lines(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How wide a text is, roughly: there is no font to ask, and what is placed by this has room to spare.
pub(super) fn width(text: &str, size: f64) -> f64 {
    use unicode_width::UnicodeWidthStr;
    text.width() as f64 * size * 0.6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_goes_on_in_the_next_line() {
        assert_eq!(lines("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(lines("unbreakable", 4), ["unbreakable"]);
        assert_eq!(balanced("one two; three four", 16), ["one two;", "three four"]);
        assert_eq!(balanced("one two three four", 16), ["one two", "three four"]);
    }
}
