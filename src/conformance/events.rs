//! Event streams, read as WHATWG HTML has them (section 9.2.6) as far as the contract uses them.

use std::time::{Duration, Instant};

use super::cursors::{ELSEWHERE, says_where};
use super::rule::section::{BROWSERS, REQUESTS};
use super::rule::{Found, Rule, now};
use super::stranger::{Field, read};
use super::talk::{Answer, Talk, shown};
use super::{Fault, Stranger};

pub(super) const RULES: &[Rule] = &[
    now(
        "events.opens",
        REQUESTS,
        "a stream is `text/event-stream`, and opens with a block that has only an `id:`",
        opens,
    ),
    now(
        "events.message",
        REQUESTS,
        "each message is an event with its id, and itself as data",
        message,
    ),
    now("events.after", REQUESTS, "`after=` says where it goes on", after),
    now(
        "events.last-event-id",
        REQUESTS,
        "so does `Last-Event-ID`, which wins over `after=`",
        last_event_id,
    ),
    now(
        "events.unbuffered",
        REQUESTS,
        "nothing in between may keep it back: `X-Accel-Buffering: no`",
        unbuffered,
    ),
    now(
        "events.gone",
        BROWSERS,
        "without `Accept: text/event-stream` a cursor that is gone is 410",
        gone,
    ),
    now(
        "events.refused",
        BROWSERS,
        "with it, it is a stream with the one event `refused`, and its end",
        refused,
    ),
    now(
        "events.malformed",
        BROWSERS,
        "a malformed cursor is 400 in any case",
        malformed,
    ),
];

/// What `EventSource` sends.
const BROWSER: Field<'static> = ("Accept", "text/event-stream");

/// An event stream.
pub(super) struct Stream {
    talk: Talk,
    is_chunked: bool,
    rest: Vec<u8>,
}

/// A block of a stream: what stands between two empty lines.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) id: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) data: String,
    pub(super) is_comment: bool,
    pub(super) has_retry: bool,
    lines: Vec<String>,
}

impl Stranger {
    /// Opens a stream.
    pub(super) fn events(&self, query: &str, fields: &[Field]) -> Result<Stream, Fault> {
        self.stream(query, fields).map(|(_, stream)| stream)
    }

    fn stream(&self, query: &str, fields: &[Field]) -> Result<(Answer, Stream), Fault> {
        let mut talk = self.connect()?;
        self.send(&mut talk, "GET", &format!("/talkplace/events?{query}"), fields, b"");
        let head = talk.opening()?;
        head.must_be(200)?;
        head.must_have_some(
            "content-type",
            |value| value.split(';').next() == Some("text/event-stream"),
            "content-type: text/event-stream",
        )?;
        let is_chunked = head.field("transfer-encoding").is_some();
        let rest = Vec::new();
        Ok((head, Stream { talk, is_chunked, rest }))
    }
}

impl Stream {
    /// From now on waits for so long, and as long as usual besides.
    pub(super) fn wait_for(&mut self, length: Duration) {
        self.talk.wait_for(length);
    }

    /// The next line; `None` at the stream's end.
    fn line(&mut self) -> Result<Option<String>, Fault> {
        if !self.is_chunked {
            return match self.talk.line() {
                Ok(line) => Ok(Some(line)),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(self.talk.broken(self.talk.why(&error), "a line of an event")),
            };
        }
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                return Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()));
            }
            match self.talk.chunk() {
                Ok(Some(chunk)) => self.rest.extend(chunk),
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.talk.broken(self.talk.why(&error), "a line of an event")),
            }
        }
    }

    /// The next block; `None` at the stream's end.
    pub(super) fn block(&mut self) -> Result<Option<Block>, Fault> {
        let mut block = Block::default();
        loop {
            let line = match self.line()? {
                Some(line) if !line.is_empty() => line,
                Some(_) if block.lines.is_empty() => continue,
                Some(_) => return Ok(Some(block)),
                None => return Ok(None),
            };
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "" => block.is_comment = true,
                "id" => block.id = Some(value),
                "event" => block.kind = Some(value),
                "retry" => block.has_retry = true,
                "data" => block.data += &value,
                _ => {}
            }
            block.lines.push(line);
        }
    }

    fn next(&mut self, expected: &str) -> Result<Block, Fault> {
        let block = self.block()?;
        block.ok_or_else(|| self.talk.broken("the end of the stream", expected))
    }

    /// The next block with data.
    pub(super) fn message(&mut self) -> Result<Block, Fault> {
        let (expected, until) = ("an event with a message", self.talk.deadline());
        while Instant::now() < until {
            let block = self.next(expected)?;
            if !block.data.is_empty() {
                return Ok(block);
            }
        }
        Err(self.talk.broken("comments, and no event", expected))
    }

    fn broken(&self, block: &Block, expected: &str) -> Fault {
        self.talk.broken(shown(block.lines.join("\n").as_bytes()), expected)
    }

    /// The next message has to be this one.
    fn must_bring(&mut self, text: &str) -> Found {
        let block = self.message()?;
        let brought = serde_json::from_str(&block.data).ok().as_ref().and_then(read);
        match brought {
            Some((_, brought)) if brought == text => Ok(()),
            _ => Err(self.broken(&block, &format!("the message {text:?}"))),
        }
    }
}

