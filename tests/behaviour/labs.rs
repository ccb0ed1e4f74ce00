//! Every lab in its short form, from the text of its scenario to the verdicts on what it claims.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::support::Home;

/// So many at a time: most of a lab is waiting for the next message.
const AT_A_TIME: usize = 8;

/// Labs that start a program of the system's: a test of theirs that needs it runs them.
const NEED_A_PROGRAM: [&str; 1] = ["in-between"];

/// The folders of all labs, in their order.
pub(crate) fn folders() -> Vec<String> {
    let labs = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).unwrap();
    let mut folders: Vec<String> = labs
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    folders
}

/// A file of the project.
pub(crate) fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is run of the labs that need a program of the system's, or of those that do not: the scenario of each, and its sweep where it has one.
/// Sweeps are longer, so they come first.
fn commands(need_a_program: bool) -> Vec<Vec<String>> {
    let (mut runs, mut sweeps) = (Vec::new(), Vec::new());
    for folder in folders() {
        let (_, name) = folder.split_once('-').expect("NN-name");
        if NEED_A_PROGRAM.contains(&name) != need_a_program {
            continue;
        }
        runs.push(["run", name, "--quick", "--no-compare"].map(String::from).to_vec());
        let scenario = text(&format!("labs/{folder}/scenario.toml"));
        if scenario.contains("\n[quick.sweep]") {
            sweeps.push(["sweep", name, "--quick"].map(String::from).to_vec());
        }
    }
    [sweeps, runs].concat()
}

/// How one ended.
struct Ended {
    command: String,
    status: Option<i32>,
    took: Duration,
    told: String,
}

#[test]
fn the_claims_of_every_lab_hold_in_its_short_form() {
    all_hold(commands(false));
}

#[test]
#[ignore = "needs nginx"]
fn the_claims_of_the_labs_that_need_a_program_hold_in_their_short_forms() {
    all_hold(commands(true));
}

fn all_hold(commands: Vec<Vec<String>>) {
    let waiting = Mutex::new(commands.into_iter());
    let ended = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                let home = Home::new();
                while let Some(command) = { waiting.lock().unwrap().next() } {
                    let (words, began): (Vec<&str>, _) = (command.iter().map(String::as_str).collect(), Instant::now());
                    let output = home.talkplace(&words);
                    ended.lock().unwrap().push(Ended {
                        command: words.join(" "),
                        status: output.status,
                        took: began.elapsed(),
                        told: format!("{}{}", output.stdout, output.stderr),
                    });
                }
            });
        }
    });
    let ended = ended.into_inner().unwrap();
    let clear = ended.iter().filter(|one| one.status == Some(0)).count();
    let unclear: Vec<&str> = ended
        .iter()
        .filter(|one| one.status == Some(3))
        .map(|one| one.command.as_str())
        .collect();
    // Not by the macro, whose words are only seen of a test that fails: how many were too busy to tell is worth knowing of each.
    let longest = ended.iter().map(|one| one.took).max().unwrap_or_default();
    let _ = writeln!(
        std::io::stderr(),
        "labs in their short forms: {clear} of {} hold, the longest took {longest:.0?}; this machine was too busy to tell of {}: {unclear:?}",
        ended.len(),
        unclear.len()
    );
    for one in &ended {
        // 3: the generator or the machine was the limit, which the program has to say itself.
        let says_so = one.told.contains("unclear") || one.told.contains("Not every message was heard");
        assert!(
            one.status == Some(0) || one.status == Some(3) && says_so,
            "talkplace {} ended with {:?}\n{}",
            one.command,
            one.status,
            one.told
        );
    }
}
