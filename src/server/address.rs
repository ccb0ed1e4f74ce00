//! Who counts as one when connections and messages are counted by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections from one address elsewhere, unless told otherwise.
const ELSEWHERE: usize = 1_000;

/// How many connections each address has open.
#[derive(Clone)]
pub(super) struct Visits {
    at_most: Option<usize>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that counts for its address while this lives.
pub(super) struct Visit {
    visits: Visits,
    from: IpAddr,
}

/// The address that limits go by. Whoever has one IPv6 address has 2^64 of them, the rest of its network's.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

impl Visits {
    /// `at_most` connections from any address. `None` leaves this machine alone, where a lab and a proxy are, and lets in a
    /// thousand from any other address.
    pub(super) fn new(at_most: Option<usize>) -> Self {
        Visits {
            at_most,
            open: Arc::default(),
        }
    }

    /// Counts one more from this address; `None` when that would be too many.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Visit> {
        let is_own = address.to_canonical().is_loopback();
        let at_most = self.at_most.unwrap_or(if is_own { usize::MAX } else { ELSEWHERE });
        let from = counted(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(from).or_insert(0);
        // An address without a connection is let in, so that none stands here with a count of zero.
        if *count >= at_most.max(1) {
            return None;
        }
        *count += 1;
        let visits = self.clone();
        Some(Visit { visits, from })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut open = self.visits.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        assert_eq!(counted(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_eq!(counted(address("::ffff:10.0.0.7")), address("10.0.0.7"));
    }

    #[test]
    fn each_address_has_its_own_count_and_gives_it_back() {
        let visits = Visits::new(Some(2));
        let first = visits.enter(address("10.0.0.7")).unwrap();
        let _second = visits.enter(address("::ffff:10.0.0.7")).unwrap();
        assert!(visits.enter(address("10.0.0.7")).is_none());
        let other = visits.enter(address("10.0.0.8"));
        assert!(other.is_some());
        drop((first, other));
        assert!(visits.enter(address("10.0.0.7")).is_some());
        assert_eq!(visits.open.lock().unwrap().len(), 1, "who has left is forgotten");
    }

    #[test]
    fn this_machine_is_left_alone_unless_a_limit_is_set() {
        let visits = Visits::new(None);
        let of = |text: &str| {
            (0..2_000)
                .map_while(|_| visits.enter(address(text)))
                .collect::<Vec<_>>()
                .len()
        };
        assert_eq!((of("127.0.0.1"), of("::1"), of("10.0.0.7")), (2_000, 2_000, ELSEWHERE));
    }
}
