//! The page: a template that escapes what it is given, filled with what the other files of this folder found.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde::Serialize;

use super::beside::Beside;
use super::chart::Chart;
use super::knob::command;
use super::number::{self, bytes, count, lasting};
use super::prediction::verdicts;
use super::table::Table;
use super::through::stood;
use super::wire::{self, Wire};
use super::word::{list, name};
use crate::results::{
    Arrivals, Begin, Blocking, Caution, Foreign, Host, Network, PollPhase, PollTimer, RestartBy, Results, Scenario,
};

const TEMPLATE: &str = include_str!("page.html");
/// What all pages have: how a table is set, how a page begins, and what stands on it.
const GRID: &str = include_str!("grid.html");
const HEAD: &str = include_str!("head.html");
const PARTS: &str = include_str!("parts.html");
/// The look of all pages.
pub(crate) const STYLE: &str = include_str!("page.css");

/// What the template is filled with.
#[derive(Serialize)]
struct Page<'a> {
    style: Value,
    run: Run<'a>,
    /// The names of the runs beside it.
    others: Vec<&'a str>,
    findings: &'a [String],
    cautions: &'a [Caution],
    figures: Vec<Figure<'a>>,
    /// How model and measurement agree.
    verdicts: Vec<String>,
    /// What the rounds can tell apart.
    rounds: &'a [String],
    /// The bytes of one message in each transport.
    wires: Vec<Wire>,
    tables: BTreeMap<&'a str, &'a Table>,
    method: Vec<String>,
    /// What stood in between, and its file.
    between: Option<(String, &'a str)>,
    host: Vec<(&'static str, String)>,
    command: String,
}

/// What the page says about the run itself.
#[derive(Serialize)]
struct Run<'a> {
    name: &'a str,
    started_at: &'a str,
    talkplace: &'a str,
    schema: u32,
    lab: &'a str,
    title: &'a str,
    question: &'a str,
    /// What was measured, where talkplace did not start it.
    foreign: Option<&'a Foreign>,
}

/// What a page shows of a chart.
#[derive(Serialize)]
pub(crate) struct Figure<'a> {
    name: &'a str,
    topic: &'a str,
    reading: &'a str,
    title: &'a str,
    /// Written by ourselves, every text in it escaped: the only thing besides the style that goes in as it is.
    svg: Value,
    table: &'a Table,
}

/// The whole page.
///
/// # Errors
/// When the template does not fit what it is given, which a test would have seen.
pub(crate) fn page(
    beside: &Beside,
    findings: &[String],
    rounds: &[String],
    cautions: &[Caution],
    charts: &[Chart],
    tables: &[Table],
) -> Result<String, Error> {
    let first = beside.first();
    let wires = wire::wires(beside);
    let wire_table = wire::table(&wires);
    let page = Page {
        style: Value::from_safe_string(STYLE.to_owned()),
        run: Run {
            name: &first.run,
            started_at: &first.started_at,
            talkplace: &first.talkplace,
            schema: first.schema,
            lab: &first.scenario.lab,
            title: &first.scenario.title,
            question: &first.scenario.question,
            foreign: first.foreign.as_ref(),
        },
        others: beside.runs[1..].iter().map(|run| run.run.as_str()).collect(),
        findings,
        cautions,
        figures: charts.iter().map(figure).collect(),
        verdicts: verdicts(beside),
        rounds,
        tables: tables
            .iter()
            .chain([&wire_table])
            .map(|table| (table.name, table))
            .collect(),
        wires,
        method: method(first),
        between: stood(&first.scenario, &beside.of_side(0).collect::<Vec<_>>())
            .map(|stood| (stood, first.scenario.between.config.as_str())),
        host: host(&first.host),
        command: command(first),
    };
    let mut environment = environment()?;
    environment.add_template("page.html", TEMPLATE)?;
    environment.get_template("page.html")?.render(Serde(page))
}

/// Where a page is filled in: it escapes what it is given, and knows what all pages have.
pub(crate) fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    // A name that the template gets wrong is an error, not an empty place on the page.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("grid.html", GRID)?;
    environment.add_template("head.html", HEAD)?;
    environment.add_template("parts.html", PARTS)?;
    Ok(environment)
}

pub(crate) fn figure(chart: &Chart) -> Figure<'_> {
    Figure {
        name: chart.name.trim_end_matches(".svg"),
        topic: chart.topic,
        reading: chart.reading,
        title: &chart.title,
        svg: Value::from_safe_string(chart.svg.clone()),
        table: &chart.table,
    }
}

