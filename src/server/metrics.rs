//! What `/metrics` shows, in the Prometheus text format.

use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::behind::{Behind, Furthest};
use super::fanout::Counted;
use super::process::Process;
use crate::feed::Feed;
use crate::protocol::{Refusal, Seq, Transport};

/// What a request of a transport was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// At least one message.
    Messages,
    /// 204.
    Empty,
    /// A poll without `after`: only a cursor.
    Cursor,
    /// A stream.
    Opened,
    /// Any refusal.
    Refused,
}

const ANSWERS: [(Answer, &str); 5] = [
    (Answer::Messages, "messages"),
    (Answer::Empty, "empty"),
    (Answer::Cursor, "cursor"),
    (Answer::Opened, "opened"),
    (Answer::Refused, "refused"),
];

/// Why a connection was let go that had asked for nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Open without a request.
    Idle,
    /// A head that did not come.
    SlowHead,
    /// It did not read.
    Stalled,
    /// It read, but slower than the feed forgets.
    Behind,
    /// It did not answer a ping.
    NoPong,
}

const CUTS: [(Cut, &str); 5] = [
    (Cut::Idle, "idle"),
    (Cut::SlowHead, "slow-head"),
    (Cut::Stalled, "stalled"),
    (Cut::Behind, "behind"),
    (Cut::NoPong, "no-pong"),
];

/// The counters of a server. Each label's counter is looked up once, here, and counted without a lock from then on.
pub(super) struct Metrics {
    registry: Registry,
    listeners: [IntGauge; 4],
    requests: [[IntCounter; 5]; 4],
    deliveries: [IntCounter; 4],
    messages: IntCounter,
    /// Where the feed stood when counting began.
    first: Seq,
    /// Connections now open.
    connections: IntGauge,
    /// Connections of HTTP whose socket is full now.
    pub(super) blocked_http: IntGauge,
    blocked_websocket: IntGauge,
    /// Bytes that wait for a peer to read, outside the feed and the system.
    pub(super) queued: IntGauge,
    held: IntGauge,
    cuts: [IntCounter; 5],
    /// What one waking of a worker's fan-out takes.
    pub(super) fan_out: Histogram,
    behind: Behind,
    feed_messages: IntGauge,
    feed_bytes: IntGauge,
    keep_failing: IntGauge,
    refusals: IntCounterVec,
    process: Process,
}

/// A listener or a connection that counts as one while this lives.
pub(in crate::server) struct Present(IntGauge);

impl Metrics {
    pub(super) fn new(feed: &Feed) -> Self {
        let registry = Registry::new();
        let listeners = IntGaugeVec::new(
            opts("talkplace_listeners", "Listeners now, by transport."),
            &["transport"],
        );
        let listeners = registered(&registry, listeners);
        let requests = opts(
            "talkplace_requests_total",
            "Requests of listeners, by transport and answer.",
        );
        let requests = registered(&registry, IntCounterVec::new(requests, &["transport", "answer"]));
        let deliveries = opts(
            "talkplace_deliveries_total",
            "Messages handed to a listener, by transport.",
        );
        let deliveries = registered(&registry, IntCounterVec::new(deliveries, &["transport"]));
        let refusals = opts("talkplace_refusals_total", "Requests refused, by reason.");
        let refusals = registered(&registry, IntCounterVec::new(refusals, &["reason"]));
        let messages = IntCounter::with_opts(opts("talkplace_messages_total", "Messages that the feed took in."));
        let connections = IntGauge::with_opts(opts("talkplace_connections", "Connections now open."));
        let gauge = |name, help| registered(&registry, IntGauge::with_opts(opts(name, help)));
        let blocked = opts(
            "talkplace_blocked_connections",
            "Connections now whose socket takes no more, though something waits for it.",
        );
        let blocked = registered(&registry, IntGaugeVec::new(blocked, &["over"]));
        let cuts = opts("talkplace_cut_total", "Connections let go, by reason.");
        let cuts = registered(&registry, IntCounterVec::new(cuts, &["reason"]));
        let fan_out = HistogramOpts::new(
            "talkplace_fan_out_seconds",
            "From waking for new messages to having offered them to every stream and held poll of a worker.",
        );
        // From a handful of listeners to a worker that is a second behind.
        let buckets = vec![0.0001, 0.001, 0.01, 0.1, 1.0];
        let fan_out = registered(&registry, Histogram::with_opts(fan_out.buckets(buckets)));
        Metrics {
            blocked_http: blocked.with_label_values(&["http"]),
            blocked_websocket: blocked.with_label_values(&["websocket"]),
            queued: gauge(
                "talkplace_queued_bytes",
                "Bytes now that wait for a stream or a poll outside the feed and the system.",
            ),
            held: gauge("talkplace_held_polls", "Polls held now."),
            cuts: CUTS.map(|(_, reason)| cuts.with_label_values(&[reason])),
            fan_out,
            behind: Behind::new(&registry),
            feed_messages: gauge("talkplace_feed_messages", "Messages that the feed keeps now."),
            feed_bytes: gauge("talkplace_feed_bytes", "Bytes of messages that the feed keeps now."),
            keep_failing: gauge(
                "talkplace_keep_failing",
                "1 while the file of the feed cannot be written and publishing is refused.",
            ),
            listeners: Transport::ALL.map(|transport| listeners.with_label_values(&[transport.name()])),
            requests: Transport::ALL
                .map(|transport| ANSWERS.map(|(_, answer)| requests.with_label_values(&[transport.name(), answer]))),
            deliveries: Transport::ALL.map(|transport| deliveries.with_label_values(&[transport.name()])),
            messages: registered(&registry, messages),
            first: feed.end().seq,
            connections: registered(&registry, connections),
            refusals,
            process: Process::new(&registry),
            registry,
        }
    }

