//! Which transport, with which setting, at what cost: the model's arithmetic on what one measured run cost.

use std::time::Duration;

use serde::Serialize;

use super::ReportError;
use super::entry::{Entry, entries};
use super::figures::untitled;
use super::number::{NONE, bytes, count, figure, lasting, milliseconds, times, with_unit};
use super::projection::{self, Aim};
use super::table::{Row, Table};
use super::word::{list, name, sentence};
use crate::model::hold;
use crate::protocol::Transport;
use crate::results::{Caution, Results};

/// Nothing between a client and a server is trusted to hold a silent connection for longer (RFC 6202, section 5.5).
const LONGEST_HOLD_S: f64 = 120.0;
/// Clocks and timers on the way need some room.
const MARGIN_S: f64 = 1.0;
/// A hold that leaves one answer in a hundred empty has nothing left to save.
const FEW_EMPTY: f64 = 0.01;
/// How often the streams of this server say something on their own, in seconds.
const PING_S: f64 = 30.0;
const HEARTBEAT_S: f64 = 15.0;
/// Processor times of two runs differ by as much.
const CLEARLY: f64 = 1.2;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// How many listeners there will be.
    pub listeners: u64,
    /// Messages a second.
    pub rate_per_s: f64,
    /// No message may take longer than this.
    pub fresh: Duration,
    /// After so much silence something between client and server cuts a connection.
    pub idle_limit: Option<Duration>,
    /// Round-trip time; `None` is that of the run.
    pub rtt: Option<Duration>,
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// In sentences that can be sent to somebody, the recommendation first.
    pub sentences: Vec<String>,
    /// The numbers behind them.
    pub table: Table,
    /// The same for programs.
    pub options: Vec<Choice>,
    /// Reasons to doubt it.
    pub cautions: Vec<Caution>,
}

/// One transport with the setting that it would need. What is not known is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Which transport.
    pub transport: Transport,
    /// Whether it can do what is wanted.
    pub fits: bool,
    /// Whether it is the one to take.
    pub recommended: bool,
    /// Why it cannot.
    pub why_not: Option<String>,
    /// From one short poll to the next.
    pub poll_interval_s: Option<f64>,
    /// How long a long poll may be held.
    pub hold_s: Option<f64>,
    /// The longest delay, the last listener's.
    pub longest_delay_s: f64,
    /// Requests of all listeners.
    pub requests_per_s: Option<f64>,
    /// On the listeners' sockets, both directions.
    pub mbit_per_s: Option<f64>,
    /// Processors busy on average.
    pub cores: Option<f64>,
    /// Resident memory of the server.
    pub memory_bytes: Option<f64>,
}

/// Advises by what a run cost on its machine.
///
/// # Errors
/// As [`projection::scale`]: [`ReportError::NoRun`] when nothing was measured.
pub fn advise(results: &Results, wish: &Wish) -> Result<Advice, ReportError> {
    let one_way_s = wish.rtt.unwrap_or(results.scenario.rtt).as_secs_f64() / 2.0;
    let measured = entries(0, results);
    let mut options: Vec<Choice> = measured
        .iter()
        .map(|entry| setting(entry, results, wish, one_way_s))
        .collect();
    let of = |transport: Transport| options.iter().find(move |option| option.transport == transport);
    let seconds = |s: Option<f64>| {
        s.and_then(|s| Duration::try_from_secs_f64(s).ok())
            .filter(|time| !time.is_zero())
    };
    let aim = Aim {
        listeners: wish.listeners,
        rate_per_s: Some(wish.rate_per_s),
        poll_interval: seconds(of(Transport::Poll).and_then(|option| option.poll_interval_s)),
        long_poll_timeout: seconds(of(Transport::LongPoll).and_then(|option| option.hold_s)),
        rtt: wish.rtt,
    };
    let scaled = projection::scale(results, &aim)?.figures;
    for (option, row) in options.iter_mut().zip(&scaled.transports) {
        option.requests_per_s = row.requests_per_s;
        option.mbit_per_s = row.mbit_per_s;
        option.cores = row.cores;
        option.memory_bytes = row.memory_bytes;
    }
    recommend(&mut options);
    Ok(Advice {
        sentences: sentences(&options, results, wish),
        table: table(&options),
        options,
        cautions: scaled.cautions,
    })
}

