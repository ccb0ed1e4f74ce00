//! Saying something: `POST /talkplace/messages`, and a text frame of a WebSocket.
//!
//! A feed in a file takes a message in when its disk has it. A `201` waits for that; whoever speaks over a WebSocket goes on.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use hyper::{HeaderMap, Response, StatusCode};
use serde::Deserialize;

use super::Server;
use super::address::counted;
use super::answer::{self, AnswerBody};
use super::idempotency::{self, Owner};
use super::request::{ContentType, json_object};
use crate::feed::{PublishError, Receipt};
use crate::protocol::{Refusal, Speaker};

#[derive(Deserialize)]
struct Said {
    text: String,
}

/// Takes one message's worth of the address's rate.
///
/// # Errors
/// Too fast when there is none.
pub(super) fn allow(server: &Server, address: IpAddr) -> Result<(), Refusal> {
    let taken = server.address_rate.take(counted(address), Instant::now());
    taken.map_err(|retry_after_s| Refusal::TooFast { retry_after_s })
}

/// Takes one message's worth of the visitor's rate. A guest has only an address.
///
/// # Errors
/// Too fast when there is none.
pub(super) fn allow_visitor(server: &Server, speaker: &Speaker) -> Result<(), Refusal> {
    if speaker.id == 0 {
        return Ok(());
    }
    let taken = server.visitor_rate.take(speaker.id, Instant::now());
    taken.map_err(|retry_after_s| Refusal::TooFast { retry_after_s })
}

/// What a body may have at most: every character of the longest text may be escaped as `\u0000`, which is six bytes for
/// one, and something goes around it.
pub(super) fn max_body(max_text: usize) -> usize {
    max_text.saturating_mul(6).saturating_add(1024)
}

/// Brings what the body says on its way, once per `Idempotency-Key`.
pub(super) fn post(
    server: &Server,
    speaker: &Speaker,
    address: IpAddr,
    headers: &HeaderMap,
    kind: Option<ContentType>,
    body: &Bytes,
) -> Result<Receipt, Refusal> {
    let key = idempotency::key(headers)?;
    let text = text_of(kind, body, server.config.publishing.max_text)?;
    let say = |label| server.feed.submit(speaker, &text, label).map_err(refusal_of);
    match key {
        None => say(None),
        Some(key) => {
            let owner = Owner::of(speaker, address);
            server
                .idempotency
                .once(owner, key, Instant::now(), |label| say(Some(label)))
        }
    }
}

/// The answer to a message, once the feed has taken it in.
pub(super) async fn answer(receipt: Receipt) -> Result<Response<AnswerBody>, Refusal> {
    let id = receipt.taken().await.map_err(refusal_of)?;
    Ok(answer::json(StatusCode::CREATED, format!(r#"{{"id":"{id}"}}"#)))
}

/// Brings what a WebSocket's text frame says on its way.
pub(super) fn from_websocket(
    server: &Server,
    speaker: &Speaker,
    address: IpAddr,
    text: &str,
) -> Result<Receipt, Refusal> {
    allow(server, address)?;
    allow_visitor(server, speaker)?;
    server.feed.submit(speaker, text, None).map_err(refusal_of)
}

/// How it is answered that the feed did not take something in.
pub(super) fn refusal_of(error: PublishError) -> Refusal {
    match error {
        PublishError::Closed => Refusal::Draining,
        PublishError::NotKept => Refusal::NotKept,
    }
}

fn text_of(kind: Option<ContentType>, body: &Bytes, max_text: usize) -> Result<String, Refusal> {
    let text = match kind {
        Some(ContentType::Text) => std::str::from_utf8(body)
            .map_err(|_| Refusal::malformed("The text is not UTF-8."))?
            .to_owned(),
        Some(ContentType::Json) => {
            let said: Option<Said> = json_object(body);
            said.ok_or_else(|| Refusal::malformed("The body is not a JSON object with a text `text`."))?
                .text
        }
        _ => return Err(Refusal::UnsupportedType("A message is text/plain or application/json.")),
    };
    match text.len() {
        0 => Err(Refusal::malformed("A text has at least one byte.")),
        length if length > max_text => Err(Refusal::TooLarge { max_text }),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> Result<String, Refusal> {
        text_of(Some(ContentType::Json), &Bytes::copy_from_slice(body.as_bytes()), 8)
    }

    #[test]
    fn the_limit_is_on_the_text_however_it_is_escaped() {
        assert_eq!(
            json(r#"{"text":"\u0061\u0061\u0061\u0061\u0061\u0061\u0061\u0061"}"#),
            Ok("aaaaaaaa".into())
        );
        assert_eq!(json(r#"{"text":"aaaaaaaaa"}"#), Err(Refusal::TooLarge { max_text: 8 }));
        assert_eq!(
            text_of(Some(ContentType::Text), &Bytes::from("路人甲"), 8),
            Err(Refusal::TooLarge { max_text: 8 })
        );
    }

    #[test]
    fn what_is_no_text_is_malformed() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"text":1}"#,
            r#"{"text":""}"#,
            r#"{"text":"a","text":"b"}"#,
            r#"{"text":"\ud800"}"#,
        ] {
            assert!(matches!(json(body), Err(Refusal::Malformed(_))), "{body}");
        }
        assert!(matches!(
            text_of(Some(ContentType::Text), &Bytes::from_static(b"\xff"), 8),
            Err(Refusal::Malformed(_))
        ));
        assert!(matches!(
            text_of(None, &Bytes::from_static(b"x"), 8),
            Err(Refusal::UnsupportedType(_))
        ));
    }
}
