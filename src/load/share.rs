//! A thread's part of the listeners, and what is kept of what crosses their connections.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::listener::{Bench, Listener, Who};
use super::recorder::{Plan, Recorder};
use super::tap::{Recording, Slice};
use super::target::Peer;
use super::{Phase, health};
use crate::protocol::Transport;
use crate::results::Scenario;

/// So many listeners, the first of the run, have all that crosses their connections kept for a while.
const TRACED: usize = 3;

/// A thread's part of the listeners.
pub(super) struct Share {
    pub(super) peer: Arc<Peer>,
    pub(super) transport: Transport,
    pub(super) scenario: Scenario,
    pub(super) plan: Arc<Plan>,
    pub(super) began: Instant,
    pub(super) connects: usize,
    pub(super) patience: Duration,
    /// The number that its first listener has in the run, and the distance to the next one's.
    pub(super) first: usize,
    pub(super) apart: usize,
    pub(super) phases: Vec<f64>,
}

impl Share {
    /// Lets them listen until `stop`.
    pub(super) async fn listen(self, stop: CancellationToken) -> std::io::Result<Recorder> {
        let recorder = Recorder::new(Arc::clone(&self.plan), self.phases.len());
        let recorder = Rc::new(RefCell::new(recorder));
        let bench = Rc::new(Bench {
            peer: self.peer,
            transport: self.transport,
            scenario: self.scenario,
            plan: Arc::clone(&self.plan),
            began: self.began,
            timer: super::timer::Timer::start()?,
            recorder: Rc::clone(&recorder),
            connects: Semaphore::new(self.connects),
            patience: self.patience,
        });
        let (plan, timer) = (Arc::clone(&self.plan), bench.timer.clone());
        let watching = tokio::task::spawn_local(async move { health::watch(&plan.clock, &timer).await });
        let mut tasks = JoinSet::new();
        let mut recordings = Vec::new();
        let slice = recorded(&bench.peer, &bench.scenario, &self.plan);
        for (place, phase) in self.phases.into_iter().enumerate() {
            let number = self.first + place * self.apart;
            let recording = slice.filter(|_| number < TRACED);
            let recording = recording.map(|slice| Recording::new(Arc::clone(&self.plan), slice, &bench.scenario));
            recordings.extend(recording.iter().map(|recording| (number, Rc::clone(recording))));
            let who = Who { number, place, phase };
            tasks.spawn_local(Listener::new(Rc::clone(&bench), who, recording).listen());
        }
        tokio::select! {
            () = stop.cancelled() => {}
            // They never end but by a panic, which has to end the run: its figures would lack one listener.
            Some(Err(ended)) = tasks.join_next() => std::panic::resume_unwind(ended.into_panic()),
        }
        // A run that is stopped early has no whole window to tell of.
        let over = self.plan.clock.phase(Instant::now()) == Phase::Drain;
        let pulse = if over { watching.await.ok() } else { None };
        let mut seen = recorder.replace(Recorder::new(self.plan, 0));
        seen.pulse = pulse.unwrap_or_default();
        let traced = recordings.iter();
        seen.traced = traced
            .map(|(number, recording)| (*number, recording.borrow_mut().traced()))
            .collect();
        Ok(seen)
    }
}

/// Which part of the window is recorded. A message that does not say when it was accepted cannot be followed on its way, and who changes
/// transports has several connections at a time, of which a picture would show only a part.
pub(super) fn recorded(peer: &Peer, scenario: &Scenario, plan: &Plan) -> Option<Slice> {
    let is_followed = peer.dialect.tells_when() && !scenario.ladder.falls_back;
    Slice::of(scenario, &plan.schedule).filter(|_| is_followed)
}
