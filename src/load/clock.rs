//! What time of the run it is.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use super::Phase;
use crate::results::{Scenario, Way};

/// The run's clock, shared by all generator threads. It starts once everybody is connected.
#[derive(Debug)]
pub(crate) struct Clock {
    // Set once; threads read it with every count, which costs them one atomic load.
    start: OnceLock<Instant>,
    // Cancelled once that is set: it wakes whoever waits for it, on any thread.
    started: CancellationToken,
    warm_up: Duration,
    duration: Duration,
    one_way: Duration,
    // One pair of readings maps the two clocks: a wall clock that is set in mid-run cannot bend the delays.
    read_at: Instant,
    read_us: u64,
}

impl Clock {
    /// One that has not started.
    pub(crate) fn new(scenario: &Scenario) -> Clock {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock {
            start: OnceLock::new(),
            started: CancellationToken::new(),
            warm_up: scenario.warm_up,
            duration: scenario.duration,
            one_way: scenario.one_way(),
            read_at: Instant::now(),
            read_us: since_epoch.as_micros() as u64,
        }
    }

    /// Begins the warm-up at `start`. Only the first call counts.
    pub(crate) fn start_at(&self, start: Instant) {
        self.start.get_or_init(|| start);
        self.started.cancel();
    }

    /// Waits until the start is known, which is a little before it.
    pub(crate) async fn started(&self) {
        self.started.cancelled().await;
    }

    /// When the warm-up begins or began; `None` while that is not known.
    pub(crate) fn start(&self) -> Option<Instant> {
        self.start.get().copied()
    }

    /// The two ends of the counted window; `None` while the start is not known.
    pub(crate) fn window(&self) -> Option<(Instant, Instant)> {
        let begins = self.start()? + self.warm_up;
        Some((begins, begins + self.duration))
    }

    /// When what crosses the server's side of the link then crosses the listener's.
    pub(crate) fn at_listener(&self, way: Way, at_server: Instant) -> Instant {
        match way {
            Way::In => at_server + self.one_way,
            Way::Out => at_server.checked_sub(self.one_way).unwrap_or(at_server),
        }
    }

    /// How far into the run `now` is; `None` before its start.
    pub(crate) fn since_start(&self, now: Instant) -> Option<Duration> {
        now.checked_duration_since(self.start()?)
    }

    /// Whether what happens `since_start` counts: the window begins with the end of the warm-up, and its own end is outside.
    pub(crate) fn in_window(&self, since_start: Duration) -> bool {
        since_start >= self.warm_up && since_start < self.warm_up + self.duration
    }

    /// Whether the window has ended by then.
    pub(crate) fn is_over(&self, since_start: Duration) -> bool {
        since_start >= self.warm_up + self.duration
    }

    /// Which part of the run it is.
    pub(crate) fn phase(&self, now: Instant) -> Phase {
        match self.since_start(now) {
            None => Phase::Starting,
            Some(since) if self.in_window(since) => Phase::Window,
            Some(since) if self.is_over(since) => Phase::Drain,
            Some(_) => Phase::WarmUp,
        }
    }

    /// The wall clock at `now`, in microseconds since the Unix epoch: what a message's `at` is compared with.
    pub(crate) fn wall_us(&self, now: Instant) -> u64 {
        self.read_us + now.saturating_duration_since(self.read_at).as_micros() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;

    #[test]
    fn the_window_lies_between_warm_up_and_drain() {
        let clock = Clock::new(&Scenario {
            warm_up: Duration::from_secs(2),
            duration: Duration::from_secs(10),
            ..scenario()
        });
        let start = Instant::now() + Duration::from_secs(1);
        assert_eq!(clock.since_start(start), None);
        clock.start_at(start);
        clock.start_at(start + Duration::from_secs(5));
        assert_eq!(clock.since_start(start - Duration::from_millis(1)), None);
        let seconds = |s| start + Duration::from_secs(s);
        assert_eq!(clock.window(), Some((seconds(2), seconds(12))));
        assert_eq!(clock.since_start(start), Some(Duration::ZERO));
        let inside = |ms| clock.in_window(Duration::from_millis(ms));
        assert_eq!(
            [inside(1_999), inside(2_000), inside(11_999), inside(12_000)],
            [false, true, true, false]
        );
    }

    #[test]
    fn the_wall_clock_follows_the_other() {
        let clock = Clock::new(&scenario());
        let now = Instant::now();
        let later = clock.wall_us(now + Duration::from_secs(2));
        assert_eq!(later - clock.wall_us(now), 2_000_000);
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        assert!(system.abs_diff(clock.wall_us(Instant::now())) < 1_000_000);
    }
}
