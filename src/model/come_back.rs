//! Listeners that were cut off together and wait before they try again: how high the storm is, and how long the way back.

/// The steps in which it is reckoned, in seconds.
pub const STEP_S: f64 = 0.01;
/// What is left of all listeners when nobody goes on counting.
const FEW: f64 = 1e-6;
/// Nobody is drawn for longer than this after the server is back.
const LONGEST_S: f64 = 600.0;

/// Everybody is cut off at once by a server that goes away, and comes back after waits that double and are partly left to chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComeBack {
    /// N, all of whom are cut off.
    pub listeners: f64,
    /// The longest that the first wait can be.
    pub wait_s: f64,
    /// What its doubling stops at.
    pub longest_s: f64,
    /// How much of each wait is left to chance, from 0 to 1: it is uniform from (1 − jitter) times its longest to all of it.
    pub jitter: f64,
    /// d; a try reaches the server after d, and a refusal comes back after 2d.
    pub one_way_s: f64,
    /// Over what stretch they notice that they are cut off: nothing of a stream, the interval of short polling. Who notices by asking has
    /// tried at once.
    pub notice_s: f64,
    /// From the cut to the moment at which the server listens again.
    pub away_s: f64,
}

/// What they do on average, in steps of [`STEP_S`] from the cut on.
#[derive(Debug, Clone, PartialEq)]
pub struct Storm {
    /// Connections that reach the server's address in each step.
    pub tried: Vec<f64>,
    /// Those of them that find it there.
    pub taken: Vec<f64>,
}

impl ComeBack {
    /// Follows all of them, try by try.
    ///
    /// The waits are independent, so that the instants of the k-th tries have a density: that of the tries before it that came too early,
    /// 2d later, folded with the next wait's. What of it lies behind the server's return is taken and tries no more.
    pub fn storm(&self) -> Storm {
        let span_s = self.notice_s + self.away_s + 2.0 * self.longest_s.max(self.wait_s) + 1.0;
        let mut storm = Storm {
            tried: vec![0.0; steps(span_s.min(LONGEST_S))],
            taken: Vec::new(),
        };
        storm.taken.clone_from(&storm.tried);
        let noticed = steps(self.notice_s);
        // Those that are about to wait, by when they begin to.
        let mut waiting = vec![0.0; storm.tried.len()];
        if noticed == 0 {
            waiting[0] = self.listeners;
        } else {
            let asked = vec![self.listeners / noticed as f64; noticed];
            waiting = self.meet(&asked, &mut storm);
        }
        let mut longest_s = self.wait_s.min(self.longest_s);
        while waiting.iter().sum::<f64>() > FEW * self.listeners {
            let tries = self.folded(&waiting, longest_s);
            waiting = self.meet(&tries, &mut storm);
            longest_s = (longest_s * 2.0).min(self.longest_s);
            if longest_s <= 0.0 {
                break;
            }
        }
        storm
    }

    /// Tries, by when they leave: counts them when they arrive; gives those that came too early, by when they know.
    fn meet(&self, leave: &[f64], storm: &mut Storm) -> Vec<f64> {
        let (one_way, back) = (steps(self.one_way_s), steps(2.0 * self.one_way_s));
        let away = steps(self.away_s);
        let mut too_early = vec![0.0; storm.tried.len()];
        for (at, number) in leave.iter().enumerate().filter(|(_, number)| **number > 0.0) {
            let arrives = (at + one_way).min(storm.tried.len() - 1);
            storm.tried[arrives] += number;
            if arrives >= away || at + back >= too_early.len() {
                storm.taken[arrives] += number;
            } else {
                too_early[at + back] += number;
            }
        }
        too_early
    }

    /// When those leave that begin to wait then, of a wait of this length at most.
    fn folded(&self, waiting: &[f64], longest_s: f64) -> Vec<f64> {
        let (least, most) = (steps(longest_s * (1.0 - self.jitter)), steps(longest_s));
        let share = 1.0 / (most - least + 1) as f64;
        let mut leave = vec![0.0; waiting.len()];
        for (at, number) in waiting.iter().enumerate().filter(|(_, number)| **number > 0.0) {
            for wait in least..=most {
                let place = (at + wait).min(leave.len() - 1);
                leave[place] += number * share;
            }
        }
        leave
    }
}

impl Storm {
    /// The most connections within so many seconds on end, from `from_s` on.
    pub fn peak(&self, from_s: f64, within_s: f64) -> f64 {
        let tried = self.tried.get(steps(from_s)..).unwrap_or_default();
        let width = steps(within_s).clamp(1, tried.len().max(1));
        let sums = tried.windows(width).map(|steps| steps.iter().sum());
        sums.fold(0.0, f64::max)
    }

    /// When a listener is taken, on the mean, in seconds from the cut; `None` of nobody.
    pub fn mean_s(&self) -> Option<f64> {
        let all: f64 = self.taken.iter().sum();
        let weighed: f64 = self
            .taken
            .iter()
            .enumerate()
            .map(|(at, number)| at as f64 * number)
            .sum();
        (all > 0.0).then(|| weighed / all * STEP_S)
    }
}

