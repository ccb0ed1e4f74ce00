//! A server that stands still: the system stops its process, and lets it go on.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that stands still for as long as this lives.
pub(super) struct Stopped(Pid);

impl Stopped {
    /// Stops it. A process that has just died is noticed elsewhere.
    pub(super) fn stop(process: Pid) -> Stopped {
        let _ = kill(process, Signal::SIGSTOP);
        Stopped(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}
