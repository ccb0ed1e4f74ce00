//! The thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info};

use super::{Force, Job, Opener, Storage};
use crate::feed::receipt::Taken;
use crate::feed::store::{Change, Label, Store, StoreError};
use crate::feed::{Entry, PublishError, Shared, encode, now_us};
use crate::protocol::Seq;

/// Messages that share one force at most.
const GROUP: usize = 1_024;

/// What the thread has.
pub(super) struct Scribe {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Receiver<Job>,
    pub(super) opener: Opener,
    /// `None` since the disk has failed.
    pub(super) store: Option<Store>,
    pub(super) storage: Storage,
    pub(super) last_speaker: u64,
    /// Since when the ring has messages that are not forced.
    pub(super) unforced_since: Option<Instant>,
    pub(super) retry: Duration,
    pub(super) failed_at: Option<Instant>,
    /// The same, for others to see.
    pub(super) failing: Arc<AtomicBool>,
}

/// What was brought, and whom to tell.
#[derive(Default)]
struct Group {
    entries: Vec<(u64, Entry)>,
    labels: Vec<Label>,
    publishers: Vec<oneshot::Sender<Taken>>,
    speakers: Vec<(u64, oneshot::Sender<u64>)>,
    finish: Option<oneshot::Sender<()>>,
}

