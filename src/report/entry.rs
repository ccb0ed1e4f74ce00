//! One transport of one run, its rounds taken together, and the figures that follow from its counts.

use super::rounds::Interval;
use crate::protocol::Transport;
use crate::results::{Answers, Health, Little, Parts, Restart, Results, Segments, ServerCost, TransportRun};

/// One transport of one run. Rounds are pooled: counts and times are added up, rates are of the whole. What is told of them is mostly the median
/// ([`Entry::median`]).
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Which of the runs that are shown, from 0.
    pub(crate) side: usize,
    /// The rounds one by one, in their order; none in the entry of a single round.
    pub(crate) each: Vec<Entry>,
    /// The rounds of this transport, added up; `window_s` is the sum of their windows.
    pub(crate) run: TransportRun,
}

/// What each transport of a run did, in the order in which they were measured.
pub(crate) fn entries(side: usize, results: &Results) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for run in &results.runs {
        match entries.iter_mut().find(|entry| entry.run.transport == run.transport) {
            Some(entry) => add(&mut entry.run, run),
            None => entries.push(Entry {
                side,
                each: Vec::new(),
                run: run.clone(),
            }),
        }
    }
    for entry in &mut entries {
        let rounds = results.runs.iter().filter(|run| run.transport == entry.run.transport);
        let rounds: Vec<Entry> = rounds
            .map(|run| Entry {
                side,
                each: Vec::new(),
                run: run.clone(),
            })
            .collect();
        if rounds.len() > 1 {
            entry.each = rounds;
        }
    }
    entries
}

impl Entry {
    /// Which transport.
    pub(crate) fn transport(&self) -> Transport {
        self.run.transport
    }

    /// The median over the rounds, with an interval; `None` of a single round, and where some rounds do not have the figure.
    pub(crate) fn over_rounds(&self, figure: impl Fn(&Entry) -> Option<f64>) -> Option<Interval> {
        let values: Option<Vec<f64>> = self.each.iter().map(figure).collect();
        Interval::of(values?)
    }

    /// A figure of the entry: of several rounds their median, so that a table, a sentence and a chart say the same.
    pub(crate) fn median(&self, figure: impl Fn(&Entry) -> Option<f64>) -> Option<f64> {
        let median = self.over_rounds(&figure).map(|interval| interval.median);
        median.or_else(|| figure(self))
    }