fn opens(server: &Stranger) -> Found {
    let mut stream = server.events("", &[])?;
    let end = server.end()?;
    let expected = format!("a block with `id: {end}` alone");
    let block = stream.next(&expected)?;
    if block.id.as_deref() == Some(&end.to_string()) && block.lines.len() == 1 {
        return Ok(());
    }
    Err(stream.broken(&block, &expected))
}

fn message(server: &Stranger) -> Found {
    let mut stream = server.events("", &[]).map_err(Fault::in_the_way)?;
    // Who has opened it starts now.
    stream.next("a block with the cursor")?;
    let id = server.say("check: an event")?;
    let block = stream.message()?;
    let expected = format!("an event with the id {id} and the message as its data");
    let brought = serde_json::from_str(&block.data).ok().as_ref().and_then(read);
    let is_it = brought == Some((id, "check: an event".to_owned()));
    if is_it
        && block.id.as_deref() == Some(&id.to_string())
        && block.kind.as_deref().is_none_or(|kind| kind == "message")
    {
        return Ok(());
    }
    Err(stream.broken(&block, &expected))
}

fn after(server: &Stranger) -> Found {
    let end = server.end()?;
    server.say("check: missed by nobody")?;
    let stream = server.events(&format!("after={end}"), &[]);
    stream.map_err(Fault::in_the_way)?.must_bring("check: missed by nobody")
}

fn last_event_id(server: &Stranger) -> Found {
    let end = server.end()?;
    let first = server.say("check: heard before")?;
    server.say("check: the one after it")?;
    let fields = [("Last-Event-ID", &first.to_string()[..])];
    for query in [format!("after={end}"), String::new()] {
        let stream = server.events(&query, &fields);
        stream
            .map_err(Fault::in_the_way)?
            .must_bring("check: the one after it")?;
    }
    Ok(())
}

fn unbuffered(server: &Stranger) -> Found {
    server.stream("", &[])?.0.must_have("x-accel-buffering", "no")
}

fn gone(server: &Stranger) -> Found {
    let answer = server.get(&format!("/talkplace/events?after={ELSEWHERE}"))?;
    let problem = answer.must_refuse(410)?;
    says_where(&answer, &problem)
}

fn refused(server: &Stranger) -> Found {
    let answer = server.get_with(&format!("/talkplace/events?after={ELSEWHERE}"), &[BROWSER])?;
    answer.must_be(200)?;
    let text = answer.text();
    let lines: Vec<&str> = text.lines().collect();
    let data = lines.iter().find_map(|line| line.strip_prefix("data:"));
    let problem = data.and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    let is_told = lines.iter().any(|line| line.starts_with("retry:")) && lines.contains(&"event: refused");
    let expected = "retry:, `event: refused`, the problem 410 as data, and the end of the stream";
    match problem {
        Some(problem) if is_told && problem["status"] == 410 => says_where(&answer, &problem),
        _ => Err(answer.broken(expected)),
    }
}

fn malformed(server: &Stranger) -> Found {
    server
        .get_with("/talkplace/events?after=x", &[BROWSER])?
        .must_refuse(400)?;
    server
        .get_with("/talkplace/events", &[BROWSER, ("Last-Event-ID", "x")])?
        .must_refuse(400)
        .map(drop)
}