/// The setting that a transport needs to be fresh enough, and whether there is one.
fn setting(entry: &Entry, results: &Results, wish: &Wish, one_way_s: f64) -> Choice {
    let (transport, fresh_s) = (entry.transport(), wish.fresh.as_secs_f64());
    let pieces = if entry.asks() {
        entry.run.counts.requests
    } else {
        entry.run.counts.deliveries
    };
    let cost_s = match entry.run.server.cpu_s {
        Some(cpu_s) if pieces > 0 => cpu_s / pieces as f64,
        _ => 0.0,
    };
    let workers = results.scenario.server_processors(results.host.cores);
    // One message is due to all at once: the last of them waits for all others.
    let turns_s = wish.listeners as f64 * cost_s / workers;
    let idle_s = wish.idle_limit.map(|limit| limit.as_secs_f64());
    let mut option = Choice {
        transport,
        fits: true,
        recommended: false,
        why_not: None,
        poll_interval_s: None,
        hold_s: None,
        longest_delay_s: one_way_s,
        requests_per_s: None,
        mbit_per_s: None,
        cores: None,
        memory_bytes: None,
    };
    let silent = match transport {
        Transport::Poll => {
            let interval_s = fresh_s - one_way_s - cost_s;
            option.poll_interval_s = Some(interval_s).filter(|interval_s| *interval_s > 0.0);
            option.longest_delay_s = interval_s.max(0.0) + one_way_s + cost_s;
            None
        }
        Transport::LongPoll => {
            let gap_s = 2.0 * one_way_s + cost_s;
            let let_through_s = idle_s.map_or(LONGEST_HOLD_S, |limit_s| {
                hold::within_idle_limit_s(limit_s, one_way_s, cost_s, MARGIN_S).min(LONGEST_HOLD_S)
            });
            let hold_s = hold::best_s(let_through_s, hold::enough_s(wish.rate_per_s, gap_s, FEW_EMPTY));
            // Whole seconds are what one sets, and less than one is no hold.
            option.hold_s = Some(hold_s.floor().max(hold_s.min(1.0))).filter(|hold_s| *hold_s > 0.0);
            option.longest_delay_s = one_way_s + gap_s + turns_s;
            option
                .hold_s
                .is_none()
                .then(|| "the idle limit leaves no time to hold a request".to_owned())
        }
        Transport::Events | Transport::Websocket => {
            option.longest_delay_s = one_way_s + turns_s;
            let says_s = if transport == Transport::Events {
                HEARTBEAT_S
            } else {
                PING_S
            };
            idle_s
                .filter(|limit_s| *limit_s <= says_s)
                .map(|_| format!("its sign of life every {says_s} s comes too late for the idle limit"))
        }
    };
    let late = (option.poll_interval_s.is_none() && transport == Transport::Poll || option.longest_delay_s > fresh_s)
        .then(|| {
            let least = if transport == Transport::Poll {
                one_way_s + cost_s
            } else {
                option.longest_delay_s
            };
            format!("some messages would take {}", milliseconds(least * 1e3))
        });
    option.why_not = silent.or(late);
    option.fits = option.why_not.is_none();
    option
}