    /// Whether every look at the feed is a request of its own.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.transport(), Transport::Poll | Transport::LongPoll)
    }

    /// The share of answers that had nothing to say; `None` of streams, and without an answer.
    pub(crate) fn empty_share(&self) -> Option<f64> {
        let Answers {
            with_messages, empty, ..
        } = self.run.counts.answers;
        share(empty, with_messages + empty).filter(|_| self.asks())
    }

    /// Requests a second that one listener sent.
    pub(crate) fn requests_per_s(&self) -> Option<f64> {
        let listening = f64::from(self.run.listeners) * self.run.window_s;
        (listening > 0.0).then(|| self.run.counts.requests as f64 / listening)
    }

    /// Requests a second of all listeners in the steps of the first round's window.
    pub(crate) fn rates_per_s(&self) -> Vec<f64> {
        let timeline = &self.run.timeline;
        let length = (self.run.window_s / timeline.step_s / self.each.len().max(1) as f64).floor();
        if timeline.requests.is_empty() {
            return Vec::new();
        }
        // The list ends with the last request: a window that goes on in silence has more steps.
        let silence = std::iter::repeat(&0);
        let steps = timeline.requests.iter().chain(silence);
        let window = steps.skip(timeline.warm_up_steps).take(length as usize);
        window.map(|requests| *requests as f64 / timeline.step_s).collect()
    }

    /// How many times the average the busiest step of the window had; `None` without a request.
    pub(crate) fn busiest_over_mean(&self) -> Option<f64> {
        let rates = self.rates_per_s();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        (mean > 0.0).then(|| rates.iter().copied().fold(0.0, f64::max) / mean)
    }

    /// The longest time in the first round's window in which next to nobody sent a request, not a tenth of the average, in seconds, as whole steps.
    pub(crate) fn longest_silence_s(&self) -> f64 {
        let rates = self.rates_per_s();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        let steps = rates.split(|rate| *rate > 0.1 * mean).map(<[f64]>::len).max();
        steps.unwrap_or(0) as f64 * self.run.timeline.step_s
    }

    /// Requests for each message that a listener heard.
    pub(crate) fn requests_per_delivery(&self) -> Option<f64> {
        share(self.run.counts.requests, self.run.counts.deliveries)
    }

    /// Bytes per delivery, from the listener to the server.
    pub(crate) fn bytes_out(&self) -> Option<f64> {
        self.per_delivery(self.run.bytes_out)
    }

    /// Bytes per delivery, from the server to the listener.
    pub(crate) fn bytes_in(&self) -> Option<f64> {
        self.per_delivery(self.run.bytes_in)
    }

    /// Bytes per delivery of both directions.
    pub(crate) fn bytes_both(&self) -> Option<f64> {
        Some(self.bytes_out()? + self.bytes_in()?)
    }

    /// Segments per delivery, of both directions; `None` where the system did not count them all.
    pub(crate) fn segments(&self) -> Option<f64> {
        share(self.all_segments()?.total(), self.run.counts.deliveries)
    }

    /// Bytes per delivery with the headers of every segment.
    pub(crate) fn bytes_on_the_wire(&self) -> Option<f64> {
        let bytes = self.run.bytes_out.total() + self.run.bytes_in.total() + self.all_segments()?.header_bytes;
        share(bytes, self.run.counts.deliveries)
    }

    /// The segments, unless some connections took theirs with them.
    pub(crate) fn all_segments(&self) -> Option<&Segments> {
        self.run.segments.as_ref().filter(|segments| segments.missing == 0)
    }

    /// What the server's resident memory grew by, per listener; `None` where it is not known or did not grow. What it sets up once, with the
    /// first of them, is a part of it: the more there are, the less it is for each.
    pub(crate) fn memory_per_listener(&self) -> Option<f64> {
        let cost = &self.run.server;
        let grown = cost.rss_after_bytes?.checked_sub(cost.rss_before_bytes?)?;
        (self.run.listeners > 0).then(|| grown as f64 / f64::from(self.run.listeners))
    }

    /// What it mostly took from the intended instant until the server had accepted a message, in milliseconds: by the medians, as the mean
    /// of a run whose server stood still for a while says nothing of the messages before and after.
    pub(crate) fn before_ms(&self) -> Option<f64> {
        let (delay, server) = (&self.run.delay, &self.run.server_delay);
        Some((delay.quantile_ms(0.5)? - server.quantile_ms(0.5)?).max(0.0))
    }

    /// Server CPU per 1,000 deliveries that its idle listeners do not explain, in milliseconds.
    pub(crate) fn cpu_above_idle_per_1000_deliveries(&self) -> Option<f64> {
        per(self.run.cpu_above_idle_s()? * 1e6, self.run.counts.deliveries)
    }

    /// The same per 1,000 requests; `None` of streams, whose work is not the requests'.
    pub(crate) fn cpu_above_idle_per_1000_requests(&self) -> Option<f64> {
        let cpu_s = self.run.cpu_above_idle_s().filter(|_| self.asks())?;
        per(cpu_s * 1e6, self.run.counts.requests)
    }

    /// Server CPU a second for a listener that is only there, in milliseconds.
    pub(crate) fn cpu_of_an_idle_listener(&self) -> Option<f64> {
        per(self.run.server.idle_cpu_per_s? * 1e3, self.run.listeners.into())
    }

    fn per_delivery(&self, parts: Parts) -> Option<f64> {
        share(parts.total(), self.run.counts.deliveries)
    }
}

/// `part` of `whole`; `None` of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    per(part as f64, whole)
}

fn per(part: f64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part / whole as f64)
}

