use std::process::ExitCode;

use talkplace::report;

use super::args::ReportArgs;
use super::exit::Exit;
use super::{pages, pick, show, terminal};

/// `talkplace report`: the report of one run, drawn again from what the run left.
pub(crate) fn redraw(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let (folder, results) = pick::run(&args.run, &args.reports)?;
    let title = results.scenario.title.clone();
    let report = report::render(&[results])?;
    let page = pages::write(args.out.as_ref().unwrap_or(&folder), &report)?;
    terminal::print(&show::text(&title, &report))?;
    pages::tell("Report", &page, false)?;
    Ok(Exit::Fine.into())
}
