//! Listeners: one file per transport, each a loop over a cursor for as long as one connection lives.
//!
//! What they share is here: how they connect, what they do with a message, and what they do after a failure. They
//! never end by themselves; their thread drops them when the run is over.

mod chunks;
mod cookie;
mod events;
mod head;
mod http;
mod ladder;
mod nchan;
mod poll;
mod sse;
mod unguarded;
mod websocket;

use std::cell::Cell;
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
use super::network::Gate;
use super::recorder::{Failure, Plan, SharedRecorder};
use super::schedule;
use super::socket::Socket;
use super::storm::Absence;
use super::tap::{SharedRecording, Tap};
use super::target::Peer;
use super::timer::Timer;
use crate::protocol::{Cursor, Transport};
use crate::results::Scenario;
use ladder::Opened;

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

/// Somebody who hears the feed, by one transport.
pub(crate) struct Listener {
    bench: Rc<Bench>,
    transport: Transport,
    /// What it has heard by this transport.
    cursor: Cursor,
    /// The same as nchan has it.
    place_in_nchan: nchan::Place,
    /// Whether it was served since it last came (back): a long poll asks without a hold until then.
    is_proven: bool,
    /// Failures since it was last served.
    setbacks: u32,
    /// What its requests say of who it is.
    cookie: Option<HeaderValue>,
    standing: Rc<Standing>,
    /// Who waits to know whether the transport works, where another one could take its place.
    attempt: Option<Rc<Opened>>,
    /// Keeps what crosses its connections, if anything does.
    recording: Option<SharedRecording>,
}

/// What belongs to a listener whatever it listens by.
struct Standing {
    who: Who,
    /// Whether it was ever served.
    is_ready: Cell<bool>,
    /// What it goes through when its server goes away.
    absence: Cell<Absence>,
    /// How often it has waited to come back.
    pauses: Cell<u32>,
    /// What it has heard by all its ways together.
    heard: Cell<Cursor>,
}

/// Why a listener has to connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Something went wrong, which is counted.
    Failed(Failure),
    /// The server refused with this status, which is counted as its answer; or the feed was gone, which is in the ledger.
    Refused(StatusCode),
    /// The server closed a connection that nobody was using. That is its right.
    Idle,
}

/// A listener's time on one connection: it goes on until something ends it.
type Attendance = Result<Infallible, End>;

