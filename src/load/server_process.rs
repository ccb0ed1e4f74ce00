//! The measured server as a process of its own, so that its processor time and memory can be told from the generator's.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::LoadError;
use crate::results::{Scenario, ServerWait};

/// A server starts in milliseconds; a loaded machine may take longer.
const START: Duration = Duration::from_secs(20);
/// With no listener left there is nothing to drain.
const END: Duration = Duration::from_secs(3);
/// Lines of its stderr that are kept for an error's sentence.
const LAST_WORDS: usize = 20;
/// Connections beside the listeners': publishers, the engine's own, and those that come anew before the old ones are seen to be gone.
const CONNECTIONS_BESIDE: u32 = 1024;
/// What a server takes for a text unless told otherwise.
const DEFAULT_MAX_TEXT: u32 = 4096;
/// What JSON puts around a text, generously.
const MESSAGE_BESIDE_TEXT: u64 = 256;
/// What a server keeps unless told otherwise.
const DEFAULT_KEEP_BYTES: u64 = 16 << 20;
/// A server's cap on holding a long poll unless told otherwise.
const DEFAULT_CAP: Duration = Duration::from_secs(120);

/// A running server. It ends when its stdin closes, so it goes away whatever becomes of us.
pub(crate) struct ServerProcess {
    program: PathBuf,
    arguments: Vec<String>,
    /// Where its feed is kept for the next one; `None` where there is to be none.
    _feed: Option<TempDir>,
    running: Running,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// The process itself.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    words: LastWords,
}

/// The last lines of a process's stderr.
#[derive(Clone, Default)]
struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl ServerProcess {
    /// Starts `program serve …` with what the scenario says about the server, and waits until it listens.
    ///
    /// # Errors
    /// [`LoadError::Spawn`], [`LoadError::NotReady`], or [`LoadError::ServerDied`] when it ends instead.
    pub(crate) async fn start(program: &Path, scenario: &Scenario) -> Result<ServerProcess, LoadError> {
        let feed = scenario.restart.is_asked_for().then(TempDir::new).transpose()?;
        let mut arguments = arguments(scenario);
        if let Some(feed) = &feed {
            let file = feed.path().join("feed").to_string_lossy().into_owned();
            arguments.extend(["--keep".to_owned(), file]);
        }
        let (running, address) = Running::start(program, "127.0.0.1:0", &arguments).await?;
        Ok(ServerProcess {
            program: program.to_owned(),
            arguments,
            _feed: feed,
            running,
            address,
        })
    }

    /// Its process; `None` once it has ended.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.running.pid()
    }

    /// Waits for it to end though nobody asked it to.
    pub(crate) async fn died(&mut self) -> LoadError {
        let status = self.running.child.wait().await;
        // Its last words may still be in the pipe.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.running.words.died(status)
    }

    /// Ends it: asks by closing its stdin, and kills it when that takes too long.
    pub(crate) async fn end(mut self) {
        self.running.stdin = None;
        if tokio::time::timeout(END, self.running.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Ends it as whoever restarts a server does: asks it to, and waits for as long as it takes.
    ///
    /// # Errors
    /// [`LoadError::ServerDied`] when it does not end well.
    pub(crate) async fn drain(&mut self) -> Result<(), LoadError> {
        if let Some(process) = self.pid() {
            // One that has just died is noticed by how it ended.
            let _ = signal::kill(process, Signal::SIGTERM);
        }
        match self.running.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            status => Err(self.running.words.died(status)),
        }
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        // It can only fail when the process is gone already.
        let _ = self.running.child.kill().await;
    }

    /// Keeps its port for the next one as long as the socket lives. Nobody can connect to it; and no connection of anybody, ours
    /// included, is given that port for its own end, which would be connected to itself. `None` where it is somebody's already.
    pub(crate) fn hold_port(&self) -> Option<TcpSocket> {
        let socket = TcpSocket::new_v4().ok()?;
        // What shares a port with it has to say so, too; and both may, as long as it does not listen.
        socket.set_reuseaddr(true).ok()?;
        socket.bind(self.address).ok()?;
        Some(socket)
    }

    /// Starts the next one, which has ended, on the same port and with the same feed, and waits until it listens.
    ///
    /// # Errors
    /// As [`start`](ServerProcess::start).
    pub(crate) async fn start_again(&mut self) -> Result<(), LoadError> {
        let listen = self.address.to_string();
        (self.running, self.address) = Running::start(&self.program, &listen, &self.arguments).await?;
        Ok(())
    }
}

