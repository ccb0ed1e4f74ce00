//! Short polling done otherwise: with jitter, without an in-flight guard, with only the newest state in the answer.

use super::{Arrivals, Exchange};

/// The mean delay of short polling whose cycle varies: C(1 + v)/2 + s + d, v being the squared coefficient of variation of
/// the cycle.
///
/// A message is more likely to fall into a long cycle than into a short one, so what it waits is longer than half the mean
/// cycle (the mean residual life of renewal theory). Jitter always costs delay. It is worth it all the same, against
/// listeners that ask in phase: see [`queue::in_phase_mean_s`](super::queue::in_phase_mean_s).
pub fn mean_delay_with_variation_s(cycle_s: f64, squared_variation: f64, exchange: &Exchange) -> f64 {
    cycle_s * (1.0 + squared_variation) / 2.0 + exchange.answer_s()
}

/// v of a cycle spread evenly over C ± J: its variance J²/3 over C².
pub fn squared_variation_of_jitter(cycle_s: f64, jitter_s: f64) -> f64 {
    jitter_s.powi(2) / (3.0 * cycle_s.powi(2))
}

/// How often each message comes when a fixed timer asks although the last answer is still missing: 1 + ⌊(2d + s + h)/T⌋.
///
/// Until an answer arrives the listener's cursor stands still, and every request that leaves meanwhile asks for the same
/// messages again.
pub fn copies_without_guard(interval_s: f64, exchange: &Exchange) -> f64 {
    1.0 + (exchange.turnaround_s() / interval_s).floor()
}

/// The share of messages ever seen when a poll returns only the newest state: (1 − e^(−λT))/(λT), or min(1, I/T) of constant
/// arrivals.
///
/// Each poll that finds news shows one message of all those that came; so the share is the chance of news over the messages
/// to expect.
pub fn share_seen_of_newest_only(cycle_s: f64, arrivals: Arrivals) -> f64 {
    1.0 / arrivals.expected_if_some(cycle_s, arrivals.chance_of_some(cycle_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_costs_delay() {
        let v = squared_variation_of_jitter(1.0, 0.5);
        assert!((v - 1.0 / 12.0).abs() < 1e-12);
        let mean_s = mean_delay_with_variation_s(1.0, v, &Exchange::default());
        assert!((mean_s - 0.5 * 13.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn answers_slower_than_the_timer_come_repeatedly() {
        let exchange = Exchange {
            one_way_s: 1.3,
            ..Exchange::default()
        };
        assert_eq!(copies_without_guard(1.0, &exchange), 3.0);
        assert_eq!(copies_without_guard(1.0, &Exchange::default()), 1.0);
    }

    #[test]
    fn pull_is_good_only_when_its_interval_equals_the_publish_interval() {
        // Bozdag, Mesbah and van Deursen 2007: slower than the publisher it misses 1 − I/T, faster it wastes 1 − T/I of its
        // polls.
        let every_10_s = Arrivals::Constant { rate_per_s: 0.1 };
        assert!((share_seen_of_newest_only(10.0, every_10_s) - 1.0).abs() < 1e-12);
        assert!((share_seen_of_newest_only(40.0, every_10_s) - 0.25).abs() < 1e-12);
        assert!((every_10_s.chance_of_none(2.5) - 0.75).abs() < 1e-12);
    }
}
