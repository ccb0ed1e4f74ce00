//! From the text of a `scenario.toml` to settings, each with the place that it came from.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};
use crate::results::knob::{KEYS, Key, Kind, nearest};
use crate::results::{SweepCheck, SweepCheckError};

/// The table whose keys are those of the scenario again.
const QUICK: &str = "quick";
/// The table whose keys are those of the scenario, each with a list of values.
const SWEEP: &str = "sweep";

/// The key of that table which is no knob.
const CHECKS: &str = "checks";
const CLAIMS: &str = "a list of claims about the sweep, such as \"long-poll.requests falls\"";

/// What a file says about one key.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: &'static Key,
    pub(super) value: String,
    pub(super) place: Place,
    /// Whether it stands in `[quick]`.
    pub(super) quick: bool,
}

/// What a file says about a knob to sweep.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) key: &'static Key,
    pub(super) values: Vec<String>,
    pub(super) place: Place,
    /// Whether it stands in `[quick.sweep]`.
    pub(super) quick: bool,
}

/// What a file claims of its sweep.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) check: SweepCheck,
    pub(super) place: Place,
    /// Whether it stands in `[quick.sweep]`.
    pub(super) quick: bool,
}

/// All that a file says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) settings: Vec<Setting>,
    /// In the order of their lines.
    pub(super) sweep: Vec<Listed>,
    pub(super) claims: Vec<Claimed>,
}

/// Reads a scenario file; whatever is wrong goes to `problems`, and the rest is read all the same.
pub(super) fn read(file: &str, text: &str, problems: &mut Vec<Problem>) -> Said {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        file,
        text,
        problems: Vec::new(),
        said: Said::default(),
    };
    reader.table(document.get_ref(), "", false);
    reader.knobs_of_claims();
    let Reader {
        problems: mut found,
        mut said,
        ..
    } = reader;
    if !errors.is_empty() {
        // What the parser guessed behind a slip in the syntax says nothing about what was meant there.
        let broken: Vec<Place> = errors.iter().map(|error| place(file, text, error.span())).collect();
        found.retain(|problem| !on_a_line_of(&broken, &problem.place));
        said.settings.retain(|setting| !on_a_line_of(&broken, &setting.place));
        said.sweep.retain(|listed| !on_a_line_of(&broken, &listed.place));
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
    said.sweep.sort_by(|one, other| one.place.cmp(&other.place));
    said
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
    said: Said,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str, quick: bool) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) if name == QUICK && !quick => self.table(inner, "", true),
                DeValue::Table(inner) if name == SWEEP => self.sweep(inner, "", quick),
                DeValue::Table(inner) if KEYS.iter().any(|key| key.name.starts_with(&format!("{name}."))) => {
                    self.table(inner, &format!("{name}."), quick);
                }
                _ => self.setting(&name, key.span(), value, quick),
            }
        }
    }

    fn sweep(&mut self, table: &DeTable<'_>, prefix: &str, quick: bool) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            match (Key::named(&name), value.get_ref()) {
                // No knob, but what is claimed of the whole.
                _ if name == CHECKS => self.claims(value, quick),
                (None, DeValue::Table(inner)) => self.sweep(inner, &format!("{name}."), quick),
                (None, _) => self.problem(key.span(), unknown(&name)),
                (Some(key_of), DeValue::Array(items)) => {
                    let values: Option<Vec<String>> =
                        items.iter().map(|item| as_text(item.get_ref(), key_of.kind)).collect();
                    match values {
                        Some(values) => self.said.sweep.push(Listed {
                            key: key_of,
                            values,
                            place: place(self.file, self.text, Some(key.span())),
                            quick,
                        }),
                        None => self.problem(
                            value.span(),
                            format!("{name} is swept over a list of values, each {}", key_of.kind.describe()),
                        ),
                    }
                }
                (Some(key_of), other) => self.problem(
                    value.span(),
                    format!(
                        "{name} is swept over a list of values, each {}, not TOML's {}",
                        key_of.kind.describe(),
                        other.type_str()
                    ),
                ),
            }
        }
    }

    fn claims(&mut self, value: &Spanned<DeValue<'_>>, quick: bool) {
        let DeValue::Array(items) = value.get_ref() else {
            let found = value.get_ref().type_str();
            return self.problem(value.span(), format!("{CHECKS} takes {CLAIMS}, not TOML's {found}"));
        };
        for item in items.iter() {
            match item.get_ref().as_str().map(str::parse) {
                Some(Ok(check)) => {
                    let place = place(self.file, self.text, Some(item.span()));
                    self.said.claims.push(Claimed { check, place, quick });
                }
                Some(Err(error)) => self.problem(item.span(), one_line(&SweepCheckError::to_string(&error))),
                None => self.problem(item.span(), format!("{CHECKS} takes {CLAIMS}")),
            }
        }
    }

    /// A claim can only tell points apart by a knob that is swept over.
    fn knobs_of_claims(&mut self) {
        let Said { sweep, claims, .. } = &self.said;
        let is_swept = |key: &str| sweep.iter().any(|listed| listed.key.name == key);
        let problems = claims.iter().filter_map(|claimed| {
            let key = claimed.check.along().filter(|key| !is_swept(key))?;
            Some(Problem {
                place: claimed.place.clone(),
                message: match Key::named(key) {
                    Some(_) => format!("`{}` names {key}, which is not swept over here", claimed.check),
                    None => unknown(key),
                },
            })
        });
        let problems: Vec<Problem> = problems.collect();
        self.problems.extend(problems);
    }

    fn setting(&mut self, name: &str, span: Range<usize>, value: &Spanned<DeValue<'_>>, quick: bool) {
        let Some(key) = Key::named(name) else {
            return self.problem(span, unknown(name));
        };
        match as_text(value.get_ref(), key.kind) {
            Some(value) => {
                let place = place(self.file, self.text, Some(span));
                self.said.settings.push(Setting {
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
    if name == SWEEP {
        return format!(
            "`{SWEEP}` is one table and no value; its keys are those of the scenario, each with a list of values"
        );
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
        (Kind::Number | Kind::Time | Kind::Rate | Kind::Share, DeValue::Integer(number)) => {
            Some(number.as_str().to_owned())
        }
        (Kind::Time | Kind::Rate | Kind::Share, DeValue::Float(number)) => Some(number.as_str().to_owned()),
        (Kind::Text | Kind::Time | Kind::Rate | Kind::Share | Kind::Word(_) | Kind::File, DeValue::String(text)) => {
            Some(text.to_string())
        }
        (Kind::Word(_), DeValue::Boolean(is)) => Some(is.to_string()),
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
