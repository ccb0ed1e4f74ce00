//! Which measured figure feeds which letter of the model.

use crate::model::bytes::{PollBytes, batch_envelope};
use crate::model::{Arrivals, Connection, Exchange, PollTimer};
use crate::protocol::Transport;
use crate::report::entry::Entry;
use crate::results::{self, Publishing, Results, Scenario, ServerWait};

/// Letters of a feed's id: the server draws so many.
const FEED_ID_BYTES: usize = 8;

/// All that the model is told about one entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inputs {
    pub(crate) transport: Transport,
    /// N.
    pub(crate) listeners: f64,
    /// The window, of all rounds together.
    pub(crate) window_s: f64,
    /// The window of one round.
    pub(crate) round_s: f64,
    pub(crate) warm_up_s: f64,
    /// λ, as it was achieved: messages of the window over its length.
    pub(crate) arrivals: Arrivals,
    /// d, from the knob.
    pub(crate) one_way_s: f64,
    /// s, or sw of a stream: the server's CPU time in the window, less what its idle listeners explain, over its requests, or over its deliveries. 0 where it is not known.
    pub(crate) service_s: f64,
    /// Whether the CPU time is known.
    pub(crate) service_is_known: bool,
    /// W: the workers, or the processors, or what a limit leaves of them.
    pub(crate) workers: f64,
    /// The limit by which they are so few, in per cent of one processor.
    pub(crate) limit_percent: Option<f64>,
    /// T.
    pub(crate) interval_s: f64,
    pub(crate) timer: PollTimer,
    /// What a poll has to do before it can leave.
    pub(crate) connection: Connection,
    /// Whether all listeners of short polling ask at once.
    pub(crate) is_aligned: bool,
    /// τ.
    pub(crate) hold_s: f64,
    /// Δ, of a server that looks at its feed now and then instead of being woken.
    pub(crate) look_every_s: Option<f64>,
    /// How long the server was stopped in mid-window.
    pub(crate) stopped_s: f64,
    /// What a request and an answer were made of.
    pub(crate) sizes: PollBytes,
    /// m: a message by itself; `None` without a delivery.
    pub(crate) message_bytes: Option<f64>,
    /// The length of a cursor.
    pub(crate) cursor_bytes: usize,
}

impl Inputs {
    /// `None` where there was no listener or no window.
    pub(crate) fn of(entry: &Entry, results: &Results) -> Option<Self> {
        let (run, scenario) = (&entry.run, &results.scenario);
        if run.listeners == 0 || run.window_s <= 0.0 {
            return None;
        }
        let service_s = service_s(entry);
        let cursor_bytes = FEED_ID_BYTES + 1 + digits(run.publishing.planned);
        Some(Inputs {
            transport: entry.transport(),
            listeners: f64::from(run.listeners),
            window_s: run.window_s,
            round_s: scenario.duration.as_secs_f64(),
            warm_up_s: scenario.warm_up.as_secs_f64(),
            arrivals: arrivals(scenario.arrivals, achieved_in_window(&run.publishing) / run.window_s),
            one_way_s: scenario.one_way().as_secs_f64(),
            service_s: service_s.unwrap_or(0.0),
            service_is_known: service_s.is_some(),
            workers: scenario.server_processors(results.host.cores),
            limit_percent: limit_percent(scenario, results.host.cores),
            interval_s: scenario.poll_interval.as_secs_f64(),
            timer: match scenario.poll_timer {
                results::PollTimer::Fixed => PollTimer::Fixed,
                results::PollTimer::AfterAnswer => PollTimer::AfterAnswer,
                results::PollTimer::Unguarded => PollTimer::Unguarded,
            },
            connection: if scenario.http_keep_alive {
                Connection::Kept
            } else {
                Connection::Tcp
            },
            is_aligned: scenario.poll_phase == results::PollPhase::Aligned,
            hold_s: scenario.long_poll_timeout.as_secs_f64(),
            look_every_s: match scenario.server_wait {
                ServerWait::Sleep(length) => Some(length.as_secs_f64()),
                ServerWait::Woken | ServerWait::Spin | ServerWait::Thread => None,
            },
            stopped_s: scenario.server_stop.as_secs_f64(),
            sizes: sizes(entry, cursor_bytes),
            message_bytes: message_bytes(entry, cursor_bytes),
            cursor_bytes,
        })
    }