impl Scribe {
    /// Writes until it is told to finish, or nobody is left to bring anything.
    pub(super) fn work(mut self) {
        loop {
            let first = match self.due() {
                None => self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => self.queue.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match first {
                Ok(job) => {
                    let group = self.gather(job);
                    if let Some(finish) = self.keep(group) {
                        self.close();
                        // Whoever asked may have gone.
                        let _ = finish.send(());
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.write(&Change::default(), true);
                }
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
        }
    }

    /// When the file has to be forced though nothing comes.
    fn due(&self) -> Option<Instant> {
        let Force::Within(time) = self.storage.force else {
            return None;
        };
        let due = self.unforced_since? + time;
        Some(self.failed_at.map_or(due, |at| due.max(at + self.retry)))
    }

    /// A job, and all that came while the disk was busy.
    fn gather(&self, first: Job) -> Group {
        let (mut seq, mut last_at) = {
            let ring = self.shared.ring();
            (ring.newest(), ring.newest_at())
        };
        let mut last_speaker = self.last_speaker;
        let mut group = Group::default();
        for job in std::iter::once(first).chain(self.queue.try_iter().take(GROUP - 1)) {
            match job {
                Job::Say {
                    from,
                    text,
                    label,
                    tell,
                } => {
                    seq += 1;
                    last_at = now_us().max(last_at);
                    let json = encode(self.shared.cursor(seq), last_at, &from, &text);
                    group.entries.push((last_at, Entry { seq, json }));
                    group.labels.extend(label.map(|text| Label { seq, at: last_at, text }));
                    group.publishers.push(tell);
                }
                Job::NextSpeaker(tell) => {
                    last_speaker += 1;
                    group.speakers.push((last_speaker, tell));
                }
                Job::Finish(tell) => {
                    group.finish = Some(tell);
                    break;
                }
            }
        }
        group
    }

    /// Writes a group, takes it into the ring, and tells everybody; gives who waits for the end.
    fn keep(&mut self, group: Group) -> Option<oneshot::Sender<()>> {
        let Group {
            entries,
            labels,
            publishers,
            speakers,
            finish,
        } = group;
        if entries.is_empty() && speakers.is_empty() {
            return finish;
        }
        let is_due = || self.due().is_some_and(|due| due <= Instant::now());
        // An id that was given out must not be given out again, however loosely messages are kept.
        let force = self.storage.force == Force::Always || !speakers.is_empty() || is_due();
        let last_speaker = speakers.last().map(|(id, _)| *id);
        let (ats, messages): (Vec<u64>, Vec<Entry>) = entries.into_iter().unzip();
        let labels_from = Duration::from_micros(now_us()).saturating_sub(self.storage.labels_for);
        let change = Change {
            last_speaker,
            messages: &messages,
            labels: &labels,
            labels_from: labels_from.as_micros() as u64,
            ..Change::default()
        };
        match self.write(&change, force) {
            Ok(()) => {
                self.last_speaker = last_speaker.unwrap_or(self.last_speaker);
                let seqs: Vec<Seq> = messages.iter().map(|message| message.seq).collect();
                self.shared.take_in(ats.into_iter().zip(messages));
                // Whoever has gone meanwhile need not be told.
                for (seq, tell) in seqs.into_iter().zip(publishers) {
                    let _ = tell.send(Ok(self.shared.cursor(seq)));
                }
                for (id, tell) in speakers {
                    let _ = tell.send(id);
                }
            }
            Err(NotWritten) => {
                for tell in publishers {
                    let _ = tell.send(Err(PublishError::NotKept));
                }
            }
        }
        finish
    }

    /// Writes a change, and lets go of what the ring no longer keeps. After a failure the file is opened anew, once in a while.
    fn write(&mut self, change: &Change<'_>, force: bool) -> Result<(), NotWritten> {
        if self.store.is_none() {
            self.reopen()?;
        }
        let store = self.store.as_ref().ok_or(NotWritten)?;
        let bounded = Change {
            oldest: self.shared.ring().oldest(),
            labels_at_most: self.storage.labels_at_most as u64,
            ..*change
        };
        match store.write(&bounded, force) {
            Ok(()) if force => self.unforced_since = None,
            Ok(()) => {
                self.unforced_since.get_or_insert_with(Instant::now);
            }
            Err(error) => return Err(self.fails(&error)),
        }
        Ok(())
    }

    /// Opens the file after a failure, and brings it to what the ring has: without what was refused when the disk failed, and
    /// with what was taken in but not forced before.
    fn reopen(&mut self) -> Result<(), NotWritten> {
        if self.failed_at.is_some_and(|at| at.elapsed() < self.retry) {
            return Err(NotWritten);
        }
        let reopened = (self.opener)().map_err(StoreError::from).and_then(|database| {
            let store = Store::new(database);
            let (messages, oldest, newest) = {
                let ring = self.shared.ring();
                (ring.all(), ring.oldest(), ring.newest())
            };
            let all = Change {
                cut_after: Some(newest),
                last_speaker: Some(self.last_speaker),
                messages: &messages,
                oldest,
                labels_at_most: self.storage.labels_at_most as u64,
                ..Change::default()
            };
            store.write(&all, true).map(|()| store)
        });
        match reopened {
            Ok(store) => {
                info!(file = %self.storage.file.display(), "messages are kept again");
                self.store = Some(store);
                self.failed_at = None;
                self.failing.store(false, Ordering::Relaxed);
                self.unforced_since = None;
                Ok(())
            }
            Err(error) => Err(self.fails(&error)),
        }
    }

    /// Nothing can be done with a file after it has failed but to open it anew.
    fn fails(&mut self, error: &StoreError) -> NotWritten {
        if self.failed_at.is_none() {
            error!(%error, file = %self.storage.file.display(), "cannot keep messages: publishing is refused");
        }
        self.store = None;
        self.failing.store(true, Ordering::Relaxed);
        self.failed_at = Some(Instant::now());
        NotWritten
    }

    /// Forces what is not forced, and notes that nothing is missing.
    fn close(mut self) {
        if self.storage.force == Force::Always {
            return;
        }
        let last = Change {
            loose: Some(false),
            ..Change::default()
        };
        self.failed_at = None;
        if self.write(&last, true).is_err() {
            error!(file = %self.storage.file.display(), "the last messages are not in the file");
        }
    }
}

/// The disk has failed; whoever brought something is told.
struct NotWritten;
