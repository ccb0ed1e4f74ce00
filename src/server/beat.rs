use std::time::Duration;

use tokio::time::Instant;

/// When those are due who are pinged: many at a time.
///
/// To wake a thread that sleeps costs several times what a ping costs. WebSockets that are due at about the same time are therefore due at
/// the same time. None is late for that, and each is early by a sixtieth of the interval at most.
pub(super) struct Beat {
    began: Instant,
}

impl Beat {
    /// So many times an interval it is time for somebody.
    const STEPS: u32 = 60;

    pub(super) fn new() -> Self {
        Beat { began: Instant::now() }
    }

    /// When whoever has an `interval` that begins now is due.
    pub(super) fn due(&self, interval: Duration) -> Instant {
        let step_ns = (interval / Self::STEPS).as_nanos().max(1);
        let due = Instant::now() + interval;
        let past_ns = (due - self.began).as_nanos() % step_ns;
        due - Duration::from_nanos(past_ns as u64)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_at_about_the_same_time_is_due_at_the_same_time() {
        let beat = Beat::new();
        advance(Duration::from_millis(1_010)).await;
        let one = beat.due(INTERVAL);
        advance(Duration::from_millis(200)).await;
        assert_eq!(beat.due(INTERVAL), one);
        advance(Duration::from_millis(100)).await;
        assert_eq!(beat.due(INTERVAL), one + INTERVAL / Beat::STEPS);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_late_and_all_come_round_in_their_interval() {
        let beat = Beat::new();
        advance(Duration::from_millis(1_234)).await;
        let first = beat.due(INTERVAL);
        let wait = first - Instant::now();
        assert!(wait <= INTERVAL && wait > INTERVAL - INTERVAL / Beat::STEPS, "{wait:?}");
        sleep_until(first).await;
        // A timer may fire a little late.
        advance(Duration::from_millis(3)).await;
        assert_eq!(beat.due(INTERVAL), first + INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn the_shortest_interval_and_a_year_have_their_beat_too() {
        let beat = Beat::new();
        for interval in [
            Duration::from_nanos(1),
            Duration::from_millis(50),
            Duration::from_secs(31_536_000),
        ] {
            let wait = beat.due(interval) - Instant::now();
            assert!(wait <= interval && wait > interval / 2, "{wait:?} of {interval:?}");
        }
    }
}
