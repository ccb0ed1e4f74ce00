use std::fmt;

/// Where a problem was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file, counted from 1.
    Line {
        /// The file as the reader knows it.
        file: String,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In a file that does not mention the key: its default does not fit with the rest.
    File(String),
    /// In what was typed: `--listeners 0`.
    Typed(String),
}

/// One thing that is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, as a sentence, and what would be right.
    pub message: String,
}

/// Everything that is wrong with a scenario, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Err` with all of them, each told once, or `Ok` when there is none.
    pub(super) fn none_of(mut problems: Vec<Problem>) -> Result<(), Problems> {
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(problems))
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

/// A file that is no scenario at all has a problem in every line; its first ones say so.
const MOST_SHOWN: usize = 12;

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "{one}"),
            many => {
                write!(f, "there are {} problems:", many.len())?;
                let (first, rest) = many.split_at(many.len().min(MOST_SHOWN));
                first.iter().try_for_each(|problem| write!(f, "\n  {problem}"))?;
                match rest.len() {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Place::File(file) => f.write_str(file),
            Place::Typed(flag) => f.write_str(flag),
        }
    }
}
