//! When a path forgets a held request and tells nobody.

/// A path that drops a held request after A without a word, and a listener that gives up on it only at B.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SilentCut {
    /// A: from when on the request is dead.
    pub idle_limit_s: f64,
    /// B: when the listener asks anew.
    pub noticed_s: f64,
    /// λ, of Poisson messages.
    pub rate_per_s: f64,
}

impl SilentCut {
    /// What the mean delay grows by: p(B − A)²/(2[(1 − p)/λ + p(B − A)]), p = e^(−λA).
    ///
    /// A request dies with the chance p that no message comes before A, and is then deaf for B − A; it lasts (1 − p)/λ on
    /// average before. A message in the deaf time waits for its end, half of it on average. The gap between requests is left
    /// out (about 1 % too high). 0 where the listener is not later than the path: its own limit belongs just above the hold.
    pub fn extra_mean_delay_s(&self) -> f64 {
        let deaf_s = (self.noticed_s - self.idle_limit_s).max(0.0);
        if deaf_s == 0.0 {
            return 0.0;
        }
        let dies = (-self.rate_per_s * self.idle_limit_s).exp();
        let alive_s = match self.rate_per_s {
            0.0 => self.idle_limit_s,
            rate_per_s => (1.0 - dies) / rate_per_s,
        };
        dies * deaf_s.powi(2) / (2.0 * (alive_s + dies * deaf_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extra_s(noticed_s: f64) -> f64 {
        let cut = SilentCut {
            idle_limit_s: 60.0,
            noticed_s,
            rate_per_s: 0.02,
        };
        cut.extra_mean_delay_s()
    }

    #[test]
    fn noticing_late_costs_seconds_noticing_soon_a_tenth() {
        assert!((extra_s(90.0) - 3.1).abs() < 0.05, "{}", extra_s(90.0));
        assert!((extra_s(65.0) - 0.10).abs() < 0.005, "{}", extra_s(65.0));
        assert_eq!(extra_s(60.0), 0.0);
        assert_eq!(extra_s(30.0), 0.0);
    }

    #[test]
    fn on_a_silent_feed_a_message_meets_the_deaf_time_by_its_share() {
        let cut = SilentCut {
            idle_limit_s: 60.0,
            noticed_s: 90.0,
            rate_per_s: 0.0,
        };
        assert!(
            (cut.extra_mean_delay_s() - 5.0).abs() < 1e-12,
            "a third of all, 15 s each"
        );
    }
}
