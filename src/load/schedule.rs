//! The plan of a run, made before it: when each message is meant to leave, and where in its interval each listener polls.
//!
//! Nothing here looks at a clock. The same seed gives the same plan on every platform: the random numbers are ChaCha's,
//! and every instant is rounded to whole microseconds, so that the last bit of a platform's logarithm does not matter.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::results::{Arrivals, Scenario};

/// The part of the seed's random numbers that the sends are drawn from.
const SENDS: u64 = 0;
/// The part that the phases are drawn from: more listeners must not change the sends.
const PHASES: u64 = 1;
/// The first of the parts that the waits of the listeners are drawn from: each has one of its own.
const WAITS: u64 = 2;

/// When each message is *meant* to leave, as offsets from the start of the warm-up, never decreasing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    sends: Vec<Duration>,
    warm_up: Duration,
}

impl Schedule {
    /// The plan of this scenario: messages over warm-up and window, the same for every transport.
    pub(crate) fn new(scenario: &Scenario) -> Schedule {
        let length = scenario.sending();
        let sends = match scenario.arrivals {
            Arrivals::Constant => constant(scenario.rate_per_s, clear_of_edges(scenario), length),
            Arrivals::Poisson => poisson(scenario.rate_per_s, length, scenario.seed),
        };
        let warm_up = scenario.warm_up;
        Schedule { sends, warm_up }
    }

    /// All intended instants, in order; a message's index is its place here.
    pub(crate) fn sends(&self) -> &[Duration] {
        &self.sends
    }

    /// When message `index` is meant to leave; `None` of one that was never planned.
    pub(crate) fn intended(&self, index: usize) -> Option<Duration> {
        self.sends.get(index).copied()
    }

    /// Whether a message intended at this instant is one of those that count.
    pub(crate) fn counts(&self, intended: Duration) -> bool {
        intended >= self.warm_up
    }

    /// How many messages are intended within the window.
    pub(crate) fn planned_in_window(&self) -> u64 {
        self.sends.iter().filter(|intended| self.counts(**intended)).count() as u64
    }
}

/// Where in the interval each listener polls, as a share of it from 0 to 1: uniform, so that they do not come as a herd.
pub(crate) fn phases(seed: u64, listeners: u32) -> impl Iterator<Item = f64> {
    let mut random = random(seed, PHASES);
    (0..listeners).map(move |_| unit(&mut random))
}

/// What chance says about the `nth` wait of a listener, from 0 to 1: the same in every run of this seed, whatever else happens.
pub(crate) fn chance(seed: u64, listener: usize, nth: u32) -> f64 {
    let mut random = random(seed, WAITS + listener as u64);
    // A number of 64 bits is two of the generator's words.
    random.set_word_pos(u128::from(nth) * 2);
    unit(&mut random)
}

/// One every 1/rate: send `n` is due at `(n + first) / rate_per_s` however late the one before it was.
fn constant(rate_per_s: f64, first: f64, length: Duration) -> Vec<Duration> {
    within((0u64..).map(|n| (n as f64 + first) / rate_per_s), length)
}

/// Where the first of equal distances ends, as a share of it: where the messages keep as far from the window's edges as they can, when they
/// leave, when they cross the server's side of the link, and when they are heard. On an edge it would be chance what is counted of a message: its
/// delivery, but not the segment that carried it, or the work that it was.
fn clear_of_edges(scenario: &Scenario) -> f64 {
    let one_way = scenario.one_way().as_secs_f64();
    let edges = [scenario.warm_up, scenario.sending()].map(|edge| edge.as_secs_f64());
    let on_their_way = [0.0, one_way, 2.0 * one_way];
    let meets = |edge: f64| on_their_way.map(|later_s| ((edge - later_s) * scenario.rate_per_s).rem_euclid(1.0));
    let mut meetings: Vec<f64> = edges.into_iter().flat_map(meets).collect();
    meetings.sort_by(f64::total_cmp);
    let again = meetings.first().map(|first| first + 1.0);
    let next = meetings.iter().copied().skip(1).chain(again);
    let gaps = meetings.iter().copied().zip(next);
    let widest = gaps.max_by(|(a, b), (c, d)| (b - a).total_cmp(&(d - c)));
    // The last bit must not make a whole distance of none.
    let middle = |(from, to): (f64, f64)| ((from + to) / 2.0 * 1e6).round() / 1e6;
    widest.map_or(0.5, middle).rem_euclid(1.0)
}

