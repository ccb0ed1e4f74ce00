//! Writing to whoever reads: results to stdout, everything else to stderr, and no escape codes where nobody sees them.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use talkplace::report::TextStyle;

/// Writes results. A reader who has seen enough and leaves (`talkplace labs | head -1`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("the results could not be written to stdout"),
    }
}

/// Writes one line beside the results. Where stderr is closed there is nobody to tell, not even about that.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// How tables are set on stdout: as wide as the terminal, and in its bold where it is one.
pub(crate) fn table_style() -> TextStyle {
    let stdout = io::stdout();
    TextStyle {
        width: width().unwrap_or(TextStyle::default().width),
        escapes: stdout.is_terminal() && escapes_are_welcome(),
    }
}

/// How many columns stdout has, where it is a terminal.
pub(crate) fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into())
}

/// Whether stderr takes escape codes: it is a terminal, and the user has not asked for none (no-color.org).
pub(crate) fn stderr_takes_escapes() -> bool {
    io::stderr().is_terminal() && escapes_are_welcome()
}

fn escapes_are_welcome() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !no_color && !dumb
}
