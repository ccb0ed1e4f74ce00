//! What a run counts, against what a packet capture of the same run saw: tshark reads the packets, not we.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use talkplace::load::{Settings, Target, run_with};
use talkplace::protocol::Transport;
use talkplace::results::{Arrivals, PollTimer, Scenario, TransportRun};
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// A packet so near to an edge of the window may be counted on either side of it: a busy machine reads it later than it came.
const CLEAR: Duration = Duration::from_millis(30);
/// What is asked for when the run is over: once it is in the capture, everything before it is.
const LAST: &str = "/the-run-is-over";

/// A capture of one port under way.
struct Capture {
    dumpcap: Child,
    folder: tempfile::TempDir,
}

/// What one packet with data carried, in tshark's words.
#[derive(Debug)]
struct Packet {
    /// Microseconds since the Unix epoch.
    at_us: u64,
    stream: u32,
    is_from_server: bool,
    payload: u64,
    /// The path of each request that ends in it.
    paths: Vec<String>,
    /// The status of each answer that ends in it.
    statuses: Vec<u16>,
    /// The length of their bodies.
    bodies: u64,
    /// How many frames are in it.
    frames: u64,
    /// How many bytes they carry. Longer ones than 125 say so in a field of their own.
    data: u64,
    /// Its bytes, in hexadecimal digits.
    hex: String,
}

/// The counts of a window.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    requests: u64,
    with_messages: u64,
    empty: u64,
    frames: u64,
    bytes_out: u64,
    bytes_in: u64,
    bodies_in: u64,
}

