use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use talkplace::report::{Chart, Report};
use talkplace::results::write_whole;

use super::terminal;

/// Writes the page and the charts of a report into a folder, which is made where it is missing; gives the path of the page.
pub(crate) fn write(folder: &Path, report: &Report) -> anyhow::Result<PathBuf> {
    write_page(folder, &report.html, &report.charts)
}

/// The same for any page and its charts.
pub(crate) fn write_page(folder: &Path, html: &str, charts: &[Chart]) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {} could not be made", folder.display()))?;
    for chart in charts {
        write_whole(&folder.join(&chart.name), chart.svg.as_bytes())?;
    }
    let page = folder.join("index.html");
    write_whole(&page, html.as_bytes())?;
    Ok(page)
}

/// Says where a page is, at the very end: on stdout, unless that is `json`'s alone.
pub(crate) fn tell(what: &str, page: &Path, json: bool) -> anyhow::Result<()> {
    let line = format!("{what}: {}", page.display());
    if json {
        terminal::say(&line);
        Ok(())
    } else {
        terminal::print(&format!("\n{line}\n"))
    }
}
