//! What the server's process has used up, by its own account, and what that makes of a run.

use std::time::{Duration, Instant};

use super::LoadError;
use super::control::Control;
use super::little::Backlog;
use super::wire::Edge;
use crate::results::{Segments, ServerCost};

/// What a server's process has used so far, or has at the moment; `None` where it does not tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    /// Processor time, user and system: when it was asked, if that is seen from outside, else by its answer.
    pub(crate) cpu_s: Option<f64>,
    /// What the question itself cost, where that is seen from outside.
    pub(crate) asking_s: Option<f64>,
    pub(crate) user_s: Option<f64>,
    pub(crate) system_s: Option<f64>,
    pub(crate) waiting_s: Option<f64>,
    pub(crate) voluntary: Option<u64>,
    pub(crate) involuntary: Option<u64>,
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) peak_bytes: Option<u64>,
    pub(crate) threads: Option<u64>,
    pub(crate) connections: Option<u64>,
    pub(crate) open_fds: Option<u64>,
    /// Requests of listeners, of all transports and answers together.
    pub(crate) requests: f64,
}

/// The server's figures at the instants that matter.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Before the first listener came.
    pub(crate) before: Usage,
    /// When all of them had been served once.
    pub(crate) listeners_in: Instant,
    /// With all of them there, and nothing said.
    pub(crate) quiet: Option<Quiet>,
    /// When the window begins.
    pub(crate) start: Usage,
    /// What the first server had used when it was told to end, if it was: the next one counts from nothing.
    pub(crate) restarted: Option<Usage>,
    /// When it ends.
    pub(crate) end: Usage,
    /// The generator's own processor time between the two.
    pub(crate) generator_cpu_s: Option<f64>,
    /// What the system had counted on the connections at the two.
    pub(crate) wire: Option<(Edge, Edge)>,
    /// What was on its way between them.
    pub(crate) backlog: Backlog,
}

/// A time in which all listeners are connected and nobody says or asks anything.
#[derive(Debug)]
pub(crate) struct Quiet {
    length: Duration,
    asked: Usage,
    start: Usage,
    end: Usage,
}

impl Usage {
    /// What a process has used that never was.
    fn nothing() -> Usage {
        Usage {
            cpu_s: Some(0.0),
            user_s: Some(0.0),
            system_s: Some(0.0),
            waiting_s: Some(0.0),
            voluntary: Some(0),
            involuntary: Some(0),
            ..Usage::default()
        }
    }

    /// Reads the figures from the Prometheus text format: `name value` on a line, comments begin with `#`.
    pub(crate) fn read(metrics: &str) -> Usage {
        let value = |name: &str| {
            let line = metrics
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        let whole = |name: &str| value(name).map(|number| number as u64);
        let requests = metrics.lines().filter_map(|line| {
            let (_, value) = line.strip_prefix("talkplace_requests_total{")?.rsplit_once("} ")?;
            value.split_whitespace().next()?.parse::<f64>().ok()
        });
        Usage {
            cpu_s: value("process_cpu_seconds_total"),
            asking_s: None,
            user_s: value("process_cpu_user_seconds_total"),
            system_s: value("process_cpu_system_seconds_total"),
            waiting_s: value("process_cpu_waiting_seconds_total"),
            voluntary: whole("process_voluntary_context_switches_total"),
            involuntary: whole("process_involuntary_context_switches_total"),
            rss_bytes: whole("process_resident_memory_bytes"),
            peak_bytes: whole("process_peak_resident_memory_bytes"),
            threads: whole("process_threads"),
            connections: whole("talkplace_connections"),
            open_fds: whole("process_open_fds"),
            requests: requests.sum(),
        }
    }
}

impl Quiet {
    /// Watches the server for so long; not at all when that is no time.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn watch(control: &mut Control, length: Duration) -> Result<Option<Quiet>, LoadError> {
        if length.is_zero() {
            return Ok(None);
        }
        // What the last connection left to do is no idleness.
        tokio::time::sleep(length / 5).await;
        let asked = control.usage().await?;
        let start = control.usage().await?;
        tokio::time::sleep(length).await;
        let end = control.usage().await?;
        Ok(Some(Quiet {
            length,
            asked,
            start,
            end,
        }))
    }

    /// Processor time a second. The questions cost some themselves; where that is not seen, two of them without a pause between show it roughly.
    fn cpu_per_s(&self) -> Option<f64> {
        if self.end.requests > self.asked.requests {
            return None;
        }
        let asking = match self.start.asking_s {
            Some(asking_s) => asking_s,
            None => self.start.cpu_s? - self.asked.cpu_s?,
        };
        let idle = self.end.cpu_s? - self.start.cpu_s? - asking;
        Some(idle.max(0.0) / self.length.as_secs_f64())
    }
}

impl Watched {
    /// The segments of the listeners' connections.
    pub(crate) fn segments(&self) -> Option<Segments> {
        self.wire.as_ref().map(|(start, end)| end.since(start))
    }

