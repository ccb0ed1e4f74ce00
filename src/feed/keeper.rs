//! A feed in a file: one thread writes what publishers bring, and takes it into the ring when it is written.
//!
//! Messages that come while the disk is busy with one force wait together for the next: however many publishers there
//! are, the disk is asked once for all of them (group commit). Nobody hears a message before the file has it, so that a
//! seq that was heard is never given to another message after a crash.

mod scribe;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redb::{Database, DatabaseError, StorageError};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::receipt::Taken;
use super::ring::Ring;
use super::store::{Change, Found, Label, Store, StoreError};
use super::{Entry, Keep, PublishError, Shared, draw_id, encode, now_us};
use crate::protocol::{Cursor, FeedId, Message, Speaker};
use scribe::Scribe;

/// Messages that wait for the disk at a time. With more the disk is slower than its publishers, and waiting would not help.
const QUEUE: usize = 4_096;
/// How long a disk that has failed is left alone.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes of the file that are kept in memory: the feed itself is there already.
const CACHE: usize = 4 << 20;

/// Where and how a feed outlives its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The file; made when there is none.
    pub file: PathBuf,
    /// How often it is forced to the disk.
    pub force: Force,
    /// How long the labels of messages are kept.
    pub labels_for: Duration,
    /// How many labels are kept; the oldest goes first.
    pub labels_at_most: usize,
}

/// How often the file is forced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Before any message is taken in: none that was acknowledged is lost, whatever happens.
    Always,
    /// After this time at most. Messages are taken in before that, and a crash loses the newest of them. The feed then
    /// comes back under another id, so that everybody is told.
    Within(Duration),
}

/// A message that its publisher has labelled, as it came back with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// What its publisher calls it.
    pub label: String,
    /// How long ago it was taken in.
    pub age: Duration,
    /// Its id.
    pub cursor: Cursor,
}

/// Why a feed cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two servers cannot share one file.
    #[error("another server keeps its feed in {0}")]
    InUse(PathBuf),
    /// There is something else in the file; it is left as it is.
    #[error("{file} is not a feed that can be kept on: {why}")]
    NotAFeed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file cannot be read or written.
    #[error("cannot keep the feed in {file}: {why}")]
    Failed {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
}

/// The way to the thread that writes.
#[derive(Clone)]
pub(super) struct Keeper {
    jobs: SyncSender<Job>,
    labels: Arc<Mutex<Vec<Labelled>>>,
    failing: Arc<AtomicBool>,
}

enum Job {
    Say {
        from: Speaker,
        text: String,
        label: Option<String>,
        tell: oneshot::Sender<Taken>,
    },
    NextSpeaker(oneshot::Sender<u64>),
    Finish(oneshot::Sender<()>),
}

/// How the file is opened: once at the start, and again after the disk has failed.
type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// Opens the file, or makes it.
pub(super) fn open(keep: Keep, storage: &Storage) -> Result<(Arc<Shared>, Keeper), OpenError> {
    let file = storage.file.clone();
    let is_new = !file.exists();
    let opened = open_with(keep, storage, RETRY, Box::new(move || database(&file)))?;
    if is_new {
        // The name of a new file is forced with its folder, not with the file.
        let folder = storage.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let forced = std::fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        if let Err(error) = forced {
            warn!(%error, file = %storage.file.display(), "cannot force the folder of a new file");
        }
    }
    Ok(opened)
}

fn database(file: &Path) -> Result<Database, DatabaseError> {
    Database::builder()
        .set_cache_size(CACHE)
        // The older format of files could not be read by later versions of redb.
        .create_with_file_format_v3(true)
        .create(file)
}

