//! What a scenario does to its server in the middle of the window: stop it for a while, or end it and start the next one.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use nix::unistd::Pid;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::LoadError;
use super::control::Control;
use super::process::Process;
use super::recorder::Plan;
use super::server_process::ServerProcess;
use super::stall::Stopped;
use super::target::Peer;
use super::usage::Usage;
use crate::results::{RestartBy, Scenario};

/// When the server went away and came back, as far as that has happened; all threads look at it.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    told: OnceLock<Instant>,
    has_begun: CancellationToken,
    ended: OnceLock<Instant>,
    started: OnceLock<Instant>,
    listening: OnceLock<Instant>,
}

/// The instants of a restart that has happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restarted {
    /// The server was told to end.
    pub(crate) told: Instant,
    /// Its process had ended.
    pub(crate) ended: Instant,
    /// The next one was started.
    pub(crate) started: Instant,
    /// It listened.
    pub(crate) listening: Instant,
}

/// What whoever watches over the server tells of it while it does.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The process that is the server now.
    pub(crate) process: watch::Sender<Option<Process>>,
    /// What the first one had used just before it was told to end.
    pub(crate) used_before: OnceLock<Usage>,
}

impl Outage {
    /// When the server was told to end; `None` as long as it was not.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.told.get().copied()
    }

    /// Waits for that.
    pub(crate) async fn has_begun(&self) {
        self.has_begun.cancelled().await;
    }

    /// All its instants; `None` as long as the next server does not listen.
    pub(crate) fn restarted(&self) -> Option<Restarted> {
        Some(Restarted {
            told: *self.told.get()?,
            ended: *self.ended.get()?,
            started: *self.started.get()?,
            listening: *self.listening.get()?,
        })
    }

    fn begin(&self) {
        self.told.get_or_init(Instant::now);
        self.has_begun.cancel();
    }
}

impl Watch {
    /// Of a server that has just started.
    pub(crate) fn new(server: &ServerProcess) -> Watch {
        Watch {
            process: watch::Sender::new(server.pid().map(Process::from)),
            used_before: OnceLock::new(),
        }
    }

    /// The process that is the server now; `None` while there is none.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.process.borrow().as_ref().and_then(Process::pid)
    }
}

/// Whether the scenario does anything of the kind.
pub(crate) fn is_asked_for(scenario: &Scenario) -> bool {
    !scenario.server_stop.is_zero() || scenario.restart.is_asked_for()
}

/// Does to the server what the scenario says, when it says so, and gives the reason should it end by itself. It ends with nothing else.
pub(crate) async fn watch_over(
    server: &mut ServerProcess,
    scenario: &Scenario,
    plan: &Plan,
    watch: &Watch,
) -> LoadError {
    let length = scenario.server_stop.max(scenario.restart.away);
    if is_asked_for(scenario) {
        let middle = async {
            plan.clock.started().await;
            let start = plan.clock.start().unwrap_or_else(Instant::now);
            tokio::time::sleep_until((start + scenario.middle(length)).into()).await;
        };
        tokio::select! {
            why = server.died() => return why,
            () = middle => {}
        }
    }
    if !scenario.server_stop.is_zero() {
        let _stopped = server.pid().map(Stopped::stop);
        tokio::select! {
            why = server.died() => return why,
            () = tokio::time::sleep(length) => {}
        }
    }
    if scenario.restart.is_asked_for()
        && let Err(why) = restart(server, scenario, &plan.outage, watch).await
    {
        return why;
    }
    server.died().await
}

/// Ends the server and starts the next one, which goes on with the feed.
async fn restart(
    server: &mut ServerProcess,
    scenario: &Scenario,
    outage: &Outage,
    watch: &Watch,
) -> Result<(), LoadError> {
    let mut control = Control::new(Arc::new(Peer::from(server.address)), Some(watch.process.subscribe()));
    let used = control.usage().await?;
    let _ = watch.used_before.set(used);
    outage.begin();
    match scenario.restart.by {
        RestartBy::Drain => server.drain().await?,
        RestartBy::Kill => server.kill().await,
    }
    outage.ended.get_or_init(Instant::now);
    watch.process.send_replace(None);
    // Nobody else is to have its port meanwhile.
    let place = server.hold_port();
    tokio::time::sleep(scenario.restart.away).await;
    outage.started.get_or_init(Instant::now);
    server.start_again().await?;
    outage.listening.get_or_init(Instant::now);
    drop(place);
    watch.process.send_replace(server.pid().map(Process::from));
    Ok(())
}