    /// What the run cost.
    pub(crate) fn cost(&self) -> ServerCost {
        let (start, end) = (&self.start, &self.end);
        // Without a restart there is nothing of a first server beside the one that is asked at the end.
        let nothing = Usage::nothing();
        let first = self.restarted.as_ref().unwrap_or(&nothing);
        let seconds = |of: fn(&Usage) -> Option<f64>| Some(of(end)? + of(first)? - of(start)?);
        let times = |of: fn(&Usage) -> Option<u64>| Some((of(end)? + of(first)?).saturating_sub(of(start)?));
        ServerCost {
            // What was asked at the beginning is no part of the window.
            cpu_s: seconds(|usage| usage.cpu_s).map(|cpu_s| cpu_s - start.asking_s.unwrap_or(0.0)),
            user_s: seconds(|usage| usage.user_s),
            system_s: seconds(|usage| usage.system_s),
            idle_cpu_per_s: self.quiet.as_ref().and_then(Quiet::cpu_per_s),
            waiting_s: seconds(|usage| usage.waiting_s),
            voluntary_switches: times(|usage| usage.voluntary),
            involuntary_switches: times(|usage| usage.involuntary),
            rss_before_bytes: self.before.rss_bytes,
            rss_settled_bytes: self.quiet.as_ref().and_then(|quiet| quiet.end.rss_bytes),
            rss_after_bytes: end.rss_bytes,
            rss_peak_bytes: end.peak_bytes.max(first.peak_bytes),
            socket_buffer_bytes: self.wire.as_ref().and_then(|(_, end)| end.coming.server_buffer_bytes()),
            threads: end.threads,
            connections: end.connections,
            open_fds: end.open_fds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_found_among_others() {
        let metrics = "# HELP process_cpu_seconds_total Time.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.25\n\
                       process_open_fds_limit 7\nprocess_open_fds 19\nprocess_resident_memory_bytes 1.5e+07 1769000000\n\
                       talkplace_requests_total{answer=\"empty\",transport=\"poll\"} 5\n\
                       talkplace_requests_total{answer=\"opened\",transport=\"events\"} 2\n";
        let expected = Usage {
            cpu_s: Some(1.25),
            rss_bytes: Some(15_000_000),
            open_fds: Some(19),
            requests: 7.0,
            ..Usage::default()
        };
        assert_eq!(Usage::read(metrics), expected);
        assert_eq!(Usage::read("nothing of it\n"), Usage::default());
    }

    fn used(cpu_s: f64, requests: f64) -> Usage {
        Usage {
            cpu_s: Some(cpu_s),
            requests,
            ..Usage::default()
        }
    }

    #[test]
    fn the_questions_are_no_part_of_what_idleness_costs() {
        let quiet = |cpu_s, requests| Quiet {
            length: Duration::from_millis(500),
            asked: used(1.0, 300.0),
            start: used(1.25, 300.0),
            end: used(cpu_s, requests),
        };
        // A question costs 250 ms, so that of the 750 ms 500 are the server's own.
        assert_eq!(quiet(2.0, 300.0).cpu_per_s(), Some(1.0));
        assert_eq!(quiet(1.3, 300.0).cpu_per_s(), Some(0.0));
        assert_eq!(quiet(2.0, 301.0).cpu_per_s(), None, "who is asked is not idle");
        // Seen from outside, the one before the quiet time took 125 ms, and the one at its end is not in the figure.
        let mut seen = quiet(1.375, 300.0);
        seen.start.asking_s = Some(0.125);
        assert_eq!(seen.cpu_per_s(), Some(0.0));
        seen.end.cpu_s = Some(1.5);
        assert_eq!(seen.cpu_per_s(), Some(0.25));
    }

    #[test]
    fn a_cost_is_what_was_used_between_the_ends_of_the_window() {
        let end = Usage {
            voluntary: Some(50),
            threads: Some(3),
            ..used(2.5, 0.0)
        };
        let start = Usage {
            voluntary: Some(20),
            threads: Some(2),
            ..used(1.0, 0.0)
        };
        let watched = Watched {
            before: Usage::default(),
            listeners_in: Instant::now(),
            quiet: None,
            start,
            restarted: None,
            end,
            generator_cpu_s: None,
            wire: None,
            backlog: Backlog::default(),
        };
        let expected = ServerCost {
            cpu_s: Some(1.5),
            voluntary_switches: Some(30),
            threads: Some(3),
            ..ServerCost::default()
        };
        assert_eq!(watched.cost(), expected);
        let start = Usage {
            asking_s: Some(0.25),
            ..watched.start.clone()
        };
        let seen = Watched { start, ..watched };
        assert_eq!(
            seen.cost().cpu_s,
            Some(1.25),
            "the first question is no part of the window"
        );
        let watched = Watched {
            start: Usage {
                asking_s: None,
                ..seen.start.clone()
            },
            ..seen
        };
        // A first server that had used 4 s when it ended adds the 3 s that it had used in the window.
        let restarted = Watched {
            restarted: Some(Usage {
                peak_bytes: Some(7),
                ..used(4.0, 0.0)
            }),
            ..watched
        };
        let cost = restarted.cost();
        assert_eq!((cost.cpu_s, cost.rss_peak_bytes), (Some(2.5 + 4.0 - 1.0), Some(7)));
        assert_eq!(cost.voluntary_switches, None, "the first one did not tell");
    }
}
