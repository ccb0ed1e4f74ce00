//! What the server's own process has used, as `/metrics` tells it.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use prometheus::{Counter, IntGauge, Registry};

use super::metrics::{opts, registered};

/// How much longer than a look the time to the next one is. Files are counted one by one: with thousands of them open a look takes
/// milliseconds, and whoever asks again and again must not take more than this share of a processor for that.
const REST: u32 = 10;

/// The figures of this process. They are looked up when somebody asks, and cost nothing in between.
pub(super) struct Process {
    /// When they may be looked up again.
    next: Mutex<Option<Instant>>,
    cpu: Counter,
    user: Counter,
    system: Counter,
    waiting: Counter,
    voluntary: Counter,
    involuntary: Counter,
    resident: IntGauge,
    peak: IntGauge,
    threads: IntGauge,
    fds: IntGauge,
}

impl Process {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |name, help| registered(registry, Counter::with_opts(opts(name, help)));
        let gauge = |name, help| registered(registry, IntGauge::with_opts(opts(name, help)));
        Process {
            next: Mutex::default(),
            cpu: counter("process_cpu_seconds_total", "User and system time, in seconds."),
            user: counter("process_cpu_user_seconds_total", "User time, in seconds."),
            system: counter("process_cpu_system_seconds_total", "System time, in seconds."),
            waiting: counter(
                "process_cpu_waiting_seconds_total",
                "Time in which threads could have run but had no processor, in seconds.",
            ),
            voluntary: counter(
                "process_voluntary_context_switches_total",
                "Times that a thread had nothing to do and gave up its processor.",
            ),
            involuntary: counter(
                "process_involuntary_context_switches_total",
                "Times that a thread lost its processor to another.",
            ),
            resident: gauge("process_resident_memory_bytes", "Resident memory, in bytes."),
            peak: gauge(
                "process_peak_resident_memory_bytes",
                "The most resident memory so far, in bytes.",
            ),
            threads: gauge("process_threads", "Threads now."),
            fds: gauge("process_open_fds", "File descriptors now open."),
        }
    }

    /// Looks everything up anew, unless that was done a moment ago. What the system does not tell stays at 0.
    pub(super) fn look(&self) {
        // Whoever finds somebody looking takes what was there before.
        let Ok(mut next) = self.next.try_lock() else { return };
        let began = Instant::now();
        if next.is_none_or(|next| began >= next) {
            self.look_up();
            *next = Some(Instant::now() + rest(began.elapsed()));
        }
    }

    fn look_up(&self) {
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            let (user, system) = (usage.user_time(), usage.system_time());
            let seconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e6;
            raise(&self.cpu, seconds(user + system));
            raise(&self.user, seconds(user));
            raise(&self.system, seconds(system));
            raise(&self.voluntary, usage.voluntary_context_switches() as f64);
            raise(&self.involuntary, usage.involuntary_context_switches() as f64);
        }
        raise(&self.waiting, waiting_ns() as f64 / 1e9);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |name| field(&status, name).map_or(0, |kib| kib * 1024);
        self.resident.set(kib("VmRSS"));
        self.peak.set(kib("VmHWM"));
        self.threads.set(field(&status, "Threads").unwrap_or(0));
        self.fds
            .set(fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count() as i64));
    }
}

/// For how long a look that took so long is good.
fn rest(took: Duration) -> Duration {
    took * REST
}

/// Another scrape may have counted further in between, and threads that ended may be missing; a counter only goes up.
fn raise(counter: &Counter, to: f64) {
    counter.inc_by((to - counter.get()).max(0.0));
}

/// A number of Linux's `/proc/self/status`: `VmRSS:  9100 kB`, `Threads: 3`.
fn field(status: &str, name: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How long the threads that live now were ready to run without a processor to run on, in nanoseconds.
fn waiting_ns() -> u64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let waiting = threads.flatten().filter_map(|thread| {
        // Nanoseconds on a processor, nanoseconds in wait for one, and how often it got one.
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    waiting.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "VmRSS_:\t1 kB\nVmRSS:\t    9100 kB\nThreads:\t3\n";
        assert_eq!(field(status, "VmRSS"), Some(9100));
        assert_eq!(field(status, "Threads"), Some(3));
        assert_eq!(field(status, "Thread"), None);
    }

    #[test]
    fn a_look_is_good_for_ten_times_as_long_as_it_took() {
        let process = Process::new(&Registry::new());
        process.look();
        assert!(process.threads.get() > 0);
        process.threads.set(-1);
        *process.next.lock().unwrap() = Some(Instant::now() + Duration::from_secs(60));
        process.look();
        assert_eq!(process.threads.get(), -1, "it is not looked up again before");
        *process.next.lock().unwrap() = Some(Instant::now());
        process.look();
        assert!(process.threads.get() > 0);
        assert_eq!(rest(Duration::from_millis(7)), Duration::from_millis(70));
    }

    #[test]
    fn a_counter_never_falls() {
        let counter = Counter::with_opts(opts("test_total", "A test.")).unwrap();
        [2.0, 1.5, 3.0].iter().for_each(|to| raise(&counter, *to));
        assert_eq!(counter.get(), 3.0);
    }
}
