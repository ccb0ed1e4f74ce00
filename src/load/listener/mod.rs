//! Listeners: one file per transport, each a loop over a cursor for as long as one connection lives.
//!
//! What they share is here: how they connect, what they do with a message, and what they do after a failure. They
//! never end by themselves; their thread drops them when the run is over.

mod events;
mod http;
mod poll;
mod sse;
mod unguarded;
mod websocket;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::heard::{Gone, Heard};
use super::link::{Arrival, Link};
use super::recorder::{Failure, Plan, SharedRecorder};
use super::schedule;
use super::socket::Socket;
use super::storm::Absence;
use super::tap::{SharedRecording, Tap};
use super::timer::Timer;
use crate::protocol::{Cursor, Transport};
use crate::results::Scenario;

/// What the listeners of one thread share.
pub(crate) struct Bench {
    /// The server.
    pub(crate) server: SocketAddr,
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

/// One of the listeners.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    /// Its number in the run, from 0.
    pub(crate) number: usize,
    /// Its place in the recorder of its thread.
    pub(crate) place: usize,
    /// Where in the interval it polls, as a share of it.
    pub(crate) phase: f64,
}

/// Somebody who hears the feed.
pub(crate) struct Listener {
    bench: Rc<Bench>,
    who: Who,
    /// What it has heard.
    cursor: Cursor,
    /// Whether it was ever served.
    is_ready: bool,
    /// Whether it was served since it last came (back): a long poll asks without a hold until then.
    is_proven: bool,
    /// What it goes through when its server goes away.
    absence: Absence,
    /// Failures since it was last served.
    setbacks: u32,
    /// How often it has waited to come back.
    pauses: u32,
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
        self.recorder.borrow_mut().tried(Instant::now());
        let stream = {
            let _permit = self.connects.acquire().await.expect("it is never closed");
            self.timer.within(self.patience, TcpStream::connect(self.server)).await
        };
        let Ok(Ok(stream)) = stream else {
            self.recorder.borrow_mut().refused(Instant::now());
            // A refusal has to come back, too.
            self.wait(one_way).await;
            let failure = if stream.is_err() {
                Failure::TimedOut
            } else {
                Failure::Connect
            };
            return Err(failure);
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
    pub(crate) fn new(bench: Rc<Bench>, who: Who, recording: Option<SharedRecording>) -> Listener {
        Listener {
            cursor: bench.plan.base,
            bench,
            who,
            is_ready: false,
            is_proven: false,
            absence: Absence::None,
            setbacks: 0,
            pauses: 0,
            recording,
        }
    }

    /// Listens for ever, over as many connections as it takes.
    pub(crate) async fn listen(mut self) -> Infallible {
        loop {
            // Boxed, so that a listener is as large as its own transport needs and not as the largest.
            let attendance = match self.bench.transport {
                Transport::Poll => Box::pin(poll::attend(&mut self, poll::Kind::Short)).await,
                Transport::LongPoll => Box::pin(poll::attend(&mut self, poll::Kind::Long)).await,
                Transport::Events => Box::pin(events::attend(&mut self)).await,
                Transport::Websocket => Box::pin(websocket::attend(&mut self)).await,
            };
            let Err(end) = attendance;
            self.ended(end, Instant::now());
            if end != End::Idle {
                self.pause().await;
            }
        }
    }

    /// A connection has ended, or came to nothing. What the end of the server does to its connections is no failure of theirs.
    fn ended(&mut self, end: End, now: Instant) {
        let mut recorder = self.bench.recorder.borrow_mut();
        if self.absence == Absence::None && recorder.since_outage(now).is_some() {
            self.absence = Absence::Away(now);
            recorder.storm.cut();
        }
        match (end, self.absence) {
            (End::Failed(Failure::Connect | Failure::Broken), Absence::Away(_)) => {}
            (End::Failed(failure), _) => recorder.failure(failure),
            (End::Refused | End::Idle, _) => {}
        }
        // A connection that nobody was using is opened again and goes on as before.
        self.is_proven &= end == End::Idle;
    }

    /// It has been answered: that is what the engine waits for before it starts the clock.
    fn served(&mut self, now: Instant) {
        self.setbacks = 0;
        self.is_proven = true;
        if let Absence::Away(since) = self.absence {
            let mut recorder = self.bench.recorder.borrow_mut();
            let in_outage = recorder.since_outage(now).unwrap_or_default();
            recorder.storm.back(in_outage, now.saturating_duration_since(since));
            self.absence = Absence::Deaf(since);
        }
        if !self.is_ready {
            self.is_ready = true;
            self.bench.plan.tally.ready.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits before it comes back: longer after each failure in a row, and not as long as the others, so that listeners that were cut
    /// off together do not come back together.
    async fn pause(&mut self) {
        let scenario = &self.bench.scenario;
        let chance = schedule::chance(scenario.seed, self.who.number, self.pauses);
        let pause = scenario.reconnect.pause(self.setbacks, chance);
        self.setbacks = self.setbacks.saturating_add(1);
        self.pauses = self.pauses.wrapping_add(1);
        let due = Instant::now() + pause;
        self.bench.timer.sleep_until(due).await;
        if let Absence::Away(_) = self.absence {
            self.bench.recorder.borrow_mut().storm.late(due.elapsed());
        }
    }

    /// Takes a message in. One that is none of the run's is counted as unexpected, and the cursor moves past it all the same.
    fn hear(&mut self, heard: &Heard<'_>, now: Instant) -> Result<(), Failure> {
        let cursor: Cursor = heard.id.parse().map_err(|_| Failure::Unexpected)?;
        self.cursor = cursor;
        let mut recorder = self.bench.recorder.borrow_mut();
        if let Absence::Deaf(since) = self.absence {
            recorder.storm.hears(now.saturating_duration_since(since));
            self.absence = Absence::Over;
        }
        if let Err(failure) = recorder.hear(self.who.place, cursor, heard, now) {
            recorder.failure(failure);
        }
        Ok(())
    }

    /// The feed no longer keeps what follows the cursor: starts again at the oldest message kept.
    fn gone(&mut self, said: &[u8]) -> Result<(), Failure> {
        self.bench.recorder.borrow_mut().gone();
        let gone: Gone = serde_json::from_slice(said).map_err(|_| Failure::Unexpected)?;
        self.cursor = gone.cursor().ok_or(Failure::Unexpected)?;
        Ok(())
    }
}
