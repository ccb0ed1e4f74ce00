//! What a scenario puts between the listeners and the server. The listeners connect to it; publishers and questions go past it.
//!
//! So far that is a real nginx. Whatever else will stand there is another thing to start that listens on an address, says what it is,
//! and ends with the run.

mod nginx;

use std::net::SocketAddr;

use super::LoadError;
use crate::results::Scenario;
use nginx::Nginx;

/// Something in between. It ends when it is dropped, and is gone a moment later.
pub(crate) struct Between {
    nginx: Nginx,
}

impl Between {
    /// Starts what the scenario asks for, in front of this server; `None` where it asks for nothing.
    ///
    /// # Errors
    /// When there is no such program here, or it does not take what the scenario gives it.
    pub(crate) async fn start(scenario: &Scenario, server: SocketAddr) -> Result<Option<Between>, LoadError> {
        let Some(name) = &scenario.between.nginx else {
            return Ok(None);
        };
        let nginx = Nginx::start(name, &scenario.between.config, scenario.listeners, server).await?;
        Ok(Some(Between { nginx }))
    }

    /// Where the listeners find it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.nginx.address
    }

    /// What it calls itself: `nginx/1.22.1`.
    pub(crate) fn version(&self) -> String {
        self.nginx.version.clone()
    }

    /// Waits for it to end though nobody asked it to.
    pub(crate) async fn died(&mut self) -> LoadError {
        self.nginx.died().await
    }

    /// Ends it, and waits until it has.
    pub(crate) async fn end(self) {
        self.nginx.end().await;
    }
}
