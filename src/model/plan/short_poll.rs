use super::Plan;
use crate::model::{Prediction, ShortPoll};

impl Plan<'_> {
    /// Short polling of this schedule, averaged over all phases of the listeners.
    ///
    /// Delays and requests do not know of the schedule: they are those of [`ShortPoll::predict`]. Which looks find something
    /// does: a look at x finds the messages of the cycle before it, so those looks are in vain that lie in no [t, t + C)
    /// behind a message. Messages that come close together share a look, and so leave more of them in vain than Poisson
    /// messages do on average.
    pub fn short_poll(&self, poll: &ShortPoll) -> Prediction {
        let cycle_s = poll.cycle_s();
        let full_share = self.covered_s(cycle_s) / self.window_s();
        let heard = self.rate_per_s() * cycle_s;
        Prediction {
            empty_share: 1.0 - full_share,
            messages_per_full_answer: if full_share > 0.0 { heard / full_share } else { 1.0 },
            ..poll.predict()
        }
    }

    /// How much of the window lies less than `span_s` behind a message.
    fn covered_s(&self, span_s: f64) -> f64 {
        let mut covered_s = 0.0;
        let mut reached_s = self.from_s;
        for at_s in self.messages_s {
            let (from_s, to_s) = (at_s.max(reached_s), (at_s + span_s).min(self.to_s));
            if to_s > from_s {
                covered_s += to_s - from_s;
                reached_s = to_s;
            }
        }
        covered_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrivals, Exchange, PollTimer};

    fn predicted(messages_s: &[f64]) -> Prediction {
        let plan = Plan {
            messages_s,
            from_s: 10.0,
            to_s: 20.0,
        };
        let poll = ShortPoll {
            interval_s: 2.0,
            timer: PollTimer::Fixed,
            exchange: Exchange::default(),
            arrivals: Arrivals::Poisson { rate_per_s: 9.0 },
        };
        plan.short_poll(&poll)
    }

    #[test]
    fn looks_that_follow_no_message_are_in_vain() {
        // Looks find something from 10 to 11 (the message at 9), from 12 to 15 (12 and 13 share a second) and from 19 on.
        let prediction = predicted(&[3.0, 9.0, 12.0, 13.0, 19.0, 21.0]);
        assert!((prediction.empty_share - 0.5).abs() < 1e-12);
        // Three messages in ten seconds, half a look a second, every other of them in vain.
        assert!((prediction.messages_per_full_answer - 1.2).abs() < 1e-12);
        assert_eq!(prediction.requests_per_s, 0.5);
        assert_eq!(prediction.delay.max_s(), 2.0);
    }

    #[test]
    fn a_window_without_a_message_is_all_in_vain() {
        let prediction = predicted(&[]);
        assert_eq!(
            (prediction.empty_share, prediction.messages_per_full_answer),
            (1.0, 1.0)
        );
    }
}
