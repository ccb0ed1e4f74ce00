//! Where long polling turns into the dearer way to ask.

use super::{Arrivals, LongPoll};

/// From which rate on long polling sends more requests than short polling with a given cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Crossover {
    /// At any rate: the hold limit is shorter than the short poll's cycle.
    Always,
    /// From so many messages a second on.
    At(f64),
    /// At no rate: even asking again at once is no more often than the short poll asks.
    Never,
}

/// From which rate of Poisson messages on long polling sends more requests than short polling every `short_cycle_s`.
///
/// Long polling asks once a message or a little less often, so this is close to one message a short-poll cycle. Exactly it
/// is where the long poll's cycle C(λ) = G + e^(−λG)(1 − e^(−λτ))/λ, which falls from G + τ to G as the feed gets busier,
/// meets the short poll's. The rate in `long_poll` is passed over.
pub fn with_short_poll(short_cycle_s: f64, long_poll: &LongPoll) -> Crossover {
    let gap_s = long_poll.exchange.gap_s();
    if short_cycle_s >= gap_s + long_poll.hold_s {
        return Crossover::Always;
    }
    if short_cycle_s <= gap_s {
        return Crossover::Never;
    }
    let cycle_s = |rate_per_s| {
        let arrivals = Arrivals::Poisson { rate_per_s };
        LongPoll { arrivals, ..*long_poll }.predict().cycle_s()
    };
    let (mut low, mut high) = (0.0, 1.0 / short_cycle_s);
    while cycle_s(high) > short_cycle_s {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if cycle_s(middle) > short_cycle_s {
            low = middle
        } else {
            high = middle
        }
    }
    Crossover::At(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exchange;

    fn at(short_cycle_s: f64, hold_s: f64) -> Crossover {
        let long_poll = LongPoll {
            hold_s,
            exchange: Exchange {
                one_way_s: 0.05,
                service_s: 0.0002,
                ..Exchange::default()
            },
            arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
        };
        with_short_poll(short_cycle_s, &long_poll)
    }

    #[test]
    fn one_message_per_interval_is_where_they_meet() {
        for (interval_s, expected) in [(1.0, 1.005), (5.0, 0.199), (0.5, 2.04)] {
            let Crossover::At(rate_per_s) = at(interval_s, 25.0) else {
                panic!("they meet");
            };
            assert!(
                (rate_per_s / expected - 1.0).abs() < 0.006,
                "{interval_s}: {rate_per_s}"
            );
        }
    }

    #[test]
    fn they_need_not_meet() {
        assert_eq!(at(1.0, 0.5), Crossover::Always);
        assert_eq!(at(0.1, 25.0), Crossover::Never);
    }
}
