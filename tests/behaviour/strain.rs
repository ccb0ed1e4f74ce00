//! Clients that do not read, vanish, or come in crowds: what they cost the server, and that it comes back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::server::http::Client;
use crate::serving::Serving;
use crate::support::Home;

const WEBSOCKET: &str = "GET /talkplace?after=0 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const EVENTS: &str = "GET /talkplace/events?after=0 HTTP/1.1\r\nHost: a\r\n\r\n";

fn serve(home: &Home, more: &[&str]) -> Serving {
    let few = ["serve", "--listen", "127.0.0.1:0", "--publish-rate", "off"];
    Serving::start(home.command(&[&few[..], more].concat()))
}

/// A client of the server that has sent this, and whose system takes little ahead.
fn sent(server: &Serving, request: &str) -> TcpStream {
    let address: std::net::SocketAddr = server.address.parse().unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn client(server: &Serving) -> Client {
    Client::connect(server.address.parse().unwrap())
}

/// What the server says of itself.
fn metric(server: &Serving, name: &str) -> f64 {
    let page = client(server).get("/metrics").text();
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found
        .unwrap_or_else(|| panic!("{name} is not in {page}"))
        .parse()
        .unwrap()
}

fn wait_until(server: &Serving, name: &str, is: impl Fn(f64) -> bool) {
    let mut last = 0.0;
    for _ in 0..3_000 {
        last = metric(server, name);
        if is(last) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{name} stays at {last}");
}

#[test]
fn listeners_that_do_not_read_cost_a_bounded_memory_and_nobody_notices() {
    let home = Home::new();
    let server = serve(&home, &["--keep-bytes", "1000000", "--stall-timeout", "10m"]);
    let poll = "GET /talkplace/poll?after=0&limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20);
    let mut publisher = client(&server);
    let text = "x".repeat(4_000);
    let mut say = |n: usize| {
        let said = format!("{n} {text}");
        assert_eq!(
            publisher
                .post("/talkplace/messages", "text/plain", said.as_bytes())
                .status,
            201
        );
    };
    (0..100).for_each(&mut say);
    let deaf: Vec<TcpStream> = [WEBSOCKET, EVENTS, &poll]
        .iter()
        .flat_map(|request| (0..60).map(|_| sent(&server, request)).collect::<Vec<_>>())
        .collect();
    // Those, the publisher, and whoever asks.
    wait_until(&server, "talkplace_connections", |open| open == 182.0);
    let mut reader = client(&server);
    assert_eq!(reader.get("/talkplace/events").status, 200);
    reader.chunk();
    let before = metric(&server, "process_resident_memory_bytes");
    for n in 100..1_500 {
        say(n);
        assert!(reader.chunk().contains(&format!("\"text\":\"{n} ")));
    }
    assert!(metric(&server, "talkplace_blocked_connections{over=\"websocket\"}") > 0.0);
    assert!(metric(&server, "talkplace_blocked_connections{over=\"http\"}") > 0.0);
    assert!(metric(&server, "talkplace_queued_bytes") > 0.0);
    let grown = metric(&server, "process_resident_memory_bytes") - before;
    // One whose queue had no bound would have six megabytes waiting, and all of them a gigabyte.
    assert!(grown < 80e6, "{grown} bytes for {} who do not read", deaf.len());
    drop(deaf);
    wait_until(&server, "talkplace_connections", |open| open == 3.0);
    wait_until(&server, "talkplace_queued_bytes", |bytes| bytes == 0.0);
    wait_until(&server, "talkplace_blocked_connections{over=\"http\"}", |blocked| {
        blocked == 0.0
    });
}

#[test]
fn whoever_asks_and_does_not_read_is_let_go() {
    let home = Home::new();
    let server = serve(&home, &["--stall-timeout", "300ms"]);
    let text = "x".repeat(4_000);
    let mut publisher = client(&server);
    for _ in 0..200 {
        publisher.post("/talkplace/messages", "text/plain", text.as_bytes());
    }
    drop(publisher);
    let poll = "GET /talkplace/poll?after=0 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20);
    let long_poll = poll.replace("/poll?", "/long-poll?");
    let deaf = [EVENTS, &poll, &long_poll].map(|request| sent(&server, request));
    wait_until(&server, "talkplace_connections", |open| open == 1.0);
    assert_eq!(metric(&server, "talkplace_cut_total{reason=\"stalled\"}"), 3.0);
    for mut stream in deaf {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut heard = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut heard);
        assert!(heard.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(heard.len() < 200 * 4_000, "not all of it");
    }
}

#[test]
fn many_who_ask_and_do_not_read_do_not_cost_a_batch_each() {
    let home = Home::new();
    let server = serve(&home, &["--stall-timeout", "10m", "--max-unread", "2000000"]);
    let text = "x".repeat(4_000);
    let mut publisher = client(&server);
    for _ in 0..400 {
        publisher.post("/talkplace/messages", "text/plain", text.as_bytes());
    }
    drop(publisher);
    // A quarter of a megabyte each, and no two the same.
    let deaf: Vec<TcpStream> = (0..200)
        .map(|after| {
            let request = format!("GET /talkplace/poll?after={after}&limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
            sent(&server, &request)
        })
        .collect();
    let answered = "talkplace_requests_total{answer=\"messages\",transport=\"poll\"}";
    wait_until(&server, answered, |answered| answered == 200.0);
    let queued = metric(&server, "talkplace_queued_bytes");
    // What came before the bound, one more for each worker, and little from then on.
    assert!((2e6..6e6).contains(&queued), "{queued} bytes, and not fifty millions");
    // Whoever reads is given something all the same, and as much as ever when the others have gone.
    let batch = || {
        let answer = client(&server).get("/talkplace/poll?after=300&limit=1000");
        answer.texts().len()
    };
    assert!((1..4).contains(&batch()), "{}", batch());
    drop(deaf);
    wait_until(&server, "talkplace_queued_bytes", |queued| queued == 0.0);
    client(&server).post(
        "/talkplace/messages",
        "text/plain",
        b"another newest one, another batch",
    );
    assert!(batch() > 50, "{}", batch());
}

/// A crowd of three thousand where the system lets a process open as many files, and leaves some for the other tests.
fn crowd() -> usize {
    let limit = talkplace::load::raise_file_limit();
    usize::try_from(limit / 4).unwrap_or(usize::MAX).min(3_000)
}

#[test]
fn thousands_of_clients_that_vanish_leave_nothing_behind() {
    let home = Home::new();
    let size = crowd();
    let server = serve(
        &home,
        &[
            "--long-poll-timeout",
            "2m",
            "--idle-timeout",
            "10m",
            "--head-timeout",
            "10m",
        ],
    );
    let files = metric(&server, "process_open_fds");
    let requests = [
        WEBSOCKET,
        EVENTS,
        "GET /talkplace/long-poll?after=0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf",
        "GET /healthz HT",
    ];
    let mut memory = Vec::new();
    for _ in 0..4 {
        let crowd: Vec<TcpStream> = (0..size).map(|n| sent(&server, requests[n % requests.len()])).collect();
        wait_until(&server, "talkplace_connections", |open| open == size as f64 + 1.0);
        for (n, stream) in crowd.into_iter().enumerate() {
            // Every other one is gone as a killed process with unread bytes is: with a reset.
            if n % 2 == 0 {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        wait_until(&server, "talkplace_connections", |open| open == 1.0);
        wait_until(&server, "process_open_fds", |open| open <= files);
        memory.push(metric(&server, "process_resident_memory_bytes"));
    }
    // The allocator settles with the second crowd; a dozen of them cost no more than that. Five kilobytes lost for each client would.
    assert!(memory[3] < memory[1] * 1.15 + 4e6, "each crowd costs more: {memory:?}");
}

#[test]
fn clients_that_stay_and_say_nothing_are_let_go() {
    let home = Home::new();
    let times = [
        "--idle-timeout",
        "300ms",
        "--head-timeout",
        "300ms",
        "--body-timeout",
        "300ms",
        "--ping-interval",
        "300ms",
        "--long-poll-timeout",
        "300ms",
        "--close-timeout",
        "300ms",
    ];
    let server = serve(&home, &times);
    let requests = [
        WEBSOCKET,
        "GET /talkplace/long-poll?after=0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf",
        "GET /healthz HT",
        "",
    ];
    let files = metric(&server, "process_open_fds");
    let stay: Vec<TcpStream> = (0..500).map(|n| sent(&server, requests[n % requests.len()])).collect();
    // Nobody has left; it is the server that ends them.
    wait_until(&server, "process_open_fds", |open| open <= files);
    drop(stay);
    assert_eq!(client(&server).get("/healthz").status, 200);
}

#[test]
fn without_files_it_sheds_and_comes_back() {
    let home = Home::new();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 120; exec \"$0\" \"$@\""]);
    let serve = home.command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--max-connections",
        "1000",
        "--workers",
        "2",
    ]);
    limited.arg(serve.get_program()).args(serve.get_args());
    limited.stdin(Stdio::null()).stdout(Stdio::piped());
    let server = Serving::start(limited);
    let request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let crowd: Vec<TcpStream> = (0..400).map(|_| sent(&server, request)).collect();
    // Each for itself: whoever was told goes away, and makes room for one in another worker's queue.
    let outcomes: Vec<Result<TcpStream, bool>> = std::thread::scope(|scope| {
        let looks = crowd.into_iter().map(|mut stream| {
            scope.spawn(move || {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut status = [0; 12];
                match stream.read_exact(&mut status).map(|()| &status[9..]) {
                    Ok(b"200") => Ok(stream),
                    Ok(b"503") => Err(true),
                    // Closed without a word.
                    Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => Err(false),
                    other => panic!("{other:?}"),
                }
            })
        });
        let looks: Vec<_> = looks.collect();
        looks.into_iter().map(|look| look.join().unwrap()).collect()
    });
    let told = outcomes.iter().filter(|outcome| matches!(outcome, Err(true))).count();
    let closed = outcomes.iter().filter(|outcome| matches!(outcome, Err(false))).count();
    let mut served: Vec<TcpStream> = outcomes.into_iter().flatten().collect();
    assert_eq!(served.len(), 60, "half of the files are for those who are in");
    assert!(told > 0, "{closed} of 400 closed");
    for stream in &mut served[..5] {
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    drop(served);
    let back = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        client(&server).get("/healthz").status == 200
    });
    assert!(back);
}
