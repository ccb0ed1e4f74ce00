use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::HeaderName;

use super::request::single;
use crate::feed::{Labelled, Receipt};
use crate::protocol::{Refusal, Speaker};

/// Whose key it is: two visitors may choose the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Owner {
    /// Somebody who has signed in.
    Speaker(u64),
    /// A guest is known by address only.
    Guest(IpAddr),
}

/// The answers to publishes that carried an `Idempotency-Key`, for a while.
///
/// When there are too many, whoever has the most loses the oldest of theirs: nobody makes others' answers forgotten by having many keys.
///
/// A feed in a file has them as labels of its messages, so that a repeat after a restart is one, too.
pub(super) struct Idempotency {
    remember: Duration,
    at_most: usize,
    answers: Mutex<Answers>,
}

type Key = (Owner, String);

#[derive(Default)]
struct Answers {
    by_key: HashMap<Key, (Turn, Receipt)>,
    by_age: BTreeMap<Turn, (Instant, Key)>,
    /// Those of each owner, oldest first. Nobody stands here with none.
    by_owner: HashMap<Owner, VecDeque<Turn>>,
    /// The last of these has the most, and of those who have as many the oldest.
    by_number: BTreeSet<(usize, Reverse<Turn>, Owner)>,
    next: Turn,
}

/// The older, the less.
type Turn = u64;

impl Owner {
    pub(super) fn of(speaker: &Speaker, address: IpAddr) -> Self {
        if speaker.id == 0 {
            Owner::Guest(address)
        } else {
            Owner::Speaker(speaker.id)
        }
    }
}

impl Idempotency {
    pub(super) fn new(remember: Duration, at_most: usize) -> Self {
        Idempotency {
            remember,
            at_most,
            answers: Mutex::default(),
        }
    }

    /// Remembers what a former server has answered. `labels` are those that [`once`](Idempotency::once) gave, oldest first.
    pub(super) fn restore(&self, labels: Vec<Labelled>, now: Instant) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for Labelled { label, age, cursor } in labels {
            // A clock that was set back makes an answer older than this machine: it is too old by then.
            let (Some(key), Some(at)) = (key_of(&label), now.checked_sub(age)) else {
                continue;
            };
            // A key may come twice: the second time after it was forgotten, so the second one counts.
            if let Some((turn, _)) = answers.by_key.get(&key) {
                let turn = *turn;
                answers.remove(turn);
            }
            answers.forget(now.checked_sub(self.remember), self.at_most);
            answers.add(at, key, Receipt::of(cursor));
        }
    }

    /// The answer remembered for this key, or what `publish` gives, which is then remembered. `publish` is given the
    /// label that the message is to have.
    ///
    /// The lock is held meanwhile, so that of two repeats at once only one is said.
    pub(super) fn once<E>(
        &self,
        owner: Owner,
        key: String,
        now: Instant,
        publish: impl FnOnce(String) -> Result<Receipt, E>,
    ) -> Result<Receipt, E> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.forget(now.checked_sub(self.remember), usize::MAX);
        let key = (owner, key);
        let label = || format!("{} {}", key.0, key.1);
        match answers.by_key.get_mut(&key) {
            // The feed has not kept it: it was never said.
            Some((_, receipt)) if matches!(receipt.known(), Some(Err(_))) => {
                *receipt = publish(label())?;
                Ok(receipt.clone())
            }
            Some((_, receipt)) => Ok(receipt.clone()),
            None => {
                let receipt = publish(label())?;
                answers.forget(None, self.at_most);
                answers.add(now, key, receipt.clone());
                Ok(receipt)
            }
        }
    }
}

/// Whose key a label is. A key has no space in it.
fn key_of(label: &str) -> Option<(Owner, String)> {
    let (owner, key) = label.split_once(' ')?;
    Some((owner.parse().ok()?, key.to_owned()))
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Speaker(id) => id.fmt(f),
            Owner::Guest(address) => address.fmt(f),
        }
    }
}

impl FromStr for Owner {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // No address is a number.
        text.parse()
            .map(Owner::Speaker)
            .or_else(|_| text.parse().map(Owner::Guest))
    }
}

impl Answers {
    fn add(&mut self, at: Instant, key: Key, receipt: Receipt) {
        let turn = self.next;
        self.next += 1;
        self.recount(&key.0, |turns| turns.push_back(turn));
        self.by_age.insert(turn, (at, key.clone()));
        self.by_key.insert(key, (turn, receipt));
    }

    fn remove(&mut self, turn: Turn) {
        if let Some((_, key)) = self.by_age.remove(&turn) {
            self.by_key.remove(&key);
            self.recount(&key.0, |turns| match turns.front() {
                Some(oldest) if *oldest == turn => drop(turns.pop_front()),
                _ => turns.retain(|each| *each != turn),
            });
        }
    }

    /// Lets go of what is older than `before`, and of as many as it takes for one more to fit.
    fn forget(&mut self, before: Option<Instant>, at_most: usize) {
        while let Some((turn, _)) = self
            .by_age
            .first_key_value()
            .filter(|(_, (at, _))| before.is_some_and(|before| *at <= before))
        {
            let turn = *turn;
            self.remove(turn);
        }
        while self.by_age.len() >= at_most.max(1)
            && let Some((_, Reverse(oldest), _)) = self.by_number.last()
        {
            let oldest = *oldest;
            self.remove(oldest);
        }
    }

