//! Where connections come in: each is counted, and served by the worker that accepted it.
//!
//! Every worker has sockets of its own to accept from. One acceptor for all of them has to carry each connection to another thread and to another
//! reactor, which cost a seventh to a quarter of what a connection with one short poll costs.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::address::{Visit, Visits};
use super::config::Limits;
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
    let socket = bound(address, false)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bound(address: SocketAddr, is_shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that was just stopped leaves connections behind that would keep the port for a minute.
    socket.set_reuse_address(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_reuse_port(is_shared)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = is_shared;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The same place to come in for each of so many workers.
///
/// Linux gives each a queue of its own and spreads connections over them by their addresses (`SO_REUSEPORT`). The first is shared only now that it is
/// bound, so that a second server still finds the address taken. Elsewhere all accept from one queue.
///
/// # Errors
/// When the system gives no further socket.
pub(super) fn for_each(workers: usize, socket: TcpListener) -> io::Result<Vec<TcpListener>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let another = {
        let address = socket.local_addr()?;
        socket2::SockRef::from(&socket).set_reuse_port(true)?;
        move |_: &TcpListener| {
            let socket = bound(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(TcpListener::from(socket))
        }
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let another = TcpListener::try_clone;
    let others: io::Result<Vec<_>> = (1..workers).map(|_| another(&socket)).collect();
    let mut all = others?;
    all.push(socket);
    Ok(all)
}

/// A connection that was let in, or is to be told that it is not.
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

/// Lets connections in, as many as there are places for, whichever worker accepts them.
#[derive(Clone)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    visits: Option<Visits>,
    told: Arc<Semaphore>,
    patience: Duration,
}

impl Door {
    pub(super) fn new(limits: &Limits, visits: Option<Visits>) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Door {
            places,
            visits,
            told: Arc::new(Semaphore::new(TOLD)),
            patience: limits.stall_timeout + limits.close_timeout + GRACE,
        }
    }

    /// Accepts for ever. Whatever goes wrong with one connection, the next one is served.
    ///
    /// # Errors
    /// When the system does not take the socket.
    pub(super) async fn open(self, socket: TcpListener, serve: impl Fn(Accepted)) -> io::Result<Infallible> {
        prepare(&socket, self.patience)?;
        let socket = tokio::net::TcpListener::from_std(socket)?;
        loop {
            match socket.accept().await {
                Ok((stream, peer)) => match self.let_in(stream, peer) {
                    Ok(Some(accepted)) => serve(accepted),
                    Ok(None) => {}
                    Err(error) => debug!(%peer, %error, "connection not taken"),
                },
                Err(error) if is_of_the_peer(&error) => debug!(%error, "a connection ended before it began"),
                Err(error) => {
                    warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// `None` for one that is closed without a word.
    fn let_in(&self, socket: TcpStream, peer: SocketAddr) -> io::Result<Option<Accepted>> {
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
                    return Ok(None);
                };
                told
            }
        };
        // Answers and frames are written whole: waiting for more to fill a segment would only delay them.
        socket.set_nodelay(true)?;
        Ok(Some(Accepted {
            socket,
            peer,
            refused,
            permit,
            visit,
        }))
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

    #[test]
    fn each_worker_has_a_queue_and_a_second_server_none() {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let all = for_each(3, socket).unwrap();
        let _peers: Vec<_> = (0..100)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let queued = all.iter().map(|socket| {
            socket.set_nonblocking(true).unwrap();
            socket.incoming().take_while(Result::is_ok).count()
        });
        let queued: Vec<usize> = queued.collect();
        assert!(queued.iter().all(|n| *n > 0), "{queued:?}");
        assert_eq!(queued.iter().sum::<usize>(), 100);
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
