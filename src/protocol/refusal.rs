use serde::Serialize;

use super::Cursor;

/// Why a request that parsed is not served: the refusals of the contract, in the order in which they win over one another, and
/// two that only the labs in the browser have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `Content-Length` together with `Transfer-Encoding`: nobody can say where the next request begins.
    TwoLengths,
    /// No such path.
    UnknownPath,
    /// The path exists, but not for this method; `allow` lists those that it has.
    WrongMethod {
        /// The value of `Allow`.
        allow: &'static str,
    },
    /// The server is on its way out.
    Draining,
    /// More connections than the server takes.
    TooManyConnections,
    /// More connections of one address than the server takes.
    TooManyFromAddress,
    /// More held polls than the server has places for.
    TooManyHeld,
    /// The server's disk cannot keep a message, or who has signed in.
    NotKept,
    /// A publisher over its rate.
    TooFast {
        /// When a message will be let in again, in whole seconds.
        retry_after_s: u64,
    },
    /// A page of another origin wants to write, or to open a WebSocket.
    OtherOrigin,
    /// What is only for whoever sits at the server's own computer.
    NotFromHere,
    /// Something that can be done once at a time is being done.
    Busy,
    /// The cookie `name` comes without `name.sig`, or with one that does not match.
    BadSignature,
    /// The address of the WebSocket, asked for without an upgrade or with a version that is not 13.
    UpgradeRequired,
    /// A body of a type, charset or encoding that is not read here.
    UnsupportedType(&'static str),
    /// A body or a text over the limit.
    TooLarge {
        /// The limit of a text, in bytes.
        max_text: usize,
    },
    /// The body did not come in time.
    BodyTimeout,
    /// Something in the request is not as it must be; says what.
    Malformed(String),
    /// The feed no longer keeps what follows the cursor, or never was the cursor's feed.
    Gone {
        /// The first message kept, or the next to come when none is.
        oldest: Cursor,
        /// The cursor of the end.
        next: Cursor,
    },
}

