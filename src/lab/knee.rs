//! The largest load that keeps its limits: where to look next, what a run says about it, and where the model expects it.

use super::health::{not_carried, of_machine};
use crate::model::{self, Connection, Exchange, LongPoll, Server, ShortPoll};
use crate::protocol::Transport;
use crate::results::{Arrivals, Checked, Host, PollTimer, Price, Results, Scenario, TransportRun, Verdict};

/// Two loads this near to each other, as a ratio, say where the knee is: runs differ by as much.
const NEAR: f64 = 1.15;
/// More runs than this would not find it any better.
const MOST_RUNS: usize = 14;

/// What is turned until something breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// More and more listeners.
    Listeners,
    /// More and more messages a second.
    Rate,
}

/// What a run at a load came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Every limit holds.
    Holds,
    /// These do not, as they were found.
    Breaks(Vec<String>),
    /// The generator or the machine was the limit, for these reasons: the server was not found out.
    Unclear(Vec<String>),
}

/// A search for the knee, told of one run after the other.
#[derive(Debug, Clone)]
pub struct Search {
    start: f64,
    least: f64,
    most: f64,
    is_whole: bool,
    runs: usize,
    holds: Option<f64>,
    breaks: Option<f64>,
    is_predicted_tried: bool,
}

impl Load {
    /// The name of its key.
    pub fn key(self) -> &'static str {
        match self {
            Load::Listeners => "listeners",
            Load::Rate => "feed.rate",
        }
    }

    /// What the scenario has of it.
    pub fn of(self, scenario: &Scenario) -> f64 {
        match self {
            Load::Listeners => f64::from(scenario.listeners),
            Load::Rate => scenario.rate_per_s,
        }
    }

    /// The scenario with so much of it, and the rest as it is: deliveries that stay equal would take away what is added.
    pub fn set(self, scenario: &mut Scenario, load: f64) {
        scenario.deliveries_per_s = 0.0;
        match self {
            Load::Listeners => scenario.listeners = load.round() as u32,
            Load::Rate => scenario.rate_per_s = load,
        }
    }
}

impl Search {
    /// One that begins with the scenario's own load and goes no further than `most`.
    pub fn new(load: Load, scenario: &Scenario, most: f64) -> Self {
        Search {
            start: load.of(scenario).min(most),
            least: match load {
                Load::Listeners => 1.0,
                Load::Rate => 0.01,
            },
            most,
            is_whole: load == Load::Listeners,
            runs: 0,
            holds: None,
            breaks: None,
            is_predicted_tried: false,
        }
    }

    /// The load to run next; `None` when the knee is found, or lies beyond what may be tried.
    ///
    /// Upwards it doubles, but for one leap to where the model expects the knee; downwards it halves; and between a load that holds and one
    /// that breaks it takes the middle of their ratio.
    pub fn next(&mut self, predicted: Option<f64>) -> Option<f64> {
        if self.runs >= MOST_RUNS {
            return None;
        }
        let next = match (self.holds, self.breaks) {
            (None, None) => self.start,
            (Some(holds), None) if holds >= self.most => return None,
            (Some(holds), None) => {
                let leap = predicted.filter(|load| *load > holds * NEAR && !self.is_predicted_tried);
                self.is_predicted_tried |= leap.is_some();
                leap.unwrap_or(holds * 2.0).min(self.most)
            }
            (None, Some(breaks)) if breaks <= self.least => return None,
            (None, Some(breaks)) => (breaks / 2.0).max(self.least),
            (Some(holds), Some(breaks)) if breaks / holds <= NEAR => return None,
            (Some(holds), Some(breaks)) => (holds * breaks).sqrt(),
        };
        // Three digits are as much as can be told.
        let digits = 10f64.powf(2.0 - next.log10().floor());
        let mut rounded = (next * digits).round() / digits;
        if self.is_whole {
            rounded = rounded.round().max(1.0);
        }
        let is_new = Some(rounded) != self.holds && Some(rounded) != self.breaks;
        is_new.then_some(rounded)
    }

    /// Takes in what a run came to. What is unclear is no load that holds, so it bounds the search as one that breaks.
    pub fn tell(&mut self, load: f64, outcome: &Outcome) {
        self.runs += 1;
        match outcome {
            Outcome::Holds => self.holds = Some(self.holds.map_or(load, |holds| holds.max(load))),
            Outcome::Breaks(_) | Outcome::Unclear(_) => {
                self.breaks = Some(self.breaks.map_or(load, |breaks| breaks.min(load)));
            }
        }
    }

    /// The largest load that held, if one did.
    pub fn holds(&self) -> Option<f64> {
        self.holds
    }

    /// The smallest load that did not, if one did not.
    pub fn breaks(&self) -> Option<f64> {
        self.breaks
    }
}

