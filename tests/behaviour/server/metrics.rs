use super::Server;
use super::websocket::{Ws, with_little_room};

/// What a metric is now.
fn metric(server: &Server, name: &str) -> f64 {
    let page = server.get("/metrics").text();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

#[test]
fn who_is_behind_shows_by_transport_until_everything_was_heard() {
    let server = Server::with(|config| {
        config.publishing.rate_per_s = None;
        config.limits.stall_timeout = std::time::Duration::from_secs(60);
    });
    let mut deaf = with_little_room(&server, "/talkplace");
    let mut reader = Ws::open(&server, "/talkplace");
    let mut events = server.client();
    assert_eq!(events.get("/talkplace/events").status, 200);
    events.chunk();
    let text = "x".repeat(4_000);
    let mut publisher = server.client();
    for n in 0..2_000 {
        publisher.post("/talkplace/messages", "text/plain", format!("{n} {text}").as_bytes());
        assert!(reader.hear().starts_with(&format!("{n} ")));
        assert!(events.chunk().contains(&format!("\"text\":\"{n} ")));
    }
    let mut held = server.client();
    held.send_request("GET", "/talkplace/long-poll?after=2000", &[], b"");
    server.wait_for("talkplace_held_polls", "1");
    let of = |transport: &str| {
        let of = |name: &str| metric(&server, &format!("{name}{{transport=\"{transport}\"}}"));
        (of("talkplace_backlog_messages"), of("talkplace_lag_seconds"))
    };
    let (backlog, lag) = of("websocket");
    assert!((1.0..2_000.0).contains(&backlog), "{backlog}");
    assert!(lag > 0.0, "{lag}");
    assert!(of("websocket").1 > lag, "it waits on");
    for transport in ["poll", "long-poll", "events"] {
        assert_eq!(of(transport), (0.0, 0.0), "{transport}");
    }
    for n in 0..2_000 {
        assert!(deaf.hear().starts_with(&format!("{n} ")));
    }
    server.wait_for("talkplace_backlog_messages{transport=\"websocket\"}", "0");
    assert_eq!(of("websocket"), (0.0, 0.0));
}

#[test]
fn the_metrics_count_what_happened() {
    let server = Server::start();
    let start = server.cursor();
    server.say("a");
    server.get(&format!("/talkplace/poll?after={start}"));
    server.get("/talkplace/poll?after=1");
    server.get("/talkplace/poll?after=x");
    server.get("/talkplace/long-poll?after=0");
    let mut ws = Ws::open(&server, "/talkplace?after=0");
    ws.hear();
    for (metric, value) in [
        ("talkplace_requests_total{answer=\"cursor\",transport=\"poll\"}", "1"),
        ("talkplace_requests_total{answer=\"messages\",transport=\"poll\"}", "1"),
        ("talkplace_requests_total{answer=\"empty\",transport=\"poll\"}", "1"),
        ("talkplace_requests_total{answer=\"refused\",transport=\"poll\"}", "1"),
        (
            "talkplace_requests_total{answer=\"messages\",transport=\"long-poll\"}",
            "1",
        ),
        (
            "talkplace_requests_total{answer=\"opened\",transport=\"websocket\"}",
            "1",
        ),
        ("talkplace_deliveries_total{transport=\"poll\"}", "1"),
        ("talkplace_deliveries_total{transport=\"websocket\"}", "1"),
        ("talkplace_listeners{transport=\"websocket\"}", "1"),
        ("talkplace_messages_total", "1"),
        ("talkplace_refusals_total{reason=\"malformed\"}", "1"),
    ] {
        server.wait_for(metric, value);
    }
    let page = server.get("/metrics");
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let cpu = page
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("process_cpu_seconds_total ")?.parse::<f64>().ok());
    assert!(cpu.is_some_and(|seconds| seconds > 0.0));
}
