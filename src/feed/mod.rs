//! The feed: one ordered list of messages, and the only truth about them.
//!
//! Messages live once, in a ring, already encoded. Whoever listens holds a [`Cursor`] and asks for what follows
//! it. A wake-up says "look again" and carries no message, so a slow listener loses nothing unseen: it reads on from its
//! cursor, or is told that what it wants is [gone](ReadError::Gone).
//!
//! Readers read from the ring, whatever stands behind it. What takes messages in is a backend: [memory](Feed::new), which is
//! gone with the process, or a [file](Feed::open). One feed for several servers would be a third.
//!
//! The feed has never heard of HTTP.

mod keeper;
mod newest;
mod receipt;
mod ring;
mod store;

pub use keeper::{Force, Labelled, OpenError, Storage};
pub use receipt::Receipt;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rand::RngExt as _;
use tokio::sync::watch;

use crate::protocol::{After, Cursor, FeedId, Message, Seq, Speaker};
use keeper::Keeper;
use newest::Newest;
use ring::Ring;

/// How much the feed keeps for those who come back. The older of the two bounds wins; the newest message is always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Messages.
    pub messages: usize,
    /// Bytes of encoded messages.
    pub bytes: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Keep {
            messages: 10_000,
            bytes: 16 << 20,
        }
    }
}

/// A handle to the feed; clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    backend: Backend,
}

/// Who takes messages into the ring, and gives speakers their ids.
#[derive(Clone)]
enum Backend {
    /// Whoever publishes.
    Memory { last_speaker: Arc<AtomicU64> },
    /// A thread that has written them to a file before.
    File(Keeper),
}

/// What readers see.
struct Shared {
    id: FeedId,
    // A std mutex: it is held for a push or for cloning a few `Bytes`, never across an await.
    ring: Mutex<Ring>,
    // The seq of the newest message. Told after the ring is unlocked, so that whoever wakes does not meet the lock.
    newest: Newest,
}

/// One message as the feed keeps it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its position.
    pub seq: Seq,
    /// Its JSON, as every transport carries it.
    pub json: Bytes,
}

/// What follows a cursor, as far as the caller's limit.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// In order, without a gap; empty when nothing follows.
    pub entries: Vec<Entry>,
}

/// Why what follows a cursor cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The feed no longer keeps what follows the cursor, or it is a cursor of another feed. Start again at `oldest`, or accept the gap.
    #[error("what follows the cursor is gone; the feed goes on at {oldest}")]
    Gone {
        /// The first message kept, or the next to come when none is.
        oldest: Cursor,
        /// The cursor of the end.
        next: Cursor,
    },
    /// The cursor is past the end of this feed.
    #[error("the cursor is past the end of the feed, {next}")]
    Ahead {
        /// The cursor of the end.
        next: Cursor,
    },
}

/// Why a message is not in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The feed takes no more messages: its server is shutting down.
    #[error("the feed is closed")]
    Closed,
    /// The file of the feed cannot take it: the disk is full, has failed, or is too slow for so many. Nobody has heard it.
    #[error("the feed cannot keep the message")]
    NotKept,
}

impl Feed {
    /// An empty feed in memory, with an id drawn anew.
    pub fn new(keep: Keep) -> Self {
        Feed {
            shared: Arc::new(Shared::new(draw_id(), Ring::new(keep))),
            backend: Backend::Memory {
                last_speaker: Arc::default(),
            },
        }
    }

    /// The feed that a file has kept, or a new one in it.
    ///
    /// # Errors
    /// When there is something else in the file, another server has it open, or it cannot be written.
    pub fn open(keep: Keep, storage: &Storage) -> Result<Self, OpenError> {
        let (shared, keeper) = keeper::open(keep, storage)?;
        Ok(Feed {
            shared,
            backend: Backend::File(keeper),
        })
    }

    /// Which feed this is.
    pub fn id(&self) -> FeedId {
        self.shared.id
    }

