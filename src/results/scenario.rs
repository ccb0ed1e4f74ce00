mod ladder;
mod network;
mod reconnect;
mod restart;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Between, Check, ServerWait};
use crate::protocol::Transport;
pub use ladder::{Begin, LadderKnobs};
pub use network::{Blocking, Network};
pub use reconnect::{Reconnect, Share};
pub use restart::{RestartBy, RestartKnobs};

/// Every knob of a run, resolved: what the lab says, with what the command line changed.
///
/// It is plain data: [`lab`](crate::lab) reads it from TOML and checks it, [`load`](crate::load) obeys it, and it is
/// kept in the results so that a run can be repeated. Durations are written in seconds.
// A knob that is younger than the file has the value that nobody could turn then: its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scenario {
    /// The lab's short name: `three-ways`.
    pub lab: String,
    /// What the lab is called.
    pub title: String,
    /// The one question that it answers.
    pub question: String,
    /// Which transports are measured, in this order.
    pub transports: Vec<Transport>,
    /// How many listeners each of them has.
    pub listeners: u32,
    /// Where the schedule of messages and the phases of the listeners come from.
    pub seed: u64,
    /// How long is counted.
    #[serde(rename = "duration_s", with = "seconds")]
    pub duration: Duration,
    /// How long messages flow before anything is counted.
    #[serde(rename = "warm_up_s", with = "seconds")]
    pub warm_up: Duration,
    /// How long the listeners may take after the last send to hear what is still on its way.
    #[serde(rename = "drain_s", with = "seconds")]
    pub drain: Duration,
    /// Messages a second in the feed, all publishers together.
    pub rate_per_s: f64,
    /// Deliveries a second to all listeners together, where the rate follows from them; zero where it was given itself.
    #[serde(skip_serializing_if = "is_zero")]
    pub deliveries_per_s: f64,
    /// How they are spread.
    pub arrivals: Arrivals,
    /// Length of a message's text.
    pub text_bytes: u32,
    /// Round-trip time of the link between the listeners and the server: half of it each way, all of it before a new connection's first byte.
    #[serde(rename = "rtt_s", with = "seconds")]
    pub rtt: Duration,
    /// What stands between that link and the server.
    #[serde(skip_serializing_if = "Between::is_nothing")]
    pub between: Between,
    /// Polls: whether a connection is kept from request to request; without that each request opens one of its own, which costs a round trip.
    pub http_keep_alive: bool,
    /// Length of the `Cookie` that the listeners’ requests carry, in bytes: from 128 on they are signed in, and 0 is none at all.
    pub http_cookie_bytes: u32,
    /// Short polling: from one request to the next, or from an answer to the next request, as the timer says.
    #[serde(rename = "poll_interval_s", with = "seconds")]
    pub poll_interval: Duration,
    /// Short polling: what the interval is counted from.
    pub poll_timer: PollTimer,
    /// Short polling: when within the interval each listener asks.
    pub poll_phase: PollPhase,
    /// Long polling: how long the server may hold a request.
    #[serde(rename = "long_poll_timeout_s", with = "seconds")]
    pub long_poll_timeout: Duration,
    /// The server's worker threads; 0 is one per processor.
    pub server_workers: u32,
    /// How many messages the server keeps for listeners that come back.
    pub server_keep_messages: u32,
    /// How long the server is stopped in the middle of the window; zero is not at all. It shows what a stall does to the delays, and to whoever measures them.
    #[serde(rename = "server_stop_s", with = "seconds")]
    pub server_stop: Duration,
    /// How much of one processor the server may use, in percent, as a container's limit would have it; 0 is all that it can get.
    pub server_cpu_percent: u32,
    /// How the server waits for the next message while it holds a long poll; all but the first way are specimens of how not to.
    pub server_wait: ServerWait,
    /// How the server is restarted in the middle of the window, if it is.
    pub restart: RestartKnobs,
    /// How listeners come back after a failure.
    pub reconnect: Reconnect,
    /// What stands between them and the server.
    pub network: Network,
    /// How they take another transport when theirs does not work, if they do.
    pub ladder: LadderKnobs,
    /// How often each transport is measured, in turn with the others: A B C A B C.
    pub repeat: u32,
    /// What the run is claimed to show.
    pub checks: Vec<Check>,
}

