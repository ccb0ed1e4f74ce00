//! The figures of a run that can be asked for by name, as the checks of a scenario do.

use super::{Segments, TransportRun};

/// What a figure is counted in; it decides how a bound on it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many: `0`, `1.5`.
    Number,
    /// Milliseconds inside, a time with its unit in text: `300ms`.
    Time,
    /// A share from 0 to 1, in text also a percentage: `0.61`, `61%`.
    Share,
    /// Bytes.
    Bytes,
}

/// One figure.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in a check.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it is, in a few words.
    pub help: &'static str,
    get: fn(&TransportRun) -> Option<f64>,
}

macro_rules! metrics {
    ($($name:literal $unit:ident $help:literal = $get:expr;)*) => {
        &[$(Metric { name: $name, unit: Unit::$unit, help: $help, get: $get }),*]
    };
}

/// Every figure that has a name. Those that need a delivery, a message or the server's word have no value without it.
pub static METRICS: &[Metric] = metrics! {
    "delay.mean" Time "heard − intended, on the mean" = |run| run.delay.mean_ms();
    "delay.p50" Time "half of the deliveries came within it" = |run| run.delay.quantile_ms(0.5);
    "delay.p90" Time "nine in ten came within it" = |run| run.delay.quantile_ms(0.9);
    "delay.p99" Time "99 in 100 came within it" = |run| run.delay.quantile_ms(0.99);
    "delay.max" Time "the longest" = |run| run.delay.max_ms();
    "naive_delay.p50" Time "delay as a tool measures it whose publisher waits" = |run| run.naive_delay.as_ref()?.quantile_ms(0.5);
    "naive_delay.p99" Time "the same, 99 in 100" = |run| run.naive_delay.as_ref()?.quantile_ms(0.99);
    "naive_delay.max" Time "the same, the longest" = |run| run.naive_delay.as_ref()?.max_ms();
    "server_delay.mean" Time "heard − accepted, on the mean" = |run| run.server_delay.mean_ms();
    "server_delay.p50" Time "the same, half of the deliveries" = |run| run.server_delay.quantile_ms(0.5);
    "server_delay.p99" Time "the same, 99 in 100" = |run| run.server_delay.quantile_ms(0.99);
    "server_delay.max" Time "the same, the longest" = |run| run.server_delay.max_ms();
    "wait.mean" Time "server delay beyond that of the quickest delivery, on the mean" = |run| {
        Some(run.server_delay.mean_ms()? - run.server_delay.quantile_ms(0.0)?)
    };
    "lag.p50" Time "sent − intended: the publisher’s own" = |run| run.publishing.lag.quantile_ms(0.5);
    "lag.p99" Time "the same, 99 in 100" = |run| run.publishing.lag.quantile_ms(0.99);
    "requests" Number "requests of all listeners" = |run| Some(run.counts.requests as f64);
    "requests_per_delivery" Number "requests for one message heard by one listener" = |run| per(run.counts.requests, run.counts.deliveries);
    "requests_per_s" Number "requests a second, of one listener" = |run| ratio(run.counts.requests as f64, f64::from(run.listeners) * run.window_s);
    "empty" Number "answers without a message" = |run| Some(run.counts.answers.empty as f64);
    "empty_share" Share "their share of all polls’ answers" = |run| {
        let answers = &run.counts.answers;
        per(answers.empty, answers.empty + answers.with_messages)
    };
    "refused" Number "refusals" = |run| Some(run.counts.answers.refused as f64);
    "refused_426" Number "of these 426: a WebSocket whose upgrade did not arrive" = |run| refused_with(run, 426);
    "refused_504" Number "of these 504: somebody in between has lost patience" = |run| refused_with(run, 504);
    "heard" Share "deliveries that came, over the whole run, of those that should have" = |run| per(run.ledger.heard, run.ledger.expected);
    "connections" Number "connections opened within the window" = |run| Some(run.counts.connections.opened as f64);
    "deliveries" Number "messages heard, one per message and listener" = |run| Some(run.counts.deliveries as f64);
    "bytes_per_delivery" Bytes "both directions together" = |run| per(run.bytes_out.total() + run.bytes_in.total(), run.counts.deliveries);
    "heads_per_delivery" Bytes "heads of requests, answers and frames, both directions, for one message heard" = |run| {
        per(heads(run), run.counts.deliveries)
    };
    "cpu_per_1000_deliveries" Time "the server’s processor time" = |run| run.cpu_ms_per_1000_deliveries();
    "cpu_above_idle_per_1000_deliveries" Time "the same without what its idle listeners explain" = |run| {
        ratio(run.cpu_above_idle_s()? * 1e6, run.counts.deliveries as f64)
    };
    "idle_cpu_per_listener" Time "the server’s processor time a second for a listener that is only there" = |run| {
        ratio(run.server.idle_cpu_per_s? * 1e3, run.listeners.into())
    };
    "server_cpu" Share "the server’s processor time, as a share of one processor" = |run| ratio(run.server.cpu_s?, run.window_s);
    "idle_cpu" Share "the same with every listener connected and nobody saying anything" = |run| run.server.idle_cpu_per_s;
    "wake_ups_per_s" Number "times a second that a thread of the server had nothing to do, slept, and was woken" = |run| {
        ratio(run.server.voluntary_switches? as f64, run.window_s)
    };
    "threads" Number "threads of the server at the end of the window" = |run| Some(run.server.threads? as f64);
    "memory_per_listener" Bytes "what the server’s resident memory grew by, shared by the listeners: less for each of more" = |run| {
        let grown = run.server.rss_after_bytes?.checked_sub(run.server.rss_before_bytes?)?;
        per(grown, run.listeners.into())
    };
    "memory_peak" Bytes "the most that was resident in the server" = |run| Some(run.server.rss_peak_bytes? as f64);
    "socket_buffers" Bytes "what the kernel held for the server’s connections at the end of the window" = |run| {
        Some(run.server.socket_buffer_bytes? as f64)
    };
    "segments_per_delivery" Number "TCP segments of both directions" = |run| per(counted(run)?.total(), run.counts.deliveries);
    "wire_bytes_per_delivery" Bytes "both directions with the headers of every segment" = |run| {
        let bytes = run.bytes_out.total() + run.bytes_in.total() + counted(run)?.header_bytes;
        per(bytes, run.counts.deliveries)
    };
    "retransmitted" Number "segments that were sent again" = |run| Some(counted(run)?.retransmitted as f64);
    "wake_up.p99" Time "how late the generator itself was woken, 99 in 100" = |run| run.generator.as_ref()?.wake_up.quantile_ms(0.99);
    "fallen" Share "listeners that had to take another transport, or to come back to theirs" = |run| {
        per(run.ladder.as_ref()?.fallen() as u64, run.listeners.into())
    };
    "on_top" Share "listeners that listened by their own transport at the end" = |run| {
        per(run.ladder.as_ref()?.at_the_end(run.transport) as u64, run.listeners.into())
    };
    "fall.p50" Time "how long a listener had nothing to listen by when it fell, half of the falls" = |run| {
        run.ladder.as_ref()?.fall_times().quantile_ms(0.5)
    };
    "fall.max" Time "the same, the longest" = |run| run.ladder.as_ref()?.fall_times().max_ms();
    "overlap" Number "messages that came by two ways during a change, heard once" = |run| Some(run.ladder.as_ref()?.overlap as f64);
    "cut_off" Number "listeners that a restart of the server cut off" = |run| Some(run.restart.as_ref()?.cut as f64);
    "returned" Number "listeners that were answered again after it" = |run| Some(run.restart.as_ref()?.returned() as f64);
    "storm" Number "the most connections within 100 ms once the server was back" = |run| Some(run.restart.as_ref()?.peak(0.1) as f64);
    "storm_cpu" Share "the most that the server’s process then took of a processor" = |run| run.restart.as_ref()?.busiest();
    "deaf.p50" Time "from being cut off to the next message, half of the listeners" = |run| run.restart.as_ref()?.deaf.quantile_ms(0.5);
    "deaf.p99" Time "the same, 99 in 100" = |run| run.restart.as_ref()?.deaf.quantile_ms(0.99);
    "deaf.max" Time "the same, the longest" = |run| run.restart.as_ref()?.deaf.max_ms();
    "retried" Number "sends that were made again under the same key" = |run| Some(run.publishing.retried as f64);
    "messages" Number "messages planned within the window" = |run| Some(run.publishing.planned_in_window as f64);
    "missed" Number "messages planned but never sent" = |run| Some(run.publishing.missed as f64);
    "lost" Number "deliveries that never came" = |run| Some(run.ledger.lost as f64);
    "repeated" Number "deliveries that came again" = |run| Some(run.ledger.repeated as f64);
    "out_of_order" Number "deliveries that came after a later one" = |run| Some(run.ledger.out_of_order as f64);
    "gone" Number "times that the feed answered gone" = |run| Some(run.ledger.gone as f64);
    "failures" Number "failures on the load generator’s side" = |run| Some(run.failures.total() as f64);
};