    /// Brings a message on its way, and gives what its publisher may wait for. A label comes back with a file:
    /// [`labels`](Feed::labels).
    ///
    /// # Errors
    /// [`PublishError::Closed`] after [`close`](Feed::close), [`PublishError::NotKept`] when too many wait for the disk.
    pub fn submit(&self, from: &Speaker, text: &str, label: Option<String>) -> Result<Receipt, PublishError> {
        match &self.backend {
            Backend::Memory { .. } => self.shared.publish(from, text).map(Receipt::of),
            Backend::File(keeper) => keeper.say(&self.shared.ring(), from, text, label).map(Receipt::waiting),
        }
    }

    /// Takes a message in and wakes whoever waits for one. Gives its id. Blocks while a file takes it, so it is not
    /// for asynchronous callers unless the feed is in memory.
    ///
    /// # Errors
    /// When the feed is closed, or cannot keep it.
    pub fn publish(&self, from: &Speaker, text: &str) -> Result<Cursor, PublishError> {
        match &self.backend {
            Backend::Memory { .. } => self.shared.publish(from, text),
            Backend::File(keeper) => {
                let told = keeper.say(&self.shared.ring(), from, text, None)?;
                told.blocking_recv().unwrap_or(Err(PublishError::NotKept))
            }
        }
    }

    /// The id of a speaker whom nobody was before.
    ///
    /// # Errors
    /// When the feed is closed, or cannot remember that it was given.
    pub async fn next_speaker(&self) -> Result<u64, PublishError> {
        let told = match &self.backend {
            Backend::Memory { last_speaker } => return Ok(last_speaker.fetch_add(1, Ordering::Relaxed) + 1),
            Backend::File(keeper) => keeper.next_speaker(&self.shared.ring())?,
        };
        told.await.map_err(|_| PublishError::NotKept)
    }

    /// The labels of messages that came back with a file: once, as whoever asks will look after them.
    pub fn labels(&self) -> Vec<Labelled> {
        match &self.backend {
            Backend::Memory { .. } => Vec::new(),
            Backend::File(keeper) => keeper.labels(),
        }
    }

    /// How many messages the feed keeps now, and how many bytes they have.
    pub fn size(&self) -> (usize, usize) {
        self.shared.ring().size()
    }

    /// Whether the file of the feed has failed, so that nothing is taken in.
    pub fn is_failing(&self) -> bool {
        match &self.backend {
            Backend::Memory { .. } => false,
            Backend::File(keeper) => keeper.is_failing(),
        }
    }

    /// The cursor of the end: what has heard everything.
    pub fn end(&self) -> Cursor {
        self.cursor(self.shared.ring().newest())
    }

    /// Whether the feed can still say what follows; gives the position that was meant.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot.
    pub fn locate(&self, after: After) -> Result<Seq, ReadError> {
        let ring = self.shared.ring();
        let seq = match after {
            After::Cursor(cursor) if cursor.feed != self.shared.id => return Err(self.gone(&ring)),
            After::Cursor(cursor) => cursor.seq,
            After::Seq(seq) => seq,
        };
        self.check(&ring, seq).map(|()| seq)
    }

    /// Whether this is the cursor of the end: nothing follows it yet.
    pub fn ends_at(&self, after: After) -> bool {
        let newest = self.shared.ring().newest();
        match after {
            After::Cursor(cursor) => cursor == self.cursor(newest),
            After::Seq(seq) => seq == newest,
        }
    }

    /// Up to `limit` messages that follow `after`, at once; an empty batch when there are none yet.
    ///
    /// # Errors
    /// [`ReadError`] when the feed no longer keeps what follows, or has not come as far.
    pub fn read_after(&self, after: Seq, limit: usize) -> Result<Batch, ReadError> {
        let ring = self.shared.ring();
        self.check(&ring, after)?;
        Ok(Batch {
            entries: ring.after(after, limit),
        })
    }

