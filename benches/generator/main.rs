//! What the load generator costs: it must never be what a lab measures.
//!
//! `cargo bench --bench generator` has it listen to a server of its own, with as many listeners as it is made for and as many deliveries a
//! second, and prints what it recorded, what that took, and how late it was. All listeners are on one thread. `-- --pin` keeps the server to one processor and the
//! generator to another, `-- --rounds 5` takes longer, `-- rest` measures the rows whose names have that in them.
//!
//! As a test (`cargo test --bench generator`) it does everything once and small, to see that it works; its figures mean nothing then.

#[cfg(target_os = "linux")]
#[path = "../limit/process.rs"]
mod process;
#[cfg(target_os = "linux")]
mod row;

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("What a process has in memory is asked of Linux.");
}

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let options = linux::Options::typed();
    match options.listens {
        Some(job) => linux::listen(&job),
        None => linux::table(&options),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write as _};
    use std::path::Path;
    use std::process::Stdio;

    use nix::unistd::Pid;

    use crate::process::{Server, pin, talkplace, this_program};
    use crate::row::{Figures, Job, ROWS, Row, Size};

    pub(crate) struct Options {
        /// What this process is to do, if it is the generator.
        pub(crate) listens: Option<Job>,
        is_pinned: bool,
        is_test: bool,
        rounds: usize,
        names: Vec<String>,
    }

    impl Options {
        pub(crate) fn typed() -> Options {
            let mut options = Options {
                listens: None,
                is_pinned: false,
                // Cargo says so when it is a benchmark.
                is_test: true,
                rounds: 3,
                names: Vec::new(),
            };
            let mut words = std::env::args().skip(1);
            while let Some(word) = words.next() {
                let mut next = || words.next().expect("a value follows");
                match word.as_str() {
                    "--listen" => options.listens = Some(serde_json::from_str(&next()).expect("a job follows")),
                    "--pin" => options.is_pinned = true,
                    "--bench" => options.is_test = false,
                    "--rounds" => options.rounds = next().parse().expect("a number follows"),
                    _ => options.names.push(word),
                }
            }
            options
        }
    }

    /// Measures, as a process of its own, and tells what came of it.
    pub(crate) fn listen(job: &Job) -> io::Result<()> {
        let figures = serde_json::to_string(&job.measure()?)?;
        writeln!(io::stdout(), "{figures}")
    }

    pub(crate) fn table(options: &Options) -> io::Result<()> {
        if options.is_pinned {
            // The processes that listen inherit it.
            pin(Pid::from_raw(0), 1);
        }
        let (size, rounds) = if options.is_test {
            (Size::Small, 1)
        } else {
            (Size::Full, options.rounds)
        };
        let mut out = io::stdout();
        writeln!(out, "| work | {} | goal |", Figures::NAMES.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(Figures::NAMES.len() + 2))?;
        for row in ROWS {
            if options.names.is_empty() || options.names.iter().any(|name| row.name.contains(name)) {
                let rounds = if row.is_at_rest() { 1 } else { rounds };
                let measured: io::Result<Vec<Figures>> =
                    (0..rounds).map(|_| measure(row, size, options.is_pinned)).collect();
                let cells = Figures::medians(&measured?);
                writeln!(out, "| {} | {} | {} |", row.name, cells.join(" | "), row.goal)?;
            }
        }
        Ok(())
    }

    /// Measures a row once, with a fresh server and a fresh generator.
    fn measure(row: &Row, size: Size, is_pinned: bool) -> io::Result<Figures> {
        let program = Path::new(env!("CARGO_BIN_EXE_talkplace"));
        let server = Server::start(talkplace(program, 1), is_pinned);
        let job = serde_json::to_string(&row.job(size, server.address))?;
        let done = this_program("--listen").arg(job).stderr(Stdio::inherit()).output()?;
        if !done.status.success() {
            return Err(io::Error::other(format!("{}: {}", row.name, done.status)));
        }
        Ok(serde_json::from_slice(&done.stdout)?)
    }
}
