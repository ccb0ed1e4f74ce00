use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::bail;
use talkplace::protocol::Transport;
use talkplace::results::{Guess, Scenario};

use super::args::RunArgs;
use super::terminal;

/// What is asked of each of the first two transports.
const ASKED: [(&str, &str); 2] = [
    ("requests", "How many requests do all its listeners send in the window?"),
    (
        "delay.p99",
        "Within which time come 99 of 100 deliveries, such as 25ms?",
    ),
];

/// The guesses that were typed, or else those that are given on the terminal; none where none are wanted.
pub(crate) fn guesses(args: &RunArgs, scenario: &Scenario) -> anyhow::Result<Vec<Guess>> {
    for guess in &args.guess {
        if !scenario.transports.contains(&guess.transport) {
            bail!(
                "--guess {}.{}: this run does not measure {}",
                guess.transport,
                guess.figure,
                guess.transport
            );
        }
    }
    if !args.predict || !args.guess.is_empty() {
        return Ok(args.guess.clone());
    }
    if !io::stdin().is_terminal() {
        bail!(
            "--predict asks on a terminal, and this is none; give each guess with --guess, such as --guess poll.requests=4000"
        );
    }
    terminal::say("Predict first. An empty line leaves a question out.");
    let mut guesses = Vec::new();
    for transport in scenario.transports.iter().take(2) {
        for (figure, question) in ASKED {
            guesses.extend(ask(*transport, figure, question)?);
        }
    }
    Ok(guesses)
}

/// Asks until there is a guess, or nothing.
fn ask(transport: Transport, figure: &str, question: &str) -> anyhow::Result<Option<Guess>> {
    loop {
        let _ = write!(io::stderr(), "{}. {question} ", transport.title());
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(None);
        }
        match format!("{transport}.{figure}={}", line.trim()).parse() {
            Ok(guess) => return Ok(Some(guess)),
            Err(error) => terminal::say(&format!("{error}")),
        }
    }
}
