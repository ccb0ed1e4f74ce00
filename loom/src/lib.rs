//! The memory-ordering heart of the feed, in every order that its threads can take.
//!
//! The file under test is the feed's own, `src/feed/newest.rs`. What it stands on is replaced: the lock by loom's, and tokio's
//! watch, which tokio checks with loom itself, by one that keeps the same promises. A listener here does what a worker's
//! fan-out does: look, and when there is nothing, wait until it is told to look again.
//!
//! `cargo test` in this folder runs it.
#![cfg(test)]

mod protocol {
    pub(crate) type Seq = u64;
}
#[path = "../../src/feed/newest.rs"]
mod newest;
mod watch;

use loom::future::block_on;
use loom::sync::{Arc, Mutex};
use loom::thread;

use newest::Newest;
use protocol::Seq;

/// A feed of nothing but seqs.
struct Feed {
    ring: Mutex<Vec<Seq>>,
    newest: Newest,
}

impl Feed {
    fn new() -> Arc<Self> {
        Arc::new(Feed {
            ring: Mutex::new(Vec::new()),
            newest: Newest::new(0),
        })
    }

    /// As the feed does it: pushed under the lock, told behind it.
    fn publish(&self) -> Seq {
        let seq = {
            let mut ring = self.ring.lock().unwrap();
            let seq = ring.len() as Seq + 1;
            ring.push(seq);
            seq
        };
        self.newest.tell(seq);
        seq
    }

    fn read_after(&self, heard: Seq) -> Vec<Seq> {
        self.ring.lock().unwrap()[heard as usize..].to_vec()
    }
}

/// Every order in which a thread is interrupted up to twice, which takes seconds; `LOOM_MAX_PREEMPTIONS` asks for more, which takes
/// minutes each. (That few are enough for nearly all faults is what made such checking practical: Musuvathi and Qadeer, PLDI 2007.)
fn every_order(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(check);
}

/// Hears until it has heard `all`. One that is not woken for what it has not heard never ends, which loom takes for what it is: a deadlock.
fn listen(feed: &Feed, mut told: watch::Receiver<Seq>, all: usize) -> Vec<Seq> {
    let mut heard = Vec::new();
    loop {
        heard.extend(feed.read_after(heard.len() as Seq));
        if heard.len() == all {
            return heard;
        }
        block_on(told.changed());
    }
}

#[test]
fn two_publishers_and_a_listener_that_waits() {
    every_order(|| {
        let feed = Feed::new();
        let told = feed.newest.watch();
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let feed = Arc::clone(&feed);
                thread::spawn(move || feed.publish())
            })
            .collect();
        assert_eq!(listen(&feed, told, 2), [1, 2], "each once, in order");
        let mut seqs: Vec<Seq> = publishers.into_iter().map(|each| each.join().unwrap()).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, [1, 2]);
        assert_eq!(feed.newest.watch().now(), 2, "whoever comes last, the newest is told");
    });
}

#[test]
fn one_publisher_of_two_and_two_listeners() {
    every_order(|| {
        let feed = Feed::new();
        let (first, second) = (feed.newest.watch(), feed.newest.watch());
        let publisher = {
            let feed = Arc::clone(&feed);
            thread::spawn(move || {
                feed.publish();
                feed.publish();
            })
        };
        let other = {
            let feed = Arc::clone(&feed);
            thread::spawn(move || listen(&feed, first, 2))
        };
        assert_eq!(listen(&feed, second, 2), [1, 2]);
        assert_eq!(other.join().unwrap(), [1, 2]);
        publisher.join().unwrap();
    });
}

#[test]
fn what_is_told_never_goes_back() {
    every_order(|| {
        let feed = Feed::new();
        let mut told = feed.newest.watch();
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let feed = Arc::clone(&feed);
                thread::spawn(move || feed.publish())
            })
            .collect();
        let mut last = 0;
        while last < 2 {
            block_on(told.changed());
            let now = told.now();
            assert!(now > last, "told of {now} behind {last}");
            assert!(feed.read_after(0).contains(&now), "told before it is there");
            last = now;
        }
        publishers
            .into_iter()
            .for_each(|each| assert!(each.join().unwrap() <= 2));
    });
}
