//! What is read from a request before any handler sees it: single headers, known query parameters, the body.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING};
use serde::Deserialize;

use crate::protocol::Refusal;

/// The one value of a header, as text; `None` without it.
///
/// # Errors
/// Malformed when it comes twice or is not visible ASCII: two components that pick different ones would disagree.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Refusal::malformed(format!("The header {name} comes more than once."))),
        (Some(value), None) => {
            let text = value
                .to_str()
                .map_err(|_| Refusal::malformed(format!("The header {name} is not plain text.")))?;
            Ok(Some(text))
        }
    }
}

/// Whether one of the comma-separated words of a header is `word`, in any case.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case(word))
}

/// The value of the query parameter `name`; `None` without it. Parameters of other names are passed over.
///
/// # Errors
/// Malformed when it comes more than once.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refusal::malformed(format!(
            "The parameter `{name}` comes more than once."
        ))),
        (value, None) => Ok(value.map(|(_, value)| value.into_owned())),
    }
}

/// What a body is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentType {
    /// `text/plain`
    Text,
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// What the body is said to be; `None` when nothing is said.
///
/// # Errors
/// Unsupported type for anything but the three, for a charset that is not UTF-8, and for a body that is encoded;
/// malformed when the header comes twice.
pub(super) fn content_type(headers: &HeaderMap) -> Result<Option<ContentType>, Refusal> {
    let encoding = single(headers, &CONTENT_ENCODING)?.unwrap_or("identity");
    let mut transfer = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked_only = transfer.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !encoding.eq_ignore_ascii_case("identity") || !is_chunked_only {
        return Err(Refusal::UnsupportedType("An encoded body is not read here."));
    }
    let Some(value) = single(headers, &CONTENT_TYPE)? else {
        return Ok(None);
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let kind = match essence.as_str() {
        "text/plain" => ContentType::Text,
        "application/json" => ContentType::Json,
        "application/x-www-form-urlencoded" => ContentType::Form,
        _ => {
            return Err(Refusal::UnsupportedType(
                "A body of this content type is not read here.",
            ));
        }
    };
    let utf8 = parts.filter_map(|part| part.split_once('=')).all(|(key, value)| {
        let charset = value.trim_matches('"');
        !key.eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|name| charset.eq_ignore_ascii_case(name))
    });
    if utf8 {
        Ok(Some(kind))
    } else {
        Err(Refusal::UnsupportedType("A text that is not UTF-8 is not read here."))
    }
}

/// A body that is a JSON object with what is wanted of it; `None` of anything else. serde alone would take an array for one, too.
pub(super) fn json_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    let is_object = body.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(body).ok())?
}

/// The whole body.
///
/// # Errors
/// Too large over `max_bytes`, a timeout after `patience`, malformed when it breaks off.
pub(super) async fn body(
    body: Incoming,
    max_bytes: usize,
    max_text: usize,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    // One that says that it is too long is not waited for.
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(Refusal::TooLarge { max_text });
    }
    let whole = tokio::time::timeout(patience, Limited::new(body, max_bytes).collect());
    match whole.await {
        Err(_) => Err(Refusal::BodyTimeout),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge { max_text }),
        Ok(Err(_)) => Err(Refusal::malformed("The body breaks off or is not chunked as it says.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_known_parameter_counts_once_and_unknown_ones_are_passed_over() {
        assert_eq!(parameter("after=7f3a-1&x=1&x=2", "after"), Ok(Some("7f3a-1".into())));
        assert_eq!(parameter("x=1", "after"), Ok(None));
        assert_eq!(parameter("after", "after"), Ok(Some(String::new())));
        assert!(parameter("after=1&after=1", "after").is_err());
    }

    #[test]
    fn content_types_are_told_apart() {
        let of = |value: &str| content_type(&headers(&[("content-type", value)]));
        assert_eq!(of("text/plain"), Ok(Some(ContentType::Text)));
        assert_eq!(of("Text/Plain; Charset=\"UTF-8\""), Ok(Some(ContentType::Text)));
        assert_eq!(of("application/json; charset=utf-8"), Ok(Some(ContentType::Json)));
        assert!(matches!(of("text/html"), Err(Refusal::UnsupportedType(_))));
        assert!(matches!(
            of("text/plain; charset=latin1"),
            Err(Refusal::UnsupportedType(_))
        ));
        assert_eq!(content_type(&HeaderMap::new()), Ok(None));
        let gzip = headers(&[("content-type", "text/plain"), ("content-encoding", "gzip")]);
        assert!(matches!(content_type(&gzip), Err(Refusal::UnsupportedType(_))));
    }

    #[test]
    fn a_repeated_header_is_malformed() {
        let twice = headers(&[("host", "a"), ("host", "a")]);
        assert!(matches!(
            single(&twice, &hyper::header::HOST),
            Err(Refusal::Malformed(_))
        ));
    }

    #[test]
    fn tokens_are_found_in_any_case_and_place() {
        let map = headers(&[("connection", "keep-alive, Upgrade")]);
        assert!(has_token(&map, &hyper::header::CONNECTION, "upgrade"));
        assert!(!has_token(&map, &hyper::header::CONNECTION, "up"));
    }
}
