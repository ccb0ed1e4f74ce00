//! One worker: a thread with a runtime of its own, and everything that its connections share.
//!
//! A connection stays on its worker, so that its tasks and its place in the fan-out need no lock.

use std::cell::RefCell;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::accept::{Accepted, Door};
use super::beat::Beat;
use super::fanout::Fanout;
use super::transport::Batches;
use super::{Server, behind, connection};

/// As much is read of a connection at once.
pub(super) const AT_ONCE: usize = 4_096;

/// What the connections of one worker share.
pub(super) struct Worker {
    pub(super) server: Arc<Server>,
    pub(super) fanout: Fanout,
    pub(super) batches: Batches,
    /// When WebSockets are pinged.
    pub(super) pings: Beat,
    /// Where the next question of a connection is read, by one at a time: a buffer of each one's own would have to be cleared for each
    /// question, which takes as long as looking at it.
    pub(super) buffer: RefCell<Box<[u8; AT_ONCE]>>,
}

impl Worker {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Worker {
            fanout: Fanout::new(&server.feed, server.config.event_heartbeat),
            batches: Batches::default(),
            pings: Beat::new(server.config.ping_interval),
            buffer: RefCell::new(Box::new([0; AT_ONCE])),
            server,
        }
    }
}

/// What comes to a worker from outside.
pub(super) struct Jobs {
    /// Where it is to accept from, once all workers are ready.
    pub(super) entrance: oneshot::Receiver<Entrance>,
    pub(super) asked: mpsc::Receiver<behind::Question>,
}

/// Where the connections of one worker come in.
pub(super) struct Entrance {
    pub(super) door: Door,
    pub(super) sockets: Vec<TcpListener>,
}

/// Says that it is ready, and serves connections until the server drains and all have ended, or until `kill`.
///
/// # Errors
/// When the system gives no runtime, or does not take a socket.
pub(super) fn work(
    server: &Arc<Server>,
    Jobs { entrance, mut asked }: Jobs,
    kill: &CancellationToken,
    ready: oneshot::Sender<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(Default::default())?;
    // Nobody is left to hear it when the server's future was dropped.
    let _ = ready.send(());
    runtime.block_on(async {
        let worker = Rc::new(Worker::new(Arc::clone(server)));
        let fanning = Rc::clone(&worker);
        tokio::task::spawn_local(async move {
            let Worker {
                server,
                fanout,
                batches,
                ..
            } = &*fanning;
            fanout.run(server, batches).await;
        });
        let beating = Rc::clone(&worker);
        tokio::task::spawn_local(async move {
            beating.fanout.keep_alive().await;
        });
        let asking = Rc::clone(&worker);
        tokio::task::spawn_local(async move {
            while let Some(answer) = asked.recv().await {
                // Whoever asked may have lost patience.
                let _ = answer.send(asking.fanout.furthest());
            }
        });
        let serve = async {
            // Without one the server has not started.
            let Ok(Entrance { door, sockets }) = entrance.await else {
                return Ok(());
            };
            let connections = TaskTracker::new();
            let mut doors = JoinSet::new();
            for socket in sockets {
                let (worker, connections) = (Rc::clone(&worker), connections.clone());
                let serve = move |accepted| {
                    tokio::task::spawn_local(connections.track_future(serve(Rc::clone(&worker), accepted)));
                };
                doors.spawn_local(door.clone().open(socket, serve));
            }
            tokio::select! {
                () = worker.server.draining.cancelled() => {}
                // It does not end by itself.
                Some(ended) = doors.join_next() => {
                    let Err(error) = ended.unwrap_or_else(|panic| Err(io::Error::other(panic)));
                    return Err(error);
                }
            }
            // This closes the sockets.
            doors.shutdown().await;
            connections.close();
            connections.wait().await;
            Ok(())
        };
        tokio::select! {
            ended = serve => ended,
            () = kill.cancelled() => {
                debug!("connections cut");
                Ok(())
            }
        }
    })
}

fn serve(worker: Rc<Worker>, accepted: Accepted) -> impl Future<Output = ()> {
    let Accepted {
        socket,
        peer,
        refused,
        permit,
        visit,
    } = accepted;
    let open = worker.server.metrics.open();
    connection::serve(worker, socket, peer, refused, (open, permit, visit))
}
