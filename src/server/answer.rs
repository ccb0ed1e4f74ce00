//! What goes back: bodies, and the headers that every answer has.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SET_COOKIE, UPGRADE};
use hyper::{Response, StatusCode, Version};

use super::labs::Progress;
use super::sign_in::expired_cookies;
use super::wire::Activity;
use crate::protocol::Refusal;

/// The body of an answer.
pub(super) enum AnswerBody {
    /// All of it, or none when empty.
    Whole(Bytes),
    /// The beginning of an event stream, which the connection goes on with once this is sent.
    Opening(Bytes),
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
            AnswerBody::Opening(bytes) if bytes.is_empty() => {
                self.activity.leave_hyper();
                Poll::Pending
            }
            AnswerBody::Opening(bytes) => Poll::Ready(Some(std::mem::take(bytes))),
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
            AnswerBody::Opening(_) | AnswerBody::Progress(_) => SizeHint::default(),
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

/// How an answer is sent that hyper does not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// Of the request.
    pub(super) version: Version,
    /// Whether the connection ends with it.
    pub(super) ends: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Manner {
            version: Version::HTTP_11,
            ends: false,
        }
    }
}

/// An answer as its bytes: for what is answered without hyper, in the form that hyper gives it. The body is whole.
pub(super) fn to_bytes(response: &Response<AnswerBody>, manner: Manner) -> Bytes {
    let (status, body) = (response.status(), response.body());
    let AnswerBody::Whole(body) = body else {
        unreachable!("a stream is sent by hyper");
    };
    let mut bytes = Vec::with_capacity(256 + body.len());
    let reason = status.canonical_reason().unwrap_or_default();
    bytes.extend_from_slice(format!("{:?} {} {reason}\r\n", manner.version, status.as_str()).as_bytes());
    let mut field = |name: &str, value: &[u8]| {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    };
    for (name, value) in response.headers() {
        field(name.as_str(), value.as_bytes());
    }
    if manner.ends {
        field("connection", b"close");
    }
    if status != StatusCode::NO_CONTENT {
        field("content-length", body.len().to_string().as_bytes());
    }
    field("date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes.into()
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
