//! Where connections come in: each is counted and given to a worker.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener};
use tokio::sync::{Semaphore, mpsc};
use tracing::{debug, warn};

use super::address::Visits;
use super::config::Limits;
use super::worker::Accepted;
use crate::protocol::Refusal;

/// Connections that the system completes before they are accepted: thousands may come in one breath.
const BACKLOG: i32 = 4_096;

/// Connections over the limit that are told so at a time; those beyond are closed without a word.
const TOLD: usize = 64;

/// How long to wait when the system has no descriptor left for one more connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes that the system keeps unsent for one connection. With megabytes of them a listener that reads slowly would look like
/// one that does not read, as the system asks for more only when a third has gone; and each would cost those megabytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 16 << 10;

/// How much longer than the server's own patience the system's is.
const GRACE: Duration = Duration::from_secs(15);

/// Opens a socket to listen on. An IPv6 address is that alone, so that both loopbacks can have one each.
///
/// # Errors
/// When the address is taken or not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that was just stopped leaves connections behind that would keep the port for a minute.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Gives connections to the workers in turn.
#[derive(Clone)]
pub(super) struct Door {
    workers: Vec<mpsc::Sender<Accepted>>,
    places: Arc<Semaphore>,
    visits: Option<Visits>,
    told: Arc<Semaphore>,
    patience: Duration,
}

impl Door {
    pub(super) fn new(workers: Vec<mpsc::Sender<Accepted>>, limits: &Limits, visits: Option<Visits>) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Door {
            workers,
            places,
            visits,
            told: Arc::new(Semaphore::new(TOLD)),
            patience: limits.stall_timeout + limits.close_timeout + GRACE,
        }
    }

    /// Accepts for ever. Whatever goes wrong with one connection, the next one is served.
    pub(super) async fn open(self, socket: TcpListener) -> io::Result<()> {
        prepare(&socket, self.patience)?;
        let socket = tokio::net::TcpListener::from_std(socket)?;
        for turn in 0.. {
            match socket.accept().await {
                Ok((stream, peer)) => {
                    if let Err(error) = self.let_in(stream, peer, turn % self.workers.len()).await {
                        debug!(%peer, %error, "connection not taken");
                    }
                }
                Err(error) if is_of_the_peer(&error) => debug!(%error, "a connection ended before it began"),
                Err(error) => {
                    warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        Ok(())
    }

    async fn let_in(&self, stream: tokio::net::TcpStream, peer: SocketAddr, worker: usize) -> io::Result<()> {
        let mut refused = None;
        let visit = self.visits.as_ref().and_then(|visits| {
            let visit = visits.enter(peer.ip());
            refused = visit.is_none().then_some(Refusal::TooManyFromAddress);
            visit
        });
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .ok()
            .filter(|_| refused.is_none());
        let permit = match place {
            Some(place) => place,
            None => {
                refused.get_or_insert(Refusal::TooManyConnections);
                let Ok(told) = Arc::clone(&self.told).try_acquire_owned() else {
                    return Ok(());
                };
                told
            }
        };
        // Answers and frames are written whole: waiting for more to fill a segment would only delay them.
        stream.set_nodelay(true)?;
        let socket = stream.into_std()?;
        let accepted = Accepted {
            socket,
            peer,
            refused,
            permit,
            visit,
        };
        // A worker that has ended has taken the server with it.
        self.workers[worker]
            .send(accepted)
            .await
            .map_err(|_| io::Error::other("the worker has ended"))
    }
}

/// Makes a socket ready to accept from. Each connection inherits what is set here.
fn prepare(socket: &TcpListener, patience: Duration) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let socket = socket2::SockRef::from(socket);
        socket.set_tcp_notsent_lowat(UNSENT)?;
        // A peer whose machine is gone acknowledges nothing. The system would send again for a quarter of an hour; a heartbeat
        // or a message that nobody takes in this time is the end.
        socket.set_tcp_user_timeout(Some(patience))?;
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = patience;
    Ok(())
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_connection_inherits_how_long_a_peer_may_be_gone() {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        prepare(&socket, Duration::from_secs(7)).unwrap();
        let _peer = std::net::TcpStream::connect(socket.local_addr().unwrap()).unwrap();
        // It is there: the peer is connected.
        let (accepted, _) = socket.accept().unwrap();
        let timeout = socket2::SockRef::from(&accepted).tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(Duration::from_secs(7)));
    }
}
