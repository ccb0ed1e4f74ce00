use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args as ClapArgs, ValueEnum};
use talkplace::lab::knee::{Load, Outcome, Search, outcome, price};
use talkplace::lab::sweep as points;
use talkplace::lab::{End, Setup};
use talkplace::load::Target;
use talkplace::report::sweep::render_knee;
use talkplace::results::knob::write_rate;
use talkplace::results::{Check, Found, Knee, Point, Results, SCHEMA, Scenario, Sweep, SweepFolder, Swept};
use time::OffsetDateTime;

use super::args::{KNOBS, KnobArgs, generator, threads};
use super::exit::Exit;
use super::progress::{Form, Shown};
use super::stop::{Signal, Stop};
use super::{pages, pick, runtime, show, terminal};

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct KneeArgs {
    /// A lab (`three-ways`, `01-three-ways` or `1`), or the path of a scenario of your own
    lab: String,

    /// What is turned until a limit breaks
    #[arg(long, value_enum, default_value = "listeners", help_heading = KNOBS)]
    of: Of,
    /// A limit besides the scenario's checks: "delay.p99 < 2s"
    #[arg(long, value_name = "CHECK", help_heading = KNOBS)]
    limit: Vec<Check>,
    /// The most that is tried [default: 20000 listeners, or 10000 messages a second]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = KNOBS)]
    most: Option<u32>,
    #[command(flatten)]
    knobs: KnobArgs,
    /// The lab's short form at every load
    #[arg(long, help_heading = KNOBS)]
    quick: bool,

    /// Where the folders are kept, below `knee`
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// Print what was found as JSON on stdout, and nothing else there
    #[arg(long)]
    json: bool,
    /// Threads that the listeners are spread over [default: all processors but one, which is the server's]
    #[arg(long, value_name = "NUMBER", value_parser = threads)]
    generator_threads: Option<NonZeroUsize>,
}

/// Runs at one load until nobody can tell.
const MOST_TRIES: usize = 3;

/// What can be turned.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// More and more listeners
    Listeners,
    /// More and more messages
    Rate,
}

const EXAMPLES: &str = "\
Examples:
  talkplace knee three-ways --quick --limit \"delay.p99 < 2s\" --set server.workers=1
  talkplace knee three-ways --of rate --transports websocket,long-poll --limit \"delay.p99 < 500ms\"

Each transport is searched alone, from the scenario's own load on: one run there, from whose cost the model says where the processors are
full, one run at that place, and then the middle between what holds and what breaks. What it writes: knee/LAB/SEARCH/ below --out, with
knee.json, index.html, the charts as SVG, and a folder for each load. Where the generator or the machine is the limit
before the server is, it says so, and ends with 3. Exit status 1: even the least load breaks a limit.";

/// Where everything goes, and what was measured so far.
struct Kept {
    folder: SweepFolder,
    sweep: Sweep,
    results: Vec<Option<Results>>,
}

/// `talkplace knee`: the largest load that keeps the limits, and what breaks beyond it.
pub(crate) fn knee(args: &KneeArgs) -> anyhow::Result<ExitCode> {
    let load = match args.of {
        Of::Listeners => Load::Listeners,
        Of::Rate => Load::Rate,
    };
    let source = pick::scenario(&args.lab)?;
    let mut scenario = source.scenario(args.quick, &args.knobs.changes())?;
    scenario.checks.extend(args.limit.iter().cloned());
    if scenario.checks.is_empty() {
        bail!(
            "{} has no checks, so nothing could break; name a limit, such as --limit \"delay.p99 < 2s\"",
            args.lab
        );
    }
    let server = std::env::current_exe().context("the system does not tell where this program is")?;
    let setup = Setup {
        target: Target::Spawn(server),
        generator: generator(args.generator_threads),
    };
    let mut kept = begin(args, &scenario, load)?;
    let mut found = Vec::new();
    let mut stopped = None;
    for transport in &scenario.transports {
        let alone = Scenario {
            transports: vec![*transport],
            ..scenario.clone()
        };
        match search(args, load, &alone, &setup, &mut kept) {
            Ok((one, signal)) => {
                found.push(one);
                stopped = signal;
            }
            Err(error) if kept.results.is_empty() => {
                kept.folder.forget();
                return Err(error.context("nothing was measured and nothing written"));
            }
            Err(error) => {
                return Err(error.context(format!("what was measured is kept in {}", kept.folder.path().display())));
            }
        }
        if stopped.is_some() {
            break;
        }
    }
    if kept.results.is_empty() {
        kept.folder.forget();
        terminal::say("talkplace: stopped before the first load was measured; nothing was written");
    } else {
        deliver(args, load, &scenario, &kept, &found)?;
    }
    Ok(match stopped {
        Some(signal) => Exit::Stopped(signal),
        None => exit(&found),
    }
    .into())
}

fn begin(args: &KneeArgs, scenario: &Scenario, load: Load) -> anyhow::Result<Kept> {
    let folder = SweepFolder::create(&args.out.join("knee"), &scenario.lab, OffsetDateTime::now_utc())?;
    let (name, started_at) = folder.begun().expect("it begins here");
    let sweep = Sweep {
        schema: SCHEMA,
        talkplace: env!("CARGO_PKG_VERSION").to_owned(),
        name: name.to_owned(),
        started_at: started_at.to_owned(),
        quick: args.quick,
        knobs: vec![Swept {
            key: load.key().to_owned(),
            values: Vec::new(),
        }],
        points: Vec::new(),
        checks: Vec::new(),
        checked: Vec::new(),
    };
    Ok(Kept {
        folder,
        sweep,
        results: Vec::new(),
    })
}