    /// What one request takes. The listener asks again at once.
    pub(crate) fn exchange(&self) -> Exchange {
        Exchange {
            one_way_s: self.one_way_s,
            service_s: self.service_s,
            client_s: 0.0,
            connection: self.connection,
        }
    }

    /// Messages in the window, of all rounds together.
    pub(crate) fn messages(&self) -> f64 {
        self.arrivals.rate_per_s() * self.window_s
    }

    /// ρ: the share of their time that the server's processors were busy.
    pub(crate) fn load(&self, entry: &Entry) -> Option<f64> {
        entry
            .run
            .server
            .cpu_s
            .map(|cpu_s| cpu_s / (self.workers * self.window_s))
    }
}

/// A limit of processor time, unless the workers are too few to reach it.
fn limit_percent(scenario: &Scenario, cores: usize) -> Option<f64> {
    let percent = f64::from(scenario.server_cpu_percent);
    (percent > 0.0 && percent / 100.0 <= scenario.server_processors(cores)).then_some(percent)
}

/// Messages of the window, less the share of all that was not accepted.
fn achieved_in_window(publishing: &Publishing) -> f64 {
    let accepted = over(publishing.accepted as f64, publishing.planned).unwrap_or(0.0);
    publishing.planned_in_window as f64 * accepted.min(1.0)
}

fn arrivals(spread: results::Arrivals, rate_per_s: f64) -> Arrivals {
    match spread {
        results::Arrivals::Poisson => Arrivals::Poisson { rate_per_s },
        results::Arrivals::Constant => Arrivals::Constant { rate_per_s },
    }
}

fn service_s(entry: &Entry) -> Option<f64> {
    let counts = &entry.run.counts;
    let pieces = if entry.asks() {
        counts.requests
    } else {
        counts.deliveries
    };
    over(entry.run.cpu_above_idle_s().or(entry.run.server.cpu_s)?, pieces)
}

/// Requests and answers as they were on average. A full answer has headers that an empty one lacks, but older results do not tell them apart.
fn sizes(entry: &Entry, cursor_bytes: usize) -> PollBytes {
    let (run, answers) = (&entry.run, &entry.run.counts.answers);
    let full = answers.with_messages + answers.refused;
    let all_heads = run.bytes_in.heads + run.bytes_in.frames;
    let head = over(all_heads as f64, full + answers.empty).unwrap_or(0.0);
    let of_empty = run.bytes_in.empty_heads;
    let empty_head = over(of_empty as f64, answers.empty).filter(|head| *head > 0.0);
    let full_head = match empty_head {
        Some(_) => over((all_heads - of_empty) as f64, full),
        None => None,
    };
    PollBytes {
        request: over(run.bytes_out.total() as f64, run.counts.requests).unwrap_or(0.0),
        empty_answer: empty_head.unwrap_or(head),
        full_answer: full_head.unwrap_or(head) + batch_envelope(cursor_bytes) as f64,
    }
}

/// What is left of the bodies when their wrapping is taken off, over the messages in them.
///
/// Those of a stream are its frames: one that came again has bytes, too, but is no delivery.
fn message_bytes(entry: &Entry, cursor_bytes: usize) -> Option<f64> {
    let (counts, bodies) = (&entry.run.counts, entry.run.bytes_in.bodies as f64);
    let full = counts.answers.with_messages as f64;
    let (wrapping, messages) = match entry.transport() {
        Transport::Poll | Transport::LongPoll => (
            full * batch_envelope(cursor_bytes) as f64 + (counts.deliveries as f64 - full).max(0.0),
            counts.deliveries,
        ),
        Transport::Events => (counts.frames as f64 * event_lines(cursor_bytes), counts.frames),
        Transport::Websocket => (0.0, counts.frames),
    };
    over((bodies - wrapping).max(0.0), messages)
}

/// `id: …`, `data: …` and the empty line, the message aside.
pub(super) fn event_lines(cursor_bytes: usize) -> f64 {
    ("id: \ndata: \n\n".len() + cursor_bytes) as f64
}

fn over(whole: f64, pieces: u64) -> Option<f64> {
    (pieces > 0).then(|| whole / pieces as f64)
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}
