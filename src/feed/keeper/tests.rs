//! The feed on a disk that can be full, can stand still, and can lose its power.

use std::io;
use std::sync::Condvar;

use rand::{RngExt as _, SeedableRng as _};
use redb::StorageBackend;

use super::*;
use crate::feed::{Backend, Feed};

/// A disk in memory.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<(Mutex<Medium>, Condvar)>);

#[derive(Debug, Default)]
struct Medium {
    /// What a reader finds.
    seen: Vec<u8>,
    /// What is there for good.
    forced: Vec<u8>,
    /// What was written since the last force: any part of it may be there or not.
    unforced: Vec<Write>,
    forces: usize,
    full: bool,
    /// Whether a force has to wait, and whether one does.
    held: bool,
    waiting: bool,
}

#[derive(Debug, Clone)]
enum Write {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Write::Length(length) => to.resize(*length, 0),
            Write::Bytes(at, bytes) => {
                let end = at + bytes.len();
                to.resize(to.len().max(end), 0);
                to[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Medium {
    fn change(&mut self, write: Write) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        write.apply(&mut self.seen);
        self.unforced.push(write);
        Ok(())
    }
}

impl Disk {
    fn medium(&self) -> std::sync::MutexGuard<'_, Medium> {
        self.0.0.lock().unwrap()
    }

    fn set(&self, set: impl FnOnce(&mut Medium)) {
        set(&mut self.medium());
        self.0.1.notify_all();
    }

    fn wait_until(&self, condition: impl Fn(&Medium) -> bool) {
        let (medium, told) = &*self.0;
        drop(told.wait_while(medium.lock().unwrap(), |medium| !condition(medium)));
    }

    /// What another machine finds on this disk when the power fails now: of what is not forced, anything.
    fn after_a_power_cut(&self, rng: &mut impl rand::Rng) -> Disk {
        let medium = self.medium();
        let mut found = medium.forced.clone();
        let survivors = medium.unforced.iter().filter(|_| rng.random());
        survivors.for_each(|write| write.apply(&mut found));
        Disk(Arc::new((
            Mutex::new(Medium {
                seen: found.clone(),
                forced: found,
                ..Medium::default()
            }),
            Condvar::new(),
        )))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.medium().seen.len() as u64)
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let at = offset as usize;
        let medium = self.medium();
        medium
            .seen
            .get(at..at + len)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.medium().change(Write::Length(len as usize))
    }

    fn sync_data(&self, _eventual: bool) -> io::Result<()> {
        self.set(|medium| medium.waiting = true);
        self.wait_until(|medium| !medium.held);
        self.set(|medium| {
            medium.waiting = false;
            medium.forces += 1;
            medium.forced = medium.seen.clone();
            medium.unforced.clear();
        });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.medium().change(Write::Bytes(offset as usize, data.to_vec()))
    }
}

fn storage(force: Force) -> Storage {
    Storage {
        file: "disk".into(),
        force,
        labels_for: Duration::from_secs(300),
        labels_at_most: 10,
    }
}

fn open(disk: &Disk, force: Force) -> Feed {
    let keep = Keep {
        messages: 100,
        ..Keep::default()
    };
    open_keeping(disk, force, keep)
}

fn open_keeping(disk: &Disk, force: Force, keep: Keep) -> Feed {
    let disk = disk.clone();
    let opener = Box::new(move || {
        let mut builder = Database::builder();
        builder.create_with_file_format_v3(true).set_cache_size(CACHE);
        builder.create_with_backend(disk.clone())
    });
    let (shared, keeper) = open_with(keep, &storage(force), Duration::ZERO, opener).unwrap();
    Feed {
        shared,
        backend: Backend::File(keeper),
    }
}

const HOUR: Force = Force::Within(Duration::from_secs(3_600));

fn say(feed: &Feed, text: &str) -> Result<Cursor, PublishError> {
    feed.publish(&Speaker::guest(), text)
}

fn texts(feed: &Feed) -> Vec<String> {
    let oldest = feed.shared.ring().oldest();
    let batch = feed.read_after(oldest - 1, usize::MAX).unwrap();
    let of = |(n, entry): (usize, &Entry)| {
        let message: Message<'_> = serde_json::from_slice(&entry.json).unwrap();
        assert_eq!(entry.seq, oldest + n as u64);
        assert_eq!(message.id, feed.cursor(entry.seq).to_string());
        message.text.into_owned()
    };
    batch.entries.iter().enumerate().map(of).collect()
}

