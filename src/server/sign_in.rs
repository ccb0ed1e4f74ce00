//! Who is there: the signed pair of cookies, `POST /signin` and `GET /me`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use hyper::header::COOKIE;
use serde::Deserialize;
use sha2::Sha256;

use super::request::{ContentType, json_object};
use crate::protocol::{Refusal, Speaker};

/// Longest name, in code points.
const MAX_NAME: usize = 64;

/// What the cookie `name` is signed with. Its bytes are never shown.
#[derive(Clone)]
pub struct SigningKey {
    bytes: Vec<u8>,
}

/// A key that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key has at least {} bytes", SigningKey::MIN_BYTES)]
pub struct WeakKey;

impl SigningKey {
    /// Fewer bytes could be tried out.
    pub const MIN_BYTES: usize = 32;

    /// The key made of these bytes.
    ///
    /// # Errors
    /// [`WeakKey`] when there are fewer than [`MIN_BYTES`](SigningKey::MIN_BYTES).
    pub fn new(bytes: Vec<u8>) -> Result<Self, WeakKey> {
        if bytes.len() < SigningKey::MIN_BYTES {
            Err(WeakKey)
        } else {
            Ok(SigningKey { bytes })
        }
    }

    /// A key that nobody else has.
    pub fn random() -> Self {
        SigningKey {
            bytes: rand::random::<[u8; 32]>().to_vec(),
        }
    }

    fn mac(&self, value: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).expect("HMAC takes keys of any length");
        // The cookie's name is part of what is signed, so that a signature fits no other cookie.
        mac.update(b"name=");
        mac.update(value.as_bytes());
        mac
    }

    fn sign(&self, value: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(value).finalize().into_bytes())
    }

    /// Compared in constant time.
    fn verify(&self, value: &str, signature: &str) -> bool {
        let bytes = URL_SAFE_NO_PAD.decode(signature);
        bytes.is_ok_and(|bytes| self.mac(value).verify_slice(&bytes).is_ok())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Makes visitors known, and recognises them.
pub(super) struct SignIn {
    key: SigningKey,
    former: Option<SigningKey>,
}

impl SignIn {
    pub(super) fn new(key: SigningKey, former: Option<SigningKey>) -> Self {
        SignIn { key, former }
    }

    /// The two `Set-Cookie` values that make a visitor this speaker.
    pub(super) fn cookies(&self, speaker: &Speaker) -> [String; 2] {
        let json = serde_json::to_vec(speaker).expect("a speaker is always JSON");
        let value = STANDARD.encode(json);
        let signature = self.key.sign(&value);
        [("name", value), ("name.sig", signature)]
            .map(|(cookie, value)| format!("{cookie}={value}; Path=/; HttpOnly; SameSite=Lax"))
    }

    /// Who the request's cookie says it is from; the guest without one.
    ///
    /// # Errors
    /// Bad signature when `name.sig` is missing or does not match, malformed when one of the two comes twice and the first ones match.
    pub(super) fn speaker(&self, headers: &HeaderMap) -> Result<Speaker, Refusal> {
        // Without a name nobody looks at signatures.
        let Some(name) = cookies(headers, "name").next() else {
            return Ok(Speaker::guest());
        };
        let signature = cookies(headers, "name.sig").next().and_then(text);
        let (Some(value), Some(signature)) = (text(name), signature) else {
            return Err(Refusal::BadSignature);
        };
        let mut keys = std::iter::once(&self.key).chain(&self.former);
        if !keys.any(|key| key.verify(value, signature)) {
            return Err(Refusal::BadSignature);
        }
        for cookie in ["name", "name.sig"] {
            if cookies(headers, cookie).nth(1).is_some() {
                return Err(Refusal::malformed(format!(
                    "The cookie `{cookie}` comes more than once."
                )));
            }
        }
        let json = STANDARD.decode(value).ok();
        let speaker = json.and_then(|json| serde_json::from_slice(&json).ok());
        speaker.ok_or_else(|| Refusal::malformed("The cookie `name` is signed, but is not base64 of a speaker."))
    }
}

/// The `Set-Cookie` values that make a browser forget both cookies.
pub(super) fn expired_cookies() -> [&'static str; 2] {
    [
        "name=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
        "name.sig=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
    ]
}

/// The values of a cookie, from all `Cookie` headers.
fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    // A cookie of another application on this host may hold any bytes; it must not lock its visitor out here.
    let pairs = headers.get_all(COOKIE).iter();
    let pairs = pairs.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        (pair[..equals].trim_ascii() == name.as_bytes()).then(|| pair[equals + 1..].trim_ascii())
    })
}

/// What a cookie says, with or without the quotes that may be around it (RFC 6265, section 4.1.1).
fn text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    Some(bare.unwrap_or(text))
}

#[derive(Deserialize)]
struct SignInBody {
    #[serde(default)]
    name: Option<String>,
}

