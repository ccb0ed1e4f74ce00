//! Which part of the window is recorded: a few messages, with the polls before and after them.

use std::time::Duration;

use crate::load::schedule::Schedule;
use crate::results::Scenario;

/// So many messages make a picture that is understood.
const MESSAGES: usize = 3;
/// A picture of a longer stretch shows nothing any more; fewer messages are better then.
const STRETCHED: u32 = 4;

/// A stretch of the window, from the start of the warm-up. It follows from the plan, so it is the same for every transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Its beginning.
    pub(crate) from: Duration,
    /// Its end, which is outside.
    pub(crate) until: Duration,
}

impl Slice {
    /// The stretch around those messages of the window that lie about a poll's interval apart; `None` when none is planned.
    pub(crate) fn of(scenario: &Scenario, schedule: &Schedule) -> Option<Slice> {
        let sends = schedule.sends();
        let window = &sends[sends.partition_point(|intended| !schedule.counts(*intended))..];
        let turn = scenario.poll_interval.max(scenario.rtt * 2);
        let turn = turn.clamp(Duration::from_millis(20), Duration::from_secs(5));
        let (first, last) = (1..=MESSAGES).rev().find_map(|count| {
            let groups = window.windows(count).map(|group| (group[0], group[count - 1]));
            let best = groups.min_by_key(|(first, last)| (*last - *first).abs_diff(turn))?;
            (count == 1 || best.1 - best.0 <= turn * STRETCHED).then_some(best)
        })?;
        // Long enough after the last message that the next poll brings it; before the first, half as long will do.
        let tail = turn + turn / 4 + scenario.rtt;
        Some(Slice {
            from: first.saturating_sub(tail / 2).max(scenario.warm_up),
            until: (last + tail).min(scenario.sending()),
        })
    }

    /// Whether what happens `since_start` is within it.
    pub(crate) fn contains(self, since_start: Duration) -> bool {
        (self.from..self.until).contains(&since_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;
    use crate::results::Arrivals;
    use proptest::prelude::*;

    fn slice(rate_per_s: f64, arrivals: Arrivals) -> Option<(Slice, usize)> {
        let scenario = Scenario {
            rate_per_s,
            arrivals,
            warm_up: Duration::from_secs(2),
            duration: Duration::from_secs(60),
            poll_interval: Duration::from_secs(1),
            ..scenario()
        };
        let schedule = Schedule::new(&scenario);
        let slice = Slice::of(&scenario, &schedule)?;
        let within = schedule.sends().iter().filter(|intended| slice.contains(**intended));
        Some((slice, within.count()))
    }

    #[test]
    fn a_quiet_feed_gives_fewer_messages_and_a_silent_one_none() {
        let constant = |rate| slice(rate, Arrivals::Constant).map(|(_, messages)| messages);
        assert_eq!(
            constant(1.0),
            Some(4),
            "three, and the next one in the time behind them"
        );
        assert_eq!(constant(0.4), Some(2));
        assert_eq!(constant(0.1), Some(1));
        assert_eq!(constant(0.001), None, "the only message is in the warm-up");
        assert_eq!(constant(0.0), None);
    }

    proptest! {
        #[test]
        fn it_lies_within_the_window_and_has_a_message(rate in 0.05f64..200.0) {
            if let Some((slice, messages)) = slice(rate, Arrivals::Poisson) {
                prop_assert!(slice.from >= Duration::from_secs(2) && slice.until <= Duration::from_secs(62));
                prop_assert!(slice.until - slice.from <= Duration::from_secs(7));
                prop_assert!(messages >= 1);
            }
        }
    }
}
