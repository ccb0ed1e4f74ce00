//! The load generator: listeners of every transport and publishers that keep to a plan made before the run.
//!
//! It is a stranger who speaks HTTP. [`run`] measures one transport against one server:
//!
//! ```text
//! schedule → publisher ─────────────→ server
//!            listeners ⇄ link ⇄ tap ⇄ server        listeners → recorder (with the ledger) → TransportRun
//! ```
//!
//! - `target`, `greeting`: the server, how it is spoken to, and whether it understands;
//! - `schedule`: the plan, from a seed; `clock` and `timer`: what time of the run it is, and waking up at an instant of it;
//! - `publisher`: sends at the planned instants, whatever becomes of earlier sends; over HTTP, or over a WebSocket (`broadcast`);
//! - `listener`: one file per transport, each a loop over a cursor, and the ladder that changes between them; `link` is the wire before
//!   them, `tap` counts its bytes, `network` may stand in their way;
//! - `recorder`, `ledger`, `timeline`: what was seen, by window, by listener and over time;
//! - `between`: what the scenario puts between the listeners and the server;
//! - `server_process`, `control`, `usage`, `memory`, `limits`: the measured server, what it is asked, what it used, and whether the run fits the system;
//! - `process`: what the system tells of a server that does not tell of itself;
//! - `stall`, `throttle`, `cpu_clock`: a server that stands still, and one that has less than a processor;
//! - `walk`: the rungs that listeners tried that fall back;
//! - `outage`, `storm`, `cpu`: what the scenario does to its server in mid-run, and what becomes of listeners and server then;
//! - `health`, `little`, `wire`: how late the generator itself was woken, whether its books agree, and what the system counted;
//! - `share`: a thread with its part of the listeners; `outcome`: what a run leaves;
//! - `engine`: the only place where all of them meet.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::protocol::Transport;
use crate::results::knob::write_time;
use crate::results::{Dialect, Failures, Scenario, TransportRun};

mod between;
mod broadcast;
mod clock;
mod control;
mod cpu;
mod cpu_clock;
mod crew;
mod engine;
mod greeting;
mod health;
mod heard;
mod ledger;
mod limits;
mod link;
mod listener;
mod little;
mod memory;
mod network;
mod outage;
mod outcome;
mod plain;
mod process;
mod publisher;
mod recorder;
mod schedule;
mod server_process;
mod share;
mod socket;
mod stall;
mod storm;
mod tap;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod throttle;
mod timeline;
mod timer;
mod usage;
mod walk;
mod wire;

pub use limits::raise_file_limit;
pub use target::{Peer, Target, TargetError};

/// What is no part of the question that a scenario asks, but of the machine that it is asked on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that the listeners are spread over; `None` leaves one core to the server.
    pub listener_threads: Option<NonZeroUsize>,
    /// How many sends may wait for their answers before further ones are missed.
    pub sends_in_flight: usize,
    /// How many connections each thread opens at a time.
    pub connects_in_flight: usize,
    /// How long any answer may take beyond the link's round trip and the hold that a long poll asks for.
    pub patience: Duration,
    /// How long the server is watched with everybody connected and nobody speaking, to know what idleness costs; zero is not at all.
    pub quiet: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listener_threads: None,
            sends_in_flight: 256,
            connects_in_flight: 64,
            patience: Duration::from_secs(10),
            quiet: Duration::from_millis(500),
        }
    }
}

/// How far a run has come, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Messages accepted so far.
    pub accepted: u64,
    /// Messages heard so far, all listeners together.
    pub heard: u64,
}

/// The parts of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The server starts, the listeners connect.
    Starting,
    /// Messages flow, nothing is counted.
    WarmUp,
    /// Everything is counted.
    Window,
    /// No more sends; the listeners hear what is still on its way.
    Drain,
}

