//! How long a long poll should be held when nobody knows what the path allows.
//!
//! Paths have an idle limit A each, drawn from some distribution. On a path with A > τ a listener costs its empty answers,
//! r(τ) = λ/(e^(λτ) − 1) a second; on one with A ≤ τ it is the path that ends the hold, at A, and each of these cuts costs
//! as much as κ empty answers (a new connection, a listener that finds out late). The cost of a hold is what paths cost on
//! average:
//!
//! J(τ) = P(A > τ)·r(τ) + κ·∫ r(a) dP(A = a) over a ≤ τ.

use super::{Arrivals, Exchange, LongPoll};

/// What is known of the listeners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnknownLimit {
    /// λ.
    pub rate_per_s: f64,
    /// κ: a cut costs as much as so many empty answers; over 1.
    pub cut_cost: f64,
}

/// One kind of path: its idle limit, and its share of all paths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathKind {
    /// A.
    pub idle_limit_s: f64,
    /// 0 to 1; those of all kinds add up to 1.
    pub share: f64,
}

impl UnknownLimit {
    /// The best hold where each further second meets a path's limit with the same chance η: −ln(1 − λ/(η(κ − 1)))/λ.
    ///
    /// At the minimum of J a second more saves as much as it risks: η·(κ − 1) = −r′/r = λ/(1 − e^(−λτ)). On a silent feed
    /// the right side is 1/τ, so τ = 1/(η(κ − 1)). No hold is too long once λ ≥ η(κ − 1): infinite.
    pub fn best_hold_s(&self, hazard_per_s: f64) -> f64 {
        let risk_per_s = hazard_per_s * (self.cut_cost - 1.0);
        if self.rate_per_s == 0.0 {
            return risk_per_s.recip();
        }
        if self.rate_per_s >= risk_per_s {
            return f64::INFINITY;
        }
        -(-self.rate_per_s / risk_per_s).ln_1p() / self.rate_per_s
    }

    /// The same for a chance η(τ) that never falls as the hold gets longer, looked for up to `longest_s`, which is the
    /// answer where no shorter hold is best.
    pub fn best_hold_of_hazard_s(&self, hazard_per_s: impl Fn(f64) -> f64, longest_s: f64) -> f64 {
        let saved_per_s = |hold_s: f64| match self.rate_per_s {
            0.0 => hold_s.recip(),
            rate_per_s => -rate_per_s / (-rate_per_s * hold_s).exp_m1(),
        };
        let (mut low_s, mut high_s) = (0.0, longest_s);
        for _ in 0..60 {
            let middle_s = (low_s + high_s) / 2.0;
            if hazard_per_s(middle_s) * (self.cut_cost - 1.0) < saved_per_s(middle_s) {
                low_s = middle_s;
            } else {
                high_s = middle_s;
            }
        }
        high_s
    }

    /// J of a hold over known kinds of path, in empty answers a second and listener, gaps included.
    ///
    /// A hold of A or longer is cut on that path.
    pub fn cost_per_s(&self, hold_s: f64, paths: &[PathKind], exchange: Exchange) -> f64 {
        let arrivals = Arrivals::Poisson {
            rate_per_s: self.rate_per_s,
        };
        let cost = |path: &PathKind| {
            let cut = hold_s >= path.idle_limit_s;
            let long_poll = LongPoll {
                hold_s: hold_s.min(path.idle_limit_s),
                exchange,
                arrivals,
            };
            let each = if cut { self.cut_cost } else { 1.0 };
            path.share * each * long_poll.predict().empty_per_s()
        };
        paths.iter().map(cost).sum()
    }

    /// The best hold over known kinds of path: just under one of their limits, by `margin_s`. `None` without a path.
    ///
    /// Between two limits a longer hold only saves empty answers; so nothing but the last moment before each limit can be best.
    pub fn best_hold_of_paths_s(&self, paths: &[PathKind], margin_s: f64, exchange: Exchange) -> Option<f64> {
        paths
            .iter()
            .map(|path| (path.idle_limit_s - margin_s).max(0.0))
            .min_by(|a, b| {
                let cost = |hold_s| self.cost_per_s(hold_s, paths, exchange);
                cost(*a).total_cmp(&cost(*b))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(rate_per_s: f64) -> UnknownLimit {
        UnknownLimit {
            rate_per_s,
            cut_cost: 11.0,
        }
    }

    #[test]
    fn thirty_seconds_where_one_path_in_300_cuts_each_second() {
        let hazard = 1.0 / 300.0;
        for (rate_per_s, expected_s) in [(0.0, 30.0), (0.005, 32.5), (0.02, 45.8)] {
            let hold_s = listeners(rate_per_s).best_hold_s(hazard);
            assert!((hold_s - expected_s).abs() < 0.05, "{rate_per_s}: {hold_s}");
            let searched_s = listeners(rate_per_s).best_hold_of_hazard_s(|_| hazard, 600.0);
            assert!((searched_s - hold_s).abs() < 1e-6);
        }
        assert_eq!(listeners(0.04).best_hold_s(hazard), f64::INFINITY);
        assert_eq!(listeners(0.04).best_hold_of_hazard_s(|_| hazard, 600.0), 600.0);
    }

    #[test]
    fn a_wall_is_approached_and_not_passed() {
        // Nothing cuts before 60 s, everything does from there on.
        let wall = |hold_s: f64| if hold_s < 60.0 { 0.0 } else { 1e9 };
        let hold_s = listeners(0.01).best_hold_of_hazard_s(wall, 600.0);
        assert!((hold_s - 60.0).abs() < 1e-6);
    }

    #[test]
    fn known_limits_are_undercut_as_their_share_says() {
        let paths = |short_share: f64| {
            [(30.0, short_share), (60.0, 0.9 - short_share), (240.0, 0.1)]
                .map(|(idle_limit_s, share)| PathKind { idle_limit_s, share })
        };
        let best_s = |short_share| {
            listeners(0.0)
                .best_hold_of_paths_s(&paths(short_share), 1.0, Exchange::default())
                .unwrap()
        };
        assert_eq!(best_s(0.2), 29.0);
        assert_eq!(best_s(0.0), 59.0);
        // By hand: at 59 s a path in 20 is cut every 30 s, which costs 11 each time; all others are empty every 59 s.
        let cost = listeners(0.0).cost_per_s(59.0, &paths(0.05), Exchange::default());
        assert!((cost - (0.05 * 11.0 / 30.0 + 0.95 / 59.0)).abs() < 1e-12);
    }
}
