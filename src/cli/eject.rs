use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use talkplace::lab::{Lab, lab};
use talkplace::results::write_whole;

use super::args::EjectArgs;
use super::exit::Exit;
use super::{pick, terminal};

/// `talkplace eject`: every file of the lab, or none when one of them is there already.
pub(crate) fn eject(args: &EjectArgs) -> anyhow::Result<ExitCode> {
    let lab = lab(&args.lab).ok_or_else(|| pick::no_lab(&args.lab))?;
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(lab.name()));
    if !args.force {
        refuse_to_overwrite(lab, &folder)?;
    }
    for file in lab.files {
        let path = folder.join(file.name);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).with_context(|| format!("the folder {} could not be made", parent.display()))?;
        write_whole(&path, file.text.as_bytes())?;
        terminal::print(&format!("{}\n", path.display()))?;
    }
    let scenario = folder.join("scenario.toml");
    terminal::say(&format!(
        "Edit the scenario, then: talkplace run {}",
        scenario.display()
    ));
    Ok(Exit::Fine.into())
}

fn refuse_to_overwrite(lab: &Lab, folder: &Path) -> anyhow::Result<()> {
    let there: Vec<String> = lab
        .files
        .iter()
        .map(|file| folder.join(file.name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() {
        bail!(
            "nothing was written, as there is already: {}; name another folder, or write over it with --force",
            there.join(", ")
        );
    }
    Ok(())
}
