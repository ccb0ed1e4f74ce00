//! Little's law, checked: the mean number of messages on their way is their rate times the mean delay.
//!
//! The two sides come from different books. The delays are of instants that listeners write down with each message; the number on
//! the way is looked at a few hundred times a second, as what the schedule has let go less what the tally has heard. A clock
//! that is read wrongly, a delivery that is recorded twice, or delays that leave something out would show as a difference. A message counts
//! as on its way until it is written down, which is a little after it was heard where many hear at once; so that wait is measured too.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::recorder::Plan;
use crate::results::{Distribution, Little};

/// From look to look.
const LOOK: Duration = Duration::from_millis(5);

/// What was on its way in the window, looked at again and again.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Number times time.
    number_s: f64,
    /// The time that was looked at.
    length_s: f64,
    /// The third powers of the times from look to look: what the sampling error follows from.
    gaps_s3: f64,
}

impl Backlog {
    /// Looks for as long as the window lasts, and then does nothing any more.
    pub(crate) async fn watch(&mut self, plan: &Plan, listeners: u32) -> Infallible {
        let Plan {
            clock, schedule, tally, ..
        } = plan;
        clock.started().await;
        let (begin, (start, end)) = clock.start().zip(clock.window()).expect("the clock has started");
        tokio::time::sleep_until(start.into()).await;
        let mut last = start;
        while last < end {
            tokio::time::sleep(LOOK).await;
            let now = Instant::now().min(end);
            let heard = tally.heard.load(Ordering::Relaxed);
            let gone_out = schedule.sends().partition_point(|intended| begin + *intended <= now);
            let on_their_way = gone_out as f64 * f64::from(listeners) - heard as f64;
            self.saw(on_their_way, now - last);
            last = now;
        }
        std::future::pending().await
    }

    fn saw(&mut self, number: f64, gap: Duration) {
        let gap_s = gap.as_secs_f64();
        self.number_s += number * gap_s;
        self.length_s += gap_s;
        self.gaps_s3 += gap_s.powi(3);
    }

    /// Both sides of the law; `None` without a look or a delivery. `unwritten` is how long all that was heard waited to be written down.
    ///
    /// The error has two parts, for a feed in which all listeners share a message's fate. A stay that is looked at every `h` at random is
    /// seen with a variance of `h²/6` at most on the mean. And at each end of the window stays are cut: what is left of those that are under way
    /// has the variance `λ·E[D³]/3`, with `E[D³]` no more than the mean times the square of a long one.
    pub(crate) fn little(&self, delay: &Distribution, unwritten: Duration, listeners: u32) -> Option<Little> {
        let listeners = f64::from(listeners);
        let waited_s = unwritten.as_secs_f64() / delay.count() as f64;
        let (mean_s, long_s) = (
            delay.mean_ms()? / 1e3 + waited_s,
            delay.quantile_ms(0.99)? / 1e3 + waited_s,
        );
        if self.length_s <= 0.0 || listeners <= 0.0 {
            return None;
        }
        let deliveries = delay.count() as f64;
        let messages = deliveries / listeners;
        let looks = messages * (self.gaps_s3 / self.length_s) / 6.0;
        let ends = 2.0 * (messages / self.length_s) * mean_s * long_s.powi(2) / 3.0;
        Some(Little {
            counted: self.number_s / self.length_s,
            expected: deliveries * mean_s / self.length_s,
            error: listeners * (looks + ends).sqrt() / self.length_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(ms: u64, count: u64) -> Distribution {
        let mut distribution = Distribution::new();
        (0..count).for_each(|_| distribution.record(Duration::from_millis(ms)));
        distribution
    }

    /// Looks every 5 ms for 10 s at 20 messages that are 20 ms on their way to each of 100 listeners.
    fn looked(stay_ms: u64) -> Backlog {
        let mut backlog = Backlog::default();
        for look in 0..2_000u64 {
            // A message every 500 ms, seen at odd places.
            let since_ms = (look * 5 + 3) % 500;
            let number = if since_ms < stay_ms { 100.0 } else { 0.0 };
            backlog.saw(number, Duration::from_millis(5));
        }
        backlog
    }

    #[test]
    fn rate_times_delay_is_what_is_on_its_way() {
        // 20 messages × 100 listeners × 20 ms in 10 s are 4 deliveries on their way.
        let little = looked(20).little(&delays(20, 2_000), Duration::ZERO, 100).unwrap();
        assert!((little.expected - 4.0).abs() < 0.01, "{little:?}");
        assert!((little.counted - 4.0).abs() < 3.0 * little.error, "{little:?}");
        assert!(little.error < 0.2, "{little:?}");
        assert!(little.fits());
    }

    #[test]
    fn delays_that_leave_something_out_do_not_fit() {
        let little = looked(40).little(&delays(20, 2_000), Duration::ZERO, 100).unwrap();
        assert!(!little.fits(), "{little:?}");
        // But that may be the wait to be written down.
        let waited = Duration::from_millis(20) * 2_000;
        assert!(looked(40).little(&delays(20, 2_000), waited, 100).unwrap().fits());
        assert_eq!(Backlog::default().little(&delays(20, 2), Duration::ZERO, 1), None);
        assert_eq!(looked(20).little(&Distribution::new(), Duration::ZERO, 1), None);
    }
}
