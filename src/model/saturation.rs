//! What happens past the knee: who waits for an answer throttles itself.

use super::{Arrivals, Delay, Exchange, Prediction};

/// Listeners that wait an interval after each answer, and a server that may be too slow for them: a closed loop.
///
/// Each listener has at most one request on its way, so the server never has more than N to do. It answers X requests a second, at most
/// N/(T + 2d + s + c + h), each listener's own pace, and at most W/s, the server's. What a listener finds is then given by the response-time law (Little's law over the whole
/// loop): a round takes N/X, of which it waits R = N/X − T − 2d − c − h at the server. R grows with N; nothing collapses.
///
/// The rate is an upper bound, near on both sides of the knee and a little high around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClosedLoop {
    /// N.
    pub listeners: f64,
    /// T, counted from the answer.
    pub interval_s: f64,
    /// What one request takes; its service time is processor time here.
    pub exchange: Exchange,
    /// W.
    pub workers: f64,
}

impl ClosedLoop {
    /// X: requests a second, all listeners together.
    pub fn requests_per_s(&self) -> f64 {
        let listeners_pace = self.listeners / (self.interval_s + self.exchange.gap_s());
        listeners_pace.min(self.workers / self.exchange.service_s)
    }

    /// R: how long a request waits for its answer at the server, its own service included.
    pub fn response_s(&self) -> f64 {
        self.response_at_s(self.requests_per_s())
    }

    /// The response-time law on its own: R of a measured X.
    pub fn response_at_s(&self, requests_per_s: f64) -> f64 {
        let elsewhere_s = self.interval_s + self.exchange.gap_s() - self.exchange.service_s;
        self.listeners / requests_per_s - elsewhere_s
    }
}

/// Long polling on a feed so busy, or with listeners so many, that the server is never done with them: λ·N·s/W well over 1, N·s/W over the gap.
///
/// Every request finds messages that came since the last answer, and waits its turn in a queue that holds all listeners: a cycle of C = N·s/W. The server looks at the feed when the turn comes. So the delay
/// is that of short polling with this cycle: even from s + d to C + s + d. Messages share answers, λC each, and the delay is **bounded at any rate**, as long as an answer costs the
/// same whatever it carries. Fan-out has its knee later (sw < s) and no such bound past it, unless the writer joins what waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongPollHerd {
    /// N.
    pub listeners: f64,
    /// What one request takes; its service time is processor time here.
    pub exchange: Exchange,
    /// W.
    pub workers: f64,
    /// The messages.
    pub arrivals: Arrivals,
}

impl LongPollHerd {
    /// N·s/W: the work that one message makes, when it wakes all held requests at once.
    pub fn work_s(&self) -> f64 {
        self.listeners * self.exchange.service_s / self.workers
    }

    /// Whether the listeners keep the server busy without a pause.
    pub fn is_saturated(&self) -> bool {
        self.work_s() > self.exchange.gap_s() && self.arrivals.expected_in(self.work_s()) > 1.0
    }

    /// What one listener should see and do when [saturated](Self::is_saturated).
    pub fn predict_saturated(&self) -> Prediction {
        let cycle_s = self.work_s();
        let answer_s = self.exchange.answer_s();
        Prediction {
            delay: Delay::even(answer_s, cycle_s + answer_s),
            requests_per_s: 1.0 / cycle_s,
            empty_share: 0.0,
            messages_per_full_answer: self.arrivals.expected_in(cycle_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCHANGE: Exchange = Exchange {
        one_way_s: 0.01,
        service_s: 0.001,
        client_s: 0.0,
        connection: crate::model::Connection::Kept,
    };

    #[test]
    fn the_server_sets_the_pace_past_the_knee() {
        let at = |listeners| ClosedLoop {
            listeners,
            interval_s: 0.979,
            exchange: EXCHANGE,
            workers: 1.0,
        };
        assert!((at(500.0).requests_per_s() - 500.0).abs() < 1e-9);
        assert!((at(500.0).response_s() - 0.001).abs() < 1e-9);
        // 3,000 want 3,000 answers a second and get 1,000: a round takes 3 s, 2.001 s of it at the server.
        assert!((at(3000.0).requests_per_s() - 1000.0).abs() < 1e-9);
        assert!((at(3000.0).response_s() - 2.001).abs() < 1e-9);
    }

    #[test]
    fn a_herd_is_late_but_not_later_on_a_busier_feed() {
        let at = |rate_per_s| LongPollHerd {
            listeners: 300.0,
            exchange: EXCHANGE,
            workers: 1.0,
            arrivals: Arrivals::Poisson { rate_per_s },
        };
        assert!(!at(1.0).is_saturated());
        assert!(at(100.0).is_saturated());
        for (rate_per_s, batch) in [(100.0, 30.0), (1000.0, 300.0)] {
            let prediction = at(rate_per_s).predict_saturated();
            assert!((prediction.delay.mean_s() - 0.161).abs() < 1e-9);
            assert!((prediction.messages_per_full_answer - batch).abs() < 1e-9);
        }
    }
}