/// Searches one transport; also gives the signal that ended it.
fn search(
    args: &KneeArgs,
    load: Load,
    scenario: &Scenario,
    setup: &Setup,
    kept: &mut Kept,
) -> anyhow::Result<(Found, Option<Signal>)> {
    let most = args.most.unwrap_or(match load {
        Load::Listeners => 20_000,
        Load::Rate => 10_000,
    });
    let mut search = Search::new(load, scenario, f64::from(most));
    let mut found = Found {
        transport: scenario.transports[0],
        holds: None,
        breaks: None,
        broke: Vec::new(),
        unclear: Vec::new(),
        first: None,
        last: None,
        runs: 0,
    };
    while let Some(at) = search.next(found.first.and_then(|price| price.full_at)) {
        let mut here = scenario.clone();
        load.set(&mut here, at);
        terminal::say(&format!("{} at {}", found.transport.title(), written(load, at)));
        let (results, outcome) = match try_load(load, at, &here, setup, kept)? {
            Tried::Measured(results, outcome) => (results, outcome),
            Tried::Stopped(signal) => return Ok((found, signal)),
        };
        found.runs += 1;
        search.tell(at, &outcome);
        let price = price(load, &results.scenario, &results.runs[0], &results.host);
        found.first = found.first.or(price);
        if search.holds() == Some(at) {
            found.last = price;
        }
        let is_first_to_break = search.breaks() == Some(at);
        match outcome {
            Outcome::Holds => {}
            Outcome::Breaks(broke) if is_first_to_break => (found.broke, found.unclear) = (broke, Vec::new()),
            Outcome::Unclear(unclear) if is_first_to_break => (found.broke, found.unclear) = (Vec::new(), unclear),
            Outcome::Breaks(_) | Outcome::Unclear(_) => {}
        }
        (found.holds, found.breaks) = (search.holds(), search.breaks());
    }
    Ok((found, None))
}

/// What came of a load.
enum Tried {
    Measured(Box<Results>, Outcome),
    Stopped(Option<Signal>),
}

/// One run; where the machine was the limit, another one and perhaps a third, as a hiccup would send the search astray.
fn try_load(load: Load, at: f64, scenario: &Scenario, setup: &Setup, kept: &mut Kept) -> anyhow::Result<Tried> {
    let mut tries = 1;
    loop {
        let (results, signal) = measure(load, at, scenario.clone(), setup, kept)?;
        let Some(results) = results else {
            return Ok(Tried::Stopped(signal));
        };
        let outcome = outcome(&results);
        if !matches!(outcome, Outcome::Unclear(_)) || tries == MOST_TRIES {
            return Ok(Tried::Measured(Box::new(results), outcome));
        }
        terminal::say("The machine was the limit, not the server: once more");
        tries += 1;
    }
}

/// One run, kept as a point of a sweep along the load.
fn measure(
    load: Load,
    at: f64,
    scenario: Scenario,
    setup: &Setup,
    kept: &mut Kept,
) -> anyhow::Result<(Option<Results>, Option<Signal>)> {
    let value = written(load, at);
    let mut plan = kept.sweep.clone();
    if !plan.knobs[0].values.contains(&value) {
        plan.knobs[0].values.push(value.clone());
    }
    plan.points.push(Point {
        folder: format!("{:02}", plan.points.len() + 1),
        values: vec![value],
        scenario: scenario.clone(),
    });
    let mut results = kept.results.clone();
    results.push(None);
    let shown = Shown::new(&scenario, Form::of_stderr());
    let watch = |_, step, progress| shown.update(step, progress);
    let signal = runtime()?.block_on(async {
        let stop = Stop::on_signals()?;
        let end = points::sweep(&plan, &mut results, &kept.folder, setup, &watch, stop.token()).await;
        shown.end();
        anyhow::Ok(match end? {
            End::Complete => None,
            End::Stopped => Some(stop.signal().expect("only a signal cancels the token")),
        })
    })?;
    let measured = results.last().cloned().flatten();
    if measured.is_some() {
        (kept.sweep, kept.results) = (plan, results);
        kept.folder.write_plan(&kept.sweep)?;
    }
    Ok((measured, signal))
}

fn deliver(args: &KneeArgs, load: Load, scenario: &Scenario, kept: &Kept, found: &[Found]) -> anyhow::Result<()> {
    let knee = Knee {
        schema: SCHEMA,
        lab: scenario.lab.clone(),
        of: load.key().to_owned(),
        limits: scenario.checks.iter().map(Check::to_string).collect(),
        transports: found.to_vec(),
    };
    knee.write(kept.folder.path())?;
    let report = render_knee(&kept.sweep, &kept.results, &knee)?.report;
    if args.json {
        let json = serde_json::to_string_pretty(&knee).context("the figures do not fit into JSON")?;
        terminal::print(&(json + "\n"))?;
    } else {
        terminal::print(&show::text(&scenario.title, &report))?;
    }
    let page = pages::write(kept.folder.path(), &report)?;
    pages::tell("Curves", &page, args.json)
}

fn written(load: Load, at: f64) -> String {
    match load {
        Load::Listeners => format!("{at}"),
        Load::Rate => write_rate(at),
    }
}

fn exit(found: &[Found]) -> Exit {
    if found.iter().any(|one| !one.unclear.is_empty()) {
        Exit::Unclear
    } else if found.iter().any(|one| one.holds.is_none()) {
        Exit::CheckFails
    } else {
        Exit::Fine
    }
}
