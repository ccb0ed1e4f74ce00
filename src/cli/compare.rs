use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use talkplace::report;
use talkplace::results::Results;

use super::args::CompareArgs;
use super::exit::Exit;
use super::{pages, pick, show, terminal};

/// `talkplace compare`: runs side by side, in the order in which they were named.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let mut runs: Vec<Results> = Vec::new();
    for word in &args.runs {
        let (folder, results) = pick::run(word, &args.reports)?;
        if runs.contains(&results) {
            bail!(
                "{} was named before: a run beside itself shows nothing",
                folder.display()
            );
        }
        runs.push(results);
    }
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| args.reports.join("compare").join(name(&runs)));
    keep_off_runs(&folder)?;
    let report = report::render(&runs)?;
    let page = pages::write(&folder, &report)?;
    terminal::print(&show::text(&title(&runs), &report))?;
    pages::tell("Report", &page, false)?;
    Ok(Exit::Fine.into())
}

/// A comparison in the folder of a run would take the place of that run's own report.
fn keep_off_runs(folder: &Path) -> anyhow::Result<()> {
    if folder.join("results.json").exists() {
        bail!(
            "{} is the folder of a run, whose own report would be lost; name another with --out",
            folder.display()
        );
    }
    Ok(())
}

/// The names of the first runs, as a folder's: enough to find it again, short enough for any file system.
fn name(runs: &[Results]) -> PathBuf {
    let names: Vec<String> = runs
        .iter()
        .take(3)
        .map(|run| format!("{}-{}", run.scenario.lab, run.run))
        .collect();
    let more = runs.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!("+{more}-more")
    } else {
        String::new()
    };
    PathBuf::from(names.join("+").replace(['/', '\\'], "-") + &more)
}

fn title(runs: &[Results]) -> String {
    let names: Vec<String> = runs
        .iter()
        .map(|run| format!("{} {}", run.scenario.lab, run.run))
        .collect();
    names.join(" beside ")
}