/// How it was measured, in sentences that follow from the knobs.
fn method(results: &Results) -> Vec<String> {
    let scenario = &results.scenario;
    let server = match &results.foreign {
        None => "alone, with a fresh server in a process of its own,".to_owned(),
        Some(foreign) => format!(
            "in turn on a server that was running already ({} on {}, spoken to in the dialect {}),",
            foreign.name, foreign.url, foreign.dialect
        ),
    };
    let names: Vec<&str> = scenario.transports.iter().map(|transport| name(*transport)).collect();
    let arrivals = match scenario.arrivals {
        Arrivals::Poisson => "at random (Poisson), as people speak who do not know of one another",
        Arrivals::Constant => "at equal distances, as a sensor speaks",
    };
    let timer = match scenario.poll_timer {
        PollTimer::Fixed => "on a fixed timer, from request to request",
        PollTimer::AfterAnswer => "from an answer to the next request",
        PollTimer::Unguarded => "on a timer that does not wait for answers",
    };
    let messages = match number::figure(scenario.rate_per_s).as_str() {
        "1" => "1 message".to_owned(),
        rate => format!("{rate} messages"),
    };
    let link = if scenario.rtt.is_zero() {
        "Listeners and server met on bare loopback, without an emulated link.".to_owned()
    } else {
        format!(
            "Between listeners and server lay an emulated link with a round trip of {}: the bytes of each direction were held for half \
             of it, and a new connection cost one round trip before its first byte.",
            lasting(scenario.rtt)
        )
    };
    let share = match scenario.server_cpu_percent {
        0 => String::new(),
        percent => format!(
            " The server was held to {percent} % of one processor, as a container is: in each hundredth of a second it stood still when it had used up its share."
        ),
    };
    let mut sentences = vec![
        format!(
            "Each transport ({}) was measured {server} by {} listeners that heard the same schedule: {} a second with {} bytes of \
             text, {arrivals}, drawn from the seed {}.{share}",
            list(&names),
            count(scenario.listeners.into()),
            messages,
            scenario.text_bytes,
            scenario.seed
        ),
        link,
        format!(
            "Short polling asked every {}, {timer}{}. A long poll was held for {} at most.{}{}",
            lasting(scenario.poll_interval),
            match scenario.poll_phase {
                PollPhase::Random => "",
                PollPhase::Aligned => ", all listeners at the same instants",
            },
            lasting(scenario.long_poll_timeout),
            if scenario.http_keep_alive {
                ""
            } else {
                " Every request of a poll had a connection of its own."
            },
            match scenario.http_cookie_bytes {
                0 => String::new(),
                bytes => format!(" Requests carried a cookie of {} bytes.", count(bytes.into())),
            }
        ),
        format!(
            "The first {} were a warm-up, heard but not counted. Then came the window of {}, in which everything was counted, and up to {} \
             to hear what was still on its way. The ledger covers all of it.",
            lasting(scenario.warm_up),
            lasting(scenario.duration),
            lasting(scenario.drain)
        ),
    ];
    sentences.extend(scenario.restart.is_asked_for().then(|| restart(scenario)));
    sentences.extend((!scenario.network.blocks.is_empty()).then(|| network(&scenario.network)));
    sentences.extend(scenario.ladder.falls_back.then(|| ladder(scenario)));
    sentences
}

/// What stood in the way of whom.
fn network(network: &Network) -> String {
    let blocks: Vec<&str> = network.blocks.iter().map(|transport| name(*transport)).collect();
    let how = match network.how {
        Blocking::Refuse => "refused what it blocks with 403",
        Blocking::Strip => {
            "took the upgrade out of a request, as a proxy does that does not know it, so that the server answered 426"
        }
        Blocking::Cut => "let an answer begin and closed the connection behind its head",
        Blocking::Swallow => "took a request and never answered",
    };
    let from = match network.blocks_after {
        time if time.is_zero() => "From the beginning".to_owned(),
        time => format!("{} after the start", lasting(time)),
    };
    let until = match network.free_after {
        time if time.is_zero() => String::new(),
        time => format!(" until {} after it", lasting(time)),
    };
    format!(
        "{from}{until} something at the server’s end of the link took {} away: it closed what was open of it, and {how}. Bytes are those          that crossed the listener’s end of it.",
        list(&blocks)
    )
}

/// How listeners changed between transports.
fn ladder(scenario: &Scenario) -> String {
    let ladder = &scenario.ladder;
    let lacks: Vec<&str> = ladder.lacks.iter().map(|transport| name(*transport)).collect();
    let lacks = match lacks.as_slice() {
        [] => String::new(),
        lacks => format!(" Its browser had no {}.", list(lacks)),
    };
    format!(
        "A listener whose transport did not open within {} tried the next of WebSocket, events, long polling and short polling, {}; every one began          at the same cursor.{lacks} Below its own transport it looked upwards after {}, twice as long after each look in vain.",
        lasting(ladder.open_within),
        match ladder.begins {
            Begin::Top => "from its own transport down",
            Begin::Bottom => "from short polling, which always works, up",
        },
        lasting(ladder.climb_after)
    )
}

/// What was done to the server in mid-window, and what everybody did then.
fn restart(scenario: &Scenario) -> String {
    let (restart, reconnect) = (&scenario.restart, &scenario.reconnect);
    let jitter = match reconnect.jitter.0 {
        0.0 => "all of it always".to_owned(),
        share => format!("{} of it left to chance", number::percent(share)),
    };
    format!(
        "In the middle of the window the server was {}, was away for {}, and was started again on the same port with the feed that it kept in a \
         file. A listener that had been cut off waited {}, {jitter}, and twice as long after each failure, up to {}; it came back with its \
         cursor. Messages that were due meanwhile were posted again and again under an Idempotency-Key until they were accepted; their \
         delay counts from the planned instant.",
        match restart.by {
            RestartBy::Drain => "asked to end (SIGTERM)",
            RestartBy::Kill => "killed (SIGKILL)",
        },
        lasting(restart.away),
        lasting(reconnect.wait),
        lasting(reconnect.longest)
    )
}

/// The machine, as pairs of a word and its value.
fn host(host: &Host) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("System", host.system.clone()), ("Architecture", host.arch.clone())];
    pairs.extend(host.processor.clone().map(|processor| ("Processor", processor)));
    pairs.push(("Processors used", host.cores.to_string()));
    pairs.extend(host.memory_bytes.map(|memory| ("Memory", bytes(memory as f64))));
    pairs
}
