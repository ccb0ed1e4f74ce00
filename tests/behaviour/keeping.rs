//! `talkplace serve --keep`: a server that dies, and what the next one still has.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::Signal;
use rand::{RngExt as _, SeedableRng as _};

use crate::server::http::{Answer, Client};
use crate::serving::Serving;
use crate::support::Home;

const TEXT: &str = "text/plain";

fn serve(home: &Home, more: &[&str]) -> Serving {
    Serving::start(command(home, more))
}

fn command(home: &Home, more: &[&str]) -> Command {
    let few = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--keep",
        "feed",
        "--publish-rate",
        "off",
    ];
    home.command(&[&few[..], more].concat())
}

fn client(server: &Serving) -> Client {
    Client::connect(server.address.parse().unwrap())
}

fn say(server: &Serving, text: &str) -> Answer {
    client(server).post("/talkplace/messages", TEXT, text.as_bytes())
}

fn say_once(server: &Serving, key: &str, text: &str) -> String {
    let headers = [("Content-Type", TEXT), ("Idempotency-Key", key)];
    let answer = client(server).request("POST", "/talkplace/messages", &headers, text.as_bytes());
    id(&answer)
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Signs in; gives the visitor's id.
fn sign_in(server: &Serving) -> u64 {
    let answer = client(server).post("/signin", "application/json", b"{}");
    assert_eq!(answer.status, 302, "{answer:?}");
    let cookie = answer.header("set-cookie").unwrap();
    let value = cookie.strip_prefix("name=").unwrap().split(';').next().unwrap();
    let json = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, value).unwrap();
    serde_json::from_slice::<serde_json::Value>(&json).unwrap()["id"]
        .as_u64()
        .unwrap()
}

/// All that the server has: ids and texts, in order.
fn heard(server: &Serving) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut next = "0".to_owned();
    loop {
        let answer = client(server).get(&format!("/talkplace/poll?limit=1000&after={next}"));
        if answer.status == 204 {
            return all;
        }
        let batch = answer.json();
        next = batch["next"].as_str().unwrap().to_owned();
        let text = |message: &serde_json::Value, name: &str| message[name].as_str().unwrap().to_owned();
        let messages = batch["messages"].as_array().unwrap();
        all.extend(
            messages
                .iter()
                .map(|message| (text(message, "id"), text(message, "text"))),
        );
    }
}

/// One who has something to say, says it again with the same key until it is answered, and then goes on.
struct Publisher {
    name: usize,
    said: usize,
}

impl Publisher {
    /// Speaks until the server is gone. Every answer is noted.
    fn speak(&mut self, address: &str, answered: &Mutex<Vec<(String, String)>>, count: &AtomicUsize) {
        let Ok(mut stream) = TcpStream::connect(address) else {
            return;
        };
        loop {
            let text = format!("{}-{}", self.name, self.said);
            let request = format!(
                "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nIdempotency-Key: {text}\r\n\
                 Content-Length: {}\r\n\r\n{text}",
                text.len()
            );
            let Some(id) = stream
                .write_all(request.as_bytes())
                .ok()
                .and_then(|()| answered_id(&mut stream))
            else {
                return;
            };
            answered.lock().unwrap().push((id, text));
            count.fetch_add(1, Ordering::Relaxed);
            self.said += 1;
        }
    }
}

