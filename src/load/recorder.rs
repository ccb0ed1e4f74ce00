//! What the listeners of one thread saw, counted.
//!
//! The window is a stretch of time, and everything is counted by when it happens: a request when its listener sends it, an
//! answer when its listener has all of it, bytes when they cross the listener's side of the link, as what they carry does. So a request that is
//! sent before the window's end and answered after it is a request of the window and no answer of it; at the window's beginning
//! it is the other way round, and in a steady run the two even out. Delays alone go by the message: of each one *intended* within
//! the window, whenever it is heard, since leaving out the late ones would flatter a slow server.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::health::Pulse;
use super::heard::Delivery;
use super::ledger::{Account, Hearing};
use super::outage::Outage;
use super::schedule::Schedule;
use super::storm::Storm;
use super::timeline::Steps;
use super::walk::Step;
use crate::protocol::Cursor;
use crate::results::{Counts, Distribution, Failures, Ledger, Parts, Traced, Way};

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
    /// Where they start in a feed that counts in its own way.
    pub(crate) mark: Option<String>,
    /// Whether the delays are recorded as a naive tool would, too.
    pub(crate) shows_naive: bool,
    /// When the server went away, if it did.
    pub(crate) outage: Outage,
    /// Figures for whoever watches.
    pub(crate) tally: Tally,
}

/// Running totals that the engine reads while the threads work.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Listeners that have been served once.
    pub(crate) ready: AtomicU64,
    /// Listeners that have been refused before they were ever served.
    pub(crate) turned_away: AtomicU64,
    /// Messages accepted from the publisher.
    pub(crate) accepted: AtomicU64,
    /// Messages heard for the first time, all listeners together.
    pub(crate) heard: AtomicU64,
    /// The listeners' own ports. Locked once a connection, and twice in a run to read them.
    pub(crate) ports: Mutex<HashSet<u16>>,
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
    /// Written down here − heard, summed over the same messages: the generator's own queue.
    pub(crate) unwritten: Duration,
    /// Heard − `at`.
    pub(crate) server_delay: Distribution,
    /// The same with coordinated omission, when the run is to show it.
    pub(crate) naive: Option<Naive>,
    /// Of the whole run.
    pub(crate) failures: Failures,
    /// What the listeners did when their server went away.
    pub(crate) storm: Storm,
    /// The rungs that listeners tried that fall back, by their numbers in the run.
    pub(crate) steps: Vec<(usize, Step)>,
    /// Messages that came by two ways while a listener changed from one to the other.
    pub(crate) overlap: u64,
    /// Requests, empty answers and deliveries by step.
    pub(crate) by_step: [Vec<u64>; 3],
    /// What crossed the connections of the first listeners, with their numbers in the run.
    pub(crate) traced: Vec<(usize, Traced)>,
    /// How the thread itself fared.
    pub(crate) pulse: Pulse,
}

/// The delays as a tool measures them whose publisher waits for each answer before it sends the next message.
///
/// While the server stands still such a tool sends nothing, so the messages that were due meanwhile leave when it goes on,
/// and are quick: one slow sample stands for all of them (coordinated omission).
#[derive(Debug)]
pub(crate) struct Naive {
    /// Heard − sent, sent being never before the message ahead was accepted.
    pub(crate) delay: Distribution,
    /// When the last message that each listener heard was accepted, by the server's clock.
    accepted_us: Vec<u64>,
}

impl Naive {
    fn new(listeners: usize) -> Naive {
        Naive {
            delay: Distribution::new(),
            accepted_us: vec![0; listeners],
        }
    }

    /// A message accepted at `at_us`; the delay is recorded when `intended_us` is given.
    fn hear(&mut self, listener: usize, intended_us: Option<u64>, at_us: u64, now_us: u64) {
        let ahead_us = std::mem::replace(&mut self.accepted_us[listener], at_us);
        if let Some(intended_us) = intended_us {
            let sent_us = intended_us.max(ahead_us);
            self.delay.record(Duration::from_micros(now_us.saturating_sub(sent_us)));
        }
    }
}

const REQUESTS: usize = 0;
const EMPTY: usize = 1;
const DELIVERIES: usize = 2;

impl Tally {
    /// The ports that the listeners' connections have had so far.
    pub(crate) fn ports(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.ports.lock().expect("nobody panics while holding it")
    }
}