fn open_with(
    keep: Keep,
    storage: &Storage,
    retry: Duration,
    opener: Opener,
) -> Result<(Arc<Shared>, Keeper), OpenError> {
    let file = || storage.file.clone();
    let failed = |why: StoreError| OpenError::Failed {
        file: file(),
        why: why.to_string(),
    };
    let database = opener().map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(file()),
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            let why = "it is a file of something else".to_owned();
            OpenError::NotAFeed { file: file(), why }
        }
        error => failed(error.into()),
    })?;
    let store = Store::new(database);
    let found = store.read().map_err(|error| match error {
        StoreError::Failed(_) => failed(error),
        error => OpenError::NotAFeed {
            file: file(),
            why: error.to_string(),
        },
    })?;
    let damaged = |why: &str| OpenError::NotAFeed {
        file: file(),
        why: format!("it is damaged: {why}"),
    };

    let (id, messages) = identity(&found).ok_or_else(|| damaged("a message is no message"))?;
    let mut ring = Ring::new(keep);
    ring.start_after(messages.first().map_or(0, |(_, first)| first.seq - 1));
    for (at, message) in &messages {
        ring.append(*at, message.json.clone());
    }
    let entries: Vec<Entry> = messages.into_iter().map(|(_, entry)| entry).collect();
    let first = Change {
        feed: Some(id),
        loose: Some(storage.force != Force::Always),
        // Under another id every message is another one.
        messages: if found.feed == Some(id) { &[] } else { &entries },
        oldest: ring.oldest(),
        labels_at_most: u64::MAX,
        ..Change::default()
    };
    store.write(&first, true).map_err(failed)?;
    if let Some(former) = found.feed {
        let (newest, oldest) = (ring.newest(), ring.oldest());
        info!(feed = %id, oldest, newest, "the feed goes on");
        if former != id {
            warn!(%former, "the server died before its last force: messages may be lost, and the feed has another id");
        }
    }

    let labels = labelled(id, &found.labels);
    let shared = Arc::new(Shared::new(id, ring));
    let (jobs, queue) = sync_channel(QUEUE);
    let failing = Arc::<AtomicBool>::default();
    let scribe = Scribe {
        shared: Arc::clone(&shared),
        queue,
        opener,
        store: Some(store),
        storage: storage.clone(),
        last_speaker: found.last_speaker,
        unforced_since: None,
        retry,
        failed_at: None,
        failing: Arc::clone(&failing),
    };
    let thread = std::thread::Builder::new().name("keeper".into());
    let started = thread.spawn(move || scribe.work());
    started.map_err(|error| OpenError::Failed {
        file: file(),
        why: error.to_string(),
    })?;
    let labels = Arc::new(Mutex::new(labels));
    Ok((shared, Keeper { jobs, labels, failing }))
}

/// Under which id the feed goes on, and its messages with their times. `None` when one of them cannot be read.
///
/// Where messages may be missing at the end, a listener that has heard them would take the next ones for the same.
fn identity(found: &Found) -> Option<(FeedId, Vec<(u64, Entry)>)> {
    let id = found.feed.filter(|_| !found.loose).unwrap_or_else(draw_id);
    let messages = found.messages.iter().map(|entry| {
        let message: Message<'_> = serde_json::from_slice(&entry.json).ok()?;
        let mut entry = entry.clone();
        if found.feed != Some(id) {
            let cursor = Cursor {
                feed: id,
                seq: entry.seq,
            };
            entry.json = encode(cursor, message.at, &message.from, &message.text);
        }
        Some((message.at, entry))
    });
    messages.collect::<Option<_>>().map(|messages| (id, messages))
}

fn labelled(feed: FeedId, labels: &[Label]) -> Vec<Labelled> {
    let now = now_us();
    let labelled = labels.iter().map(|label| Labelled {
        label: label.text.clone(),
        age: Duration::from_micros(now.saturating_sub(label.at)),
        cursor: Cursor { feed, seq: label.seq },
    });
    labelled.collect()
}

impl Keeper {
    /// Brings a message. The ring is locked meanwhile: what is brought before it is closed is written before the end.
    pub(super) fn say(
        &self,
        ring: &Ring,
        from: &Speaker,
        text: &str,
        label: Option<String>,
    ) -> Result<oneshot::Receiver<Taken>, PublishError> {
        let (tell, told) = oneshot::channel();
        let say = Job::Say {
            from: from.clone(),
            text: text.to_owned(),
            label,
            tell,
        };
        self.bring(ring, say)?;
        Ok(told)
    }

    /// Asks for the id of a speaker whom nobody was before.
    pub(super) fn next_speaker(&self, ring: &Ring) -> Result<oneshot::Receiver<u64>, PublishError> {
        let (tell, told) = oneshot::channel();
        self.bring(ring, Job::NextSpeaker(tell))?;
        Ok(told)
    }

    /// The labels that came back with the file, once.
    pub(super) fn labels(&self) -> Vec<Labelled> {
        std::mem::take(&mut self.labels.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the file cannot be written.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Has everything written that was brought, and the file closed. Blocks while the queue is full.
    pub(super) fn finish(&self) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        // A thread that has ended is finished.
        let _ = self.jobs.send(Job::Finish(tell));
        told
    }

    fn bring(&self, ring: &Ring, job: Job) -> Result<(), PublishError> {
        if ring.is_closed() {
            return Err(PublishError::Closed);
        }
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => PublishError::NotKept,
            TrySendError::Disconnected(_) => PublishError::Closed,
        })
    }
}