impl Metric {
    /// The figure of this name.
    pub fn named(name: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// Its value in a run, in the base of its unit; `None` where the run does not have it.
    pub fn of(&self, run: &TransportRun) -> Option<f64> {
        (self.get)(run)
    }
}

/// The segments, unless some connections took theirs with them.
fn counted(run: &TransportRun) -> Option<&Segments> {
    run.segments.as_ref().filter(|segments| segments.missing == 0)
}

/// All that is around bodies and messages.
fn heads(run: &TransportRun) -> u64 {
    [run.bytes_out, run.bytes_in]
        .iter()
        .map(|parts| parts.heads + parts.frames)
        .sum()
}

fn refused_with(run: &TransportRun, status: u16) -> Option<f64> {
    let answers = &run.counts.answers;
    let told_apart = answers.refused == answers.refused_by_status.values().sum::<u64>();
    told_apart.then(|| answers.refused_by_status.get(&status).copied().unwrap_or(0) as f64)
}

fn per(part: u64, whole: u64) -> Option<f64> {
    ratio(part as f64, whole as f64)
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_finds_its_figure() {
        for (at, metric) in METRICS.iter().enumerate() {
            assert!(
                METRICS[..at].iter().all(|other| other.name != metric.name),
                "{}",
                metric.name
            );
            assert_eq!(Metric::named(metric.name).unwrap().help, metric.help);
        }
    }
}
