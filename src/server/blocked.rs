use std::cell::Cell;

use prometheus::IntGauge;
use tokio::time::Instant;

/// Since when a socket has taken nothing though something waits for it. Whoever is blocked counts as one of those who are.
pub(super) struct Blocked {
    since: Cell<Option<Instant>>,
    blocked: IntGauge,
}

impl Blocked {
    /// A socket that is not blocked; `blocked` counts those who are.
    pub(super) fn new(blocked: IntGauge) -> Self {
        Blocked {
            since: Cell::new(None),
            blocked,
        }
    }

    /// Since when; `None` when nothing waits.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since.get()
    }

    /// The socket has taken something.
    pub(super) fn ends(&self) {
        if self.since.take().is_some() {
            self.blocked.dec();
        }
    }

    /// The socket has no room. It may have had none before.
    pub(super) fn goes_on(&self) {
        if self.since.get().is_none() {
            self.since.set(Some(Instant::now()));
            self.blocked.inc();
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_blocked_counts_once_until_the_end() {
        let gauge = IntGauge::new("blocked", "Blocked.").unwrap();
        let (a, b) = (Blocked::new(gauge.clone()), Blocked::new(gauge.clone()));
        a.goes_on();
        let since = a.since();
        a.goes_on();
        b.goes_on();
        assert_eq!((a.since(), gauge.get()), (since, 2));
        a.ends();
        a.ends();
        assert_eq!((a.since(), gauge.get()), (None, 1));
        drop(b);
        assert_eq!(gauge.get(), 0);
    }
}