/// What a listener's connection runs over.
type Wire = Link<Tap<Gate<Socket>>>;

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
            self.timer
                .within(self.patience, TcpStream::connect(self.peer.address))
                .await
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
        let network = &self.scenario.network;
        let gate = Gate::new(socket, network, &self.plan, &self.timer, arrival.clone());
        let tapped = Tap::new(gate, arrival.clone(), Rc::clone(&self.recorder), recording.cloned());
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
        let (base, mark) = (bench.plan.base, bench.plan.mark.as_deref());
        Listener {
            place_in_nchan: mark.map_or_else(Vec::new, |mark| nchan::place(bench.transport, mark)),
            transport: bench.transport,
            bench,
            cursor: base,
            is_proven: false,
            setbacks: 0,
            cookie: None,
            standing: Rc::new(Standing {
                who,
                is_ready: Cell::new(false),
                absence: Cell::new(Absence::None),
                pauses: Cell::new(0),
                heard: Cell::new(base),
            }),
            attempt: None,
            recording,
        }
    }

    /// Listens for ever, over as many connections as it takes.
    pub(crate) async fn listen(mut self) -> Infallible {
        self.cookie = Box::pin(cookie::cookie(&self.bench)).await;
        if self.bench.scenario.ladder.falls_back {
            // Boxed, as few have one and all would keep the room.
            return Box::pin(ladder::walk(self)).await;
        }
        loop {
            let end = self.attend().await;
            self.ended(end, Instant::now());
            if end != End::Idle {
                self.pause().await;
            }
        }
    }

    /// It has been refused. Somebody who was never served may be waited for in vain.
    fn refused(&mut self, status: StatusCode, now: Instant) {
        self.bench.recorder.borrow_mut().refusal(status.as_u16(), now);
        if !self.standing.is_ready.get() && self.setbacks == 0 {
            self.bench.plan.tally.turned_away.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Listens over one connection until something ends it.
    async fn attend(&mut self) -> End {
        // Boxed, so that a listener is as large as its own transport needs and not as the largest.
        let Err(end) = match self.transport {
            Transport::Poll => Box::pin(poll::attend(self, poll::Kind::Short)).await,
            Transport::LongPoll => Box::pin(poll::attend(self, poll::Kind::Long)).await,
            Transport::Events => Box::pin(events::attend(self)).await,
            Transport::Websocket => Box::pin(websocket::attend(self)).await,
        };
        end
    }

    /// A connection has ended, or came to nothing. What the end of the server does to its connections is no failure of theirs.
    fn ended(&mut self, end: End, now: Instant) {
        self.notices(now);
        match (end, self.standing.absence.get()) {
            (End::Failed(Failure::Connect | Failure::Broken), Absence::Away(_)) => {}
            (End::Failed(failure), _) => self.bench.recorder.borrow_mut().failure(failure),
            (End::Refused(_) | End::Idle, _) => {}
        }
        // A connection that nobody was using is opened again and goes on as before.
        self.is_proven &= end == End::Idle;
    }

    /// Notices that the server has gone away, if it has.
    fn notices(&self, now: Instant) {
        let absence = &self.standing.absence;
        let mut recorder = self.bench.recorder.borrow_mut();
        if absence.get() == Absence::None && recorder.since_outage(now).is_some() {
            absence.set(Absence::Away(now));
            recorder.storm.cut();
        }
    }

    /// It has been answered: that is what the engine waits for before it starts the clock.
    fn served(&mut self, now: Instant) {
        self.setbacks = 0;
        self.is_proven = true;
        let standing = &self.standing;
        if let Absence::Away(since) = standing.absence.get() {
            let mut recorder = self.bench.recorder.borrow_mut();
            let in_outage = recorder.since_outage(now).unwrap_or_default();
            recorder.storm.back(in_outage, now.saturating_duration_since(since));
            standing.absence.set(Absence::Deaf(since));
        }
        if !standing.is_ready.replace(true) {
            self.bench.plan.tally.ready.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(attempt) = &self.attempt {
            attempt.open();
        }
    }

    /// Waits before it comes back: longer after each failure in a row, and not as long as the others, so that listeners that were cut
    /// off together do not come back together.
    async fn pause(&mut self) {
        let scenario = &self.bench.scenario;
        let pause = scenario.reconnect.pause(self.setbacks, self.chance());
        self.setbacks = self.setbacks.saturating_add(1);
        let due = Instant::now() + pause;
        self.bench.timer.sleep_until(due).await;
        if let Absence::Away(_) = self.standing.absence.get() {
            self.bench.recorder.borrow_mut().storm.late(due.elapsed());
        }
    }

    /// What chance says about its next wait.
    fn chance(&self) -> f64 {
        let Standing { who, pauses, .. } = &*self.standing;
        let nth = pauses.replace(pauses.get().wrapping_add(1));
        schedule::chance(self.bench.scenario.seed, who.number, nth)
    }

    /// Takes a message in. One that is none of the run's is counted as unexpected, and the cursor moves past it all the same.
    fn hear(&mut self, heard: &Heard<'_>, now: Instant) -> Result<(), Failure> {
        let cursor: Cursor = heard.id.parse().map_err(|_| Failure::Unexpected)?;
        let is_new_here = cursor.seq > self.cursor.seq;
        self.cursor = cursor;
        if self.attempt.is_some() {
            // While one way is left for another, both bring the same; what comes twice by one and the same way is repeated.
            if is_new_here && cursor.seq <= self.standing.heard.get().seq {
                self.bench.recorder.borrow_mut().overlap += 1;
                return Ok(());
            }
            self.standing.heard.set(cursor);
        }
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
        let standing = &self.standing;
        let mut recorder = self.bench.recorder.borrow_mut();
        if let Absence::Deaf(since) = standing.absence.get() {
            recorder.storm.hears(now.saturating_duration_since(since));
            standing.absence.set(Absence::Over);
        }
        if let Err(failure) = recorder.hear(standing.who.place, delivery, now) {
            recorder.failure(failure);
        }
    }

    /// The feed no longer keeps what follows the cursor: starts again at the oldest message kept.
    fn gone(&mut self, said: &[u8]) -> Result<(), Failure> {
        self.bench.recorder.borrow_mut().gone();
        let gone: Gone = serde_json::from_slice(said).map_err(|_| Failure::Unexpected)?;
        self.cursor = gone.cursor().ok_or(Failure::Unexpected)?;
        self.standing.heard.set(self.cursor);
        Ok(())
    }
}
