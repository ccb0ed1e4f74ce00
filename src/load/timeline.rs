//! Counts over time, in steps.

use std::time::Duration;

use crate::results::{Scenario, Timeline};

/// A run is drawn with at least this many steps of sending.
const FEWEST: f64 = 20.0;
/// Longer steps hide what happens.
const LONGEST_MS: u64 = 1000;

/// How a run is cut into steps. The window begins where a step begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    step: Duration,
    warm_up_steps: usize,
    // What the first step lacks, when the warm-up is not a whole number of steps.
    lead: Duration,
    most: usize,
}

impl Steps {
    /// One second, or finer so that there are at least 20; a length that divides the warm-up where there is a round one.
    pub(crate) fn new(scenario: &Scenario) -> Steps {
        let limit_ms = (scenario.sending().as_secs_f64() * 1e3 / FEWEST).clamp(1.0, LONGEST_MS as f64);
        let step = round_step(limit_ms as u64, scenario.warm_up);
        let warm_up_steps = scenario.warm_up.as_nanos().div_ceil(step.as_nanos()) as usize;
        let whole = scenario.sending() + scenario.drain;
        Steps {
            step,
            warm_up_steps,
            lead: step * warm_up_steps as u32 - scenario.warm_up,
            most: whole.as_nanos().div_ceil(step.as_nanos()) as usize + 1,
        }
    }

    /// Adds `count` to the step that holds this instant. What comes after the drain belongs to the last one.
    pub(crate) fn add(&self, counts: &mut Vec<u64>, since_start: Duration, count: u64) {
        let place = ((since_start + self.lead).as_nanos() / self.step.as_nanos()) as usize;
        let place = place.min(self.most);
        if counts.len() <= place {
            counts.resize(place + 1, 0);
        }
        counts[place] += count;
    }

    /// A timeline of these counts, all as long as the longest.
    pub(crate) fn timeline(&self, mut counts: [Vec<u64>; 3], messages_s: Vec<f64>) -> Timeline {
        let length = counts.iter().map(Vec::len).max().unwrap_or_default();
        counts.iter_mut().for_each(|counts| counts.resize(length, 0));
        let [requests, empty, deliveries] = counts;
        Timeline {
            step_s: self.step.as_secs_f64(),
            warm_up_steps: self.warm_up_steps,
            requests,
            empty,
            deliveries,
            messages_s,
        }
    }
}

/// The longest round step up to the limit that divides the warm-up, if one not much shorter does; else the longest.
fn round_step(limit_ms: u64, warm_up: Duration) -> Duration {
    let round = || {
        [1000, 500, 250, 200, 100, 50, 25, 20, 10, 5, 2, 1]
            .into_iter()
            .filter(move |ms| *ms <= limit_ms)
    };
    let divides = |ms: &u64| warm_up.as_nanos().is_multiple_of(u128::from(*ms) * 1_000_000);
    let step_ms = round()
        .take_while(|ms| *ms * 10 >= limit_ms)
        .find(divides)
        .or_else(|| round().next())
        .unwrap_or(1);
    Duration::from_millis(step_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;

    fn steps(warm_up_ms: u64, duration_ms: u64) -> Steps {
        Steps::new(&Scenario {
            warm_up: Duration::from_millis(warm_up_ms),
            duration: Duration::from_millis(duration_ms),
            drain: Duration::from_secs(1),
            ..scenario()
        })
    }

    #[test]
    fn a_step_is_a_second_or_as_fine_as_twenty_need() {
        assert_eq!(steps(5_000, 30_000).step, Duration::from_secs(1));
        assert_eq!(steps(1_000, 9_000).step, Duration::from_millis(500));
        assert_eq!(steps(0, 1_000).step, Duration::from_millis(50));
        assert_eq!(steps(1_300, 20_000).step, Duration::from_millis(100));
    }

    #[test]
    fn the_window_begins_where_a_step_begins() {
        for warm_up_ms in [0, 1, 333, 1_300, 2_000, 4_999] {
            let steps = steps(warm_up_ms, 40_000);
            let mut counts = Vec::new();
            steps.add(&mut counts, Duration::from_millis(warm_up_ms), 1);
            assert_eq!(counts.len(), steps.warm_up_steps + 1, "{warm_up_ms}");
            if warm_up_ms > 0 {
                let mut before = Vec::new();
                steps.add(&mut before, Duration::from_micros(warm_up_ms * 1000 - 1), 1);
                assert_eq!(before.len(), steps.warm_up_steps, "{warm_up_ms}");
            }
        }
    }

    #[test]
    fn the_number_of_steps_has_a_bound() {
        let steps = steps(1_000, 9_000);
        let mut counts = Vec::new();
        steps.add(&mut counts, Duration::from_secs(1_000_000), 1);
        assert_eq!(counts.len(), 11 * 2 + 2);
        let timeline = steps.timeline([counts, vec![1], Vec::new()], Vec::new());
        assert_eq!(timeline.requests.len(), timeline.deliveries.len());
    }
}
