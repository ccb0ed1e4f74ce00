//! A server as a process: where it listens, and what it has used.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The floor.
    Raw,
    /// hyper, and nothing of a chat.
    Bare,
    /// talkplace, from this file, with so many workers.
    Talkplace { program: PathBuf, workers: usize },
}

/// One that runs; it ends with this.
pub(crate) struct Server {
    child: Child,
    _stdin: ChildStdin,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one, on processor 0 alone when `is_pinned`.
    pub(crate) fn start(kind: &Kind, is_pinned: bool) -> Server {
        let mut command = match kind {
            Kind::Raw => this_program("--floor"),
            Kind::Bare => this_program("--bare"),
            Kind::Talkplace { program, workers } => {
                let mut command = Command::new(program);
                command.args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
                command.args(["--publish-rate", "off", "--workers", &workers.to_string()]);
                command.args(["--max-connections", "20000"]);
                command
            }
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the server starts");
        if is_pinned {
            pin(Pid::from_raw(child.id() as i32), 0);
        }
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("it says where it listens").expect("in UTF-8");
        let address = line.rsplit([' ', '/']).find_map(|word| word.parse().ok());
        let stdin = child.stdin.take().expect("it is piped");
        // What else it says is read away, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Server {
            child,
            _stdin: stdin,
            address: address.expect("an address"),
        }
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.child.id()))
    }

    /// Processor time of all its threads so far, in nanoseconds: as the scheduler counts, which is finer than a tick.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let threads = std::fs::read_dir(self.folder().join("task")).expect("it runs");
        let used = threads.filter_map(|thread| {
            let told = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            told.split(' ').next()?.parse::<u64>().ok()
        });
        used.sum()
    }

    /// Its own memory, without the kernel's for its sockets.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let told = std::fs::read_to_string(self.folder().join("smaps_rollup")).expect("it runs");
        let line = told.lines().find(|line| line.starts_with("Rss:")).expect("Linux tells");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number");
        kib * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn this_program(server: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program knows where it is"));
    command.arg(server);
    command
}

/// Keeps a process, 0 being this one, to one processor.
pub(crate) fn pin(pid: Pid, processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor).expect("a processor's number");
    sched_setaffinity(pid, &set).expect("this machine has that processor");
}
