use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::config::Publishing;

/// Publishers that are remembered at a time.
const PUBLISHERS: usize = 65_536;

/// How often each address, or each visitor, may publish: a token bucket each.
///
/// A bucket that is full again says nothing, so it is forgotten first when there are too many.
pub(super) struct Rate<Who> {
    per_s: Option<f64>,
    buckets: Mutex<HashMap<Who, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<Who: Hash + Eq + Clone> Rate<Who> {
    pub(super) fn new(per_s: Option<f64>) -> Self {
        Rate {
            per_s,
            buckets: Mutex::default(),
        }
    }

    /// Takes one message's token.
    ///
    /// # Errors
    /// The whole seconds until there is one again.
    pub(super) fn take(&self, who: Who, now: Instant) -> Result<(), u64> {
        let Some(per_s) = self.per_s else { return Ok(()) };
        let most = (per_s * Publishing::BURST_SECONDS).max(1.0);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= PUBLISHERS && !buckets.contains_key(&who) {
            buckets.retain(|_, bucket| bucket.refilled(per_s, most, now) < most);
            // All of them in use: any one is let go, which lets that one burst once more.
            if let Some(any) = buckets.keys().next().cloned().filter(|_| buckets.len() >= PUBLISHERS) {
                buckets.remove(&any);
            }
        }
        let bucket = buckets.entry(who).or_insert(Bucket { tokens: most, at: now });
        bucket.tokens = bucket.refilled(per_s, most, now);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(((1.0 - bucket.tokens) / per_s).ceil().max(1.0) as u64)
    }
}

impl Bucket {
    fn refilled(&self, per_s: f64, most: f64, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + since * per_s).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let rate = Rate::new(Some(2.0));
        let start = Instant::now();
        let burst = (0..20).take_while(|_| rate.take(HERE, start).is_ok()).count();
        assert_eq!(burst, 10);
        assert_eq!(rate.take(HERE, start), Err(1));
        assert_eq!(
            rate.take(THERE, start),
            Ok(()),
            "another address has a bucket of its own"
        );
        let later = start + Duration::from_secs(1);
        assert_eq!(rate.take(HERE, later), Ok(()));
        assert_eq!(rate.take(HERE, later), Ok(()));
        assert!(rate.take(HERE, later).is_err());
    }

    #[test]
    fn a_slow_rate_says_how_long_to_wait() {
        let rate = Rate::new(Some(0.1));
        let start = Instant::now();
        assert_eq!(rate.take(HERE, start), Ok(()));
        assert_eq!(rate.take(HERE, start), Err(10));
    }

    #[test]
    fn no_rate_is_no_bound() {
        let rate = Rate::new(None);
        assert!((0..10_000).all(|_| rate.take(HERE, Instant::now()).is_ok()));
    }
}
