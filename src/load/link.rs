//! An emulated network path between a listener and its server.
//!
//! On bare loopback a transit takes some tens of microseconds, and long polling and WebSocket look alike. A [`Link`] holds
//! what passes it for half a round-trip time, each way, as a longer wire would: what is under way keeps its order and its
//! spacing, and as much can be under way as the bound lets in, so throughput is that of a window of [`IN_FLIGHT`] bytes.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tap::SharedRecording;
use super::timer::{Sleep, Timer};
use crate::results::Way;

/// How many bytes may be under way in one direction. At 40 ms round trip that lets 50 MB/s through.
const IN_FLIGHT: usize = 1 << 20;
/// How much is taken from the socket at once.
const SCRATCH: usize = 16 * 1024;

/// When things come, shared by a listener, its link and its [socket](super::socket).
///
/// A listener has a message when the last of it comes out of the link. Each of them stands for a machine of its own, but here a few
/// hundred share a thread: one whose turn comes after those of all others would seem to hear later, and that is no cost
/// of any transport. How late the thread itself is woken is watched on its own, as the generator's health.
#[derive(Debug, Clone)]
pub(crate) struct Arrival(Rc<Instants>);

#[derive(Debug)]
struct Instants {
    /// When what was read from the socket last had come there, if it tells.
    at_socket: Cell<Option<Instant>>,
    /// When what the listener read last had come out of the link.
    at_listener: Cell<Instant>,
}

/// A stream behind a path with a delay. Without one it is the stream itself.
///
/// The path has no task of its own: bytes move on while its owner polls it, in either direction. An owner that keeps
/// reading, as every client here does, is woken for all of it. It has to be one task, since each lane remembers one waker.
/// Dropping the link loses what is under way.
pub(crate) struct Link<S> {
    stream: S,
    arrival: Arrival,
    // Boxed, since 15,000 listeners without a delay should not pay for it.
    path: Option<Box<Path>>,
}

struct Path {
    one_way: Duration,
    out: Lane,
    back: Lane,
    // Told what passes the owner's side; what passes the other one, the stream below tells it.
    recording: Option<SharedRecording>,
}

/// One direction.
struct Lane {
    under_way: VecDeque<Piece>,
    bytes: usize,
    sleep: Sleep,
}

/// What travels.
struct Piece {
    due: Instant,
    load: Load,
}

enum Load {
    Bytes(Bytes),
    /// The end of the stream; nothing follows it.
    End,
    Failed(io::Error),
}

impl Arrival {
    /// Nothing has come yet.
    pub(crate) fn new() -> Arrival {
        Arrival(Rc::new(Instants {
            at_socket: Cell::new(None),
            at_listener: Cell::new(Instant::now()),
        }))
    }

    /// When what the listener read last had come.
    pub(crate) fn at(&self) -> Instant {
        self.0.at_listener.get()
    }

    /// Bytes that were just read from the socket had come there at this time.
    pub(crate) fn came(&self, at: Instant) {
        self.0.at_socket.set(Some(at));
    }

    /// That time, for those who look right after the reading; now, where the stream below does not tell.
    pub(crate) fn at_socket(&self) -> Instant {
        self.0.at_socket.get().unwrap_or_else(Instant::now)
    }
}

impl<S> Link<S> {
    /// Puts a path of this length in front of a stream.
    pub(crate) fn new(
        stream: S,
        one_way: Duration,
        timer: &Timer,
        arrival: Arrival,
        recording: Option<SharedRecording>,
    ) -> Link<S> {
        let path = (!one_way.is_zero()).then(|| {
            Box::new(Path {
                one_way,
                out: Lane::new(timer),
                back: Lane::new(timer),
                recording,
            })
        });
        Link { stream, arrival, path }
    }
}

impl Lane {
    fn new(timer: &Timer) -> Lane {
        Lane {
            under_way: VecDeque::new(),
            bytes: 0,
            sleep: timer.sleep_until(Instant::now()),
        }
    }

    fn has_room(&self) -> bool {
        self.bytes < IN_FLIGHT && !self.is_ended()
    }

    fn is_ended(&self) -> bool {
        matches!(
            self.under_way.back(),
            Some(Piece {
                load: Load::End | Load::Failed(_),
                ..
            })
        )
    }

    fn send(&mut self, load: Load, due: Instant) {
        if let Load::Bytes(bytes) = &load {
            self.bytes += bytes.len();
        }
        self.under_way.push_back(Piece { due, load });
    }

