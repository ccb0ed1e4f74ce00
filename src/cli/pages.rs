use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use talkplace::report::Report;
use talkplace::results::write_whole;

/// Writes the page and the charts of a report into a folder, which is made where it is missing; gives the path of the page.
pub(crate) fn write(folder: &Path, report: &Report) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {} could not be made", folder.display()))?;
    for chart in &report.charts {
        write_whole(&folder.join(&chart.name), chart.svg.as_bytes())?;
    }
    let page = folder.join("index.html");
    write_whole(&page, report.html.as_bytes())?;
    Ok(page)
}
