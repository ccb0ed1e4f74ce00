//! A server with thousands of listeners that come and go in every way there is: nothing is lost or repeated, and memory stays flat.
//!
//! Twenty seconds unless `SOAK_SECONDS` says otherwise; `SOAK_LISTENERS` are 1,000 unless it does:
//!
//! ```sh
//! SOAK_SECONDS=600 SOAK_LISTENERS=3000 cargo test --release --test behaviour soak -- --ignored --nocapture
//! ```

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader as Lines};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::support::Home;

const BETWEEN: Duration = Duration::from_millis(250);
const TEXT: usize = 1_000;
/// What the feed keeps, in bytes: much more than anybody misses between two visits.
const KEEP: &str = "2000000";

/// What everybody shares.
struct Soak {
    address: SocketAddr,
    feed: String,
    /// The last message before the listeners came, who hear all behind it.
    first: u64,
    newest: Cell<u64>,
    over: Cell<bool>,
    visits: Cell<u64>,
    heard: Cell<u64>,
    cut: Cell<u64>,
    /// Connections that nobody reads or closes.
    half_open: RefCell<Vec<TcpStream>>,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
#[ignore = "takes twenty seconds, or as long as SOAK_SECONDS says"]
fn nothing_is_lost_or_repeated_and_memory_stays_flat() {
    let (seconds, listeners) = (setting("SOAK_SECONDS", 20), setting("SOAK_LISTENERS", 1_000));
    talkplace::load::raise_file_limit();
    let home = Home::new();
    let arguments = "serve --listen 127.0.0.1:0 --until-stdin-closes --publish-rate off --max-connections 100000";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let mut command = home.command(&[&arguments[..], &["--keep-messages", "100000", "--keep-bytes", KEEP]].concat());
    let mut server = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = Lines::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .unwrap()
        .parse()
        .unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, soak(address, Duration::from_secs(seconds), listeners));

    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}

async fn soak(address: SocketAddr, length: Duration, listeners: u64) {
    // A feed that still grows would look like memory that does.
    let keep: usize = KEEP.parse().unwrap();
    let mut first = 0;
    while first < (keep / TEXT) as u64 {
        first = publish(address).await;
    }
    let (_, cursor) = get(address, "/talkplace/poll").await;
    let cursor: serde_json::Value = serde_json::from_str(&cursor).unwrap();
    let soak = Rc::new(Soak {
        address,
        feed: cursor["next"].as_str().unwrap().split('-').next().unwrap().to_owned(),
        first,
        newest: Cell::new(first),
        over: Cell::new(false),
        visits: Cell::new(0),
        heard: Cell::new(0),
        cut: Cell::new(0),
        half_open: RefCell::default(),
    });
    let before = metric(address, "process_open_fds").await;
    let tasks: Vec<_> = (0..listeners)
        .map(|n| tokio::task::spawn_local(listen(Rc::clone(&soak), ChaCha8Rng::seed_from_u64(n))))
        .collect();

    let (start, mut rss) = (Instant::now(), Vec::new());
    let mut sampled = start;
    while start.elapsed() < length {
        soak.newest.set(publish(address).await);
        sleep(BETWEEN).await;
        if sampled.elapsed() >= Duration::from_secs(1) {
            sampled = Instant::now();
            let mib = metric(address, "process_resident_memory_bytes").await / f64::from(1 << 20);
            rss.push((start.elapsed().as_secs_f64() / 60.0, mib));
        }
    }
    soak.over.set(true);
    for task in tasks {
        task.await.unwrap();
    }
    soak.half_open.take();

    // All that they took comes back.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = metric(address, "process_open_fds").await;
        let mut present = 0.0;
        for transport in ["poll", "long-poll", "events", "websocket"] {
            present += metric(address, &format!("talkplace_listeners{{transport=\"{transport}\"}}")).await;
        }
        if now <= before && present == 0.0 {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "{now} files of {before}, {present} listeners present"
        );
        sleep(Duration::from_millis(100)).await;
    }
    let messages = soak.newest.get() - soak.first;
    let expected = messages * listeners;
    eprintln!(
        "{listeners} listeners for {} s: {} messages, {} of {expected} deliveries in {} visits, {} of them cut by the server",
        length.as_secs(),
        messages,
        soak.heard.get(),
        soak.visits.get(),
        soak.cut.get(),
    );
    assert_eq!(soak.heard.get(), expected, "every listener heard every message");
    flat(&rss);
}

