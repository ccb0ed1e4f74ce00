//! From words to what they name: a lab's scenario, or an earlier run.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use talkplace::lab::{LABS, Source, lab};
use talkplace::results::{Foreign, Results, Scenario, latest_complete, read_results};

/// The scenario that a word names: a lab's, or that of a file (or of the folder it lies in).
pub(crate) fn scenario(word: &str) -> anyhow::Result<Source> {
    if let Some(lab) = lab(word) {
        return Ok(lab.source());
    }
    let path = Path::new(word);
    let file = if path.is_dir() {
        path.join("scenario.toml")
    } else {
        path.to_owned()
    };
    let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_dir() => anyhow!("there is no {}", file.display()),
        io::ErrorKind::NotFound => no_lab(word),
        io::ErrorKind::InvalidData => anyhow!("{} is no text, so it is no scenario", file.display()),
        _ => anyhow!("{} could not be read: {error}", file.display()),
    })?;
    Ok(Source {
        lab: lab_name(&file),
        file: file.display().to_string(),
        text: Cow::Owned(text),
    })
}

/// The sentence for a word that names no lab.
pub(crate) fn no_lab(word: &str) -> anyhow::Error {
    let names: Vec<&str> = LABS.iter().map(talkplace::lab::Lab::name).collect();
    anyhow!(
        "there is no lab and no file `{word}`; the labs are: {}",
        names.join(", ")
    )
}

/// What the runs of a file of one's own are filed under: its name, or that of its folder when it is a `scenario.toml`.
fn lab_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = match stem.as_str() {
        "scenario" => folder_name(file).unwrap_or(stem),
        _ => stem,
    };
    let plain: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' })
        .collect();
    let unnumbered = plain.trim_start_matches(|c: char| c.is_ascii_digit()).trim_matches('-');
    if unnumbered.is_empty() {
        "own".to_owned()
    } else {
        unnumbered.to_owned()
    }
}

fn folder_name(file: &Path) -> Option<String> {
    let folder = fs::canonicalize(file)
        .ok()?
        .parent()?
        .file_name()?
        .to_string_lossy()
        .into_owned();
    Some(folder)
}

/// The folder and the results of the run that a word names.
pub(crate) fn run(word: &str, reports: &Path) -> anyhow::Result<(PathBuf, Results)> {
    let path = Path::new(word);
    if path.is_file() || path.join("results.json").exists() {
        return read(path);
    }
    let (first, rest) = word.split_once('/').unwrap_or((word, ""));
    // `.`, `..` and the root are places, and no lab's name.
    if !first.chars().any(char::is_alphanumeric) {
        return read(path);
    }
    let lab = lab(first).map_or(first, |lab| lab.name());
    let folder = reports.join(lab);
    if rest.is_empty() && (folder.is_dir() || lab != first || LABS.iter().any(|known| known.name() == lab)) {
        return latest_complete(reports, lab, |_| true).with_context(|| {
            format!(
                "there is no complete run in {} yet; `talkplace run {lab}` makes one",
                folder.display()
            )
        });
    }
    if !rest.is_empty() && folder.join(rest).exists() {
        return read(&folder.join(rest));
    }
    if path.exists() {
        return read(path);
    }
    bail!("there is no run `{word}`: name its folder, its results.json, LAB/RUN, or a lab for its latest run")
}

fn read(path: &Path) -> anyhow::Result<(PathBuf, Results)> {
    let mut results = read_results(path)?;
    // A file from elsewhere must not steer the terminal that its words are printed on.
    let Scenario {
        lab, title, question, ..
    } = &mut results.scenario;
    let mut words = vec![&mut results.run, lab, title, question];
    if let Some(Foreign { name, url, .. }) = &mut results.foreign {
        words.extend([name, url]);
    }
    for words in words {
        words.retain(|c| !c.is_control());
    }
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    Ok((folder.unwrap_or(Path::new("")).to_owned(), results))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_ones_own_files_are_filed_under_a_plain_name() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("07-my lab");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("scenario.toml"), "").unwrap();
        for (file, name) in [
            (folder.join("scenario.toml"), "my-lab"),
            (PathBuf::from("x/quiet.toml"), "quiet"),
            (PathBuf::from("../..toml"), "own"),
            (PathBuf::from("123.toml"), "own"),
        ] {
            assert_eq!(lab_name(&file), name, "{}", file.display());
        }
    }
}
