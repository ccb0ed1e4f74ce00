use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Plan;

impl Plan<'_> {
    /// Another schedule that this feed could have had: as many Poisson messages, drawn anew from `seed`.
    ///
    /// So many Poisson messages in a window are so many instants anywhere in it. What a figure does over several of these is what chance
    /// alone does to it.
    pub fn redrawn(&self, seed: u64) -> Vec<f64> {
        let mut counted = drawn(self.counted().len(), self.window_s(), seed);
        counted.iter_mut().for_each(|at_s| *at_s += self.from_s);
        let before = self.messages_s.partition_point(|at_s| *at_s < self.from_s);
        let mut all = drawn(before, self.from_s, seed ^ u64::MAX);
        all.append(&mut counted);
        all
    }
}

/// So many instants anywhere in a span that begins at 0, rising.
pub(super) fn drawn(number: usize, span_s: f64, seed: u64) -> Vec<f64> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut unit = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let mut drawn: Vec<f64> = (0..number).map(|_| unit() * span_s).collect();
    drawn.sort_by(f64::total_cmp);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_schedule_has_as_many_messages_in_the_window() {
        let messages_s = [1.0, 2.5, 3.0, 7.0];
        let plan = Plan {
            messages_s: &messages_s,
            from_s: 2.0,
            to_s: 8.0,
        };
        let drawn = plan.redrawn(5);
        assert!(drawn.is_sorted());
        assert_eq!(drawn.iter().filter(|at_s| **at_s >= 2.0).count(), 3);
        assert_eq!(drawn.len(), 4);
        assert!(drawn.iter().all(|at_s| (0.0..8.0).contains(at_s)));
        assert_ne!(drawn, plan.redrawn(6));
        assert_eq!(drawn, plan.redrawn(5));
    }
}
