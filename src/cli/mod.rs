//! What was typed, and what to do about it. The library knows nothing of any of this.

mod advise;
mod args;
mod attack;
mod catalogue;
mod check;
mod compare;
mod eject;
mod exit;
mod knee;
mod labs;
mod logs;
mod open;
mod pages;
mod pick;
mod predict;
mod progress;
mod project;
mod redraw;
mod run;
mod serve;
mod show;
mod stop;
mod sweep;
mod terminal;
mod verify;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use nix::sys::resource::{Resource, getrlimit};

use args::{Args, Command};
use exit::Exit;

/// The whole flow: read what was typed, do it, and say in one sentence why it could not be done.
pub(crate) fn main() -> ExitCode {
    // Usage is clap's to explain; it leaves with 2, like everything else here that could not run.
    let args = Args::parse();
    logs::start(&args.command);
    let done = enough_files().and_then(|()| match args.command {
        Command::Attack(args) => attack::attack(&args),
        Command::Serve(args) => serve::serve(*args),
        Command::Run(args) => run::run(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Knee(args) => knee::knee(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => redraw::redraw(&args),
        Command::Project(args) => project::project(&args),
        Command::Advise(args) => advise::advise(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Check(args) => check::check(&args),
        Command::Labs(args) => labs::labs(&args),
        Command::Eject(args) => eject::eject(&args),
        Command::Open(args) => open::open(&args),
    });
    done.unwrap_or_else(|error| {
        terminal::say(&format!("talkplace: {error:#}"));
        Exit::CouldNotRun.into()
    })
}

/// Files that a runtime, its signals and a report take; without them tokio panics instead of saying so.
const FEW_FILES: u64 = 32;

fn enough_files() -> anyhow::Result<()> {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((limit, _)) if limit < FEW_FILES => {
            bail!("this process may open only {limit} files: raise the limit (`ulimit -n 1024`)")
        }
        _ => Ok(()),
    }
}

/// A runtime of one thread, this one.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .context("the system gives no runtime its means of waiting")
}
