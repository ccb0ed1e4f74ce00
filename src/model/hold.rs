//! How long a long poll should be held: as long as the path allows, and no longer than it is of use.

/// The longest hold that an intermediary with a known idle limit A lets through: A − 2·d_ps − s − margin, at least 0.
///
/// The intermediary's clock starts when the request passes it, `to_server_s` (d_ps) before the server's does, and stops when
/// the answer passes it, as long after.
pub fn within_idle_limit_s(idle_limit_s: f64, to_server_s: f64, service_s: f64, margin_s: f64) -> f64 {
    (idle_limit_s - 2.0 * to_server_s - service_s - margin_s).max(0.0)
}

/// The hold from which on at most `empty_share` of the answers are empty: ln(1/ε)/λ − G, at least 0; infinite on a silent feed.
///
/// An answer is empty with the chance e^(−λ(G + τ)). To hold longer than this saves next to nothing: at one message a second
/// a hold of 5 s is as good as one of 120 s.
pub fn enough_s(rate_per_s: f64, gap_s: f64, empty_share: f64) -> f64 {
    (empty_share.recip().ln() / rate_per_s - gap_s).max(0.0)
}

/// The best hold where the path's idle limit is known: what it lets through, or what is enough, whichever is less.
pub fn best_s(within_idle_limit_s: f64, enough_s: f64) -> f64 {
    within_idle_limit_s.min(enough_s)
}

/// Empty answers a second of a hold, where the gap is small: λ/(e^(λτ) − 1), and 1/τ on a silent feed.
///
/// With the gap it is [`Prediction::empty_per_s`](super::Prediction::empty_per_s) of a [`LongPoll`](super::LongPoll).
pub fn empties_per_s(rate_per_s: f64, hold_s: f64) -> f64 {
    if rate_per_s == 0.0 {
        return hold_s.recip();
    }
    rate_per_s / (rate_per_s * hold_s).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrivals, Exchange, LongPoll};

    #[test]
    fn one_percent_of_empties() {
        for (rate_per_s, expected_s) in [(0.02, 230.0), (0.05, 92.0), (0.1, 46.0), (0.5, 9.0), (1.0, 4.5)] {
            let hold_s = enough_s(rate_per_s, 0.1, 0.01);
            assert!((hold_s - expected_s).abs() < 0.51, "{rate_per_s}: {hold_s}");
        }
        assert_eq!(enough_s(0.0, 0.1, 0.01), f64::INFINITY);
    }

    #[test]
    fn a_hold_of_25_s_passes_a_limit_of_30_s_and_one_of_30_s_does_not() {
        let longest_s = within_idle_limit_s(30.0, 0.05, 0.001, 1.0);
        assert!((longest_s - 28.899).abs() < 1e-9);
        assert!((25.0..30.0).contains(&longest_s));
        assert_eq!(best_s(longest_s, enough_s(1.0, 0.1, 0.01)), enough_s(1.0, 0.1, 0.01));
        assert_eq!(best_s(longest_s, enough_s(0.0, 0.1, 0.01)), longest_s);
    }

    #[test]
    fn the_short_form_agrees_with_the_long_one() {
        for rate_per_s in [0.0, 0.02, 0.5] {
            let long_poll = LongPoll {
                hold_s: 25.0,
                exchange: Exchange {
                    one_way_s: 0.001,
                    ..Exchange::default()
                },
                arrivals: Arrivals::Poisson { rate_per_s },
            };
            let exact = long_poll.predict().empty_per_s();
            assert!((empties_per_s(rate_per_s, 25.0) - exact).abs() <= 0.003 * exact);
        }
    }
}
