use super::{Arrivals, Delay, Exchange, Prediction};

/// After so many messages a pattern that has not come back to its start is known well enough.
const LONGEST_PATTERN: usize = 64;

/// Long polling: ask, be held until there is a message or the limit τ passes, ask again at once.
///
/// The server holds a request of the listener all the time but for the **gap** G = s + 2d + c + h, from its decision to
/// answer to the arrival of the next request. A message that comes while it holds one is on its way at once: s + d. A
/// message that comes in the gap waits for the gap's end, and shares its answer with all others there. That is all of it:
/// mean and maximum, "close to one transit" and "over three" in RFC 6202, section 2.2, follow from how many messages meet
/// the gap.
///
/// The server is taken to have nothing else to do; see [`saturation::LongPollHerd`](super::saturation::LongPollHerd) for
/// what follows when all listeners come back at once and it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongPoll {
    /// τ.
    pub hold_s: f64,
    /// What one request takes, the hold aside.
    pub exchange: Exchange,
    /// The messages.
    pub arrivals: Arrivals,
}

impl LongPoll {
    /// What one listener should see and do.
    pub fn predict(&self) -> Prediction {
        match self.arrivals {
            Arrivals::Constant { rate_per_s } if rate_per_s > 0.0 && self.round_s() > 0.0 => self.predict_constant(),
            // Also what both have in common: a silent feed, or requests that take no time at all.
            _ => self.predict_poisson(),
        }
    }

    /// G + τ: from one empty answer to the next.
    fn round_s(&self) -> f64 {
        self.exchange.gap_s() + self.hold_s
    }

    /// Poisson arrivals have no memory, so all cycles are alike: a gap; and, when no message came in it (chance e^(−λG)), a
    /// held part of mean (1 − e^(−λτ))/λ. Hence
    ///
    /// - C = G + e^(−λG)·(1 − e^(−λτ))/λ, and 1/C requests a second: between 1/τ (a quiet feed) and 1/G (a busy one);
    /// - f = G/C of all messages meet a gap; their wait is spread evenly over it, so the mean delay is s + d + G²/(2C);
    /// - an answer is empty when gap and hold pass without a message: e^(−λ(G + τ)).
    fn predict_poisson(&self) -> Prediction {
        let gap_s = self.exchange.gap_s();
        let answer_s = self.exchange.answer_s();
        let cycle_s = self.cycle_poisson_s();
        let in_gap = if gap_s == 0.0 { 0.0 } else { gap_s / cycle_s };
        let some = self.arrivals.chance_of_some(self.round_s());
        Prediction {
            delay: Delay::fixed(answer_s).or(in_gap, Delay::even(answer_s, answer_s + gap_s)),
            requests_per_s: 1.0 / cycle_s,
            empty_share: 1.0 - some,
            messages_per_full_answer: self.arrivals.expected_if_some(cycle_s, some),
        }
    }

    fn cycle_poisson_s(&self) -> f64 {
        let gap_s = self.exchange.gap_s();
        let rate_per_s = self.arrivals.rate_per_s();
        if rate_per_s == 0.0 {
            return self.round_s();
        }
        let held_s = self.arrivals.chance_of_some(self.hold_s) / rate_per_s;
        gap_s + self.arrivals.chance_of_none(gap_s) * held_s
    }

    /// One message every I:
    ///
    /// - I ≤ G: at least one message comes in every gap, so every request is answered at once: a cycle of G with G/I messages;
    /// - G < I ≤ G + τ: each message finds a held request: s + d, nothing else. **The step is at I = G**, that is d = I/2
    ///   where only the network takes time (Pimentel and Nickerson 2012);
    /// - I > G + τ: [`Self::predict_sparse`].
    fn predict_constant(&self) -> Prediction {
        let gap_s = self.exchange.gap_s();
        let answer_s = self.exchange.answer_s();
        let spacing_s = self.arrivals.spacing_s();
        if spacing_s > self.round_s() {
            return self.predict_sparse();
        }
        if spacing_s > gap_s {
            return Prediction {
                delay: Delay::fixed(answer_s),
                requests_per_s: 1.0 / spacing_s,
                empty_share: 0.0,
                messages_per_full_answer: 1.0,
            };
        }
        Prediction {
            delay: Delay::even(answer_s, answer_s + gap_s),
            requests_per_s: 1.0 / gap_s,
            empty_share: 0.0,
            messages_per_full_answer: gap_s / spacing_s,
        }
    }

    /// One message every I > G + τ: ⌊I/(G + τ)⌋ empty answers before each, give or take what the pattern does.
    ///
    /// A message that finds a held request is heard at once. One that comes in the gap after an empty answer waits w for its
    /// end; so the rounds after it start w late, the next message comes w earlier in them, and may wait longer still: 2w,
    /// 3w, …, until one comes before that empty answer and is heard at once. There the pattern begins anew. It has no noise
    /// to average over, so it is simply followed.
    fn predict_sparse(&self) -> Prediction {
        let (gap_s, answer_s, spacing_s) = (
            self.exchange.gap_s(),
            self.exchange.answer_s(),
            self.arrivals.spacing_s(),
        );
        let (mut waits_s, mut empties, mut wait_s) = (Vec::new(), 0.0, 0.0);
        while waits_s.len() < LONGEST_PATTERN {
            let from_answer_s = spacing_s - wait_s;
            let rounds = (from_answer_s / self.round_s()).floor();
            let into_round_s = from_answer_s - rounds * self.round_s();
            empties += rounds;
            wait_s = (gap_s - into_round_s).max(0.0);
            waits_s.push(wait_s);
            if wait_s == 0.0 {
                break;
            }
        }
        let messages = waits_s.len() as f64;
        Prediction {
            delay: one_of(waits_s.iter().map(|wait_s| answer_s + wait_s)),
            requests_per_s: (messages + empties) / (messages * spacing_s),
            empty_share: empties / (messages + empties),
            messages_per_full_answer: 1.0,
        }
    }
}

