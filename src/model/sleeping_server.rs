use super::{Arrivals, Delay, Exchange, Prediction};

/// Long polling by a server that is not woken by a message, but looks whether there is one every Δ: a waiting loop.
///
/// It is short polling, moved into the server. A message waits for the next look, anything up to Δ, and everything that is
/// said of an interval there holds here: *looks a second × mean wait = 1/2*. Only the wire is spared. The first look is when
/// the request arrives, so whoever meets the [gap](super::LongPoll) waits for its end as ever.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SleepingServer {
    /// Δ.
    pub look_every_s: f64,
    /// τ.
    pub hold_s: f64,
    /// What one request takes, the hold aside.
    pub exchange: Exchange,
    /// The messages.
    pub arrivals: Arrivals,
}

impl SleepingServer {
    /// What one listener should see and do, on a feed of Poisson messages; one of regular messages is followed by
    /// [`Plan`](super::Plan), as where it stands to the looks is no chance.
    ///
    /// With q = e^(−λΔ), the chance that a look finds nothing new, a poll that is held is looked at (1 − q^(τ/Δ))/(1 − q)
    /// times on average until a look finds something or τ is over. Hence
    ///
    /// - C = G + e^(−λG)·Δ·(1 − e^(−λτ))/(1 − e^(−λΔ)), which is that of a server that is woken when Δ is nothing, and about
    ///   Δ/2 more otherwise;
    /// - the share G/C of the messages waits for the end of the gap, the rest anything up to Δ.
    pub fn predict(&self) -> Prediction {
        let (gap_s, answer_s) = (self.exchange.gap_s(), self.exchange.answer_s());
        let look_s = self.look_every_s.min(self.hold_s);
        let looks = match self.arrivals.chance_of_some(look_s) {
            0.0 => self.hold_s / look_s,
            some => self.arrivals.chance_of_some(self.hold_s) / some,
        };
        let cycle_s = gap_s + self.arrivals.chance_of_none(gap_s) * look_s * looks;
        let in_gap = gap_s / cycle_s;
        let some = self.arrivals.chance_of_some(gap_s + self.hold_s);
        let waits = |longest_s| Delay::even(answer_s, answer_s + longest_s);
        Prediction {
            delay: waits(look_s).or(in_gap, waits(gap_s)),
            requests_per_s: 1.0 / cycle_s,
            empty_share: 1.0 - some,
            messages_per_full_answer: self.arrivals.expected_if_some(cycle_s, some),
        }
    }

    /// The look, of those that are Δ apart from the arrival of the request on, that first finds a message of this instant; the end of
    /// the hold where that comes before.
    pub(super) fn look_s(&self, arrival_s: f64, message_s: f64) -> f64 {
        let looks = ((message_s - arrival_s) / self.look_every_s).ceil().max(0.0);
        (arrival_s + looks * self.look_every_s).min(arrival_s + self.hold_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LongPoll;

    fn server(look_every_s: f64, rate_per_s: f64) -> SleepingServer {
        SleepingServer {
            look_every_s,
            hold_s: 25.0,
            exchange: Exchange {
                one_way_s: 0.02,
                ..Exchange::default()
            },
            arrivals: Arrivals::Poisson { rate_per_s },
        }
    }

    #[test]
    fn one_that_hardly_sleeps_is_as_good_as_woken() {
        let woken = LongPoll {
            hold_s: 25.0,
            exchange: server(1.0, 1.0).exchange,
            arrivals: Arrivals::Poisson { rate_per_s: 1.0 },
        };
        let (woken, sleeping) = (woken.predict(), server(1e-6, 1.0).predict());
        assert!((woken.cycle_s() - sleeping.cycle_s()).abs() < 1e-5);
        assert!((woken.delay.mean_s() - sleeping.delay.mean_s()).abs() < 1e-5);
        assert!((woken.empty_share - sleeping.empty_share).abs() < 1e-9);
    }

    #[test]
    fn half_a_sleep_is_what_a_message_waits() {
        // A tenth of a message a second: of the cycle of 10.5 s the gap has 40 ms, so next to nobody meets it.
        let prediction = server(1.0, 0.1).predict();
        assert!((prediction.delay.mean_s() - 0.52).abs() < 0.003);
        assert!((prediction.delay.max_s() - 1.02).abs() < 1e-9);
        assert!((prediction.delay.quantile_s(0.99) - 1.01).abs() < 0.003);
    }

    #[test]
    fn a_silent_feed_is_asked_once_a_round() {
        let prediction = server(1.0, 0.0).predict();
        assert!((prediction.cycle_s() - 25.04).abs() < 1e-9);
        assert_eq!(prediction.empty_share, 1.0);
        // A sleep that is longer than the hold ends with it.
        assert!((server(60.0, 0.0).predict().cycle_s() - 25.04).abs() < 1e-9);
    }

    #[test]
    fn looks_stand_on_the_grid_of_their_request() {
        let server = server(2.0, 1.0);
        assert_eq!(server.look_s(10.0, 9.0), 10.0);
        assert_eq!(server.look_s(10.0, 10.5), 12.0);
        assert_eq!(server.look_s(10.0, 14.0), 14.0);
        assert_eq!(server.look_s(10.0, 99.0), 35.0);
    }
}
