//! The server's memory over the run: a look at its process once or twice a second, from outside.
//!
//! The server is not asked, since every question would cost it processor time that is counted; the system is, which can be done
//! only where it tells of another process (Linux, `/proc`), and only of a server whose process is known.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::clock::Clock;
use super::process::Process;
use super::wire;
use crate::results::{Memory, MemorySample, Scenario};

/// A look every so often.
const PERIOD: Duration = Duration::from_millis(500);
/// A run of hours is drawn from so many looks, too.
const MOST: u32 = 400;
/// With thousands of connections a look takes milliseconds: it is then taken so many times its own length apart,
const SHARE: u32 = 100;
/// but no farther, since on a machine without a processor to spare any look takes long.
const SELDOM: Duration = Duration::from_secs(2);

/// What was seen of a server's memory so far.
#[derive(Debug)]
pub(crate) struct MemoryWatch {
    server: SocketAddr,
    process: watch::Receiver<Option<Process>>,
    period: Duration,
    seen: Vec<(Instant, Look)>,
}

/// What one look saw.
#[derive(Debug, Clone, Copy)]
struct Look {
    rss_bytes: u64,
    socket_buffer_bytes: Option<u64>,
}

impl MemoryWatch {
    /// Looks for the first time: before anybody listens. Sees nothing of a server whose process is not known.
    pub(crate) async fn start(
        server: SocketAddr,
        process: watch::Receiver<Option<Process>>,
        scenario: &Scenario,
    ) -> MemoryWatch {
        let mut watch = MemoryWatch {
            server,
            process,
            period: PERIOD.max((scenario.sending() + scenario.drain) / MOST),
            seen: Vec::new(),
        };
        watch.look().await;
        watch
    }

    /// Looks again and again, for ever.
    pub(crate) async fn watch(&mut self) -> Infallible {
        let mut pause = self.period;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.look().await {
                Some(took) => self.period.max((took * SHARE).min(SELDOM)),
                // A server that is away comes back.
                None if !self.seen.is_empty() => self.period,
                // What the system does not tell now, it will not tell later.
                None => return std::future::pending().await,
            };
        }
    }

    /// How long the look took; `None` when nothing can be seen.
    async fn look(&mut self) -> Option<Duration> {
        let process = self.process.borrow().clone();
        let (process, server, at) = (process?, self.server, Instant::now());
        // On a thread of its own, as the system may take its time with the connections.
        let look = tokio::task::spawn_blocking(move || Look::take(&process, server));
        self.seen.push((at, look.await.ok()??));
        Some(at.elapsed())
    }

    /// What was seen, on the clock of the run; `None` of nothing.
    pub(crate) fn told(&self, clock: &Clock, listeners_in: Instant) -> Option<Memory> {
        let start = clock.start().filter(|_| !self.seen.is_empty())?;
        let since_start = |at: Instant| match at.checked_duration_since(start) {
            Some(after) => after.as_secs_f64(),
            None => -(start - at).as_secs_f64(),
        };
        let samples = self.seen.iter().map(|(at, look)| MemorySample {
            at_s: since_start(*at),
            rss_bytes: look.rss_bytes,
            socket_buffer_bytes: look.socket_buffer_bytes,
        });
        Some(Memory {
            listeners_in_s: since_start(listeners_in),
            samples: samples.collect(),
        })
    }
}

impl Look {
    fn take(process: &Process, server: SocketAddr) -> Option<Look> {
        Some(Look {
            rss_bytes: process.resident_bytes()?,
            socket_buffer_bytes: wire::buffer_bytes(server),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::{on_one_thread, scenario};

    fn nowhere() -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    fn process(process: Option<Process>) -> watch::Receiver<Option<Process>> {
        watch::channel(process).1
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn looks_before_the_start_are_at_negative_instants() {
        on_one_thread(async {
            let this = nix::unistd::Pid::this().into();
            let mut watch = MemoryWatch::start(nowhere(), process(Some(this)), &scenario()).await;
            let listeners_in = Instant::now();
            let clock = Clock::new(&scenario());
            assert_eq!(watch.told(&clock, listeners_in), None, "there is no zero to count from");
            let start = Instant::now();
            clock.start_at(start);
            while Instant::now() == start {}
            watch.look().await.unwrap();
            let memory = watch.told(&clock, listeners_in).unwrap();
            let [before, after] = memory.samples[..] else {
                panic!("{memory:?}");
            };
            assert!(before.at_s < memory.listeners_in_s && memory.listeners_in_s < 0.0 && after.at_s > 0.0);
            assert!(before.rss_bytes > 100_000, "{before:?}");
        });
    }

    #[test]
    fn of_a_process_that_is_not_known_nothing_is_told() {
        on_one_thread(async {
            let mut watch = MemoryWatch::start(nowhere(), process(None), &scenario()).await;
            assert!(watch.look().await.is_none());
            let clock = Clock::new(&scenario());
            clock.start_at(Instant::now());
            assert_eq!(watch.told(&clock, Instant::now()), None);
        });
    }

    #[test]
    fn a_long_run_has_fewer_looks_a_second() {
        let hours = Scenario {
            duration: Duration::from_secs(40_000),
            ..scenario()
        };
        let period = |scenario: &Scenario| on_one_thread(MemoryWatch::start(nowhere(), process(None), scenario)).period;
        assert_eq!(period(&scenario()), PERIOD);
        assert!(period(&hours) > Duration::from_secs(100));
    }
}
