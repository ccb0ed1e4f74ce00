//! Listeners: one file per transport, each a loop over a cursor for as long as one connection lives.
//!
//! What they share is here: how they connect, what they do with a message, and what they do after a failure. They
//! never end by themselves; their thread drops them when the run is over.

mod cookie;
mod events;
mod http;
mod nchan;
mod poll;
mod sse;
mod unguarded;
mod websocket;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::heard::{self, Delivery, Gone, Heard, Said};
use super::link::{Arrival, Link};
use super::recorder::{Failure, Plan, SharedRecorder};
use super::socket::Socket;
use super::tap::{SharedRecording, Tap};
use super::target::Peer;
use super::timer::Timer;
use crate::protocol::{Cursor, Transport};
use crate::results::Scenario;

/// The pause after a first failure; it doubles with each further one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the listeners of one thread share.
pub(crate) struct Bench {
    /// The server.
    pub(crate) peer: Arc<Peer>,
    /// How they listen.
    pub(crate) transport: Transport,
    /// The knobs.
    pub(crate) scenario: Scenario,
    /// The run.
    pub(crate) plan: Arc<Plan>,
    /// When the thread began: what the fixed timers of its short polls are counted from.
    pub(crate) began: Instant,
    /// The thread's timer.
    pub(crate) timer: Timer,
    /// The thread's counts.
    pub(crate) recorder: SharedRecorder,
    /// How many connections may be opened at a time.
    pub(crate) connects: Semaphore,
    /// How long any answer may take beyond what the request itself allows.
    pub(crate) patience: Duration,
}

/// Somebody who hears the feed.
pub(crate) struct Listener {
    bench: Rc<Bench>,
    /// Its place in the recorder.
    place: usize,
    /// Where in the interval it polls, as a share of it.
    phase: f64,
    /// What it has heard.
    cursor: Cursor,
    /// The same as nchan has it.
    place_in_nchan: nchan::Place,
    /// Whether it was ever served.
    is_ready: bool,
    /// Failures since it was last served.
    setbacks: u32,
    /// What its requests say of who it is.
    cookie: Option<HeaderValue>,
    /// Keeps what crosses its connections, if anything does.
    recording: Option<SharedRecording>,
}

/// Why a listener has to connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Something went wrong, which is counted.
    Failed(Failure),
    /// The server refused, which is counted as its answer; or the feed was gone, which is in the ledger.
    Refused,
    /// The server closed a connection that nobody was using. That is its right.
    Idle,
}

/// A listener's time on one connection: it goes on until something ends it.
type Attendance = Result<Infallible, End>;

/// What a listener's connection runs over.
type Wire = Link<Tap<Socket>>;

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

impl Bench {
    /// Opens a connection, and with it what tells when things come; it takes one round trip of the link: SYN and SYN-ACK are half of it each.
    async fn connect(&self, recording: Option<&SharedRecording>) -> Result<(Wire, Arrival), Failure> {
        let one_way = self.scenario.one_way();
        self.wait(one_way).await;
        let stream = {
            let _permit = self.connects.acquire().await.expect("it is never closed");
            let connected = self
                .timer
                .within(self.patience, TcpStream::connect(self.peer.address))
                .await;
            connected
                .map_err(|_| Failure::TimedOut)?
                .map_err(|_| Failure::Connect)?
        };
        self.recorder.borrow_mut().connection(Instant::now());
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        if let Ok(ours) = stream.local_addr() {
            self.plan.tally.ports().insert(ours.port());
        }
        self.wait(one_way).await;
        if let Some(recording) = recording {
            recording.borrow_mut().connected(Instant::now());
        }
        let arrival = Arrival::new();
        let socket = Socket::new(stream, arrival.clone());
        let tapped = Tap::new(socket, arrival.clone(), Rc::clone(&self.recorder), recording.cloned());
        let link = Link::new(tapped, one_way, &self.timer, arrival.clone(), recording.cloned());
        Ok((link, arrival))
    }

    async fn wait(&self, length: Duration) {
        if !length.is_zero() {
            self.timer.sleep(length).await;
        }
    }

    /// How long an answer may take that the server does not hold back.
    fn patience(&self) -> Duration {
        self.patience + self.scenario.rtt
    }
}

