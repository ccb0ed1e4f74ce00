//! Many listeners who wait for answers: they take turns, and past the knee they throttle themselves.

use super::{Arrivals, Delay, Exchange, LongPoll, Prediction};

/// Listeners that wait an interval after each answer, and a server that may be too slow for them: a closed loop.
///
/// Each listener has at most one request on its way, so the server never has more than N to do. It answers X requests a
/// second, at most N/(T + 2d + s + c + h), each listener's own pace, and at most W/s, the server's. What a listener finds is
/// then given by the response-time law (Little's law over the whole loop): a round takes N/X, of which it waits R = N/X − T
/// − 2d − c − h at the server. R grows with N; nothing collapses.
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

/// Long polling of many listeners: every message wakes all held requests at once, and they come back at once.
///
/// Below saturation each listener takes its turn: a message is N·s/W of work, and a listener's answer leaves anywhere from
/// first to last in it. What is left out is that a message may find the server still busy with the one before.
///
/// **Saturated** is a server that is never done with its listeners, on a feed so busy, or with listeners so many: λ·N·s/W
/// well over 1, N·s/W over the gap. Every request finds messages that came since the last answer, and waits its turn in a
/// queue that holds all listeners: a cycle of C = N·s/W. The server looks at the feed when the turn comes. So the delay is
/// that of short polling with this cycle: even from s + d to C + s + d. Messages share answers, λC each, and the delay is
/// **bounded at any rate**, as long as an answer costs the same whatever it carries. Fan-out has its knee later (sw < s) and
/// no such bound past it, unless the writer joins what waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongPollHerd {
    /// N, at least 1.
    pub listeners: f64,
    /// τ.
    pub hold_s: f64,
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

    /// What one listener should see and do.
    pub fn predict(&self) -> Prediction {
        match self.is_saturated() {
            true => self.predict_saturated(),
            false => self.predict_turns(),
        }
    }

    /// With a turn of u on average, (N·s/W − s)/2, before the answer of a listener who was held. Messages that come while it
    /// waits for its turn share the answer: the server reads the feed when the turn comes. So the gap stays what it is for
    /// one listener, and the cycle grows by u where a message ended the hold:
    ///
    /// - held when the message came: even from s + d to s + d + 2u;
    /// - waiting for its turn: what is left of it, 2u/3 on average (long turns meet more messages);
    /// - in the gap: as for one listener; those who come back late come back one by one.
    fn predict_turns(&self) -> Prediction {
        let (gap_s, answer_s) = (self.exchange.gap_s(), self.exchange.answer_s());
        let turn_s = (self.work_s() - self.exchange.service_s).max(0.0) / 2.0;
        let alone = LongPoll {
            hold_s: self.hold_s,
            exchange: self.exchange,
            arrivals: self.arrivals,
        };
        let alone = alone.predict();
        if let Arrivals::Constant { .. } = self.arrivals {
            let held = self.arrivals.spacing_s() > gap_s;
            let delay = alone.delay.plus_even(0.0, if held { 2.0 * turn_s } else { 0.0 });
            return Prediction { delay, ..alone };
        }
        let some = self.arrivals.chance_of_some(gap_s + self.hold_s);
        let woken = self.arrivals.chance_of_none(gap_s) * self.arrivals.chance_of_some(self.hold_s);
        let cycle_s = alone.cycle_s() + woken * turn_s;
        let in_gap = if gap_s == 0.0 { 0.0 } else { gap_s / cycle_s };
        let in_turn = if woken == 0.0 {
            0.0
        } else {
            woken * turn_s / (cycle_s - gap_s)
        }; // of those not in the gap
        let from_s = |longest_s| Delay::even(answer_s, answer_s + longest_s);
        let delay = from_s(2.0 * turn_s).or(in_turn, from_s(4.0 / 3.0 * turn_s));
        Prediction {
            delay: delay.or(in_gap, from_s(gap_s)),
            requests_per_s: 1.0 / cycle_s,
            empty_share: alone.empty_share,
            messages_per_full_answer: self.arrivals.expected_if_some(cycle_s, some),
        }
    }

    fn predict_saturated(&self) -> Prediction {
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
    fn a_lone_message_reaches_the_herd_in_turns() {
        let herd = LongPollHerd {
            listeners: 20.0,
            hold_s: 25.0,
            exchange: EXCHANGE,
            workers: 1.0,
            arrivals: Arrivals::Constant { rate_per_s: 1.0 },
        };
        // From 1 ms for the first to 20 ms for the last, and 10 ms on the way.
        let delay = herd.predict().delay;
        assert!((delay.min_s() - 0.011).abs() < 1e-9);
        assert!((delay.mean_s() - 0.0205).abs() < 1e-9);
        assert!((delay.max_s() - 0.030).abs() < 1e-9);
        let alone = LongPollHerd { listeners: 1.0, ..herd };
        assert_eq!(alone.predict().delay, Delay::fixed(0.011));
    }

    #[test]
    fn a_herd_is_late_but_not_later_on_a_busier_feed() {
        let at = |rate_per_s| LongPollHerd {
            listeners: 300.0,
            hold_s: 25.0,
            exchange: EXCHANGE,
            workers: 1.0,
            arrivals: Arrivals::Poisson { rate_per_s },
        };
        assert!(!at(1.0).is_saturated());
        assert!(at(100.0).is_saturated());
        for (rate_per_s, batch) in [(100.0, 30.0), (1000.0, 300.0)] {
            let prediction = at(rate_per_s).predict();
            assert!((prediction.delay.mean_s() - 0.161).abs() < 1e-9);
            assert!((prediction.messages_per_full_answer - batch).abs() < 1e-9);
        }
    }
}
