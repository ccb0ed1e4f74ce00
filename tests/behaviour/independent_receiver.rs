//! The delays of a run, against a receiver of its own: plain blocking sockets and a dozen lines of each protocol, none of them the generator's.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use talkplace::load::{Settings, Target, run_with};
use talkplace::protocol::Transport;
use talkplace::results::{Arrivals, Scenario, TransportRun};
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// Both see the same messages, so their medians are as far apart as what they read them with.
const APART_MS: f64 = 1.0;
/// A machine that is later than this with a tenth of its wake-ups is late for one of them and not for the other.
const LATE_MS: f64 = 0.6;
/// So often is it looked for a moment in which the machine is not late.
const TRIES: u32 = 3;
/// The same where it has to be judged: `TALKPLACE_JUDGE=1 cargo test independent_receiver -- --test-threads=1`, as `.ci/run` does.
const PATIENT_TRIES: u32 = 20;
/// What is said when the run is over: the receiver goes then.
const LAST: &str = "the run is over";
const RTT: Duration = Duration::from_millis(40);

/// A message as the receiver had it, in microseconds since the Unix epoch.
struct Received {
    accepted_us: u64,
    heard_us: u64,
}

/// Hears until [`LAST`] is said.
struct Receiver {
    server: SocketAddr,
    hearing: JoinHandle<Vec<Received>>,
}

impl Receiver {
    /// Returns when the server has opened the stream, or knows of the cursor to hold for.
    fn start(server: SocketAddr, transport: Transport) -> Receiver {
        let connection = TcpStream::connect(server).unwrap();
        connection.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut writer = connection;
        let hearing = if transport == Transport::Events {
            write!(writer, "GET /talkplace/events HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let (status, _) = head(&mut reader).unwrap();
            assert_eq!(status, 200);
            std::thread::spawn(move || events(&mut reader))
        } else if transport == Transport::Websocket {
            let upgrade = "GET /talkplace HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            writer.write_all(upgrade.as_bytes()).unwrap();
            let (status, _) = head(&mut reader).unwrap();
            assert_eq!(status, 101);
            std::thread::spawn(move || frames(&mut reader))
        } else {
            let cursor = poll(&mut reader, &mut writer, "/talkplace/poll").0["next"].clone();
            std::thread::spawn(move || long_polls(&mut reader, &mut writer, cursor))
        };
        Receiver { server, hearing }
    }

    fn end(self) -> Vec<Received> {
        let mut speaker = TcpStream::connect(self.server).unwrap();
        let length = LAST.len();
        write!(
            speaker,
            "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{LAST}"
        )
        .unwrap();
        let (status, _) = head(&mut BufReader::new(speaker)).unwrap();
        assert_eq!(status, 201);
        self.hearing.join().unwrap()
    }
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// Whether that was the last; anything before it is kept.
fn keep(all: &mut Vec<Received>, message: &Value, heard_us: u64) -> bool {
    if message["text"] == LAST {
        return true;
    }
    all.push(Received {
        accepted_us: message["at"].as_u64().unwrap(),
        heard_us,
    });
    false
}

/// A status and the length of the body; `None` when the connection has ended.
fn head(reader: &mut impl BufRead) -> Option<(u16, usize)> {
    let mut lines = reader.lines().map_while(Result::ok);
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    for line in lines {
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => return Some((status, length)),
        }
    }
    None
}

/// Frames of text, none of which is as long as 64 kB.
fn frames(reader: &mut impl BufRead) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        let mut header = [0; 2];
        reader.read_exact(&mut header).unwrap();
        let length = match header[1] {
            126 => {
                let mut longer = [0; 2];
                reader.read_exact(&mut longer).unwrap();
                u16::from_be_bytes(longer).into()
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload).unwrap();
        let heard_us = now_us();
        assert_eq!(header[0], 0x81, "nothing but whole texts");
        if keep(&mut all, &serde_json::from_slice(&payload).unwrap(), heard_us) {
            return all;
        }
    }
}

/// Events, whose chunks begin and end with a line.
fn events(reader: &mut impl BufRead) -> Vec<Received> {
    let mut all = Vec::new();
    for line in reader.lines() {
        let line = line.unwrap();
        let heard_us = now_us();
        let Some(message) = line.strip_prefix("data: ") else {
            continue;
        };
        if keep(&mut all, &serde_json::from_str(message).unwrap(), heard_us) {
            return all;
        }
    }
    panic!("the stream ended before the run");
}