impl Running {
    /// Starts it, and waits until it says its address.
    async fn start(program: &Path, listen: &str, arguments: &[String]) -> Result<(Running, SocketAddr), LoadError> {
        let spawned = command(program, listen, arguments).spawn();
        let mut child = spawned.map_err(|source| LoadError::Spawn {
            program: program.to_owned(),
            source,
        })?;
        let words = LastWords::default();
        let stderr = child.stderr.take().expect("it was asked to be piped");
        let stdout = child.stdout.take().expect("it was asked to be piped");
        let reading = tokio::spawn(words.clone().keep(stderr));
        let stdin = child.stdin.take();
        let address = match tokio::time::timeout(START, address(stdout)).await {
            Ok(Some(address)) => address,
            Ok(None) => {
                // Its stdout has ended, so it is ending; its stderr is read to its end before it is quoted.
                let _ = tokio::time::timeout(END, reading).await;
                return Err(words.died(child.wait().await));
            }
            Err(_) => {
                return Err(LoadError::NotReady {
                    waited: START,
                    words: words.text(),
                });
            }
        };
        Ok((Running { child, stdin, words }, address))
    }

    fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| id.try_into().ok()).map(Pid::from_raw)
    }
}

impl LastWords {
    /// Keeps the last lines of this stream until it ends.
    async fn keep(self, stream: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut kept = self.0.lock().expect("nobody panics while holding it");
            if kept.len() == LAST_WORDS {
                kept.pop_front();
            }
            kept.push_back(line);
        }
    }

    fn text(&self) -> String {
        let kept = self.0.lock().expect("nobody panics while holding it");
        Vec::from(kept.clone()).join("\n")
    }

    fn died(&self, status: io::Result<std::process::ExitStatus>) -> LoadError {
        LoadError::ServerDied {
            status: status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            words: self.text(),
        }
    }
}

fn command(program: &Path, listen: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", listen]).args(arguments);
    // What the user's shell says about a server of their own must not change a measured one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TALKPLACE_") {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    // A ctrl-C of the terminal is for us alone: we end the server when we have taken its last figures.
    #[cfg(unix)]
    command.process_group(0);
    command
}

fn arguments(scenario: &Scenario) -> Vec<String> {
    let cap = scenario.long_poll_timeout.max(DEFAULT_CAP);
    let connections = scenario.listeners.saturating_add(CONNECTIONS_BESIDE);
    let mut arguments = ["--until-stdin-closes", "--publish-rate", "off"]
        .map(String::from)
        .to_vec();
    let mut flag = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    flag("--keep-messages", scenario.server_keep_messages.to_string());
    flag("--keep-bytes", keep_bytes(scenario).to_string());
    flag("--max-connections", connections.to_string());
    flag("--long-poll-cap", format!("{}ms", cap.as_millis()));
    if scenario.server_workers > 0 {
        flag("--workers", scenario.server_workers.to_string());
    }
    if scenario.server_wait != ServerWait::Woken {
        flag("--wait", scenario.server_wait.to_string());
    }
    if scenario.text_bytes > DEFAULT_MAX_TEXT {
        flag("--max-text", scenario.text_bytes.to_string());
    }
    arguments
}

/// Room for as many messages as the scenario keeps: their number alone is to be the bound.
fn keep_bytes(scenario: &Scenario) -> u64 {
    let message_bytes = u64::from(scenario.text_bytes) + MESSAGE_BESIDE_TEXT;
    (u64::from(scenario.server_keep_messages) * message_bytes).max(DEFAULT_KEEP_BYTES)
}