fn rng() -> rand_chacha::ChaCha8Rng {
    rand_chacha::ChaCha8Rng::seed_from_u64(7)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn those_who_come_during_a_force_share_the_next() {
    let disk = Disk::default();
    let feed = open(&disk, Force::Always);
    let before = disk.medium().forces;
    disk.set(|medium| medium.held = true);
    let first = feed.submit(&Speaker::guest(), "first", None).unwrap();
    disk.wait_until(|medium| medium.waiting);
    let others: Vec<_> = (0..50)
        .map(|n| feed.submit(&Speaker::guest(), &n.to_string(), None).unwrap())
        .collect();
    assert!(first.known().is_none(), "it is not acknowledged before it is forced");
    assert_eq!(feed.end().seq, 0, "nor heard");
    disk.set(|medium| medium.held = false);
    for (receipt, seq) in std::iter::once(first).chain(others).zip(1..) {
        assert_eq!(block_on(receipt.taken()), Ok(feed.cursor(seq)));
    }
    assert_eq!(disk.medium().forces - before, 2);
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing_else() {
    for force in [Force::Always, HOUR] {
        let disk = Disk::default();
        let feed = open(&disk, force);
        for text in ["a", "b"] {
            say(&feed, text).unwrap();
        }
        disk.set(|medium| medium.full = true);
        // Without a force a change may still wait in memory; what was acknowledged then is written when there is room again.
        let taken = (0..200).take_while(|n| say(&feed, &n.to_string()).is_ok()).count();
        if force == Force::Always {
            assert_eq!(taken, 0);
        }
        if taken < 200 {
            assert_eq!(say(&feed, "x"), Err(PublishError::NotKept));
            assert!(feed.is_failing());
            assert_eq!(block_on(feed.next_speaker()), Err(PublishError::NotKept));
        }
        let heard = texts(&feed);
        disk.set(|medium| medium.full = false);
        say(&feed, "c").unwrap();
        assert!(!feed.is_failing());
        block_on(feed.finish());
        let again = open(&disk, force);
        assert_eq!(again.id(), feed.id());
        let mut expected = heard;
        expected.push("c".into());
        let skip = expected.len().saturating_sub(100);
        assert_eq!(texts(&again), expected[skip..]);
    }
}

#[test]
fn whatever_a_power_cut_takes_nothing_acknowledged_is_missing() {
    let mut rng = rng();
    let mut disk = Disk::default();
    let mut acknowledged: Vec<String> = Vec::new();
    let mut id = None;
    for round in 0..15 {
        let feed = open(&disk, Force::Always);
        assert_eq!(feed.id(), *id.get_or_insert(feed.id()));
        let found = texts(&feed);
        for text in &acknowledged[acknowledged.len().saturating_sub(30)..] {
            assert_eq!(
                found.iter().filter(|each| *each == text).count(),
                1,
                "{text} of {found:?}"
            );
        }
        let said = Mutex::new(Vec::new());
        let stop = AtomicBool::new(false);
        let cut = std::thread::scope(|scope| {
            for publisher in 0..3 {
                let (feed, said, stop) = (&feed, &said, &stop);
                scope.spawn(move || {
                    for n in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let text = format!("{round}-{publisher}-{n}");
                        say(feed, &text).unwrap();
                        said.lock().unwrap().push(text);
                    }
                });
            }
            let enough = rng.random_range(0..10);
            while said.lock().unwrap().len() < enough {
                std::thread::yield_now();
            }
            // What is acknowledged before the cut counts; anything may happen in between.
            let before = said.lock().unwrap().clone();
            let cut = disk.after_a_power_cut(&mut rng);
            stop.store(true, Ordering::Relaxed);
            acknowledged.extend(before);
            cut
        });
        disk = cut;
    }
}

#[test]
fn a_crash_before_a_late_force_is_told_by_another_id() {
    let disk = Disk::default();
    let feed = open(&disk, HOUR);
    for text in ["a", "b"] {
        say(&feed, text).unwrap();
    }
    let speaker = block_on(feed.next_speaker()).unwrap();
    say(&feed, "c").unwrap();
    let crashed = open(&disk.after_a_power_cut(&mut rng()), HOUR);
    assert_ne!(crashed.id(), feed.id());
    assert_eq!(texts(&crashed), ["a", "b"], "forced with the speaker's id");
    assert_eq!(block_on(crashed.next_speaker()), Ok(speaker + 1));

    block_on(feed.finish());
    let ended = open(&disk, Force::Always);
    assert_eq!(ended.id(), feed.id());
    assert_eq!(texts(&ended), ["a", "b", "c"]);
}

#[test]
fn a_late_force_comes_though_nothing_follows() {
    let disk = Disk::default();
    let feed = open(&disk, Force::Within(Duration::from_millis(1)));
    let before = disk.medium().forces;
    say(&feed, "a").unwrap();
    disk.wait_until(|medium| medium.forces > before && medium.unforced.is_empty());
    let found = open(&disk.after_a_power_cut(&mut rng()), Force::Always);
    assert_eq!(texts(&found), ["a"]);
}

#[test]
fn labels_come_back_the_newest_of_them() {
    let disk = Disk::default();
    let feed = open(&disk, Force::Always);
    for n in 1..=12 {
        let label = (n != 7).then(|| format!("label {n}"));
        let receipt = feed.submit(&Speaker::guest(), "x", label).unwrap();
        block_on(receipt.taken()).unwrap();
    }
    block_on(feed.finish());
    let again = open(&disk, Force::Always);
    let labels = again.labels();
    let found: Vec<_> = labels
        .iter()
        .map(|each| (each.label.as_str(), each.cursor.seq))
        .collect();
    assert_eq!(found[0], ("label 2", 2), "ten of eleven");
    assert_eq!(found.last(), Some(&("label 12", 12)));
    assert_eq!(found.len(), 10);
    assert!(labels.iter().all(|each| each.age < Duration::from_secs(300)));
    assert!(again.labels().is_empty(), "once");
}

#[test]
fn the_file_grows_with_what_is_kept_and_not_with_what_was_said() {
    let disk = Disk::default();
    let feed = open(&disk, HOUR);
    let said = |messages: u32| {
        let text = "x".repeat(1_000);
        let receipts: Vec<_> = (0..messages)
            .map(|_| feed.submit(&Speaker::guest(), &text, None).unwrap())
            .collect();
        receipts
            .into_iter()
            .for_each(|receipt| assert!(block_on(receipt.taken()).is_ok()));
        // A speaker's id is forced, and with it what came before.
        block_on(feed.next_speaker()).unwrap();
        disk.medium().seen.len()
    };
    let first: usize = (0..20).map(|_| said(100)).max().unwrap();
    let second: usize = (0..40).map(|_| said(100)).max().unwrap();
    assert!(second <= first * 3 / 2, "{first} bytes, then {second}");
    block_on(feed.finish());
    let fewer = Keep {
        messages: 10,
        ..Keep::default()
    };
    let again = open_keeping(&disk, Force::Always, fewer);
    assert_eq!((texts(&again).len(), again.end().seq), (10, 6_000));
    say(&again, "y").unwrap();
    assert_eq!(again.end().seq, 6_001);
}

#[test]
fn a_closed_feed_has_decided_everything_and_takes_nothing() {
    let disk = Disk::default();
    let feed = open(&disk, Force::Always);
    let receipts: Vec<_> = (0..200)
        .map(|_| feed.submit(&Speaker::guest(), "x", None).unwrap())
        .collect();
    block_on(feed.finish());
    assert!(receipts.iter().all(|receipt| matches!(receipt.known(), Some(Ok(_)))));
    assert_eq!(feed.end().seq, 200);
    assert_eq!(say(&feed, "y"), Err(PublishError::Closed));
    assert_eq!(block_on(feed.next_speaker()), Err(PublishError::Closed));
    block_on(feed.finish());
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let disk = Disk::default();
    let database = Database::builder().create_with_backend(disk.clone()).unwrap();
    let other = redb::TableDefinition::<'_, u64, u64>::new("accounts");
    let transaction = database.begin_write().unwrap();
    transaction.open_table(other).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let opener = Box::new(move || Database::builder().create_with_backend(disk.clone()));
    let opened = open_with(Keep::default(), &storage(Force::Always), RETRY, opener);
    assert!(matches!(opened, Err(OpenError::NotAFeed { .. })));
}
