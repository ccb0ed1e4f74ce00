//! One connection, over which bytes are sent as they are and answers are read as HTTP/1.1 has them (RFC 9112).

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Fault;

/// More than any answer of the contract.
const LONGEST: u64 = 8 << 20;
/// As much of what was sent or came as a reader wants to see.
const SHOWN: usize = 160;

/// A connection.
pub(super) struct Talk {
    stream: BufReader<TcpStream>,
    /// What was sent last, for whoever reads of a broken rule.
    sent: String,
    /// How long anything may take that the server is not asked to hold.
    patience: Duration,
    /// How long it waits for what comes next.
    waits: Duration,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    sent: String,
    status_line: String,
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Talk {
    pub(super) fn open(address: SocketAddr, patience: Duration) -> Result<Talk, Fault> {
        let connected = TcpStream::connect_timeout(&address, patience).and_then(|stream| {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            Ok(stream)
        });
        let stream = connected.map_err(|error| Fault::untold(format!("it needs a connection: {error}")))?;
        Ok(Talk {
            stream: BufReader::new(stream),
            sent: String::new(),
            patience,
            waits: patience,
        })
    }

    /// Sends bytes; `sent` is what a reader is shown of them. A server that has closed meanwhile is found out by what comes.
    pub(super) fn send(&mut self, bytes: &[u8], sent: impl Into<String>) {
        self.sent = sent.into();
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// What a reader is shown of what was sent last.
    pub(super) fn was_sent(&mut self, sent: String) {
        self.sent = sent;
    }

    /// Sends what only answers: a reader is shown what was sent before.
    pub(super) fn reply(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// From now on waits for so long, and as long as usual besides, for whatever comes next.
    pub(super) fn wait_for(&mut self, length: Duration) {
        self.wait(length + self.patience);
    }

    /// When whatever is waited for from now on has to have come, however much else comes before it.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.waits
    }

    fn wait(&mut self, length: Duration) {
        self.waits = length;
        // It can fail only for a length of zero.
        let _ = self.stream.get_ref().set_read_timeout(Some(length));
    }

    /// The answer to what was sent.
    pub(super) fn answer(&mut self) -> Result<Answer, Fault> {
        let (expected, asked) = ("an answer", Instant::now());
        let mut answer = self.head().map_err(|came| self.broken(came, expected))?;
        let body = self
            .body(&answer)
            .map_err(|error| self.broken(self.why(&error), "the whole body"))?;
        answer.body = body;
        answer.took = asked.elapsed();
        Ok(answer)
    }

    /// The head of an answer whose body goes on.
    pub(super) fn opening(&mut self) -> Result<Answer, Fault> {
        self.head().map_err(|came| self.broken(came, "an answer"))
    }

    fn head(&mut self) -> Result<Answer, String> {
        let status_line = self.line().map_err(|error| self.why(&error))?;
        let words: Vec<&str> = status_line.splitn(3, ' ').collect();
        let status = words.get(1).and_then(|status| status.parse().ok());
        let (Some(status), true) = (status, words[0].starts_with("HTTP/1.")) else {
            return Err(format!(
                "what is no answer of HTTP/1.1: {}",
                shown(status_line.as_bytes())
            ));
        };
        let mut fields = Vec::new();
        loop {
            let line = self.line().map_err(|error| self.why(&error))?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("a head with the line {line:?}"))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Answer {
            sent: self.sent.clone(),
            status_line,
            status,
            fields,
            body: Vec::new(),
            took: Duration::ZERO,
        })
    }

    fn body(&mut self, answer: &Answer) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        let has_none = self.sent.starts_with("HEAD ") || matches!(answer.status, 100..=199 | 204 | 304);
        if has_none {
            return Ok(body);
        }
        if answer
            .field("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            while let Some(chunk) = self.chunk()? {
                body.extend(chunk);
            }
        } else if let Some(length) = answer.field("content-length") {
            let length: u64 = length.parse().map_err(io::Error::other)?;
            self.stream.by_ref().take(length.min(LONGEST)).read_to_end(&mut body)?;
            if (body.len() as u64) < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        } else {
            self.stream.by_ref().take(LONGEST).read_to_end(&mut body)?;
        }
        Ok(body)
    }

    /// The next chunk of a body; `None` behind the last.
    pub(super) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = self.line()?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        let mut chunk = Vec::new();
        self.stream.by_ref().take(size.min(LONGEST)).read_to_end(&mut chunk)?;
        // Behind the last chunk come trailers, of which there are none here, and in any case a line break.
        self.line()?;
        Ok((size > 0).then_some(chunk))
    }

    /// A line without its end.
    pub(super) fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether nothing comes for so long. Afterwards anything is waited for as usual.
    pub(super) fn is_silent_for(&mut self, length: Duration) -> bool {
        let waits = self.waits;
        self.wait(length);
        let is_silent = match self.stream.fill_buf() {
            Ok(_) => false,
            Err(error) => is_timeout(&error),
        };
        self.wait(waits);
        is_silent
    }

    /// Whether the server has closed, or does so now, whatever it says before.
    pub(super) fn closes(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.by_ref().take(LONGEST).read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => !is_timeout(&error),
        }
    }

    /// All that comes until the server closes, or `None` when it does not.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream
            .by_ref()
            .take(LONGEST)
            .read_to_end(&mut rest)
            .ok()
            .map(|_| rest)
    }

    /// What happened to the connection, as something that came.
    pub(super) fn why(&self, error: &io::Error) -> String {
        if is_timeout(error) {
            return format!("nothing within {} s", self.waits.as_secs());
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => "the end of the connection".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "a reset of the connection".to_owned(),
            _ => error.to_string(),
        }
    }

    /// What came instead of what was expected.
    pub(super) fn broken(&self, came: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault::broken(&self.sent, came, expected)
    }
}

