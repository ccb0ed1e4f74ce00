use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use talkplace::lab::verify::{misfits, turned};
use talkplace::results::{Results, Verdict, read_results};

use super::exit::Exit;
use super::{show, terminal};

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// Results that were handed in: results.json files, or the folders of runs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Example:
  talkplace verify handed-in/*/results.json

Each file is held against itself: its seed and its scenario give the plan of messages, which its counts, its ledger and its verdicts have
to fit. The table has what was turned from the lab, so that everybody’s seed is seen. Exit status 1: one of them does not fit.";

/// `talkplace verify`: whether handed-in results fit their seed and scenario, and whether two are the same.
pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let mut all: Vec<(String, Results)> = Vec::new();
    for file in &args.files {
        let mut results = read_results(file)?;
        // A file from elsewhere must not steer the terminal that its words are printed on.
        for words in [&mut results.run, &mut results.scenario.lab] {
            words.retain(|c| !c.is_control());
        }
        all.push((file.display().to_string(), results));
    }
    let mut said = Vec::new();
    let mut do_all_fit = true;
    for (n, (name, results)) in all.iter().enumerate() {
        let mut found = misfits(results);
        let same = |(_, other): &&(String, Results)| is_the_same(results, other);
        if let Some((other, _)) = all[..n].iter().find(same) {
            found.push(format!("its measurements are those of {other}"));
        }
        do_all_fit &= found.is_empty();
        said.push(line(name, results, &found));
    }
    terminal::print(&show::sentences(&said))?;
    Ok(if do_all_fit { Exit::Fine } else { Exit::CheckFails }.into())
}

/// No two runs have messages accepted at the same instants, to the microsecond.
fn is_the_same(one: &Results, other: &Results) -> bool {
    let instants = |results: &Results| -> Vec<u64> {
        let runs = results.runs.iter().flat_map(|run| &run.timeline.messages_s);
        runs.map(|at_s| at_s.to_bits()).collect()
    };
    let (one, other) = (instants(one), instants(other));
    !one.is_empty() && one == other
}

fn line(name: &str, results: &Results, misfits: &[String]) -> String {
    let scenario = &results.scenario;
    let knobs = match turned(results) {
        None => "no lab of this program".to_owned(),
        Some(knobs) if knobs.is_empty() => "as the lab has it".to_owned(),
        Some(knobs) => knobs.join(" "),
    };
    let quick = if results.quick { " (quick)" } else { "" };
    let fails = results
        .checks
        .iter()
        .filter(|checked| checked.verdict == Verdict::Fails)
        .count();
    let came_to = match (results.complete, results.unclear.is_empty(), fails) {
        (false, ..) => "not complete".to_owned(),
        (_, false, _) => "unclear".to_owned(),
        (_, _, 0) => "its checks hold".to_owned(),
        (_, _, fails) => format!("{fails} of {} checks fail", results.checks.len()),
    };
    let fits = match misfits {
        [] => "fits".to_owned(),
        misfits => format!("DOES NOT FIT: {}", misfits.join("; ")),
    };
    format!(
        "{name}: {fits}. {}{quick}, run {}, seed {}, {came_to}; {knobs}.",
        scenario.lab, results.run, scenario.seed
    )
}
