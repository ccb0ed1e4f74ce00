//! The folder of one run, `reports/<lab>/<run>/`, and finding earlier ones.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{Results, SCHEMA};

/// The one file that everything else can be drawn from again.
const RESULTS: &str = "results.json";

/// Where one run's files go.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    name: String,
    started_at: String,
    /// Folders made for it, the innermost first: what has to go again when nothing comes of the run.
    made: Vec<PathBuf>,
}

/// Why a run's folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made, or nothing can be written into it.
    #[error("nothing can be written into {} (name another folder with --out)", path.display())]
    NotWritable {
        /// Which folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file could not be written; whatever stood in its place still does.
    #[error("{} could not be written", file.display())]
    Write {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no file or folder of this name.
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
    /// The folder is no run's.
    #[error("{} holds no results.json, so it is not the folder of a run", .0.display())]
    NoResults(PathBuf),
    /// The folder is no sweep's.
    #[error("{} holds no plan of a sweep, so it is not the folder of one", .0.display())]
    NoSweep(PathBuf),
    /// The file is there but cannot be read.
    #[error("{} could not be read", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what a run writes.
    #[error("{} is damaged or is no run's", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where and how.
        source: serde_json::Error,
    },
    /// A newer talkplace wrote it.
    #[error("{} was written by a newer talkplace (its schema is {schema}, this one reads up to {SCHEMA}); read it with that one", file.display())]
    Newer {
        /// Which file.
        file: PathBuf,
        /// The schema that it has.
        schema: u32,
    },
}

impl RunFolder {
    /// Makes the folder of a run that starts now, and makes sure that it can be written into.
    ///
    /// It is named after the time in UTC; a second run within the same second gets `-2` behind it.
    ///
    /// # Errors
    /// [`FolderError::NotWritable`]; nothing of it is left then.
    pub fn create(reports: &Path, lab: &str, started: OffsetDateTime) -> Result<Self, FolderError> {
        let parent = reports.join(lab);
        let made = missing(&parent);
        let not_writable = |source| FolderError::NotWritable {
            path: parent.clone(),
            source,
        };
        let folder = fs::create_dir_all(&parent)
            .and_then(|()| first_free(&parent, started))
            .map_err(not_writable);
        let (name, path) = folder.inspect_err(|_| remove_empty(&made))?;
        let started_at = rfc_3339(started);
        let made = [vec![path.clone()], made].concat();
        let folder = RunFolder {
            path,
            name,
            started_at,
            made,
        };
        match temporary_file(&folder.path) {
            Ok(_) => Ok(folder),
            Err(source) => {
                let path = folder.path.clone();
                folder.remove_if_empty();
                Err(FolderError::NotWritable { path, source })
            }
        }
    }

    /// The folder of a run that is a part of something larger, made where it is missing; its place and its name are given.
    ///
    /// # Errors
    /// [`FolderError::NotWritable`].
    pub(super) fn at(path: &Path, name: String, started: OffsetDateTime) -> Result<Self, FolderError> {
        let made = missing(path);
        fs::create_dir_all(path).map_err(|source| FolderError::NotWritable {
            path: path.to_owned(),
            source,
        })?;
        Ok(RunFolder {
            path: path.to_owned(),
            name,
            started_at: rfc_3339(started),
            made,
        })
    }

    /// The folder, as the user would type it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name: its folder's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it began, RFC 3339, UTC.
    pub fn started_at(&self) -> &str {
        &self.started_at
    }

    /// Writes `results.json`.
    ///
    /// # Errors
    /// [`FolderError::Write`]; an earlier `results.json` is still whole then.
    pub fn write_results(&self, results: &Results) -> Result<(), FolderError> {
        let mut json = serde_json::to_vec_pretty(results).expect("results are plain data, which JSON can hold");
        json.push(b'\n');
        write_whole(&self.path.join(RESULTS), &json)
    }

    /// Removes the folder, and those made for it, as far as nothing is in them.
    pub fn remove_if_empty(self) {
        remove_empty(&self.made);
    }
}

/// Writes a file so that nobody ever sees half of it: under another name in the same folder, then renamed.
///
/// # Errors
/// [`FolderError::Write`]; a file that was there before is untouched then.
pub fn write_whole(file: &Path, content: &[u8]) -> Result<(), FolderError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut temporary = temporary_file(folder)?;
        temporary.as_file_mut().write_all(content)?;
        // A full disk may only be noticed here.
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|error| error.error)
    };
    write().map(drop).map_err(|source| FolderError::Write {
        file: file.to_owned(),
        source,
    })
}

