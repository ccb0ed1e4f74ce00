use std::time::Duration;

use crate::protocol::Transport;
use crate::results::{Arrivals, PollTimer, Scenario};

/// What a scenario says about a knob that it does not mention: a small chat over an ordinary link.
impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            lab: String::new(),
            title: String::new(),
            question: String::new(),
            transports: vec![Transport::Poll, Transport::LongPoll, Transport::Websocket],
            listeners: 200,
            seed: 1,
            duration: Duration::from_secs(20),
            warm_up: Duration::from_secs(2),
            drain: Duration::from_secs(5),
            rate_per_s: 0.5,
            arrivals: Arrivals::Poisson,
            text_bytes: 64,
            rtt: Duration::from_millis(40),
            poll_interval: Duration::from_secs(1),
            poll_timer: PollTimer::Fixed,
            long_poll_timeout: Duration::from_secs(25),
            server_workers: 0,
            server_keep_messages: 10_000,
        }
    }
}
