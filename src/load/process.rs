//! What the system tells of the process of a server that does not tell of itself.
//!
//! Linux has it in `/proc` (proc(5)); other systems tell nothing. A server may be several processes, as nginx is: those that the
//! named one had started when it was first looked at are counted with it.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{Pid, SysconfVar, sysconf};

use super::cpu_clock::CpuClock;
use super::usage::Usage;

/// A process and all that it had started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pids: Vec<i32>,
}

impl From<Pid> for Process {
    /// That process alone.
    fn from(pid: Pid) -> Process {
        Process {
            pids: vec![pid.as_raw()],
        }
    }
}

impl Process {
    /// The process of this number with its children, and theirs; `None` where there is none, or the system tells nothing.
    pub(crate) fn with_children(pid: i32) -> Option<Process> {
        Stat::of(pid)?;
        let mut pids = vec![pid];
        let parents: Vec<(i32, i32)> = processes()
            .into_iter()
            .filter_map(|pid| Some((pid, Stat::of(pid)?.parent)))
            .collect();
        let mut looked_at = 0;
        while let Some(parent) = pids.get(looked_at).copied() {
            let children = parents
                .iter()
                .filter(|(child, of)| *of == parent && !pids.contains(child));
            let children: Vec<i32> = children.map(|(child, _)| *child).collect();
            pids.extend(children);
            looked_at += 1;
        }
        Some(Process { pids })
    }

    /// The named one of them.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.pids.first().map(|pid| Pid::from_raw(*pid))
    }

    /// What they have used so far, together. A figure that the system does not tell of one of them is told of none.
    pub(crate) fn usage(&self) -> Usage {
        let used: Option<Vec<Used>> = self.pids.iter().map(|pid| Used::of(*pid)).collect();
        let Some(used) = used else {
            return Usage::default();
        };
        let seconds = |of: fn(&Used) -> f64| Some(used.iter().map(of).sum());
        let number = |of: fn(&Used) -> Option<u64>| used.iter().map(of).sum();
        Usage {
            cpu_s: seconds(|used| used.cpu_s),
            user_s: seconds(|used| used.user_s),
            system_s: seconds(|used| used.system_s),
            waiting_s: seconds(|used| used.waiting_s),
            voluntary: number(|used| used.voluntary),
            involuntary: number(|used| used.involuntary),
            rss_bytes: number(|used| used.rss_bytes),
            // The peaks of several need not have been at the same time.
            peak_bytes: used
                .first()
                .filter(|_| used.len() == 1)
                .and_then(|used| used.peak_bytes),
            threads: number(|used| Some(used.threads)),
            open_fds: number(|used| used.open_fds),
            ..Usage::default()
        }
    }

    /// Processor time of all of them so far; `None` when one of them has ended.
    pub(crate) fn processor_time(&self) -> Option<Duration> {
        let used = |pid: &i32| CpuClock::of(Pid::from_raw(*pid)).ok()?.used();
        self.pids.iter().map(used).sum()
    }

    /// What they have in memory; `None` when one of them has ended.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        self.pids.iter().map(|pid| kib(&status(*pid)?, "VmRSS:")).sum()
    }

    /// Whether one of them listens on a port; `None` where the system keeps their files to itself.
    pub(crate) fn listens_on(&self, port: u16) -> Option<bool> {
        let sockets: HashSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening(&table, port))
            .collect();
        let mut listens = false;
        for pid in &self.pids {
            let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
            let mut targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
            listens |= targets.any(|target| sockets.contains(&*target.to_string_lossy()));
        }
        Some(listens)
    }
}

/// The sockets that listen on a port, as links to them are written: `socket:[4711]`.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let rows = table.lines().skip(1).filter_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let (_, local) = columns.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(local, 16) == Ok(port) && *columns.get(3)? == LISTEN;
        is_it.then(|| Some(format!("socket:[{}]", columns.get(9)?)))?
    });
    rows.collect()
}

/// The numbers of all processes.
fn processes() -> Vec<i32> {
    numbered(PathBuf::from("/proc"))
}

fn numbered(folder: PathBuf) -> Vec<i32> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// What one process has used so far.
struct Used {
    cpu_s: f64,
    user_s: f64,
    system_s: f64,
    waiting_s: f64,
    voluntary: Option<u64>,
    involuntary: Option<u64>,
    rss_bytes: Option<u64>,
    peak_bytes: Option<u64>,
    threads: u64,
    open_fds: Option<u64>,
}

impl Used {
    fn of(pid: i32) -> Option<Used> {
        let stat = Stat::of(pid)?;
        let threads = Threads::of(pid);
        let status = status(pid)?;
        let tick_s = 1.0 / sysconf(SysconfVar::CLK_TCK).ok()?? as f64;
        let (user_s, system_s) = (stat.user_ticks * tick_s, stat.system_ticks * tick_s);
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok();
        Some(Used {
            cpu_s: threads.cpu_s(user_s + system_s, tick_s),
            user_s,
            system_s,
            waiting_s: threads.waiting_ns as f64 / 1e9,
            voluntary: threads.voluntary,
            involuntary: threads.involuntary,
            rss_bytes: kib(&status, "VmRSS:"),
            peak_bytes: kib(&status, "VmHWM:"),
            threads: stat.threads,
            open_fds: files.map(|files| files.count() as u64),
        })
    }
}