/// Reads the results of a run, given its folder or its `results.json`.
///
/// # Errors
/// Every [`FolderError`] but those of writing. The version is looked at before anything else, as a newer file may have another shape.
pub fn read_results(path: &Path) -> Result<Results, FolderError> {
    let file = if path.is_dir() {
        path.join(RESULTS)
    } else {
        path.to_owned()
    };
    read_versioned(path, &file, FolderError::NoResults)
}

/// Reads a file of ours in `path`, or the one that `path` is. `without` is what to call a folder that lacks it.
pub(super) fn read_versioned<T: DeserializeOwned>(
    path: &Path,
    file: &Path,
    without: fn(PathBuf) -> FolderError,
) -> Result<T, FolderError> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }

    let text = fs::read_to_string(file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound if path.is_dir() => without(path.to_owned()),
        io::ErrorKind::NotFound => FolderError::Missing(path.to_owned()),
        _ => FolderError::Read {
            file: file.to_owned(),
            source,
        },
    })?;
    let damaged = |source| FolderError::Damaged {
        file: file.to_owned(),
        source,
    };
    let Version { schema } = serde_json::from_str(&text).map_err(damaged)?;
    if schema > SCHEMA {
        let file = file.to_owned();
        return Err(FolderError::Newer { file, schema });
    }
    serde_json::from_str(&text).map_err(damaged)
}