/// One request: the batch, and when it was there.
fn poll(reader: &mut impl BufRead, writer: &mut TcpStream, target: &str) -> (Value, u64) {
    write!(writer, "GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (status, length) = head(reader).unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let heard_us = now_us();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    (serde_json::from_slice(&body).unwrap(), heard_us)
}

fn long_polls(reader: &mut impl BufRead, writer: &mut TcpStream, mut cursor: Value) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        let after = cursor.as_str().unwrap();
        let (batch, heard_us) = poll(
            reader,
            writer,
            &format!("/talkplace/long-poll?after={after}&timeout=100s"),
        );
        for message in batch["messages"].as_array().unwrap() {
            if keep(&mut all, message, heard_us) {
                return all;
            }
        }
        cursor = batch["next"].clone();
    }
}

/// A message every 100 ms: farther apart than the gap of a long poll, so that each is caught.
fn scenario() -> Scenario {
    Scenario {
        lab: "independent".into(),
        title: "A small lab".into(),
        question: "Do the delays hold?".into(),
        listeners: 3,
        seed: 1,
        duration: Duration::from_secs(2),
        warm_up: Duration::from_millis(250),
        drain: Duration::from_secs(5),
        rate_per_s: 10.0,
        arrivals: Arrivals::Constant,
        text_bytes: 64,
        rtt: RTT,
        long_poll_timeout: Duration::from_secs(25),
        ..Scenario::default()
    }
}

/// The medians of the generator and of the receiver, of the messages of the window; with what the generator says of itself.
async fn medians_ms(transport: Transport) -> (f64, f64, TransportRun) {
    let server = Server::start();
    let receiver = Receiver::start(server.address, transport);
    let (settings, scenario) = (Settings::default(), scenario());
    let target = Target::Running(server.address.into());
    let stop = CancellationToken::new();
    let run = run_with(&settings, &scenario, transport, 1, &target, &|_| {}, &stop)
        .await
        .unwrap();
    let from_us = run.trace.as_ref().unwrap().start_at_us + scenario.warm_up.as_micros() as u64;
    let until_us = from_us + scenario.duration.as_micros() as u64;
    let heard = tokio::task::spawn_blocking(move || receiver.end()).await.unwrap();
    assert_eq!(heard.len() as u64, run.publishing.accepted, "it hears all, too");
    let window = heard
        .iter()
        .filter(|one| (from_us..until_us).contains(&one.accepted_us));
    let mut delays_ms: Vec<f64> = window
        .map(|one| (one.heard_us as f64 - one.accepted_us as f64) / 1000.0)
        .collect();
    delays_ms.sort_by(f64::total_cmp);
    let generator = run.server_delay.quantile_ms(0.5).unwrap();
    (generator, delays_ms[delays_ms.len() / 2], run)
}

/// The receiver has no link, which is half a round trip on the way of every message.
async fn agree(transport: Transport) {
    let must_judge = std::env::var_os("TALKPLACE_JUDGE").is_some();
    for _ in 0..if must_judge { PATIENT_TRIES } else { TRIES } {
        let (generator, receiver, run) = medians_ms(transport).await;
        let late_ms = run.generator.as_ref().unwrap().wake_up.quantile_ms(0.9).unwrap();
        eprintln!(
            "{transport}: {generator:.3} ms, and {receiver:.3} ms without the link; woken late by {late_ms:.3} ms"
        );
        if late_ms < LATE_MS {
            let expected = receiver + RTT.as_secs_f64() * 500.0;
            assert!(
                (generator - expected).abs() < APART_MS,
                "{generator} ms, not {expected} ms"
            );
            return;
        }
    }
    assert!(
        !must_judge,
        "{transport}: this machine was late all the time, so nothing was judged"
    );
    eprintln!("{transport}: this machine was late all the time, so nothing is judged");
}

#[tokio::test]
async fn an_independent_receiver_has_the_same_delays_over_websocket() {
    agree(Transport::Websocket).await;
}

#[tokio::test]
async fn an_independent_receiver_has_the_same_delays_by_long_polling() {
    agree(Transport::LongPoll).await;
}

#[tokio::test]
async fn an_independent_receiver_has_the_same_delays_by_events() {
    agree(Transport::Events).await;
}
