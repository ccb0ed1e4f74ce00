//! What a sweep leaves: its plan, and a folder with the results of each point.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::folder::read_versioned;
use super::{Checked, FolderError, Results, RunFolder, Scenario, SweepCheck, read_results, write_whole};

/// The file in which the plan is kept.
const PLAN: &str = "sweep.json";

/// One scenario along one knob or two: what a sweep measures, in its order, and what it is claimed to show. The whole content of `sweep.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// [`SCHEMA`](super::SCHEMA) when it was written.
    pub schema: u32,
    /// The version of talkplace that began it.
    pub talkplace: String,
    /// Its name, which is also that of its folder: `2026-11-22T17-05-33`, in UTC.
    pub name: String,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// Whether it is of the lab's short form.
    pub quick: bool,
    /// The knobs that are swept: one, or two of which all pairs are measured.
    pub knobs: Vec<Swept>,
    /// Every point, the last knob turning fastest.
    pub points: Vec<Point>,
    /// What the sweep as a whole is claimed to show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<SweepCheck>,
    /// What became of these claims; empty while it is under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<Checked>,
}

/// A knob and the values that it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// The name of its key: `long_poll.timeout`.
    pub key: String,
    /// As a scenario writes them, in the order in which they are measured.
    pub values: Vec<String>,
}

/// One measurement of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its folder within that of the sweep: `01`.
    pub folder: String,
    /// The value of each knob, in the order of the knobs.
    pub values: Vec<String>,
    /// All that is asked for there.
    pub scenario: Scenario,
}

/// Where the files of one sweep go: `<lab>/<name>/` below the folder of all sweeps.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    /// Of a sweep that begins: what has to go again when nothing comes of it.
    made: Option<RunFolder>,
}

impl Sweep {
    /// The lab that is swept.
    pub fn lab(&self) -> &str {
        self.points.first().map_or("", |point| point.scenario.lab.as_str())
    }
}

impl Point {
    /// What tells it from the others: `long_poll.timeout 5s, feed.rate 2/s`.
    pub fn label(&self, knobs: &[Swept]) -> String {
        let pairs = knobs.iter().zip(&self.values);
        let pairs: Vec<String> = pairs.map(|(knob, value)| format!("{} {value}", knob.key)).collect();
        pairs.join(", ")
    }
}

impl SweepFolder {
    /// Makes the folder of a sweep that begins now, as [`RunFolder::create`] does that of a run.
    ///
    /// # Errors
    /// [`FolderError::NotWritable`]; nothing of it is left then.
    pub fn create(sweeps: &Path, lab: &str, started: OffsetDateTime) -> Result<Self, FolderError> {
        let made = RunFolder::create(sweeps, lab, started)?;
        Ok(SweepFolder {
            path: made.path().to_owned(),
            made: Some(made),
        })
    }

    /// The folder of a sweep that began earlier, with its plan.
    ///
    /// # Errors
    /// Every [`FolderError`] of reading: there is no such folder, it is no sweep's, or a newer talkplace wrote it.
    pub fn open(path: &Path) -> Result<(Self, Sweep), FolderError> {
        let sweep = read(path)?;
        let folder = SweepFolder {
            path: path.to_owned(),
            made: None,
        };
        Ok((folder, sweep))
    }

    /// The folder, as the user would type it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name and the time of a sweep that begins here.
    pub fn begun(&self) -> Option<(&str, &str)> {
        self.made.as_ref().map(|made| (made.name(), made.started_at()))
    }

    /// Writes `sweep.json`.
    ///
    /// # Errors
    /// [`FolderError::Write`].
    pub fn write_plan(&self, sweep: &Sweep) -> Result<(), FolderError> {
        let mut json = serde_json::to_vec_pretty(sweep).expect("a sweep is plain data, which JSON can hold");
        json.push(b'\n');
        write_whole(&self.path.join(PLAN), &json)
    }

