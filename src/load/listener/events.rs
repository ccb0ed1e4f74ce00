//! Server-sent events: one request, and an answer that never ends.

use std::time::Instant;

use hyper::StatusCode;

use super::http::{Http, Question};
use super::sse::{Event, Parser, TooLong};
use super::{Attendance, End, Listener, nchan};
use crate::load::heard::Heard;
use crate::load::recorder::{Answer, Failure};
use crate::results::Dialect;

impl From<TooLong> for End {
    fn from(_: TooLong) -> End {
        End::Failed(Failure::Unexpected)
    }
}

/// Reads one event stream.
pub(super) async fn attend(listener: &mut Listener) -> Attendance {
    let bench = listener.bench.clone();
    let mut http = Http::open(listener).await?;
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
    let mut body = answer.into_body();
    let mut parser = Parser::default();
    while let Some(bytes) = http.piece(&mut body).await? {
        let now = http.arrived();
        parser.read(&bytes, |event| take(listener, &event, now))?;
    }
    Err(Failure::Broken.into())
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
