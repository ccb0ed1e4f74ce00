use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;
use talkplace::lab::sweep::{self as points, Knob};
use talkplace::lab::{self, End, Planned, Setup, Step};
use talkplace::load::{Progress, Target};
use talkplace::report::sweep::{SweepReport, render, render_knee};
use talkplace::results::{Knee, Results, SCHEMA, Sweep, SweepFolder};
use time::OffsetDateTime;

use super::args::{KNOBS, KnobArgs, generator, key_value, threads};
use super::exit::Exit;
use super::progress::{Form, Shown};
use super::stop::{Signal, Stop};
use super::{pages, pick, runtime, show, terminal};

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct SweepArgs {
    /// A lab (`three-ways`, `01-three-ways` or `1`), or the path of a scenario of your own
    #[arg(required_unless_present = "resume")]
    lab: Option<String>,

    /// A knob and the values that it takes in turn: "long_poll.timeout=1s,5s,25s"; two knobs make all pairs [default: the scenario's [sweep] table]
    #[arg(long, value_name = "KEY=V1,V2,…", value_parser = key_value, help_heading = KNOBS)]
    vary: Vec<(String, String)>,
    #[command(flatten)]
    knobs: KnobArgs,
    /// The lab's short form at every point
    #[arg(long, help_heading = KNOBS)]
    quick: bool,

    /// Go on with a sweep that was interrupted; of one that is complete, draw the report again
    #[arg(long, value_name = "DIR", conflicts_with_all = ["lab", "vary", "quick"])]
    resume: Option<PathBuf>,
    /// Where the folders of sweeps are kept, below `sweep`
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// Print the curves as JSON on stdout, and nothing else there
    #[arg(long)]
    json: bool,
    /// Threads that the listeners are spread over [default: all processors but one, which is the server's]
    #[arg(long, value_name = "NUMBER", value_parser = threads)]
    generator_threads: Option<NonZeroUsize>,
}

const EXAMPLES: &str = "\
Examples:
  talkplace sweep three-ways --vary long_poll.timeout=1s,2s,5s,25s --transports long-poll
  talkplace sweep three-ways --vary feed.rate=1/4s,1/s,4/s --vary link.rtt=0s,40ms,200ms --quick
  talkplace sweep --resume reports/sweep/three-ways/2026-11-22T17-05-33

