//! How far listeners are behind the feed, as `/metrics` tells it.
//!
//! Each worker is asked when somebody asks for the metrics, so that no delivery pays for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{GaugeVec, IntGaugeVec, Registry};
use tokio::sync::{mpsc, oneshot};

use super::metrics::{index, opts, registered};
use crate::feed::{Entry, Feed, ReadError};
use crate::protocol::{Message, Seq, Transport};

/// How long the workers may take to answer. One that takes longer has something else to worry about, which other metrics show.
const PATIENCE: Duration = Duration::from_secs(1);

/// Questions that wait at a worker. Whoever comes on top gets an answer without it.
const QUESTIONS: usize = 16;

/// A question to a worker, and where its answer goes.
pub(super) type Question = oneshot::Sender<Furthest>;

/// Where a worker is asked, and where it hears that.
pub(super) fn questions() -> (mpsc::Sender<Question>, mpsc::Receiver<Question>) {
    mpsc::channel(QUESTIONS)
}

/// What those have heard who have heard least, by transport; `None` where nobody listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Furthest([Option<Seq>; Transport::ALL.len()]);

impl Furthest {
    /// Somebody has heard everything up to this.
    pub(super) fn add(&mut self, transport: Transport, heard: Seq) {
        let least = &mut self.0[index(transport)];
        *least = Some(least.map_or(heard, |least| least.min(heard)));
    }

    fn merge(&mut self, other: Furthest) {
        for (transport, heard) in Transport::ALL.into_iter().zip(other.0) {
            if let Some(heard) = heard {
                self.add(transport, heard);
            }
        }
    }
}

/// Asks all workers.
pub(super) async fn furthest(workers: &[mpsc::Sender<Question>]) -> Furthest {
    let ask = |worker: &mpsc::Sender<Question>| {
        let (question, answer) = oneshot::channel();
        worker.try_send(question).is_ok().then_some(answer)
    };
    let answers: Vec<_> = workers.iter().filter_map(ask).collect();
    let mut furthest = Furthest::default();
    let all = async {
        for answer in answers {
            // A worker that has ended has nobody left.
            furthest.merge(answer.await.unwrap_or_default());
        }
    };
    let _ = tokio::time::timeout(PATIENCE, all).await;
    furthest
}

/// The two gauges of each transport.
pub(super) struct Behind {
    messages: IntGaugeVec,
    seconds: GaugeVec,
}

impl Behind {
    pub(super) fn new(registry: &Registry) -> Self {
        let messages = opts(
            "talkplace_backlog_messages",
            "Messages that wait for the listener who is furthest behind, by transport.",
        );
        let seconds = opts(
            "talkplace_lag_seconds",
            "How long the oldest of these messages has been in the feed, by transport.",
        );
        Behind {
            messages: registered(registry, IntGaugeVec::new(messages, &["transport"])),
            seconds: registered(registry, GaugeVec::new(seconds, &["transport"])),
        }
    }

    /// Sets the gauges by what the workers have said.
    pub(super) fn set(&self, feed: &Feed, furthest: &Furthest) {
        let newest = feed.end().seq;
        for (transport, heard) in Transport::ALL.into_iter().zip(furthest.0) {
            let heard = heard.unwrap_or(newest).min(newest);
            let labels = [transport.name()];
            self.messages
                .with_label_values(&labels)
                .set(i64::try_from(newest - heard).unwrap_or(i64::MAX));
            self.seconds.with_label_values(&labels).set(age_s(feed, heard));
        }
    }
}

/// For how long the message behind this one has been there; if the feed keeps it no longer, the first one that it keeps.
fn age_s(feed: &Feed, heard: Seq) -> f64 {
    let next = feed.read_after(heard, 1).or_else(|error| match error {
        ReadError::Gone { oldest, .. } => feed.read_after(oldest.seq - 1, 1),
        ahead => Err(ahead),
    });
    let at_us = next.ok().and_then(|next| accepted_us(next.entries.first()?));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    at_us.map_or(0.0, |at_us| {
        now.saturating_sub(Duration::from_micros(at_us)).as_secs_f64()
    })
}

fn accepted_us(entry: &Entry) -> Option<u64> {
    Some(serde_json::from_slice::<Message>(&entry.json).ok()?.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Keep;
    use crate::protocol::Speaker;

    fn feed(keep: usize, messages: usize) -> Feed {
        let feed = Feed::new(Keep {
            messages: keep,
            ..Keep::default()
        });
        for _ in 0..messages {
            feed.publish(&Speaker::guest(), "x").unwrap();
        }
        feed
    }

    #[tokio::test]
    async fn the_one_who_has_heard_least_counts_on_whatever_worker() {
        let (workers, mut asked): (Vec<_>, Vec<_>) = (0..2).map(|_| questions()).unzip();
        let answering = async {
            for (asked, heard) in asked.iter_mut().zip([7, 5]) {
                let mut furthest = Furthest::default();
                furthest.add(Transport::Events, heard + 2);
                furthest.add(Transport::Events, heard);
                asked.recv().await.unwrap().send(furthest).unwrap();
            }
        };
        let (seen, ()) = tokio::join!(furthest(&workers), answering);
        let mut expected = Furthest::default();
        expected.add(Transport::Events, 5);
        assert_eq!(seen, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_does_not_answer_is_not_waited_for() {
        let (worker, _asked) = questions();
        assert_eq!(furthest(&[worker]).await, Furthest::default());
    }

    #[test]
    fn who_has_heard_everything_is_not_behind() {
        let feed = feed(10, 3);
        assert_eq!(age_s(&feed, 3), 0.0);
        std::thread::sleep(Duration::from_millis(2));
        let age = age_s(&feed, 0);
        assert!((0.002..60.0).contains(&age), "{age}");
    }

    #[test]
    fn what_is_no_longer_kept_is_as_old_as_the_first_that_is() {
        let feed = feed(2, 9);
        std::thread::sleep(Duration::from_millis(2));
        assert!(age_s(&feed, 1) >= 0.002);
    }
}
