//! What the tests of several files need.

mod broadcast;
mod server;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::outage::Outage;
use super::recorder::{Plan, Tally};
use super::schedule::Schedule;
use super::timeline::Steps;
use crate::protocol::Transport;
use crate::results::{Arrivals, PollPhase, PollTimer, Scenario};
pub(crate) use broadcast::{Broadcast, Habit};
pub(crate) use server::{FakeServer, Fault};

/// A small scenario without a delay; tests change what they are about.
pub(crate) fn scenario() -> Scenario {
    Scenario {
        lab: "test".into(),
        title: "A test".into(),
        question: "Does it work?".into(),
        transports: Transport::ALL.to_vec(),
        listeners: 5,
        seed: 7,
        duration: Duration::from_millis(600),
        warm_up: Duration::from_millis(200),
        drain: Duration::from_secs(10),
        rate_per_s: 50.0,
        arrivals: Arrivals::Poisson,
        text_bytes: 32,
        rtt: Duration::ZERO,
        poll_interval: Duration::from_millis(50),
        poll_timer: PollTimer::Fixed,
        poll_phase: PollPhase::Random,
        http_keep_alive: true,
        long_poll_timeout: Duration::from_secs(5),
        server_workers: 0,
        server_keep_messages: 10_000,
        ..Scenario::default()
    }
}

/// A plan of that scenario that has not started.
pub(crate) fn plan() -> Arc<Plan> {
    let scenario = scenario();
    Arc::new(Plan {
        clock: Clock::new(&scenario),
        schedule: Schedule::new(&scenario),
        steps: Steps::new(&scenario),
        base: "fake-0".parse().unwrap(),
        mark: None,
        shows_naive: false,
        outage: Outage::default(),
        tally: Tally::default(),
    })
}

/// Runs this as a generator thread would.
pub(crate) fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}