/// What a run of one transport came to: its checks, that nothing was lost, and that the load was carried at all. Where the generator and the
/// machine had time to spare, it is the server that did not carry it.
pub fn outcome(results: &Results) -> Outcome {
    let reasons = of_machine(results);
    if !reasons.is_empty() {
        return Outcome::Unclear(reasons.into_iter().map(|reason| reason.what).collect());
    }
    let failed = |checked: &&Checked| checked.verdict == Verdict::Fails;
    let mut broke: Vec<String> = results
        .checks
        .iter()
        .filter(failed)
        .map(|Checked { check, found, .. }| format!("{check} ({found})"))
        .collect();
    let lost: u64 = results.runs.iter().map(|run| run.ledger.lost).sum();
    if lost > 0
        && !results
            .checks
            .iter()
            .any(|checked| checked.check == "lost == 0" && checked.verdict == Verdict::Fails)
    {
        broke.push(format!("lost == 0 ({lost})"));
    }
    broke.extend(
        not_carried(&results.runs)
            .into_iter()
            .map(|reason| reason.what.trim_end_matches('.').to_owned()),
    );
    if broke.is_empty() {
        Outcome::Holds
    } else {
        Outcome::Breaks(broke)
    }
}

/// What one request, or one delivery of a stream, cost in this run, all of the server's processor time taken together; and the load at which
/// the work fills its processors at this price. `None` where the processor time is not known.
///
/// It is no bound: a busy server finds several requests at each look, and they share what the look costs; and delays suffer before it is full.
pub fn price(load: Load, scenario: &Scenario, run: &TransportRun, host: &Host) -> Option<Price> {
    let cpu_s = run.server.cpu_s.filter(|cpu_s| *cpu_s > 0.0)?;
    let polls = matches!(run.transport, Transport::Poll | Transport::LongPoll);
    let pieces = if polls {
        run.counts.requests
    } else {
        run.counts.deliveries
    };
    if pieces == 0 {
        return None;
    }
    let each_s = cpu_s / pieces as f64;
    let workers = scenario.server_processors(host.cores);
    Some(Price {
        at: load.of(scenario),
        each_us: each_s * 1e6,
        busy: cpu_s / (workers * run.window_s),
        full_at: full_at(load, scenario, run, each_s, workers),
    })
}

