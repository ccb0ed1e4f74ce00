//! Where the measured server comes from, and how it is spoken to.

mod address;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::process::Process;
use crate::protocol::Transport;
use crate::results::{Dialect, Foreign, Scenario, ServerWait};

/// How to get a server to measure.
#[derive(Debug, Clone)]
pub enum Target {
    /// Start this program (`talkplace`) with `serve …` as a process of its own, on a port that the system chooses, for this run alone.
    Spawn(PathBuf),
    /// One that is running already. Nobody else may talk in its feed during the run.
    Running(Peer),
}

/// A server that is running: where it is, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Peer {
    /// What it is called in a report.
    pub name: String,
    /// Its address as it was given.
    pub url: String,
    /// How it is spoken to.
    pub dialect: Dialect,
    /// The process whose use of the machine is told, with all that it has started.
    pub pid: Option<i32>,
    pub(crate) address: SocketAddr,
    /// What goes into `Host`.
    pub(crate) authority: String,
    /// The path of the address; `/` where it has none.
    pub(crate) path: String,
}

/// Why a server cannot be measured, before anything is.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The address cannot be read.
    #[error("`{url}` is no address of a server: write it like {}", .dialect.example())]
    NotAnAddress {
        /// What was given.
        url: String,
        /// How it was to be spoken to.
        dialect: Dialect,
    },
    /// The address is one that another dialect takes.
    #[error(
        "`{url}` is the address of a WebSocket, and the dialect {dialect} takes one like {}; a server that sends whatever one says to all is spoken to with \
         --dialect ws-broadcast", .dialect.example()
    )]
    IsAWebSocket {
        /// What was given.
        url: String,
        /// How it was to be spoken to.
        dialect: Dialect,
    },
    /// The address asks for encryption.
    #[error("talkplace has no TLS, so it cannot reach `{0}`: name the server itself, behind what encrypts for it")]
    Encrypted(String),
    /// The paths are the dialect's, and not the caller's to choose.
    #[error("{dialect} has paths of its own, so `{url}` ends behind its port: write it like {}", .dialect.example())]
    HasPath {
        /// What was given.
        url: String,
        /// How it was to be spoken to.
        dialect: Dialect,
    },
    /// The name of the host leads nowhere.
    #[error("`{url}`: nobody knows the host")]
    UnknownHost {
        /// What was given.
        url: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing takes a connection.
    #[error("nobody listens on {url} ({tried}): start the server first")]
    NobodyThere {
        /// What was given.
        url: String,
        /// Which addresses were tried, and what came of it.
        tried: String,
    },
    /// The dialect cannot do what the scenario asks for.
    #[error("{dialect} has no way to hear by {}: leave {} out, such as with --transports {}", list(.transports), if .transports.len() == 1 { "it" } else { "them" }, ways(*.dialect))]
    NoWay {
        /// How the server was to be spoken to.
        dialect: Dialect,
        /// What it has no way for.
        transports: Vec<Transport>,
    },
    /// A ladder needs its transports one below the other, and a cursor that all of them know.
    #[error("listeners of {0} have no ladder: leave it out with --set ladder.falls_back=false")]
    NoLadder(Dialect),
    /// What the scenario does to its server is not done to somebody else's.
    #[error("{knob} needs a server that talkplace starts itself: leave it out with --set {knob}={without}")]
    OnlyOurs {
        /// Which knob asks for it.
        knob: &'static str,
        /// Its value that does not.
        without: &'static str,
    },
    /// Its process cannot be on this machine.
    #[error("--target-pid is for a server on this machine, and {url} is not on it")]
    NotOnThisMachine {
        /// The server's address.
        url: String,
    },
    /// There is no such process, or the system tells nothing of it.
    #[error("the system tells nothing of a process {pid}: is it still running?")]
    NoProcess {
        /// Its number.
        pid: i32,
    },
    /// Another process serves that address.
    #[error(
        "neither process {pid} nor one that it started listens on {address}, so its figures would be another program’s"
    )]
    OtherProcess {
        /// Its number.
        pid: i32,
        /// Where the server is.
        address: SocketAddr,
    },
}

impl Dialect {
    /// An address as it takes them.
    fn example(self) -> &'static str {
        match self {
            Dialect::Talkplace => "http://localhost:3000",
            Dialect::WsBroadcast => "ws://localhost:3000/talkplace",
            Dialect::Nchan => "http://localhost:8080",
        }
    }
}

fn list(transports: &[Transport]) -> String {
    let names: Vec<&str> = transports.iter().map(|transport| transport.name()).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// What it has, as the command line takes it.
fn ways(dialect: Dialect) -> String {
    let has = Transport::ALL.into_iter().filter(|transport| dialect.has(*transport));
    has.map(Transport::name).collect::<Vec<_>>().join(",")
}

/// One on this machine that speaks the contract: for tests, and for a server that was started here.
impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        Peer {
            name: address.to_string(),
            url: format!("http://{address}"),
            dialect: Dialect::Talkplace,
            pid: None,
            address,
            authority: address.to_string(),
            path: "/".to_owned(),
        }
    }
}

impl Peer {
    /// The same server, reached at another address: through what stands in front of it.
    pub(crate) fn behind(&self, front: SocketAddr) -> Peer {
        Peer {
            address: front,
            authority: front.to_string(),
            ..self.clone()
        }
    }

