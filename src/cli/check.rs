use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;
use serde::Serialize;
use talkplace::conformance::{self, Finding, Rule, Stranger, Verdict};
use talkplace::load::Peer;
use talkplace::results::Dialect;

use super::exit::Exit;
use super::{runtime, terminal};

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// The server: "http://localhost:3000"
    #[arg(value_name = "URL")]
    url: String,
    /// Only these rules, or groups of them: "poll", "websocket.all"; repeat it for several
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Try what takes up to a minute too, and what takes thousands of messages
    #[arg(long)]
    patient: bool,
    /// Print the findings as JSON on stdout, and nothing else there
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  talkplace check http://localhost:3000
  talkplace check http://localhost:3000 --only poll --only cursor
  talkplace check http://localhost:3000 --patient --json > findings.json

Every rule of the contract that can be tried from outside is tried, in a few seconds. It says things in the feed, which begin with \"check\",
and signs in; nobody else may talk there meanwhile. Exit status: 0 everything that was tried is kept, 1 something is broken, 2 nobody is
there, or what is there speaks no HTTP.";

/// All of it, for `--json`.
#[derive(Serialize)]
struct Told<'a> {
    url: &'a str,
    #[serde(flatten)]
    count: Count,
    findings: &'a [Finding],
}

/// How many rules of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Count {
    kept: usize,
    broken: usize,
    untold: usize,
}

/// `talkplace check`: which parts of the contract a server keeps.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let rules = chosen(&args.only)?;
    let peer = runtime()?.block_on(Peer::find(&args.url, Dialect::Talkplace))?;
    let server = Stranger::of(&peer);
    if let Err(what) = server.speaks_http() {
        bail!("what listens on {} speaks no HTTP: {what}", args.url);
    }
    let mut told = Ok(());
    let mut before = None;
    let findings = conformance::check(&server, &rules, args.patient, |finding| {
        if !args.json && told.is_ok() {
            told = terminal::print(&lines(finding, before.as_ref()));
            before = Some(finding.clone());
        }
    });
    told?;
    let findings = findings?;
    let count = Count::of(findings.iter());
    if args.json {
        let told = Told {
            url: &args.url,
            count,
            findings: &findings,
        };
        let json = serde_json::to_string_pretty(&told).context("the findings do not fit into JSON")?;
        terminal::print(&(json + "\n"))?;
    } else {
        terminal::print(&summary(&findings, count))?;
    }
    Ok(if count.broken == 0 {
        Exit::Fine
    } else {
        Exit::CheckFails
    }
    .into())
}

/// The rules that were named; all where none was.
fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Rule>> {
    let is_named = |rule: &Rule, name: &String| rule.name == name || rule.group() == name;
    for name in only {
        if !conformance::rules().any(|rule| is_named(rule, name)) {
            let mut groups: Vec<&str> = conformance::rules().map(Rule::group).collect();
            groups.dedup();
            bail!(
                "there is no rule and no group `{name}`; the groups are: {}",
                groups.join(", ")
            );
        }
    }
    let rules = conformance::rules().filter(|rule| only.is_empty() || only.iter().any(|name| is_named(rule, name)));
    Ok(rules.collect())
}

/// A finding, with an empty line before that of another group. Why something could not be told is not said again and again.
fn lines(finding: &Finding, before: Option<&Finding>) -> String {
    let mut text = String::new();
    if before.is_none_or(|before| before.group() != finding.group()) {
        text.push('\n');
    }
    let word = match finding.verdict {
        Verdict::Kept => "kept",
        Verdict::Broken { .. } => "BROKEN",
        Verdict::Untold { .. } => "?",
    };
    text += &format!(
        "{word:>7}  {:<28} {} ({})\n",
        finding.rule, finding.says, finding.section
    );
    match &finding.verdict {
        Verdict::Kept => {}
        Verdict::Broken { sent, came, expected } => {
            for (what, is) in [("sent", sent), ("came", came), ("expected", expected)] {
                text += &format!("{what:>18}  {is}\n");
            }
        }
        verdict if before.is_some_and(|before| before.verdict == *verdict) => {}
        Verdict::Untold { why } => text += &format!("{:>18}  {why}\n", "could not tell"),
    }
    text
}

impl Count {
    fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Count {
        let mut count = Count::default();
        for finding in findings {
            match finding.verdict {
                Verdict::Kept => count.kept += 1,
                Verdict::Broken { .. } => count.broken += 1,
                Verdict::Untold { .. } => count.untold += 1,
            }
        }
        count
    }

    fn told(self) -> String {
        let Count { kept, broken, untold } = self;
        let all = kept + broken + untold;
        match untold {
            0 => format!("{kept} of {all} kept, {broken} broken"),
            untold => format!("{kept} of {all} kept, {broken} broken, {untold} could not be told"),
        }
    }
}

/// How many of each group, and of all.
fn summary(findings: &[Finding], all: Count) -> String {
    let mut text = "\nIn short\n".to_owned();
    let mut groups: Vec<&str> = Vec::new();
    for group in findings.iter().map(Finding::group) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group in groups {
        let count = Count::of(findings.iter().filter(|finding| finding.group() == group));
        text += &format!("  {group:<12} {}\n", count.told());
    }
    text + &format!("  {:<12} {}\n", "all", all.told())
}
