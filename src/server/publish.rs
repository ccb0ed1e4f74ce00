//! Saying something: `POST /talkplace/messages`, and a text frame of a WebSocket.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use hyper::{HeaderMap, Response, StatusCode};
use serde::Deserialize;

use super::Server;
use super::answer::{self, AnswerBody};
use super::idempotency::{self, Owner};
use super::request::ContentType;
use crate::protocol::{Cursor, Refusal, Speaker};

#[derive(Deserialize)]
struct Said {
    text: String,
}

/// Takes one message's worth of the address's rate.
///
/// # Errors
/// Too fast when there is none.
pub(super) fn allow(server: &Server, address: IpAddr) -> Result<(), Refusal> {
    let taken = server.rate.take(address, Instant::now());
    taken.map_err(|retry_after_s| Refusal::TooFast { retry_after_s })
}

/// What a body may have at most: every character of the longest text may be escaped as `\u0000`, which is six bytes for
/// one, and something goes around it.
pub(super) fn max_body(max_text: usize) -> usize {
    max_text.saturating_mul(6).saturating_add(1024)
}

/// Says what the body says, once per `Idempotency-Key`.
pub(super) fn post(
    server: &Server,
    speaker: &Speaker,
    address: IpAddr,
    headers: &HeaderMap,
    kind: Option<ContentType>,
    body: &Bytes,
) -> Result<Response<AnswerBody>, Refusal> {
    let key = idempotency::key(headers)?;
    let text = text_of(kind, body, server.config.publishing.max_text)?;
    let say = || take_in(server, speaker, &text);
    let id = match key {
        None => say()?,
        Some(key) => server
            .idempotency
            .once(Owner::of(speaker, address), key, Instant::now(), say)?,
    };
    Ok(answer::json(StatusCode::CREATED, format!(r#"{{"id":"{id}"}}"#)))
}

/// Says what a WebSocket's text frame says.
pub(super) fn from_websocket(
    server: &Server,
    speaker: &Speaker,
    address: IpAddr,
    text: &str,
) -> Result<Cursor, Refusal> {
    allow(server, address)?;
    take_in(server, speaker, text)
}

fn take_in(server: &Server, speaker: &Speaker, text: &str) -> Result<Cursor, Refusal> {
    let id = server
        .feed
        .publish(speaker, text)
        .map_err(|_closed| Refusal::Draining)?;
    server.metrics.messages.inc();
    Ok(id)
}

fn text_of(kind: Option<ContentType>, body: &Bytes, max_text: usize) -> Result<String, Refusal> {
    let text = match kind {
        Some(ContentType::Text) => std::str::from_utf8(body)
            .map_err(|_| Refusal::malformed("The text is not UTF-8."))?
            .to_owned(),
        Some(ContentType::Json) => {
            let said: Said = serde_json::from_slice(body)
                .map_err(|_| Refusal::malformed("The body is not a JSON object with a text `text`."))?;
            said.text
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
