//! One worker: a thread with a runtime of its own, and everything that its connections share.
//!
//! A connection stays on its worker, so that its tasks and its place in the fan-out need no lock.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::address::Visit;
use super::fanout::Fanout;
use super::transport::Batches;
use super::{Server, behind, connection};
use crate::protocol::Refusal;

/// As much is read of a connection at once.
pub(super) const AT_ONCE: usize = 4_096;

/// What the connections of one worker share.
pub(super) struct Worker {
    pub(super) server: Arc<Server>,
    pub(super) fanout: Fanout,
    pub(super) batches: Batches,
    /// Where the next question of a connection is read, by one at a time: a buffer of each one's own would have to be cleared for each
    /// question, which takes as long as looking at it.
    pub(super) buffer: RefCell<Box<[u8; AT_ONCE]>>,
}

impl Worker {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Worker {
            fanout: Fanout::new(&server.feed),
            batches: Batches::default(),
            buffer: RefCell::new(Box::new([0; AT_ONCE])),
            server,
        }
    }
}

/// What comes to a worker from outside.
pub(super) struct Jobs {
    pub(super) accepted: mpsc::Receiver<Accepted>,
    pub(super) asked: mpsc::Receiver<behind::Question>,
}

/// A connection on its way from the acceptor to a worker.
pub(super) struct Accepted {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    /// Why it is one more than the server takes, if it is.
    pub(super) refused: Option<Refusal>,
    /// Its place among those that are let in, or among those that are told there is none.
    pub(super) permit: OwnedSemaphorePermit,
    /// Its place among those of its address.
    pub(super) visit: Option<Visit>,
}

/// Says that it is ready, and serves connections until no more come and all have ended, or until `kill`.
///
/// # Errors
/// When the system gives no runtime.
pub(super) fn work(
    server: &Arc<Server>,
    Jobs {
        mut accepted,
        mut asked,
    }: Jobs,
    kill: &CancellationToken,
    ready: oneshot::Sender<()>,
) -> std::io::Result<()> {
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
        let asking = Rc::clone(&worker);
        tokio::task::spawn_local(async move {
            while let Some(answer) = asked.recv().await {
                // Whoever asked may have lost patience.
                let _ = answer.send(asking.fanout.furthest());
            }
        });
        let connections = TaskTracker::new();
        let serve = async {
            while let Some(accepted) = accepted.recv().await {
                if let Some(serving) = serve(Rc::clone(&worker), accepted) {
                    tokio::task::spawn_local(connections.track_future(serving));
                }
            }
            connections.close();
            connections.wait().await;
        };
        tokio::select! {
            () = serve => {}
            () = kill.cancelled() => debug!("connections cut"),
        }
    });
    Ok(())
}

/// `None` when the runtime does not take the socket.
fn serve(worker: Rc<Worker>, accepted: Accepted) -> Option<impl Future<Output = ()>> {
    let Accepted {
        socket,
        peer,
        refused,
        permit,
        visit,
    } = accepted;
    let socket = tokio::net::TcpStream::from_std(socket)
        .inspect_err(|error| debug!(%peer, %error, "connection not taken"))
        .ok()?;
    let open = worker.server.metrics.open();
    Some(connection::serve(worker, socket, peer, refused, (open, permit, visit)))
}
