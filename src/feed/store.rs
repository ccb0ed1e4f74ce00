//! The file that a feed outlives its process in: a redb database of four small tables.

use bytes::Bytes;
use redb::{Database, Durability, ReadableTable, TableDefinition, TableError};

use super::Entry;
use crate::protocol::{FeedId, Seq};

/// What the tables mean. Another number would be another meaning, which this version could not read.
const FORMAT: &str = "talkplace feed 1";

const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");
const MESSAGES: TableDefinition<'_, Seq, &[u8]> = TableDefinition::new("messages");
/// By the seq of the message: when it was taken in, and what its publisher calls it.
const LABELS: TableDefinition<'_, Seq, (u64, &str)> = TableDefinition::new("labels");

/// An open file.
pub(super) struct Store {
    database: Database,
}

/// What a file has kept.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `None` in a new file.
    pub(super) feed: Option<FeedId>,
    /// Whether messages may have been acknowledged that are not in the file.
    pub(super) loose: bool,
    pub(super) last_speaker: u64,
    /// In order, without a gap.
    pub(super) messages: Vec<Entry>,
    pub(super) labels: Vec<Label>,
}

/// What a publisher calls one of the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) seq: Seq,
    pub(super) at: u64,
    pub(super) text: String,
}

/// What one transaction changes: all of it or nothing.
#[derive(Default)]
pub(super) struct Change<'a> {
    pub(super) feed: Option<FeedId>,
    pub(super) loose: Option<bool>,
    pub(super) last_speaker: Option<u64>,
    /// Messages and labels behind this one are not part of the feed.
    pub(super) cut_after: Option<Seq>,
    /// In order; those that are there already are written over.
    pub(super) messages: &'a [Entry],
    pub(super) labels: &'a [Label],
    /// The first message that is still wanted.
    pub(super) oldest: Seq,
    /// Labels of before this time are not wanted any more.
    pub(super) labels_from: u64,
    /// No more labels than this are wanted.
    pub(super) labels_at_most: u64,
}

/// Why a file cannot be read as a feed, or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("it is a database of something else")]
    Foreign,
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error(transparent)]
    // Boxed: it is as large as a line of text.
    Failed(Box<redb::Error>),
}

/// redb has an error type for each step; the one that sums them up is enough here.
macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                StoreError::Failed(Box::new(error.into()))
            }
        })*
    };
}
from_redb!(TransactionError, TableError, StorageError, CommitError, DatabaseError);

impl Store {
    pub(super) fn new(database: Database) -> Self {
        Store { database }
    }

    /// All that is kept.
    pub(super) fn read(&self) -> Result<Found, StoreError> {
        let transaction = self.database.begin_read()?;
        let facts = match transaction.open_table(FACTS) {
            Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => {
                return Ok(Found::default());
            }
            Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => {
                return Err(StoreError::Foreign);
            }
            facts => facts?,
        };
        if facts.get("format")?.is_none_or(|format| format.value() != FORMAT) {
            return Err(StoreError::Foreign);
        }
        let feed = facts.get("feed")?.and_then(|feed| feed.value().parse().ok());
        let counters = transaction.open_table(COUNTERS)?;
        let counter = |name| counters.get(name).map(|found| found.map_or(0, |found| found.value()));
        let mut found = Found {
            feed: Some(feed.ok_or(StoreError::Damaged("the feed has no id"))?),
            loose: counter("loose")? != 0,
            last_speaker: counter("last speaker")?,
            ..Found::default()
        };
        for message in transaction.open_table(MESSAGES)?.iter()? {
            let (seq, json) = message?;
            let (seq, json) = (seq.value(), Bytes::copy_from_slice(json.value()));
            if found.messages.last().is_some_and(|last: &Entry| last.seq + 1 != seq) {
                return Err(StoreError::Damaged("a message is missing"));
            }
            found.messages.push(Entry { seq, json });
        }
        for label in transaction.open_table(LABELS)?.iter()? {
            let (seq, label) = label?;
            let (at, text) = label.value();
            found.labels.push(Label {
                seq: seq.value(),
                at,
                text: text.to_owned(),
            });
        }
        Ok(found)
    }

    /// Makes a change. With `force` it is on the disk when this returns, and all that was changed before with it; without, the
    /// file's next force takes it along, and a process that dies before has not made it.
    pub(super) fn write(&self, change: &Change<'_>, force: bool) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(if force { Durability::Immediate } else { Durability::None });
        {
            let mut messages = transaction.open_table(MESSAGES)?;
            let mut labels = transaction.open_table(LABELS)?;
            if let Some(newest) = change.cut_after {
                messages.retain_in(newest + 1.., |_, _| false)?;
                labels.retain_in(newest + 1.., |_, _| false)?;
            }
            for message in change.messages {
                messages.insert(message.seq, &message.json[..])?;
            }
            while messages.first()?.is_some_and(|(seq, _)| seq.value() < change.oldest) {
                messages.pop_first()?;
            }
            for label in change.labels {
                labels.insert(label.seq, (label.at, label.text.as_str()))?;
            }
            while labels
                .first()?
                .is_some_and(|(_, label)| label.value().0 < change.labels_from)
            {
                labels.pop_first()?;
            }
            while redb::ReadableTableMetadata::len(&labels)? > change.labels_at_most {
                labels.pop_first()?;
            }
        }
        if let Some(feed) = change.feed {
            let mut facts = transaction.open_table(FACTS)?;
            facts.insert("format", FORMAT)?;
            facts.insert("feed", feed.as_str())?;
        }
        let counters = [
            ("last speaker", change.last_speaker),
            ("loose", change.loose.map(u64::from)),
        ];
        if counters.iter().any(|(_, value)| value.is_some()) {
            let mut table = transaction.open_table(COUNTERS)?;
            for (name, value) in counters {
                value.map(|value| table.insert(name, value)).transpose()?;
            }
        }
        Ok(transaction.commit()?)
    }
}
