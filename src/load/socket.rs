//! A listener's socket, which knows when bytes came to it.
//!
//! A message wakes hundreds of listeners that share a thread here, and the last of them reads milliseconds after its bytes came. Each
//! stands for a machine of its own, which would have read at once. So the time of arrival is the system's, which notes it
//! with every segment (`SO_TIMESTAMPING`); where it does not tell, the time of reading has to do.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::link::Arrival;

/// A TCP connection that tells when what is read from it had come.
pub(crate) struct Socket {
    stream: TcpStream,
    arrival: Arrival,
    #[cfg(target_os = "linux")]
    control: Vec<u8>,
}

impl Socket {
    /// Has the system note arrivals from now on.
    pub(crate) fn new(stream: TcpStream, arrival: Arrival) -> Socket {
        #[cfg(target_os = "linux")]
        stamped::ask(&stream);
        Socket {
            stream,
            arrival,
            #[cfg(target_os = "linux")]
            control: stamped::room(),
        }
    }
}

#[cfg(target_os = "linux")]
impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        use std::task::ready;
        use tokio::io::Interest;

        let Socket {
            stream,
            arrival,
            control,
        } = self.get_mut();
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let room = buf.initialize_unfilled_to(buf.remaining().min(stamped::AT_ONCE));
            match stream.try_io(Interest::READABLE, || stamped::read(stream, room, control)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    arrival.came(std::time::Instant::now());
                    return Poll::Ready(Err(error));
                }
                Ok((read, came)) => {
                    // Less than there was room for is all there was: to say so spares a read that can only fail.
                    if 0 < read && read < room.len() {
                        let would_block = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                        let _ = stream.try_io(Interest::READABLE, would_block);
                    }
                    buf.advance(read);
                    arrival.came(came);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.arrival.came(std::time::Instant::now());
        Poll::Ready(read)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(target_os = "linux")]
mod stamped {
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd as _;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, TimestampingFlag, recvmsg, setsockopt, sockopt};
    use nix::sys::time::TimeSpec;
    use tokio::net::TcpStream;

    /// How much is read at once: room is made anew for each read, and most are short.
    pub(super) const AT_ONCE: usize = 4096;
    /// Nobody reads that late. A stamp that is older is of a clock that was set meanwhile.
    const OLDEST: Duration = Duration::from_secs(10);

    /// Asks for stamps. A system that has none gives none.
    pub(super) fn ask(stream: &TcpStream) {
        let flags = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
        let _ = setsockopt(stream, sockopt::Timestamping, &flags);
    }

    /// Room for a stamp.
    pub(super) fn room() -> Vec<u8> {
        nix::cmsg_space!([TimeSpec; 3])
    }

    /// Reads, and gives when the last of it came.
    pub(super) fn read(stream: &TcpStream, room: &mut [u8], control: &mut [u8]) -> io::Result<(usize, Instant)> {
        let mut room = [IoSliceMut::new(room)];
        let read = recvmsg::<()>(stream.as_raw_fd(), &mut room, Some(control), MsgFlags::empty())?;
        let stamp = read.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampsns(stamps) => Some(Duration::from(stamps.system)),
                _ => None,
            })
        });
        // The stamp is of the wall clock: how old it is can be told of any clock.
        let now = Instant::now();
        let age = stamp
            .and_then(|stamp| SystemTime::now().duration_since(UNIX_EPOCH).ok()?.checked_sub(stamp))
            .filter(|age| *age < OLDEST);
        Ok((read.bytes, age.and_then(|age| now.checked_sub(age)).unwrap_or(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A socket and its peer.
    async fn pair(arrival: &Arrival) -> (Socket, TcpStream) {
        let listening = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listening.local_addr().unwrap()).await.unwrap();
        let (near, _) = listening.accept().await.unwrap();
        (Socket::new(near, arrival.clone()), far)
    }

    #[tokio::test]
    async fn all_that_is_sent_is_read_and_the_end_comes_last() {
        let (mut near, mut far) = pair(&Arrival::new()).await;
        let sent: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        let to_send = sent.clone();
        let sending = tokio::spawn(async move {
            far.write_all(&to_send).await.unwrap();
            far.shutdown().await.unwrap();
            let mut back = [0; 3];
            far.read_exact(&mut back).await.unwrap();
            back
        });
        let mut read = Vec::new();
        near.read_to_end(&mut read).await.unwrap();
        assert!(read == sent);
        near.write_all(b"end").await.unwrap();
        assert_eq!(&sending.await.unwrap(), b"end");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn bytes_that_are_read_late_are_told_to_have_come_before() {
        let arrival = Arrival::new();
        let (mut near, mut far) = pair(&arrival).await;
        // The system begins to stamp some time after it was first asked to.
        let told_late = async {
            loop {
                let sent = Instant::now();
                far.write_all(b"news").await.unwrap();
                // Not tokio's sleep: the thread is busy with something else.
                std::thread::sleep(Duration::from_millis(100));
                near.read_exact(&mut [0; 4]).await.unwrap();
                let came = arrival.at_socket();
                // A clock that is being corrected may be off by a little.
                assert!(came + Duration::from_millis(5) > sent, "{:?} before", sent - came);
                if came.elapsed() > Duration::from_millis(80) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), told_late).await.unwrap();
    }
}
