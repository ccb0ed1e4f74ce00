use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as HdrReader, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// What is longer counts as this: no run is as long, and it bounds the histogram's memory.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const DIGITS: u8 = 3;

/// The V2 encoding: its header, and more than all of it can be. Each bucket takes nine bytes at most, and there are fewer than 2¹⁶.
const HEADER: usize = 40;
const LARGEST: usize = HEADER + (9 << 16);

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
        let histogram = Histogram::new(DIGITS).expect("three significant digits are within HdrHistogram's range");
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
        let encoding =
            inflated(&bytes).ok_or_else(|| D::Error::custom("not an HdrHistogram of a day in microseconds"))?;
        let mut histogram: Histogram<u64> = HdrReader::new()
            .deserialize(&mut encoding.as_slice())
            .map_err(|error| D::Error::custom(format!("not an HdrHistogram: {error:?}")))?;
        histogram.auto(true);
        Ok(Distribution { histogram })
    }
}

/// An encoding without its compression; `None` if it is none, or larger than one that is written here. hdrhistogram makes room for whatever a header claims,
/// and a `results.json` that somebody sent may claim gigabytes.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    // Before the compressed part stand a cookie and its length.
    let compressed = bytes.get(8..)?;
    let mut encoding = Vec::new();
    let most = LARGEST as u64;
    ZlibDecoder::new(compressed)
        .take(most)
        .read_to_end(&mut encoding)
        .ok()?;
    let header: &[u8; HEADER] = encoding.first_chunk()?;
    let length = u32::from_be_bytes(*header[4..].first_chunk()?);
    let digits = u32::from_be_bytes(*header[12..].first_chunk()?);
    let highest = u64::from_be_bytes(*header[24..].first_chunk()?);
    let fits = length as usize <= encoding.len() - HEADER
        && digits <= DIGITS.into()
        // A histogram that grows goes to the end of a power of two.
        && u128::from(highest) < 4 * LONGEST.as_micros();
    fits.then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibEncoder;
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

    #[test]
    fn what_claims_more_than_there_is_costs_no_room() {
        let whole = of(&[1_000, LONGEST.as_micros() as u64]);
        let json = serde_json::to_value(&whole).unwrap();
        let read = |json: serde_json::Value| serde_json::from_value::<Distribution>(json);
        assert_eq!(read(json.clone()).unwrap().cumulative(), whole.cumulative());

        let bytes = STANDARD.decode(json["hdr_us"].as_str().unwrap()).unwrap();
        let plain = inflated(&bytes).unwrap();
        // Its length, its digits, and its highest value.
        for (at, claim) in [(4, 0xff), (15, 5), (24, 0x7f)] {
            let mut claims = plain.clone();
            claims[at] = claim;
            let mut compressed = bytes[..8].to_vec();
            ZlibEncoder::new(claims.as_slice(), flate2::Compression::fast())
                .read_to_end(&mut compressed)
                .unwrap();
            let mut json = json.clone();
            json["hdr_us"] = STANDARD.encode(compressed).into();
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains("not an HdrHistogram"), "{at}: {error}");
        }
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
