//! What can be typed. The doc comments are the help text; nothing outside `cli` knows these types.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};
use talkplace::lab::Change;
use talkplace::load::Settings;
use talkplace::report::projection::Aim;
use talkplace::results::knob::{read_rate, read_time};
use talkplace::results::{Dialect, Guess};

use super::advise::AdviseArgs;
use super::attack::AttackArgs;
use super::check::CheckArgs;
use super::knee::KneeArgs;
use super::serve::ServeArgs;
use super::sweep::SweepArgs;
use super::verify::VerifyArgs;

/// One chat, heard in several ways, and what each of them costs.
///
/// talkplace starts a chat server, lets a few hundred listeners hear the same messages by short polling, long polling,
/// server-sent events and WebSocket, and draws what each way cost.
#[derive(Debug, Parser)]
#[command(name = "talkplace", version, max_term_width = 100, after_help = START)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const START: &str = "\
Start here:
  talkplace labs                                   the questions there are labs for
  talkplace run three-ways                         a minute, then a report
  talkplace run three-ways --long-poll-timeout 2s  the same with one knob turned, beside the first

Exit status: 0 fine, 1 a check of the scenario fails, 2 could not run, 3 ran but its figures prove nothing,
130 stopped by ctrl-C.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a lab, and draw a report of what each transport cost
    // Those with many flags are boxed: they are several times as large as the others.
    Run(Box<RunArgs>),
    /// Run a lab along a knob, and draw each figure as a curve over it
    Sweep(Box<SweepArgs>),
    /// Search the largest load that keeps a lab's limits, and say what breaks beyond it
    Knee(Box<KneeArgs>),
    /// Draw runs side by side, and name the knobs in which they differ
    Compare(CompareArgs),
    /// Draw the report of a run again, from its results.json
    Report(ReportArgs),
    /// Scale a measured run on paper: what a million listeners would take
    Project(ProjectArgs),
    /// Say which transport to take, with which setting, at what cost
    Advise(AdviseArgs),
    /// Check that results that were handed in fit their seed and scenario
    Verify(VerifyArgs),
    /// Say which parts of the contract a server keeps
    Check(CheckArgs),
    /// Try to be somebody else, as a lab’s script does, and say whether the server held
    Attack(AttackArgs),
    /// List the labs with their questions, or the knobs of one lab
    Labs(LabsArgs),
    /// Write a lab out for editing
    Eject(EjectArgs),
    /// Serve the chat: a page, and every transport of the contract
    Serve(Box<ServeArgs>),
    /// Read and run the labs in a browser
    Open(OpenArgs),
}

impl Command {
    /// What is logged unless `RUST_LOG` says otherwise.
    pub(crate) fn usual_log_level(&self) -> &'static str {
        match self {
            Command::Serve(_) => "info",
            _ => "warn",
        }
    }
}

#[derive(Debug, ClapArgs)]
// `--listeners -5` is then told from a flag, and refused by the sentence of its knob.
#[command(after_help = RUN_EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct RunArgs {
    /// A lab (`three-ways`, `01-three-ways` or `1`), or the path of a scenario of your own
    pub(crate) lab: String,

    #[command(flatten)]
    pub(crate) knobs: KnobArgs,
    /// The lab's short form, which takes under 15 seconds
    #[arg(long, help_heading = KNOBS)]
    pub(crate) quick: bool,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Where the folders of runs are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(crate) out: PathBuf,
    /// Ask for guesses first; they are kept with the run, and drawn beside what came of them
    #[arg(long)]
    pub(crate) predict: bool,
    /// A guess: "poll.requests=4000", "websocket.delay.p99=25ms"
    #[arg(long, value_name = "FIGURE=VALUE")]
    pub(crate) guess: Vec<Guess>,
    /// Leave out the comparison with the latest earlier run of this lab
    #[arg(long)]
    pub(crate) no_compare: bool,
    /// Print the results as JSON on stdout, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell the progress as lines of JSON on stderr: for the page that started the run
    #[arg(long, hide = true)]
    pub(crate) progress_json: bool,
    /// Threads that the listeners are spread over [default: all processors but one, which is the server's]
    #[arg(long, value_name = "NUMBER", value_parser = threads)]
    pub(crate) generator_threads: Option<NonZeroUsize>,
}

