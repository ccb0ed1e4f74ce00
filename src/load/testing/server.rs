//! A server that speaks just enough of the contract, written by hand so that it can also speak it wrongly.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What it does wrong. Those with a number do it about the message at that position, once for all listeners unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Tells nobody of it.
    Drops(u64),
    /// Tells everybody twice.
    Repeats(u64),
    /// Tells everybody of the next one first.
    Swaps(u64),
    /// Says that what follows it is gone.
    Gone(u64),
    /// Closes the connection in the middle of what tells it.
    Breaks(u64),
    /// Does not answer a poll that would tell it.
    KeepsSilent(u64),
    /// Sends bytes that are no message instead of it.
    Babbles(u64),
    /// Answers no publisher, though it takes what they say.
    IgnoresPublishers,
    /// Refuses every publisher.
    RefusesPublishers,
    /// Refuses every listener.
    RefusesListeners,
}

/// A server on a port of its own, for as long as its runtime lives.
pub(crate) struct FakeServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

struct Shared {
    fault: Fault,
    has_happened: AtomicBool,
    messages: Mutex<Vec<String>>,
    count: watch::Sender<u64>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    websocket_key: Option<String>,
    body: Vec<u8>,
}

impl Request {
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn after(&self) -> u64 {
        self.parameter("after")
            .unwrap()
            .strip_prefix("fake-")
            .unwrap()
            .parse()
            .unwrap()
    }
}

impl FakeServer {
    /// Starts it within the test's own runtime.
    pub(crate) async fn start(fault: Fault) -> FakeServer {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Arc::new(Shared {
            fault,
            has_happened: AtomicBool::new(false),
            messages: Mutex::default(),
            count: watch::Sender::new(0),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let shared = Arc::clone(&shared);
                // A client that leaves is no fault of the test.
                tokio::spawn(async move { shared.serve(BufReader::new(stream)).await });
            }
        });
        FakeServer { address }
    }
}

