//! The server: one feed, several ways to hear it.
//!
//! ```text
//! accept → worker → connection → router → sign-in, publish, transport → feed
//! ```
//!
//! [`bind`] opens sockets, [`run`] serves on them until it is told to end. A connection is accepted by one of a few worker
//! threads and stays there; what its tasks share with others of the worker needs no lock, and what workers share is the
//! feed, counters, and the books on who may still publish.

mod accept;
mod address;
mod again;
mod answer;
mod beat;
mod behind;
mod blocked;
mod config;
mod connection;
mod fanout;
mod frame_head;
mod framing;
mod idempotency;
mod labs;
mod metrics;
mod origin;
mod page;
mod process;
mod publish;
mod queued;
mod rate;
mod request;
mod router;
mod sign_in;
mod specimen;
mod transport;
mod wire;
mod worker;

pub use accept::bind;
pub use config::{Config, Limits, Publishing};
pub use labs::{Knob, Lab, Labs};
pub use origin::{Origin, OriginError};
pub use sign_in::{SigningKey, WeakKey};
pub use specimen::Waiting;

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::feed::Feed;
use accept::Door;
use address::Visits;
use idempotency::Idempotency;
use labs::Desk;
use metrics::Metrics;
use rate::Rate;
use sign_in::SignIn;
use worker::Entrance;

/// What all workers share.
struct Server {
    config: Config,
    feed: Feed,
    metrics: Metrics,
    sign_in: SignIn,
    address_rate: Rate<IpAddr>,
    visitor_rate: Rate<u64>,
    /// Places for held polls.
    places: Arc<Semaphore>,
    idempotency: Idempotency,
    /// Where held polls block, in the way of a specimen.
    threads: specimen::Threads,
    /// Where the workers are asked how far their listeners are; empty until they have started.
    questions: OnceLock<Vec<mpsc::Sender<behind::Question>>>,
    /// Where labs are run from the page, when they may be.
    desk: Option<Desk>,
    /// Cancelled when the server begins to shut down. By then the feed is closed: whoever sees this and has heard everything may end.
    draining: CancellationToken,
}

/// [`run_with`] a new feed in memory.
///
/// # Errors
/// When a socket cannot be served, or the system gives no thread.
pub async fn run(sockets: Vec<TcpListener>, config: Config, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    run_with(Feed::new(config.keep), sockets, config, shutdown).await
}

/// Serves the feed on the sockets until `shutdown` completes, then drains: what was accepted is delivered, held polls are
/// answered, streams are closed, and new requests are refused. What has not ended after the drain timeout is cut.
///
/// Dropping the future cuts every connection.
///
/// # Errors
/// When a socket cannot be served, or the system gives no thread.
pub async fn run_with(
    feed: Feed,
    sockets: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let drain_timeout = config.drain_timeout;
    let limits = config.limits;
    let visits = (!config.trust_proxy).then(|| Visits::new(limits.connections_per_address));
    let threads = worker_count(config.workers);
    let server = Arc::new(Server::new(feed, config));
    let kill = CancellationToken::new();
    // Also when this future is dropped: no thread goes on serving for a server that is gone.
    let _kill_on_drop = kill.clone().drop_guard();

    let mut entrances: Vec<Vec<TcpListener>> = std::iter::repeat_with(Vec::new).take(threads).collect();
    for socket in sockets {
        let each = accept::for_each(threads, socket)?;
        entrances
            .iter_mut()
            .zip(each)
            .for_each(|(entrance, socket)| entrance.push(socket));
    }
    let (mut workers, mut questions) = (Vec::new(), Vec::new());
    let mut ends = JoinSet::new();
    for n in 0..threads {
        let (sender, receiver) = oneshot::channel();
        workers.push(sender);
        let (ready, is_ready) = oneshot::channel();
        let (question, asked) = behind::questions();
        questions.push(question);
        let jobs = worker::Jobs {
            entrance: receiver,
            asked,
        };
        ends.spawn(spawn_worker(n, Arc::clone(&server), jobs, kill.clone(), ready)?);
        // Connections would take the files that the next worker needs to start. One that cannot start has ended, below.
        let _ = is_ready.await;
    }
    // Nobody else sets it.
    let _ = server.questions.set(questions);
    let door = Door::new(&limits, visits);
    for (worker, sockets) in workers.into_iter().zip(entrances) {
        let door = door.clone();
        // One that has ended is met with below.
        let _ = worker.send(Entrance { door, sockets });
    }

    tokio::select! {
        () = shutdown => {}
        // None ends by itself: one that does has failed.
        Some(ended) = ends.join_next() => return ended.unwrap_or_else(|panic| Err(io::Error::other(panic))),
    }
    info!("draining");
    let end = Instant::now() + drain_timeout;
    // Whoever is told that the server ends may end with what it has heard: by then everything is in the feed.
    if tokio::time::timeout_at(end, server.feed.finish()).await.is_err() {
        warn!("drain timeout: the disk has not taken everything");
    }
    server.draining.cancel();
    if let Some(desk) = &server.desk {
        desk.end();
    }
    let drained = async {
        let all_ended = async { while ends.join_next().await.is_some() {} };
        if tokio::time::timeout_at(end, all_ended).await.is_err() {
            info!("drain timeout: cutting what is left");
            kill.cancel();
            while ends.join_next().await.is_some() {}
        }
    };
    let run_ended = async {
        if let Some(desk) = &server.desk {
            desk.ended(drain_timeout).await;
        }
    };
    tokio::join!(drained, run_ended);
    Ok(())
}

impl Server {
    /// The page of the metrics.
    async fn metrics_page(&self) -> Vec<u8> {
        let workers = self.questions.get().map(Vec::as_slice).unwrap_or_default();
        let furthest = behind::furthest(workers).await;
        self.metrics.page(&self.feed, &furthest)
    }

    fn new(feed: Feed, config: Config) -> Self {
        let key = config.signing_key.clone().unwrap_or_else(SigningKey::random);
        let publishing = config.publishing;
        let idempotency = Idempotency::new(publishing.remember, publishing.remember_at_most);
        let places = config.limits.held_polls.unwrap_or(Semaphore::MAX_PERMITS);
        idempotency.restore(feed.labels(), std::time::Instant::now());
        Server {
            metrics: Metrics::new(&feed),
            feed,
            sign_in: SignIn::new(key, config.former_signing_key.clone()),
            address_rate: Rate::new(publishing.rate_per_s),
            visitor_rate: Rate::new(publishing.visitor_rate_per_s),
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            idempotency,
            threads: specimen::Threads::default(),
            questions: OnceLock::new(),
            desk: config.labs.clone().map(Desk::new),
            draining: CancellationToken::new(),
            config,
        }
    }
}

/// Starts a worker's thread; what is given completes when the thread ends.
fn spawn_worker(
    n: usize,
    server: Arc<Server>,
    jobs: worker::Jobs,
    kill: CancellationToken,
    ready: oneshot::Sender<()>,
) -> io::Result<impl Future<Output = io::Result<()>> + Send + 'static> {
    let (report, ended) = oneshot::channel();
    std::thread::Builder::new().name(format!("worker-{n}")).spawn(move || {
        let result = worker::work(&server, jobs, &kill, ready);
        // Nobody is left to hear it when `run` was dropped.
        let _ = report.send(result);
    })?;
    Ok(async {
        ended
            .await
            .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
    })
}

fn worker_count(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        asked => asked,
    }
}
