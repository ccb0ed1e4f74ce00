use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;
use talkplace::report::advice::{Advice, Wish, advise as of_run};
use talkplace::results::knob::read_time;

use super::args::{rate, some_time};
use super::exit::Exit;
use super::{pick, show, terminal};

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AdviseArgs {
    /// A run whose costs are taken: a folder, its results.json, LAB/RUN, or LAB for its latest complete run [default: three-ways]
    run: Option<String>,

    /// How many listeners there will be
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    listeners: u64,
    /// Messages in the feed: "20/s", "6/min", "1/10s"
    #[arg(long, value_name = "RATE", value_parser = rate, allow_hyphen_values = true)]
    rate: f64,
    /// No message may take longer than this: "2s", "300ms"
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    fresh: Duration,
    /// After so much silence something on the way cuts a connection: "60s"
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    idle_limit: Option<Duration>,
    /// Round-trip time between the listeners and the server: "40ms" [default: as in the run]
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    rtt: Option<Duration>,

    /// Print the figures as JSON on stdout, and nothing else there
    #[arg(long)]
    json: bool,
    /// Where the folders of runs are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  talkplace advise --listeners 5000 --rate 0.2/s --fresh 2s --idle-limit 60s
  talkplace advise a-friend/results.json --listeners 100000 --rate 10/s --fresh 500ms --rtt 80ms --json

The model says which interval or hold keeps every message that fresh; what a request, a delivery and a listener cost on this machine is
taken from a run. Exit status 1: none of the transports of the run will do.";

/// `talkplace advise`: which transport, with which setting, at what cost.
pub(crate) fn advise(args: &AdviseArgs) -> anyhow::Result<ExitCode> {
    let (folder, results) = pick::run(args.run.as_deref().unwrap_or("three-ways"), &args.reports)?;
    if results.runs.is_empty() {
        bail!(
            "no transport of the run in {} was measured to its end, so nobody knows what it costs",
            folder.display()
        );
    }
    let wish = Wish {
        listeners: args.listeners,
        rate_per_s: args.rate,
        fresh: args.fresh,
        idle_limit: args.idle_limit,
        rtt: args.rtt,
    };
    let advice = of_run(&results, &wish)?;
    let will_do = advice.options.iter().any(|option| option.recommended);
    if args.json {
        let json = serde_json::to_string_pretty(&advice.options).context("the figures do not fit into JSON")?;
        terminal::print(&(json + "\n"))?;
    } else {
        terminal::print(&text(&advice))?;
    }
    Ok(if will_do { Exit::Fine } else { Exit::CheckFails }.into())
}

fn text(advice: &Advice) -> String {
    let mut text = show::sentences(&advice.sentences);
    show::push(&mut text, &advice.table);
    text + &show::cautions(&advice.cautions)
}