impl Shared {
    async fn serve(&self, mut stream: BufReader<TcpStream>) -> io::Result<()> {
        while let Some(request) = read(&mut stream).await? {
            match (request.method.as_str(), request.path.as_str()) {
                ("GET", "/metrics") => {
                    let metrics =
                        "process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 4096\nprocess_open_fds 9\n";
                    answer(&mut stream, "200 OK", metrics).await?;
                }
                ("POST", "/talkplace/messages") => self.publish(&mut stream, &request).await?,
                ("GET", "/talkplace/poll") if request.parameter("after").is_none() => {
                    answer(&mut stream, "200 OK", r#"{"next":"fake-0","messages":[]}"#).await?;
                }
                _ if self.fault == Fault::RefusesListeners => answer(&mut stream, "503 Busy", "{}").await?,
                ("GET", "/talkplace/poll") => self.poll(&mut stream, &request, false).await?,
                ("GET", "/talkplace/long-poll") => {
                    let is_held = request.parameter("timeout") != Some("0ms");
                    self.poll(&mut stream, &request, is_held).await?;
                }
                ("GET", "/talkplace/events") => return self.events(stream, request.after()).await,
                ("GET", "/talkplace") => return self.websocket(stream, &request).await,
                _ => answer(&mut stream, "404 Not Found", "{}").await?,
            }
        }
        Ok(())
    }

    async fn publish(&self, stream: &mut BufReader<TcpStream>, request: &Request) -> io::Result<()> {
        if self.fault == Fault::RefusesPublishers {
            return answer(stream, "429 Too Many", "{}").await;
        }
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let text = std::str::from_utf8(&request.body).unwrap();
        let seq = {
            let mut messages = self.messages.lock().unwrap();
            let seq = messages.len() as u64 + 1;
            messages.push(format!(
                r#"{{"id":"fake-{seq}","at":{at},"from":{{"id":0,"name":"x","image":0}},"text":"{text}"}}"#
            ));
            seq
        };
        self.count.send_replace(seq);
        if self.fault == Fault::IgnoresPublishers {
            return std::future::pending().await;
        }
        answer(stream, "201 Created", &format!(r#"{{"id":"fake-{seq}"}}"#)).await
    }

    /// True the first time that the fault is this one and its message is among these.
    fn trips(&self, fault: fn(u64) -> Fault, from: u64, to: u64) -> bool {
        (from..=to).any(|seq| self.fault == fault(seq)) && !self.has_happened.swap(true, Ordering::SeqCst)
    }

    /// What follows `after`, as the fault has it, and the next cursor.
    fn told(&self, after: u64) -> (Vec<String>, u64) {
        let messages = self.messages.lock().unwrap();
        let mut end = messages.len() as u64;
        if self.fault == Fault::Swaps(end) {
            end -= 1;
        }
        let mut order: Vec<u64> = (after + 1..=end).collect();
        match self.fault {
            Fault::Drops(seq) => order.retain(|other| *other != seq),
            Fault::Repeats(seq) if order.contains(&seq) => order.push(seq),
            Fault::Swaps(seq) => {
                if let Some(place) = order.iter().position(|other| *other == seq) {
                    order.swap(place, place + 1);
                }
            }
            _ => {}
        }
        let told = order.iter().map(|seq| messages[*seq as usize - 1].clone()).collect();
        (told, end.max(after))
    }

    /// Waits until there is something after the cursor that is to be told.
    async fn wait(&self, after: u64) -> (Vec<String>, u64) {
        let mut count = self.count.subscribe();
        loop {
            let (told, next) = self.told(after);
            if !told.is_empty() {
                return (told, next);
            }
            if count.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn poll(&self, stream: &mut BufReader<TcpStream>, request: &Request, is_held: bool) -> io::Result<()> {
        let after = request.after();
        let (told, next) = if is_held {
            self.wait(after).await
        } else {
            self.told(after)
        };
        if self.trips(Fault::Gone, after, next) {
            let gone = format!(r#"{{"status":410,"oldest":"fake-{}","next":"fake-{next}"}}"#, after + 1);
            return answer(stream, "410 Gone", &gone).await;
        }
        if self.trips(Fault::KeepsSilent, after + 1, next) {
            return std::future::pending().await;
        }
        if self.trips(Fault::Babbles, after + 1, next) {
            return answer(stream, "200 OK", "what?").await;
        }
        if self.trips(Fault::Breaks, after + 1, next) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"next\"")
                .await?;
            return Err(io::ErrorKind::Other.into());
        }
        if told.is_empty() && next == after {
            return stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
        let batch = format!(r#"{{"next":"fake-{next}","messages":[{}]}}"#, told.join(","));
        answer(stream, "200 OK", &batch).await
    }

    async fn events(&self, mut stream: BufReader<TcpStream>, mut after: u64) -> io::Result<()> {
        if after > 0 && self.trips(Fault::Gone, 1, after) {
            let gone = format!(r#"{{"oldest":"fake-{}"}}"#, after + 1);
            return answer(&mut stream, "410 Gone", &gone).await;
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head).await?;
        chunk(&mut stream, &format!("id: fake-{after}\n\n")).await?;
        loop {
            let (told, next) = self.wait(after).await;
            if self.trips(Fault::Breaks, after + 1, next) {
                return stream.write_all(b"1000\r\nid: fake-").await;
            }
            if self.trips(Fault::Babbles, after + 1, next) {
                chunk(&mut stream, "id: fake-1\ndata: what?\n\n").await?;
            }
            for message in told {
                let id = message.split('"').nth(3).unwrap();
                chunk(&mut stream, &format!("id: {id}\ndata: {message}\n\n")).await?;
            }
            after = next;
            // Whoever comes back is told that it is gone.
            if (1..=after).any(|seq| self.fault == Fault::Gone(seq)) && !self.has_happened.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
    }

    async fn websocket(&self, mut stream: BufReader<TcpStream>, request: &Request) -> io::Result<()> {
        let key = derive_accept_key(request.websocket_key.as_ref().unwrap().as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {key}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut after = request.after();
        loop {
            let (told, next) = self.wait(after).await;
            if self.trips(Fault::Gone, after, next) {
                let reason = format!(r#"{{"oldest":"fake-{}","next":"fake-{next}"}}"#, after + 1);
                let close = [&4410u16.to_be_bytes()[..], reason.as_bytes()].concat();
                return frame(&mut stream, 0x88, &close).await;
            }
            if self.trips(Fault::Breaks, after + 1, next) {
                return stream.write_all(&[0x81, 100, b'{']).await;
            }
            if self.trips(Fault::Babbles, after + 1, next) {
                frame(&mut stream, 0x81, b"what?").await?;
            }
            for message in told {
                frame(&mut stream, 0x81, message.as_bytes()).await?;
            }
            after = next;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let method = words.next().unwrap().to_owned();
    let target = words.next().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let (mut length, mut websocket_key) = (0, None);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "sec-websocket-key" => websocket_key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request {
        method,
        path,
        query,
        websocket_key,
        body,
    }))
}

async fn answer(stream: &mut BufReader<TcpStream>, status: &str, body: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await
}

async fn chunk(stream: &mut BufReader<TcpStream>, data: &str) -> io::Result<()> {
    stream
        .write_all(format!("{:x}\r\n{data}\r\n", data.len()).as_bytes())
        .await
}

async fn frame(stream: &mut BufReader<TcpStream>, first: u8, payload: &[u8]) -> io::Result<()> {
    assert!(payload.len() < 126, "short frames will do here");
    let frame = [&[first, payload.len() as u8], payload].concat();
    stream.write_all(&frame).await
}
