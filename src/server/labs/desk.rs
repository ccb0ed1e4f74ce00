//! The desk at which runs are started: one at a time, each a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Lab, Labs};
use crate::protocol::Refusal;

/// Where runs are started and watched.
pub(in crate::server) struct Desk {
    labs: Arc<Labs>,
    shared: Arc<Shared>,
}

struct Shared {
    /// The process of the run that is under way.
    running: Mutex<Option<Pid>>,
    state: watch::Sender<State>,
}

/// What the page is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(in crate::server) enum State {
    /// Nothing was started yet.
    #[default]
    Idle,
    /// A run is under way.
    Running {
        /// The lab's folder.
        lab: String,
        /// What the run says of how far it is.
        progress: Option<Value>,
    },
    /// The last run has ended.
    Ended {
        /// The lab's folder.
        lab: String,
        /// Where its report is, when there is one.
        report: Option<String>,
        /// Its exit status, when it was not ended by a signal.
        status: Option<i32>,
        /// What it said last.
        words: String,
    },
}

impl Desk {
    pub(in crate::server) fn new(labs: Labs) -> Self {
        Desk {
            labs: Arc::new(labs),
            shared: Arc::new(Shared {
                running: Mutex::new(None),
                state: watch::Sender::default(),
            }),
        }
    }

    pub(super) fn labs(&self) -> Arc<Labs> {
        Arc::clone(&self.labs)
    }

    /// Hears every state from now on, the present one first.
    pub(super) fn watch(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Starts a run of the lab with the fields of its form.
    ///
    /// # Errors
    /// Malformed for a knob that the lab does not have, busy while another run is under way.
    pub(super) fn start(&self, lab: &Lab, fields: &[(String, String)]) -> Result<(), Refusal> {
        let arguments = arguments(lab, fields)?;
        let mut running = self.shared.running();
        if running.is_some() {
            return Err(Refusal::Busy);
        }
        let child = Command::new(&self.labs.program)
            .args(["run", &lab.name, "--json", "--progress-json", "--out"])
            .arg(&self.labs.reports)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.map_err(|error| {
            warn!(%error, "a run could not be started");
            Refusal::Busy
        })?;
        info!(lab = lab.name, ?arguments, "run started from the page");
        *running = Some(Pid::from_raw(child.id().cast_signed()));
        drop(running);
        self.shared.state.send_replace(State::Running {
            lab: lab.folder.clone(),
            progress: None,
        });
        let (shared, lab) = (Arc::clone(&self.shared), lab.clone());
        std::thread::spawn(move || shared.attend(child, &lab));
        Ok(())
    }

    /// Asks the run that is under way to stop; it keeps what it has measured.
    pub(super) fn stop(&self) {
        self.shared.signal(Signal::SIGINT);
    }

    /// Ends the run that is under way, since the server ends.
    pub(in crate::server) fn end(&self) {
        self.shared.signal(Signal::SIGTERM);
    }

    /// Completes when no run is under way. One that takes longer than this to write down what it has is killed.
    pub(in crate::server) async fn ended(&self, patience: Duration) {
        let mut states = self.watch();
        let ended = states.wait_for(|state| !matches!(state, State::Running { .. }));
        if tokio::time::timeout(patience, ended).await.is_err() {
            self.shared.signal(Signal::SIGKILL);
        }
    }
}

impl Drop for Desk {
    /// Nobody can watch it any more.
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Option<Pid>> {
        self.running.lock().expect("nothing panics while it holds this lock")
    }

    fn signal(&self, signal: Signal) {
        // The process is waited for only after it was taken out of here: the number is still its own.
        if let Some(pid) = *self.running() {
            let _ = kill(pid, signal);
        }
    }

    /// Passes on what a run says until it has ended.
    fn attend(&self, mut child: Child, lab: &Lab) {
        let results = child.stdout.take().map(|mut stdout| {
            std::thread::spawn(move || {
                let mut json = Vec::new();
                let _ = stdout.read_to_end(&mut json);
                json
            })
        });
        let mut words = String::new();
        let lines = child
            .stderr
            .take()
            .into_iter()
            .flat_map(|stderr| BufReader::new(stderr).lines());
        for line in lines.map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(progress @ Value::Object(_)) => {
                    self.state.send_replace(State::Running {
                        lab: lab.folder.clone(),
                        progress: Some(progress),
                    });
                }
                _ => words = line.trim_start_matches("talkplace: ").to_owned(),
            }
        }
        let json = results.and_then(|reader| reader.join().ok()).unwrap_or_default();
        // Both its outputs have ended, so it has or is about to: from here on its number may become another's.
        *self.running() = None;
        let status = child.wait().ok().and_then(|status| status.code());
        let results: Option<Value> = serde_json::from_slice(&json).ok();
        let run = results.as_ref().and_then(|results| results["run"].as_str());
        self.state.send_replace(State::Ended {
            lab: lab.folder.clone(),
            report: run.map(|run| format!("/reports/{}/{run}/", lab.name)),
            status,
            words,
        });
    }
}

/// What the form asks for, as the command line has it. A knob that was left as it is says nothing, so that the short form
/// keeps its own values.
fn arguments(lab: &Lab, fields: &[(String, String)]) -> Result<Vec<String>, Refusal> {
    let mut arguments = Vec::new();
    for (key, value) in fields {
        if key == "quick" {
            arguments.push("--quick".to_owned());
            continue;
        }
        let knob = lab.knobs.iter().find(|knob| knob.key == *key);
        let knob = knob.ok_or_else(|| Refusal::malformed(format!("The lab has no knob `{key}`.")))?;
        let value = value.trim();
        if value.contains('\0') {
            return Err(Refusal::malformed("A knob’s value is text."));
        }
        if value != knob.value {
            arguments.push(format!("--set={key}={value}"));
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::super::Knob;
    use super::*;

    fn lab() -> Lab {
        Lab {
            folder: "01-a-lab".into(),
            name: "a-lab".into(),
            title: "A lab".into(),
            question: "Why?".into(),
            text: String::new(),
            knobs: vec![Knob {
                key: "listeners".into(),
                help: String::new(),
                value: "200".into(),
                quick: "50".into(),
            }],
        }
    }

    fn of(fields: &[(&str, &str)]) -> Result<Vec<String>, Refusal> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        arguments(&lab(), &fields)
    }

    #[test]
    fn only_what_was_turned_is_said() {
        assert_eq!(of(&[("quick", "on"), ("listeners", "200")]).unwrap(), ["--quick"]);
        assert_eq!(of(&[("listeners", " 30 ")]).unwrap(), ["--set=listeners=30"]);
    }

    #[test]
    fn no_field_becomes_a_flag() {
        assert_eq!(of(&[("listeners", "--out=/")]).unwrap(), ["--set=listeners=--out=/"]);
        assert!(of(&[("--out", "/")]).is_err());
        assert!(of(&[("listeners", "1\0")]).is_err());
    }
}
