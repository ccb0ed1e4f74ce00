//! A program as a process of its own: a server and where it listens, and what a process has in memory.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// A server that runs; it ends with this.
pub(crate) struct Server {
    pub(crate) child: Child,
    _stdin: ChildStdin,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one, on processor 0 alone when `is_pinned`.
    pub(crate) fn start(mut command: Command, is_pinned: bool) -> Server {
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
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// talkplace as a server, from this file, with so many workers.
pub(crate) fn talkplace(program: &Path, workers: usize) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
    command.args(["--publish-rate", "off", "--workers", &workers.to_string()]);
    command.args(["--max-connections", "20000"]);
    command
}

/// This program once more, as something else.
pub(crate) fn this_program(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program knows where it is"));
    command.arg(role);
    command
}

/// A process's own memory, without the kernel's for its sockets.
pub(crate) fn rss_bytes(pid: u32) -> u64 {
    let told = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it runs");
    let line = told.lines().find(|line| line.starts_with("Rss:")).expect("Linux tells");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number");
    kib * 1024
}

/// Keeps a process, 0 being this one, to one processor.
pub(crate) fn pin(pid: Pid, processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor).expect("a processor's number");
    sched_setaffinity(pid, &set).expect("this machine has that processor");
}
