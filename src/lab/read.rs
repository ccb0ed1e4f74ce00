//! From the text of a `scenario.toml` to settings, each with the place that it came from.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};
use crate::results::knob::{KEYS, Key, Kind, nearest};

/// The table whose keys are those of the scenario again.
const QUICK: &str = "quick";

/// What a file says about one key.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: &'static Key,
    pub(super) value: String,
    pub(super) place: Place,
    /// Whether it stands in `[quick]`.
    pub(super) quick: bool,
}

/// Reads a scenario file; whatever is wrong goes to `problems`, and the rest is read all the same.
pub(super) fn read(file: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        file,
        text,
        problems: Vec::new(),
        settings: Vec::new(),
    };
    reader.table(document.get_ref(), "", false);
    let Reader {
        problems: mut found,
        mut settings,
        ..
    } = reader;
    if !errors.is_empty() {
        // What the parser guessed behind a slip in the syntax says nothing about what was meant there.
        let broken: Vec<Place> = errors.iter().map(|error| place(file, text, error.span())).collect();
        found.retain(|problem| !on_a_line_of(&broken, &problem.place));
        settings.retain(|setting| !on_a_line_of(&broken, &setting.place));
        let sentences = errors
            .iter()
            .map(|error| format!("this is not TOML: {}", one_line(error.message())));
        problems.extend(
            broken
                .into_iter()
                .zip(sentences)
                .map(|(place, message)| Problem { place, message }),
        );
    }
    problems.append(&mut found);
    settings
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
    settings: Vec<Setting>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str, quick: bool) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) if name == QUICK && !quick => self.table(inner, "", true),
                DeValue::Table(inner) if KEYS.iter().any(|key| key.name.starts_with(&format!("{name}."))) => {
                    self.table(inner, &format!("{name}."), quick);
                }
                _ => self.setting(&name, key.span(), value, quick),
            }
        }
    }

    fn setting(&mut self, name: &str, span: Range<usize>, value: &Spanned<DeValue<'_>>, quick: bool) {
        let Some(key) = Key::named(name) else {
            return self.problem(span, unknown(name));
        };
        match as_text(value.get_ref(), key.kind) {
            Some(value) => {
                let place = place(self.file, self.text, Some(span));
                self.settings.push(Setting {
                    key,
                    value,
                    place,
                    quick,
                });
            }
            None => {
                let found = value.get_ref().type_str();
                self.problem(
                    value.span(),
                    format!("{name} takes {}, not TOML's {found}", key.kind.describe()),
                );
            }
        }
    }

    fn problem(&mut self, span: Range<usize>, message: String) {
        let place = place(self.file, self.text, Some(span));
        self.problems.push(Problem { place, message });
    }
}

/// The sentence for a key that does not exist.
pub(super) fn unknown(name: &str) -> String {
    let name = one_line(name);
    let prefix = format!("{name}.");
    let within: Vec<&str> = KEYS
        .iter()
        .map(|key| key.name)
        .filter(|key| key.starts_with(&prefix))
        .collect();
    if !within.is_empty() {
        return format!("`{name}` is one table and no value; its keys are {}", within.join(", "));
    }
    if name == QUICK {
        return format!("`{QUICK}` is one table and no value; its keys are those of the scenario again");
    }
    match nearest(&name) {
        Some(meant) => format!("there is no key `{name}`; did you mean `{meant}`?"),
        None => format!("there is no key `{name}`; `talkplace labs three-ways` lists the keys there are"),
    }
}

/// The value in the form that [`Key::set`] reads; `None` when TOML holds another type.
fn as_text(value: &DeValue<'_>, kind: Kind) -> Option<String> {
    match (kind, value) {
        // A number without its unit goes on as it is: the key knows best how to complain.
        (Kind::Number | Kind::Time | Kind::Rate, DeValue::Integer(number)) => Some(number.as_str().to_owned()),
        (Kind::Time | Kind::Rate, DeValue::Float(number)) => Some(number.as_str().to_owned()),
        (Kind::Text | Kind::Time | Kind::Rate | Kind::Word(_), DeValue::String(text)) => Some(text.to_string()),
        (Kind::Words(_) | Kind::Checks, DeValue::Array(items)) => {
            let between = if kind == Kind::Checks { ";" } else { "," };
            let words: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            words.map(|words| words.join(between))
        }
        _ => None,
    }
}

fn on_a_line_of(broken: &[Place], place: &Place) -> bool {
    let line = |place: &Place| match place {
        Place::Line { line, .. } => Some(*line),
        Place::File(_) | Place::Typed(_) => None,
    };
    broken.iter().any(|other| line(other) == line(place))
}

fn place(file: &str, text: &str, span: Option<Range<usize>>) -> Place {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    Place::Line {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
    }
}

/// Without line breaks and what else would disturb a terminal.
fn one_line(text: &str) -> String {
    text.trim().replace(|c: char| c.is_control(), " ")
}
