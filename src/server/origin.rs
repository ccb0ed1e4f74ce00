use std::str::FromStr;

use hyper::http::uri::Authority;

/// Where a page comes from, as far as the server compares it: host and port.
///
/// The ports 80 and 443 count as no port, since `Host` does not say which scheme it was asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A host in lower case, and a port that is neither 80 nor 443.
    Site {
        /// The host.
        host: String,
        /// The port.
        port: Option<u16>,
    },
    /// `null`: a page that hides where it comes from, such as a file or a sandboxed frame.
    Null,
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an origin is SCHEME://HOST[:PORT] or null, for example https://example.org")]
pub struct OriginError;

impl Origin {
    /// The site that a `Host` header names.
    ///
    /// # Errors
    /// [`OriginError`] when it names none.
    pub fn of_host(host: &str) -> Result<Origin, OriginError> {
        // A port may be left out behind its colon (RFC 3986, section 3.2.3).
        let host = host.strip_suffix(':').unwrap_or(host);
        let authority: Authority = host.parse().map_err(|_| OriginError)?;
        // `user@host` parses as an authority, but is no Host; nor is a port that is not a number.
        let written = authority.as_str();
        let bare = !written.contains('@') && !authority.host().is_empty();
        let port_is_read = written.len() == authority.host().len() || authority.port_u16().is_some();
        if !(bare && port_is_read) {
            return Err(OriginError);
        }
        Ok(Origin::Site {
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().filter(|port| ![80, 443].contains(port)),
        })
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == "null" {
            return Ok(Origin::Null);
        }
        let (_scheme, site) = text.split_once("://").ok_or(OriginError)?;
        Origin::of_host(site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(origin: &str, host: &str) -> bool {
        origin.parse::<Origin>().unwrap() == Origin::of_host(host).unwrap()
    }

    #[test]
    fn host_and_port_decide() {
        assert!(same("http://localhost:3000", "localhost:3000"));
        assert!(same("HTTP://LocalHost:3000", "localhost:3000"));
        assert!(same("http://[::1]:3000", "[::1]:3000"));
        assert!(!same("http://localhost:3000", "localhost:3001"));
        assert!(!same("http://localhost:3000", "127.0.0.1:3000"));
        assert!(!same("http://localhost", "localhost:3000"));
    }

    #[test]
    fn the_ports_of_the_schemes_may_be_written_out() {
        assert!(same("https://example.org", "example.org:443"));
        assert!(same("https://example.org:443", "example.org"));
        assert!(same("http://example.org:80", "example.org"));
        assert!(same("http://example.org", "example.org:"));
    }

    #[test]
    fn what_is_no_origin_is_none() {
        assert_eq!("null".parse(), Ok(Origin::Null));
        for text in [
            "",
            "example.org",
            "http://",
            "http://a/b",
            "http://a@b",
            "http://a:b",
            "http://a:99999",
            "http://a b",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
    }
}
