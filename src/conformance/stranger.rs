//! Whoever asks: somebody who knows the server's address and the contract.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::Fault;
use super::talk::{Answer, Talk, shown};
use crate::load::Peer;
use crate::protocol::{Cursor, Message};

/// A field of a request.
pub(super) type Field<'a> = (&'a str, &'a str);

/// A plain text.
pub(super) const PLAIN: Field<'static> = ("Content-Type", "text/plain");
/// Where messages are said.
pub(super) const MESSAGES: &str = "/talkplace/messages";

/// Somebody who asks one server.
#[derive(Debug)]
pub struct Stranger {
    address: SocketAddr,
    /// What goes into `Host`.
    pub(super) host: String,
    /// How long anything may take that the server is not asked to hold.
    patience: Duration,
}

/// Nothing on a server takes so long that works. A rule that waits for what does not come waits for all of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A batch, as an answer had it.
pub(super) struct Batch {
    pub(super) next: Cursor,
    pub(super) texts: Vec<String>,
    pub(super) ids: Vec<Cursor>,
    /// The messages with all their members.
    pub(super) messages: Vec<Value>,
}

impl Stranger {
    /// Who asks the server at this address.
    pub fn of(peer: &Peer) -> Stranger {
        Stranger {
            address: peer.address,
            host: peer.authority.clone(),
            patience: PATIENCE,
        }
    }

    /// The same with more patience, for a machine that has others to serve, too.
    pub fn with_patience(self, patience: Duration) -> Stranger {
        Stranger { patience, ..self }
    }

    /// Whether somebody takes a connection.
    ///
    /// # Errors
    /// What the system says when nobody does.
    pub fn is_there(&self) -> Result<(), io::Error> {
        TcpStream::connect_timeout(&self.address, self.patience).map(drop)
    }

    /// Whether what answers there speaks HTTP at all; how it shows when it does not.
    pub fn speaks_http(&self) -> Result<(), String> {
        match self.get("/talkplace/poll") {
            Ok(_) => Ok(()),
            Err(Fault::Broken { sent, came, .. }) => Err(format!("to {sent} there came {came}")),
            Err(Fault::Untold(why)) => Err(why),
        }
    }

    /// A connection.
    pub(super) fn connect(&self) -> Result<Talk, Fault> {
        Talk::open(self.address, self.patience)
    }

    /// One request on a connection of its own.
    pub(super) fn ask(&self, method: &str, target: &str, fields: &[Field], body: &[u8]) -> Result<Answer, Fault> {
        let mut talk = self.connect()?;
        self.send(&mut talk, method, target, fields, body);
        talk.answer()
    }

    pub(super) fn get(&self, target: &str) -> Result<Answer, Fault> {
        self.ask("GET", target, &[], b"")
    }

    pub(super) fn get_with(&self, target: &str, fields: &[Field]) -> Result<Answer, Fault> {
        self.ask("GET", target, fields, b"")
    }

    pub(super) fn post(&self, target: &str, fields: &[Field], body: &[u8]) -> Result<Answer, Fault> {
        self.ask("POST", target, fields, body)
    }

    /// Bytes as they are, on a connection of their own.
    pub(super) fn ask_in_bytes(&self, bytes: &[u8]) -> Result<Answer, Fault> {
        let mut talk = self.connect()?;
        talk.send(bytes, shown(bytes));
        talk.answer()
    }

    /// Sends a request with `Host`, and `Content-Length` where there is a body or could be one.
    pub(super) fn send(&self, talk: &mut Talk, method: &str, target: &str, fields: &[Field], body: &[u8]) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        let mut sent = format!("{method} {}", shown(target.as_bytes()));
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
            sent += &format!(", {name}: {}", shown(value.as_bytes()));
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        if !body.is_empty() {
            sent += &format!(", {}", shown(body));
        }
        head += "\r\n";
        talk.send(&[head.as_bytes(), body].concat(), sent);
    }

    /// The cursor of the feed's end, for rules that begin there.
    pub(super) fn end(&self) -> Result<Cursor, Fault> {
        let answer = self.get("/talkplace/poll").map_err(Fault::in_the_way)?;
        let batch = answer.batch().map_err(Fault::in_the_way)?;
        Ok(batch.next)
    }

    /// Says something, for rules about hearing it; gives its id.
    pub(super) fn say(&self, text: &str) -> Result<Cursor, Fault> {
        let answer = self
            .post(MESSAGES, &[PLAIN], text.as_bytes())
            .map_err(Fault::in_the_way)?;
        answer.accepted().map_err(Fault::in_the_way)
    }

    /// What a poll after this cursor brings.
    pub(super) fn heard_after(&self, after: Cursor) -> Result<Batch, Fault> {
        self.get(&format!("/talkplace/poll?after={after}"))?.batch()
    }
}

impl Answer {
    /// Its batch.
    pub(super) fn batch(&self) -> Result<Batch, Fault> {
        let expected = "200 with {\"next\":…,\"messages\":[…]}";
        self.must(self.status == 200, expected)?;
        let mut json = self.json()?;
        let next = json["next"].as_str().and_then(|next| next.parse().ok());
        let (Some(next), Value::Array(messages)) = (next, json["messages"].take()) else {
            return Err(self.broken(expected));
        };
        let read: Option<Vec<(Cursor, String)>> = messages.iter().map(read).collect();
        let read = read.ok_or_else(|| self.broken("messages with id, at, from and text"))?;
        let (ids, texts) = read.into_iter().unzip();
        Ok(Batch {
            next,
            texts,
            ids,
            messages,
        })
    }

    /// The id that the server gave to what was said.
    pub(super) fn accepted(&self) -> Result<Cursor, Fault> {
        self.must(self.status == 201, "201 with {\"id\":…}")?;
        let id = self.json()?["id"].as_str().and_then(|id| id.parse().ok());
        id.ok_or_else(|| self.broken("201 with {\"id\":…}"))
    }
}

/// The id and the text of a message that has all its members.
pub(super) fn read(message: &Value) -> Option<(Cursor, String)> {
    let text = message.to_string();
    let message: Message = serde_json::from_str(&text).ok()?;
    Some((message.id.parse().ok()?, message.text.into_owned()))
}
