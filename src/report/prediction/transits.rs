//! What others have published of delays in transits of the link, as the times that it comes to in this run.

use crate::model::Connection;
use crate::model::published::find;
use crate::protocol::Transport;
use crate::report::beside::Beside;

/// A published mean and maximum of a delay.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Transits {
    /// Whose it is, in short.
    pub(crate) source: &'static str,
    /// What it is about.
    pub(crate) about: &'static str,
    pub(crate) mean_ms: f64,
    pub(crate) longest_ms: f64,
    /// What is written beside the mean.
    pub(crate) mean: &'static str,
    /// What is written beside the maximum.
    pub(crate) longest: &'static str,
    /// What is written where both are the same.
    pub(crate) both: &'static str,
}

/// What is published of the transports of the first run; nothing without a link, whose transits could be counted.
pub(crate) fn transits(beside: &Beside) -> Vec<Transits> {
    let has = |among: &[Transport]| {
        let mut all = beside.predicted(0);
        all.any(|(entry, one)| among.contains(&entry.transport()) && one.inputs.messages() > 0.0)
    };
    let Some(inputs) = beside.predicted(0).map(|(_, one)| &one.inputs).next() else {
        return Vec::new();
    };
    let transit_ms = inputs.one_way_s * 1e3;
    if transit_ms == 0.0 {
        return Vec::new();
    }
    let value = |key: &str, what: &str| find(key)?.value(what);
    let rows = [
        has(&[Transport::LongPoll]).then(|| {
            let key = "rfc-6202-long-polling";
            let row = match inputs.connection {
                Connection::Kept => Transits {
                    source: "RFC 6202",
                    about: "long polling",
                    mean_ms: value(key, "mean, close to")? * transit_ms,
                    longest_ms: value(key, "maximum, over")? * transit_ms,
                    mean: "mean, close to",
                    longest: "longest, over",
                    both: "",
                },
                _ => {
                    let key = "hickson-kilobytes-to-bytes";
                    let over = value(key, "with a new connection")? / value(key, "over an open one")?;
                    Transits {
                        source: "Ian Hickson",
                        about: "a new connection",
                        mean_ms: over * transit_ms,
                        longest_ms: over * transit_ms,
                        mean: "",
                        longest: "",
                        both: "a TCP round trip and the message",
                    }
                }
            };
            Some(row)
        }),
        has(&[Transport::Websocket, Transport::Events]).then(|| {
            let key = "rfc-6202-streaming";
            Some(Transits {
                source: "RFC 6202",
                about: "streaming",
                mean_ms: value(key, "mean")? * transit_ms,
                longest_ms: value(key, "maximum")? * transit_ms,
                mean: "mean",
                longest: "longest",
                both: "mean and longest",
            })
        }),
    ];
    rows.into_iter().flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn transits_are_those_of_the_link() {
        let mut results = fixture::three_ways();
        let of = |results: &crate::results::Results| transits(&Beside::new(std::slice::from_ref(results)).unwrap());
        let times = |all: &[Transits]| all.iter().map(|one| [one.mean_ms, one.longest_ms]).collect::<Vec<_>>();
        assert_eq!(times(&of(&results)), [[50.0, 150.0], [50.0, 50.0]]);
        results.scenario.http_keep_alive = false;
        assert_eq!(times(&of(&results)), [[150.0, 150.0], [50.0, 50.0]]);
        results.runs.retain(|run| run.transport == Transport::Poll);
        assert!(of(&results).is_empty(), "nobody said it of short polling");
        let mut near = fixture::three_ways();
        near.scenario.rtt = std::time::Duration::ZERO;
        assert!(of(&near).is_empty());
    }
}
