//! A server with less than a processor, as a container has it that may use so much of one.
//!
//! It works as the system's own limit of a container does (Linux: `cpu.max` of a control group): in each period the process may
//! use so much processor time, and when that is used up it stands still until the next one begins. While it needs less it is never stopped, so that a
//! limit which is not reached changes no figure. A control group takes rights that a student does not have; the
//! process's own clock and two signals take none.

use std::io;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio_util::sync::CancellationToken;

use super::LoadError;
use super::cpu_clock::CpuClock;
use super::stall::Stopped;
use super::timer::Timer;

/// A tenth of what containers mostly have: what is throttled stands still for less long at a time.
const PERIOD: Duration = Duration::from_millis(10);
/// The process's clock is not read more often than this.
const SHORTEST_LOOK: Duration = Duration::from_micros(200);

/// Holds a process to a share of one processor.
pub(super) struct Throttle {
    process: Pid,
    clock: CpuClock,
    budget: Budget,
}

/// What may be used in a period, and what is left of it. What was used beyond it is taken off the next ones.
struct Budget {
    allowance_ns: i64,
    left_ns: i64,
}

impl Budget {
    fn new(percent: u32) -> Budget {
        let allowance_ns = PERIOD.as_nanos() as i64 * i64::from(percent) / 100;
        Budget {
            allowance_ns,
            left_ns: allowance_ns,
        }
    }

    /// A new period. What was not used is gone.
    fn begin(&mut self) {
        self.left_ns = (self.left_ns + self.allowance_ns).min(self.allowance_ns);
    }

    fn spend(&mut self, used: Duration) {
        self.left_ns -= used.as_nanos() as i64;
    }

    /// What is left; `None` when that is nothing.
    fn left(&self) -> Option<Duration> {
        (self.left_ns > 0).then(|| Duration::from_nanos(self.left_ns as u64))
    }
}

impl Throttle {
    /// One for this process.
    ///
    /// # Errors
    /// Where the system does not tell what the process uses.
    pub(super) fn new(process: Pid, percent: u32) -> Result<Throttle, LoadError> {
        Ok(Throttle {
            process,
            clock: CpuClock::of(process).map_err(LoadError::System)?,
            budget: Budget::new(percent),
        })
    }

    /// Holds it until `stop`, or until it ends.
    pub(super) async fn hold(mut self, stop: CancellationToken) -> io::Result<()> {
        let timer = Timer::start()?;
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = self.periods(&timer) => Ok(()),
        }
    }

    async fn periods(&mut self, timer: &Timer) {
        let mut period_ends = Instant::now();
        let Some(mut used) = self.clock.used() else { return };
        loop {
            // A look that came late is followed by a whole period all the same.
            period_ends = (period_ends + PERIOD).max(Instant::now());
            self.budget.begin();
            while let Some(left) = self.budget.left() {
                let now = Instant::now();
                if now >= period_ends {
                    break;
                }
                // It cannot be used up sooner by one processor; by several a little more is used, and taken off afterwards.
                timer.sleep_until(period_ends.min(now + left.max(SHORTEST_LOOK))).await;
                let Some(until_now) = self.clock.used() else { return };
                self.budget.spend(until_now.saturating_sub(used));
                used = until_now;
            }
            if self.budget.left().is_none() {
                let _stopped = Stopped::stop(self.process);
                timer.sleep_until(period_ends).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_too_much_is_taken_off_and_what_was_not_used_is_gone() {
        let ms = Duration::from_millis;
        let mut budget = Budget::new(20);
        budget.begin();
        assert_eq!(budget.left(), Some(ms(2)), "a fifth of ten");
        budget.spend(ms(5));
        assert_eq!(budget.left(), None);
        budget.begin();
        assert_eq!(budget.left(), None, "three too much are more than one period has");
        budget.begin();
        assert_eq!(budget.left(), Some(ms(1)));
        budget.begin();
        assert_eq!(budget.left(), Some(ms(2)));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_process_that_never_rests_gets_its_share() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let process = Pid::from_raw(child.id() as i32);
        let crew = crate::load::crew::Crew::new();
        let throttle = Throttle::new(process, 20).unwrap();
        let clock = CpuClock::of(process).unwrap();
        let mut holding = crew.start("throttle", move |stop| throttle.hold(stop)).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (began, before) = (Instant::now(), clock.used().unwrap());
        tokio::time::sleep(Duration::from_millis(600)).await;
        let share = (clock.used().unwrap() - before).as_secs_f64() / began.elapsed().as_secs_f64();
        crew.stop();
        holding.done().await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // A machine with others to serve may give it less.
        assert!(share < 0.3, "{share}");
    }
}