impl Listener {
    /// One that has not connected yet.
    pub(crate) fn new(bench: Rc<Bench>, place: usize, phase: f64, recording: Option<SharedRecording>) -> Listener {
        let mark = bench.plan.mark.as_deref();
        Listener {
            cursor: bench.plan.base,
            place_in_nchan: mark.map_or_else(Vec::new, |mark| nchan::place(bench.transport, mark)),
            bench,
            place,
            phase,
            is_ready: false,
            setbacks: 0,
            cookie: None,
            recording,
        }
    }

    /// Listens for ever, over as many connections as it takes.
    pub(crate) async fn listen(mut self) -> Infallible {
        self.cookie = Box::pin(cookie::cookie(&self.bench)).await;
        loop {
            // Boxed, so that a listener is as large as its own transport needs and not as the largest.
            let attendance = match self.bench.transport {
                Transport::Poll => Box::pin(poll::attend(&mut self, poll::Kind::Short)).await,
                Transport::LongPoll => Box::pin(poll::attend(&mut self, poll::Kind::Long)).await,
                Transport::Events => Box::pin(events::attend(&mut self)).await,
                Transport::Websocket => Box::pin(websocket::attend(&mut self)).await,
            };
            let Err(end) = attendance;
            if let End::Failed(failure) = end {
                self.bench.recorder.borrow_mut().failure(failure);
            }
            if end != End::Idle {
                self.pause().await;
            }
        }
    }

    /// It has been refused. Somebody who was never served may be waited for in vain.
    fn refused(&mut self, status: StatusCode, now: Instant) {
        self.bench.recorder.borrow_mut().refusal(status.as_u16(), now);
        if !self.is_ready && self.setbacks == 0 {
            self.bench.plan.tally.turned_away.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It has been answered: that is what the engine waits for before it starts the clock.
    fn served(&mut self) {
        self.setbacks = 0;
        if !self.is_ready {
            self.is_ready = true;
            self.bench.plan.tally.ready.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits longer after each failure in a row; by half as much again, or not, so that listeners that were cut off together do not come back together.
    async fn pause(&mut self) {
        let pause = SHORTEST_PAUSE
            .saturating_mul(1 << self.setbacks.min(10))
            .min(LONGEST_PAUSE);
        self.setbacks = self.setbacks.saturating_add(1);
        self.bench.timer.sleep(pause.mul_f64(1.0 + self.phase / 2.0)).await;
    }

    /// Takes a message in. One that is none of the run's is counted as unexpected, and the cursor moves past it all the same.
    fn hear(&mut self, heard: &Heard<'_>, now: Instant) -> Result<(), Failure> {
        let cursor: Cursor = heard.id.parse().map_err(|_| Failure::Unexpected)?;
        self.cursor = cursor;
        self.record(
            Delivery {
                cursor,
                index: heard::index(&heard.text),
                at_us: Some(heard.at),
            },
            now,
        );
        Ok(())
    }

    /// Takes a message in that comes as its bare text, and tells what it was.
    fn hear_bare(&mut self, text: &str, now: Instant) -> Said {
        let feed = self.bench.plan.base.feed;
        let said = heard::said(text, feed);
        let index = match said {
            Said::Load(index) => Some(index),
            Said::Other => None,
            Said::Greeting => return said,
        };
        let seq = index.map_or(0, heard::seq_of);
        self.record(
            Delivery {
                cursor: Cursor { feed, seq },
                index,
                at_us: None,
            },
            now,
        );
        said
    }

    fn record(&self, delivery: Delivery, now: Instant) {
        let mut recorder = self.bench.recorder.borrow_mut();
        if let Err(failure) = recorder.hear(self.place, delivery, now) {
            recorder.failure(failure);
        }
    }

    /// The feed no longer keeps what follows the cursor: starts again at the oldest message kept.
    fn gone(&mut self, said: &[u8]) -> Result<(), Failure> {
        self.bench.recorder.borrow_mut().gone();
        let gone: Gone = serde_json::from_slice(said).map_err(|_| Failure::Unexpected)?;
        self.cursor = gone.cursor().ok_or(Failure::Unexpected)?;
        Ok(())
    }
}
