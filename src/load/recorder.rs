//! What the listeners of one thread saw, counted.
//!
//! The window is a stretch of time, and everything is counted by when it happens: a request when its listener sends it, an
//! answer when its listener has all of it, bytes when they cross the server's side of the link. So a request that is
//! sent before the window's end and answered after it is a request of the window and no answer of it; at the window's beginning
//! it is the other way round, and in a steady run the two even out. Delays alone go by the message: of each one *intended* within
//! the window, whenever it is heard, since leaving out the late ones would flatter a slow server.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::clock::Clock;
use super::heard::{self, Heard};
use super::ledger::{Account, Hearing};
use super::schedule::Schedule;
use super::timeline::Steps;
use crate::protocol::Cursor;
use crate::results::{Counts, Distribution, Failures, Ledger, Parts};

/// The recorder of a thread, shared by its listeners; a thread has one core, so nobody ever waits for it.
pub(crate) type SharedRecorder = Rc<RefCell<Recorder>>;

/// What all threads know of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The run's clock.
    pub(crate) clock: Clock,
    /// When each message is meant to leave.
    pub(crate) schedule: Schedule,
    /// How the timeline is cut.
    pub(crate) steps: Steps,
    /// The cursor that every listener starts with.
    pub(crate) base: Cursor,
    /// Figures for whoever watches.
    pub(crate) tally: Tally,
}

/// Running totals that the engine reads while the threads work.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Listeners that have been served once.
    pub(crate) ready: AtomicU64,
    /// Messages accepted from the publisher.
    pub(crate) accepted: AtomicU64,
    /// Messages heard for the first time, all listeners together.
    pub(crate) heard: AtomicU64,
}

/// What went wrong; a counter each in [`Failures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A connection could not be opened.
    Connect,
    /// A connection ended or broke while it was in use.
    Broken,
    /// No answer came in time.
    TimedOut,
    /// The contract does not allow what came.
    Unexpected,
}

/// What an answer carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// At least one message.
    WithMessages,
    /// None.
    Empty,
    /// The start of a stream.
    Opened,
    /// A refusal.
    Refused,
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From a listener to the server.
    Out,
    /// From the server to a listener.
    In,
}

/// The counts of one thread, merged at the end.
#[derive(Debug)]
pub(crate) struct Recorder {
    plan: Arc<Plan>,
    /// One per listener of this thread.
    pub(crate) accounts: Vec<Account>,
    /// Of the window.
    pub(crate) counts: Counts,
    /// Of the window.
    pub(crate) bytes_out: Parts,
    /// Of the window.
    pub(crate) bytes_in: Parts,
    /// Repeated, out of order and gone, of the whole run; the rest is known at its end.
    pub(crate) ledger: Ledger,
    /// Heard − intended.
    pub(crate) delay: Distribution,
    /// Heard − `at`.
    pub(crate) server_delay: Distribution,
    /// Of the whole run.
    pub(crate) failures: Failures,
    /// Requests, empty answers and deliveries by step.
    pub(crate) by_step: [Vec<u64>; 3],
}

const REQUESTS: usize = 0;
const EMPTY: usize = 1;
const DELIVERIES: usize = 2;

impl Recorder {
    /// One for this many listeners, all of which start at the plan's base.
    pub(crate) fn new(plan: Arc<Plan>, listeners: usize) -> Recorder {
        Recorder {
            accounts: vec![Account::new(plan.base.seq); listeners],
            plan,
            counts: Counts::default(),
            bytes_out: Parts::default(),
            bytes_in: Parts::default(),
            ledger: Ledger::default(),
            delay: Distribution::new(),
            server_delay: Distribution::new(),
            failures: Failures::default(),
            by_step: Default::default(),
        }
    }

    /// A request was sent.
    pub(crate) fn request(&mut self, now: Instant) {
        if self.step(REQUESTS, now) {
            self.counts.requests += 1;
        }
    }

    /// An answer is there, whole.
    pub(crate) fn answer(&mut self, answer: Answer, now: Instant) {
        let counts = match answer {
            Answer::Empty => self.step(EMPTY, now),
            _ => self.in_window(now),
        };
        if !counts {
            return;
        }
        let answers = &mut self.counts.answers;
        match answer {
            Answer::WithMessages => answers.with_messages += 1,
            Answer::Empty => answers.empty += 1,
            Answer::Opened => answers.opened += 1,
            Answer::Refused => answers.refused += 1,
        }
    }

    /// A connection was opened. What is opened after the window is counted nowhere.
    pub(crate) fn connection(&mut self, now: Instant) {
        if self.in_window(now) {
            self.counts.connections.opened += 1;
        } else if !self.after_window(now) {
            self.counts.connections.opened_before += 1;
        }
    }

    /// A frame or an event that carries a message came.
    pub(crate) fn frame(&mut self, now: Instant) {
        if self.in_window(now) {
            self.counts.frames += 1;
        }
    }

