//! From what one of each costs to what very many cost: a measured run, scaled on paper.
//!
//! A transport does three things, and each has a cost that a run tells: it answers **requests**, it makes **deliveries**,
//! and it keeps **listeners** who hear nothing just now. With N listeners who send r requests a second each and hear λ
//! messages a second, all costs are taken to grow in proportion:
//!
//! - requests a second: N·r; deliveries a second: N·λ;
//! - bytes a second: N·(r·heads + λ·bodies), and for TCP/IP at least a segment for every request, answer, push and its receipt;
//! - processors: N·(r·s + λ·sw + idle), since a processor second a second is one processor at work;
//! - memory: what an idle server has, and N times what a listener adds.
//!
//! Nothing in it waits: it says what the work is, not what a queue makes of it. So the processors are a lower bound; at just
//! as many a server is at its knee (see [`Server`](super::Server)), and delays suffer before that (see
//! [`queue`](super::queue)). [`Projection::burst_cpu_s`] says how unevenly the work of a transport comes.

use super::bytes::SEGMENT_HEADER_BYTES;

/// What one of each costs the server. `None` is what is not known; what is free is `Some(0.0)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Costs {
    /// Bytes that asking takes, both directions: the heads of a request and of its answer.
    pub request_bytes: Option<f64>,
    /// Bytes that hearing takes, both directions: the message and what wraps it.
    pub delivery_bytes: Option<f64>,
    /// s: processor time of a request.
    pub request_cpu_s: Option<f64>,
    /// sw: processor time of a delivery, beyond that of the requests.
    pub delivery_cpu_s: Option<f64>,
    /// Processor seconds a second of a listener who hears nothing. What is not known counts as none: say so where it matters.
    pub idle_cpu: Option<f64>,
    /// Memory of a server without a listener.
    pub base_memory_bytes: Option<f64>,
    /// Memory that a listener adds.
    pub listener_memory_bytes: Option<f64>,
}

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// N.
    pub listeners: f64,
    /// λ: messages a second in the feed; every listener hears all of them.
    pub rate_per_s: f64,
    /// r: requests a second of one listener.
    pub requests_per_s: Option<f64>,
    /// Requests that a message makes every listener send: 1 where it ends a held request, 0 where a timer or nobody asks.
    pub requests_per_message: f64,
    /// Whether every delivery is a frame or an event of its own, rather than part of an answer.
    pub pushed: bool,
}

/// What it comes to. `None` where a cost that it needs is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// Requests of all listeners.
    pub requests_per_s: Option<f64>,
    /// Bits of heads, both directions.
    pub head_bits_per_s: Option<f64>,
    /// All bits that cross the listeners' sockets, both directions.
    pub bits_per_s: Option<f64>,
    /// The same with the headers of IPv4 and TCP, of the fewest segments that could carry them.
    pub wire_bits_per_s: Option<f64>,
    /// Processors at work, on average.
    pub cores: Option<f64>,
    /// Processor time that one message sets off at once: whoever wants it done within a second needs as many processors.
    pub burst_cpu_s: Option<f64>,
    /// Memory of the server.
    pub memory_bytes: Option<f64>,
    /// Connections, one a listener.
    pub connections: f64,
}

