//! How `talkplace serve` ends: in the middle of a conversation, with clients that do not go, and told twice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::server::http::Client;
use crate::server::websocket::Ws;
use crate::serving::Serving;
use crate::support::Home;

const CLOSE: u8 = 8;

fn serve(home: &Home, more: &[&str]) -> Serving {
    let few = ["serve", "--listen", "127.0.0.1:0", "--publish-rate", "off"];
    Serving::start(home.command(&[&few[..], more].concat()))
}

fn client(server: &Serving) -> Client {
    Client::connect(server.address.parse().unwrap())
}

fn signal(server: &Serving) {
    kill(Pid::from_raw(server.child.id() as i32), Signal::SIGTERM).unwrap();
}

fn wait(server: &mut Serving) -> ExitStatus {
    server.child.wait().unwrap()
}

/// Says one thing after another until it is refused or the server is gone; gives what was answered with 201.
fn publish(address: &str, name: usize, answered: &Mutex<Vec<String>>) {
    let mut stream = TcpStream::connect(address).unwrap();
    for n in 0.. {
        let text = format!("{name}-{n}");
        let request = format!(
            "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let mut answer = Vec::new();
        let mut chunk = [0; 1024];
        if stream.write_all(request.as_bytes()).is_err() {
            return;
        }
        while !answer.ends_with(b"}") {
            match stream.read(&mut chunk) {
                Ok(n @ 1..) => answer.extend_from_slice(&chunk[..n]),
                _ => return,
            }
        }
        if !answer.starts_with(b"HTTP/1.1 201 ") {
            assert!(
                answer.starts_with(b"HTTP/1.1 503 "),
                "{}",
                String::from_utf8_lossy(&answer)
            );
            return;
        }
        answered.lock().unwrap().push(text);
    }
}

/// Checks that a message is the next one, and gives its text.
fn next(json: &str, heard: &[String]) -> String {
    let message: serde_json::Value = serde_json::from_str(json).unwrap();
    let id = message["id"].as_str().unwrap();
    assert!(
        id.ends_with(&format!("-{}", heard.len() + 1)),
        "{id} after {}",
        heard.len()
    );
    message["text"].as_str().unwrap().to_owned()
}

fn hear_websocket(mut ws: Ws) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let (opcode, payload) = ws.frame();
        if opcode == CLOSE {
            assert_eq!(payload[..2], 1012_u16.to_be_bytes());
            return heard;
        }
        heard.push(next(std::str::from_utf8(&payload).unwrap(), &heard));
    }
}

fn hear_events(mut events: Client) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let chunk = events.chunk();
        if chunk.is_empty() {
            return heard;
        }
        for json in chunk.lines().filter_map(|line| line.strip_prefix("data: ")) {
            heard.push(next(json, &heard));
        }
    }
}

#[test]
fn what_was_answered_is_heard_by_all_who_listen_while_others_still_speak() {
    for keep in [&[][..], &["--keep", "feed"], &["--keep", "feed", "--keep-force", "1m"]] {
        let home = Home::new();
        let mut server = serve(&home, keep);
        let websockets: Vec<Ws> = (0..4)
            .map(|_| Ws::upgrade(client(&server), "/talkplace?after=0", &[]))
            .collect();
        let events: Vec<Client> = (0..4)
            .map(|_| {
                let mut events = client(&server);
                assert_eq!(events.get("/talkplace/events?after=0").status, 200);
                events
            })
            .collect();
        let answered = Mutex::new(Vec::new());
        let address = server.address.clone();
        let heard: Vec<Vec<String>> = std::thread::scope(|scope| {
            let websockets: Vec<_> = websockets
                .into_iter()
                .map(|ws| scope.spawn(|| hear_websocket(ws)))
                .collect();
            let events: Vec<_> = events
                .into_iter()
                .map(|events| scope.spawn(|| hear_events(events)))
                .collect();
            for name in 0..4 {
                let (address, answered) = (&address, &answered);
                scope.spawn(move || publish(address, name, answered));
            }
            while answered.lock().unwrap().len() < 50 {
                std::thread::sleep(Duration::from_millis(1));
            }
            signal(&server);
            assert_eq!(wait(&mut server).code(), Some(0));
            let listeners = websockets.into_iter().chain(events);
            listeners.map(|listener| listener.join().unwrap()).collect()
        });
        let answered = answered.into_inner().unwrap();
        for heard in &heard {
            for text in &answered {
                assert!(heard.contains(text), "{text} was answered and not heard ({keep:?})");
            }
        }
        if keep.is_empty() {
            continue;
        }
        let again = serve(&home, keep);
        let batch = client(&again).get("/talkplace/poll?after=0&limit=1000");
        let kept = batch.texts();
        assert_eq!(
            kept,
            heard[0][..kept.len().min(heard[0].len())],
            "the next server has the same"
        );
        assert!(kept.len() == 1_000 || kept.len() >= heard[0].len());
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = Home::new();
    let mut server = serve(&home, &["--drain-timeout", "10m", "--body-timeout", "10m"]);
    let mut stays = TcpStream::connect(&server.address).unwrap();
    let half =
        "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf";
    stays.write_all(half.as_bytes()).unwrap();
    let connections = || {
        client(&server)
            .get("/metrics")
            .text()
            .contains("talkplace_connections 2\n")
    };
    while !connections() {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&server);
    // It drains: nobody new is let in, and it waits for the one who stays.
    while TcpStream::connect(&server.address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(server.child.try_wait().unwrap().is_none());
    signal(&server);
    assert_eq!(wait(&mut server).code(), Some(128 + Signal::SIGTERM as i32));
}

#[test]
fn who_does_not_read_does_not_hold_it_beyond_its_time() {
    let home = Home::new();
    let mut server = serve(
        &home,
        &["--drain-timeout", "1s", "--stall-timeout", "10m", "--keep", "feed"],
    );
    let text = "x".repeat(4_000);
    let mut publisher = client(&server);
    for _ in 0..500 {
        assert_eq!(
            publisher
                .post("/talkplace/messages", "text/plain", text.as_bytes())
                .status,
            201
        );
    }
    let websocket = "GET /talkplace?after=0 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let events = "GET /talkplace/events?after=0 HTTP/1.1\r\nHost: a\r\n\r\n";
    let poll = "GET /talkplace/poll?after=0&limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20);
    let _deaf = [websocket, events, &poll].map(|request| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        let address: std::net::SocketAddr = server.address.parse().unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.write_all(request.as_bytes()).unwrap();
        stream
    });
    let blocked = |over: &str, many: usize| {
        let line = format!("talkplace_blocked_connections{{over=\"{over}\"}} {many}\n");
        while !client(&server).get("/metrics").text().contains(&line) {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    blocked("websocket", 1);
    blocked("http", 2);
    let began = Instant::now();
    signal(&server);
    assert_eq!(wait(&mut server).code(), Some(0));
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(60),
        "{took:?}, where one of them would wait for ten minutes"
    );
    assert_eq!(
        client(&serve(&home, &["--keep", "feed"]))
            .get("/talkplace/poll?after=499")
            .texts()
            .len(),
        1
    );
}