/// Takes another round of the same transport in. Memory is that of the round measured last, since it is a level and no sum.
fn add(sum: &mut TransportRun, round: &TransportRun) {
    sum.window_s += round.window_s;
    add_publishing(sum, round);
    add_counts(sum, round);
    add_parts(&mut sum.bytes_out, round.bytes_out);
    add_parts(&mut sum.bytes_in, round.bytes_in);
    let (ledger, more) = (&mut sum.ledger, &round.ledger);
    ledger.expected += more.expected;
    ledger.heard += more.heard;
    ledger.lost += more.lost;
    ledger.repeated += more.repeated;
    ledger.out_of_order += more.out_of_order;
    ledger.gone += more.gone;
    sum.delay.merge(&round.delay);
    sum.server_delay.merge(&round.server_delay);
    add_cost(&mut sum.server, &round.server, round.round);
    add_health(&mut sum.generator, round.generator.as_ref());
    add_segments(&mut sum.segments, round.segments.as_ref());
    worst(&mut sum.little, round.little.as_ref());
    add_restart(&mut sum.restart, round.restart.as_ref());
    if let (Some(ladder), Some(more)) = (sum.ladder.as_mut(), &round.ladder) {
        ladder.walks.extend(more.walks.iter().cloned());
        ladder.overlap += more.overlap;
    }
    let (failures, more) = (&mut sum.failures, &round.failures);
    failures.connect += more.connect;
    failures.broken += more.broken;
    failures.timed_out += more.timed_out;
    failures.unexpected += more.unexpected;
}

/// Times and switches are added up, what idleness costs a second is the mean of the rounds, and levels are those of the last one.
fn add_cost(sum: &mut ServerCost, round: &ServerCost, number: u32) {
    let seconds = |a: Option<f64>, b: Option<f64>| Some(a? + b?);
    let times = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
    let before = f64::from(number.max(2) - 1);
    let mean = |mean: Option<f64>, one: Option<f64>| Some((mean? * before + one?) / (before + 1.0));
    *sum = ServerCost {
        cpu_s: seconds(sum.cpu_s, round.cpu_s),
        user_s: seconds(sum.user_s, round.user_s),
        system_s: seconds(sum.system_s, round.system_s),
        waiting_s: seconds(sum.waiting_s, round.waiting_s),
        idle_cpu_per_s: mean(sum.idle_cpu_per_s, round.idle_cpu_per_s),
        voluntary_switches: times(sum.voluntary_switches, round.voluntary_switches),
        involuntary_switches: times(sum.involuntary_switches, round.involuntary_switches),
        ..round.clone()
    };
}

fn add_segments(sum: &mut Option<Segments>, round: Option<&Segments>) {
    let (Some(segments), Some(more)) = (sum.as_mut(), round) else {
        *sum = None;
        return;
    };
    segments.connections += more.connections;
    segments.missing += more.missing;
    segments.to_server += more.to_server;
    segments.to_listener += more.to_listener;
    segments.data_to_server += more.data_to_server;
    segments.data_to_listener += more.data_to_listener;
    segments.retransmitted += more.retransmitted;
    segments.header_bytes += more.header_bytes;
}

/// Who was away, and for how long, in all rounds; what happened when is that of the first.
fn add_restart(sum: &mut Option<Restart>, round: Option<&Restart>) {
    if let (Some(restart), Some(more)) = (sum.as_mut(), round) {
        restart.cut += more.cut;
        restart.away.merge(&more.away);
        restart.deaf.merge(&more.deaf);
        restart.late.merge(&more.late);
    }
}

/// Of several rounds the one that fits worst, as one that does not is reason enough to doubt.
fn worst(sum: &mut Option<Little>, round: Option<&Little>) {
    let off = |little: &Little| (little.counted - little.expected).abs() / little.error.max(f64::MIN_POSITIVE);
    let both = sum.take().into_iter().chain(round.cloned());
    *sum = both.max_by(|a, b| off(a).total_cmp(&off(b)));
}