/// A server that is running already, to be measured instead of talkplace's own.
#[derive(Debug, ClapArgs)]
pub(crate) struct TargetArgs {
    /// Measure this server, which is running already: "http://localhost:3000", "ws://localhost:3000/talkplace"
    #[arg(long, value_name = "URL", help_heading = SERVER)]
    pub(crate) target: Option<String>,
    /// How it is spoken to: talkplace, ws-broadcast or nchan
    #[arg(long, value_name = "NAME", default_value = "talkplace", requires = "target", help_heading = SERVER)]
    pub(crate) dialect: Dialect,
    /// Its process on this machine, whose processor time and memory are read with those of all that it has started
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..), requires = "target", help_heading = SERVER)]
    pub(crate) target_pid: Option<i32>,
    /// What it is called in reports [default: its host and port]
    #[arg(long, value_name = "NAME", value_parser = a_name, requires = "target", help_heading = SERVER)]
    pub(crate) target_name: Option<String>,
}

const SERVER: &str = "A server of your own";

/// Long enough for a program with its version, and short enough for the label of a bar.
const LONGEST_NAME: usize = 40;

fn a_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_one = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    is_one
        .then(|| name.to_owned())
        .ok_or_else(|| format!("it takes one line of 1 to {LONGEST_NAME} characters"))
}

/// The knobs of a scenario that can be turned on the command line.
#[derive(Debug, ClapArgs)]
pub(crate) struct KnobArgs {
    /// How long the server may hold a long poll: "2s", "25s"
    #[arg(long, value_name = "TIME", help_heading = KNOBS)]
    long_poll_timeout: Option<String>,
    /// How often short polling asks: "500ms", "1s"
    #[arg(long, value_name = "TIME", help_heading = KNOBS)]
    poll_interval: Option<String>,
    /// How many listeners each transport has
    #[arg(long, value_name = "NUMBER", help_heading = KNOBS)]
    listeners: Option<String>,
    /// Messages in the feed: "20/s", "6/min", "1/10s"
    #[arg(long, value_name = "RATE", help_heading = KNOBS)]
    rate: Option<String>,
    /// Round-trip time between the listeners and the server: "40ms"; "0s" is the bare machine
    #[arg(long, value_name = "TIME", help_heading = KNOBS)]
    rtt: Option<String>,
    /// How long is counted, per transport: "20s"
    #[arg(long, value_name = "TIME", help_heading = KNOBS)]
    duration: Option<String>,
    /// What is measured, in this order: "poll,long-poll,events,websocket"
    #[arg(long, value_name = "LIST", help_heading = KNOBS)]
    transports: Option<String>,
    /// How often each transport is measured, in turn with the others
    #[arg(long, value_name = "NUMBER", help_heading = KNOBS)]
    repeat: Option<String>,
    /// Another plan of messages: every seed gives one of its own, and always the same
    #[arg(long, value_name = "NUMBER", help_heading = KNOBS)]
    seed: Option<String>,
    /// Any other knob, as in a scenario: "feed.text_bytes=256"; `talkplace labs LAB` lists them
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, help_heading = KNOBS)]
    set: Vec<(String, String)>,
}

pub(crate) const KNOBS: &str = "Knobs";

const RUN_EXAMPLES: &str = "\
Examples:
  talkplace run three-ways
  talkplace run three-ways --quick --listeners 50
  talkplace run three-ways --rate 1/10s --duration 1m
  talkplace run three-ways --set feed.arrivals=constant --set poll.timer=after-answer
  talkplace run three-ways --guess poll.requests=4000 --guess long-poll.delay.p99=60ms
  talkplace run my/scenario.toml --json > results.json
  talkplace run bring-your-own --target ws://localhost:3000/talkplace --dialect ws-broadcast

What it writes: LAB/RUN/ below --out, with results.json, index.html and the charts as SVG.
ctrl-C ends it early; transports that were finished by then are kept.";

impl KnobArgs {
    /// The knobs that were turned, in the order in which they count: `--set` may be more precise and comes last.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let flags = [
            ("long_poll.timeout", "--long-poll-timeout", &self.long_poll_timeout),
            ("poll.interval", "--poll-interval", &self.poll_interval),
            ("listeners", "--listeners", &self.listeners),
            ("feed.rate", "--rate", &self.rate),
            ("link.rtt", "--rtt", &self.rtt),
            ("duration", "--duration", &self.duration),
            ("transports", "--transports", &self.transports),
            ("repeat", "--repeat", &self.repeat),
            ("seed", "--seed", &self.seed),
        ];
        let flags = flags.into_iter().filter_map(|(key, flag, value)| {
            let value = value.clone()?;
            Some(Change {
                key: key.to_owned(),
                typed: format!("{flag} {value}"),
                value,
            })
        });
        let set = self.set.iter().map(|(key, value)| Change {
            key: key.clone(),
            value: value.clone(),
            typed: format!("--set {key}={value}"),
        });
        flags.chain(set).collect()
    }
}

/// What the load generator may take of this machine.
pub(crate) fn generator(listener_threads: Option<NonZeroUsize>) -> Settings {
    Settings {
        listener_threads,
        ..Settings::default()
    }
}

