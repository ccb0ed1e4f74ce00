//! Something in between that does not let every transport through.
//!
//! A [`Gate`] stands at the server's end of the link, right before the socket, and reads along as a proxy does: it looks at the
//! head of each request, and what its [`Network`] blocks it refuses, strips, cuts or swallows. So a refusal costs the
//! listener a way there and a way back, as the server's own would; a stripped request is the server's to answer; and one that is
//! swallowed costs as much patience as the listener has.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::Arrival;
use super::recorder::Plan;
use super::timer::Timer;
use crate::protocol::Transport;
use crate::results::{Blocking, Network};

/// A head that is longer is nobody's here, and is passed on unread.
const LONGEST_HEAD: usize = 16 << 10;
const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";
const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A stream with somebody in between. On an open way it is the stream itself.
pub(crate) struct Gate<S> {
    stream: S,
    // Boxed, since most listeners have none.
    guard: Option<Box<Guard>>,
}

/// Who stands there.
struct Guard {
    network: Network,
    plan: Arc<Plan>,
    timer: Timer,
    arrival: Arrival,
    state: State,
    /// Passed, and not yet taken by the stream.
    out: Bytes,
    /// Until the way is closed to what is going on.
    closing: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Whoever waits to read while a state changes that nothing comes from the stream in.
    reader: Option<Waker>,
}

enum State {
    /// The next request's head, as far as it has come.
    Head(Vec<u8>),
    /// A way that was let open, on which nothing is looked at any more.
    Open,
    /// A request that nobody will answer.
    Swallowed,
    /// An answer of its own, and then the end.
    Answers(Bytes),
    /// The end comes behind the head of the server's answer, of whose last bytes so many have come.
    Cuts(usize),
    /// Nothing comes any more.
    Ended,
}

impl<S> Gate<S> {
    /// Puts what the network says in front of a stream.
    pub(crate) fn new(stream: S, network: &Network, plan: &Arc<Plan>, timer: &Timer, arrival: Arrival) -> Gate<S> {
        let guard = (!network.blocks.is_empty()).then(|| {
            Box::new(Guard {
                network: network.clone(),
                plan: Arc::clone(plan),
                timer: timer.clone(),
                arrival,
                state: State::Head(Vec::new()),
                out: Bytes::new(),
                closing: None,
                reader: None,
            })
        });
        Gate { stream, guard }
    }
}

impl Guard {
    /// Takes in what the listener writes.
    fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.state {
            State::Head(head) => {
                head.extend_from_slice(bytes);
                let is_whole = head.windows(END_OF_HEAD.len()).any(|bytes| bytes == END_OF_HEAD);
                if is_whole || head.len() > LONGEST_HEAD {
                    let head = std::mem::take(head);
                    self.decide(head);
                }
                Ok(())
            }
            State::Open | State::Cuts(_) => {
                self.out = Bytes::copy_from_slice(bytes);
                Ok(())
            }
            State::Swallowed | State::Answers(_) => Ok(()),
            State::Ended => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// What becomes of a request. Listeners ask with GET alone, so that its head is all of it.
    fn decide(&mut self, head: Vec<u8>) {
        let transport = transport(&head);
        let now = self.plan.clock.since_start(Instant::now());
        let blocked = transport.is_some_and(|transport| self.network.blocks(transport, now));
        let (state, passed) = match (blocked, self.network.how) {
            (false, _) => {
                self.closing = transport.and_then(|transport| self.closes(transport));
                let is_open = transport == Some(Transport::Websocket);
                (if is_open { State::Open } else { State::Head(Vec::new()) }, head)
            }
            (true, Blocking::Refuse) => (State::Answers(Bytes::from_static(REFUSAL)), Vec::new()),
            (true, Blocking::Strip) => (State::Head(Vec::new()), without_upgrade(&head)),
            (true, Blocking::Cut) => (State::Cuts(0), head),
            (true, Blocking::Swallow) => (State::Swallowed, Vec::new()),
        };
        self.state = state;
        self.out = passed.into();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Waits for the instant from which on this transport is blocked; `None` when it never is.
    fn closes(&self, transport: Transport) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let after = self.network.blocks_after;
        if after.is_zero() || !self.network.blocks.contains(&transport) {
            return None;
        }
        let (plan, timer) = (Arc::clone(&self.plan), self.timer.clone());
        Some(Box::pin(async move {
            plan.clock.started().await;
            let start = plan.clock.start().unwrap_or_else(Instant::now);
            // It was let through before that, or after all of it.
            if Instant::now() < start + after {
                timer.sleep_until(start + after).await;
            } else {
                std::future::pending().await
            }
        }))
    }

    /// Gives the stream what was passed; ready when it has all of it.
    fn poll_out<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Should that fail, what the server said before is still to be read; the next write will tell.
        let _ = self.poll_out(stream, cx);
        if let Some(closing) = &mut self.closing
            && closing.as_mut().poll(cx).is_ready()
        {
            self.end(stream, cx);
        }
        self.reader = Some(cx.waker().clone());
        match &mut self.state {
            State::Head(_) | State::Open => Pin::new(stream).poll_read(cx, buf),
            State::Swallowed => Poll::Pending,
            State::Answers(answer) => {
                self.arrival.came(Instant::now());
                let n = answer.len().min(buf.remaining());
                buf.put_slice(&answer.split_to(n));
                Poll::Ready(Ok(()))
            }
            State::Cuts(so_far) => {
                let before = buf.filled().len();
                ready!(Pin::new(&mut *stream).poll_read(cx, buf))?;
                if let Some(end) = end_of_head(&buf.filled()[before..], so_far) {
                    buf.set_filled(before + end);
                    self.end(stream, cx);
                }
                Poll::Ready(Ok(()))
            }
            State::Ended => {
                self.arrival.came(Instant::now());
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Closes the way on both sides.
    fn end<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) {
        self.closing = None;
        self.state = State::Ended;
        // A server that is gone already needs no word of it.
        let _ = Pin::new(stream).poll_shutdown(cx);
    }
}

/// The transport that a request's head asks for; `None` of any other request.
fn transport(head: &[u8]) -> Option<Transport> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let target = lines.next()?.split(|byte| *byte == b' ').nth(1)?;
    let path = target.split(|byte| *byte == b'?').next()?;
    match path {
        b"/talkplace/poll" => Some(Transport::Poll),
        b"/talkplace/long-poll" => Some(Transport::LongPoll),
        b"/talkplace/events" => Some(Transport::Events),
        b"/talkplace" => lines.any(is_upgrade).then_some(Transport::Websocket),
        _ => None,
    }
}

fn is_upgrade(line: &[u8]) -> bool {
    name(line).eq_ignore_ascii_case(b"upgrade")
}

/// The name of a header's line.
fn name(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b':').next().unwrap_or_default()
}

