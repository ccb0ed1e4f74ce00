use prometheus::IntGauge;

/// Bytes that wait for one peer to read, as a part of all that do.
pub(super) struct Queued {
    all: IntGauge,
    bytes: i64,
}

impl Queued {
    /// Nothing yet; `all` is what waits for anybody.
    pub(super) fn new(all: IntGauge) -> Self {
        Queued { all, bytes: 0 }
    }

    /// So many wait now.
    pub(super) fn set(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.all.add(bytes - self.bytes);
        self.bytes = bytes;
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.all.sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_the_sum_of_those_who_are_there() {
        let all = IntGauge::new("queued", "Queued.").unwrap();
        let (mut a, mut b) = (Queued::new(all.clone()), Queued::new(all.clone()));
        a.set(7);
        b.set(5);
        a.set(3);
        assert_eq!(all.get(), 8);
        drop(a);
        assert_eq!(all.get(), 5);
        b.set(0);
        assert_eq!(all.get(), 0);
    }
}
