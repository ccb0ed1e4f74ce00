use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Distribution, Ladder, Memory, Restart, Trace};
use crate::protocol::Transport;

/// What one transport did and what it cost, in one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransportRun {
    /// Which transport.
    pub transport: Transport,
    /// Which repetition, from 1.
    pub round: u32,
    /// How many listeners heard the feed.
    pub listeners: u32,
    /// Length of the counted window, in seconds.
    pub window_s: f64,
    /// The program between the listeners and the server, with its version; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<String>,
    /// What was sent, and how far from the plan.
    pub publishing: Publishing,
    /// What happened in the window.
    pub counts: Counts,
    /// Bytes from the listeners to the server, in the window.
    pub bytes_out: Bytes,
    /// Bytes from the server to the listeners, in the window.
    pub bytes_in: Bytes,
    /// Whether every listener heard every message once and in order, over the whole run.
    pub ledger: Ledger,
    /// Heard − intended, of the messages intended within the window.
    pub delay: Distribution,
    /// The same deliveries as a tool would measure them whose one publisher waits for each answer before it goes on: heard −
    /// intended, or − accepted of the message before when that is later. Only of runs that stop their server.
    #[serde(default)]
    pub naive_delay: Option<Distribution>,
    /// Heard − `at`, of the same messages: without what the publisher and its request added.
    pub server_delay: Distribution,
    /// What the server's process used in the window.
    pub server: ServerCost,
    /// How the load generator itself fared in the window; `None` in results from before it was watched.
    #[serde(default)]
    pub generator: Option<Health>,
    /// What the system counted on the listeners' connections in the window; `None` where it does not tell, and in results from before it was asked.
    #[serde(default)]
    pub segments: Option<Segments>,
    /// Whether rate, delay and what is on its way fit together; `None` when some of what was planned never came.
    #[serde(default)]
    pub little: Option<Little>,
    /// How it went over time, from the first second of the warm-up to the end of the drain.
    pub timeline: Timeline,
    /// What memory the server had, over time; `None` in older results, and of a server that the run did not start or the system does not tell of.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// What came of the restart in mid-window; `None` of a run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// How the listeners changed transports; `None` of a run in which they keep to theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Ladder>,
    /// What went wrong on the load generator's side, over the whole run.
    pub failures: Failures,
    /// What crossed the connections of a few listeners; `None` in older results, and of a run that planned no slice for it.
    #[serde(default)]
    pub trace: Option<Trace>,
}

/// What the publishers did, over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publishing {
    /// Messages in the schedule.
    pub planned: u64,
    /// Of these, intended within the window.
    pub planned_in_window: u64,
    /// Answered `201`.
    pub accepted: u64,
    /// Sent but answered with something else, or not at all.
    pub failed: u64,
    /// Sent again, under the same `Idempotency-Key`, since no answer had come or one that was no `201`. Only runs that restart their server do.
    #[serde(default)]
    pub retried: u64,
    /// Never sent, since too many sends were already waiting for their answers.
    pub missed: u64,
    /// Sent − intended: the generator's own fault.
    pub lag: Distribution,
}

/// Counts of the window, all listeners together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests sent; an upgrade is one.
    pub requests: u64,
    /// What they were answered with.
    pub answers: Answers,
    /// Connections.
    pub connections: Connections,
    /// Messages heard, one per message and listener.
    pub deliveries: u64,
    /// Frames or events that carried a message; 0 for the polls.
    pub frames: u64,
}

/// Answers by what they carried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// At least one message.
    pub with_messages: u64,
    /// `204`: nothing to say.
    pub empty: u64,
    /// The start of a stream: `101`, or the head of an event stream.
    pub opened: u64,
    /// A refusal of any kind.
    pub refused: u64,
    /// Refusals by their status; in older results they are not told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused_by_status: BTreeMap<u16, u64>,
}

/// How many connections there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Opened within the window.
    pub opened: u64,
    /// Opened before the window, since the start of the run.
    pub opened_before: u64,
}

/// Bytes of one direction by what they were for. Their sum is what crossed the socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Request or status line, headers, and the empty line behind them.
    pub heads: u64,
    /// Of these, the heads of answers that have nothing to say (`204`), which lack some of the headers of the others; 0 to the server, and in
    /// results from before they were told apart.
    #[serde(default)]
    pub empty_heads: u64,
    /// What the receiver came for: batches, an event's lines, the text in a frame.
    pub bodies: u64,
    /// What wraps it: frame headers, control frames, chunk sizes.
    pub frames: u64,
}

/// Bytes of one direction.
pub type Bytes = Parts;

/// Every message exactly once and in order, or what became of it. Over the whole run, all listeners together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Accepted messages × listeners.
    pub expected: u64,
    /// Heard for the first time.
    pub heard: u64,
    /// Never heard.
    pub lost: u64,
    /// Heard again.
    pub repeated: u64,
    /// Heard after a later one.
    pub out_of_order: u64,
    /// Times that the feed answered `gone`.
    pub gone: u64,
}

