//! Who is measured.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{Server, talkplace, this_program};

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The floor.
    Raw,
    /// hyper, and nothing of a chat.
    Bare,
    /// talkplace, from this file, with so many workers.
    Talkplace { program: PathBuf, workers: usize },
}

impl Kind {
    /// What starts it.
    pub(crate) fn command(&self) -> Command {
        match self {
            Kind::Raw => this_program("--floor"),
            Kind::Bare => this_program("--bare"),
            Kind::Talkplace { program, workers } => talkplace(program, *workers),
        }
    }
}

/// Processor time of all its threads so far, in nanoseconds: as the scheduler counts, which is finer than a tick.
pub(crate) fn cpu_ns(server: &Server) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.child.id())).expect("it runs");
    let used = threads.filter_map(|thread| {
        let told = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        told.split(' ').next()?.parse::<u64>().ok()
    });
    used.sum()
}
