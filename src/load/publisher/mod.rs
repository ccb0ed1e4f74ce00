//! The publisher: sends every message at its planned instant, whatever became of the ones before it.
//!
//! It is an open loop. A slow server gets the next message all the same, as it would from people who do not know of each
//! other; a publisher that waited for its answers would stop asking just when it gets slow, and leave the slow part out of the figures.
//!
//! A run that restarts its server has messages that are due while there is none. People would try again until they are heard, and so
//! does this publisher, with an `Idempotency-Key`, as it cannot know whether a send without an answer was accepted. The delay counts from the
//! planned instant all the same.
//!
//! It stands beside the server, with no link before it: a message's own way to the server is no part of what is
//! compared, and a delay is then what the way to the listener costs.

mod posts;
mod speaker;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::recorder::Plan;
use super::target::Peer;
use super::timer::Timer;
use crate::protocol::Seq;
use crate::results::{Dialect, Distribution};
use posts::Posts;
use speaker::Speaker;

/// How long a send that came to nothing waits before it is made again: not long, so that it is the listeners' way back that shows in
/// the delays, and not the publishers'.
const RETRY: Duration = Duration::from_millis(50);
/// Connections opened before the first send, so that it does not have to wait for one.
const WARM_CONNECTIONS: usize = 4;

/// What a publisher needs to know.
#[derive(Clone)]
pub(crate) struct Publisher {
    /// The server.
    pub(crate) peer: Arc<Peer>,
    /// The schedule, and the clock to keep to it; started already.
    pub(crate) plan: Arc<Plan>,
    /// Length of a text.
    pub(crate) text_bytes: u32,
    /// How many sends may wait for their answers.
    pub(crate) in_flight: usize,
    /// Longer than that no send is waited for.
    pub(crate) patience: Duration,
    /// Whether a send that came to nothing is made again, until that time is over.
    pub(crate) persists: bool,
    /// When it gives up waiting for answers, from the start of the run.
    pub(crate) end: Duration,
}

/// What became of the schedule.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The position of every message that was accepted, and when that was.
    pub(crate) accepted: Vec<(Seq, Instant)>,
    /// Sends answered otherwise, or not at all.
    pub(crate) failed: u64,
    /// Sends that were made again.
    pub(crate) retried: u64,
    /// Planned, and never sent.
    pub(crate) missed: u64,
    /// Sent − intended.
    pub(crate) lag: Distribution,
}

/// One thread's state, shared by the sends under way.
struct Desk {
    publisher: Publisher,
    timer: Timer,
    way: Way,
    published: RefCell<Published>,
}

/// How what is said gets to the server.
enum Way {
    /// A request for each message, as many at a time as it takes.
    Posts(Posts),
    /// A frame for each message, one after the other.
    Speaker(Speaker),
}

impl Publisher {
    /// Sends the schedule. It ends with the last answer, or early when `stop` is cancelled.
    ///
    /// # Errors
    /// When the system gives no timer.
    pub(crate) async fn publish(self, stop: CancellationToken) -> std::io::Result<Published> {
        let start = self
            .plan
            .clock
            .start()
            .expect("the engine starts the clock before the publisher");
        let end = start + self.end;
        let desk = Rc::new(Desk {
            timer: Timer::start()?,
            way: Way::to(&self),
            published: RefCell::default(),
            publisher: self,
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = desk.clone().send_all(start, end) => {}
        }
        Ok(desk.published.take())
    }
}

impl Desk {
    async fn send_all(self: Rc<Self>, start: Instant, end: Instant) {
        self.open_some().await;
        let plan = Arc::clone(&self.publisher.plan);
        let mut sends = JoinSet::new();
        for (index, intended) in plan.schedule.sends().iter().enumerate() {
            let due = start + *intended;
            self.timer.sleep_until(due).await;
            while let Some(sent) = sends.try_join_next() {
                sent.expect("a send that panics ends its thread");
            }
            if sends.len() >= self.publisher.in_flight {
                self.published.borrow_mut().missed += 1;
                continue;
            }
            sends.spawn_local(self.clone().send(index, due));
        }
        let left = end.saturating_duration_since(Instant::now());
        let _ = self
            .timer
            .within(left, async {
                while let Some(sent) = sends.join_next().await {
                    sent.expect("a send that panics ends its thread");
                }
            })
            .await;
        self.published.borrow_mut().failed += sends.len() as u64;
    }

    /// Connects beforehand. Should that fail, the sends will find out and count it.
    async fn open_some(&self) {
        let patience = self.publisher.patience;
        match &self.way {
            Way::Posts(posts) => {
                for _ in 0..WARM_CONNECTIONS.min(self.publisher.in_flight) {
                    let _ = self.timer.within(patience, posts.open_one()).await;
                }
            }
            Way::Speaker(speaker) => {
                let _ = self.timer.within(patience, speaker.open()).await;
            }
        }
    }

    async fn send(self: Rc<Self>, index: usize, due: Instant) {
        let sent = self.timer.within(self.publisher.patience, self.say(index, due)).await;
        let mut published = self.published.borrow_mut();
        match sent.ok().flatten() {
            Some(seq) => {
                published.accepted.push((seq, Instant::now()));
                self.publisher.plan.tally.accepted.fetch_add(1, Ordering::Relaxed);
            }
            None => published.failed += 1,
        }
    }

    /// Says one message, again and again where that is wanted; gives its position, or `None` when it was not accepted.
    async fn say(&self, index: usize, due: Instant) -> Option<Seq> {
        let bytes = self.publisher.text_bytes;
        let leaves = || {
            let lag = Instant::now().saturating_duration_since(due);
            self.published.borrow_mut().lag.record(lag);
        };
        match &self.way {
            Way::Posts(posts) if self.publisher.persists => {
                leaves();
                let key = format!("message-{index}");
                loop {
                    let said = posts.say(index, bytes, Some(&key), || {}).await;
                    if said.is_some() {
                        return said;
                    }
                    self.timer.sleep(RETRY).await;
                    self.published.borrow_mut().retried += 1;
                }
            }
            Way::Posts(posts) => posts.say(index, bytes, None, leaves).await,
            Way::Speaker(speaker) => speaker.say(index, bytes, leaves).await,
        }
    }
}

impl Way {
    fn to(publisher: &Publisher) -> Way {
        let (peer, plan) = (Arc::clone(&publisher.peer), Arc::clone(&publisher.plan));
        match peer.dialect {
            Dialect::WsBroadcast => Way::Speaker(Speaker::new(peer, plan)),
            Dialect::Talkplace | Dialect::Nchan => Way::Posts(Posts::new(peer, plan)),
        }
    }
}