pub(crate) fn threads(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "it takes a whole number from 1 up")
}

pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("write it as KEY=VALUE, for example feed.text_bytes=256")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, ClapArgs)]
#[command(after_help = COMPARE_EXAMPLES)]
pub(crate) struct CompareArgs {
    /// Runs: a folder, its results.json, LAB/RUN, or LAB for its latest complete run
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// Where the comparison goes [default: compare/NAMES below --reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the folders of runs are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(crate) reports: PathBuf,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  talkplace compare reports/three-ways/2026-11-22T17-05-33 three-ways
  talkplace compare monday/results.json tuesday/results.json --out week";

#[derive(Debug, ClapArgs)]
#[command(after_help = REPORT_EXAMPLES)]
pub(crate) struct ReportArgs {
    /// A run: a folder, its results.json, LAB/RUN, or LAB for its latest complete run
    pub(crate) run: String,
    /// Where the report goes [default: the folder of the run]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the folders of runs are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(crate) reports: PathBuf,
}

const REPORT_EXAMPLES: &str = "\
Examples:
  talkplace report three-ways
  talkplace report a-friend/results.json --out a-friend";

#[derive(Debug, ClapArgs)]
#[command(after_help = PROJECT_EXAMPLES)]
pub(crate) struct ProjectArgs {
    /// A run: a folder, its results.json, LAB/RUN, or LAB for its latest complete run [default: three-ways]
    pub(crate) run: Option<String>,

    /// How many listeners there would be
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=MOST_LISTENERS), help_heading = KNOBS)]
    listeners: u64,
    /// Messages in the feed: "20/s", "6/min", "1/10s" [default: as in the run, like the knobs below]
    #[arg(long, value_name = "RATE", value_parser = rate, allow_hyphen_values = true, help_heading = KNOBS)]
    rate: Option<f64>,
    /// How often short polling asks: "5s", "1m"
    #[arg(long, value_name = "TIME", value_parser = some_time, help_heading = KNOBS)]
    poll_interval: Option<Duration>,
    /// How long the server may hold a long poll: "25s", "60s"
    #[arg(long, value_name = "TIME", value_parser = some_time, help_heading = KNOBS)]
    long_poll_timeout: Option<Duration>,
    /// Round-trip time between the listeners and the server: "40ms"
    #[arg(long, value_name = "TIME", value_parser = read_time, help_heading = KNOBS)]
    rtt: Option<Duration>,

    /// Print the figures as JSON on stdout, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the projection goes: project/RUN-LISTENERS below it [default: that of --reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the folders of runs are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(crate) reports: PathBuf,
}

/// More than there are people; beyond it nobody would believe a multiplication.
const MOST_LISTENERS: u64 = 10_000_000_000;

const PROJECT_EXAMPLES: &str = "\
Examples:
  talkplace project --listeners 1000000
  talkplace project three-ways --listeners 1000000 --rate 0.2/s --poll-interval 5s
  talkplace project a-friend/results.json --listeners 50000 --json

What the run counted per request, per delivery and per listener is multiplied. Where a knob is turned, the model says how
often a listener would ask. Every figure comes with what it rests on.";

impl ProjectArgs {
    /// What the run is scaled to.
    pub(crate) fn aim(&self) -> Aim {
        Aim {
            listeners: self.listeners,
            rate_per_s: self.rate,
            poll_interval: self.poll_interval,
            long_poll_timeout: self.long_poll_timeout,
            rtt: self.rtt,
        }
    }
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate_per_s = read_rate(text).map_err(|error| error.to_string())?;
    if rate_per_s >= 0.0 {
        Ok(rate_per_s)
    } else {
        Err("a feed cannot have fewer than no messages".to_owned())
    }
}

pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    let time = read_time(text).map_err(|error| error.to_string())?;
    if time >= Duration::from_millis(1) {
        Ok(time)
    } else {
        Err("1ms is the least".to_owned())
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LabsArgs {
    /// Show the knobs of this lab (or of this scenario file), with their values
    pub(crate) lab: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = EJECT_EXAMPLES)]
pub(crate) struct EjectArgs {
    /// Which lab
    pub(crate) lab: String,
    /// Where to [default: a folder with the lab's name]
    pub(crate) dir: Option<PathBuf>,
    /// Write over files that are there already
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct OpenArgs {
    /// Where the folders of runs are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(crate) reports: PathBuf,
    /// Say the address, and leave it to you to open it
    #[arg(long)]
    pub(crate) no_browser: bool,
}

const EJECT_EXAMPLES: &str = "\
Example:
  talkplace eject three-ways mine
  talkplace run mine/scenario.toml";