What it writes: sweep/LAB/SWEEP/ below --out, with index.html, the charts as SVG, sweep.json (the plan), and a folder for each point with
its results.json. Every point is kept as soon as it is measured: ctrl-C loses no more than the one under way. A [sweep] table may claim what
the whole shows, as checks = [\"long-poll.requests falls\"]; the exit status is that of all checks.";

/// `talkplace sweep`: a run at each point, each kept at once, and one report of all.
pub(crate) fn sweep(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    let server = std::env::current_exe().context("the system does not tell where this program is")?;
    let setup = Setup {
        target: Target::Spawn(server),
        generator: generator(args.generator_threads),
    };
    let (folder, mut sweep) = match &args.resume {
        Some(path) => resumed(args, path)?,
        None => begun(args)?,
    };
    let mut results = Vec::new();
    for point in &sweep.points {
        results.push(folder.results(point)?);
    }
    if args.resume.is_some() {
        let there = results.iter().flatten().count();
        terminal::say(&format!(
            "{there} of {} points were measured before",
            sweep.points.len()
        ));
    }
    let ended = measure(&sweep, &mut results, &folder, &setup);
    let nothing = results.iter().all(Option::is_none);
    let path = folder.path().display().to_string();
    match ended {
        Err(error) if nothing => {
            folder.forget();
            Err(error.context("no point was measured"))
        }
        Err(error) => {
            deliver(args, &folder, &sweep, &results)?;
            Err(error.context(kept(&path, &results)))
        }
        Ok(None) => {
            sweep.checked = lab::sweep_verdicts(&sweep, &results);
            folder.write_plan(&sweep)?;
            deliver(args, &folder, &sweep, &results)?;
            Ok(exit(&sweep, results.iter().flatten()).into())
        }
        Ok(Some(signal)) if nothing => {
            folder.forget();
            let by = signal.name();
            terminal::say(&format!(
                "talkplace: stopped by {by} before the first point was measured; nothing was written"
            ));
            Ok(Exit::Stopped(signal).into())
        }
        Ok(Some(signal)) => {
            deliver(args, &folder, &sweep, &results)?;
            terminal::say(&format!(
                "talkplace: stopped by {}: {}",
                signal.name(),
                kept(&path, &results)
            ));
            Ok(Exit::Stopped(signal).into())
        }
    }
}

/// A new sweep: all points are checked, and its folder and its plan are written before anything is measured.
fn begun(args: &SweepArgs) -> anyhow::Result<(SweepFolder, Sweep)> {
    let word = args.lab.as_deref().unwrap_or_default();
    let source = pick::scenario(word)?;
    let knobs = args.vary.iter().map(|(key, values)| Knob {
        key: key.clone(),
        values: values.split(',').map(|value| value.trim().to_owned()).collect(),
        typed: Some(format!("--vary {key}={values}")),
    });
    let knobs: Vec<Knob> = knobs.collect();
    let Planned { knobs, points, checks } = source.sweep(args.quick, &args.knobs.changes(), &knobs)?;
    let folder = SweepFolder::create(&args.out.join("sweep"), &source.lab, OffsetDateTime::now_utc())?;
    let (name, started_at) = folder.begun().expect("it begins here");
    let sweep = Sweep {
        schema: SCHEMA,
        talkplace: env!("CARGO_PKG_VERSION").to_owned(),
        name: name.to_owned(),
        started_at: started_at.to_owned(),
        quick: args.quick,
        knobs,
        points,
        checks,
        checked: Vec::new(),
    };
    if let Err(error) = folder.write_plan(&sweep) {
        folder.forget();
        return Err(error.into());
    }
    Ok((folder, sweep))
}

/// One that began earlier, with the knobs that it had then.
fn resumed(args: &SweepArgs, path: &std::path::Path) -> anyhow::Result<(SweepFolder, Sweep)> {
    if let Some(change) = args.knobs.changes().first() {
        bail!("{}: a sweep goes on with the knobs that it began with", change.typed);
    }
    Ok(SweepFolder::open(path)?)
}

/// Measures until the end, or until a signal, which it gives back.
fn measure(
    sweep: &Sweep,
    results: &mut [Option<Results>],
    folder: &SweepFolder,
    setup: &Setup,
) -> anyhow::Result<Option<Signal>> {
    if results.iter().all(Option::is_some) {
        return Ok(None);
    }
    let shown = Points::new(sweep);
    let watch = |point, step, progress| shown.update(point, step, progress);
    let ended = runtime()?.block_on(async {
        let stop = Stop::on_signals()?;
        let end = points::sweep(sweep, results, folder, setup, &watch, stop.token()).await?;
        Ok(match end {
            End::Complete => None,
            End::Stopped => Some(stop.signal().expect("only a signal cancels the token")),
        })
    });
    shown.end();
    ended
}

/// Prints what was found, and draws the report.
fn deliver(args: &SweepArgs, folder: &SweepFolder, sweep: &Sweep, results: &[Option<Results>]) -> anyhow::Result<()> {
    let path = folder.path();
    let not_drawn = || {
        let path = path.display();
        format!("the points are kept in {path}, but not their report; `talkplace sweep --resume {path}` makes it")
    };
    // The folder of a search has the page of a search.
    let drawn = match Knee::read(path)? {
        Some(knee) => render_knee(sweep, results, &knee),
        None => render(sweep, results),
    };
    let SweepReport { report, figures } = drawn.with_context(not_drawn)?;
    let title = results
        .iter()
        .flatten()
        .next()
        .map_or("", |results| results.scenario.title.as_str());
    if args.json {
        let json = serde_json::to_string_pretty(&figures).context("the figures do not fit into JSON")?;
        terminal::print(&(json + "\n"))?;
    } else {
        terminal::print(&show::text(title, &report))?;
        terminal::print(&show::sweep_checks(sweep, results))?;
    }
    let page = pages::write(path, &report).with_context(not_drawn)?;
    pages::tell("Report", &page, args.json)
}

/// What the points and the whole come to: a check that fails where the machine was not the limit is told before anything else.
fn exit<'a>(sweep: &Sweep, results: impl Iterator<Item = &'a Results>) -> Exit {
    let mut all: Vec<Exit> = results.map(Exit::of).collect();
    all.push(Exit::of_checks(&sweep.checked));
    [Exit::CheckFails, Exit::Unclear]
        .into_iter()
        .find(|exit| all.contains(exit))
        .unwrap_or(Exit::Fine)
}

/// What there is of a sweep that did not come to its end, and how to go on.
fn kept(path: &str, results: &[Option<Results>]) -> String {
    let measured = results.iter().flatten().count();
    format!(
        "{measured} of {} points kept in {path}; `talkplace sweep --resume {path}` goes on",
        results.len()
    )
}

/// How far a sweep has come: a line for each point, and the progress of a run within it.
struct Points<'a> {
    sweep: &'a Sweep,
    now: Mutex<Option<(usize, Shown)>>,
}

impl<'a> Points<'a> {
    fn new(sweep: &'a Sweep) -> Self {
        let steps: usize = sweep.points.iter().map(|point| lab::steps(&point.scenario).len()).sum();
        terminal::say(&format!("{} points, {steps} measurements", sweep.points.len()));
        Points {
            sweep,
            now: Mutex::new(None),
        }
    }

    fn update(&self, point: usize, step: Step, progress: Progress) {
        let mut now = self.now.lock().expect("nothing panics while it holds this lock");
        if now.as_ref().is_none_or(|(at, _)| *at != point) {
            if let Some((_, shown)) = now.take() {
                shown.end();
            }
            let here = &self.sweep.points[point];
            terminal::say(&format!(
                "Point {} of {}: {}",
                point + 1,
                self.sweep.points.len(),
                here.label(&self.sweep.knobs)
            ));
            *now = Some((point, Shown::new(&here.scenario, Form::of_stderr())));
        }
        if let Some((_, shown)) = now.as_ref() {
            shown.update(step, progress);
        }
    }

    fn end(&self) {
        if let Some((_, shown)) = self
            .now
            .lock()
            .expect("nothing panics while it holds this lock")
            .as_ref()
        {
            shown.end();
        }
    }
}