/// Each of these delays as often as the others.
fn one_of(delays_s: impl Iterator<Item = f64>) -> Delay {
    let mut delays_s = (1..).zip(delays_s);
    let first = delays_s.next().map_or(0.0, |(_, delay_s)| delay_s);
    delays_s.fold(Delay::fixed(first), |delay, (n, delay_s)| {
        delay.or(1.0 / f64::from(n), Delay::fixed(delay_s))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Connection;

    fn long_poll(one_way_s: f64, arrivals: Arrivals) -> LongPoll {
        LongPoll {
            hold_s: 25.0,
            exchange: Exchange {
                one_way_s,
                ..Exchange::default()
            },
            arrivals,
        }
    }

    fn mean_ms(one_way_s: f64, arrivals: Arrivals) -> f64 {
        long_poll(one_way_s, arrivals).predict().delay.mean_s() * 1000.0
    }

    #[test]
    fn the_delay_is_close_to_one_transit_and_at_most_three() {
        // RFC 6202, section 2.2, in figures: at 50 ms one way.
        let mean_at = |rate_per_s| mean_ms(0.05, Arrivals::Poisson { rate_per_s });
        assert!((mean_at(0.1) - 50.5).abs() < 0.1);
        assert!((mean_at(1.0) - 55.0).abs() < 0.1);
        assert!((mean_at(10.0) - 86.5).abs() < 0.5);
        let prediction = long_poll(0.05, Arrivals::Poisson { rate_per_s: 1.0 }).predict();
        assert!((prediction.delay.max_s() - 0.15).abs() < 1e-12);
    }

    #[test]
    fn a_busy_feed_costs_two_transits_and_more_with_each_hand_shake() {
        let busy = |connection| {
            let mut poll = long_poll(0.05, Arrivals::Poisson { rate_per_s: 10_000.0 });
            poll.exchange.connection = connection;
            let delay = poll.predict().delay;
            [(delay.mean_s() / 0.05).round(), (delay.max_s() / 0.05).round()]
        };
        assert_eq!(busy(Connection::Kept), [2.0, 3.0]);
        assert_eq!(busy(Connection::Tcp), [3.0, 5.0]);
        assert_eq!(busy(Connection::TcpAndTls), [4.0, 7.0]);
    }

    #[test]
    fn a_sensor_is_heard_in_one_transit_until_its_interval_meets_the_round_trip() {
        // Pimentel and Nickerson 2012: four readings a second; the step is at d = I/2 = 125 ms.
        let sensor = Arrivals::Constant { rate_per_s: 4.0 };
        assert!((mean_ms(0.124, sensor) - 124.0).abs() < 1e-9);
        assert!((mean_ms(0.126, sensor) - 252.0).abs() < 1e-9);
        let beyond = long_poll(0.25, sensor).predict();
        assert!((beyond.requests_per_s - 2.0).abs() < 1e-9);
        assert!((beyond.messages_per_full_answer - 2.0).abs() < 1e-9);
    }

    #[test]
    fn burstiness_alone_costs_44_percent() {
        let regular = mean_ms(0.06, Arrivals::Constant { rate_per_s: 4.0 });
        let bursty = mean_ms(0.06, Arrivals::Poisson { rate_per_s: 4.0 });
        assert!((regular - 60.0).abs() < 1e-9);
        assert!((bursty - 86.0).abs() < 0.5, "{bursty}");
        assert!((bursty / regular - 1.44).abs() < 0.01);
    }

    #[test]
    fn a_sparse_sensor_meets_empty_answers_in_a_fixed_pattern() {
        let mut poll = long_poll(0.5, Arrivals::Constant { rate_per_s: 1.0 / 7.0 });
        // G = 1, τ = 2: rounds of 3. I = 7: two empty answers, then 1 s left, just held.
        poll.hold_s = 2.0;
        let held = poll.predict();
        assert!((held.empty_share - 2.0 / 3.0).abs() < 1e-9);
        assert!((held.delay.max_s() - 0.5).abs() < 1e-9);
        // I = 6.6: 0.6 s left, in the gap. Waits 0, 0.4, 0.8, then caught: five empty answers for three messages.
        poll.arrivals = Arrivals::Constant { rate_per_s: 1.0 / 6.6 };
        let pattern = poll.predict();
        assert!((pattern.delay.mean_s() - 0.9).abs() < 1e-9);
        assert!((pattern.delay.max_s() - 1.3).abs() < 1e-9);
        assert!((pattern.empty_share - 5.0 / 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_silent_feed_is_asked_once_a_round() {
        for arrivals in [
            Arrivals::Poisson { rate_per_s: 0.0 },
            Arrivals::Constant { rate_per_s: 0.0 },
        ] {
            let prediction = long_poll(0.05, arrivals).predict();
            assert!((prediction.cycle_s() - 25.1).abs() < 1e-9);
            assert_eq!(prediction.empty_share, 1.0);
        }
    }
}
