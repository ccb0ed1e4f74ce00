//! Whether somebody set the system's clock while it was needed.
//!
//! A delay is measured by a clock that only goes forward. But the server writes the time of day into each message, and what the model
//! predicts is compared with the delay since then: a clock that is set in mid-run would bend that figure unseen.

use std::time::{Duration, Instant, SystemTime};

use crate::protocol::Transport;
use crate::results::Caution;

/// A clock that is only kept right goes this much faster or slower at most: twice what Linux lets a time server ask for.
const SLEW: f64 = 0.001;
/// And this much is no matter.
const GRAIN: Duration = Duration::from_millis(100);
/// Both are read within this time, or again: on a busy machine much may lie between two readings.
const AT_ONCE: Duration = Duration::from_millis(5);

/// What both clocks show at one instant.
pub(super) struct BothClocks {
    time_of_day: SystemTime,
    steady: Instant,
}

impl BothClocks {
    pub(super) fn read() -> Self {
        let read = || {
            let steady = Instant::now();
            let time_of_day = SystemTime::now();
            (steady.elapsed() < AT_ONCE).then_some(BothClocks { time_of_day, steady })
        };
        (0..10).find_map(|_| read()).unwrap_or_else(|| BothClocks {
            time_of_day: SystemTime::now(),
            steady: Instant::now(),
        })
    }

    /// Why what this transport gave since the earlier reading proves nothing; `None` when both clocks went alike.
    pub(super) fn set_since(&self, earlier: &BothClocks, transport: Transport) -> Option<Caution> {
        let steady = self.steady.saturating_duration_since(earlier.steady);
        let expected = earlier.time_of_day + steady;
        let (by, way) = match self.time_of_day.duration_since(expected) {
            Ok(by) => (by, "forward"),
            Err(back) => (back.duration(), "back"),
        };
        let was_set = by > GRAIN + steady.mul_f64(SLEW);
        was_set.then(|| Caution {
            what: format!(
                "{}: the system’s clock was set {way} by {:.1} s in the middle of the run, or the machine slept.",
                transport.title(),
                by.as_secs_f64()
            ),
            try_this: "Run it again once the clock is right.".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a run of so many seconds in which the time of day went on by so many milliseconds.
    fn said(steady_s: u64, time_of_day_ms: i64) -> Option<String> {
        let earlier = BothClocks::read();
        let ahead = Duration::from_millis(time_of_day_ms.unsigned_abs());
        let later = BothClocks {
            time_of_day: if time_of_day_ms < 0 {
                earlier.time_of_day - ahead
            } else {
                earlier.time_of_day + ahead
            },
            steady: earlier.steady + Duration::from_secs(steady_s),
        };
        later.set_since(&earlier, Transport::Poll).map(|caution| caution.what)
    }

    #[test]
    fn a_clock_that_is_set_is_told_of_and_one_that_is_kept_right_is_not() {
        assert_eq!(said(60, 60_000), None);
        assert_eq!(said(60, 60_090), None);
        assert_eq!(said(600, 599_400), None, "slewed");
        assert!(said(60, 3_660_000).unwrap().contains("forward by 3600.0 s"));
        assert!(said(60, 59_500).unwrap().contains("back by 0.5 s"));
        assert!(said(10, -10_000).unwrap().contains("back by 20.0 s"));
        assert!(
            BothClocks::read()
                .set_since(&BothClocks::read(), Transport::Poll)
                .is_none()
        );
    }
}
