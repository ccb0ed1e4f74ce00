//! A server that stands still: the system stops its process, and lets it go on.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LoadError;

/// Stops the server at `from` for so long. Dropping it lets the server go on.
pub(super) async fn stall(process: Option<Pid>, from: Instant, length: Duration) -> Result<(), LoadError> {
    if length.is_zero() {
        return Ok(());
    }
    let process = process.ok_or(LoadError::NotOurProcess("server.stop"))?;
    tokio::time::sleep_until(from.into()).await;
    let _stopped = Stopped::stop(process);
    tokio::time::sleep(length).await;
    Ok(())
}

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
