//! What goes back: bodies, and the headers that every answer has.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SET_COOKIE, UPGRADE};
use hyper::{Response, StatusCode};

use super::labs::Progress;
use super::sign_in::expired_cookies;
use super::transport::EventStream;
use super::wire::Activity;
use crate::protocol::Refusal;

/// The body of an answer.
pub(super) enum AnswerBody {
    /// All of it, or none when empty.
    Whole(Bytes),
    /// An event stream.
    Events(Box<EventStream>),
    /// How far a run is.
    Progress(Box<Progress>),
}

/// A body that tells the connection when it has been handed over.
pub(super) struct Tracked {
    body: AnswerBody,
    activity: Rc<Activity>,
}

impl Tracked {
    pub(super) fn new(body: AnswerBody, activity: Rc<Activity>) -> Self {
        Tracked { body, activity }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.activity.answered();
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match &mut self.body {
            AnswerBody::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(bytes))
            }
            AnswerBody::Events(stream) => stream.poll_next(cx),
            AnswerBody::Progress(stream) => stream.poll_next(cx),
        };
        data.map(|data| data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.body, AnswerBody::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            AnswerBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            AnswerBody::Events(_) | AnswerBody::Progress(_) => SizeHint::default(),
        }
    }
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer with a whole body of this content type.
pub(super) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut response = empty(status);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = AnswerBody::Whole(body.into());
    response
}

/// An answer of JSON.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<AnswerBody> {
    whole(status, "application/json", body)
}

/// The answer that a refusal is given: its problem, and the headers that belong to it.
pub(super) fn refused(refusal: &Refusal) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(refusal.status()).expect("the table of refusals has valid statuses only");
    let mut response = whole(status, "application/problem+json", refusal.to_json());
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    match refusal {
        Refusal::WrongMethod { allow } => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        Refusal::UpgradeRequired => {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        Refusal::BadSignature => {
            for cookie in expired_cookies() {
                headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
            }
        }
        // The rest of the body is not read, or never came: what follows on this connection would be taken for a request.
        Refusal::TwoLengths | Refusal::TooLarge { .. } | Refusal::BodyTimeout => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    response
}
