//! Specimens: how a server should not wait for what it has been asked for.
//!
//! They are for the lab about the waiting loop, and nobody else comes here: the real long poll, which is woken, is in
//! [`asked`](super::transport). Each of them is the real thing. What spins burns its processor, what sleeps looks
//! at the feed again and again, and what blocks takes a thread of the system from its poll's beginning to its end.

mod thread;

pub(super) use thread::Threads;

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::transport::Question;
use super::worker::Worker;
use crate::protocol::{Refusal, Seq, Transport};

/// How a long poll is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Waiting {
    /// The message wakes it: the one way to serve with.
    #[default]
    Woken,
    /// Specimen: it looks at the feed again and again, without a pause.
    Spin,
    /// Specimen: it sleeps for so long, and then looks.
    Sleep(Duration),
    /// Specimen: a thread for each, which blocks until it is notified.
    Thread,
}

/// A poll that is held by a specimen.
struct Held<'a> {
    worker: &'a Worker,
    after: Seq,
    end: Instant,
}

/// Holds a poll until there is a message after `after`, the hold has passed, or the server shuts down. Nothing of its hold is left then, so
/// that it is answered at once.
///
/// # Errors
/// [`Refusal::TooManyHeld`] when as many are held as may be, or the system has no thread left for it.
pub(super) async fn hold(worker: &Worker, question: &mut Question, after: Seq) -> Result<(), Refusal> {
    let server = &worker.server;
    let end = Instant::now() + question.take_hold();
    let held = Held { worker, after, end };
    if held.is_over() {
        return Ok(());
    }
    let _place = server.places.try_acquire().map_err(|_| Refusal::TooManyHeld)?;
    let _present = server.metrics.present(Transport::LongPoll);
    let _held = server.metrics.held();
    match server.config.waiting {
        Waiting::Woken => {}
        Waiting::Spin => held.spin().await,
        Waiting::Sleep(length) => held.look_every(length).await,
        Waiting::Thread => held.block_a_thread().await?,
    }
    Ok(())
}

impl Held<'_> {
    /// One look. It costs the feed's lock each time.
    fn is_over(&self) -> bool {
        let server = &self.worker.server;
        server.feed.end().seq > self.after || Instant::now() >= self.end || server.draining.is_cancelled()
    }

    /// `while (!message) {}`, but for one thing: after each look the other tasks of this worker get their turn. Without that,
    /// the request that brings the message would never be read.
    async fn spin(&self) {
        while !self.is_over() {
            tokio::task::yield_now().await;
        }
    }

    /// Short polling, moved into the server.
    async fn look_every(&self, length: Duration) {
        while !self.is_over() {
            let left = self.end.saturating_duration_since(Instant::now());
            sleep(length.min(left)).await;
        }
    }

    async fn block_a_thread(&self) -> Result<(), Refusal> {
        let server = &self.worker.server;
        let mut blocked = server
            .threads
            .block(server, self.after)
            .map_err(|_| Refusal::TooManyHeld)?;
        tokio::select! {
            () = blocked.notified() => {}
            () = sleep_until(self.end) => {}
            () = server.draining.cancelled() => {}
        }
        Ok(())
    }
}
