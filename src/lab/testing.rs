//! What the tests of several files need.

use std::time::Duration;

use crate::protocol::Transport;
use crate::results::{Counts, Distribution, Failures, Ledger, Parts, Publishing, ServerCost, Timeline, TransportRun};

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
