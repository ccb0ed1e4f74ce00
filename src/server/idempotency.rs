use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::HeaderName;

use super::request::single;
use crate::protocol::{Cursor, Refusal, Speaker};

/// Whose key it is: two visitors may choose the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// Somebody who has signed in.
    Speaker(u64),
    /// A guest is known by address only.
    Guest(IpAddr),
}

/// The answers to publishes that carried an `Idempotency-Key`, for a while.
pub(super) struct Idempotency {
    remember: Duration,
    at_most: usize,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_key: HashMap<(Owner, String), Cursor>,
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

    /// The answer remembered for this key, or what `publish` gives, which is then remembered.
    ///
    /// The lock is held meanwhile, so that of two repeats at once only one is said.
    pub(super) fn once<E>(
        &self,
        owner: Owner,
        key: String,
        now: Instant,
        publish: impl FnOnce() -> Result<Cursor, E>,
    ) -> Result<Cursor, E> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.forget(now.checked_sub(self.remember), self.at_most);
        let key = (owner, key);
        if let Some(cursor) = answers.by_key.get(&key) {
            return Ok(*cursor);
        }
        let cursor = publish()?;
        answers.by_key.insert(key.clone(), cursor);
        answers.by_age.push_back((now, key));
        Ok(cursor)
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

    fn cursor(seq: u64) -> Cursor {
        Cursor {
            feed: "f".parse().unwrap(),
            seq,
        }
    }

    fn say(store: &Idempotency, owner: u64, key: &str, now: Instant, seq: u64) -> u64 {
        let said: Result<Cursor, ()> = store.once(Owner::Speaker(owner), key.into(), now, || Ok(cursor(seq)));
        said.unwrap().seq
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
        assert_eq!(
            store.once(Owner::Speaker(1), "k".into(), now, || Err("full")),
            Err("full")
        );
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
}
