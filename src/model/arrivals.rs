/// How the messages of a feed are spread over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// Independent of one another: people who do not know of each other. The gaps are exponential.
    Poisson {
        /// Messages a second, on average.
        rate_per_s: f64,
    },
    /// One every 1/rate: a sensor.
    Constant {
        /// Messages a second.
        rate_per_s: f64,
    },
}

impl Arrivals {
    /// Messages a second.
    pub fn rate_per_s(self) -> f64 {
        match self {
            Arrivals::Poisson { rate_per_s } | Arrivals::Constant { rate_per_s } => rate_per_s,
        }
    }

    /// From one message to the next, on average; infinite on a silent feed.
    pub fn spacing_s(self) -> f64 {
        1.0 / self.rate_per_s()
    }

    /// How many messages to expect in a span of time.
    pub fn expected_in(self, span_s: f64) -> f64 {
        if self.rate_per_s() == 0.0 {
            return 0.0; // also in an endless span, where the product is undefined
        }
        self.rate_per_s() * span_s
    }

    /// The chance that at least one message falls into a span that begins anywhere: 1 − e^(−λt) of Poisson arrivals, min(1,
    /// λt) of constant ones.
    pub fn chance_of_some(self, span_s: f64) -> f64 {
        let expected = self.expected_in(span_s);
        match self {
            Arrivals::Poisson { .. } => -(-expected).exp_m1(), // exact where 1 − e^(−x) would round to nothing
            Arrivals::Constant { .. } => expected.min(1.0),
        }
    }

    /// The chance that a span that begins anywhere stays without a message.
    pub fn chance_of_none(self, span_s: f64) -> f64 {
        1.0 - self.chance_of_some(span_s)
    }

    /// Messages in a span of which it is known that it has one: λt over the chance of some; 1 in the limit of short spans.
    pub(super) fn expected_if_some(self, span_s: f64, chance_of_some: f64) -> f64 {
        let expected = self.expected_in(span_s);
        if expected == 0.0 {
            1.0
        } else {
            expected / chance_of_some
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_spans_stay_silent_now_and_then() {
        let arrivals = Arrivals::Poisson { rate_per_s: 0.1 };
        assert!((arrivals.chance_of_none(1.0) - 0.904_837).abs() < 1e-6);
        assert_eq!(arrivals.spacing_s(), 10.0);
    }

    #[test]
    fn constant_arrivals_leave_no_long_span_silent() {
        let arrivals = Arrivals::Constant { rate_per_s: 0.5 };
        assert_eq!(arrivals.chance_of_none(1.0), 0.5);
        assert_eq!(arrivals.chance_of_none(3.0), 0.0);
    }

    #[test]
    fn a_silent_feed_is_silent_for_ever() {
        let arrivals = Arrivals::Poisson { rate_per_s: 0.0 };
        assert_eq!(arrivals.chance_of_none(f64::INFINITY), 1.0);
        assert_eq!(arrivals.expected_if_some(5.0, 0.0), 1.0);
    }
}
