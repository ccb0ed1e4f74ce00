use std::collections::{HashMap, VecDeque};
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// Somebody who has signed in.
    Speaker(u64),
    /// A guest is known by address only.
    Guest(IpAddr),
}

/// The answers to publishes that carried an `Idempotency-Key`, for a while.
///
/// A feed in a file has them as labels of its messages, so that a repeat after a restart is one, too.
pub(super) struct Idempotency {
    remember: Duration,
    at_most: usize,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_key: HashMap<(Owner, String), Receipt>,
    // Oldest first; every entry of `by_key` stands here once.
    by_age: VecDeque<(Instant, (Owner, String))>,
}

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
            answers.forget(now.checked_sub(self.remember), self.at_most);
            // A key may come twice: the second time after it was forgotten, so the second one counts.
            answers.by_key.insert(key.clone(), Receipt::of(cursor));
            answers.by_age.push_back((at, key));
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
        answers.forget(now.checked_sub(self.remember), self.at_most);
        let key = (owner, key);
        let former = answers.by_key.get(&key);
        let failed = |receipt: &Receipt| matches!(receipt.known(), Some(Err(_)));
        if let Some(receipt) = former.filter(|receipt| !failed(receipt)) {
            return Ok(receipt.clone());
        }
        let is_new = former.is_none();
        let receipt = publish(format!("{} {}", key.0, key.1))?;
        answers.by_key.insert(key.clone(), receipt.clone());
        if is_new {
            answers.by_age.push_back((now, key));
        }
        Ok(receipt)
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
    /// Lets go of what is older than `before`, and of the oldest until one more fits.
    fn forget(&mut self, before: Option<Instant>, at_most: usize) {
        while let Some((at, _)) = self.by_age.front() {
            let old = before.is_some_and(|before| *at <= before);
            if !old && self.by_age.len() < at_most.max(1) {
                break;
            }
            if let Some((_, key)) = self.by_age.pop_front() {
                self.by_key.remove(&key);
            }
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