fn add_health(sum: &mut Option<Health>, round: Option<&Health>) {
    let (Some(health), Some(more)) = (sum.as_mut(), round) else {
        *sum = None;
        return;
    };
    health.cpu_s = health.cpu_s.zip(more.cpu_s).map(|(a, b)| a + b);
    health.busiest_thread = health.busiest_thread.zip(more.busiest_thread).map(|(a, b)| a.max(b));
    health.wake_up.merge(&more.wake_up);
}

fn add_publishing(sum: &mut TransportRun, round: &TransportRun) {
    let (publishing, more) = (&mut sum.publishing, &round.publishing);
    publishing.planned += more.planned;
    publishing.planned_in_window += more.planned_in_window;
    publishing.accepted += more.accepted;
    publishing.failed += more.failed;
    publishing.retried += more.retried;
    publishing.missed += more.missed;
    publishing.lag.merge(&more.lag);
}

fn add_counts(sum: &mut TransportRun, round: &TransportRun) {
    let (counts, more) = (&mut sum.counts, &round.counts);
    counts.requests += more.requests;
    counts.deliveries += more.deliveries;
    counts.frames += more.frames;
    counts.answers.with_messages += more.answers.with_messages;
    counts.answers.empty += more.answers.empty;
    counts.answers.opened += more.answers.opened;
    counts.answers.refused += more.answers.refused;
    for (status, more) in &more.answers.refused_by_status {
        *counts.answers.refused_by_status.entry(*status).or_default() += more;
    }
    counts.connections.opened += more.connections.opened;
    counts.connections.opened_before += more.connections.opened_before;
}

fn add_parts(sum: &mut Parts, more: Parts) {
    sum.heads += more.heads;
    sum.empty_heads += more.empty_heads;
    sum.bodies += more.bodies;
    sum.frames += more.frames;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn rounds_of_a_transport_are_taken_together() {
        let mut results = fixture::three_ways();
        let once = entries(0, &results);
        let again: Vec<_> = results
            .runs
            .iter()
            .cloned()
            .map(|run| TransportRun { round: 2, ..run })
            .collect();
        results.runs.extend(again);
        let twice = entries(0, &results);
        assert_eq!(twice.len(), once.len());
        for (two, one) in twice.iter().zip(&once) {
            assert_eq!(two.run.counts.requests, 2 * one.run.counts.requests);
            assert_eq!(two.run.delay.count(), 2 * one.run.delay.count());
            assert_eq!(two.requests_per_s(), one.requests_per_s());
            assert_eq!(two.bytes_both(), one.bytes_both());
            assert_eq!(two.memory_per_listener(), one.memory_per_listener());
            assert_eq!(two.cpu_of_an_idle_listener(), one.cpu_of_an_idle_listener());
            let above = Entry::cpu_above_idle_per_1000_deliveries;
            assert!((above(two).unwrap() - above(one).unwrap()).abs() < 1e-9);
            assert_eq!(
                two.run.cpu_ms_per_1000_deliveries(),
                one.run.cpu_ms_per_1000_deliveries()
            );
        }
    }

    #[test]
    fn a_window_that_ends_in_silence_has_its_last_steps_too() {
        let mut entry = entries(0, &fixture::three_ways()).remove(1);
        entry.run.window_s = 4.0;
        entry.run.timeline.step_s = 1.0;
        entry.run.timeline.warm_up_steps = 1;
        entry.run.timeline.requests = vec![9, 6, 2];
        assert_eq!(entry.rates_per_s(), [6.0, 2.0, 0.0, 0.0]);
        entry.run.timeline.requests.clear();
        assert!(entry.rates_per_s().is_empty(), "older results have none");
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let mut entry = entries(0, &fixture::three_ways()).remove(0);
        entry.run.counts = Default::default();
        entry.run.listeners = 0;
        entry.run.server.rss_after_bytes = Some(0);
        assert_eq!(entry.empty_share(), None);
        assert_eq!(entry.requests_per_s(), None);
        assert_eq!(entry.requests_per_delivery(), None);
        assert_eq!(entry.bytes_both(), None);
        assert_eq!(entry.memory_per_listener(), None);
    }
}