/// The load at which the work fills so many processors.
fn full_at(load: Load, scenario: &Scenario, run: &TransportRun, each_s: f64, workers: f64) -> Option<f64> {
    let polls = matches!(run.transport, Transport::Poll | Transport::LongPoll);
    let server = Server {
        workers,
        poll_s: each_s,
        write_s: each_s,
        idle: 0.0,
    };
    let requests_at = |rate_per_s: f64| requests(scenario, run.transport, each_s, rate_per_s);
    let listeners = f64::from(run.listeners);
    match load {
        Load::Listeners if polls => Some(server.polling_knee(&requests_at(scenario.rate_per_s)?)),
        Load::Listeners => Some(server.push_knee(scenario.rate_per_s)),
        Load::Rate if !polls => Some(server.workers / (listeners * each_s)),
        // Short polling asks as often as its timer says, whatever is said.
        Load::Rate if run.transport == Transport::Poll => None,
        Load::Rate => {
            // Long polling asks about once a message, until the gap between two requests is all of the cycle.
            let busy =
                |rate_per_s: f64| Some(server.polling_load(listeners, &requests_at(rate_per_s)?) / server.workers);
            let most = 1e5;
            if busy(most)? < 1.0 {
                return None;
            }
            let (mut low, mut high) = (0.0, most);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                if busy(middle)? < 1.0 {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            Some(high)
        }
    }
}

fn requests(scenario: &Scenario, transport: Transport, service_s: f64, rate_per_s: f64) -> Option<model::Prediction> {
    let arrivals = match scenario.arrivals {
        Arrivals::Poisson => model::Arrivals::Poisson { rate_per_s },
        Arrivals::Constant => model::Arrivals::Constant { rate_per_s },
    };
    let exchange = Exchange {
        one_way_s: scenario.one_way().as_secs_f64(),
        service_s,
        client_s: 0.0,
        connection: if scenario.http_keep_alive {
            Connection::Kept
        } else {
            Connection::Tcp
        },
    };
    match transport {
        Transport::Poll => Some(
            ShortPoll {
                interval_s: scenario.poll_interval.as_secs_f64(),
                timer: match scenario.poll_timer {
                    PollTimer::Fixed => model::PollTimer::Fixed,
                    PollTimer::AfterAnswer => model::PollTimer::AfterAnswer,
                    PollTimer::Unguarded => model::PollTimer::Unguarded,
                },
                exchange,
                arrivals,
            }
            .predict(),
        ),
        Transport::LongPoll => Some(
            LongPoll {
                hold_s: scenario.long_poll_timeout.as_secs_f64(),
                exchange,
                arrivals,
            }
            .predict(),
        ),
        Transport::Events | Transport::Websocket => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::run;

    fn broken() -> Outcome {
        Outcome::Breaks(vec!["delay.p99 < 1s (poll 2s)".into()])
    }

    /// Searches a server that holds below `knee`; gives the loads that were tried.
    fn searched(mut search: Search, knee: f64, predicted: Option<f64>) -> (Search, Vec<f64>) {
        let mut tried = Vec::new();
        while let Some(load) = search.next(predicted) {
            tried.push(load);
            let outcome = if load < knee { Outcome::Holds } else { broken() };
            search.tell(load, &outcome);
        }
        (search, tried)
    }

    #[test]
    fn one_load_is_turned_and_the_other_stays() {
        let mut scenario = Scenario {
            listeners: 10,
            deliveries_per_s: 50.0,
            rate_per_s: 5.0,
            ..Scenario::default()
        };
        Load::Listeners.set(&mut scenario, 1_000.0);
        scenario.settle_rate();
        assert_eq!((scenario.listeners, scenario.rate_per_s), (1_000, 5.0));
    }

    fn from(listeners: u32) -> Search {
        let scenario = Scenario {
            listeners,
            ..Scenario::default()
        };
        Search::new(Load::Listeners, &scenario, 100_000.0)
    }

    #[test]
    fn the_knee_is_found_from_below_and_from_above() {
        for start in [10, 3_000, 90_000] {
            let (search, tried) = searched(from(start), 1_234.0, None);
            let (holds, breaks) = (search.holds().unwrap(), search.breaks().unwrap());
            assert!(
                holds < 1_234.0 && 1_234.0 <= breaks && breaks / holds <= NEAR,
                "{start}: {tried:?}"
            );
            assert!(tried.len() <= MOST_RUNS, "{tried:?}");
        }
    }

    #[test]
    fn a_prediction_saves_runs() {
        let (_, without) = searched(from(10), 1_234.0, None);
        let (_, with) = searched(from(10), 1_234.0, Some(1_400.0));
        assert_eq!(with[1], 1_400.0, "it leaps there");
        assert!(with.len() < without.len(), "{with:?} {without:?}");
    }

    #[test]
    fn the_ends_of_what_may_be_tried_end_it() {
        let (search, tried) = searched(from(50_000), f64::INFINITY, None);
        assert_eq!((search.holds(), search.breaks()), (Some(100_000.0), None));
        assert_eq!(tried, [50_000.0, 100_000.0]);
        let (search, tried) = searched(from(4), 0.0, None);
        assert_eq!((search.holds(), search.breaks()), (None, Some(1.0)));
        assert_eq!(tried, [4.0, 2.0, 1.0]);
        let (_, tried) = searched(from(2), 3.0, None);
        assert_eq!(tried, [2.0, 4.0, 3.0], "between 2 and 3 there is nobody");
    }

    #[test]
    fn the_cost_of_a_request_says_where_the_processors_are_full() {
        let scenario = Scenario {
            server_workers: 1,
            ..Scenario::default()
        };
        let host = Host::here();
        let full_at = |load, run: &TransportRun| price(load, &scenario, run, &host).unwrap().full_at;
        let mut poll = run(Transport::Poll, 1, 1_000, 500);
        poll.server.cpu_s = Some(0.2);
        // 0.2 ms each, and one a second.
        let knee = full_at(Load::Listeners, &poll).unwrap();
        assert!((knee - 5_000.0).abs() < 1.0, "{knee}");
        assert_eq!(full_at(Load::Rate, &poll), None);
        let mut push = run(Transport::Websocket, 1, 0, 20);
        push.counts.deliveries = 1_000;
        push.server.cpu_s = Some(0.01);
        // 10 µs each: one listener could hear 100,000 a second, or 200,000 listeners half a message.
        let rate = full_at(Load::Rate, &push).unwrap();
        assert!((rate - 100_000.0).abs() < 1e-6, "{rate}");
        let knee = full_at(Load::Listeners, &push).unwrap();
        assert!((knee - 200_000.0).abs() < 1e-6, "{knee}");
        push.server.cpu_s = None;
        assert_eq!(price(Load::Listeners, &scenario, &push, &host), None);
        let mut long = run(Transport::LongPoll, 1, 1_000, 20);
        (long.server.cpu_s, long.listeners) = (Some(1.0), 100);
        // 1 ms each, 100 listeners: full at ten requests of each a second, which a gap of 41 ms leaves room for.
        let rate = full_at(Load::Rate, &long).unwrap();
        assert!(rate > 10.0 && rate < 20.0, "{rate}");
    }
}