impl Answer {
    /// The value of a field, the first where it is repeated.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub(super) fn fields_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.fields.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// What it looks like to a reader.
    fn seen(&self) -> String {
        let line = self.status_line.split_once(' ').map_or("", |(_, rest)| rest);
        if self.body.is_empty() {
            return line.to_owned();
        }
        format!("{line}: {}", shown(&self.body))
    }

    /// The rule is broken, and this is what came.
    pub(super) fn broken(&self, expected: impl Into<String>) -> Fault {
        Fault::broken(&self.sent, self.seen(), expected)
    }

    /// The same for one of its fields.
    fn field_broken(&self, name: &str, expected: impl Into<String>) -> Fault {
        let values: Vec<&str> = self.fields_named(name).collect();
        let came = match values.as_slice() {
            [] => format!("{}, without {name}", self.seen()),
            values => format!("{name}: {}", values.join(" and ")),
        };
        Fault::broken(&self.sent, came, expected)
    }

    /// It has to be so.
    pub(super) fn must(&self, is_so: bool, expected: impl Into<String>) -> Result<(), Fault> {
        if is_so { Ok(()) } else { Err(self.broken(expected)) }
    }

    /// It has to have this status.
    pub(super) fn must_be(&self, status: u16) -> Result<(), Fault> {
        self.must(self.status == status, status.to_string())
    }

    /// It has to have this field with this value.
    pub(super) fn must_have(&self, name: &str, value: &str) -> Result<(), Fault> {
        match self.field(name) {
            Some(there) if there == value => Ok(()),
            _ => Err(self.field_broken(name, format!("{name}: {value}"))),
        }
    }

    /// It has to have this field, with a value that fits.
    pub(super) fn must_have_some(&self, name: &str, fits: impl Fn(&str) -> bool, expected: &str) -> Result<(), Fault> {
        match self.field(name) {
            Some(there) if fits(there) => Ok(()),
            _ => Err(self.field_broken(name, expected)),
        }
    }

