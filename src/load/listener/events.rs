//! Server-sent events: one request, and an answer that never ends.
//!
//! hyper reads its head. The body is read here, out of its chunks, since hyper's buffers weigh several times as much as a listener.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Instant;

use hyper::StatusCode;
use hyper::header::TRANSFER_ENCODING;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::chunks::{Chunks, NoChunks};
use super::http::{Http, Question};
use super::sse::{Event, Parser, TooLong};
use super::{Attendance, End, Listener, Wire, nchan};
use crate::load::heard::Heard;
use crate::load::link::Arrival;
use crate::load::recorder::{Answer, Failure};
use crate::results::Dialect;

impl From<TooLong> for End {
    fn from(_: TooLong) -> End {
        End::Failed(Failure::Unexpected)
    }
}

/// As much is read at once: room is made anew for each read, and most are short.
const AT_ONCE: usize = 2048;

impl From<NoChunks> for End {
    fn from(_: NoChunks) -> End {
        End::Failed(Failure::Unexpected)
    }
}

/// A body of events that is being read.
struct Body {
    /// What it comes in; `None` when it is all that comes.
    chunks: Option<Chunks>,
    parser: Parser,
}

/// Reads one event stream.
pub(super) async fn attend(listener: &mut Listener) -> Attendance {
    // Boxed: what opens it is larger than all that a listener keeps after it.
    let (mut wire, arrival, mut body) = Box::pin(open(listener)).await?;
    loop {
        poll_fn(|cx| {
            let mut room = [MaybeUninit::uninit(); AT_ONCE];
            let mut read = ReadBuf::uninit(&mut room);
            let came = ready!(Pin::new(&mut wire).poll_read(cx, &mut read));
            Poll::Ready(if came.is_err() || read.filled().is_empty() {
                Err(Failure::Broken.into())
            } else {
                body.hear(read.filled(), listener, arrival.at())
            })
        })
        .await?;
    }
}

/// Asks, and reads what comes with the answer's head.
async fn open(listener: &mut Listener) -> Result<(Wire, Arrival, Body), End> {
    let bench = listener.bench.clone();
    let mut http = Http::open_for_head(listener).await?;
    http.ready().await?;
    let question = match bench.peer.dialect {
        Dialect::Nchan => nchan::stream(listener),
        // Without `Accept: text/event-stream`, so that a refusal comes with its status and not as an event for browsers.
        _ => Question::from(format!("/talkplace/events?after={}", listener.cursor)),
    };
    bench.recorder.borrow_mut().request(Instant::now());
    let answered = bench.timer.within(bench.patience(), http.get(&question)).await;
    let answer = answered.map_err(|_| Failure::TimedOut)??;
    if answer.status() != StatusCode::OK {
        let status = answer.status();
        let body = bench
            .timer
            .within(bench.patience(), http.whole(answer.into_body()))
            .await;
        return Err(refused(listener, status, &body.map_err(|_| Failure::TimedOut)??));
    }
    bench.recorder.borrow_mut().answer(Answer::Opened, Instant::now());
    listener.served(http.arrived());
    let mut body = Body {
        chunks: answer.headers().contains_key(TRANSFER_ENCODING).then(Chunks::default),
        parser: Parser::default(),
    };
    let (behind, wire, arrival) = http.body().ok_or(Failure::Broken)?;
    body.hear(&behind, listener, arrival.at())?;
    Ok((wire, arrival, body))
}

impl Body {
    /// Takes in what has come.
    fn hear(&mut self, bytes: &[u8], listener: &mut Listener, now: Instant) -> Result<(), End> {
        let Body { chunks, parser } = self;
        let mut hear = |data: &[u8]| parser.read(data, |event| take(listener, &event, now));
        let goes_on = match chunks {
            Some(chunks) => chunks.read(bytes, hear)?,
            None => hear(bytes).map(|()| true)?,
        };
        if goes_on { Ok(()) } else { Err(Failure::Broken.into()) }
    }
}

/// What to make of an answer that is no stream.
fn refused(listener: &mut Listener, status: StatusCode, body: &[u8]) -> End {
    if !status.is_client_error() && !status.is_server_error() {
        return Failure::Unexpected.into();
    }
    listener.refused(status, Instant::now());
    if status == StatusCode::GONE
        && let Err(failure) = listener.gone(body)
    {
        return failure.into();
    }
    End::Refused(status)
}

fn take(listener: &mut Listener, event: &Event<'_>, now: Instant) -> Result<(), End> {
    if listener.bench.peer.dialect == Dialect::Nchan {
        return nchan::take_event(listener, event, now);
    }
    let Some(data) = event.data else {
        return Ok(());
    };
    if !event.kind.is_empty() && event.kind != b"message" {
        return Err(End::Failed(Failure::Unexpected));
    }
    let heard: Heard = serde_json::from_slice(data).map_err(|_| Failure::Unexpected)?;
    // The id is what a browser would come back with; it has to be the message's own.
    if event.id != heard.id.as_bytes() {
        return Err(End::Failed(Failure::Unexpected));
    }
    listener.bench.recorder.borrow_mut().frame(now);
    listener.hear(&heard, now)?;
    Ok(())
}
