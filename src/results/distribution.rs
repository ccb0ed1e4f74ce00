use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as HdrReader, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// What is longer counts as this: no run is as long, and it bounds the histogram's memory.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How a time is distributed: an HdrHistogram of microseconds with three significant digits.
///
/// In JSON it is an object with the count and the usual quantiles in milliseconds, for people, and the whole histogram
/// in HdrHistogram's own interchange form (base64 of its compressed V2 encoding) for programs; reading it back uses the histogram alone.
#[derive(Clone, PartialEq)]
pub struct Distribution {
    histogram: Histogram<u64>,
}

impl Distribution {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        let histogram = Histogram::new(3).expect("three significant digits are within HdrHistogram's range");
        Distribution { histogram }
    }

    /// Takes one time in; what is under a microsecond counts as none.
    pub fn record(&mut self, time: Duration) {
        let us = time.min(LONGEST).as_micros() as u64;
        self.histogram
            .record(us)
            .expect("an auto-resizing histogram takes a day in");
    }

    /// Takes in all that the other has seen.
    pub fn merge(&mut self, other: &Distribution) {
        self.histogram
            .add(&other.histogram)
            .expect("an auto-resizing histogram takes any other in");
    }

    /// How many times were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// The mean in milliseconds; `None` of nothing.
    pub fn mean_ms(&self) -> Option<f64> {
        self.some(self.histogram.mean())
    }

    /// The time, in milliseconds, that the share `q` (0 to 1) of all stays at or under; `None` of nothing.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        self.some(self.histogram.value_at_quantile(q) as f64)
    }

    /// The longest in milliseconds; `None` of nothing.
    pub fn max_ms(&self) -> Option<f64> {
        self.some(self.histogram.max() as f64)
    }

    /// Points of the cumulative distribution: (milliseconds, share of all at or under it), rising, one for each bucket in use.
    pub fn cumulative(&self) -> Vec<(f64, f64)> {
        let total = self.histogram.len() as f64;
        let mut seen = 0;
        self.histogram
            .iter_recorded()
            .map(|step| {
                seen += step.count_since_last_iteration();
                (step.value_iterated_to() as f64 / 1000.0, seen as f64 / total)
            })
            .collect()
    }

    fn some(&self, us: f64) -> Option<f64> {
        (!self.is_empty()).then_some(us / 1000.0)
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution::new()
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Distribution({} times, p50 {:?} ms)",
            self.count(),
            self.quantile_ms(0.5)
        )
    }
}

/// What stands in JSON.
#[derive(Serialize, Deserialize)]
struct Written {
    count: u64,
    mean_ms: Option<f64>,
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    hdr_us: String,
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.histogram, &mut bytes)
            .map_err(serde::ser::Error::custom)?;
        Written {
            count: self.count(),
            mean_ms: self.mean_ms(),
            p50_ms: self.quantile_ms(0.5),
            p90_ms: self.quantile_ms(0.9),
            p99_ms: self.quantile_ms(0.99),
            max_ms: self.max_ms(),
            hdr_us: STANDARD.encode(bytes),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let bytes = STANDARD.decode(&written.hdr_us).map_err(D::Error::custom)?;
        let mut histogram: Histogram<u64> = HdrReader::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| D::Error::custom(format!("not an HdrHistogram: {error:?}")))?;
        histogram.auto(true);
        Ok(Distribution { histogram })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(times_us: &[u64]) -> Distribution {
        let mut distribution = Distribution::new();
        for us in times_us {
            distribution.record(Duration::from_micros(*us));
        }
        distribution
    }

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let distribution = of(&[1_000, 2_000, 3_000, 100_000]);
        assert_eq!(distribution.count(), 4);
        let p50 = distribution.quantile_ms(0.5).unwrap();
        assert!((p50 - 2.0).abs() < 0.01, "{p50}");
        let max = distribution.max_ms().unwrap();
        assert!((max - 100.0).abs() < 0.1, "{max}");
        let cumulative = distribution.cumulative();
        assert_eq!(cumulative.last().unwrap().1, 1.0);
    }

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(Distribution::new().mean_ms(), None);
        assert_eq!(Distribution::new().quantile_ms(0.99), None);
    }

    proptest! {
        #[test]
        fn merging_is_the_same_in_any_order(a in prop::collection::vec(0u64..10_000_000, 0..50), b in prop::collection::vec(0u64..10_000_000, 0..50)) {
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(&of(&b));
            ba.merge(&of(&a));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(ab.count(), (a.len() + b.len()) as u64);
        }

        #[test]
        fn json_keeps_every_bucket(a in prop::collection::vec(0u64..10_000_000, 0..50)) {
            let before = of(&a);
            let json = serde_json::to_string(&before).unwrap();
            let after: Distribution = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(after.cumulative(), before.cumulative());
        }
    }
}