/// The fields of `/proc/PID/stat` that matter here.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: i32,
    user_ticks: f64,
    system_ticks: f64,
    threads: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Stat> {
        Stat::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the program's name in brackets, which may itself have spaces and brackets.
    fn read(stat: &str) -> Option<Stat> {
        let (_, behind) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = behind.split_whitespace().collect();
        // proc(5) counts from 1, and the name is field 2.
        let field = |number: usize| fields.get(number - 3);
        Some(Stat {
            parent: field(4)?.parse().ok()?,
            user_ticks: field(14)?.parse().ok()?,
            system_ticks: field(15)?.parse().ok()?,
            threads: field(20)?.parse().ok()?,
        })
    }
}

/// What the threads that a process has now have used so far.
struct Threads {
    running_ns: u64,
    waiting_ns: u64,
    voluntary: Option<u64>,
    involuntary: Option<u64>,
}

impl Threads {
    fn of(pid: i32) -> Threads {
        let folder = format!("/proc/{pid}/task");
        let mut all = Threads {
            running_ns: 0,
            waiting_ns: 0,
            voluntary: Some(0),
            involuntary: Some(0),
        };
        for thread in numbered(PathBuf::from(&folder)) {
            let read = |file| fs::read_to_string(format!("{folder}/{thread}/{file}")).unwrap_or_default();
            // Running and waiting, in nanoseconds, and how often it ran.
            let schedule = read("schedstat");
            let mut times = schedule.split_whitespace().map_while(|time| time.parse::<u64>().ok());
            all.running_ns += times.next().unwrap_or(0);
            all.waiting_ns += times.next().unwrap_or(0);
            let status = read("status");
            let more = |sum: Option<u64>, name| Some(sum? + field(&status, name)?);
            all.voluntary = more(all.voluntary, "voluntary_ctxt_switches:");
            all.involuntary = more(all.involuntary, "nonvoluntary_ctxt_switches:");
        }
        all
    }

    /// The threads' own times are exact, those of the process come in ticks but with the threads that have ended.
    fn cpu_s(&self, of_process_s: f64, tick_s: f64) -> f64 {
        let of_threads_s = self.running_ns as f64 / 1e9;
        if (of_threads_s - of_process_s).abs() <= 2.0 * tick_s {
            of_threads_s
        } else {
            of_process_s
        }
    }
}

fn status(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/status")).ok()
}

/// A line like `VmRSS:  9100 kB`, in bytes. A process that has ended has none.
fn kib(status: &str, name: &str) -> Option<u64> {
    Some(field(status, name)? * 1024)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_a_line_of_its_own() {
        let status = "VmHWM:\t    9200 kB\nVmRSS:\t    9100 kB\nRssAnon:\t    7000 kB\n";
        assert_eq!(kib(status, "VmRSS:"), Some(9100 * 1024));
        assert_eq!(kib("State:\tZ (zombie)\n", "VmRSS:"), None);
    }

    #[test]
    fn a_program_may_be_called_anything() {
        let stat = "17 (a) b (c) S 3 17 17 0 -1 4194304 100 0 0 0 25 7 0 0 20 0 12 0 100 1000000 250";
        let expected = Stat {
            parent: 3,
            user_ticks: 25.0,
            system_ticks: 7.0,
            threads: 12,
        };
        assert_eq!(Stat::read(stat), Some(expected));
        assert_eq!(Stat::read("17 (cut"), None);
    }

    #[test]
    fn a_socket_that_listens_is_found_by_its_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n   \
                     1: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1\n";
        assert_eq!(listening(table, 3000), ["socket:[4711]"]);
        assert_eq!(listening(table, 3001), [] as [&str; 0]);
    }

    #[test]
    fn threads_that_have_ended_are_in_the_ticks_alone() {
        let threads = Threads {
            running_ns: 1_234_000_000,
            waiting_ns: 0,
            voluntary: None,
            involuntary: None,
        };
        assert_eq!(threads.cpu_s(1.23, 0.01), 1.234);
        assert_eq!(threads.cpu_s(9.87, 0.01), 9.87);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_is_counted_with_its_parent() {
        use std::io::{BufRead as _, BufReader};
        use std::process::{Command, Stdio};

        let script = "sleep 60 & echo $!; wait";
        let mut parent = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(parent.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let child: i32 = line.trim().parse().unwrap();
        let pid = parent.id() as i32;
        let family = Process::with_children(pid).unwrap();
        assert_eq!(family, Process { pids: vec![pid, child] });
        let (usage, own) = (family.usage(), Process::from(Pid::from_raw(pid)).usage());
        assert!(
            usage.rss_bytes > own.rss_bytes && own.rss_bytes > Some(10_000),
            "{usage:?} {own:?}"
        );
        assert_eq!((usage.threads, own.threads), (Some(2), Some(1)));
        assert_eq!((usage.peak_bytes, own.peak_bytes.is_some()), (None, true));
        assert!(
            usage.cpu_s.is_some() && usage.waiting_s.is_some() && usage.voluntary.is_some(),
            "{usage:?}"
        );
        assert!(
            own.open_fds > Some(2) && family.resident_bytes() > Some(10_000),
            "{own:?}"
        );
        for pid in [pid, child] {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        parent.wait().unwrap();
        assert_eq!((family.usage(), family.resident_bytes()), (Usage::default(), None));
        assert_eq!(Process::with_children(i32::MAX), None);
    }
}