    /// Bytes crossed the server's side of the link.
    pub(crate) fn bytes(&mut self, way: Way, parts: Parts, now: Instant) {
        if !self.in_window(now) {
            return;
        }
        let sum = match way {
            Way::Out => &mut self.bytes_out,
            Way::In => &mut self.bytes_in,
        };
        add(sum, &parts);
    }

    /// A listener heard a message.
    ///
    /// # Errors
    /// [`Failure::Unexpected`] for a message of another feed or from somebody else: it is in no schedule and no ledger.
    pub(crate) fn hear(
        &mut self,
        listener: usize,
        cursor: Cursor,
        heard: &Heard<'_>,
        now: Instant,
    ) -> Result<(), Failure> {
        let intended = heard::index(&heard.text).and_then(|index| self.plan.schedule.intended(index));
        let (Some(intended), true) = (intended, cursor.feed == self.plan.base.feed) else {
            return Err(Failure::Unexpected);
        };
        match self.accounts[listener].hear(cursor.seq) {
            Hearing::New => {}
            Hearing::Late => self.ledger.out_of_order += 1,
            Hearing::Again => {
                self.ledger.repeated += 1;
                return Ok(());
            }
        }
        self.plan.tally.heard.fetch_add(1, Ordering::Relaxed);
        if self.step(DELIVERIES, now) {
            self.counts.deliveries += 1;
        }
        let start = self.plan.clock.start().filter(|_| self.plan.schedule.counts(intended));
        if let Some(start) = start {
            self.delay.record(now.saturating_duration_since(start + intended));
            let server_us = self.plan.clock.wall_us(now).saturating_sub(heard.at);
            self.server_delay.record(std::time::Duration::from_micros(server_us));
        }
        Ok(())
    }

    /// The feed no longer keeps what a listener has not heard.
    pub(crate) fn gone(&mut self) {
        self.ledger.gone += 1;
    }

    /// Something went wrong.
    pub(crate) fn failure(&mut self, failure: Failure) {
        match failure {
            Failure::Connect => self.failures.connect += 1,
            Failure::Broken => self.failures.broken += 1,
            Failure::TimedOut => self.failures.timed_out += 1,
            Failure::Unexpected => self.failures.unexpected += 1,
        }
    }

    /// Takes in all that the recorder of another thread has.
    pub(crate) fn merge(&mut self, other: Recorder) {
        self.accounts.extend(other.accounts);
        add_counts(&mut self.counts, &other.counts);
        add(&mut self.bytes_out, &other.bytes_out);
        add(&mut self.bytes_in, &other.bytes_in);
        self.ledger.repeated += other.ledger.repeated;
        self.ledger.out_of_order += other.ledger.out_of_order;
        self.ledger.gone += other.ledger.gone;
        self.delay.merge(&other.delay);
        self.server_delay.merge(&other.server_delay);
        self.failures.connect += other.failures.connect;
        self.failures.broken += other.failures.broken;
        self.failures.timed_out += other.failures.timed_out;
        self.failures.unexpected += other.failures.unexpected;
        for (ours, theirs) in self.by_step.iter_mut().zip(other.by_step) {
            ours.resize(ours.len().max(theirs.len()), 0);
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
        }
    }

    /// The ledger against the messages (rising positions) that the publisher knows to be accepted.
    pub(crate) fn settle(&self, accepted: &[u64]) -> Ledger {
        let expected = self.accounts.iter().map(|account| account.owed(accepted)).sum();
        let lost = self.accounts.iter().map(|account| account.lost(accepted)).sum();
        Ledger {
            expected,
            lost,
            heard: expected - lost,
            ..self.ledger.clone()
        }
    }

    fn in_window(&self, now: Instant) -> bool {
        let clock = &self.plan.clock;
        clock.since_start(now).is_some_and(|since| clock.in_window(since))
    }

    fn after_window(&self, now: Instant) -> bool {
        let clock = &self.plan.clock;
        clock.since_start(now).is_some_and(|since| clock.is_over(since))
    }

    /// Counts into the timeline, and tells whether this is in the window.
    fn step(&mut self, row: usize, now: Instant) -> bool {
        let Some(since) = self.plan.clock.since_start(now) else {
            return false;
        };
        self.plan.steps.add(&mut self.by_step[row], since, 1);
        self.plan.clock.in_window(since)
    }
}

fn add(sum: &mut Parts, parts: &Parts) {
    sum.heads += parts.heads;
    sum.bodies += parts.bodies;
    sum.frames += parts.frames;
}

fn add_counts(sum: &mut Counts, other: &Counts) {
    sum.requests += other.requests;
    sum.answers.with_messages += other.answers.with_messages;
    sum.answers.empty += other.answers.empty;
    sum.answers.opened += other.answers.opened;
    sum.answers.refused += other.answers.refused;
    sum.connections.opened += other.connections.opened;
    sum.connections.opened_before += other.connections.opened_before;
    sum.deliveries += other.deliveries;
    sum.frames += other.frames;
}
