//! What is measured: one row of the table each.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use talkplace::load::{Peer, Phase, Progress, Settings, Target, run_with};
use talkplace::protocol::Transport;
use talkplace::results::{Arrivals, Distribution, Scenario, TransportRun};
use tokio_util::sync::CancellationToken;

use crate::process::rss_bytes;

/// One kind of work.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) goal: &'static str,
    transport: Transport,
    listeners: u32,
    /// Nobody speaks in the window when it is zero.
    rate_per_s: f64,
}

/// The table that is to be filled.
pub(crate) const ROWS: &[Row] = &[
    rest("15,000 WebSockets at rest", Transport::Websocket, "< 4,000 B; < 1 ms"),
    rest("15,000 event streams at rest", Transport::Events, "< 4,000 B; < 1 ms"),
    rest("15,000 long polls at rest", Transport::LongPoll, "< 1 ms"),
    busy("WebSocket, 1,000 listeners, 100 msg/s", Transport::Websocket),
    busy("events, 1,000 listeners, 100 msg/s", Transport::Events),
];

const fn rest(name: &'static str, transport: Transport, goal: &'static str) -> Row {
    Row {
        name,
        goal,
        transport,
        listeners: 15_000,
        rate_per_s: 0.0,
    }
}

const fn busy(name: &'static str, transport: Transport) -> Row {
    Row {
        name,
        goal: "100,000/s; < 1 ms",
        transport,
        listeners: 1_000,
        rate_per_s: 100.0,
    }
}

/// How much of everything.
#[derive(Clone, Copy)]
pub(crate) enum Size {
    Full,
    Small,
}

/// A row as the process that measures it is told.
#[derive(Serialize, Deserialize)]
pub(crate) struct Job {
    server: SocketAddr,
    scenario: Scenario,
}

impl Row {
    /// Whether nobody speaks: then it takes long, as heartbeats come seldom, and once is enough.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.rate_per_s == 0.0
    }

    pub(crate) fn job(&self, size: Size, server: SocketAddr) -> Job {
        let (window_s, divisor) = match size {
            Size::Small => (0.3, 50),
            // As long as a heartbeat of each kind takes to come round.
            Size::Full if self.is_at_rest() => (30.0, 1),
            Size::Full => (10.0, 1),
        };
        let duration = Duration::from_secs_f64(window_s);
        let warm_up = duration / 10;
        let scenario = Scenario {
            lab: "generator".to_owned(),
            transports: vec![self.transport],
            listeners: self.listeners / divisor,
            duration,
            warm_up,
            arrivals: Arrivals::Constant,
            // At rest the next message is due long after the run.
            rate_per_s: self.rate_per_s.max(1e-3),
            rtt: Duration::ZERO,
            ..Scenario::default()
        };
        Job { server, scenario }
    }
}

/// What a measurement gives.
#[derive(Serialize, Deserialize)]
pub(crate) struct Figures {
    deliveries_per_s: f64,
    /// Of one processor, in percent: all threads of the generator together.
    cpu_percent: f64,
    /// The same of the server.
    server_percent: f64,
    /// Woken − planned, of the listeners' thread.
    woken_ms: [f64; 2],
    /// Sent − intended, of the publisher's; `None` when nothing was said.
    sent_ms: Option<[f64; 2]>,
    bytes_a_listener: f64,
    /// Owed and not heard, heard twice, or out of order; not sent, or not accepted.
    faults: u64,
}

impl Figures {
    pub(crate) const NAMES: [&str; 7] = [
        "deliveries/s recorded",
        "generator, % of a processor",
        "server, %",
        "woken late, median and p99, ms",
        "sent late, median and p99, ms",
        "B a listener",
        "faults in the ledger",
    ];

    /// The cells of a line, medians over the rounds; faults are added up.
    pub(crate) fn medians(rounds: &[Figures]) -> [String; 7] {
        let median = |figure: &dyn Fn(&Figures) -> f64| {
            let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        let faults: u64 = rounds.iter().map(|round| round.faults).sum();
        let pair = |figure: &dyn Fn(&Figures) -> [f64; 2]| {
            format!(
                "{:.2}, {:.2}",
                median(&|round| figure(round)[0]),
                median(&|round| figure(round)[1])
            )
        };
        [
            format!("{:.0}", median(&|round| round.deliveries_per_s)),
            format!("{:.1}", median(&|round| round.cpu_percent)),
            format!("{:.1}", median(&|round| round.server_percent)),
            pair(&|round| round.woken_ms),
            match rounds.iter().all(|round| round.sent_ms.is_some()) {
                true => pair(&|round| round.sent_ms.unwrap_or_default()),
                false => "–".to_owned(),
            },
            format!("{:.0}", median(&|round| round.bytes_a_listener)),
            faults.to_string(),
        ]
    }
}

impl Job {
    /// Measures with this process.
    pub(crate) fn measure(&self) -> io::Result<Figures> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // What the first listeners cost is the program's own: code that is read in, and what is set up once.
        let first = Scenario {
            listeners: 64.min(self.scenario.listeners),
            duration: Duration::from_millis(200),
            warm_up: Duration::ZERO,
            ..self.scenario.clone()
        };
        runtime.block_on(self.run(&first, &|_| {}))?;
        let own = std::process::id();
        let before = rss_bytes(own);
        let most = AtomicU64::new(0);
        let look = |progress: Progress| {
            if progress.phase == Phase::Window {
                most.fetch_max(rss_bytes(own), Ordering::Relaxed);
            }
        };
        let run = runtime.block_on(self.run(&self.scenario, &look))?;
        let grown = most.into_inner().saturating_sub(before);
        let figures = figures(&run, grown as f64 / f64::from(self.scenario.listeners));
        Ok(figures)
    }

    async fn run(&self, scenario: &Scenario, progress: &(dyn Fn(Progress) + Send + Sync)) -> io::Result<TransportRun> {
        let settings = Settings {
            listener_threads: NonZeroUsize::new(1),
            quiet: Duration::ZERO,
            ..Settings::default()
        };
        let target = Target::Running(Peer::from(self.server));
        let stop = CancellationToken::new();
        run_with(&settings, scenario, scenario.transports[0], 1, &target, progress, &stop)
            .await
            .map_err(io::Error::other)
    }
}

fn figures(run: &TransportRun, bytes_a_listener: f64) -> Figures {
    let percent = |cpu_s: Option<f64>| cpu_s.expect("Linux tells") / run.window_s * 100.0;
    let quantiles = |times: &Distribution| Some([times.quantile_ms(0.5)?, times.quantile_ms(0.99)?]);
    let generator = run.generator.as_ref().expect("a run watches its generator");
    let (ledger, publishing) = (&run.ledger, &run.publishing);
    let heard_amiss = ledger.lost + ledger.repeated + ledger.out_of_order + ledger.gone;
    Figures {
        deliveries_per_s: run.counts.deliveries as f64 / run.window_s,
        cpu_percent: percent(generator.cpu_s),
        server_percent: percent(run.server.cpu_s),
        woken_ms: quantiles(&generator.wake_up).expect("it is woken now and then"),
        sent_ms: quantiles(&publishing.lag),
        bytes_a_listener,
        faults: heard_amiss + publishing.failed + publishing.missed,
    }
}