/// Says how memory went, and that it did not grow: the later half against the earlier, both behind the beginning, in which everybody comes.
fn flat(rss: &[(f64, f64)]) {
    let settled = &rss[rss.len() / 3..];
    let n = settled.len() as f64;
    let (x, y) = settled
        .iter()
        .fold((0.0, 0.0), |(x, y), (at, mib)| (x + at / n, y + mib / n));
    let over: f64 = settled.iter().map(|(at, mib)| (at - x) * (mib - y)).sum();
    let under: f64 = settled.iter().map(|(at, _)| (at - x).powi(2)).sum();
    eprintln!("memory: {y:.1} MiB on average, slope {:+.2} MiB a minute", over / under);
    let mean = |part: &[(f64, f64)]| part.iter().map(|(_, mib)| mib).sum::<f64>() / part.len() as f64;
    let (earlier, later) = settled.split_at(settled.len() / 2);
    let (earlier, later) = (mean(earlier), mean(later));
    assert!(later < earlier * 1.1 + 16.0, "from {earlier:.1} to {later:.1} MiB");
}

/// One listener: visits of every kind until it is over and everything was heard.
async fn listen(soak: Rc<Soak>, mut rng: ChaCha8Rng) {
    let mut heard = soak.first;
    while !(soak.over.get() && heard == soak.newest.get()) {
        soak.visits.set(soak.visits.get() + 1);
        let stay = Instant::now() + Duration::from_millis(rng.random_range(200..4_000));
        // One in four reads slowly.
        let pace = if rng.random_ratio(1, 4) {
            Duration::from_millis(150)
        } else {
            Duration::ZERO
        };
        let mut visit = Visit::open(&soak, rng.random_range(0..3), heard, rng.random_ratio(1, 10)).await;
        loop {
            match timeout_at(stay, visit.next(&soak, heard)).await {
                Err(_) => break,
                Ok(Came::Seqs(seqs)) => {
                    for seq in seqs {
                        assert_eq!(seq, heard + 1, "each message once, in order");
                        heard = seq;
                        soak.heard.set(soak.heard.get() + 1);
                    }
                }
                Ok(Came::End) => {
                    soak.cut.set(soak.cut.get() + 1);
                    break;
                }
            }
            if soak.over.get() && heard == soak.newest.get() {
                break;
            }
            sleep(pace).await;
        }
        visit.leave(&soak, rng.random_range(0..4)).await;
        sleep(Duration::from_millis(rng.random_range(0..300))).await;
    }
}

enum Came {
    Seqs(Vec<u64>),
    End,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Websocket,
    Events,
    LongPoll,
}

struct Visit {
    kind: Kind,
    stream: BufReader<TcpStream>,
}

