use std::fmt::Write as _;
use std::process::ExitCode;

use talkplace::lab::{LABS, Source};
use talkplace::results::knob::KEYS;

use super::args::LabsArgs;
use super::exit::Exit;
use super::{pick, terminal};

/// `talkplace labs`.
pub(crate) fn labs(args: &LabsArgs) -> anyhow::Result<ExitCode> {
    let text = match &args.lab {
        Some(word) => knobs(word, &pick::scenario(word)?)?,
        None => list()?,
    };
    terminal::print(&text)?;
    Ok(Exit::Fine.into())
}

fn list() -> anyhow::Result<String> {
    let mut text = String::new();
    for lab in LABS {
        let scenario = lab.source().scenario(false, &[])?;
        writeln!(text, "{} {}: {}", lab.number(), lab.name(), scenario.title)?;
        writeln!(text, "   {}", scenario.question)?;
        if let Some(program) = scenario.between.needs() {
            writeln!(text, "   needs {program} on this system")?;
        }
        writeln!(text, "   {}\n", lab.command())?;
    }
    text.push_str(
        "`talkplace labs NAME` shows the knobs of a lab, `talkplace eject NAME` writes it out with its text.\n",
    );
    Ok(text)
}

fn knobs(word: &str, source: &Source) -> anyhow::Result<String> {
    let scenario = source.scenario(false, &[])?;
    let quick = source.scenario(true, &[])?;
    let mut text = format!("{}\n{}\n\n", scenario.title, scenario.question);
    let values: Vec<(&str, String, &str)> = KEYS
        .iter()
        .filter(|key| !key.is_words_only())
        .map(|key| (key.name, shown(key.get(&scenario), key.get(&quick)), key.help))
        .collect();
    let width = |of: fn(&(&str, String, &str)) -> usize| values.iter().map(of).max().unwrap_or(0);
    let names = width(|(name, _, _)| name.len());
    let settings = width(|(_, value, _)| value.len());
    for (name, value, help) in &values {
        writeln!(text, "  {name:names$}  {value:settings$}  {help}")?;
    }
    writeln!(
        text,
        "\nTurn any of them with --set: talkplace run {word} --set feed.text_bytes=256"
    )?;
    Ok(text)
}

/// A value, and what `--quick` makes of it.
fn shown(value: String, quick: String) -> String {
    if value == quick {
        value
    } else {
        format!("{value} (quick: {quick})")
    }
}