/// The cheapest of those that fit: in processor time where it clearly differs, in bytes otherwise.
fn recommend(options: &mut [Choice]) {
    let fit = |option: &&Choice| option.fits;
    let cores = |option: &Choice| option.cores.unwrap_or(f64::INFINITY);
    let least = options.iter().filter(fit).map(cores).fold(f64::INFINITY, f64::min);
    let alike = |option: &&Choice| cores(option) <= least * CLEARLY;
    let bits = |option: &Choice| option.mbit_per_s.unwrap_or(f64::INFINITY);
    let best = options
        .iter()
        .filter(fit)
        .filter(alike)
        .min_by(|one, other| bits(one).total_cmp(&bits(other)));
    let best = best.map(|option| option.transport);
    options
        .iter_mut()
        .for_each(|option| option.recommended = Some(option.transport) == best);
}

fn sentences(options: &[Choice], results: &Results, wish: &Wish) -> Vec<String> {
    let limit = wish.idle_limit.map_or(String::new(), |limit| {
        format!(", behind an idle limit of {}", lasting(limit))
    });
    let wanted = format!(
        "For {} listeners and {} messages a second, none of them later than {}{limit}",
        count(wish.listeners),
        figure(wish.rate_per_s),
        lasting(wish.fresh)
    );
    let mut sentences = Vec::new();
    match options.iter().find(|option| option.recommended) {
        Some(best) => sentences.push(format!(
            "{wanted}: take {}{}.",
            name(best.transport),
            with_setting(best)
        )),
        None => sentences.push(format!("{wanted}: none of the transports that were measured will do.")),
    }
    for option in options {
        let costs = costs(option);
        sentences.push(sentence(&match &option.why_not {
            Some(why) => format!("{} will not do: {why}.", name(option.transport)),
            None => format!(
                "{}{} has its longest delay at {} and takes {}.",
                name(option.transport),
                with_setting(option),
                milliseconds(option.longest_delay_s * 1e3),
                list(&costs)
            ),
        }));
    }
    sentences.extend(dearer(options));
    sentences.push(format!(
        "The costs are those that run {} of {} measured with {} listeners on {} processors, scaled; delays are the model’s, at a round trip of {}.",
        results.run,
        results.scenario.lab,
        count(results.scenario.listeners.into()),
        results.host.cores,
        lasting(wish.rtt.unwrap_or(results.scenario.rtt))
    ));
    sentences
}

fn with_setting(option: &Choice) -> String {
    let seconds = |s: f64| with_unit(figure(s), "s");
    match (option.poll_interval_s, option.hold_s) {
        (Some(interval_s), _) => format!(", asking every {}", seconds(interval_s)),
        (_, Some(hold_s)) => format!(" with a hold of {}", seconds(hold_s)),
        _ => String::new(),
    }
}

