use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;
use talkplace::lab::attack::{Crossing, Outcome, Step};
use talkplace::lab::{self, lab};
use talkplace::server::{self, Config};
use tokio::sync::oneshot;

use super::exit::Exit;
use super::{pick, runtime, terminal};

/// The lab that has an attack.
const LAB: &str = "who-is-there";

#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AttackArgs {
    /// The lab whose script is played: who-is-there
    #[arg(default_value = LAB)]
    lab: String,
    /// Attack this server, on this computer, instead of one that is started for it
    #[arg(long, value_name = "ADDR")]
    server: Option<SocketAddr>,
    /// Let the server that is started check no origin, to see the attack get through
    #[arg(long, conflicts_with = "server")]
    without_origin_check: bool,
}

const EXAMPLES: &str = "\
Examples:
  talkplace attack who-is-there
  talkplace attack who-is-there --without-origin-check
  talkplace attack who-is-there --server 127.0.0.1:3000

Exit status: 0 the server held, 1 it did not, 2 there was nothing to attack.";

/// `talkplace attack`: every step with its bytes, and whether the server held.
pub(crate) fn attack(args: &AttackArgs) -> anyhow::Result<ExitCode> {
    let lab = lab(&args.lab).ok_or_else(|| pick::no_lab(&args.lab))?;
    if lab.name() != LAB {
        bail!("the lab {} has no attack; {LAB} has one", lab.name());
    }
    let steps = match args.server {
        Some(server) if !server.ip().to_canonical().is_loopback() => {
            bail!("{server} is not on this computer: the attack is for servers of your own")
        }
        Some(server) => played(server)?,
        None => {
            let own = Own::start(!args.without_origin_check)?;
            played(own.address)?
        }
    };
    let broken = steps.iter().filter(|step| matches!(step.outcome, Outcome::Broken(_)));
    let broken: Vec<String> = broken.map(|step| format!("  {}\n", step.title)).collect();
    terminal::print("\n")?;
    if broken.is_empty() {
        terminal::print("The server held.\n")?;
        return Ok(Exit::Fine.into());
    }
    terminal::print(&format!("The server did not hold:\n{}", broken.concat()))?;
    Ok(Exit::CheckFails.into())
}

/// Plays the script, and prints each step as it is done.
fn played(server: SocketAddr) -> anyhow::Result<Vec<Step>> {
    let mut printed = Ok(());
    let steps = lab::attack::attack(server, |number, step| {
        if printed.is_ok() {
            printed = terminal::print(&told(number, step));
        }
    })?;
    printed?;
    Ok(steps)
}

/// A step as text: what crossed the wire has a mark for its direction in front.
fn told(number: usize, step: &Step) -> String {
    let mut text = format!("\n{number}. {}\n\n", step.title);
    text += &wrapped(&step.idea);
    for crossing in &step.wire {
        text.push('\n');
        match crossing {
            Crossing::Request(request) => text += &marked('>', request),
            Crossing::Answer(answer) => {
                text += &marked('<', &answer.head);
                if !answer.body.is_empty() {
                    text += &marked('<', &format!("\n{}", answer.body));
                }
            }
            Crossing::Frame(bytes, hidden) => {
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                text += &marked('>', &format!("{}\n(a masked frame: {hidden})", hex.join(" ")));
            }
        }
    }
    let (mark, said) = match &step.outcome {
        Outcome::Untried => return text,
        Outcome::Seen(said) => ("", said),
        Outcome::Held(said) => ("HELD: ", said),
        Outcome::Broken(said) => ("BROKEN: ", said),
    };
    let _ = write!(text, "\n{}", wrapped(&format!("{mark}{said}")));
    text
}

fn marked(mark: char, text: &str) -> String {
    // What a server sends must not steer the terminal that it is shown on.
    let text = text.replace(|c: char| c.is_control() && c != '\n', ".");
    let line = |line: &str| format!("   {mark} {line}").trim_end().to_owned() + "\n";
    text.trim_end().lines().map(line).collect()
}

/// Lines of a width that can be read, each a little in.
fn wrapped(text: &str) -> String {
    let width = terminal::width().unwrap_or(100).clamp(40, 100);
    let mut lines = String::new();
    for paragraph in text.lines() {
        let mut line = String::from("  ");
        for word in paragraph.split(' ') {
            if line.len() > 2 && line.chars().count() + 1 + word.chars().count() > width {
                lines += &format!("{line}\n");
                line = String::from("  ");
            }
            line.push(' ');
            line += word;
        }
        lines += &format!("{line}\n");
    }
    lines
}

/// A server for the attack, in a thread of this process. It ends with this.
struct Own {
    address: SocketAddr,
    _ends: oneshot::Sender<()>,
}

impl Own {
    fn start(check_origin: bool) -> anyhow::Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = server::bind(any).context("no server could be started")?;
        let address = socket.local_addr()?;
        let config = Config {
            workers: 1,
            check_origin,
            ..Config::default()
        };
        let (ends, ended) = oneshot::channel::<()>();
        let runtime = runtime()?;
        let serving = server::run(vec![socket], config, async move {
            let _ = ended.await;
        });
        // Its end is ours: nobody waits for the thread.
        std::thread::spawn(move || runtime.block_on(serving));
        Ok(Own { address, _ends: ends })
    }
}