impl Costs {
    /// What a load comes to at these costs.
    pub fn at(&self, load: &Load) -> Projection {
        let n = load.listeners;
        let requests_per_s = load.requests_per_s.map(|requests| n * requests);
        let deliveries_per_s = Some(n * load.rate_per_s);
        let head_bits_per_s = product(requests_per_s, self.request_bytes.map(|bytes| bytes * 8.0));
        let body_bits_per_s = product(deliveries_per_s, self.delivery_bytes.map(|bytes| bytes * 8.0));
        let bits_per_s = sum(head_bits_per_s, body_bits_per_s);
        let pushes_per_s = if load.pushed { n * load.rate_per_s } else { 0.0 };
        // A request and its answer, a push and its receipt: two segments each, when none has to be split.
        let segments_per_s = requests_per_s.map(|requests| 2.0 * (requests + pushes_per_s));
        let header_bits_per_s = segments_per_s.map(|segments| segments * SEGMENT_HEADER_BYTES * 8.0);
        let work = sum(
            product(requests_per_s, self.request_cpu_s),
            product(deliveries_per_s, self.delivery_cpu_s),
        );
        let burst_cpu_s = sum(
            product(Some(n * load.requests_per_message), self.request_cpu_s),
            product(Some(n), self.delivery_cpu_s),
        );
        Projection {
            requests_per_s,
            head_bits_per_s,
            bits_per_s,
            wire_bits_per_s: sum(bits_per_s, header_bits_per_s),
            cores: sum(work, Some(n * self.idle_cpu.unwrap_or(0.0))),
            burst_cpu_s,
            memory_bytes: sum(self.base_memory_bytes, product(Some(n), self.listener_memory_bytes)),
            connections: n,
        }
    }
}

/// What so many cost; none cost nothing, even where the price is not known.
fn product(number: Option<f64>, each: Option<f64>) -> Option<f64> {
    match number {
        Some(0.0) => Some(0.0),
        number => Some(number? * each?),
    }
}

fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? + other?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::published::{BINARY_MEGA, find};
    use crate::model::{Arrivals, Exchange, PollTimer, ShortPoll};

    fn published(key: &str, what: &str) -> f64 {
        find(key).expect(key).value(what).expect(what)
    }

    fn polls(listeners: f64, interval_s: f64) -> Load {
        let poll = ShortPoll {
            interval_s,
            timer: PollTimer::Fixed,
            exchange: Exchange::default(),
            arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
        };
        Load {
            listeners,
            rate_per_s: 0.0,
            requests_per_s: Some(poll.predict().requests_per_s),
            requests_per_message: 0.0,
            pushed: false,
        }
    }

    fn pushes(listeners: f64, rate_per_s: f64) -> Load {
        Load {
            listeners,
            rate_per_s,
            requests_per_s: Some(0.0),
            requests_per_message: 0.0,
            pushed: true,
        }
    }

    fn close(is: Option<f64>, should_be: f64, within: f64) {
        let is = is.expect("it is known");
        assert!((is - should_be).abs() <= within, "{is}, not {should_be}");
    }

    #[test]
    fn lubbers_and_grecos_table_is_a_projection() {
        let key = "lubbers-greco-traffic";
        let poll = Costs {
            request_bytes: Some(published(key, "header bytes a poll")),
            ..Costs::default()
        };
        let frame = Costs {
            delivery_bytes: Some(published(key, "frame bytes a message")),
            ..Costs::default()
        };
        for (listeners, decimal, binary, framed) in [
            (1_000.0, 6.97, 6.6, 0.015),
            (10_000.0, 69.7, 66.0, 0.153),
            (100_000.0, 697.0, 665.0, 1.526),
        ] {
            let polling = poll.at(&polls(listeners, 1.0));
            close(polling.requests_per_s, listeners, 1e-9);
            close(polling.bits_per_s.map(|bits| bits / 1e6), decimal, 0.001 * decimal);
            // 6.645, 66.45 and 664.5 stand there as 6.6, 66 and 665.
            close(
                polling.bits_per_s.map(|bits| bits / BINARY_MEGA),
                binary,
                0.008 * binary,
            );
            let pushing = frame.at(&pushes(listeners, 1.0));
            close(pushing.bits_per_s.map(|bits| bits / BINARY_MEGA), framed, 0.0005);
            assert_eq!(pushing.requests_per_s, Some(0.0));
        }
    }

    #[test]
    fn grigoriks_minute_is_a_projection() {
        let key = "grigorik-overhead";
        let poll = Costs {
            request_bytes: Some(published(key, "header bytes a poll")),
            ..Costs::default()
        };
        let minute = poll.at(&polls(10_000.0, published(key, "polling interval")));
        close(
            minute.bits_per_s.map(|bits| bits / 1e6),
            published(key, "polling, 10,000 clients"),
            0.005,
        );
        close(minute.requests_per_s, published(key, "requests, 10,000 clients"), 0.5);
    }

    /// Van de Vyvere, Colpaert and Verborgh: one thread is full with 5,000 who ask every 5 s, so a million fill 200; the
    /// thread that needs 4 s to write to 25,000 is busy four seconds of every five.
    #[test]
    fn a_full_thread_scales_to_as_many_threads() {
        let key = "van-de-vyvere-live-data";
        let every_s = published(key, "message interval");
        let poll = Costs {
            request_cpu_s: Some(every_s / published(key, "polling")),
            delivery_cpu_s: Some(0.0),
            ..Costs::default()
        };
        close(poll.at(&polls(5_000.0, every_s)).cores, 1.0, 1e-9);
        close(poll.at(&polls(1e6, every_s)).cores, 200.0, 1e-9);
        let write = Costs {
            delivery_cpu_s: Some(published(key, "events, longest delay") / published(key, "events")),
            ..Costs::default()
        };
        let events = write.at(&pushes(25_000.0, 1.0 / every_s));
        close(events.cores, 0.8, 1e-9);
        close(events.burst_cpu_s, 4.0, 1e-9);
    }

    /// 30 kB and 60 µs a delivery, 4.7 µs a second idle: a million listeners, half a message a second.
    #[test]
    fn idle_listeners_and_memory_count_by_head() {
        let costs = Costs {
            delivery_cpu_s: Some(60e-6),
            idle_cpu: Some(4.7e-6),
            base_memory_bytes: Some(6e6),
            listener_memory_bytes: Some(30e3),
            ..Costs::default()
        };
        let million = costs.at(&pushes(1e6, 0.5));
        close(million.cores, 34.7, 1e-9);
        close(million.memory_bytes, 30.006e9, 1.0);
        assert_eq!(million.connections, 1e6);
        close(costs.at(&pushes(0.0, 0.5)).memory_bytes, 6e6, 0.0);
    }

    #[test]
    fn a_held_request_is_answered_at_once_and_asked_again() {
        let costs = Costs {
            request_bytes: Some(260.0),
            delivery_bytes: Some(195.0),
            request_cpu_s: Some(20e-6),
            delivery_cpu_s: Some(0.0),
            ..Costs::default()
        };
        let held = costs.at(&Load {
            listeners: 1e5,
            rate_per_s: 0.5,
            requests_per_s: Some(0.5),
            requests_per_message: 1.0,
            pushed: false,
        });
        close(held.burst_cpu_s, 2.0, 1e-9);
        close(held.cores, 1.0, 1e-9);
        close(held.bits_per_s, 5e4 * 8.0 * 455.0, 1e-3);
        close(held.wire_bits_per_s, 5e4 * 8.0 * (455.0 + 104.0), 1e-3);
    }

    #[test]
    fn what_is_not_known_stays_so_and_what_is_not_done_is_free() {
        let nothing = Costs::default().at(&pushes(1e6, 1.0));
        assert_eq!(
            (nothing.bits_per_s, nothing.cores, nothing.memory_bytes),
            (None, None, None)
        );
        assert_eq!(nothing.head_bits_per_s, Some(0.0));
        let silent = Costs::default().at(&pushes(1e6, 0.0));
        assert_eq!((silent.bits_per_s, silent.cores), (Some(0.0), Some(0.0)));
        let unknown = Costs::default().at(&Load {
            requests_per_s: None,
            ..pushes(1e6, 1.0)
        });
        assert_eq!((unknown.requests_per_s, unknown.wire_bits_per_s), (None, None));
    }
}