    /// One more connection, for as long as it is kept.
    pub(super) fn open(&self) -> Present {
        self.connections.inc();
        Present(self.connections.clone())
    }

    /// One more listener of this transport, until what is given is dropped.
    pub(super) fn present(&self, transport: Transport) -> Present {
        let gauge = self.listeners[index(transport)].clone();
        gauge.inc();
        Present(gauge)
    }

    /// Counts a poll as held while what is given lives.
    pub(super) fn held(&self) -> Present {
        self.held.inc();
        Present(self.held.clone())
    }

    /// One more connection let go.
    pub(super) fn cut(&self, why: Cut) {
        let at = CUTS.iter().position(|(each, _)| *each == why);
        self.cuts[at.expect("every reason is in the table")].inc();
    }

    /// Where a stream's way out counts.
    pub(super) fn outbox(&self, transport: Transport) -> Counted {
        let blocked = match transport {
            Transport::Websocket => &self.blocked_websocket,
            _ => &self.blocked_http,
        };
        Counted {
            delivered: self.deliveries(transport).clone(),
            queued: self.queued.clone(),
            blocked: blocked.clone(),
        }
    }

    /// One more request of this transport.
    pub(super) fn answered(&self, transport: Transport, answer: Answer) {
        let at = ANSWERS
            .iter()
            .position(|(each, _)| *each == answer)
            .expect("every answer is in the table");
        self.requests[index(transport)][at].inc();
    }

    /// One more refusal.
    pub(super) fn refused(&self, refusal: &Refusal) {
        self.refusals.with_label_values(&[refusal.reason()]).inc();
    }

    /// The counter of messages handed to listeners of this transport.
    pub(super) fn deliveries(&self, transport: Transport) -> &IntCounter {
        &self.deliveries[index(transport)]
    }

    /// The whole page. Messages are not counted one by one: their seqs do.
    pub(super) fn page(&self, feed: &Feed, furthest: &Furthest) -> Vec<u8> {
        let messages = feed.end().seq - self.first;
        self.messages.inc_by(messages.saturating_sub(self.messages.get()));
        let (messages, bytes) = feed.size();
        self.feed_messages.set(messages as i64);
        self.feed_bytes.set(bytes as i64);
        self.keep_failing.set(feed.is_failing().into());
        self.behind.set(feed, furthest);
        self.process.look();
        let mut page = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut page)
            .expect("writing to memory does not fail");
        page
    }
}

pub(super) fn index(transport: Transport) -> usize {
    Transport::ALL
        .iter()
        .position(|each| *each == transport)
        .expect("ALL has every transport")
}

pub(super) fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help)
}

pub(super) fn registered<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("the names of the metrics are valid");
    registry
        .register(Box::new(collector.clone()))
        .expect("each metric is registered once");
    collector
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Keep;

    #[test]
    fn the_page_has_every_metric_that_others_rely_on() {
        let feed = Feed::new(Keep::default());
        let metrics = Metrics::new(&feed);
        metrics.answered(Transport::LongPoll, Answer::Empty);
        metrics.refused(&Refusal::UnknownPath);
        metrics.cut(Cut::NoPong);
        let present = metrics.present(Transport::Websocket);
        let page = String::from_utf8(metrics.page(&feed, &Furthest::default())).unwrap();
        for line in [
            "talkplace_listeners{transport=\"websocket\"} 1",
            "talkplace_requests_total{answer=\"empty\",transport=\"long-poll\"} 1",
            "talkplace_deliveries_total{transport=\"events\"} 0",
            "talkplace_messages_total 0",
            "talkplace_held_polls 0",
            "talkplace_queued_bytes 0",
            "talkplace_blocked_connections{over=\"websocket\"} 0",
            "talkplace_cut_total{reason=\"no-pong\"} 1",
            "talkplace_fan_out_seconds_count 0",
            "talkplace_backlog_messages{transport=\"events\"} 0",
            "talkplace_lag_seconds{transport=\"events\"} 0",
            "talkplace_feed_messages 0",
            "talkplace_feed_bytes 0",
            "talkplace_keep_failing 0",
            "talkplace_refusals_total{reason=\"unknown-path\"} 1",
            "process_cpu_seconds_total ",
            "process_cpu_user_seconds_total ",
            "process_cpu_system_seconds_total ",
            "process_cpu_waiting_seconds_total ",
            "process_voluntary_context_switches_total ",
            "process_involuntary_context_switches_total ",
            "process_peak_resident_memory_bytes ",
            "process_threads ",
            "process_resident_memory_bytes ",
            "process_open_fds ",
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
        drop(present);
        assert!(
            String::from_utf8(metrics.page(&feed, &Furthest::default()))
                .unwrap()
                .contains("talkplace_listeners{transport=\"websocket\"} 0")
        );
    }
}
