//! Rules that nobody can try from outside: they are listed, so that what was not tried is seen.

use super::rule::section::{CURSORS, MESSAGES, NOT_READING, REFUSALS, REQUESTS, SHUTTING_DOWN};
use super::rule::{Asks, Rule};

pub(super) const RULES: &[Rule] = &[
    nobody(
        "message.restart",
        MESSAGES,
        "a server that starts without its former feed draws a new name for it",
        "it needs the server to be started anew",
    ),
    nobody(
        "cursor.old",
        CURSORS,
        "a cursor so old that the feed no longer keeps what follows it is 410",
        "it needs to be known how much the feed keeps",
    ),
    nobody(
        "idempotency.remembered",
        REQUESTS,
        "an `Idempotency-Key` is remembered for five minutes",
        "it takes five minutes",
    ),
    nobody(
        "limits.connections",
        REFUSALS,
        "a connection over the limit is 503 with `Retry-After`",
        "it needs to be known where the limit is",
    ),
    nobody(
        "limits.stalled",
        NOT_READING,
        "who takes nothing for 10 s while something waits is cut off, a WebSocket with 1013",
        "it takes more bytes than the system keeps for a connection",
    ),
    nobody(
        "drain.all",
        SHUTTING_DOWN,
        "what was answered 201 is written to every listener before the end",
        "it needs the server to be stopped",
    ),
    nobody(
        "drain.told",
        SHUTTING_DOWN,
        "held polls get 204, WebSockets a close 1012, streams their end, new requests 503",
        "it needs the server to be stopped",
    ),
];

const fn nobody(name: &'static str, section: &'static str, says: &'static str, why: &'static str) -> Rule {
    Rule {
        name,
        section,
        says,
        asks: Asks::Nobody(why),
    }
}