fn costs(option: &Choice) -> Vec<String> {
    [
        option
            .requests_per_s
            .map(|per_s| format!("{} requests a second", figure(per_s))),
        option.mbit_per_s.map(|mbit| with_unit(figure(mbit), "Mbit/s")),
        option.cores.map(|cores| format!("{} processors", figure(cores))),
        option.memory_bytes.map(|memory| format!("{} of memory", bytes(memory))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the next best would cost, where it clearly costs more.
fn dearer(options: &[Choice]) -> Option<String> {
    let best = options.iter().find(|option| option.recommended)?;
    let others = options.iter().filter(|option| option.fits && !option.recommended);
    let (next, ratio) = others
        .filter_map(|option| Some((option, option.cores? / best.cores?)))
        .min_by(|one, other| one.1.total_cmp(&other.1))?;
    Some(if ratio >= CLEARLY {
        format!(
            "The next in processor time is {}, with {} times as much.",
            name(next.transport),
            times(ratio)
        )
    } else {
        format!(
            "{} takes as much processor time, as far as the run can tell: bytes decided.",
            sentence(name(next.transport))
        )
    })
}

fn table(options: &[Choice]) -> Table {
    let known = |value: Option<String>| value.unwrap_or(NONE.to_owned());
    let seconds = |s: f64| with_unit(figure(s), "s");
    let row = |head: &str, cell: &dyn Fn(&Choice) -> Option<String>| {
        Row::new(head, options.iter().map(|option| known(cell(option))).collect())
    };
    let rows = vec![
        row("will do", &|option| {
            Some(if option.fits { "yes" } else { "no" }.to_owned())
        }),
        row("asking every", &|option| option.poll_interval_s.map(seconds)),
        row("hold", &|option| option.hold_s.map(seconds)),
        row("longest delay", &|option| {
            Some(milliseconds(option.longest_delay_s * 1e3))
        }),
        row("requests a second", &|option| option.requests_per_s.map(figure)),
        row("Mbit/s", &|option| option.mbit_per_s.map(figure)),
        row("processors busy", &|option| option.cores.map(figure)),
        row("server memory", &|option| option.memory_bytes.map(bytes)),
    ];
    Table {
        name: "advice",
        caption: "What each would need and cost".to_owned(),
        corner: String::new(),
        columns: options
            .iter()
            .map(|option| option.transport.title().to_owned())
            .collect(),
        groups: vec![untitled(rows)],
        numeric: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn wish() -> Wish {
        Wish {
            listeners: 5_000,
            rate_per_s: 0.2,
            fresh: Duration::from_secs(2),
            idle_limit: Some(Duration::from_secs(60)),
            rtt: Some(Duration::from_millis(100)),
        }
    }

    fn of(advice: &Advice, transport: Transport) -> &Choice {
        advice
            .options
            .iter()
            .find(|option| option.transport == transport)
            .unwrap()
    }

    #[test]
    fn each_transport_gets_the_setting_that_is_fresh_enough() {
        let advice = advise(&fixture::four_ways(), &wish()).unwrap();
        let poll = of(&advice, Transport::Poll);
        assert!((poll.poll_interval_s.unwrap() - 1.95).abs() < 0.001 && poll.fits);
        assert!((poll.longest_delay_s - 2.0).abs() < 1e-9);
        // ln 100/0.2 is 23 s, which the 60 s let through.
        assert_eq!(of(&advice, Transport::LongPoll).hold_s, Some(22.0));
        assert!(advice.options.iter().filter(|option| option.recommended).count() == 1);
        assert!(advice.sentences[0].contains("take "), "{:?}", advice.sentences);
        let cheapest = advice.options.iter().find(|option| option.recommended).unwrap();
        let fits = advice.options.iter().filter(|option| option.fits);
        assert!(
            fits.map(|option| option.cores.unwrap())
                .all(|cores| cores * CLEARLY >= cheapest.cores.unwrap())
        );
    }

    #[test]
    fn a_quiet_feed_is_held_as_long_as_the_way_allows() {
        let quiet = Wish {
            rate_per_s: 0.001,
            ..wish()
        };
        let results = fixture::four_ways();
        let hold_s = |wish: &Wish| of(&advise(&results, wish).unwrap(), Transport::LongPoll).hold_s;
        assert_eq!(hold_s(&quiet), Some(58.0));
        assert_eq!(
            hold_s(&Wish {
                idle_limit: None,
                ..quiet
            }),
            Some(120.0)
        );
    }

    #[test]
    fn what_cannot_be_is_said_with_its_reason() {
        let hasty = Wish {
            fresh: Duration::from_millis(40),
            idle_limit: Some(Duration::from_secs(20)),
            ..wish()
        };
        let advice = advise(&fixture::four_ways(), &hasty).unwrap();
        assert!(advice.sentences[0].ends_with("none of the transports that were measured will do."));
        let why = |transport| of(&advice, transport).why_not.clone().unwrap();
        assert!(
            why(Transport::Poll).contains("some messages would take 50"),
            "{}",
            why(Transport::Poll)
        );
        assert!(
            why(Transport::Websocket).contains("every 30 s"),
            "{}",
            why(Transport::Websocket)
        );
        assert!(
            why(Transport::Events).contains("some messages"),
            "{}",
            why(Transport::Events)
        );
    }
}