impl Visit {
    async fn open(soak: &Soak, kind: u32, heard: u64, little_room: bool) -> Visit {
        let kind = [Kind::Websocket, Kind::Events, Kind::LongPoll][kind as usize];
        let socket = TcpSocket::new_v4().unwrap();
        if little_room {
            socket.set_recv_buffer_size(4_096).unwrap();
        }
        let stream = socket.connect(soak.address).await.unwrap();
        let mut stream = BufReader::new(stream);
        let after = format!("{}-{heard}", soak.feed);
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let (path, fields, status) = match kind {
            Kind::Websocket => ("", upgrade, "101"),
            Kind::Events => ("/events", "Accept: text/event-stream\r\n", "200"),
            Kind::LongPoll => return Visit { kind, stream },
        };
        let request = format!("GET /talkplace{path}?after={after} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut stream).await.unwrap();
        assert_eq!(head.split(' ').nth(1), Some(status), "{head}");
        Visit { kind, stream }
    }

    async fn next(&mut self, soak: &Soak, heard: u64) -> Came {
        // Given up in the middle of a message, it is not gone on with.
        match self.kind {
            Kind::Websocket => self.frame().await,
            Kind::Events => self.event().await,
            Kind::LongPoll => self.poll(soak, heard).await,
        }
    }

    async fn frame(&mut self) -> Came {
        loop {
            let mut head = [0; 2];
            if self.stream.read_exact(&mut head).await.is_err() {
                return Came::End;
            }
            let length = match head[1] {
                126 => self.stream.read_u16().await.map(usize::from),
                length => Ok(usize::from(length)),
            };
            let mut payload = vec![0; length.unwrap_or(0)];
            // One that reads slowly may be cut in the middle of a message.
            if self.stream.read_exact(&mut payload).await.is_err() || payload.is_empty() && head[0] == 0x81 {
                return Came::End;
            }
            match head[0] {
                0x81 => return Came::Seqs(vec![seq(&payload)]),
                0x89 => {
                    let _ = self.stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await;
                }
                0x88 => return Came::End,
                other => panic!("{other:x}"),
            }
        }
    }

    async fn event(&mut self) -> Came {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return Came::End;
            }
            if let Some(json) = line.strip_prefix("data: ").filter(|_| line.ends_with('\n')) {
                return Came::Seqs(vec![seq(json.as_bytes())]);
            }
        }
    }

    async fn poll(&mut self, soak: &Soak, heard: u64) -> Came {
        let after = format!("{}-{heard}", soak.feed);
        let request = format!("GET /talkplace/long-poll?after={after}&timeout=2s HTTP/1.1\r\nHost: a\r\n\r\n");
        // A connection that was closed says so when it is read.
        let _ = self.stream.write_all(request.as_bytes()).await;
        let Some(head) = head(&mut self.stream).await else {
            return Came::End;
        };
        let body = body(&mut self.stream, &head).await;
        match head.split(' ').nth(1) {
            Some("204") => Came::Seqs(Vec::new()),
            Some("200") => {
                let batch: serde_json::Value = serde_json::from_str(&body).unwrap();
                let messages = batch["messages"].as_array().unwrap();
                Came::Seqs(
                    messages
                        .iter()
                        .map(|message| seq(message.to_string().as_bytes()))
                        .collect(),
                )
            }
            _ => panic!("{head}{body}"),
        }
    }

    /// Well-mannered, without a word, with a reset, or not at all.
    async fn leave(mut self, soak: &Soak, how: u32) {
        match how {
            0 if self.kind == Kind::Websocket => {
                let close = [0x88, 0x82, 0, 0, 0, 0, 3, 0xe8];
                let _ = self.stream.write_all(&close).await;
                let _ = self.stream.read(&mut [0; 64]).await;
            }
            1 => {
                let socket = socket2::SockRef::from(self.stream.get_ref());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
            2 => {
                let mut half_open = soak.half_open.borrow_mut();
                // No more than that many at a time: the oldest goes.
                if half_open.len() >= 500 {
                    half_open.remove(0);
                }
                half_open.push(self.stream.into_inner());
            }
            _ => {}
        }
    }
}

/// The seq of a message's id.
fn seq(json: &[u8]) -> u64 {
    let message: serde_json::Value = serde_json::from_slice(json).unwrap();
    let (_, seq) = message["id"].as_str().unwrap().split_once('-').unwrap();
    seq.parse().unwrap()
}

/// Says something; gives its seq.
async fn publish(address: SocketAddr) -> u64 {
    let text = "x".repeat(TEXT);
    let head =
        format!("POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {TEXT}");
    let (status, body) = ask(address, &format!("{head}\r\nConnection: close\r\n\r\n{text}")).await;
    assert_eq!(status, "201", "{body}");
    seq(body.as_bytes())
}

async fn metric(address: SocketAddr, name: &str) -> f64 {
    let (_, page) = get(address, "/metrics").await;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (String, String) {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    )
    .await
}

async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await.unwrap();
    let body = body(&mut stream, &head).await;
    (head.split(' ').nth(1).unwrap().to_owned(), body)
}

/// A head; `None` when the server has closed.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    Some(head)
}

async fn body(stream: &mut BufReader<TcpStream>, head: &str) -> String {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}
