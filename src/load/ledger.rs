//! Whether a listener heard every message once and in order.

use crate::protocol::Seq;

/// What one listener has heard, by position: everything from its first cursor to the last message, but for the gaps.
///
/// A listener that hears all in order costs two numbers and an empty list. A gap costs two numbers more until it is
/// filled, so that a message that comes late is told from one that comes again without keeping a set of all of them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    base: Seq,
    last: Seq,
    gaps: Vec<Gap>,
}

/// Positions that were skipped, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    first: Seq,
    last: Seq,
}

/// How a message stands to those heard before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// For the first time, after all others.
    New,
    /// For the first time, but after a later one.
    Late,
    /// Not for the first time.
    Again,
}

impl Account {
    /// A listener that starts behind position `base`.
    pub(crate) fn new(base: Seq) -> Account {
        let gaps = Vec::new();
        Account { base, last: base, gaps }
    }

    /// Notes that the message at `seq` was heard.
    pub(crate) fn hear(&mut self, seq: Seq) -> Hearing {
        if seq <= self.last {
            return self.hear_behind(seq);
        }
        if seq > self.last + 1 {
            self.gaps.push(Gap {
                first: self.last + 1,
                last: seq - 1,
            });
        }
        self.last = seq;
        Hearing::New
    }

    /// A message that is not later than all others fills a gap or is one heard before.
    fn hear_behind(&mut self, seq: Seq) -> Hearing {
        let found = self.gaps.iter().position(|gap| (gap.first..=gap.last).contains(&seq));
        let Some(place) = found else {
            return Hearing::Again;
        };
        let Gap { first, last } = self.gaps[place];
        let before = (first < seq).then(|| Gap { first, last: seq - 1 });
        let after = (seq < last).then(|| Gap { first: seq + 1, last });
        self.gaps.splice(place..=place, before.into_iter().chain(after));
        Hearing::Late
    }

    /// How many of the accepted messages (rising positions) it never heard.
    pub(crate) fn lost(&self, accepted: &[Seq]) -> u64 {
        let up_to = |seq: Seq| accepted.partition_point(|accepted| *accepted <= seq);
        let skipped: usize = self.gaps.iter().map(|gap| up_to(gap.last) - up_to(gap.first - 1)).sum();
        // Nothing at or before `base` was ever owed to this listener, and `last` is never under it.
        let never_reached = accepted.len() - up_to(self.last);
        (skipped + never_reached) as u64
    }

    /// How many of the accepted messages (rising positions) it had to hear.
    pub(crate) fn owed(&self, accepted: &[Seq]) -> u64 {
        (accepted.len() - accepted.partition_point(|accepted| *accepted <= self.base)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_in_order_needs_no_memory() {
        let mut account = Account::new(3);
        for seq in 4..1000 {
            assert_eq!(account.hear(seq), Hearing::New);
        }
        assert_eq!(account.gaps.capacity(), 0);
        let accepted: Vec<Seq> = (4..1000).collect();
        assert_eq!((account.lost(&accepted), account.owed(&accepted)), (0, 996));
    }

    #[test]
    fn late_again_and_lost_are_told_apart() {
        let mut account = Account::new(0);
        let heard = [1, 2, 5, 4, 4, 2, 9].map(|seq| account.hear(seq));
        use Hearing::*;
        assert_eq!(heard, [New, New, New, Late, Again, Again, New]);
        // 3, 6, 7, 8 were skipped and 10 never came; 7 was never accepted, so nobody misses it.
        assert_eq!(account.lost(&[1, 2, 3, 4, 5, 6, 8, 9, 10]), 4);
    }

    #[test]
    fn what_came_before_the_first_cursor_is_heard_again() {
        let mut account = Account::new(5);
        assert_eq!(account.hear(5), Hearing::Again);
        assert_eq!(account.owed(&[4, 5, 6, 7]), 2);
        assert_eq!(account.lost(&[4, 5, 6, 7]), 2);
    }

    proptest! {
        #[test]
        fn an_account_agrees_with_a_set(heard in prop::collection::vec(1u64..40, 0..80), accepted in prop::collection::btree_set(1u64..50, 0..50)) {
            let mut account = Account::new(0);
            let mut set = BTreeSet::new();
            for seq in heard {
                let expected = match (set.last().is_none_or(|last| seq > *last), set.contains(&seq)) {
                    (true, _) => Hearing::New,
                    (false, true) => Hearing::Again,
                    (false, false) => Hearing::Late,
                };
                set.insert(seq);
                prop_assert_eq!(account.hear(seq), expected);
            }
            let lost = accepted.difference(&set).count() as u64;
            prop_assert_eq!(account.lost(&accepted.iter().copied().collect::<Vec<_>>()), lost);
        }
    }
}