/// A Poisson process: the gaps are independent and exponential with the mean 1/rate.
fn poisson(rate_per_s: f64, length: Duration, seed: u64) -> Vec<Duration> {
    let mut random = random(seed, SENDS);
    let instants = (0u64..).scan(0.0, |at_s, _| {
        // 1 − u is above zero, so its logarithm is finite.
        *at_s += -(1.0 - unit(&mut random)).ln() / rate_per_s;
        Some(*at_s)
    });
    within(instants, length)
}

/// The instants before `length`, in whole microseconds. A rate of zero (or one that is no number) plans nothing.
fn within(instants_s: impl Iterator<Item = f64>, length: Duration) -> Vec<Duration> {
    let end_us = length.as_micros() as u64;
    instants_s
        .take_while(|at_s| at_s.is_finite())
        .map(|at_s| (at_s * 1e6).round() as u64)
        .take_while(|at_us| *at_us < end_us)
        .map(Duration::from_micros)
        .collect()
}

fn random(seed: u64, stream: u64) -> ChaCha12Rng {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

/// Uniform from 0 to under 1: the 53 highest bits, as many as an `f64` holds exactly.
fn unit(random: &mut ChaCha12Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;
    use proptest::prelude::*;

    fn plan(arrivals: Arrivals, rate_per_s: f64, seed: u64) -> Schedule {
        Schedule::new(&Scenario {
            arrivals,
            rate_per_s,
            seed,
            warm_up: Duration::from_secs(2),
            duration: Duration::from_secs(20),
            ..scenario()
        })
    }

    #[test]
    fn constant_sends_keep_their_distance() {
        let plan = plan(Arrivals::Constant, 4.0, 1);
        assert_eq!(plan.sends().len(), 88);
        // The edges of the window are at multiples of 250 ms, and there is no link: halfway between.
        assert_eq!(plan.intended(9), Some(Duration::from_millis(2375)));
        assert_eq!(plan.intended(88), None);
        assert_eq!(plan.planned_in_window(), 80);
    }

    #[test]
    fn equal_distances_keep_clear_of_both_edges_all_the_way() {
        let with = |rate_per_s, warm_up_ms, rtt_ms| Scenario {
            arrivals: Arrivals::Constant,
            rate_per_s,
            warm_up: Duration::from_millis(warm_up_ms),
            duration: Duration::from_secs(10),
            rtt: Duration::from_millis(rtt_ms),
            ..scenario()
        };
        // No link; one that takes a message half a distance to cross, and a whole one to be heard; edges between two multiples of the distance.
        for (scenario, first) in [
            (with(2.0, 1000, 0), 0.5),
            (with(20.0, 1000, 50), 0.75),
            (with(10.0, 450, 0), 0.0),
            (with(0.1, 0, 0), 0.5),
        ] {
            let found = clear_of_edges(&scenario);
            assert!((found - first).abs() < 1e-9, "{found} for {scenario:?}");
        }
    }

    #[test]
    fn no_rate_plans_nothing() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            assert!(plan(arrivals, 0.0, 1).sends().is_empty());
        }
    }

    #[test]
    fn a_seed_means_the_same_plan_for_ever() {
        // Written down once: should a new version of a crate change them, old results could no longer be repeated.
        let first: Vec<u128> = plan(Arrivals::Poisson, 10.0, 7).sends()[..4]
            .iter()
            .map(Duration::as_micros)
            .collect();
        assert_eq!(first, [3_079, 39_764, 55_154, 133_355]);
        let phase = phases(7, 1).next().unwrap();
        assert!((phase - 0.130_803_065_270_766_7).abs() < 1e-15, "{phase}");
    }

    #[test]
    fn poisson_gaps_vary_as_exponential_ones_do() {
        let plan = plan(Arrivals::Poisson, 2000.0, 3);
        let gaps: Vec<f64> = plan
            .sends()
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // 44,000 gaps: the variation of an exponential distribution is 1, here known to about 1 %.
        assert!((variance / mean.powi(2) - 1.0).abs() < 0.05);
    }

    proptest! {
        #[test]
        fn a_plan_is_monotone_within_its_length_and_holds_rate_times_time(seed: u64, rate in 1.0f64..500.0, constant: bool) {
            let arrivals = if constant { Arrivals::Constant } else { Arrivals::Poisson };
            let plan = plan(arrivals, rate, seed);
            prop_assert!(plan.sends().is_sorted());
            prop_assert!(plan.sends().iter().all(|send| *send < Duration::from_secs(22)));
            // Six standard deviations of a Poisson count: one failure in a billion.
            let expected = rate * 22.0;
            let room = if constant { 1.0 } else { 6.0 * expected.sqrt() + 1.0 };
            prop_assert!((plan.sends().len() as f64 - expected).abs() <= room);
        }

        #[test]
        fn no_edge_is_met_by_equal_distances(rate in 0.1f64..500.0, warm_up_ms in 0u64..5000, length_ms in 1u64..20_000, rtt_ms in 0u64..300) {
            let scenario = Scenario {
                arrivals: Arrivals::Constant,
                rate_per_s: rate,
                warm_up: Duration::from_millis(warm_up_ms),
                duration: Duration::from_millis(length_ms),
                rtt: Duration::from_millis(rtt_ms),
                ..scenario()
            };
            let one_way = scenario.one_way();
            for send in Schedule::new(&scenario).sends() {
                for place in [*send, *send + one_way, *send + 2 * one_way] {
                    for edge in [scenario.warm_up, scenario.sending()] {
                        // Of six places in a distance, two are a sixth apart or more; an instant is rounded to a microsecond.
                        let distance = place.abs_diff(edge).as_secs_f64() + 2e-6;
                        prop_assert!(distance * rate >= 1.0 / 12.0, "{:?} {:?}", place, edge);
                    }
                }
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_plan_and_another_gives_another(seed: u64) {
            prop_assert_eq!(plan(Arrivals::Poisson, 10.0, seed), plan(Arrivals::Poisson, 10.0, seed));
            prop_assert_ne!(plan(Arrivals::Poisson, 10.0, seed), plan(Arrivals::Poisson, 10.0, seed ^ 1));
        }

        #[test]
        fn the_waits_of_a_listener_are_uniform_and_none_of_anothers(seed: u64) {
            let waits: Vec<f64> = (0..500).map(|nth| chance(seed, 3, nth)).collect();
            prop_assert!(waits.iter().all(|wait| (0.0..1.0).contains(wait)));
            let mean = waits.iter().sum::<f64>() / 500.0;
            // Seven standard errors of a uniform mean of 500.
            prop_assert!((mean - 0.5).abs() < 0.091, "{}", mean);
            prop_assert_ne!(chance(seed, 3, 7), chance(seed, 4, 7));
            prop_assert_eq!(chance(seed, 3, 7), waits[7]);
        }

        #[test]
        fn phases_fill_the_interval_evenly(seed: u64) {
            let phases: Vec<f64> = phases(seed, 1000).collect();
            prop_assert!(phases.iter().all(|phase| (0.0..1.0).contains(phase)));
            let mean = phases.iter().sum::<f64>() / 1000.0;
            // Seven standard errors of a uniform mean of 1,000.
            prop_assert!((mean - 0.5).abs() < 0.064);
        }
    }
}
