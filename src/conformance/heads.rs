//! Requests that cannot be read, or not in one way: refused, and the connection closed.

use super::rule::section::REFUSALS;
use super::rule::{Found, Rule, now};
use super::stranger::MESSAGES;
use super::talk::shown;
use super::{Fault, Stranger};

pub(super) const RULES: &[Rule] = &[
    now(
        "head.unreadable",
        REFUSALS,
        "what is no request is 400, and the connection closes",
        unreadable,
    ),
    now(
        "head.two-lengths",
        REFUSALS,
        "`Content-Length` with `Transfer-Encoding` is 400, and the connection closes",
        two_lengths,
    ),
    now(
        "head.lengths",
        REFUSALS,
        "lengths that can be read in two ways are 400, and nothing hides in the body",
        lengths,
    ),
    now(
        "head.large",
        REFUSALS,
        "a head over 16 KiB is 431 or 414, and the connection closes",
        large,
    ),
    now(
        "head.fields",
        REFUSALS,
        "more than 100 fields are 431, and the connection closes",
        fields,
    ),
    now(
        "head.within",
        REFUSALS,
        "a head of 15 KiB, and one of 99 fields, are served",
        within,
    ),
];

/// These bytes have to be answered with one of these statuses, and then the connection has to end.
fn refused_and_closed(server: &Stranger, bytes: &[u8], statuses: &[u16]) -> Found {
    let mut talk = server.connect()?;
    talk.send(bytes, shown(bytes));
    let answer = talk.answer()?;
    let expected: Vec<String> = statuses.iter().map(u16::to_string).collect();
    answer.must(statuses.contains(&answer.status), expected.join(" or "))?;
    match talk.rest() {
        Some(rest) if rest.is_empty() => Ok(()),
        Some(rest) => Err(Fault::broken(shown(bytes), shown(&rest), "nothing behind the refusal")),
        None => Err(answer.broken("the end of the connection")),
    }
}

fn unreadable(server: &Stranger) -> Found {
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ] {
        refused_and_closed(server, bytes, &[400])?;
    }
    Ok(())
}

/// A message whose body is one more request, which nobody may take for one.
fn hiding(server: &Stranger, fields: &str) -> Vec<u8> {
    let host = &server.host;
    let hidden = format!(
        "POST {MESSAGES} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhidden"
    );
    let body = format!("0\r\n\r\n{hidden}");
    let fields = fields.replace("{}", &body.len().to_string());
    format!("POST {MESSAGES} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\n{fields}\r\n{body}").into_bytes()
}

fn two_lengths(server: &Stranger) -> Found {
    for fields in [
        "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n",
    ] {
        refused_and_closed(server, &hiding(server, fields), &[400])?;
    }
    Ok(())
}

fn lengths(server: &Stranger) -> Found {
    let end = server.end()?;
    for fields in [
        "Content-Length: 0\r\nContent-Length: {}\r\n",
        "Content-Length: 0, {}\r\n",
        "Content-Length: +{}\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        refused_and_closed(server, &hiding(server, fields), &[400])?;
    }
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    answer.must(answer.status == 204, "204: nothing was said")
}

fn large(server: &Stranger) -> Found {
    let long = "x".repeat(17 << 10);
    let field = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n");
    let target = format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n");
    refused_and_closed(server, field.as_bytes(), &[431])?;
    refused_and_closed(server, target.as_bytes(), &[414, 431])
}

fn fields(server: &Stranger) -> Found {
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    refused_and_closed(server, many.as_bytes(), &[431])
}

fn within(server: &Stranger) -> Found {
    let long = format!(
        "GET /talkplace/poll HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(15 << 10)
    );
    let many = format!(
        "GET /talkplace/poll HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: y\r\n".repeat(98)
    );
    for request in [long, many] {
        server.ask_in_bytes(request.as_bytes())?.must_be(200)?;
    }
    Ok(())
}