    /// Changes which are this owner's, and where the owner stands among all.
    fn recount(&mut self, owner: &Owner, change: impl FnOnce(&mut VecDeque<Turn>)) {
        let mut turns = self.by_owner.remove(owner).unwrap_or_default();
        let place = |turns: &VecDeque<Turn>| Some((turns.len(), Reverse(*turns.front()?), owner.clone()));
        if let Some(place) = place(&turns) {
            self.by_number.remove(&place);
        }
        change(&mut turns);
        if let Some(place) = place(&turns) {
            self.by_number.insert(place);
            self.by_owner.insert(owner.clone(), turns);
        }
    }
}

/// The request's `Idempotency-Key`.
///
/// # Errors
/// Malformed unless it is 1 to 64 visible ASCII characters and comes once.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    const NAME: HeaderName = HeaderName::from_static("idempotency-key");
    let Some(key) = single(headers, &NAME)? else {
        return Ok(None);
    };
    if (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(key.to_owned()))
    } else {
        Err(Refusal::malformed(
            "An Idempotency-Key is 1 to 64 visible ASCII characters.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Cursor;

    fn cursor(seq: u64) -> Cursor {
        Cursor {
            feed: "f".parse().unwrap(),
            seq,
        }
    }

    fn say(store: &Idempotency, owner: u64, key: &str, now: Instant, seq: u64) -> u64 {
        let publish = |_| Ok::<_, ()>(Receipt::of(cursor(seq)));
        let said = store.once(Owner::Speaker(owner), key.into(), now, publish).unwrap();
        said.known().unwrap().unwrap().seq
    }

    #[test]
    fn a_repeat_gets_the_first_answer_for_as_long_as_it_is_remembered() {
        let store = Idempotency::new(Duration::from_secs(300), 100);
        let start = Instant::now();
        assert_eq!(say(&store, 1, "k", start, 1), 1);
        assert_eq!(say(&store, 1, "k", start + Duration::from_secs(299), 2), 1);
        assert_eq!(say(&store, 2, "k", start, 3), 3, "another speaker's key is another key");
        assert_eq!(say(&store, 1, "k", start + Duration::from_secs(300), 4), 4);
    }

    #[test]
    fn only_what_was_taken_in_is_remembered() {
        let store = Idempotency::new(Duration::from_secs(300), 100);
        let now = Instant::now();
        let refused = store.once(Owner::Speaker(1), "k".into(), now, |_| Err("full"));
        assert_eq!(refused.unwrap_err(), "full");
        assert_eq!(say(&store, 1, "k", now, 2), 2);
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_bound() {
        let store = Idempotency::new(Duration::from_secs(300), 2);
        let now = Instant::now();
        for (key, seq) in [("a", 1), ("b", 2), ("c", 3)] {
            say(&store, 1, key, now, seq);
        }
        assert_eq!(say(&store, 1, "c", now, 9), 3);
        assert_eq!(say(&store, 1, "a", now, 9), 9);
    }

    #[test]
    fn who_has_many_keys_loses_their_own_and_nobody_elses() {
        let store = Idempotency::new(Duration::from_secs(300), 10);
        let now = Instant::now();
        for owner in [1, 2, 3] {
            assert_eq!(say(&store, owner, "k", now, owner), owner);
        }
        for n in 0..1_000 {
            say(&store, 9, &n.to_string(), now, 100 + n);
        }
        for owner in [1, 2, 3] {
            assert_eq!(say(&store, owner, "k", now, 7), owner, "still remembered");
        }
        assert_eq!(say(&store, 9, "999", now, 7), 1_099);
        assert_eq!(say(&store, 9, "0", now, 7), 7, "that one was forgotten");
        let answers = store.answers.lock().unwrap();
        assert_eq!((answers.by_key.len(), answers.by_age.len()), (10, 10));
        assert_eq!(answers.by_owner.values().map(VecDeque::len).sum::<usize>(), 10);
        assert_eq!((answers.by_owner.len(), answers.by_number.len()), (4, 4));
    }

    #[test]
    fn of_those_with_as_many_keys_the_oldest_one_goes() {
        let store = Idempotency::new(Duration::from_secs(300), 3);
        let now = Instant::now();
        for owner in [3, 1, 2, 4] {
            say(&store, owner, "k", now, owner);
        }
        for owner in [1, 2, 4] {
            assert_eq!(say(&store, owner, "k", now, 7), owner);
        }
        assert_eq!(say(&store, 3, "k", now, 7), 7);
    }

    #[test]
    fn answers_come_back_from_their_labels_and_age_on() {
        let store = Idempotency::new(Duration::from_secs(300), 100);
        let mut labels = Vec::new();
        for (n, owner) in [
            Owner::Speaker(7),
            Owner::Guest("::1".parse().unwrap()),
            Owner::Guest("10.0.0.7".parse().unwrap()),
        ]
        .iter()
        .enumerate()
        {
            let publish = |label| {
                labels.push(Labelled {
                    label,
                    age: Duration::from_secs(200),
                    cursor: cursor(n as u64),
                });
                Ok::<_, ()>(Receipt::of(cursor(n as u64)))
            };
            store.once(owner.clone(), "k".into(), Instant::now(), publish).unwrap();
        }
        let next = Idempotency::new(Duration::from_secs(300), 100);
        // Far enough from the start of this machine's clock, which may be seconds old.
        let now = Instant::now() + Duration::from_secs(1_000);
        next.restore(labels, now);
        assert_eq!(say(&next, 7, "k", now, 9), 0);
        let guest = next.once(Owner::Guest("::1".parse().unwrap()), "k".into(), now, |_| Err(()));
        assert_eq!(guest.unwrap().known().unwrap().unwrap().seq, 1);
        assert_eq!(say(&next, 7, "k", now + Duration::from_secs(100), 9), 9);
    }
}