    /// The seq of the newest message, for waiting until it changes. A receiver that falls behind sees only the newest.
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.shared.newest.watch()
    }

    /// Takes no more messages from now on; what was taken in can still be read.
    pub fn close(&self) {
        self.shared.ring().close();
    }

    /// Closes the feed. When this completes, all that was submitted is decided, and a file is forced and closed.
    pub async fn finish(&self) {
        self.close();
        if let Backend::File(keeper) = &self.backend {
            let keeper = keeper.clone();
            // A full queue is waited for, and that blocks.
            let finish = tokio::task::spawn_blocking(move || keeper.finish());
            if let Ok(finished) = finish.await {
                // An error says that the thread has ended already.
                let _ = finished.await;
            }
        }
    }

    /// A cursor of this feed.
    pub fn cursor(&self, seq: Seq) -> Cursor {
        self.shared.cursor(seq)
    }

    fn check(&self, ring: &Ring, after: Seq) -> Result<(), ReadError> {
        if after > ring.newest() {
            Err(ReadError::Ahead {
                next: self.cursor(ring.newest()),
            })
        } else if after + 1 < ring.oldest() {
            Err(self.gone(ring))
        } else {
            Ok(())
        }
    }

    fn gone(&self, ring: &Ring) -> ReadError {
        ReadError::Gone {
            oldest: self.cursor(ring.oldest()),
            next: self.cursor(ring.newest()),
        }
    }
}

impl Shared {
    fn new(id: FeedId, ring: Ring) -> Self {
        Shared {
            id,
            newest: Newest::new(ring.newest()),
            ring: Mutex::new(ring),
        }
    }

    fn publish(&self, from: &Speaker, text: &str) -> Result<Cursor, PublishError> {
        let pushed = self
            .ring()
            .push(now_us(), |seq, at| encode(self.cursor(seq), at, from, text))?;
        self.newest.tell(pushed);
        Ok(self.cursor(pushed))
    }

    /// Takes messages in that have their seqs and follow what is there, with their times.
    fn take_in(&self, messages: impl Iterator<Item = (u64, Entry)>) {
        let newest = {
            let mut ring = self.ring();
            for (at, message) in messages {
                ring.append(at, message.json);
            }
            ring.newest()
        };
        self.newest.tell(newest);
    }