/// The address from the line `listening on http://127.0.0.1:41234`; `None` when there is none until the end.
///
/// What it writes after that is read and passed over, since a full pipe would stop it.
async fn address(stdout: ChildStdout) -> Option<SocketAddr> {
    let mut lines = BufReader::new(stdout).lines();
    loop {
        let line = lines.next_line().await.ok()??;
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.trim().parse().ok());
        if address.is_some() {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return address;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    /// A program that does as this shell script says.
    fn program(script: &str) -> (TempDir, std::path::PathBuf) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("server");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[tokio::test]
    async fn it_is_ready_when_it_says_so_and_ends_with_its_stdin() {
        let (folder, path) =
            program("echo hello; echo listening on http://127.0.0.1:4711; cat; echo over > \"$0.over\"");
        let server = ServerProcess::start(&path, &scenario()).await.unwrap();
        assert_eq!(server.address, "127.0.0.1:4711".parse().unwrap());
        server.end().await;
        assert!(folder.path().join("server.over").exists());
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed() {
        let (_folder, path) = program("echo listening on http://127.0.0.1:4711; exec sleep 600");
        let server = ServerProcess::start(&path, &scenario()).await.unwrap();
        let pid = server.pid().unwrap();
        server.end().await;
        assert_eq!(nix::sys::signal::kill(pid, None), Err(nix::errno::Errno::ESRCH));
    }

    #[tokio::test]
    async fn one_that_dies_is_quoted() {
        let (_folder, path) = program("echo the key file is not readable >&2; exit 2");
        let error = ServerProcess::start(&path, &scenario())
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("the key file is not readable") && error.contains("exit status: 2"),
            "{error}"
        );

        let (_folder, path) = program("echo listening on http://127.0.0.1:4711; read line; echo oh dear >&2; exit 3");
        let mut server = ServerProcess::start(&path, &scenario()).await.unwrap();
        server.running.stdin = None;
        let error = server.died().await.to_string();
        assert!(error.contains("oh dear") && error.contains("exit status: 3"), "{error}");
    }

    fn restarting() -> Scenario {
        let mut scenario = scenario();
        scenario.restart.away = Duration::from_secs(1);
        scenario
    }

    #[tokio::test]
    async fn the_next_one_has_the_port_and_the_feed_of_the_one_before() {
        let (folder, path) = program("echo \"$@\" >> \"$0.told\"; echo listening on http://127.0.0.1:4711; cat");
        let mut server = ServerProcess::start(&path, &restarting()).await.unwrap();
        let first = server.pid().unwrap();
        server.kill().await;
        assert_eq!(server.pid(), None);
        server.start_again().await.unwrap();
        assert_ne!(server.pid(), Some(first));
        server.end().await;
        let told = std::fs::read_to_string(folder.path().join("server.told")).unwrap();
        let [one, other] = told.lines().collect::<Vec<_>>()[..] else {
            panic!("{told}");
        };
        assert!(
            one.contains(" --keep ") && one.starts_with("serve --listen 127.0.0.1:0 "),
            "{one}"
        );
        assert_eq!(other, one.replace("127.0.0.1:0", "127.0.0.1:4711"));
    }

    #[tokio::test]
    async fn one_that_does_not_drain_well_has_died() {
        let (_folder, path) = program(
            "trap 'echo cannot write >&2; exit 4' TERM; echo listening on http://127.0.0.1:4711; \
             while :; do sleep 0.01; done",
        );
        let mut server = ServerProcess::start(&path, &restarting()).await.unwrap();
        let error = server.drain().await.unwrap_err().to_string();
        assert!(error.contains("exit status: 4"), "{error}");
    }

    #[tokio::test]
    async fn a_port_that_is_held_refuses_connections_and_lets_the_next_server_have_it() {
        // As a server does that wants to come back to where its connections still are.
        let listen = |address: SocketAddr| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(address).unwrap();
            socket.listen(16).unwrap()
        };
        let socket = listen("127.0.0.1:0".parse().unwrap());
        let (_folder, path) = program(&format!(
            "echo listening on http://{}; cat",
            socket.local_addr().unwrap()
        ));
        let server = ServerProcess::start(&path, &restarting()).await.unwrap();
        assert!(server.hold_port().is_none(), "somebody listens there");
        drop(socket);
        let place = server.hold_port().unwrap();
        assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
        let next = listen(server.address);
        assert!(tokio::net::TcpStream::connect(server.address).await.is_ok());
        drop((place, next));
        server.end().await;
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = ServerProcess::start(Path::new("/nowhere/talkplace"), &scenario())
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nowhere/talkplace"), "{error}");
    }

    #[test]
    fn the_scenario_becomes_flags() {
        let mut scenario = scenario();
        let plain = arguments(&scenario).join(" ");
        assert!(
            plain.ends_with(
                "--keep-messages 10000 --keep-bytes 16777216 --max-connections 1029 --long-poll-cap 120000ms"
            ),
            "{plain}"
        );
        scenario.server_workers = 2;
        scenario.text_bytes = 5000;
        scenario.server_wait = ServerWait::Spin;
        scenario.long_poll_timeout = Duration::from_secs(300);
        let full = arguments(&scenario).join(" ");
        assert!(
            full.ends_with("--long-poll-cap 300000ms --workers 2 --wait spin --max-text 5000"),
            "{full}"
        );
    }
}
