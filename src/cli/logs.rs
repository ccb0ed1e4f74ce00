use std::io;

use tracing_subscriber::EnvFilter;

use super::args::Command;
use super::terminal;

/// Sends the library's events to stderr: what the server does, and only warnings of the commands that say themselves what
/// they do. `RUST_LOG` asks for more.
pub(crate) fn start(command: &Command) {
    let usual = command.usual_log_level();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(terminal::stderr_takes_escapes())
        .init();
}