/// What the server's process used. `None` where neither the server nor the system tells, and in results from before a figure was kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerCost {
    /// Processor time in the window, user and system, in seconds.
    pub cpu_s: Option<f64>,
    /// Of it, the time in the server's own code. The system samples how a thread's time falls into the two, so this is coarser than their sum.
    pub user_s: Option<f64>,
    /// Of it, the time in the kernel on its behalf.
    pub system_s: Option<f64>,
    /// Processor time a second, in seconds, with every listener connected and nobody saying or asking anything: measured in a quiet time before
    /// the warm-up. `None` also when requests came in that time (a short hold), since those are no idleness.
    pub idle_cpu_per_s: Option<f64>,
    /// How long its threads were ready to run in the window but had no processor, added up, in seconds.
    pub waiting_s: Option<f64>,
    /// Times in the window that a thread had nothing to do and slept.
    pub voluntary_switches: Option<u64>,
    /// Times in the window that a thread lost its processor to another.
    pub involuntary_switches: Option<u64>,
    /// Resident memory before the first listener came, in bytes.
    pub rss_before_bytes: Option<u64>,
    /// Resident memory at the end of the quiet time: every listener connected, nothing said yet, in bytes.
    pub rss_settled_bytes: Option<u64>,
    /// Resident memory at the end of the window, in bytes.
    pub rss_after_bytes: Option<u64>,
    /// Memory that the kernel held, at the end of the window, for what was under way on the server's connections, in bytes. The sockets
    /// themselves, some 2 to 4 kB each, are told nowhere.
    pub socket_buffer_bytes: Option<u64>,
    /// The most that was ever resident until the end of the window, in bytes.
    pub rss_peak_bytes: Option<u64>,
    /// Threads at the end of the window.
    pub threads: Option<u64>,
    /// Connections open at the end of the window: the listeners', the publisher's, and one that asks for these figures.
    pub connections: Option<u64>,
    /// File descriptors open at the end of the window.
    pub open_fds: Option<u64>,
}

/// How the load generator fared in the window: whether what it measured may be its own doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Processor time of all its threads, in seconds, where the system tells.
    pub cpu_s: Option<f64>,
    /// The share of the window that the busiest of the listeners' threads spent on a processor: at 1 it is the limit.
    pub busiest_thread: Option<f64>,
    /// By how much a sleep of 0.1 ms is longer than that, in milliseconds: what the timer by which everything is planned resolves. The median of
    /// some twenty, on the thread that has the most; `None` in results from before it was measured.
    #[serde(default)]
    pub oversleeps_ms: Option<f64>,
    /// Woken − planned, of probes on each of the listeners' threads: what it adds to any delay.
    pub wake_up: Distribution,
}

/// TCP segments of the listeners' connections, on this machine's loopback: a batch of 60 kB is one segment there, and forty on an Ethernet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// Connections that were counted: those open at the end of the window.
    pub connections: u64,
    /// Connections that were open at its start and not at its end: what they did in the window is missing here.
    pub missing: u64,
    /// Segments from the listeners to the server.
    pub to_server: u64,
    /// Segments from the server to the listeners.
    pub to_listener: u64,
    /// Of those to the server, the ones that carried bytes; the rest only acknowledged.
    pub data_to_server: u64,
    /// Of those to the listeners, the same.
    pub data_to_listener: u64,
    /// Sent again, by either side.
    pub retransmitted: u64,
    /// The IP and TCP headers of all segments, in bytes.
    pub header_bytes: u64,
}

/// Little's law: the mean number on their way is the rate times the mean time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Little {
    /// Deliveries on their way from the intended instant to the listener's books, on the mean over the window, as they were counted.
    pub counted: f64,
    /// Deliveries a second times their mean delay and what they waited to be written down.
    pub expected: f64,
    /// The standard error of the difference.
    pub error: f64,
}

/// Counts per step of time, from the start of the warm-up on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Length of a step, in seconds.
    pub step_s: f64,
    /// Steps before the window begins.
    pub warm_up_steps: usize,
    /// Requests sent in each step.
    pub requests: Vec<u64>,
    /// Answers without a message in each step.
    pub empty: Vec<u64>,
    /// Messages heard in each step.
    pub deliveries: Vec<u64>,
    /// When messages were accepted, in seconds from the start of the warm-up.
    pub messages_s: Vec<f64>,
}

/// What went wrong between the load generator and the server; a counter each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// A connection could not be opened.
    pub connect: u64,
    /// A connection ended or broke while it was in use.
    pub broken: u64,
    /// No answer came in the time that one may take.
    pub timed_out: u64,
    /// An answer that the contract does not allow: a body that does not parse, an unknown status.
    pub unexpected: u64,
}

impl Parts {
    /// All bytes of this direction.
    pub fn total(&self) -> u64 {
        self.heads + self.bodies + self.frames
    }
}

impl Ledger {
    /// Whether every message was heard once and in order by everybody.
    pub fn is_clean(&self) -> bool {
        self.lost + self.repeated + self.out_of_order + self.gone == 0 && self.heard == self.expected
    }
}

impl Segments {
    /// Both directions.
    pub fn total(&self) -> u64 {
        self.to_server + self.to_listener
    }
}

impl Little {
    /// Whether both sides of the law agree: within four standard errors, and a hundredth for what neither book is exact in.
    pub fn fits(&self) -> bool {
        (self.counted - self.expected).abs() <= 4.0 * self.error + 0.01 * self.expected
    }
}

impl Failures {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.connect + self.broken + self.timed_out + self.unexpected
    }
}

impl TransportRun {
    /// Server CPU per 1,000 deliveries, in milliseconds; `None` without a delivery or where CPU time is not known.
    pub fn cpu_ms_per_1000_deliveries(&self) -> Option<f64> {
        let deliveries = self.counts.deliveries;
        self.server
            .cpu_s
            .filter(|_| deliveries > 0)
            .map(|cpu_s| cpu_s * 1e6 / deliveries as f64)
    }

    /// Server CPU in the window that its listeners' mere presence does not explain, in seconds; `None` where either is not known.
    pub fn cpu_above_idle_s(&self) -> Option<f64> {
        let idle_s = self.server.idle_cpu_per_s? * self.window_s;
        // Both are measured, so the rest of next to nothing can come out below it.
        self.server.cpu_s.map(|cpu_s| (cpu_s - idle_s).max(0.0))
    }
}