    /// It has to be the refusal with this status, in the form that every refusal has (RFC 9457).
    pub(super) fn must_refuse(&self, status: u16) -> Result<Value, Fault> {
        self.must_be(status)?;
        self.must_have_some(
            "content-type",
            |value| value.split(';').next() == Some("application/problem+json"),
            "content-type: application/problem+json",
        )?;
        let problem = self.json()?;
        let words = ["type", "title", "detail"];
        let has_words = words
            .iter()
            .all(|word| problem[word].as_str().is_some_and(|text| !text.is_empty()));
        let fits = has_words && problem["status"] == status;
        self.must(
            fits,
            format!("a problem with type, title, detail and \"status\":{status}"),
        )?;
        Ok(problem)
    }

    /// Its body as JSON.
    pub(super) fn json(&self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.body).map_err(|_| self.broken("a body of JSON"))
    }

    /// Its body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Bytes as a reader sees them, as many as they want to.
pub(super) fn shown(bytes: &[u8]) -> String {
    let readable = |c: char| match c {
        c if c.is_control() => c.escape_debug().to_string(),
        c => c.to_string(),
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().map(readable).collect(),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], bytes.len()),
        None => text,
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn what_is_shown_is_short_and_can_be_read() {
        assert_eq!(shown("路人 \r\n \"\\u007f\"".as_bytes()), "路人 \\r\\n \"\\u007f\"");
        assert_eq!(shown(b"\xffx"), "\\xffx");
        let long = shown(&[b'x'; 1000]);
        assert!(long.ends_with("xx… (1000 bytes)") && long.len() < 200, "{long}");
    }

    /// Asks somebody who says this and then closes.
    fn asked(says: &'static [u8], ask: impl FnOnce(&mut Talk)) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let server = std::thread::spawn(move || socket.accept().unwrap().0.write_all(says).unwrap());
        let mut talk = Talk::open(address, Duration::from_secs(20)).unwrap();
        server.join().unwrap();
        talk.send(b"", "a question");
        ask(&mut talk);
    }

    #[test]
    fn a_body_ends_as_its_head_says() {
        asked(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 None\r\n\r\n",
            |talk| {
                let first = talk.answer().unwrap();
                assert_eq!((first.status, &first.body[..]), (200, &b"ok"[..]));
                assert_eq!(talk.answer().unwrap().status, 204);
                assert!(talk.closes());
            },
        );
        asked(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            |talk| {
                assert_eq!(talk.answer().unwrap().text(), "abc");
            },
        );
        asked(b"HTTP/1.0 200 OK\r\n\r\nto the end", |talk| {
            assert_eq!(talk.answer().unwrap().text(), "to the end");
        });
    }

    #[test]
    fn what_is_no_answer_is_told_as_what_came() {
        for (says, told) in [
            (
                &b"SSH-2.0-OpenSSH\r\n"[..],
                "what is no answer of HTTP/1.1: SSH-2.0-OpenSSH",
            ),
            (b"", "the end of the connection"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                "the end of the connection",
            ),
        ] {
            asked(says, |talk| match talk.answer() {
                Err(Fault::Broken { sent, came, .. }) => assert_eq!((&sent[..], &came[..]), ("a question", told)),
                other => panic!("{other:?}"),
            });
        }
    }

    #[test]
    fn a_refusal_has_a_form() {
        let problem = br#"{"type":"urn:x","title":"No","status":404,"detail":"Nothing is here."}"#;
        let answer = |kind: &str, body: &[u8]| Answer {
            sent: "GET /".to_owned(),
            status_line: "HTTP/1.1 404 Not Found".to_owned(),
            status: 404,
            fields: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.to_vec(),
            took: Duration::ZERO,
        };
        assert!(answer("application/problem+json", problem).must_refuse(404).is_ok());
        assert!(answer("application/problem+json", problem).must_refuse(400).is_err());
        assert!(answer("application/json", problem).must_refuse(404).is_err());
        assert!(
            answer("application/problem+json", br#"{"status":404}"#)
                .must_refuse(404)
                .is_err()
        );
    }
}