    fn cursor(&self, seq: Seq) -> Cursor {
        Cursor { feed: self.id, seq }
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        // Nothing under the lock leaves the ring half-changed, so one that panicked has done no harm.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message as every transport carries it.
fn encode(id: Cursor, at: u64, from: &Speaker, text: &str) -> Bytes {
    let message = Message {
        id: id.to_string().into(),
        at,
        from: from.clone(),
        text: text.into(),
    };
    serde_json::to_vec(&message).expect("a message is always JSON").into()
}

/// Eight characters: forty bits are enough that a listener of the former feed is never taken for one of this.
fn draw_id() -> FeedId {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rng = rand::rng();
    let text: String = (0..8)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect();
    text.parse().expect("eight characters of the alphabet are a feed id")
}

fn now_us() -> u64 {
    // A clock before 1970 is a broken clock; 0 is as good as anything and `at` still never decreases.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(messages: usize) -> Feed {
        Feed::new(Keep {
            messages,
            ..Keep::default()
        })
    }

    fn say(feed: &Feed, text: &str) -> Cursor {
        feed.publish(&Speaker::guest(), text).unwrap()
    }

    fn seqs(batch: &Batch) -> Vec<Seq> {
        batch.entries.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn messages_are_numbered_from_one_and_read_back_in_order() {
        let feed = feed(10);
        for text in ["a", "b", "c"] {
            say(&feed, text);
        }
        let batch = feed.read_after(1, 100).unwrap();
        assert_eq!(seqs(&batch), [2, 3]);
        let message: Message = serde_json::from_slice(&batch.entries[0].json).unwrap();
        assert_eq!(message.text, "b");
        assert_eq!(message.id, format!("{}-2", feed.id()));
        assert_eq!(seqs(&feed.read_after(0, 2).unwrap()), [1, 2]);
        assert!(feed.read_after(3, 2).unwrap().entries.is_empty());
    }

    #[test]
    fn what_the_ring_no_longer_keeps_is_gone() {
        let feed = feed(2);
        for text in ["a", "b", "c", "d"] {
            say(&feed, text);
        }
        let gone = ReadError::Gone {
            oldest: feed.cursor(3),
            next: feed.cursor(4),
        };
        assert_eq!(feed.read_after(1, 1).unwrap_err(), gone);
        assert_eq!(seqs(&feed.read_after(2, 9).unwrap()), [3, 4]);
    }

    #[test]
    fn another_feed_is_gone_and_the_future_is_ahead() {
        let feed = feed(2);
        say(&feed, "a");
        let next = feed.cursor(1);
        let other = After::Cursor("zz-1".parse().unwrap());
        assert_eq!(feed.locate(other), Err(ReadError::Gone { oldest: next, next }));
        assert_eq!(feed.locate(After::Seq(2)), Err(ReadError::Ahead { next }));
        assert_eq!(feed.locate(After::Seq(u64::MAX)), Err(ReadError::Ahead { next }));
        assert_eq!(feed.locate(After::Cursor(next)), Ok(1));
        let others = ["zz-1", "zz-0", "0", "2"].map(|after| after.parse().unwrap());
        assert!(others.iter().all(|after| !feed.ends_at(*after)));
        assert!(feed.ends_at(After::Cursor(next)) && feed.ends_at(After::Seq(1)));
    }

    #[test]
    fn an_empty_feed_names_the_next_to_come_as_its_oldest() {
        let feed = feed(2);
        let expected = ReadError::Gone {
            oldest: feed.cursor(1),
            next: feed.cursor(0),
        };
        assert_eq!(feed.locate(After::Cursor("zz-0".parse().unwrap())), Err(expected));
    }

    #[test]
    fn a_closed_feed_takes_nothing_in_and_keeps_what_it_has() {
        let feed = feed(2);
        say(&feed, "a");
        feed.close();
        assert_eq!(feed.publish(&Speaker::guest(), "b"), Err(PublishError::Closed));
        assert_eq!(seqs(&feed.read_after(0, 9).unwrap()), [1]);
    }

    #[tokio::test]
    async fn whoever_watches_is_woken_by_the_message() {
        let feed = feed(2);
        let mut watch = feed.watch();
        say(&feed, "a");
        watch.changed().await.unwrap();
        assert_eq!(*watch.borrow_and_update(), 1);
    }

    #[test]
    fn publishers_at_once_get_every_seq_once() {
        let feed = feed(10_000);
        let mut ids: Vec<Seq> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..500).map(|_| say(&feed, "x").seq).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        ids.sort_unstable();
        assert_eq!(ids, (1..=2000).collect::<Vec<_>>());
        assert_eq!(*feed.watch().borrow(), 2000);
        let batch = feed.read_after(0, 10_000).unwrap();
        let ats: Vec<u64> = batch
            .entries
            .iter()
            .map(|entry| serde_json::from_slice::<Message>(&entry.json).unwrap().at)
            .collect();
        assert!(ats.is_sorted());
    }

    proptest! {
        /// Any mix of publishes and reads gives each listener rising seqs without a gap, or `Gone`.
        #[test]
        fn a_listener_sees_every_seq_or_is_told(keep in 1usize..8, steps in prop::collection::vec((0u8..4, 1usize..5), 1..60)) {
            let feed = feed(keep);
            let mut heard = [0; 3];
            for (actor, n) in steps {
                let Some(cursor) = heard.get_mut(usize::from(actor)) else {
                    (0..n).for_each(|_| { say(&feed, "x"); });
                    continue;
                };
                match feed.read_after(*cursor, n) {
                    Ok(batch) => for seq in seqs(&batch) {
                        prop_assert_eq!(seq, *cursor + 1);
                        *cursor = seq;
                    },
                    Err(ReadError::Gone { oldest, next }) => {
                        prop_assert!(*cursor + 1 < oldest.seq);
                        prop_assert!(next.seq - oldest.seq < keep as u64);
                        *cursor = oldest.seq - 1;
                    }
                    Err(error) => prop_assert!(false, "{}", error),
                }
            }
        }
    }
}