    /// Waits until the first piece has arrived; pending for as long as nothing is under way.
    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(first) = self.under_way.front() else {
            return Poll::Pending;
        };
        self.sleep.reset(first.due);
        Pin::new(&mut self.sleep).poll(cx)
    }

    /// Takes `n` bytes off the first piece, and the piece off when that was all of it.
    fn advance(&mut self, n: usize) {
        self.bytes -= n;
        if let Some(Piece {
            load: Load::Bytes(bytes),
            ..
        }) = self.under_way.front_mut()
        {
            bytes.advance(n);
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
        }
        // An idle listener keeps no buffer.
        if self.under_way.is_empty() {
            self.under_way = VecDeque::new();
        }
    }
}

impl Path {
    /// Hands the stream all that has arrived at its end; ready when nothing is under way any more.
    fn poll_out<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(first) = self.out.under_way.front() {
            let bytes = match &first.load {
                Load::Bytes(bytes) => bytes.clone(),
                Load::End | Load::Failed(_) => {
                    ready!(self.out.poll_arrival(cx));
                    return Pin::new(stream).poll_shutdown(cx);
                }
            };
            ready!(self.out.poll_arrival(cx));
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends on its way all that the stream has.
    fn poll_back<S: AsyncRead + Unpin>(&mut self, stream: &mut S, arrival: &Arrival, cx: &mut Context<'_>) {
        while self.back.has_room() {
            let mut scratch = [std::mem::MaybeUninit::uninit(); SCRATCH];
            let mut buf = ReadBuf::uninit(&mut scratch);
            let load = match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if buf.filled().is_empty() => Load::End,
                Poll::Ready(Ok(())) => Load::Bytes(Bytes::copy_from_slice(buf.filled())),
                Poll::Ready(Err(error)) => Load::Failed(error),
            };
            self.back.send(load, arrival.at_socket() + self.one_way);
        }
    }

