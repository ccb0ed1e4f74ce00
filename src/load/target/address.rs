//! Reading a server's address, and finding which of the host's addresses it listens on.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;
use tokio::net::TcpStream;

use super::TargetError;
use crate::results::Dialect;

/// A server that is there takes a connection in milliseconds, one far away in a second.
const CONNECT: Duration = Duration::from_secs(5);

/// An address with a scheme that the dialect takes, a host, and no path where the paths are the dialect's.
pub(super) fn read(url: &str, dialect: Dialect) -> Result<Uri, TargetError> {
    let not_an_address = || TargetError::NotAnAddress {
        url: url.to_owned(),
        dialect,
    };
    let uri: Uri = url.parse().map_err(|_| not_an_address())?;
    let scheme = uri.scheme_str().unwrap_or_default();
    if matches!(scheme, "https" | "wss") {
        return Err(TargetError::Encrypted(url.to_owned()));
    }
    let expected = match dialect {
        Dialect::WsBroadcast => "ws",
        Dialect::Talkplace | Dialect::Nchan => "http",
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let has_a_port = authority.rsplit(']').next().is_some_and(|behind| behind.contains(':'));
    let port_is_none = has_a_port && uri.port_u16().is_none();
    if uri.host().is_none_or(str::is_empty) || authority.contains('@') || port_is_none {
        return Err(not_an_address());
    }
    if scheme == "ws" && expected == "http" {
        return Err(TargetError::IsAWebSocket {
            url: url.to_owned(),
            dialect,
        });
    }
    if scheme != expected {
        return Err(not_an_address());
    }
    let has_path = uri.path_and_query().is_some_and(|path| path.as_str() != "/");
    if has_path && dialect != Dialect::WsBroadcast {
        return Err(TargetError::HasPath {
            url: url.to_owned(),
            dialect,
        });
    }
    Ok(uri)
}

/// The first address of the host that takes a connection: `localhost` has two, and a server may listen on one of them.
pub(super) async fn connectable(url: &str, uri: &Uri) -> Result<SocketAddr, TargetError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(80);
    let found = tokio::net::lookup_host((host, port)).await;
    let addresses = found.map_err(|source| TargetError::UnknownHost {
        url: url.to_owned(),
        source,
    })?;
    let mut tried = Vec::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(address),
            Ok(Err(error)) => tried.push(format!("{address}: {error}")),
            Err(_) => tried.push(format!("{address}: no answer within {} s", CONNECT.as_secs())),
        }
    }
    Err(TargetError::NobodyThere {
        url: url.to_owned(),
        tried: tried.join("; "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, dialect: Dialect) -> String {
        read(url, dialect).unwrap_err().to_string()
    }

    #[test]
    fn an_address_is_what_its_dialect_takes() {
        for (url, dialect) in [
            ("http://localhost:3000", Dialect::Talkplace),
            ("http://localhost:3000/", Dialect::Talkplace),
            ("http://[::1]:8080", Dialect::Nchan),
            ("ws://localhost", Dialect::WsBroadcast),
            ("ws://localhost:3000/chat?room=1", Dialect::WsBroadcast),
        ] {
            assert!(read(url, dialect).is_ok(), "{url}");
        }
        for (url, dialect) in [
            ("", Dialect::Talkplace),
            ("localhost:3000", Dialect::Talkplace),
            ("ws://", Dialect::Talkplace),
            ("http://localhost:3000", Dialect::WsBroadcast),
            ("http://", Dialect::Talkplace),
            ("http://a b", Dialect::Nchan),
            ("http://me@localhost:3000", Dialect::Talkplace),
            ("http://localhost:port", Dialect::Talkplace),
            ("http://localhost:65536", Dialect::Talkplace),
        ] {
            let error = refused(url, dialect);
            assert!(error.contains("is no address of a server: write it like"), "{error}");
        }
        assert!(refused("ws://localhost:3000/chat", Dialect::Talkplace).contains("--dialect ws-broadcast"));
        assert!(refused("https://example.com", Dialect::Talkplace).contains("has no TLS"));
        assert!(refused("wss://example.com/chat", Dialect::WsBroadcast).contains("has no TLS"));
        assert!(refused("http://localhost:3000/talkplace", Dialect::Talkplace).contains("paths of its own"));
    }
}