impl Recorder {
    /// One for this many listeners, all of which start at the plan's base.
    pub(crate) fn new(plan: Arc<Plan>, listeners: usize) -> Recorder {
        Recorder {
            accounts: vec![Account::new(plan.base.seq); listeners],
            naive: plan.shows_naive.then(|| Naive::new(listeners)),
            plan,
            counts: Counts::default(),
            bytes_out: Parts::default(),
            bytes_in: Parts::default(),
            ledger: Ledger::default(),
            delay: Distribution::new(),
            unwritten: Duration::ZERO,
            server_delay: Distribution::new(),
            failures: Failures::default(),
            storm: Storm::default(),
            steps: Vec::new(),
            overlap: 0,
            by_step: Default::default(),
            traced: Vec::new(),
            pulse: Pulse::default(),
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

    /// A refusal with this status is there, whole.
    pub(crate) fn refusal(&mut self, status: u16, now: Instant) {
        self.answer(Answer::Refused, now);
        if self.in_window(now) {
            *self.counts.answers.refused_by_status.entry(status).or_default() += 1;
        }
    }

    /// Somebody tries to connect.
    pub(crate) fn tried(&mut self, now: Instant) {
        if let Some(since) = self.since_outage(now) {
            self.storm.tried(since);
        }
    }

    /// Somebody could not connect.
    pub(crate) fn refused(&mut self, now: Instant) {
        if let Some(since) = self.since_outage(now) {
            self.storm.refused(since);
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

    /// Bytes crossed the server's side of the link at that time. They count when they cross the listener's: a message's bytes are of the
    /// window if its delivery is.
    pub(crate) fn bytes(&mut self, way: Way, parts: Parts, at_server: Instant) {
        if !self.in_window(self.plan.clock.at_listener(way, at_server)) {
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
    pub(crate) fn hear(&mut self, listener: usize, delivery: Delivery, now: Instant) -> Result<(), Failure> {
        let Delivery { cursor, index, at_us } = delivery;
        let intended = index.and_then(|index| self.plan.schedule.intended(index));
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
            self.unwritten += Instant::now().saturating_duration_since(now);
            if let Some(at_us) = at_us {
                let server_us = self.plan.clock.wall_us(now).saturating_sub(at_us);
                self.server_delay.record(Duration::from_micros(server_us));
            }
        }
        if let Some((naive, at_us)) = self.naive.as_mut().zip(at_us) {
            let plan = &self.plan;
            // A publisher that waits sends in the order of the plan, so that its n-th is the n-th that was accepted: what our own sent
            // while the server stood still may have been taken in in another order.
            let turn = cursor.seq.saturating_sub(plan.base.seq + 1) as usize;
            let due = plan.schedule.intended(turn).filter(|due| plan.schedule.counts(*due));
            let due_us = due
                .zip(plan.clock.start())
                .map(|(due, start)| plan.clock.wall_us(start + due));
            naive.hear(listener, due_us, at_us, plan.clock.wall_us(now));
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
        self.traced.extend(other.traced);
        self.storm.merge(other.storm);
        self.steps.extend(other.steps);
        self.overlap += other.overlap;
        add_counts(&mut self.counts, &other.counts);
        add(&mut self.bytes_out, &other.bytes_out);
        add(&mut self.bytes_in, &other.bytes_in);
        self.ledger.repeated += other.ledger.repeated;
        self.ledger.out_of_order += other.ledger.out_of_order;
        self.ledger.gone += other.ledger.gone;
        self.delay.merge(&other.delay);
        self.unwritten += other.unwritten;
        self.server_delay.merge(&other.server_delay);
        if let (Some(ours), Some(theirs)) = (&mut self.naive, &other.naive) {
            ours.delay.merge(&theirs.delay);
        }
        self.pulse.merge(&other.pulse);
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

    /// How long ago the server was told to end; `None` as long as it was not.
    pub(crate) fn since_outage(&self, now: Instant) -> Option<Duration> {
        now.checked_duration_since(self.plan.outage.began()?)
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
    sum.empty_heads += parts.empty_heads;
    sum.bodies += parts.bodies;
    sum.frames += parts.frames;
}

fn add_counts(sum: &mut Counts, other: &Counts) {
    sum.requests += other.requests;
    sum.answers.with_messages += other.answers.with_messages;
    sum.answers.empty += other.answers.empty;
    sum.answers.opened += other.answers.opened;
    sum.answers.refused += other.answers.refused;
    for (status, more) in &other.answers.refused_by_status {
        *sum.answers.refused_by_status.entry(*status).or_default() += more;
    }
    sum.connections.opened += other.connections.opened;
    sum.connections.opened_before += other.connections.opened_before;
    sum.deliveries += other.deliveries;
    sum.frames += other.frames;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;
    use crate::results::{Arrivals, Scenario};
    use proptest::prelude::*;

    /// A plan with a send every 20 ms, from 10 ms on, a warm-up of 200 ms and a window of 600 ms, that starts now.
    fn plan() -> (Arc<Plan>, Instant) {
        plan_of(scenario())
    }

    fn plan_of(scenario: Scenario) -> (Arc<Plan>, Instant) {
        let scenario = Scenario {
            arrivals: Arrivals::Constant,
            ..scenario
        };
        let plan = Plan {
            clock: Clock::new(&scenario),
            schedule: Schedule::new(&scenario),
            steps: Steps::new(&scenario),
            base: "fake-0".parse().unwrap(),
            mark: None,
            shows_naive: false,
            outage: Outage::default(),
            tally: Tally::default(),
        };
        let start = Instant::now();
        plan.clock.start_at(start);
        (Arc::new(plan), start)
    }

    fn delivery(id: &str, index: usize) -> Delivery {
        Delivery {
            cursor: id.parse().unwrap(),
            index: Some(index),
            at_us: Some(0),
        }
    }

    /// Lets a listener hear send `index` at position `index` + 1.
    fn hear(recorder: &mut Recorder, listener: usize, index: usize, now: Instant) -> Result<(), Failure> {
        recorder.hear(listener, delivery(&format!("fake-{}", index + 1), index), now)
    }

    #[test]
    fn counts_go_by_when_it_happens_and_delays_by_the_message() {
        let (plan, start) = plan();
        let mut recorder = Recorder::new(plan, 1);
        let ms = |ms| start + Duration::from_millis(ms);
        // Send 9 is due at 190 ms, before the window, and heard within it; send 39 is due at 790 ms and heard after it.
        hear(&mut recorder, 0, 9, ms(210)).unwrap();
        hear(&mut recorder, 0, 39, ms(840)).unwrap();
        assert_eq!((recorder.counts.deliveries, recorder.delay.count()), (1, 1));
        let delay_ms = recorder.delay.max_ms().unwrap();
        assert!((delay_ms - 50.0).abs() < 0.1, "{delay_ms}");
        for at in [199, 200, 799, 800] {
            recorder.request(ms(at));
            recorder.answer(Answer::Empty, ms(at));
            recorder.connection(ms(at));
            recorder.bytes(
                Way::In,
                Parts {
                    heads: 10,
                    ..Parts::default()
                },
                ms(at),
            );
        }
        assert_eq!((recorder.counts.requests, recorder.counts.answers.empty), (2, 2));
        let connections = &recorder.counts.connections;
        assert_eq!((connections.opened_before, connections.opened), (1, 2));
        assert_eq!((recorder.bytes_in.heads, recorder.bytes_out.heads), (20, 0));
    }

    #[test]
    fn bytes_count_with_what_they_carry() {
        let (plan, start) = plan_of(Scenario {
            rtt: Duration::from_millis(100),
            ..scenario()
        });
        let mut recorder = Recorder::new(plan, 1);
        let bytes = Parts {
            bodies: 10,
            ..Parts::default()
        };
        // The window is from 200 to 800 ms. A message at 160 ms is heard at 210; a request that comes to the server at 210 was sent at 160.
        for at in [160, 210, 760, 810] {
            recorder.bytes(Way::In, bytes, start + Duration::from_millis(at));
            recorder.bytes(Way::Out, bytes, start + Duration::from_millis(at));
        }
        assert_eq!((recorder.bytes_in.bodies, recorder.bytes_out.bodies), (20, 20));
        recorder.bytes(Way::In, bytes, start + Duration::from_millis(140));
        recorder.bytes(Way::Out, bytes, start + Duration::from_millis(860));
        assert_eq!((recorder.bytes_in.bodies, recorder.bytes_out.bodies), (20, 20));
    }

    #[test]
    fn what_is_none_of_the_runs_messages_is_unexpected() {
        let (plan, start) = plan();
        let mut recorder = Recorder::new(plan, 1);
        assert_eq!(hear(&mut recorder, 0, 1_000_000, start), Err(Failure::Unexpected));
        let somebody_elses = Delivery {
            index: None,
            ..delivery("fake-1", 0)
        };
        for unexpected in [somebody_elses, delivery("other-1", 0)] {
            assert_eq!(recorder.hear(0, unexpected, start), Err(Failure::Unexpected));
        }
        assert_eq!(recorder.hear(0, delivery("fake-1", 0), start), Ok(()));
        assert_eq!(
            recorder.settle(&[1, 2]),
            Ledger {
                expected: 2,
                heard: 1,
                lost: 1,
                ..Ledger::default()
            }
        );
    }

    #[test]
    fn a_message_that_does_not_say_when_it_was_accepted_has_no_server_delay() {
        let (plan, start) = plan();
        let mut recorder = Recorder::new(plan, 1);
        let untold = Delivery {
            at_us: None,
            ..delivery("fake-21", 20)
        };
        recorder.hear(0, untold, start + Duration::from_millis(450)).unwrap();
        assert_eq!((recorder.delay.count(), recorder.server_delay.count()), (1, 0));
    }

    proptest! {
        #[test]
        fn recorders_merge_alike_in_any_order(heard in prop::collection::vec((0usize..3, 0usize..40, 0u64..900), 0..60)) {
            let (plan, start) = plan();
            let recorded = |of: usize| {
                let mut recorder = Recorder::new(Arc::clone(&plan), 1);
                for (thread, index, ms) in &heard {
                    if *thread == of {
                        let now = start + Duration::from_millis(*ms);
                        recorder.request(now);
                        hear(&mut recorder, 0, *index, now).unwrap();
                    }
                }
                recorder
            };
            let merged = |order: [usize; 3]| {
                let mut sum = Recorder::new(Arc::clone(&plan), 0);
                order.into_iter().for_each(|of| sum.merge(recorded(of)));
                sum
            };
            let (one, other) = (merged([0, 1, 2]), merged([2, 0, 1]));
            let accepted: Vec<u64> = (1..=40).collect();
            prop_assert_eq!(one.settle(&accepted), other.settle(&accepted));
            prop_assert_eq!(&one.counts, &other.counts);
            prop_assert_eq!(&one.delay, &other.delay);
            prop_assert_eq!(one.by_step, other.by_step);
            prop_assert_eq!(one.counts.requests, heard.iter().filter(|(_, _, ms)| (200..800).contains(ms)).count() as u64);
        }
    }

    #[test]
    fn a_naive_tool_sends_in_the_order_of_the_plan() {
        let scenario = Scenario {
            arrivals: Arrivals::Constant,
            ..scenario()
        };
        let plan = Plan {
            clock: Clock::new(&scenario),
            schedule: Schedule::new(&scenario),
            steps: Steps::new(&scenario),
            base: "fake-0".parse().unwrap(),
            mark: None,
            shows_naive: true,
            outage: Outage::default(),
            tally: Tally::default(),
        };
        let start = Instant::now();
        plan.clock.start_at(start);
        let plan = Arc::new(plan);
        let mut recorder = Recorder::new(Arc::clone(&plan), 1);
        // Sends 20 to 29 are due every 20 ms from 410 ms on. The server stands still until 710 ms, and takes the last of them first.
        for seq in 1..=30 {
            let (index, ms) = if seq <= 20 {
                (seq - 1, 20 * (seq - 1) + 10)
            } else {
                (50 - seq, 710)
            };
            let now = start + Duration::from_millis(ms as u64);
            let delivery = Delivery {
                cursor: format!("fake-{seq}").parse().unwrap(),
                index: Some(index),
                at_us: Some(plan.clock.wall_us(now)),
            };
            recorder.hear(0, delivery, now).unwrap();
        }
        let delay = &recorder.naive.unwrap().delay;
        assert_eq!(delay.count(), 20);
        let longest = delay.max_ms().unwrap();
        assert!(
            (longest - 300.0).abs() < 3.0,
            "the one that waited all the time: {longest}"
        );
    }

    #[test]
    fn a_naive_tool_sees_a_stall_once() {
        let mut naive = Naive::new(1);
        let ms = |ms: u64| ms * 1000;
        naive.hear(0, Some(ms(90)), ms(91), ms(111));
        // Due at 100, 110, 120 and 130 ms, but the server stands still until 1,000 ms; then it accepts them one after the other.
        for (n, due) in [100, 110, 120, 130].into_iter().enumerate() {
            let accepted = 1_000 + n as u64;
            naive.hear(0, Some(ms(due)), ms(accepted), ms(accepted + 20));
        }
        assert_eq!(naive.delay.count(), 5);
        assert!(naive.delay.max_ms().unwrap() > 900.0);
        let second = naive.delay.quantile_ms(0.8).unwrap();
        assert!(second < 25.0, "all but one look as if nothing had happened: {second}");
    }
}
