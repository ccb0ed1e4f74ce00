use super::Prediction;

/// What a server needs for one of each, measured at low load: enough to say at how many listeners it runs out of processor.
///
/// The knee is where the work that N listeners bring a second fills all workers. It is an upper bound: delays suffer earlier, see
/// [`queue`](super::queue).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Server {
    /// W: processors that serve.
    pub workers: f64,
    /// s: processor time for a poll and its answer, of either kind.
    pub poll_s: f64,
    /// sw: processor time to write one message to one streaming listener.
    pub write_s: f64,
    /// Processor seconds a second that a streaming listener costs who hears nothing.
    pub idle: f64,
}

impl Server {
    /// Processors busy with polls: N·s/C, C from a [`ShortPoll`](super::ShortPoll) or a [`LongPoll`](super::LongPoll).
    pub fn polling_load(&self, listeners: f64, prediction: &Prediction) -> f64 {
        listeners * self.poll_s * prediction.requests_per_s
    }

    /// Processors busy with fan-out: N·(λ·sw + idle).
    pub fn push_load(&self, listeners: f64, rate_per_s: f64) -> f64 {
        listeners * (rate_per_s * self.write_s + self.idle)
    }

    /// How many polling listeners fill the server: W·C/s. Short polling: W·T/s; long polling: about W/(λs), on a quiet feed
    /// W·τ/s.
    pub fn polling_knee(&self, prediction: &Prediction) -> f64 {
        self.workers / self.polling_load(1.0, prediction)
    }

    /// How many streaming listeners fill the server: W/(λ·sw + idle).
    pub fn push_knee(&self, rate_per_s: f64) -> f64 {
        self.workers / self.push_load(1.0, rate_per_s)
    }

    /// How many streaming listeners hear a message within `latency_s`, the last one too: W·L/sw.
    pub fn push_listeners_within(&self, latency_s: f64) -> f64 {
        self.workers * latency_s / self.write_s
    }

    /// T* = s/(λ·sw): who polls less often than this costs the server less than who is pushed to.
    ///
    /// A polling listener costs s/T a second, a streaming one λ·sw. So polling is cheaper from one poll per s/sw messages
    /// on. It reconciles measurements that seem to contradict each other: push 7 times dearer (Bozdag, Mesbah and van
    /// Deursen 2007), push cheaper (Van de Vyvere, Colpaert and Verborgh 2020).
    pub fn break_even_interval_s(&self, rate_per_s: f64) -> f64 {
        self.poll_s / (rate_per_s * self.write_s)
    }

    /// What a streaming listener costs, over what one costs who polls every `interval_s`: λ·sw·T/s.
    pub fn push_over_polling(&self, interval_s: f64, rate_per_s: f64) -> f64 {
        interval_s / self.break_even_interval_s(rate_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrivals, Exchange, LongPoll, PollTimer, ShortPoll};

    /// Van de Vyvere, Colpaert and Verborgh 2020: one thread that answers 2,520 polls a second, or writes to 25,000
    /// listeners in 4 s.
    const ONE_THREAD: Server = Server {
        workers: 1.0,
        poll_s: 1.0 / 2520.0,
        write_s: 4.0 / 25_000.0,
        idle: 0.0,
    };

    #[test]
    fn polling_is_cheaper_from_two_and_a_half_messages_a_poll_on() {
        assert!((ONE_THREAD.poll_s - 397e-6).abs() < 1e-6);
        assert!((ONE_THREAD.write_s - 160e-6).abs() < 1e-12);
        let break_even_s = ONE_THREAD.break_even_interval_s(1.0 / 5.0);
        assert!((break_even_s - 12.4).abs() < 0.01, "{break_even_s}");
        assert!((ONE_THREAD.push_over_polling(break_even_s, 0.2) - 1.0).abs() < 1e-12);
        assert!((ONE_THREAD.push_listeners_within(4.0) - 25_000.0).abs() < 1e-6);
    }

    #[test]
    fn knees_of_polling() {
        let exchange = Exchange::default();
        let quiet = Arrivals::Poisson { rate_per_s: 0.0 };
        let short = ShortPoll {
            interval_s: 5.0,
            timer: PollTimer::Fixed,
            exchange,
            arrivals: quiet,
        };
        // 2,520 polls a second are 12,600 listeners that poll every 5 s.
        let knee = ONE_THREAD.polling_knee(&short.predict());
        assert!((knee - 12_600.0).abs() < 1e-6, "{knee}");
        let hold_s = 25.0;
        let held = LongPoll {
            hold_s,
            exchange,
            arrivals: quiet,
        };
        assert!((ONE_THREAD.polling_knee(&held.predict()) - 63_000.0).abs() < 1e-6);
        let busy = LongPoll {
            arrivals: Arrivals::Poisson { rate_per_s: 10.0 },
            ..held
        };
        assert!((ONE_THREAD.polling_knee(&busy.predict()) - 252.0).abs() < 1e-6);
        assert!((ONE_THREAD.polling_load(126.0, &busy.predict()) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn idle_listeners_count_too() {
        let server = Server {
            idle: 4.7e-6,
            ..ONE_THREAD
        };
        assert!((server.push_load(200_000.0, 0.0) - 0.94).abs() < 1e-9);
        assert!((ONE_THREAD.push_knee(10.0) - 625.0).abs() < 1e-6);
    }
}
