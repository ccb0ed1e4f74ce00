//! Ending early: the first signal asks everything to stop, the second does not ask.

use std::process;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use tokio::signal::unix::{self, SignalKind};
use tokio_util::sync::CancellationToken;

use super::terminal;

/// What somebody ends a run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// ctrl-C.
    Interrupt,
    /// `kill`, or a machine that shuts down.
    Terminate,
    /// The terminal was closed.
    HangUp,
}

impl Signal {
    /// The exit status that shells give to who ends by it.
    pub(crate) fn status(self) -> u8 {
        128 + match self {
            Signal::HangUp => 1,
            Signal::Interrupt => 2,
            Signal::Terminate => 15,
        }
    }

    /// Its name in a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::HangUp => "SIGHUP",
            Signal::Interrupt => "ctrl-C",
            Signal::Terminate => "SIGTERM",
        }
    }
}

/// Listens for signals as long as the runtime lives.
pub(crate) struct Stop {
    token: CancellationToken,
    first: Arc<OnceLock<Signal>>,
}

impl Stop {
    /// From here on signals no longer end the program by themselves. Needs to be within a runtime.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let stop = Stop {
            token: CancellationToken::new(),
            first: Arc::default(),
        };
        for (kind, signal) in [
            (SignalKind::interrupt(), Signal::Interrupt),
            (SignalKind::terminate(), Signal::Terminate),
            (SignalKind::hangup(), Signal::HangUp),
        ] {
            let mut arrivals = unix::signal(kind).context("the system does not let signals be heard")?;
            let (token, first) = (stop.token.clone(), Arc::clone(&stop.first));
            tokio::task::spawn(async move {
                while arrivals.recv().await.is_some() {
                    if first.set(signal).is_err() {
                        terminal::say("talkplace: ended at once; transports that were finished before are kept");
                        process::exit(signal.status().into());
                    }
                    terminal::say("talkplace: stopping; ctrl-C again ends at once");
                    token.cancel();
                }
            });
        }
        Ok(stop)
    }

    /// Is cancelled by the first signal.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// What ended the run, if something did.
    pub(crate) fn signal(&self) -> Option<Signal> {
        self.first.get().copied()
    }
}