/// The latest complete run of a lab that suits; what cannot be read is passed over.
///
/// Only folders named like a run count, by the time in their names: an `example` or a `baseline` that somebody keeps
/// beside them is no earlier run of theirs.
pub fn latest_complete(reports: &Path, lab: &str, suits: impl Fn(&Results) -> bool) -> Option<(PathBuf, Results)> {
    let folders = fs::read_dir(reports.join(lab)).ok()?.flatten();
    let mut runs: Vec<_> = folders
        .filter_map(|entry| Some((age(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    runs.sort();
    runs.into_iter()
        .rev()
        .filter_map(|(_, folder)| read_results(&folder).ok().map(|results| (folder, results)))
        .find(|(_, results)| results.complete && suits(results))
}

/// Sorts runs by the time in their names, and those of one second by the number behind it; `None` is no run's name.
fn age(name: &str) -> Option<(PrimitiveDateTime, u32)> {
    let (time, number) = name.split_at_checked(TIME_LENGTH)?;
    let time = PrimitiveDateTime::parse(time, NAME).ok()?;
    let number = match number {
        "" => 1,
        number => number.strip_prefix('-')?.parse().ok()?,
    };
    Some((time, number))
}

/// What a run is named after.
const NAME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]-[minute]-[second]");
/// How many characters `2026-11-22T17-05-33` has.
const TIME_LENGTH: usize = 19;

fn rfc_3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339)
        .expect("a year of four digits has an RFC 3339 form")
}

fn first_free(parent: &Path, started: OffsetDateTime) -> io::Result<(String, PathBuf)> {
    let time = started
        .format(NAME)
        .expect("every part of the form is in an OffsetDateTime");
    let mut number = 1;
    loop {
        let name = if number == 1 {
            time.clone()
        } else {
            format!("{time}-{number}")
        };
        let path = parent.join(&name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => return made.map(|()| (name, path)),
        }
    }
}

/// The folders on the way to this one that do not exist yet, the innermost first.
fn missing(path: &Path) -> Vec<PathBuf> {
    let missing = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    missing.map(Path::to_owned).collect()
}

fn remove_empty(innermost_first: &[PathBuf]) {
    for folder in innermost_first {
        // Fails where something is in it, which is what keeps it.
        let _ = fs::remove_dir(folder);
    }
}

/// A file that goes again unless it is renamed. Its permissions are those of any new file: a report is there to be shared.
fn temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".talkplace-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // Its error names the temporary file, which tells the reader nothing.
    builder.tempfile_in(folder).map_err(|error| error.kind().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Host, Scenario};
    use time::macros::datetime;

    const STARTED: OffsetDateTime = datetime!(2026-11-22 17:05:33 UTC);

    fn results(folder: &RunFolder, complete: bool) -> Results {
        Results {
            schema: SCHEMA,
            talkplace: "0.1.0".into(),
            run: folder.name().into(),
            started_at: folder.started_at().into(),
            scenario: Scenario::default(),
            host: Host::here(),
            complete,
            quick: false,
            foreign: None,
            runs: Vec::new(),
            checks: Vec::new(),
            guesses: Vec::new(),
            unclear: Vec::new(),
            cautions: Vec::new(),
        }
    }

    #[test]
    fn runs_of_one_second_get_numbers() {
        let reports = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..3)
            .map(|_| {
                RunFolder::create(reports.path(), "a-lab", STARTED)
                    .unwrap()
                    .name()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            names,
            ["2026-11-22T17-05-33", "2026-11-22T17-05-33-2", "2026-11-22T17-05-33-3"]
        );
    }

    proptest::proptest! {
        /// A report that is drawn again would otherwise differ in the last digit of a figure now and then.
        #[test]
        fn numbers_are_read_back_to_their_last_bit(rate_per_s in 0.0..1e6) {
            let written = serde_json::to_string(&Scenario { rate_per_s, ..Scenario::default() }).unwrap();
            let read: Scenario = serde_json::from_str(&written).unwrap();
            proptest::prop_assert_eq!(read.rate_per_s, rate_per_s);
        }
    }

    #[test]
    fn results_are_read_as_they_were_written_by_folder_and_by_file() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "a-lab", STARTED).unwrap();
        let results = results(&folder, true);
        folder.write_results(&results).unwrap();
        assert_eq!(read_results(folder.path()).unwrap(), results);
        assert_eq!(read_results(&folder.path().join("results.json")).unwrap(), results);
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["results.json"], "no temporary file stays behind");
    }

    #[test]
    fn the_latest_run_is_the_latest_complete_one() {
        let reports = tempfile::tempdir().unwrap();
        let make = |complete| {
            let folder = RunFolder::create(reports.path(), "a-lab", STARTED).unwrap();
            folder.write_results(&results(&folder, complete)).unwrap();
            folder.name().to_owned()
        };
        // Eleven of one second: the tenth comes after the ninth although "-10" sorts before "-9".
        let names: Vec<String> = (0..10).map(|_| make(true)).collect();
        let _interrupted = make(false);
        let latest = |other_than| latest_complete(reports.path(), "a-lab", |run| run.run != other_than);
        assert_eq!(latest("").unwrap().1.run, names[9]);
        assert_eq!(latest(&names[9]).unwrap().1.run, names[8]);
        assert!(latest_complete(reports.path(), "no-lab", |_| true).is_none());
    }

    #[test]
    fn only_folders_named_like_runs_are_earlier_runs() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "a-lab", STARTED).unwrap();
        folder.write_results(&results(&folder, true)).unwrap();
        let latest = || latest_complete(reports.path(), "a-lab", |_| true);
        assert!(latest().is_some());
        for name in [
            "example",
            "zzz",
            "2026-11-22T17-05-33-old",
            "2026-13-22T17-05-33",
            "2026-11-22T17-05-33~",
        ] {
            let kept = reports.path().join("a-lab").join(name);
            fs::rename(folder.path(), &kept).unwrap();
            assert!(latest().is_none(), "{name}");
            fs::rename(&kept, folder.path()).unwrap();
        }
    }

    #[test]
    fn a_run_that_comes_to_nothing_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        RunFolder::create(&home.path().join("new"), "a-lab", STARTED)
            .unwrap()
            .remove_if_empty();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);

        let reports = home.path().join("old");
        fs::create_dir(&reports).unwrap();
        RunFolder::create(&reports, "a-lab", STARTED).unwrap().remove_if_empty();
        assert_eq!(
            fs::read_dir(&reports).unwrap().count(),
            0,
            "what was there before stays"
        );
    }

    #[test]
    fn a_folder_that_is_a_file_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("reports");
        fs::write(&file, "mine").unwrap();
        let error = RunFolder::create(&file, "a-lab", STARTED).unwrap_err();
        assert!(matches!(error, FolderError::NotWritable { .. }), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn a_failed_write_leaves_the_earlier_file() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("page");
        // A folder cannot be replaced by a file, whoever runs the test.
        fs::create_dir(&file).unwrap();
        let error = write_whole(&file, b"new").unwrap_err();
        assert!(matches!(error, FolderError::Write { .. }), "{error}");
        assert_eq!(
            fs::read_dir(home.path()).unwrap().count(),
            1,
            "the temporary file is gone"
        );
    }

    #[test]
    fn what_is_no_run_is_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let file = home.path().join("results.json");
            fs::write(&file, text).unwrap();
            read_results(&file).unwrap_err()
        };
        assert!(matches!(read_results(home.path()), Err(FolderError::NoResults(_))));
        assert!(matches!(
            read_results(&home.path().join("none")),
            Err(FolderError::Missing(_))
        ));
        assert!(matches!(
            read("{\"schema\":999,\"all\":\"new\"}"),
            FolderError::Newer { schema: 999, .. }
        ));
        assert!(matches!(read("{\"schema\":1}"), FolderError::Damaged { .. }));
        assert!(matches!(read("{\"schema\":1,"), FolderError::Damaged { .. }));
        assert!(matches!(read(""), FolderError::Damaged { .. }));
    }
}