/// Why a run could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It was stopped from outside before its end.
    #[error("stopped before its end")]
    Stopped,
    /// More connections than this process may open.
    #[error(
        "{listeners} listeners need {needed} open files, but this process may open {allowed}: \
         raise the limit (`ulimit -n {needed}`, or LimitNOFILE for a service), or take fewer listeners"
    )]
    FileLimit {
        /// How many were asked for.
        listeners: u32,
        /// Files for them and for everything else.
        needed: u64,
        /// The hard limit.
        allowed: u64,
    },
    /// The server's program could not be started.
    #[error("cannot start the server, {}: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The server's process did not say its address.
    #[error("the server did not say that it listens within {} s{}", waited.as_secs(), last_words(.words))]
    NotReady {
        /// How long it had.
        waited: Duration,
        /// The last lines it wrote to its stderr.
        words: String,
    },
    /// The server's process ended, which nobody had asked it to.
    #[error("the server ended in the middle of the run ({status}){}", last_words(.words))]
    ServerDied {
        /// How it ended.
        status: String,
        /// The last lines it wrote to its stderr.
        words: String,
    },
    /// The scenario puts an nginx in between, and there is none here.
    #[error(
        "nginx is not installed here, and this lab puts one in between: install it (Debian, Ubuntu: apt install nginx; \
         Fedora: dnf install nginx; macOS: brew install nginx)"
    )]
    NoNginx,
    /// The nginx in between did not start, or ended in the middle of the run.
    #[error("nginx with {name} does not run: {words}")]
    Nginx {
        /// The file of the lab that it was given.
        name: String,
        /// What it said.
        words: String,
    },
    /// The scenario asks for what is not done with a server of somebody else's.
    #[error(transparent)]
    Unfit(#[from] TargetError),
    /// What answers there speaks something else.
    #[error("what listens on {server} does not speak {}: {what}", language(*.dialect))]
    NotOurs {
        /// Where.
        server: String,
        /// How it was spoken to.
        dialect: Dialect,
        /// How it showed.
        what: String,
    },
    /// The server cannot be asked.
    #[error("the server on {server} did not answer {asked}: {why}")]
    NoAnswer {
        /// Where.
        server: String,
        /// What it was asked for.
        asked: String,
        /// What happened instead.
        why: String,
    },
    /// The listeners did not all get through before anything was to be measured.
    #[error(
        "{ready} of {listeners} listeners were served within {} s ({} connects failed, {} connections broke, {} answers \
         timed out, {} were unexpected): {}",
        waited.as_secs(), failures.connect, failures.broken, failures.timed_out, failures.unexpected, advice(*open_within, failures)
    )]
    NotConnected {
        /// Those that were.
        ready: u64,
        /// All of them.
        listeners: u32,
        /// How long they had.
        waited: Duration,
        /// What went wrong until then.
        failures: Failures,
        /// How long a way may take to open, for listeners that fall back to another.
        open_within: Option<Duration>,
    },
    /// A generator thread could not get what it needs from the system.
    #[error("cannot set up the load generator: {0}")]
    System(#[from] std::io::Error),
    /// A fault of the load generator itself.
    #[error("a thread of the load generator panicked; this is a fault of talkplace, please report it")]
    Panicked,
}

/// A dialect in a sentence.
fn language(dialect: Dialect) -> String {
    match dialect {
        Dialect::Talkplace => "talkplace’s contract".to_owned(),
        Dialect::WsBroadcast | Dialect::Nchan => format!("the dialect {dialect}"),
    }
}

/// A process's last words as the end of a sentence; nothing when it had none.
fn last_words(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!("; its last words were:\n{words}")
    }
}

/// What to try when listeners did not get through.
fn advice(open_within: Option<Duration>, failures: &Failures) -> String {
    match open_within.filter(|_| failures.total() == 0) {
        Some(within) => format!(
            "no way opened within ladder.open_within={}: give it more, or take a shorter link.rtt",
            write_time(within)
        ),
        None => "take fewer listeners, or look at the server".to_owned(),
    }
}

/// When each message of a scenario is meant to leave, from the start of the warm-up on: the plan that its seed gives.
pub fn intended(scenario: &Scenario) -> Vec<Duration> {
    schedule::Schedule::new(scenario).sends().to_vec()
}

/// Measures one transport: starts the server, connects the listeners, sends the schedule, counts, and ends the server.
///
/// It calls `progress` a few times a second. `stop` ends it promptly, and then as well as when the future is dropped, no
/// process and no thread stays behind.
///
/// # Errors
/// A sentence for the reader of a terminal, by [`LoadError`].
pub async fn run(
    scenario: &Scenario,
    transport: Transport,
    round: u32,
    target: &Target,
    progress: &(dyn Fn(Progress) + Send + Sync),
    stop: &CancellationToken,
) -> Result<TransportRun, LoadError> {
    run_with(&Settings::default(), scenario, transport, round, target, progress, stop).await
}

/// As [`run`], with settings for the machine.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    settings: &Settings,
    scenario: &Scenario,
    transport: Transport,
    round: u32,
    target: &Target,
    progress: &(dyn Fn(Progress) + Send + Sync),
    stop: &CancellationToken,
) -> Result<TransportRun, LoadError> {
    let question = engine::Question {
        settings,
        scenario,
        transport,
        round,
        via: None,
    };
    engine::run(question, target, progress, stop).await
}