    /// Gives the owner what has arrived.
    fn poll_arrived(&mut self, arrival: &Arrival, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.back.poll_arrival(cx));
        let Some(first) = self.back.under_way.front_mut() else {
            return Poll::Pending;
        };
        match &mut first.load {
            Load::Bytes(bytes) => {
                let n = bytes.len().min(buf.remaining());
                buf.put_slice(&bytes[..n]);
                arrival.0.at_listener.set(first.due);
                if let Some(recording) = &self.recording {
                    recording.borrow_mut().at_listener(Way::In, &bytes[..n], first.due);
                }
                self.back.advance(n);
                Poll::Ready(Ok(()))
            }
            Load::End => Poll::Ready(Ok(())),
            // Told once; who reads on after that finds the end.
            Load::Failed(error) => {
                let error = std::mem::replace(error, io::ErrorKind::ConnectionReset.into());
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Link<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Link { stream, arrival, path } = self.get_mut();
        let Some(path) = path else {
            let done = ready!(Pin::new(stream).poll_read(cx, buf));
            arrival.0.at_listener.set(arrival.at_socket());
            return Poll::Ready(done);
        };
        // What is on its way out moves on here too, as an owner that waits for an answer only reads. Should that fail, what the
        // server said before is still to be read; the next write will tell.
        let _ = path.poll_out(stream, cx);
        path.poll_back(stream, arrival, cx);
        path.poll_arrived(arrival, cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Link<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Link { stream, path, .. } = self.get_mut();
        let Some(path) = path else {
            return Pin::new(stream).poll_write(cx, bytes);
        };
        if !path.out.has_room() {
            let _ = path.poll_out(stream, cx)?;
            if !path.out.has_room() {
                return Poll::Pending;
            }
        }
        let n = bytes.len().min(IN_FLIGHT - path.out.bytes);
        if let Some(recording) = &path.recording {
            recording
                .borrow_mut()
                .at_listener(Way::Out, &bytes[..n], Instant::now());
        }
        path.out.send(
            Load::Bytes(Bytes::copy_from_slice(&bytes[..n])),
            Instant::now() + path.one_way,
        );
        // Asked again behind the new bytes, so that the task is woken for them.
        let _ = path.poll_out(stream, cx)?;
        Poll::Ready(Ok(n))
    }

    /// As with a socket, flushed is what the path has taken, not what has arrived.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Link { stream, path, .. } = self.get_mut();
        match path {
            None => Pin::new(stream).poll_flush(cx),
            Some(path) => match path.poll_out(stream, cx) {
                Poll::Ready(done) => Poll::Ready(done),
                Poll::Pending => Poll::Ready(Ok(())),
            },
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Link { stream, path, .. } = self.get_mut();
        let Some(path) = path else {
            return Pin::new(stream).poll_shutdown(cx);
        };
        if !path.out.is_ended() {
            path.out.send(Load::End, Instant::now() + path.one_way);
        }
        path.poll_out(stream, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::on_one_thread;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const ONE_WAY: Duration = Duration::from_millis(15);

    /// A link to somebody who sends everything back.
    fn echo(one_way: Duration, timer: &Timer) -> Link<DuplexStream> {
        let (near, far) = duplex(64 * 1024);
        tokio::task::spawn_local(async move {
            let (mut read, mut write) = tokio::io::split(far);
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            write.shutdown().await.unwrap();
        });
        Link::new(near, one_way, timer, Arrival::new(), None)
    }

    #[test]
    fn an_echo_takes_a_round_trip() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let mut link = echo(ONE_WAY, &timer);
            for _ in 0..3 {
                let start = Instant::now();
                link.write_all(b"ping").await.unwrap();
                let mut back = [0; 4];
                link.read_exact(&mut back).await.unwrap();
                let took = start.elapsed();
                assert!(took >= ONE_WAY * 2, "{took:?}");
                assert!(took < ONE_WAY * 2 + Duration::from_millis(500), "{took:?}");
            }
        });
    }

    #[test]
    fn without_a_delay_it_holds_nothing() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let mut link = echo(Duration::ZERO, &timer);
            assert!(link.path.is_none());
            link.write_all(b"ping").await.unwrap();
            let mut back = [0; 4];
            link.read_exact(&mut back).await.unwrap();
            assert_eq!(&back, b"ping");
        });
    }

    #[test]
    fn what_is_under_way_is_pipelined() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let mut link = echo(ONE_WAY, &timer);
            let start = Instant::now();
            for n in 0..200u8 {
                link.write_all(&[n]).await.unwrap();
            }
            let mut back = [0; 200];
            link.read_exact(&mut back).await.unwrap();
            assert!(back.iter().copied().eq(0..200), "order is kept");
            // One by one this would take six seconds.
            assert!(start.elapsed() < Duration::from_secs(3));
        });
    }

    #[test]
    fn more_than_the_bound_passes_in_order_and_the_end_comes_last() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let (mut read, mut write) = tokio::io::split(echo(Duration::from_millis(2), &timer));
            let sent: Vec<u8> = (0..3 * IN_FLIGHT + 5).map(|n| (n % 251) as u8).collect();
            let mut back = Vec::new();
            // One task does both, as a link's owner has to.
            let writing = async {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let (_, read) = tokio::join!(writing, read.read_to_end(&mut back));
            read.unwrap();
            assert!(back == sent);
        });
    }

    #[test]
    fn the_end_is_held_as_long_as_the_bytes() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let (near, far) = duplex(64);
            let mut link = Link::new(near, ONE_WAY, &timer, Arrival::new(), None);
            let start = Instant::now();
            drop(far);
            assert_eq!(link.read(&mut [0; 1]).await.unwrap(), 0);
            assert!(start.elapsed() >= ONE_WAY);
        });
    }

    #[test]
    fn an_owner_whose_turn_comes_late_is_told_when_the_bytes_had_come() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let (near, mut far) = duplex(64);
            let arrival = Arrival::new();
            let mut link = Link::new(near, ONE_WAY, &timer, arrival.clone(), None);
            far.write_all(b"news").await.unwrap();
            let sent = Instant::now();
            let mut byte = [0; 4];
            let mut reading = std::pin::pin!(link.read_exact(&mut byte));
            assert!(futures_util::poll!(&mut reading).is_pending());
            let on_its_way = Instant::now();
            // Not tokio's sleep: the thread is busy with something else.
            std::thread::sleep(ONE_WAY * 10);
            reading.await.unwrap();
            assert!((sent + ONE_WAY..=on_its_way + ONE_WAY).contains(&arrival.at()));
        });
    }

    #[test]
    fn a_reader_that_does_not_read_holds_up_no_more_than_the_bound() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let (near, mut far) = duplex(1024);
            let mut link = Link::new(near, Duration::from_millis(1), &timer, Arrival::new(), None);
            let flood = tokio::task::spawn_local(async move {
                let mut sent = 0;
                while far.write_all(&[0; 1024]).await.is_ok() {
                    sent += 1024;
                }
                sent
            });
            link.read_exact(&mut [0; 16]).await.unwrap();
            tokio::task::yield_now().await;
            let held = link.path.as_ref().unwrap().back.bytes;
            assert!(held <= IN_FLIGHT + SCRATCH, "{held}");
            drop(link);
            flood.await.unwrap();
        });
    }
}
