//! What a run leaves: plain data with a version, enough to redraw its report alone.
//!
//! [`Results`] is the whole of `results.json`. Everything above agrees on these types: [`load`](crate::load) fills a
//! [`TransportRun`], [`lab`](crate::lab) adds the scenario, [`report`](crate::report) draws them.

mod between;
mod check;
mod distribution;
mod folder;
mod foreign;
mod guess;
mod host;
mod knee;
pub mod knob;
mod ladder;
mod memory;
pub mod metric;
mod restart;
mod run;
mod scenario;
mod server_wait;
mod sweep;
mod sweep_check;
mod trace;

pub use between::Between;
pub use check::{Check, CheckError, Checked, Comparison, Right, Term, Verdict};
pub use distribution::Distribution;
pub use folder::{FolderError, RunFolder, latest_complete, read_results, write_whole};
pub use foreign::{Dialect, Foreign, UnknownDialect};
pub use guess::{Guess, GuessError};
pub use knee::{Found, Knee, Price};
pub use ladder::{Fall, Ladder, Rung, Walk, Why};
pub use memory::{Memory, MemorySample};
pub use restart::Restart;
pub use run::{
    Answers, Bytes, Connections, Counts, Failures, Health, Ledger, Little, Parts, Publishing, Segments, ServerCost,
    Timeline, TransportRun,
};
pub use scenario::{
    Arrivals, Begin, Blocking, LadderKnobs, Network, PollPhase, PollTimer, Reconnect, RestartBy, RestartKnobs,
    Scenario, Share,
};
pub use server_wait::{NoServerWait, ServerWait};
pub use sweep::{Point, Sweep, SweepFolder, Swept};
pub use sweep_check::{Figure, Shape, Stretch, SweepCheck, SweepCheckError, Within};
pub use trace::{Piece, Trace, Traced, Way};

use serde::{Deserialize, Serialize};

/// The version of `results.json` that this program writes and reads.
pub const SCHEMA: u32 = 1;

/// One execution of a lab: the whole content of `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`] when it was written.
    pub schema: u32,
    /// The version of talkplace that measured it.
    pub talkplace: String,
    /// The name of the run, which is also that of its folder: `2026-11-22T17-05-33`, in UTC.
    pub run: String,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// What was asked for, every knob with the value it had.
    pub scenario: Scenario,
    /// Whether it was the lab's short form, which is for a first look: nothing to set beside the long one.
    #[serde(default)]
    pub quick: bool,
    /// The server that was measured, where talkplace did not start it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// Where it was measured.
    pub host: Host,
    /// False while the run is under way, and for ever when it was interrupted: some of the scenario's transports are missing.
    pub complete: bool,
    /// One entry per transport and round, in the order in which they were measured.
    pub runs: Vec<TransportRun>,
    /// What became of the scenario's checks; empty while the run is under way.
    #[serde(default)]
    pub checks: Vec<Checked>,
    /// What somebody expected before it was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<Guess>,
    /// Why the run proves nothing: the generator or the machine was the limit. Empty for one that can be trusted.
    #[serde(default)]
    pub unclear: Vec<Caution>,
    /// Reasons to doubt the figures.
    pub cautions: Vec<Caution>,
}

/// The machine that a run was measured on; nothing in it names a person or a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and version of its kernel, for example `linux 6.1.0`.
    pub system: String,
    /// Processor architecture, for example `x86_64`.
    pub arch: String,
    /// The processor's own name, where the system tells it.
    pub processor: Option<String>,
    /// Processors that this process may use.
    pub cores: usize,
    /// Memory in bytes, where the system tells it.
    pub memory_bytes: Option<u64>,
}

/// A printed reason to doubt a figure, with what to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caution {
    /// What is doubtful, as a sentence.
    pub what: String,
    /// What the reader can do about it, as a sentence.
    pub try_this: String,
}
