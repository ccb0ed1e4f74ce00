use std::time::Duration;

use tokio::time::Instant;

/// When heartbeats are due that come round in an interval: many at a time.
///
/// To wake a thread that sleeps costs several times what a heartbeat's write costs. Whoever is due at about the same time is therefore due at
/// the same time, on one of a few beats in an interval. None is late for that, and each is early by one beat at most.
pub(super) struct Beat {
    began: Instant,
    step: Duration,
}

impl Beat {
    /// So many beats are in an interval.
    pub(super) const ROUND: u64 = 30;

    pub(super) fn new(interval: Duration) -> Self {
        Beat {
            began: Instant::now(),
            step: (interval / Self::ROUND as u32).max(Duration::from_nanos(1)),
        }
    }

    /// How many beats have been.
    pub(super) fn passed(&self) -> u64 {
        (self.began.elapsed().as_nanos() / self.step.as_nanos()) as u64
    }

    /// When the beat of this number is.
    pub(super) fn at(&self, beat: u64) -> Instant {
        let nanos = self.step.as_nanos() * u128::from(beat);
        self.began + Duration::from_nanos(nanos as u64)
    }

    /// When whoever has an interval that begins now is due.
    pub(super) fn due(&self) -> Instant {
        self.at(self.passed() + Self::ROUND)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);
    const STEP: Duration = Duration::from_millis(500);

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_at_about_the_same_time_is_due_at_the_same_time() {
        let beat = Beat::new(INTERVAL);
        advance(Duration::from_millis(1_010)).await;
        let one = beat.due();
        advance(Duration::from_millis(400)).await;
        assert_eq!(beat.due(), one);
        advance(Duration::from_millis(100)).await;
        assert_eq!(beat.due(), one + STEP);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_late_and_all_come_round_in_their_interval() {
        let beat = Beat::new(INTERVAL);
        advance(Duration::from_millis(1_234)).await;
        let first = beat.due();
        let wait = first - Instant::now();
        assert!(wait <= INTERVAL && wait > INTERVAL - STEP, "{wait:?}");
        sleep_until(first).await;
        // A timer may fire a little late.
        advance(Duration::from_millis(3)).await;
        assert_eq!(beat.due(), first + INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn the_shortest_interval_and_a_year_have_their_beats_too() {
        for interval in [
            Duration::from_millis(1),
            Duration::from_millis(50),
            Duration::from_secs(31_536_000),
        ] {
            let beat = Beat::new(interval);
            let wait = beat.due() - Instant::now();
            assert!(wait <= interval && wait > interval / 2, "{wait:?} of {interval:?}");
        }
        assert!(Beat::new(Duration::from_nanos(1)).due() > Instant::now());
    }
}
