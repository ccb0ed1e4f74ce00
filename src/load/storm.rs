//! What listeners do when their server goes away in mid-run: who was cut off, who tries when, and who is back.

use std::time::{Duration, Instant};

use super::clock::Clock;
use super::outage::Restarted;
use crate::results::{Distribution, Restart};

/// Fine enough to see whether those who were cut off together come back together.
const STEP: Duration = Duration::from_millis(10);
/// What comes later than a thousand seconds after it belongs to the last step.
const MOST: usize = 100_000;

/// What the listeners of one thread did, by steps from the moment that the server was told to end.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    tried: Vec<u64>,
    refused: Vec<u64>,
    back: Vec<u64>,
    cut: u64,
    away: Distribution,
    deaf: Distribution,
    late: Distribution,
}

/// What a listener went through on account of the server's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Absence {
    /// Nothing yet.
    #[default]
    None,
    /// Cut off since then, and not answered.
    Away(Instant),
    /// Answered again, but nothing heard since that instant.
    Deaf(Instant),
    /// It hears again.
    Over,
}

impl Storm {
    /// A connection was tried, so long after the server was told to end.
    pub(crate) fn tried(&mut self, since: Duration) {
        count(&mut self.tried, since);
    }

    /// A connection came to nothing.
    pub(crate) fn refused(&mut self, since: Duration) {
        count(&mut self.refused, since);
    }

    /// A listener was cut off.
    pub(crate) fn cut(&mut self) {
        self.cut += 1;
    }

    /// A listener that had been cut off at that instant is answered again.
    pub(crate) fn back(&mut self, since: Duration, away: Duration) {
        count(&mut self.back, since);
        self.away.record(away);
    }

    /// It has heard a message again.
    pub(crate) fn hears(&mut self, deaf: Duration) {
        self.deaf.record(deaf);
    }

    /// It left so much later for its next try than it was meant to.
    pub(crate) fn late(&mut self, late: Duration) {
        self.late.record(late);
    }

    /// Takes in what another thread saw.
    pub(crate) fn merge(&mut self, other: Storm) {
        add(&mut self.tried, &other.tried);
        add(&mut self.refused, &other.refused);
        add(&mut self.back, &other.back);
        self.cut += other.cut;
        self.away.merge(&other.away);
        self.deaf.merge(&other.deaf);
        self.late.merge(&other.late);
    }

    /// All of it, on the clock of the run.
    pub(crate) fn told(mut self, at: Restarted, clock: &Clock, cpu_step: Duration, cpu_s: Vec<f64>) -> Restart {
        let since_start = |at: Instant| clock.since_start(at).unwrap_or_default().as_secs_f64();
        let length = [&self.tried, &self.refused, &self.back].map(Vec::len).into_iter().max();
        for steps in [&mut self.tried, &mut self.refused, &mut self.back] {
            steps.resize(length.unwrap_or(0), 0);
        }
        Restart {
            told_s: since_start(at.told),
            ended_s: since_start(at.ended),
            started_s: since_start(at.started),
            listening_s: since_start(at.listening),
            cut: self.cut,
            away: self.away,
            deaf: self.deaf,
            late: self.late,
            step_s: STEP.as_secs_f64(),
            tried: self.tried,
            refused: self.refused,
            back: self.back,
            cpu_step_s: cpu_step.as_secs_f64(),
            cpu_s,
        }
    }
}

fn count(steps: &mut Vec<u64>, since: Duration) {
    let place = ((since.as_nanos() / STEP.as_nanos()) as usize).min(MOST);
    if steps.len() <= place {
        steps.resize(place + 1, 0);
    }
    steps[place] += 1;
}

fn add(ours: &mut Vec<u64>, theirs: &[u64]) {
    ours.resize(ours.len().max(theirs.len()), 0);
    ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn what_happens_is_counted_from_the_end_of_the_server_on() {
        let clock = Clock::new(&scenario());
        let start = Instant::now();
        clock.start_at(start);
        let mut storm = Storm::default();
        storm.cut();
        storm.tried(MS(9));
        storm.refused(MS(10));
        storm.tried(MS(1_205));
        storm.back(MS(1_215), MS(1_215));
        storm.hears(MS(1_300));
        let at = Restarted {
            told: start + MS(500),
            ended: start + MS(520),
            started: start + MS(1_520),
            listening: start + MS(1_600),
        };
        let told = storm.told(at, &clock, MS(100), vec![0.01]);
        assert_eq!((told.told_s, told.listening_s), (0.5, 1.6));
        assert_eq!((told.tried.len(), told.refused.len(), told.back.len()), (122, 122, 122));
        assert_eq!(
            (told.tried[0], told.refused[1], told.tried[120], told.back[121]),
            (1, 1, 1, 1)
        );
        assert_eq!((told.cut, told.returned(), told.peak(0.1)), (1, 1, 1));
        assert!((told.deaf.max_ms().unwrap() - 1_300.0).abs() < 2.0);
    }

    #[test]
    fn the_number_of_steps_has_a_bound() {
        let mut storm = Storm::default();
        storm.tried(Duration::from_secs(1_000_000));
        assert_eq!(storm.tried.len(), MOST + 1);
    }

    proptest! {
        #[test]
        fn storms_merge_alike_in_any_order(seen in prop::collection::vec((0usize..3, 0u64..400), 0..40)) {
            let of = |thread: usize| {
                let mut storm = Storm::default();
                for (_, ms) in seen.iter().filter(|(other, _)| *other == thread) {
                    storm.cut();
                    storm.tried(MS(*ms));
                    storm.back(MS(*ms), MS(*ms));
                }
                storm
            };
            let merged = |order: [usize; 3]| {
                let mut sum = Storm::default();
                order.into_iter().for_each(|thread| sum.merge(of(thread)));
                sum
            };
            let (one, other) = (merged([0, 1, 2]), merged([2, 0, 1]));
            prop_assert_eq!(&one.tried, &other.tried);
            prop_assert_eq!(&one.away, &other.away);
            prop_assert_eq!(one.tried.iter().sum::<u64>(), seen.len() as u64);
            prop_assert_eq!((one.cut, one.back.iter().sum::<u64>()), (seen.len() as u64, seen.len() as u64));
        }
    }
}