/// The head as a proxy passes it on that does not know the upgrade: `Connection` is meant for the next hop alone, and so is what it
/// names (RFC 9110, section 7.6.1).
fn without_upgrade(head: &[u8]) -> Vec<u8> {
    let lines = head.split_inclusive(|byte| *byte == b'\n');
    let passes = |line: &&[u8]| !is_upgrade(line) && !name(line).eq_ignore_ascii_case(b"connection");
    lines.filter(passes).collect::<Vec<_>>().concat()
}

/// Where a head ends within these bytes, of which others came before; `so_far` counts the last of those that may belong to its end.
fn end_of_head(bytes: &[u8], so_far: &mut usize) -> Option<usize> {
    for (at, byte) in bytes.iter().enumerate() {
        *so_far = match *byte == END_OF_HEAD[*so_far] {
            true => *so_far + 1,
            false => usize::from(*byte == END_OF_HEAD[0]),
        };
        if *so_far == END_OF_HEAD.len() {
            return Some(at + 1);
        }
    }
    None
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gate<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Gate { stream, guard } = self.get_mut();
        match guard {
            None => Pin::new(stream).poll_read(cx, buf),
            Some(guard) => guard.poll_read(stream, cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Gate { stream, guard } = self.get_mut();
        let Some(guard) = guard else {
            return Pin::new(stream).poll_write(cx, bytes);
        };
        ready!(guard.poll_out(stream, cx))?;
        guard.hear(bytes)?;
        // What the stream does not take now, it takes before the next read or write.
        if let Poll::Ready(Err(error)) = guard.poll_out(stream, cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Gate { stream, guard } = self.get_mut();
        if let Some(guard) = guard {
            ready!(guard.poll_out(stream, cx))?;
        }
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Gate { stream, guard } = self.get_mut();
        if let Some(guard) = guard {
            ready!(guard.poll_out(stream, cx))?;
        }
        Pin::new(stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::{on_one_thread, plan};
    use proptest::prelude::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    const UPGRADE: &[u8] = b"GET /talkplace?after=f-1 HTTP/1.1\r\nHost: here\r\nConnection: keep-alive, Upgrade\r\nupgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
    const POLL: &[u8] = b"GET /talkplace/poll?after=f-1 HTTP/1.1\r\nhost: here\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x81\x02hi";

    /// A way on which WebSocket is blocked like this, and its other end.
    fn gate(how: Blocking, plan: &Arc<Plan>, change: impl Fn(&mut Network)) -> (Gate<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(4096);
        let mut network = Network {
            blocks: vec![Transport::Websocket],
            how,
            ..Network::default()
        };
        change(&mut network);
        let timer = Timer::start().unwrap();
        (Gate::new(near, &network, plan, &timer, Arrival::new()), far)
    }

    /// What a blocked upgrade comes to: what the server saw, and what the listener read until the end or until nothing came for a while.
    fn upgraded(how: Blocking) -> (Vec<u8>, Option<Vec<u8>>) {
        on_one_thread(async {
            let (mut near, mut far) = gate(how, &plan(), |_| ());
            near.write_all(UPGRADE).await.unwrap();
            let server = tokio::task::spawn_local(async move {
                let mut seen = vec![0; 4096];
                let n = far.read(&mut seen).await.unwrap();
                seen.truncate(n);
                let _ = far.write_all(ANSWER).await;
                let _ = far.shutdown().await;
                (seen, far)
            });
            let mut read = Vec::new();
            let whole = tokio::time::timeout(Duration::from_millis(200), near.read_to_end(&mut read)).await;
            drop(near);
            let (seen, _far) = server.await.unwrap();
            (seen, whole.is_ok().then_some(read))
        })
    }

    #[test]
    fn each_way_of_blocking_is_what_it_says() {
        let nothing = Vec::new();
        assert_eq!(upgraded(Blocking::Refuse), (nothing.clone(), Some(REFUSAL.to_vec())));
        assert_eq!(upgraded(Blocking::Swallow), (nothing, None));
        let (seen, read) = upgraded(Blocking::Cut);
        assert_eq!(
            (seen, read),
            (UPGRADE.to_vec(), Some(ANSWER[..ANSWER.len() - 4].to_vec()))
        );
        let (seen, _) = upgraded(Blocking::Strip);
        let stripped = "GET /talkplace?after=f-1 HTTP/1.1\r\nHost: here\r\nSec-WebSocket-Key: x\r\n\r\n";
        assert_eq!(String::from_utf8(seen).unwrap(), stripped);
    }

    #[test]
    fn what_is_not_blocked_passes_in_any_pieces() {
        on_one_thread(async {
            let (mut near, mut far) = gate(Blocking::Swallow, &plan(), |_| ());
            for _ in 0..2 {
                for piece in POLL.chunks(7) {
                    near.write_all(piece).await.unwrap();
                }
                let mut seen = vec![0; POLL.len()];
                far.read_exact(&mut seen).await.unwrap();
                assert_eq!(seen, POLL);
                far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                let mut answer = [0; 27];
                near.read_exact(&mut answer).await.unwrap();
            }
        });
    }

    #[test]
    fn an_open_way_is_closed_when_its_time_comes_and_opens_again_later() {
        on_one_thread(async {
            let plan = plan();
            let ms = Duration::from_millis;
            let times = |network: &mut Network| {
                network.blocks_after = ms(100);
                network.free_after = ms(250);
            };
            let (mut near, mut far) = gate(Blocking::Refuse, &plan, times);
            near.write_all(UPGRADE).await.unwrap();
            far.read_exact(&mut [0; UPGRADE.len()]).await.unwrap();
            plan.clock.start_at(Instant::now());
            let start = plan.clock.start().unwrap();
            far.write_all(ANSWER).await.unwrap();
            near.read_exact(&mut [0; ANSWER.len()]).await.unwrap();
            assert_eq!(near.read(&mut [0; 1]).await.unwrap(), 0, "it ends");
            assert!(start.elapsed() >= ms(100));
            assert!(near.write_all(b"more").await.is_err());
            tokio::time::sleep_until((start + ms(260)).into()).await;
            let (mut near, mut far) = gate(Blocking::Refuse, &plan, times);
            near.write_all(UPGRADE).await.unwrap();
            far.read_exact(&mut [0; UPGRADE.len()]).await.unwrap();
            far.write_all(ANSWER).await.unwrap();
            near.read_exact(&mut [0; ANSWER.len()]).await.unwrap();
            let reads = tokio::time::timeout(ms(150), near.read(&mut [0; 1])).await;
            assert!(reads.is_err(), "it stays open");
        });
    }

    #[test]
    fn a_request_is_told_by_its_path_and_its_upgrade() {
        let of = |head: &str| transport(head.as_bytes());
        assert_eq!(transport(UPGRADE), Some(Transport::Websocket));
        assert_eq!(transport(POLL), Some(Transport::Poll));
        assert_eq!(
            of("GET /talkplace/long-poll HTTP/1.1\r\n\r\n"),
            Some(Transport::LongPoll)
        );
        assert_eq!(
            of("GET /talkplace/events?after=x HTTP/1.1\r\n\r\n"),
            Some(Transport::Events)
        );
        for other in [
            "GET /talkplace HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /metrics HTTP/1.1\r\n\r\n",
            "\r\n\r\n",
            "",
        ] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn the_end_of_a_head_is_found_in_any_pieces(cuts in prop::collection::vec(1usize..9, 1..20), start in "[a\r\n]{0,20}") {
            let head = [start.as_bytes(), b"x\r\n\r\n\x81rest"].concat();
            let expected = head.windows(4).position(|bytes| bytes == END_OF_HEAD).unwrap() + 4;
            let (mut so_far, mut passed, mut found) = (0, 0, None);
            let mut rest = head.as_slice();
            for cut in cuts.iter().cycle() {
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                if let Some(end) = end_of_head(piece, &mut so_far) {
                    found = Some(passed + end);
                    break;
                }
                passed += piece.len();
                rest = later;
            }
            prop_assert_eq!(found, Some(expected));
        }

        #[test]
        fn no_bytes_make_the_readers_panic(head in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = transport(&head);
            prop_assert!(without_upgrade(&head).len() <= head.len());
        }
    }
}
