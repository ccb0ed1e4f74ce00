//! An answer's head, without what comes behind it.
//!
//! What reads a head weighs much more than a listener: hyper keeps some 18 KiB of buffers for each connection, and tungstenite goes on with
//! the 4 KiB that it has read the upgrade's answer into. A stream needs none of it once it is open. So they are given the
//! head alone, and the listener takes the connection back with all that has come since.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose reader gets no further than to the end of the first head, until that is wanted.
pub(super) struct Head<S> {
    stream: S,
    /// Whether the reader gets all.
    passes: Rc<Cell<bool>>,
    place: Place,
    /// What has come behind it.
    behind: Vec<u8>,
}

/// How far what was read has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    InLine,
    LineBegins,
    /// Behind a carriage return at the beginning of a line.
    LineMayBeEmpty,
    Behind,
}

/// Opens a [`Head`] for what follows.
#[derive(Clone)]
pub(super) struct Passes(Rc<Cell<bool>>);

impl Passes {
    /// Lets the reader have what comes behind the head, too.
    pub(super) fn open(&self) {
        self.0.set(true);
    }
}

impl<S> Head<S> {
    /// Gives a reader the head alone.
    pub(super) fn new(stream: S) -> Head<S> {
        Head {
            stream,
            passes: Rc::default(),
            place: Place::InLine,
            behind: Vec::new(),
        }
    }

    /// What opens it.
    pub(super) fn passes(&self) -> Passes {
        Passes(Rc::clone(&self.passes))
    }

    /// The stream, and what has come behind the head.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.behind)
    }

    /// Keeps back what is behind the head in what was just read.
    fn cut(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let filled = &buf.filled()[before..];
        for (at, byte) in filled.iter().enumerate() {
            self.place = match (self.place, byte) {
                (Place::LineBegins | Place::LineMayBeEmpty, b'\n') => Place::Behind,
                (_, b'\n') => Place::LineBegins,
                (Place::LineBegins, b'\r') => Place::LineMayBeEmpty,
                _ => Place::InLine,
            };
            if self.place == Place::Behind {
                self.behind = filled[at + 1..].to_vec();
                buf.set_filled(before + at + 1);
                return;
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Head<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let passes = self.passes.get();
        if self.place == Place::Behind && !passes {
            // Nothing wakes the reader: whoever opens this, or takes the stream, is its own task.
            return Poll::Pending;
        }
        if !self.behind.is_empty() {
            let length = self.behind.len().min(buf.remaining());
            buf.put_slice(&self.behind[..length]);
            self.behind.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if !passes {
            self.cut(buf, before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Head<S> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\na: b\r\n\r\nfirst\r\n\r\nsecond";
    const HEAD: usize = 25;

    #[tokio::test]
    async fn the_reader_gets_the_head_and_the_rest_when_it_is_wanted() {
        for cut in 1..ANSWER.len() {
            for is_opened in [false, true] {
                let (near, mut far) = duplex(64);
                let mut head = Head::new(near);
                let passes = head.passes();
                let mut read = Vec::new();
                far.write_all(&ANSWER[..cut]).await.unwrap();
                head.read_buf(&mut read).await.unwrap();
                far.write_all(&ANSWER[cut..]).await.unwrap();
                drop(far);
                while read.len() < HEAD {
                    head.read_buf(&mut read).await.unwrap();
                }
                assert_eq!(read, &ANSWER[..HEAD], "{cut}");
                if is_opened {
                    passes.open();
                    head.read_to_end(&mut read).await.unwrap();
                } else {
                    let (mut stream, behind) = head.into_parts();
                    read.extend(behind);
                    stream.read_to_end(&mut read).await.unwrap();
                }
                assert_eq!(read, ANSWER, "{cut}, {is_opened}");
            }
        }
    }
}
