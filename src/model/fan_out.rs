use super::{Arrivals, Delay, Prediction, queue};

/// WebSocket and events: the server writes every message to every listener, who asks only once.
///
/// A listener alone hears a message after sw + d. With N of them served by one writer, a message is a job of N·sw: it waits
/// for the jobs before it (M/D/1: Poisson messages, constant jobs, load ρ = λ·N·sw), and then the listener's turn comes
/// anywhere from first to last:
///
/// mean = d + ρ·N·sw/(2(1 − ρ)) + sw·(N + 1)/2,
///
/// and the last listener has a lone message after d + N·sw. W writers that share the listeners have N/W each. Constant
/// arrivals never wait below ρ = 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FanOut {
    /// N, at least 1.
    pub listeners: f64,
    /// sw.
    pub write_s: f64,
    /// W: writers that share the listeners.
    pub workers: f64,
    /// d.
    pub one_way_s: f64,
    /// The messages.
    pub arrivals: Arrivals,
}

impl FanOut {
    /// ρ: the share of its time that each writer is busy. At 1 and above the backlog grows without end, unless the writer
    /// joins what waits for a listener in one write, or drops it.
    pub fn load(&self) -> f64 {
        self.arrivals.expected_in(self.job_s())
    }

    /// N·sw/W: one message to all listeners of one writer.
    pub fn job_s(&self) -> f64 {
        self.listeners_per_worker() * self.write_s
    }

    /// What one listener should hear; `None` where the load is 1 or more.
    ///
    /// The mean is exact. The shape of the wait is not (it has no short form): a job is found waiting for with chance ρ, and
    /// then its wait is drawn as even, up to twice its mean, which is right for small loads.
    pub fn predict(&self) -> Option<Prediction> {
        let load = self.load();
        if load >= 1.0 {
            return None;
        }
        let first_s = self.one_way_s + self.write_s;
        let last_s = self.one_way_s + self.job_s().max(self.write_s);
        let turn = Delay::even(first_s, last_s);
        let delay = match self.arrivals {
            Arrivals::Constant { .. } => turn,
            Arrivals::Poisson { .. } if load == 0.0 => turn,
            Arrivals::Poisson { .. } => {
                let wait_of_those_s = queue::mean_wait_s(load, self.job_s(), 0.0) / load;
                turn.clone().or(load, turn.plus_even(0.0, 2.0 * wait_of_those_s))
            }
        };
        Some(Prediction {
            delay,
            requests_per_s: 0.0,
            empty_share: 0.0,
            messages_per_full_answer: 1.0,
        })
    }

    fn listeners_per_worker(&self) -> f64 {
        (self.listeners / self.workers).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: FanOut = FanOut {
        listeners: 1000.0,
        write_s: 20e-6,
        workers: 1.0,
        one_way_s: 0.05,
        arrivals: Arrivals::Poisson { rate_per_s: 25.0 },
    };

    #[test]
    fn a_listener_alone_hears_after_one_write_and_one_transit() {
        let alone = FanOut {
            listeners: 1.0,
            arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
            ..ROOM
        };
        let delay = alone.predict().unwrap().delay;
        assert_eq!(delay, Delay::fixed(0.05 + 20e-6));
    }

    #[test]
    fn half_a_load_waits_half_a_job() {
        // N·sw = 20 ms, ρ = 0.5: the wait is 0.5·20/(2·0.5) = 10 ms, the turn 20 µs · 1001/2 = 10.01 ms.
        assert!((ROOM.load() - 0.5).abs() < 1e-12);
        let mean_s = ROOM.predict().unwrap().delay.mean_s();
        assert!((mean_s - (0.05 + 0.010 + 0.01001)).abs() < 1e-9, "{mean_s}");
    }

    #[test]
    fn regular_messages_never_wait() {
        let regular = FanOut {
            arrivals: Arrivals::Constant { rate_per_s: 25.0 },
            ..ROOM
        };
        let delay = regular.predict().unwrap().delay;
        assert!((delay.max_s() - 0.07).abs() < 1e-12);
        assert!((delay.mean_s() - 0.06001).abs() < 1e-12);
    }

    #[test]
    fn past_the_knee_there_is_no_prediction() {
        let overloaded = FanOut {
            listeners: 2000.0,
            ..ROOM
        };
        assert!(overloaded.predict().is_none());
        let shared = FanOut {
            workers: 2.0,
            ..overloaded
        };
        assert!((shared.load() - 0.5).abs() < 1e-12);
    }
}
