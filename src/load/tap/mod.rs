//! Counting what really crosses a socket.
//!
//! A [`Tap`] sits right on the TCP stream, on the server's side of the emulated link. It reads along and tells each byte's part: head,
//! body or frame. It counts bytes as the system takes and gives them, so its sums are those of a packet capture.
//!
//! All of it meets in [`Tap::saw`], with the bytes and the instant. For the first few listeners of a run, a [`Recording`] keeps them there.

mod answers;
mod frames;
mod recording;
mod slice;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::Arrival;
use super::recorder::SharedRecorder;
use crate::results::{Parts, Way};
use answers::AnswerMeter;
use frames::FrameMeter;

pub(crate) use recording::{Recording, SharedRecording};
pub(crate) use slice::Slice;

/// A stream whose bytes are counted.
pub(crate) struct Tap<S> {
    stream: S,
    arrival: Arrival,
    recorder: SharedRecorder,
    recording: Option<SharedRecording>,
    answers: AnswerMeter,
    frames_out: FrameMeter,
}

impl<S> Tap<S> {
    /// Counts what crosses `stream` from now on: requests without bodies out, answers in, frames both ways behind a `101`.
    pub(crate) fn new(
        stream: S,
        arrival: Arrival,
        recorder: SharedRecorder,
        recording: Option<SharedRecording>,
    ) -> Tap<S> {
        Tap {
            stream,
            arrival,
            recorder,
            recording,
            answers: AnswerMeter::default(),
            frames_out: FrameMeter::default(),
        }
    }

    fn saw(&mut self, way: Way, bytes: &[u8]) {
        let now = match way {
            Way::In => self.arrival.at_socket(),
            Way::Out => Instant::now(),
        };
        if let Some(recording) = &self.recording {
            let begins = self.answers.is_between_pieces();
            recording.borrow_mut().at_server(way, bytes, begins, now);
        }
        let mut parts = Parts::default();
        match way {
            Way::In => self.answers.take(bytes, &mut parts),
            // A client sends no frame before it has read the `101`.
            Way::Out if self.answers.is_upgraded() => self.frames_out.take(bytes, &mut parts),
            // Listeners ask with GET alone, which has no body.
            Way::Out => parts.heads += bytes.len() as u64,
        }
        self.recorder.borrow_mut().bytes(way, parts, now);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.saw(Way::In, &buf.filled()[before..]);
        }
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(taken)) = done {
            self.saw(Way::Out, &bytes[..taken]);
        }
        done
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
