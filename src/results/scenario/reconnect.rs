//! How listeners that were cut off come back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;

/// The waits before a listener tries again: twice as long after each failure in a row, and a part of each left to chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reconnect {
    /// The longest that the first wait can be.
    #[serde(rename = "wait_s", with = "seconds")]
    pub wait: Duration,
    /// What the doubling stops at.
    #[serde(rename = "longest_s", with = "seconds")]
    pub longest: Duration,
    /// How much of a wait is drawn at random: with nothing all who were cut off together come back together, with all of it a wait is
    /// anything from none to the longest.
    pub jitter: Share,
}

/// A part of a whole, from 0 to 1; `50%` in text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(pub f64);

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect {
            wait: Duration::from_millis(200),
            longest: Duration::from_secs(5),
            jitter: Share(0.5),
        }
    }
}

impl Reconnect {
    /// The wait after so many failures in a row before this one; `chance` is uniform from 0 to 1.
    pub fn pause(&self, setbacks: u32, chance: f64) -> Duration {
        let doubled = self.wait.saturating_mul(1 << setbacks.min(20));
        let Share(jitter) = self.jitter;
        doubled
            .min(self.longest)
            .mul_f64((1.0 - jitter * chance).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_its_bound_and_chance_shortens_it() {
        let reconnect = |jitter| Reconnect {
            wait: Duration::from_millis(500),
            longest: Duration::from_secs(3),
            jitter: Share(jitter),
        };
        let ms = |jitter, setbacks, chance| reconnect(jitter).pause(setbacks, chance).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 4_000].map(|n| ms(0.0, n, 0.9)),
            [500, 1_000, 2_000, 3_000, 3_000]
        );
        assert_eq!([0.0, 0.5, 1.0].map(|chance| ms(0.5, 1, chance)), [1_000, 750, 500]);
        assert_eq!([0.0, 0.5, 1.0].map(|chance| ms(1.0, 1, chance)), [1_000, 500, 0]);
    }
}
