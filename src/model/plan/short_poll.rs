use super::Plan;
use crate::model::{Prediction, ShortPoll};

impl Plan<'_> {
    /// Short polling of this schedule, averaged over all phases of the listeners.
    ///
    /// Delays and requests do not know of the schedule: they are those of [`ShortPoll::predict`]. Which looks find something
    /// does: a look at x finds the messages of the cycle before it, so those looks are in vain that lie in no [t, t + C)
    /// behind a message. Messages that come close together share a look, and so leave more of them in vain than Poisson
    /// messages do on average. An answer counts when it arrives, s + d after the look.
    pub fn short_poll(&self, poll: &ShortPoll) -> Prediction {
        let (cycle_s, answer_s) = (poll.cycle_s(), poll.exchange.answer_s());
        let looks_s = (self.from_s - answer_s)..(self.to_s - answer_s);
        // Of a message, what part of its cycle of possible looks counts; and what part no earlier message has had.
        let (mut heard_s, mut covered_s, mut reached_s) = (0.0, 0.0, looks_s.start);
        for at_s in self.messages_s {
            let (from_s, to_s) = (at_s.max(looks_s.start), (at_s + cycle_s).min(looks_s.end));
            heard_s += (to_s - from_s).max(0.0);
            covered_s += (to_s - from_s.max(reached_s)).max(0.0);
            reached_s = reached_s.max(to_s);
        }
        Prediction {
            // Where every look finds something the sum of its parts may be longer than the whole by a rounding.
            empty_share: (1.0 - covered_s / self.window_s()).max(0.0),
            messages_per_full_answer: if covered_s > 0.0 { heard_s / covered_s } else { 1.0 },
            ..poll.predict()
        }
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
        // Looks at 12 and 13 share a second of theirs; half of those at 9 and at 19 lie outside: 6 s of looks in 5 s.
        assert!((prediction.messages_per_full_answer - 1.2).abs() < 1e-12);
        assert_eq!(prediction.requests_per_s, 0.5);
        assert_eq!(prediction.delay.max_s(), 2.0);
    }

    #[test]
    fn no_look_is_in_vain_on_a_busy_feed() {
        let busy: Vec<f64> = (0..700).map(|n| 8.0 + f64::from(n) / 49.0).collect();
        assert_eq!(predicted(&busy).empty_share, 0.0);
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
