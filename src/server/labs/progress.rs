//! How far a run is, as an event stream: each state replaces the one before, so that none has to be kept.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Response;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, State};
use crate::server::answer::AnswerBody;
use crate::server::transport::event_stream;
use crate::server::worker::Worker;

type Changed = Pin<Box<dyn Future<Output = Option<watch::Receiver<State>>>>>;

/// The body of the stream: the present state, then every other one that is seen.
pub(in crate::server) struct Progress {
    changed: Changed,
    draining: CancellationToken,
}

/// `GET /labs/events`
pub(super) fn events(worker: &Worker, desk: &Desk) -> Response<AnswerBody> {
    let mut states = desk.watch();
    states.mark_changed();
    let draining = worker.server.draining.clone();
    let progress = Progress {
        changed: Box::pin(next(states, draining.clone())),
        draining,
    };
    event_stream(AnswerBody::Progress(Box::new(progress)))
}

impl Progress {
    /// The next event; `None` when the server shuts down.
    pub(in crate::server) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.changed.as_mut().poll(cx).map(|states| {
            let mut states = states?;
            let json = serde_json::to_string(&*states.borrow_and_update()).ok()?;
            self.changed = Box::pin(next(states, self.draining.clone()));
            Some(format!("data: {json}\n\n").into())
        })
    }
}

async fn next(mut states: watch::Receiver<State>, draining: CancellationToken) -> Option<watch::Receiver<State>> {
    tokio::select! {
        changed = states.changed() => changed.ok().map(|()| states),
        () = draining.cancelled() => None,
    }
}
