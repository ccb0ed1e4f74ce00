use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use talkplace::report::projection::{Aim, Scaled, scale};
use talkplace::results::Results;

use super::args::ProjectArgs;
use super::exit::Exit;
use super::{pages, pick, show, terminal};

/// The lab whose latest run is scaled when none is named.
const USUAL_LAB: &str = "three-ways";

/// `talkplace project`: a measured run scaled on paper.
pub(crate) fn project(args: &ProjectArgs) -> anyhow::Result<ExitCode> {
    let (folder, results) = pick::run(args.run.as_deref().unwrap_or(USUAL_LAB), &args.reports)?;
    if results.runs.is_empty() {
        bail!(
            "no transport of the run in {} was measured to its end, so there is nothing to scale",
            folder.display()
        );
    }
    let aim = args.aim();
    let scaled = scale(&results, &aim)?;
    let page = pages::write_page(
        &place(args, &results, &aim),
        &scaled.html,
        std::slice::from_ref(&scaled.chart),
    )?;
    let line = format!("Projection: {}", page.display());
    if args.json {
        let json = serde_json::to_string_pretty(&scaled.figures).context("the figures do not fit into JSON")?;
        terminal::print(&(json + "\n"))?;
        terminal::say(&line);
    } else {
        terminal::print(&text(&scaled))?;
        terminal::print(&format!("\n{line}\n"))?;
    }
    Ok(Exit::Fine.into())
}

/// A folder of its own for every run and number of listeners.
fn place(args: &ProjectArgs, results: &Results, aim: &Aim) -> PathBuf {
    let name = format!("{}-{}", results.run, aim.listeners).replace(['/', '\\'], "-");
    let below = args.out.as_ref().unwrap_or(&args.reports);
    below.join("project").join(name)
}

/// What it comes to, the figures, what each of them rests on, and the reasons to doubt them.
fn text(scaled: &Scaled) -> String {
    let mut text = show::sentences(&scaled.findings);
    scaled.tables.iter().for_each(|table| show::push(&mut text, table));
    let rests_on = scaled.figures.assumptions.iter();
    let rests_on: Vec<String> = rests_on
        .map(|assumption| format!("{}: {}", assumption.figure, assumption.rests_on))
        .collect();
    text.push_str("\nWhat each figure rests on\n\n");
    text + &show::sentences(&rests_on) + &show::cautions(&scaled.figures.cautions)
}