fn steps(seconds: f64) -> usize {
    (seconds / STEP_S).round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    fn together(jitter: f64) -> ComeBack {
        ComeBack {
            listeners: 500.0,
            wait_s: 0.5,
            longest_s: 5.0,
            jitter,
            one_way_s: 0.02,
            notice_s: 0.0,
            away_s: 2.1,
        }
    }

    #[test]
    fn without_jitter_all_come_at_once_though_the_server_is_there() {
        let storm = together(0.0).storm();
        let tries: Vec<(usize, f64)> = storm
            .tried
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, number)| *number > 0.0)
            .collect();
        // 0.5 s and d; 1 s, a refusal's way and d later; then 2 s.
        assert_eq!(tries, [(52, 500.0), (156, 500.0), (360, 500.0)]);
        assert_eq!(storm.peak(2.1, 0.1), 500.0);
        assert!((storm.mean_s().unwrap() - 3.6).abs() < 1e-9);
    }

    #[test]
    fn whoever_asks_notices_when_its_turn_comes() {
        let polls = ComeBack {
            notice_s: 1.0,
            ..together(0.0)
        };
        let storm = polls.storm();
        // 500 within a second that ask in vain, and again within a second each time.
        assert!(
            (storm.peak(0.0, 0.1) - 100.0).abs() < 1e-6,
            "two of their rounds meet: {}",
            storm.peak(0.0, 0.1)
        );
        assert!((storm.taken.iter().sum::<f64>() - 500.0).abs() < 1e-6);
        assert!(storm.peak(2.1, 0.1) <= 100.0 + 1e-6);
    }

    #[test]
    fn a_server_that_was_hardly_away_finds_them_at_their_first_try() {
        let short = ComeBack {
            away_s: 0.0,
            ..together(1.0)
        };
        let storm = short.storm();
        assert_eq!(storm.tried, storm.taken);
        // Uniform over half a second.
        assert!((storm.mean_s().unwrap() - 0.27).abs() < 0.006);
        assert!((storm.peak(0.0, 0.1) - 100.0).abs() < 3.0, "{}", storm.peak(0.0, 0.1));
        let nobody = ComeBack {
            listeners: 0.0,
            ..short
        };
        assert_eq!(nobody.storm().mean_s(), None);
    }

    /// Listener by listener, with waits drawn one by one.
    fn drawn(of: &ComeBack, seed: u64) -> (f64, Vec<f64>) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut taken = Vec::new();
        for _ in 0..20_000 {
            let mut at_s = of.notice_s * random.random::<f64>();
            let mut longest_s = of.wait_s.min(of.longest_s);
            let mut has_asked = of.notice_s > 0.0;
            loop {
                if !std::mem::take(&mut has_asked) {
                    at_s += longest_s * (1.0 - of.jitter * random.random::<f64>());
                    longest_s = (longest_s * 2.0).min(of.longest_s);
                }
                if at_s + of.one_way_s >= of.away_s {
                    break;
                }
                at_s += 2.0 * of.one_way_s;
            }
            taken.push(at_s + of.one_way_s);
        }
        (taken.iter().sum::<f64>() / taken.len() as f64, taken)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn it_is_what_listeners_do_one_by_one(
            jitter in 0.3f64..=1.0,
            wait_s in 0.1f64..1.0,
            away_s in 0.05f64..3.0,
            notice_s in prop::sample::select(vec![0.0, 0.7]),
            seed: u64,
        ) {
            let of = ComeBack { jitter, wait_s, away_s, notice_s, ..together(0.0) };
            let storm = of.storm();
            let (mean_s, taken) = drawn(&of, seed);
            let found_s = storm.mean_s().unwrap();
            // A step of the grid at each of a few tries, and the chance of 20,000 draws.
            prop_assert!((found_s - mean_s).abs() < 0.03 + 0.02 * mean_s, "{} and {}", found_s, mean_s);
            let middle = |s: f64| taken.iter().filter(|taken| **taken < s).count() as f64 / taken.len() as f64;
            let upto = |s: f64| storm.taken.iter().take(steps(s)).sum::<f64>() / of.listeners;
            for share in [0.5, 1.0, 2.0] {
                let s = away_s + share;
                prop_assert!((middle(s) - upto(s)).abs() < 0.04, "{} of {} and {}", s, middle(s), upto(s));
            }
        }

        #[test]
        fn everybody_comes_back(jitter in 0.0f64..=1.0, wait_s in 0.001f64..2.0, away_s in 0.0f64..5.0, notice_s in 0.0f64..2.0) {
            let of = ComeBack { jitter, wait_s, away_s, notice_s, ..together(0.0) };
            let taken: f64 = of.storm().taken.iter().sum();
            prop_assert!((taken - 500.0).abs() < 0.01, "{}", taken);
        }
    }
}
