//! The server's processor time from step to step while it goes away and comes back.
//!
//! Like its [memory](super::memory) this is looked at from outside, where the system tells of another process: a server that is
//! busy with all that come back should not be asked how busy it is.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::process::Process;
use super::recorder::Plan;

/// From look to look: a server that drains may have ended after two of them.
pub(crate) const STEP: Duration = Duration::from_millis(50);

/// What was seen so far.
#[derive(Debug)]
pub(crate) struct CpuSteps {
    process: watch::Receiver<Option<Process>>,
    last: Option<(Process, Duration)>,
    /// Whether the system told anything.
    is_told: bool,
    used_s: Vec<f64>,
}

impl CpuSteps {
    /// Of whatever process is the server's at the time.
    pub(crate) fn new(process: watch::Receiver<Option<Process>>) -> CpuSteps {
        CpuSteps {
            process,
            last: None,
            is_told: false,
            used_s: Vec::new(),
        }
    }

    /// Looks from the moment that the server is told to end until the window is over, and then does nothing any more.
    pub(crate) async fn watch(&mut self, plan: &Plan) -> Infallible {
        plan.outage.has_begun().await;
        let ends = plan.outage.began().zip(plan.clock.window());
        let (began, (_, end)) = ends.expect("an outage begins in the window");
        self.last = self.look();
        let mut due = began + STEP;
        while due <= end {
            tokio::time::sleep_until(due.into()).await;
            self.step();
            due += STEP;
            // Where the looks are late, the steps between are empty and the time is the last one's.
            while due + STEP <= Instant::now() && due <= end {
                self.used_s.push(0.0);
                due += STEP;
            }
        }
        std::future::pending().await
    }

    fn step(&mut self) {
        let now = self.look();
        let used = match (&self.last, &now) {
            (Some((before, from)), Some((after, to))) if before == after => to.saturating_sub(*from),
            // All that a new process has used.
            (_, Some((_, to))) => *to,
            (_, None) => Duration::ZERO,
        };
        self.used_s.push(used.as_secs_f64());
        self.last = now;
    }

    fn look(&mut self) -> Option<(Process, Duration)> {
        let process = self.process.borrow().clone()?;
        let used = process.processor_time()?;
        self.is_told = true;
        Some((process, used))
    }

    /// Seconds of processor time in each step; nothing where the system does not tell.
    pub(crate) fn told(self) -> Vec<f64> {
        if self.is_told { self.used_s } else { Vec::new() }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use nix::unistd::Pid;

    use super::*;

    fn this() -> Process {
        Pid::this().into()
    }

    #[test]
    fn work_shows_as_processor_time() {
        let before = this().processor_time().unwrap();
        let end = Instant::now() + Duration::from_millis(30);
        while Instant::now() < end {}
        let took = this().processor_time().unwrap() - before;
        // Of the whole process, in which other tests work too; this one had a processor for a part of it at least.
        assert!(took > Duration::from_millis(2), "{took:?}");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let ended = Process::from(Pid::from_raw(child.id() as i32));
        assert_eq!(ended.processor_time(), None);
    }

    #[test]
    fn a_new_process_begins_from_nothing_and_none_uses_nothing() {
        let sender = watch::Sender::new(Some(this()));
        let mut steps = CpuSteps::new(sender.subscribe());
        steps.step();
        assert!(steps.used_s[0] > 0.0, "all that this process has used so far");
        steps.step();
        sender.send_replace(None);
        steps.step();
        assert!(steps.used_s[1] < steps.used_s[0]);
        assert_eq!(steps.used_s[2], 0.0);
    }
}