impl Capture {
    /// Captures what crosses this port on the loopback interface; returns when it does.
    fn start(port: u16) -> Capture {
        let folder = tempfile::tempdir().unwrap();
        let mut dumpcap = Command::new("dumpcap")
            .args([
                "-q",
                "-i",
                "lo",
                "-f",
                &format!("tcp port {port}"),
                "-a",
                "duration:60",
                "-w",
            ])
            .arg(folder.path().join("run.pcapng"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(dumpcap.stderr.take().unwrap()).lines();
        assert!(
            said.any(|line| line.unwrap().starts_with("File:")),
            "dumpcap did not begin; may this user capture?"
        );
        Capture { dumpcap, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("run.pcapng")
    }

    /// Ends the capture once the last request is in it, and gives the packets with data.
    fn packets(mut self, server: &Server) -> Vec<Packet> {
        let mut last = TcpStream::connect(server.address).unwrap();
        write!(last, "GET {LAST} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !contains(&std::fs::read(self.file()).unwrap(), LAST.as_bytes()) {
            assert!(Instant::now() < deadline, "the last request never came");
            std::thread::yield_now();
        }
        kill(Pid::from_raw(self.dumpcap.id() as i32), Signal::SIGINT).unwrap();
        self.dumpcap.wait().unwrap();
        let port = server.address.port();
        let mut tshark = Command::new("tshark");
        tshark
            .arg("-r")
            .arg(self.file())
            .args(["-d", &format!("tcp.port=={port},http"), "-Y", "tcp.len > 0"]);
        tshark.args(["-T", "fields", "-E", "separator=;", "-E", "occurrence=a"]);
        let fields = [
            "frame.time_epoch",
            "tcp.stream",
            "tcp.srcport",
            "tcp.len",
            "http.request.uri",
            "http.response.code",
            "http.content_length",
            "websocket.payload_length",
            "websocket.payload_length_ext_16",
            "tcp.payload",
        ];
        fields.iter().for_each(|field| _ = tshark.args(["-e", field]));
        let read = tshark.stderr(Stdio::null()).output().unwrap();
        let text = String::from_utf8(read.stdout).unwrap();
        text.lines().map(|line| Packet::read(line, port)).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.dumpcap.kill();
        let _ = self.dumpcap.wait();
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl Packet {
    fn read(line: &str, port: u16) -> Packet {
        let fields: Vec<&str> = line.split(';').collect();
        let [at, stream, from, length, paths, statuses, bodies, frames, longer, hex] = fields.as_slice() else {
            panic!("not what was asked for: {line}");
        };
        let all = |field: &str| -> Vec<u64> {
            let numbers = field.split(',').filter(|number| !number.is_empty());
            numbers.map(|number| number.parse().unwrap()).collect()
        };
        let (seconds, nanos) = at.split_once('.').unwrap();
        let us: u64 = nanos[..6].parse().unwrap();
        Packet {
            at_us: seconds.parse::<u64>().unwrap() * 1_000_000 + us,
            stream: stream.parse().unwrap(),
            is_from_server: *from == port.to_string(),
            payload: length.parse().unwrap(),
            paths: paths
                .split(',')
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
                .collect(),
            statuses: all(statuses).into_iter().map(|status| status as u16).collect(),
            bodies: all(bodies).iter().sum(),
            frames: all(frames).len() as u64,
            data: all(frames)
                .iter()
                .filter(|length| **length < 126)
                .chain(&all(longer))
                .sum(),
            hex: (*hex).to_owned(),
        }
    }

    /// Whether an event of an event stream begins in it.
    fn events(&self) -> u64 {
        // `data: {`
        self.hex.matches("646174613a207b").count() as u64
    }
}

/// The packets of the listeners' connections: those whose first request is a listener's.
fn of_listeners(packets: &[Packet]) -> impl Iterator<Item = &Packet> {
    let listens = |stream: u32| {
        let first = packets
            .iter()
            .find(|packet| packet.stream == stream && !packet.paths.is_empty());
        let listening = [
            "/talkplace/poll?after",
            "/talkplace/long-poll?",
            "/talkplace/events?",
            "/talkplace?",
        ];
        first.is_some_and(|packet| listening.iter().any(|path| packet.paths[0].starts_with(path)))
    };
    packets.iter().filter(move |packet| listens(packet.stream))
}

/// What the listeners' connections carried from one instant to another; `None` when a packet is too near to either.
fn seen(packets: &[Packet], from_us: u64, until_us: u64) -> Option<Seen> {
    let near = |at_us: u64| {
        let clear_us = CLEAR.as_micros() as u64;
        at_us.abs_diff(from_us) < clear_us || at_us.abs_diff(until_us) < clear_us
    };
    if of_listeners(packets).any(|packet| near(packet.at_us)) {
        return None;
    }
    let mut seen = Seen::default();
    for packet in of_listeners(packets).filter(|packet| (from_us..until_us).contains(&packet.at_us)) {
        seen.requests += packet.paths.len() as u64;
        seen.with_messages += packet.statuses.iter().filter(|status| **status == 200).count() as u64;
        seen.empty += packet.statuses.iter().filter(|status| **status == 204).count() as u64;
        seen.frames += packet.frames + packet.events();
        seen.bodies_in += packet.bodies + packet.data;
        match packet.is_from_server {
            true => seen.bytes_in += packet.payload,
            false => seen.bytes_out += packet.payload,
        }
    }
    Some(seen)
}

fn counted(run: &TransportRun) -> Seen {
    Seen {
        requests: run.counts.requests,
        with_messages: run.counts.answers.with_messages,
        empty: run.counts.answers.empty,
        frames: run.counts.frames,
        bytes_out: run.bytes_out.total(),
        bytes_in: run.bytes_in.total(),
        // The chunks of a stream that goes on are not taken apart by tshark.
        bodies_in: if run.transport == Transport::Events {
            0
        } else {
            run.bytes_in.bodies
        },
    }
}

/// Messages every 100 ms, with the edges of the window halfway between two. Where listeners poll within their interval, the seed says.
fn scenario(seed: u64) -> Scenario {
    Scenario {
        lab: "capture".into(),
        title: "A small lab".into(),
        question: "Do the counts hold?".into(),
        transports: Transport::ALL.to_vec(),
        listeners: 2,
        seed,
        duration: Duration::from_secs(2),
        warm_up: Duration::from_millis(450),
        drain: Duration::from_secs(5),
        rate_per_s: 10.0,
        arrivals: Arrivals::Constant,
        text_bytes: 64,
        rtt: Duration::ZERO,
        poll_interval: Duration::from_millis(500),
        poll_timer: PollTimer::Fixed,
        long_poll_timeout: Duration::from_secs(5),
        server_workers: 1,
        ..Scenario::default()
    }
}

/// The counts of one run, by itself and by the capture; `None` when its packets do not say on which side of an edge they are.
async fn measured(transport: Transport, seed: u64) -> Option<(Seen, Seen)> {
    let server = Server::start();
    let capture = Capture::start(server.address.port());
    let scenario = scenario(seed);
    let target = Target::Running(server.address.into());
    let stop = CancellationToken::new();
    let settings = Settings::default();
    let run = run_with(&settings, &scenario, transport, 1, &target, &|_| {}, &stop)
        .await
        .unwrap();
    assert!(
        run.ledger.is_clean() && run.publishing.accepted == 25,
        "{:?}",
        run.ledger
    );
    let start_us = run.trace.as_ref().unwrap().start_at_us;
    let from_us = start_us + scenario.warm_up.as_micros() as u64;
    let until_us = from_us + scenario.duration.as_micros() as u64;
    let packets = tokio::task::spawn_blocking(move || capture.packets(&server))
        .await
        .unwrap();
    Some((counted(&run), seen(&packets, from_us, until_us)?))
}

#[tokio::test]
#[ignore = "needs tshark"]
async fn a_run_counts_what_a_packet_capture_of_it_saw() {
    for transport in Transport::ALL {
        let mut compared = None;
        // Polls come when their phases say: another seed where one of them would meet an edge.
        for seed in 1..=12 {
            compared = measured(transport, seed).await;
            if compared.is_some() {
                break;
            }
        }
        let (counted, captured) = compared.expect("of twelve seeds, one has no packet at the edges");
        assert!(
            counted.bytes_in > 0 && counted.with_messages + counted.frames > 0,
            "{counted:?}"
        );
        assert_eq!(counted, captured, "{transport}");
    }
}
