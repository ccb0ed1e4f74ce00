use super::poll_variants::copies_without_guard;
use super::{Arrivals, Delay, Exchange, Prediction};

/// Short polling: ask, hear what there is, ask again later.
///
/// The listener looks at the feed once every cycle C, at instants that know nothing of the messages. A message therefore
/// waits for the next look for anything between nothing and C, all values alike, and then takes s + d to the listener: the
/// delay is spread evenly from s + d to C + s + d, **whatever the rate** and however the messages are spread. Its mean is
/// C/2 + s + d; with 1/C requests a second, requests a second × mean wait = 1/2: who wants to wait half as long asks twice
/// as often, always.
///
/// A look finds what came in the C before it. So its answer is empty with the chance that a span of C has no message: e^(−λC) for
/// Poisson arrivals, max(0, 1 − λC) for constant ones; an answer that is not empty has λC over the chance of some.
///
/// With constant arrivals and C and I in a ratio of small whole numbers each listener has one delay, always the same; what
/// is predicted is the spread over listeners at random phases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShortPoll {
    /// T.
    pub interval_s: f64,
    /// What the interval is counted from.
    pub timer: PollTimer,
    /// What one request takes.
    pub exchange: Exchange,
    /// The messages.
    pub arrivals: Arrivals,
}

/// What short polling's interval is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollTimer {
    /// From request to request, one in flight at most: a tick that finds the last answer missing is left out.
    Fixed,
    /// From the answer to the next request.
    AfterAnswer,
    /// From request to request, whether the last answer is there or not; see
    /// [`copies_without_guard`](super::poll_variants::copies_without_guard).
    Unguarded,
}

impl ShortPoll {
    /// C: from one look at the feed to the next.
    ///
    /// Waiting after the answer adds the interval to the exchange: C = T + 2d + s + c + h. A fixed timer leaves out the
    /// ticks at which the answer is still missing: C = T·⌈(2d + s + h)/T⌉, which is T as long as answers are quicker than
    /// that. An interval of 0 asks again at once.
    pub fn cycle_s(&self) -> f64 {
        match self.timer {
            PollTimer::AfterAnswer => self.interval_s + self.exchange.gap_s(),
            PollTimer::Unguarded if self.interval_s > 0.0 => self.interval_s,
            PollTimer::Fixed | PollTimer::Unguarded if self.interval_s == 0.0 => self.exchange.turnaround_s(),
            PollTimer::Fixed | PollTimer::Unguarded => {
                // The small step back keeps an answer that takes exactly n intervals from counting as n + 1 by rounding.
                let intervals = (self.exchange.turnaround_s() / self.interval_s - 1e-9).ceil();
                self.interval_s * intervals.max(1.0)
            }
        }
    }

    /// What one listener should see and do.
    pub fn predict(&self) -> Prediction {
        let cycle_s = self.cycle_s();
        let answer_s = self.exchange.answer_s();
        // Without a guard a look finds again what the looks before it found, until their answers have moved the cursor.
        let seen_s = match self.timer {
            PollTimer::Unguarded if self.interval_s > 0.0 => cycle_s * copies_without_guard(cycle_s, &self.exchange),
            _ => cycle_s,
        };
        let some = self.arrivals.chance_of_some(seen_s);
        Prediction {
            delay: Delay::even(answer_s, cycle_s + answer_s),
            requests_per_s: 1.0 / cycle_s,
            empty_share: 1.0 - some,
            messages_per_full_answer: self.arrivals.expected_if_some(seen_s, some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Connection;

    fn poll(timer: PollTimer, one_way_s: f64) -> ShortPoll {
        ShortPoll {
            interval_s: 1.0,
            timer,
            exchange: Exchange {
                one_way_s,
                ..Exchange::default()
            },
            arrivals: Arrivals::Poisson { rate_per_s: 0.1 },
        }
    }

    #[test]
    fn waiting_after_the_answer_adds_the_round_trip() {
        assert_eq!(poll(PollTimer::Fixed, 0.05).cycle_s(), 1.0);
        assert_eq!(poll(PollTimer::AfterAnswer, 0.05).cycle_s(), 1.1);
    }

    #[test]
    fn ticks_are_left_out_while_the_answer_is_missing() {
        assert_eq!(poll(PollTimer::Fixed, 0.5).cycle_s(), 1.0);
        assert_eq!(poll(PollTimer::Fixed, 0.6).cycle_s(), 2.0);
        assert_eq!(poll(PollTimer::Fixed, 1.7).cycle_s(), 4.0);
    }

    #[test]
    fn without_a_guard_every_tick_asks_and_answers_repeat() {
        let slow = poll(PollTimer::Unguarded, 0.6);
        assert_eq!(slow.cycle_s(), 1.0);
        let guarded = poll(PollTimer::Fixed, 0.6).predict();
        let prediction = slow.predict();
        assert_eq!(prediction.requests_per_s, 2.0 * guarded.requests_per_s);
        // Each message is in two answers, as a look sees the two seconds since the cursor moved last.
        let told = prediction.full_per_s() * prediction.messages_per_full_answer;
        assert!((told - 2.0 * 0.1).abs() < 1e-12, "{told}");
        assert!(
            (prediction.delay.mean_s() - 1.1).abs() < 1e-12,
            "half a tick and one way"
        );
        let quick = poll(PollTimer::Unguarded, 0.05).predict();
        assert_eq!(
            quick,
            poll(PollTimer::Fixed, 0.05).predict(),
            "nothing to guard against"
        );
    }

    #[test]
    fn a_new_connection_only_slows_the_timer_that_waits_for_the_answer() {
        let anew = |timer| {
            let mut poll = poll(timer, 0.05);
            let kept = poll.predict().delay.mean_s();
            poll.exchange.connection = Connection::Tcp;
            poll.predict().delay.mean_s() - kept
        };
        assert!(anew(PollTimer::Fixed).abs() < 1e-12);
        assert!((anew(PollTimer::AfterAnswer) - 0.05).abs() < 1e-12, "half of h = 2d");
    }

    #[test]
    fn an_interval_of_nothing_asks_again_at_once() {
        let mut poll = poll(PollTimer::Fixed, 0.05);
        poll.interval_s = 0.0;
        assert_eq!(poll.predict().requests_per_s, 10.0);
    }
}