    /// The folder of a point, made where it is missing.
    ///
    /// # Errors
    /// [`FolderError::NotWritable`].
    pub fn point(&self, sweep: &Sweep, point: &Point, started: OffsetDateTime) -> Result<RunFolder, FolderError> {
        let name = format!("{}/{}", sweep.name, point.folder);
        RunFolder::at(&self.path.join(&point.folder), name, started)
    }

    /// What was measured of a point; `None` of one that was not measured to its end.
    ///
    /// # Errors
    /// What is there but cannot be read: measuring it again would write over it.
    pub fn results(&self, point: &Point) -> Result<Option<Results>, FolderError> {
        match read_results(&self.path.join(&point.folder)) {
            Ok(results) => Ok(Some(results).filter(|results| results.complete && results.scenario == point.scenario)),
            Err(FolderError::Missing(_) | FolderError::NoResults(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the folder of a sweep of which nothing was measured; one that began earlier stays.
    pub fn forget(self) {
        if let Some(made) = self.made {
            // Folders of points are only made when they are written into, or are empty.
            if let Ok(entries) = fs::read_dir(&self.path) {
                entries.flatten().for_each(|entry| drop(fs::remove_dir(entry.path())));
            }
            let _ = fs::remove_file(self.path.join(PLAN));
            made.remove_if_empty();
        }
    }
}

fn read(path: &Path) -> Result<Sweep, FolderError> {
    let sweep: Sweep = read_versioned(path, &path.join(PLAN), FolderError::NoSweep)?;
    // The folder of a point is written into: a plan from elsewhere must not lead out of its own.
    let inside = |point: &Point| !point.folder.is_empty() && point.folder.bytes().all(|b| b.is_ascii_digit());
    let fits = |point: &Point| point.values.len() == sweep.knobs.len();
    if sweep.points.iter().all(|point| inside(point) && fits(point)) && !sweep.knobs.is_empty() {
        Ok(sweep)
    } else {
        Err(FolderError::NoSweep(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::SCHEMA;
    use time::macros::datetime;

    const STARTED: OffsetDateTime = datetime!(2026-11-22 17:05:33 UTC);

    fn sweep() -> Sweep {
        let point = |folder: &str, value: &str| Point {
            folder: folder.into(),
            values: vec![value.into()],
            scenario: Scenario::default(),
        };
        Sweep {
            schema: SCHEMA,
            talkplace: "0.1.0".into(),
            name: "2026-11-22T17-05-33".into(),
            started_at: "2026-11-22T17:05:33Z".into(),
            quick: false,
            knobs: vec![Swept {
                key: "listeners".into(),
                values: vec!["1".into(), "2".into()],
            }],
            points: vec![point("01", "1"), point("02", "2")],
            checks: vec!["requests falls".parse().unwrap()],
            checked: Vec::new(),
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let reports = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(reports.path(), "a-lab", STARTED).unwrap();
        assert!(folder.path().ends_with("a-lab/2026-11-22T17-05-33"));
        folder.write_plan(&sweep()).unwrap();
        let (again, read) = SweepFolder::open(folder.path()).unwrap();
        assert_eq!(read, sweep());
        assert_eq!(again.results(&read.points[0]).unwrap(), None);
        again.forget();
        assert!(folder.path().exists(), "one that began earlier stays");
        folder.forget();
        assert_eq!(fs::read_dir(reports.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn a_plan_from_elsewhere_stays_within_its_folder() {
        let home = tempfile::tempdir().unwrap();
        for bad in ["..", "/etc", "", "a/b"] {
            let mut sweep = sweep();
            sweep.points[0].folder = bad.into();
            fs::write(home.path().join(PLAN), serde_json::to_vec(&sweep).unwrap()).unwrap();
            let error = SweepFolder::open(home.path()).unwrap_err();
            assert!(matches!(error, FolderError::NoSweep(_)), "{bad}: {error}");
        }
    }
}
