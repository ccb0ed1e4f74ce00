//! The processor time of another process, by the system's own clock of it: threads that have ended are in it, too.

use std::io;
use std::time::Duration;

use nix::unistd::Pid;

/// A process's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuClock(#[cfg(target_os = "linux")] nix::time::ClockId);

impl CpuClock {
    /// That of a process.
    ///
    /// # Errors
    /// Where there is no such process, or the system does not tell.
    #[cfg(target_os = "linux")]
    pub(super) fn of(process: Pid) -> io::Result<CpuClock> {
        Ok(CpuClock(nix::time::ClockId::pid_cpu_clock_id(process)?))
    }

    /// What it has used so far; `None` of one that has ended.
    #[cfg(target_os = "linux")]
    pub(super) fn used(self) -> Option<Duration> {
        self.0.now().ok().map(Duration::from)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_: Pid) -> io::Result<CpuClock> {
        Err(io::Error::other(
            "this system does not tell what another process uses, which server.cpu_percent needs",
        ))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn used(self) -> Option<Duration> {
        None
    }
}
