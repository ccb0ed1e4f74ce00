use super::Server;
use super::websocket::Ws;

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