/// The id in an answer; `None` when the answer does not come whole.
fn answered_id(stream: &mut TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while !answer.ends_with(b"\"}") {
        let n = stream.read(&mut chunk).ok().filter(|n| *n > 0)?;
        answer.extend_from_slice(&chunk[..n]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    Some(json["id"].as_str().unwrap().to_owned())
}

/// `TALKPLACE_KILLS=500 cargo test killed` takes some minutes.
#[test]
fn nothing_acknowledged_is_lost_however_often_the_server_is_killed() {
    let kills = std::env::var("TALKPLACE_KILLS").map_or(15, |kills| kills.parse().unwrap());
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let home = Home::new();
    let keep = ["--keep-messages", "1000000", "--keep-bytes", "1000000000"];
    let mut publishers: Vec<Publisher> = (0..4).map(|name| Publisher { name, said: 0 }).collect();
    let answered = Mutex::new(Vec::new());
    let mut visitors = Vec::new();
    for _ in 0..kills {
        let mut server = serve(&home, &keep);
        visitors.push(sign_in(&server));
        let count = AtomicUsize::new(0);
        let enough = rng.random_range(1..60);
        std::thread::scope(|scope| {
            for publisher in &mut publishers {
                let (address, answered, count) = (&server.address, &answered, &count);
                scope.spawn(move || publisher.speak(address, answered, count));
            }
            while count.load(Ordering::Relaxed) < enough {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
            // Anywhere between two forces.
            std::thread::sleep(std::time::Duration::from_micros(rng.random_range(0..1_000)));
            server.child.kill().unwrap();
        });
    }
    assert!(visitors.is_sorted_by(|a, b| a < b), "{visitors:?}");

    let server = serve(&home, &keep);
    let heard = heard(&server);
    let feed = heard[0].0.split('-').next().unwrap();
    for (n, (id, _)) in heard.iter().enumerate() {
        assert_eq!(*id, format!("{feed}-{}", n + 1));
    }
    let by_text: std::collections::HashMap<_, _> = heard.iter().map(|(id, text)| (text, id)).collect();
    assert_eq!(
        by_text.len(),
        heard.len(),
        "what was said again with its key is said once"
    );
    let answered = answered.into_inner().unwrap();
    for (id, text) in &answered {
        assert_eq!(by_text.get(text), Some(&id), "{text}");
    }
    eprintln!(
        "{kills} kills, {} messages, {} of them acknowledged",
        heard.len(),
        answered.len()
    );
    assert!(answered.len() >= kills);
}

#[test]
fn a_restart_goes_on_where_the_server_was() {
    for force in ["always", "1m"] {
        let home = Home::new();
        let first = serve(&home, &["--keep-force", force]);
        let a = say_once(&first, "key-a", "a");
        let b = id(&say(&first, "b"));
        assert_eq!(sign_in(&first), 1);
        assert_eq!(first.signal(Signal::SIGTERM), Some(0));

        let second = serve(&home, &["--keep-force", force]);
        assert_eq!(say_once(&second, "key-a", "a"), a, "a repeat is still one");
        assert_eq!(client(&second).get(&format!("/talkplace/poll?after={b}")).status, 204);
        assert_eq!(sign_in(&second), 2, "nobody gets another's id");
        let c = id(&say(&second, "c"));
        assert_eq!(c.replace("-3", "-2"), b, "the same feed goes on");
        let after = client(&second).get(&format!("/talkplace/poll?after={a}"));
        assert_eq!(after.texts(), ["b", "c"]);
    }
}

#[test]
fn a_full_disk_is_told_to_publishers_and_to_nobody_else() {
    let home = Home::new();
    // No file of this process may become larger than a few megabytes, and it is told so by an error.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$0\" \"$@\""]);
    let serve_it = command(&home, &[]);
    limited.arg(serve_it.get_program()).args(serve_it.get_args());
    limited.current_dir(home.path(""));
    limited
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped());
    let server = Serving::start(limited);
    let mut publisher = client(&server);
    let text = "x".repeat(4_000);
    let mut said = 0;
    let refused = (0..2_000).find_map(|n| {
        let answer = publisher.post("/talkplace/messages", TEXT, format!("{n} {text}").as_bytes());
        said += usize::from(answer.status == 201);
        (answer.status != 201).then_some(answer)
    });
    let refused = refused.expect("the file becomes too large");
    refused.assert_problem(503);
    assert_eq!(refused.json()["type"], "urn:talkplace:refusal:not-kept");
    assert!(refused.header("retry-after").is_some());
    assert!(said > 100, "{said}");
    assert_eq!(heard(&server).len(), said, "everybody still hears what there is");
    client(&server)
        .post("/signin", "application/json", b"{}")
        .assert_problem(503);
    assert_eq!(server.signal(Signal::SIGTERM), Some(0));

    let roomy = serve(&home, &[]);
    let kept = heard(&roomy);
    assert!(kept.len() >= said);
    for (n, (_, text)) in kept.iter().enumerate().take(said) {
        assert_eq!(text.split(' ').next(), Some(n.to_string().as_str()));
    }
    id(&say(&roomy, "room again"));
}

#[test]
fn a_file_that_cannot_be_the_feeds_is_one_clear_sentence() {
    let home = Home::new();
    home.write("letter", "Dear sister,");
    home.write("folder/x", "");
    let server = serve(&home, &[]);
    for (file, says) in [
        ("feed", "another server keeps its feed in feed"),
        ("letter", "letter is not a feed"),
        ("folder", "cannot keep the feed in folder"),
        ("nowhere/feed", "cannot keep the feed in nowhere/feed"),
    ] {
        let ended = home.talkplace(&["serve", "--listen", "127.0.0.1:0", "--keep", file]);
        assert_eq!(ended.status, Some(2));
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(home.read("letter"), "Dear sister,");
    assert_eq!(server.signal(Signal::SIGTERM), Some(0));
    let ended = home.talkplace(&["serve", "--listen", "127.0.0.1:0", "--keep-force", "10ms"]);
    assert!(ended.stderr.contains("--keep-force is about"), "{}", ended.stderr);
}

#[test]
fn whoever_says_something_and_no_more_is_answered() {
    let home = Home::new();
    let server = serve(&home, &[]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let request =
        "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx";
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(answered_id(&mut stream).map(|id| id.ends_with("-1")), Some(true));
}