/// How the instants of a schedule are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Independent of one another, exponential gaps: people who do not know of each other.
    Poisson,
    /// One every 1/rate: a sensor.
    Constant,
}

/// What short polling's interval is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PollTimer {
    /// From request to request, with one in flight at most: a tick that finds the last answer missing is left out (`setInterval` with a guard).
    Fixed,
    /// From the answer to the next request (`setTimeout` in the answer's handler).
    AfterAnswer,
    /// From request to request, whether the last answer is there or not (`setInterval` as it comes): the cursor stands still
    /// until it is, so that messages are asked for again, each time over a further connection.
    Unguarded,
}

/// When within the interval the listeners of short polling ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PollPhase {
    /// Each at an instant of its own, drawn from the seed.
    Random,
    /// All at the same: the herd that a page makes whose timer starts with a common event.
    Aligned,
}

impl Scenario {
    /// Whether the rate is what the deliveries come to, and no knob of its own.
    pub fn is_rated_by_deliveries(&self) -> bool {
        self.deliveries_per_s > 0.0
    }

    /// Makes the rate what the deliveries come to, if any are asked for: each message is one to each listener.
    pub fn settle_rate(&mut self) {
        if self.is_rated_by_deliveries() {
            self.rate_per_s = self.deliveries_per_s / f64::from(self.listeners.max(1));
        }
    }

    /// From the first send to the last: the warm-up and the counted window.
    pub fn sending(&self) -> Duration {
        self.warm_up + self.duration
    }

    /// Processors that the server may use on a machine with so many: a worker takes one, and a limit may leave less.
    pub fn server_processors(&self, cores: usize) -> f64 {
        let workers = match self.server_workers {
            0 => cores.max(1) as f64,
            workers => f64::from(workers),
        };
        match self.server_cpu_percent {
            0 => workers,
            percent => workers.min(f64::from(percent) / 100.0),
        }
    }

    /// Where in the run the server goes away for so long: in the middle of the window, from the start of the warm-up on.
    pub fn middle(&self, length: Duration) -> Duration {
        self.warm_up + self.duration.saturating_sub(length) / 2
    }

    /// The delay of one direction of the link.
    pub fn one_way(&self) -> Duration {
        self.rtt / 2
    }
}

/// What a scenario says about a knob that it does not mention: a small chat over an ordinary link.
impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            lab: String::new(),
            title: String::new(),
            question: String::new(),
            transports: vec![Transport::Poll, Transport::LongPoll, Transport::Websocket],
            listeners: 200,
            seed: 1,
            duration: Duration::from_secs(20),
            warm_up: Duration::from_secs(2),
            drain: Duration::from_secs(5),
            rate_per_s: 0.5,
            deliveries_per_s: 0.0,
            arrivals: Arrivals::Poisson,
            text_bytes: 64,
            rtt: Duration::from_millis(40),
            between: Between::default(),
            http_keep_alive: true,
            http_cookie_bytes: 0,
            poll_interval: Duration::from_secs(1),
            poll_timer: PollTimer::Fixed,
            poll_phase: PollPhase::Random,
            long_poll_timeout: Duration::from_secs(25),
            server_workers: 0,
            server_keep_messages: 10_000,
            server_stop: Duration::ZERO,
            server_cpu_percent: 0,
            server_wait: ServerWait::Woken,
            restart: RestartKnobs::default(),
            reconnect: Reconnect::default(),
            network: Network::default(),
            ladder: LadderKnobs::default(),
            repeat: 1,
            checks: Vec::new(),
        }
    }
}

// serde hands it a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// Durations as seconds, since that is what whoever reads `results.json` calculates with.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
    }
}
