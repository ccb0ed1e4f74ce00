//! What was typed, and what to do about it.

mod serve;

use std::process::ExitCode;

use clap::Parser as _;

#[derive(clap::Parser)]
#[command(version)]
enum Args {
    Serve(serve::ServeArgs),
}

/// The whole flow.
pub(crate) fn main() -> ExitCode {
    let Args::Serve(args) = Args::parse();
    serve::serve(args).unwrap_or_else(|error| {
        eprintln!("talkplace: {error:#}");
        ExitCode::from(2)
    })
}