/// The name that the form or the JSON asks for, trimmed; the default one when it is missing or blank.
pub(super) fn chosen_name(kind: Option<ContentType>, body: &[u8]) -> Result<String, Refusal> {
    let name = match kind {
        Some(ContentType::Form) => form_name(body)?,
        Some(ContentType::Json) => {
            let body: Option<SignInBody> = json_object(body);
            body.ok_or_else(|| Refusal::malformed("The body is not a JSON object with a text `name`."))?
                .name
        }
        None if body.is_empty() => None,
        _ => return Err(Refusal::UnsupportedType("A sign-in is a form or JSON.")),
    };
    // `trim` takes every white space of Unicode off, the ideographic one (U+3000) too.
    let name = name
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .unwrap_or(Speaker::DEFAULT_NAME);
    if name.chars().count() > MAX_NAME {
        return Err(Refusal::malformed(format!("A name has at most {MAX_NAME} characters.")));
    }
    if name.chars().any(char::is_control) {
        return Err(Refusal::malformed("A name has no control characters."));
    }
    Ok(name.to_owned())
}

/// The field `name` of a form. Percent-decoded by hand, since the usual parser replaces what is not UTF-8 instead of refusing it.
fn form_name(body: &[u8]) -> Result<Option<String>, Refusal> {
    let mut found = None;
    for field in body.split(|byte| *byte == b'&') {
        let (key, value) = match field.iter().position(|byte| *byte == b'=') {
            Some(at) => (&field[..at], &field[at + 1..]),
            None => (field, &[][..]),
        };
        if form_text(key)? != "name" {
            continue;
        }
        if found.replace(form_text(value)?).is_some() {
            return Err(Refusal::malformed("The form has more than one `name`."));
        }
    }
    Ok(found)
}

fn form_text(bytes: &[u8]) -> Result<String, Refusal> {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded = percent_encoding::percent_decode(&spaced).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| Refusal::malformed("The form is not UTF-8."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<String, Refusal> {
        chosen_name(Some(ContentType::Form), body.as_bytes())
    }

    fn request_with(cookies: &[String]) -> HeaderMap {
        let pairs: Vec<&str> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, pairs.join("; ").parse().unwrap());
        headers
    }

    #[test]
    fn a_name_is_trimmed_and_missing_or_blank_is_the_default() {
        assert_eq!(form("name=+%E3%80%80Li+Lei%E3%80%80").unwrap(), "Li Lei");
        for blank in ["", "name=", "name", "name=+%E3%80%80+", "other=1"] {
            assert_eq!(form(blank).unwrap(), "路人甲", "{blank:?}");
        }
        assert_eq!(
            chosen_name(Some(ContentType::Json), br#"{"name":null}"#).unwrap(),
            "路人甲"
        );
        assert_eq!(chosen_name(None, b"").unwrap(), "路人甲");
    }

    #[test]
    fn a_name_has_its_bounds() {
        assert!(form(&format!("name={}", "n".repeat(64))).is_ok());
        for bad in [
            format!("name={}", "n".repeat(65)),
            "name=a%00b".into(),
            "name=%ff".into(),
            "name=a&name=b".into(),
        ] {
            assert!(matches!(form(&bad), Err(Refusal::Malformed(_))), "{bad}");
        }
        assert!(
            form(&format!("name={}", "%E8%B7%AF".repeat(64))).is_ok(),
            "64 code points of three bytes each"
        );
    }

    #[test]
    fn a_speaker_comes_back_from_the_cookies() {
        let sign_in = SignIn::new(SigningKey::random(), None);
        let speaker = Speaker::new(3, "Han Meimei");
        let request = request_with(&sign_in.cookies(&speaker));
        assert_eq!(sign_in.speaker(&request).unwrap(), speaker);
    }

    #[test]
    fn a_forged_or_unsigned_name_is_refused() {
        let sign_in = SignIn::new(SigningKey::random(), None);
        let [name, signature] = sign_in.cookies(&Speaker::new(1, "x"));
        let [other, others] = sign_in.cookies(&Speaker::new(2, "y"));
        assert_eq!(
            sign_in.speaker(&request_with(&[other.clone(), signature.clone()])),
            Err(Refusal::BadSignature)
        );
        assert_eq!(
            sign_in.speaker(&request_with(std::slice::from_ref(&name))),
            Err(Refusal::BadSignature)
        );
        let alone = request_with(std::slice::from_ref(&signature));
        assert_eq!(sign_in.speaker(&alone).unwrap(), Speaker::guest());
        let elsewhere = SignIn::new(SigningKey::random(), None);
        assert_eq!(
            elsewhere.speaker(&request_with(&sign_in.cookies(&Speaker::new(1, "x")))),
            Err(Refusal::BadSignature)
        );
        // Repeated, it is nobody's, and what is not signed wins over what is malformed.
        assert_eq!(
            sign_in.speaker(&request_with(&[name.clone(), name.clone()])),
            Err(Refusal::BadSignature)
        );
        for repeated in [
            [&name, &signature, &name],
            [&name, &signature, &others],
            [&name, &other, &signature],
        ] {
            let repeated = repeated.map(String::clone);
            assert!(matches!(
                sign_in.speaker(&request_with(&repeated)),
                Err(Refusal::Malformed(_))
            ));
        }
    }

    #[test]
    fn a_key_is_long_enough_and_never_printed() {
        assert!(SigningKey::new(vec![0; 31]).is_err());
        let key = SigningKey::new(vec![b'k'; 32]).unwrap();
        assert!(!format!("{key:?}").contains('k'));
    }
}
