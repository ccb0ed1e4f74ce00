//! The program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder to run the program in, which goes with the test.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

/// What a run of the program came to.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Home {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in a folder, sorted; none when there is no such folder.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        names(&self.path(name))
    }

    /// The program, ready to be started here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_talkplace"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("RUST_LOG");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn talkplace(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Checks that a run came to its end: well, or unclear because this machine has others to serve, too.
    pub(crate) fn ran(&self) {
        self.ran_with(0);
    }

    /// The same with the status that it has where the machine is not the limit.
    pub(crate) fn ran_with(&self, status: i32) {
        let says_so = self.stdout.contains("This is unclear") || self.stdout.contains("\"unclear\": [\n    {");
        let expected = if self.status == Some(3) && says_so { 3 } else { status };
        assert_eq!(self.status, Some(expected), "{}{}", self.stdout, self.stderr);
    }

    /// Checks that it could not run, and gives the one sentence that says why.
    pub(crate) fn refused(&self) -> &str {
        assert_eq!(self.status, Some(2), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert!(self.stderr.starts_with("talkplace: "), "{}", self.stderr);
        self.stderr.trim_end()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
