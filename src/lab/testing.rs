//! What the tests of several files need.

use std::time::Duration;

use crate::protocol::Transport;
use crate::results::{
    Counts, Distribution, Failures, Host, Ledger, Parts, Publishing, Results, SCHEMA, Scenario, ServerCost, Timeline,
    TransportRun,
};

/// Complete results of these runs, on a machine with two processors.
pub(crate) fn results(runs: Vec<TransportRun>) -> Results {
    Results {
        schema: SCHEMA,
        talkplace: String::new(),
        run: String::new(),
        started_at: String::new(),
        scenario: Scenario::default(),
        quick: false,
        foreign: None,
        host: Host {
            cores: 2,
            ..Host::here()
        },
        complete: true,
        runs,
        checks: Vec::new(),
        guesses: Vec::new(),
        unclear: Vec::new(),
        cautions: Vec::new(),
    }
}

/// A run with one delivery and the smallest of everything else; tests change what they are about.
pub(crate) fn run(transport: Transport, round: u32, requests: u64, delay_ms: u64) -> TransportRun {
    let mut delay = Distribution::new();
    delay.record(Duration::from_millis(delay_ms));
    TransportRun {
        transport,
        round,
        listeners: 1,
        window_s: 1.0,
        between: None,
        publishing: Publishing {
            planned: 1,
            planned_in_window: 1,
            accepted: 1,
            failed: 0,
            retried: 0,
            missed: 0,
            lag: Distribution::new(),
        },
        counts: Counts {
            requests,
            ..Counts::default()
        },
        bytes_out: Parts::default(),
        bytes_in: Parts::default(),
        ledger: Ledger::default(),
        delay,
        naive_delay: None,
        server_delay: Distribution::new(),
        server: ServerCost::default(),
        generator: None,
        segments: None,
        little: None,
        timeline: Timeline::default(),
        memory: None,
        restart: None,
        ladder: None,
        failures: Failures::default(),
        trace: None,
    }
}