/// A refusal as `application/problem+json` has it (RFC 9457).
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Refusal {
    /// A malformed request; `what` is a sentence for whoever sent it.
    pub fn malformed(what: impl Into<String>) -> Self {
        Refusal::Malformed(what.into())
    }

    /// The status that it is answered with.
    pub fn status(&self) -> u16 {
        self.table().0
    }

    /// The name in metrics, and at the end of the problem's `type`.
    pub fn reason(&self) -> &'static str {
        self.table().1
    }

    /// The seconds of `Retry-After`, where waiting helps.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Refusal::Draining
            | Refusal::TooManyConnections
            | Refusal::TooManyFromAddress
            | Refusal::TooManyHeld
            | Refusal::NotKept => Some(1),
            Refusal::TooFast { retry_after_s } => Some(*retry_after_s),
            _ => None,
        }
    }

    /// The body of the answer, `application/problem+json`.
    pub fn to_json(&self) -> String {
        let (status, reason, title, ref detail) = self.table();
        let (oldest, next) = match self {
            Refusal::Gone { oldest, next } => (Some(oldest.to_string()), Some(next.to_string())),
            _ => (None, None),
        };
        let r#type = format!("urn:talkplace:refusal:{reason}");
        let problem = Problem {
            r#type,
            title,
            status,
            detail,
            oldest,
            next,
        };
        serde_json::to_string(&problem).expect("a struct of strings and numbers is always JSON")
    }

    /// The reason of a WebSocket's close frame for a cursor that is gone. It fits into the 123 bytes there are.
    pub fn gone_reason(oldest: &Cursor, next: &Cursor) -> String {
        format!(r#"{{"oldest":"{oldest}","next":"{next}"}}"#)
    }

    /// Status, reason, title and detail: the contract's table.
    fn table(&self) -> (u16, &'static str, &'static str, String) {
        let row = |status, reason, title, detail: &str| (status, reason, title, detail.to_owned());
        match self {
            Refusal::TwoLengths => row(
                400,
                "two-lengths",
                "Malformed request",
                "A body has either a Content-Length or a Transfer-Encoding.",
            ),
            Refusal::UnknownPath => row(404, "unknown-path", "No such path", "There is nothing at this path."),
            Refusal::WrongMethod { allow } => (
                405,
                "wrong-method",
                "Method not allowed",
                format!("This path takes {allow}."),
            ),
            Refusal::Draining => row(
                503,
                "draining",
                "Shutting down",
                "The server is shutting down; try again.",
            ),
            Refusal::TooManyConnections => row(
                503,
                "too-many-connections",
                "Too many connections",
                "The server has as many connections as it takes.",
            ),
            Refusal::TooManyFromAddress => row(
                503,
                "too-many-from-address",
                "Too many connections",
                "Your address has as many connections as it may.",
            ),
            Refusal::TooManyHeld => row(
                503,
                "too-many-held",
                "Too many held polls",
                "The server holds as many polls as it can; ask again, or poll without holding.",
            ),
            Refusal::NotKept => row(
                503,
                "not-kept",
                "Cannot be kept",
                "The server's disk is full or does not keep up, so nothing was taken in; try again.",
            ),
            Refusal::TooFast { retry_after_s } => {
                let detail = format!("Messages come from you faster than they may; try again in {retry_after_s} s.");
                (429, "too-fast", "Too many messages", detail)
            }
            Refusal::OtherOrigin => row(
                403,
                "other-origin",
                "Another origin",
                "Pages of another origin may neither write nor open a WebSocket here.",
            ),
            Refusal::NotFromHere => row(
                403,
                "not-from-here",
                "Not from here",
                "The labs are for whoever sits at this computer: ask by way of localhost.",
            ),
            Refusal::Busy => row(409, "busy", "Busy", "A run is under way; one at a time."),
            Refusal::BadSignature => row(
                401,
                "bad-signature",
                "Who are you?",
                "The cookie `name` does not carry a signature of this server; sign in again.",
            ),
            Refusal::UpgradeRequired => row(
                426,
                "upgrade-required",
                "Upgrade required",
                "This is the address of the WebSocket: ask with Upgrade: websocket, version 13.",
            ),
            Refusal::UnsupportedType(detail) => row(415, "unsupported-type", "Unsupported content type", detail),
            Refusal::TooLarge { max_text } => (
                413,
                "too-large",
                "Too large",
                format!("A text has at most {max_text} bytes of UTF-8."),
            ),
            Refusal::BodyTimeout => row(408, "body-timeout", "Too slow", "The body did not come in time."),
            Refusal::Malformed(detail) => row(400, "malformed", "Malformed request", detail),
            Refusal::Gone { oldest, .. } => {
                let detail = format!("What follows the cursor is gone; the feed goes on at {oldest}.");
                (410, "gone", "Gone", detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_four_members_and_nothing_else() {
        let json: serde_json::Value = serde_json::from_str(&Refusal::UnknownPath.to_json()).unwrap();
        let members: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(members, ["detail", "status", "title", "type"]);
        assert_eq!(json["status"], 404);
        assert_eq!(json["type"], "urn:talkplace:refusal:unknown-path");
    }

    #[test]
    fn gone_says_where_to_go_on() {
        let (oldest, next) = ("7f3a-5".parse().unwrap(), "7f3a-18".parse().unwrap());
        let json: serde_json::Value = serde_json::from_str(&Refusal::Gone { oldest, next }.to_json()).unwrap();
        assert_eq!(json["oldest"], "7f3a-5");
        assert_eq!(json["next"], "7f3a-18");
    }

    #[test]
    fn the_reason_of_a_close_fits_at_its_longest() {
        let longest = "0123456789abcdef-18446744073709551615".parse().unwrap();
        assert!(Refusal::gone_reason(&longest, &longest).len() <= 123);
    }
}
