//! What whoever runs the server looks at.

use super::Stranger;
use super::rule::section::{METRICS, REQUESTS};
use super::rule::{Found, Rule, now};

pub(super) const RULES: &[Rule] = &[
    now("page.root", REQUESTS, "`/` is a page", page),
    now("page.healthz", REQUESTS, "`/healthz` is 200 `ok`", healthz),
    now(
        "metrics.format",
        METRICS,
        "`/metrics` is in the Prometheus text format",
        format,
    ),
    now(
        "metrics.names",
        METRICS,
        "it has the metrics that others rely on",
        names,
    ),
    now("metrics.messages", METRICS, "and counts messages", messages),
];

fn page(server: &Stranger) -> Found {
    let answer = server.get("/")?;
    answer.must_be(200)?;
    let is_html = |value: &str| value.split(';').next() == Some("text/html");
    answer.must_have_some("content-type", is_html, "content-type: text/html")
}

fn healthz(server: &Stranger) -> Found {
    let answer = server.get("/healthz")?;
    answer.must_be(200)?;
    answer.must(answer.text().trim_end() == "ok", "ok")
}

/// The value of the first line that begins like this.
fn value(page: &str, name: &str) -> Option<f64> {
    let line = page
        .lines()
        .find(|line| line.starts_with(name) && line[name.len()..].starts_with([' ', '{']))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn format(server: &Stranger) -> Found {
    let answer = server.get("/metrics")?;
    answer.must_be(200)?;
    answer.must_have_some(
        "content-type",
        |value| value.starts_with("text/plain"),
        "content-type: text/plain",
    )?;
    let text = answer.text();
    let is_sample = |line: &str| {
        line.rsplit(' ')
            .next()
            .is_some_and(|value| value.parse::<f64>().is_ok())
    };
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    answer.must(lines.all(is_sample), "lines of a name and a number")
}

fn names(server: &Stranger) -> Found {
    // Something has to have happened, or some of them have no line yet.
    server.get("/nowhere")?;
    server.say("check: for the metrics")?;
    let end = server.end()?;
    server.get(&format!("/talkplace/poll?after={end}"))?;
    let _held = server.websocket("?after=0")?;
    let answer = server.get("/metrics")?;
    for name in [
        "talkplace_listeners",
        "talkplace_requests_total",
        "talkplace_deliveries_total",
        "talkplace_messages_total",
        "talkplace_refusals_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        answer.must(value(&answer.text(), name).is_some(), format!("a line with {name}"))?;
    }
    Ok(())
}

fn messages(server: &Stranger) -> Found {
    let count = || Ok(value(&server.get("/metrics")?.text(), "talkplace_messages_total"));
    let before = count()?;
    server.say("check: to be counted")?;
    let answer = server.get("/metrics")?;
    let after = value(&answer.text(), "talkplace_messages_total");
    answer.must(
        before.zip(after).is_some_and(|(before, after)| after > before),
        "talkplace_messages_total, and more than before",
    )
}