    /// Finds the server at an address: somebody has to take a connection there.
    ///
    /// # Errors
    /// A sentence for the reader of a terminal, by [`TargetError`].
    pub async fn find(url: &str, dialect: Dialect) -> Result<Peer, TargetError> {
        let uri = address::read(url, dialect)?;
        let authority = uri.authority().map_or_else(String::new, ToString::to_string);
        let address = address::connectable(url, &uri).await?;
        Ok(Peer {
            name: authority.clone(),
            url: url.to_owned(),
            dialect,
            pid: None,
            address,
            authority,
            path: uri.path_and_query().map_or("/".to_owned(), ToString::to_string),
        })
    }

    /// Takes the figures of a process for the server's.
    ///
    /// # Errors
    /// When the process cannot be the server's.
    pub fn with_process(mut self, pid: i32) -> Result<Peer, TargetError> {
        if !self.address.ip().is_loopback() {
            return Err(TargetError::NotOnThisMachine { url: self.url });
        }
        let process = Process::with_children(pid).ok_or(TargetError::NoProcess { pid })?;
        if process.listens_on(self.address.port()) == Some(false) {
            let address = self.address;
            return Err(TargetError::OtherProcess { pid, address });
        }
        self.pid = Some(pid);
        Ok(self)
    }

    /// Whether it can be asked what a scenario asks.
    ///
    /// # Errors
    /// When it cannot, with what stands in the way.
    pub fn fits(&self, scenario: &Scenario) -> Result<(), TargetError> {
        let dialect = self.dialect;
        let missing = scenario.transports.iter().filter(|transport| !dialect.has(**transport));
        let transports: Vec<Transport> = missing.copied().collect();
        if !transports.is_empty() {
            return Err(TargetError::NoWay { dialect, transports });
        }
        self.bears(scenario)
    }

    /// Whether what the scenario does besides listening can be done with it.
    ///
    /// # Errors
    /// When something cannot, with what that is.
    pub(crate) fn bears(&self, scenario: &Scenario) -> Result<(), TargetError> {
        let only_ours = [
            ("server.stop", "0s", !scenario.server_stop.is_zero()),
            ("server.restart", "0s", scenario.restart.is_asked_for()),
            ("server.cpu_percent", "0", scenario.server_cpu_percent > 0),
            ("server.wait", "woken", scenario.server_wait != ServerWait::Woken),
        ];
        if scenario.ladder.falls_back && self.dialect != Dialect::Talkplace {
            return Err(TargetError::NoLadder(self.dialect));
        }
        match only_ours.into_iter().find(|(.., is_asked_for)| *is_asked_for) {
            Some((knob, without, _)) => Err(TargetError::OnlyOurs { knob, without }),
            None => Ok(()),
        }
    }

    /// What the results say of it.
    pub fn foreign(&self) -> Foreign {
        Foreign {
            name: self.name.clone(),
            url: self.url.clone(),
            dialect: self.dialect,
            process: self.pid.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn nobody_there_and_nobody_known_are_told() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let url = format!("http://{address}");
        let found = Peer::find(&url, Dialect::Talkplace).await.unwrap();
        assert_eq!(
            (found.address, &found.authority[..]),
            (address, &address.to_string()[..])
        );
        drop(socket);
        let error = Peer::find(&url, Dialect::Talkplace).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("nobody listens on {url} (")), "{error}");
        let error = Peer::find("http://nowhere.invalid", Dialect::Talkplace)
            .await
            .unwrap_err();
        assert!(matches!(error, TargetError::UnknownHost { .. }), "{error}");
    }

    #[test]
    fn what_a_dialect_has_no_way_for_is_named() {
        let mut peer = Peer::from(SocketAddr::from(([127, 0, 0, 1], 3000)));
        let all = Scenario {
            transports: Transport::ALL.to_vec(),
            ..Scenario::default()
        };
        assert!(peer.fits(&all).is_ok());
        peer.dialect = Dialect::WsBroadcast;
        assert_eq!(
            peer.fits(&all).unwrap_err().to_string(),
            "ws-broadcast has no way to hear by poll, long-poll and events: leave them out, such as with \
             --transports websocket"
        );
        let stopped = Scenario {
            transports: vec![Transport::Websocket],
            server_stop: Duration::from_secs(2),
            ..Scenario::default()
        };
        assert_eq!(
            peer.fits(&stopped).unwrap_err().to_string(),
            "server.stop needs a server that talkplace starts itself: leave it out with --set server.stop=0s"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_taken_only_for_what_it_serves() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peer::from(socket.local_addr().unwrap());
        let ours = std::process::id() as i32;
        assert_eq!(peer.clone().with_process(ours).unwrap().pid, Some(ours));
        let error = peer.clone().with_process(i32::MAX).unwrap_err().to_string();
        assert!(error.contains("tells nothing of a process 2147483647"), "{error}");
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let error = peer.with_process(sleeper.id() as i32).unwrap_err().to_string();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert!(error.contains("another program’s"), "{error}");
        let far = Peer::from(SocketAddr::from(([192, 0, 2, 1], 80)));
        assert!(matches!(
            far.with_process(ours),
            Err(TargetError::NotOnThisMachine { .. })
        ));
    }
}
