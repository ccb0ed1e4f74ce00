use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use talkplace::lab::{self, End, MeasureError, Setup, Step};
use talkplace::load::{Peer, Target};
use talkplace::report::{self, Report};
use talkplace::results::{Results, RunFolder, Scenario, latest_complete};
use time::OffsetDateTime;

use super::args::{RunArgs, TargetArgs, generator};
use super::exit::Exit;
use super::progress::{Form, Shown};
use super::stop::{Signal, Stop};
use super::{pages, pick, predict, runtime, show, terminal};

/// `talkplace run`: everything is checked and the folder is made before anything is measured.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let source = pick::scenario(&args.lab)?;
    let scenario = source.scenario(args.quick, &args.knobs.changes())?;
    let setup = Setup {
        target: target(&args.target, &scenario)?,
        generator: generator(args.generator_threads),
    };
    let guesses = predict::guesses(args, &scenario)?;
    let folder = RunFolder::create(&args.out, &scenario.lab, OffsetDateTime::now_utc())?;
    let mut results = lab::begin(scenario, args.quick, &folder);
    results.guesses = guesses;
    let ended = measure(&mut results, &folder, &setup, args.progress_json);
    match ended {
        // Without results on the disk a report would be a picture of nothing.
        Err(error) if error.downcast_ref::<MeasureError>().is_some_and(is_of_folder) => {
            print_found(args, &results, &report::render(&[results.clone()])?)?;
            folder.remove_if_empty();
            Err(error.context("what was measured is printed, but could not all be kept"))
        }
        Err(error) if results.runs.is_empty() => {
            folder.remove_if_empty();
            Err(error.context("nothing was measured and nothing written"))
        }
        Err(error) => {
            deliver(args, &folder, &results)?;
            Err(error.context(kept(&folder, &results)))
        }
        Ok(None) => {
            deliver(args, &folder, &results)?;
            Ok(Exit::of(&results).into())
        }
        Ok(Some(signal)) => stopped(args, folder, &results, signal),
    }
}

/// The server to measure: one of our own for each transport, or the one that was named.
fn target(args: &TargetArgs, scenario: &Scenario) -> anyhow::Result<Target> {
    let Some(url) = &args.target else {
        let server = std::env::current_exe().context("the system does not tell where this program is")?;
        return Ok(Target::Spawn(server));
    };
    let mut peer = runtime()?.block_on(Peer::find(url, args.dialect))?;
    peer.fits(scenario)?;
    if let Some(pid) = args.target_pid {
        peer = peer.with_process(pid)?;
    }
    if let Some(name) = &args.target_name {
        peer.name.clone_from(name);
    }
    Ok(Target::Running(peer))
}

/// Measures until the end, or until a signal, which it gives back.
fn measure(
    results: &mut Results,
    folder: &RunFolder,
    setup: &Setup,
    progress_json: bool,
) -> anyhow::Result<Option<Signal>> {
    let form = if progress_json { Form::Json } else { Form::of_stderr() };
    let shown = Shown::new(&results.scenario, form);
    let watch = |step, progress| shown.update(step, progress);
    let ended = runtime()?.block_on(async {
        let stop = Stop::on_signals()?;
        let end = lab::measure(results, folder, setup, &watch, stop.token()).await?;
        Ok(match end {
            End::Complete => None,
            End::Stopped => Some(stop.signal().expect("only a signal cancels the token")),
        })
    });
    shown.end();
    ended
}

/// Says what was and what was not written.
fn stopped(args: &RunArgs, folder: RunFolder, results: &Results, signal: Signal) -> anyhow::Result<ExitCode> {
    let by = signal.name();
    if results.runs.is_empty() {
        folder.remove_if_empty();
        terminal::say(&format!(
            "talkplace: stopped by {by} before the first transport was measured; nothing was written"
        ));
    } else {
        deliver(args, &folder, results)?;
        terminal::say(&format!("talkplace: stopped by {by}: {}", kept(&folder, results)));
    }
    Ok(Exit::Stopped(signal).into())
}

/// Prints what was found, and draws the report beside the latest earlier run.
///
/// Printing comes first: what was measured must not be lost on the reader because a disk is full.
fn deliver(args: &RunArgs, folder: &RunFolder, results: &Results) -> anyhow::Result<()> {
    let mut shown = vec![results.clone()];
    // Part of a run beside a whole one would show the missing transports as a difference.
    let compare = !args.no_compare && results.complete;
    shown.extend(compare.then(|| earlier(&args.out, results)).flatten());
    let run = folder.path().display();
    let not_drawn = || format!("the run is kept in {run}, but not its report; `talkplace report {run}` makes it");
    let report = report::render(&shown).with_context(not_drawn)?;
    let printed = print_found(args, results, &report);
    let page = pages::write(folder.path(), &report).with_context(not_drawn)?;
    printed.with_context(|| format!("the report is in {}", page.display()))?;
    pages::tell("Report", &page, args.json)
}

/// The results on stdout, in the form that was asked for.
fn print_found(args: &RunArgs, results: &Results, report: &Report) -> anyhow::Result<()> {
    if args.json {
        let json = serde_json::to_string_pretty(results).context("the results do not fit into JSON")?;
        return terminal::print(&(json + "\n"));
    }
    terminal::print(&show::text(&results.scenario.title, report))?;
    terminal::print(&show::checks(&results.checks))
}

/// The latest complete run before this one, quick beside quick and whole beside whole.
fn earlier(reports: &Path, results: &Results) -> Option<Results> {
    let suits = |earlier: &Results| earlier.run != results.run && earlier.quick == results.quick;
    let (path, earlier) = latest_complete(reports, &results.scenario.lab, suits)?;
    terminal::say(&format!(
        "Shown beside the run before, {} (--no-compare leaves it out)",
        path.display()
    ));
    Some(earlier)
}

/// What there is of a run that did not come to its end.
fn kept(folder: &RunFolder, results: &Results) -> String {
    let steps = lab::steps(&results.scenario);
    let (measured, missing) = steps.split_at(results.runs.len());
    let path = folder.path().display();
    format!("{} kept in {path}, not measured: {}", titles(measured), titles(missing))
}

fn titles(steps: &[Step]) -> String {
    let title = |step: &Step| match step.round {
        1 => step.transport.title().to_owned(),
        round => format!("{} (round {round})", step.transport.title()),
    };
    let titles: Vec<String> = steps.iter().map(title).collect();
    titles.join(", ")
}

fn is_of_folder(error: &MeasureError) -> bool {
    matches!(error, MeasureError::Folder(_))
}
