use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::config::Publishing;

/// Publishers that are remembered for certain: the last so many who have published.
const PUBLISHERS: usize = 65_536;

/// How often each address, or each visitor, may publish: a token bucket each.
///
/// Whoever has had as many others after them is forgotten, and may burst once more. It takes the same time for each message however
/// many publishers there are.
pub(super) struct Rate<Who> {
    per_s: Option<f64>,
    buckets: Mutex<Buckets<Who>>,
}

/// Two shelves: what is used comes to the first, and when that is full it becomes the second, and what was there is gone.
struct Buckets<Who> {
    recent: HashMap<Who, Bucket>,
    former: HashMap<Who, Bucket>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<Who: Hash + Eq> Rate<Who> {
    pub(super) fn new(per_s: Option<f64>) -> Self {
        let buckets = Buckets {
            recent: HashMap::new(),
            former: HashMap::new(),
        };
        Rate {
            per_s,
            buckets: Mutex::new(buckets),
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
        let bucket = buckets.of(who, Bucket { tokens: most, at: now });
        bucket.tokens = bucket.refilled(per_s, most, now);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(((1.0 - bucket.tokens) / per_s).ceil().max(1.0) as u64)
    }
}

impl<Who: Hash + Eq> Buckets<Who> {
    /// The bucket of this one, on the first shelf; a full one for who has none.
    fn of(&mut self, who: Who, full: Bucket) -> &mut Bucket {
        if self.recent.len() >= PUBLISHERS && !self.recent.contains_key(&who) {
            self.former = std::mem::take(&mut self.recent);
        }
        let former = self.former.remove(&who);
        self.recent.entry(who).or_insert_with(|| former.unwrap_or(full))
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
    fn who_is_remembered_does_not_grow_and_the_last_ones_are() {
        let rate = Rate::new(Some(0.001));
        let start = Instant::now();
        let many = 3 * PUBLISHERS;
        for who in 0..many {
            assert_eq!(rate.take(who, start), Ok(()));
        }
        let known = (0..many).filter(|who| {
            let buckets = rate.buckets.lock().unwrap();
            buckets.recent.contains_key(who) || buckets.former.contains_key(who)
        });
        let known: Vec<usize> = known.collect();
        assert!(known.len() <= 2 * PUBLISHERS);
        for who in [many - 1, many - PUBLISHERS] {
            assert!(rate.take(who, start).is_err(), "{who} has published before");
        }
        assert_eq!(rate.take(0, start), Ok(()), "the first one was forgotten");
    }

    #[test]
    fn no_rate_is_no_bound() {
        let rate = Rate::new(None);
        assert!((0..10_000).all(|_| rate.take(HERE, Instant::now()).is_ok()));
    }
}
