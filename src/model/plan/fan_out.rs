use super::{Plan, turns};
use crate::model::{Delay, FanOut, Prediction};

impl Plan<'_> {
    /// WebSocket or events with this schedule; the arrivals in `fan_out` are passed over.
    ///
    /// A message is a job of N·sw/W for its writer, and waits until those before it are done (Lindley's recursion); then the
    /// listeners have their turns. It also says what happens past the knee, where the closed form falls silent: the
    /// backlog of a schedule that ends is finite.
    pub fn fan_out(&self, fan_out: &FanOut) -> Prediction {
        let first_s = fan_out.one_way_s + fan_out.write_s;
        let job_s = fan_out.job_s().max(fan_out.write_s);
        let mut free_s = f64::NEG_INFINITY;
        let mut delays_s = Vec::new();
        for (message, at_s) in self.messages_s.iter().enumerate() {
            let start_s = at_s.max(free_s);
            free_s = start_s + job_s;
            if self.counts(*at_s) {
                let waited_s = start_s - at_s;
                delays_s.extend(turns(job_s - fan_out.write_s, message).map(|turn_s| first_s + waited_s + turn_s));
            }
        }
        Prediction {
            delay: Delay::of(delays_s).unwrap_or(Delay::fixed(first_s)),
            requests_per_s: 0.0,
            empty_share: 0.0,
            messages_per_full_answer: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arrivals;

    const ROOM: FanOut = FanOut {
        listeners: 1000.0,
        write_s: 0.001,
        workers: 1.0,
        one_way_s: 0.05,
        arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
    };

    fn predicted(messages_s: &[f64]) -> Delay {
        let plan = Plan {
            messages_s,
            from_s: 0.0,
            to_s: 60.0,
        };
        plan.fan_out(&ROOM).delay
    }

    #[test]
    fn a_message_waits_for_the_one_before_it() {
        let alone_s = 0.05 + 0.0005 + 0.5;
        assert!((predicted(&[1.0, 5.0]).mean_s() - alone_s).abs() < 0.02);
        // The second comes 0.4 s into a job of 1 s: it waits 0.6 s, on average half of that.
        assert!((predicted(&[1.0, 1.4]).mean_s() - alone_s - 0.3).abs() < 0.02);
    }

    #[test]
    fn past_the_knee_the_backlog_of_a_schedule_ends() {
        let twice_a_second: Vec<f64> = (0..10).map(|n| f64::from(n) * 0.5).collect();
        let delay = predicted(&twice_a_second);
        assert!(delay.max_s() > 0.05 + 9.0 * 0.5 + 0.9 && delay.max_s() < 0.05 + 9.0 * 0.5 + 1.0);
    }
}
