use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

use crate::load::LoadError;

/// What stands around the lab's file.
const FRAME: &str = include_str!("nginx.conf");
/// A moment is enough; a busy machine may take longer.
const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(10);
/// A port that was free may be taken by somebody else before nginx has it.
const TRIES: usize = 3;
/// Connections beside two for each listener.
const CONNECTIONS_BESIDE: u32 = 512;
/// Where nginx is on systems that do not show it to everybody.
const BESIDE_THE_PATH: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];
/// Runs a program until its own stdin closes: so nginx, which does not look at it, ends with whoever started it, even one that was
/// killed.
const UNTIL_STDIN_CLOSES: &str =
    r#"exec 3<&0; "$@" </dev/null & nginx=$!; { cat <&3; kill "$nginx"; } >/dev/null 2>&1 & exec 3<&-; wait "$nginx""#;

/// A running nginx, in a folder of its own.
pub(super) struct Nginx {
    pub(super) address: SocketAddr,
    pub(super) version: String,
    child: Child,
    stdin: Option<ChildStdin>,
    /// Of the lab's file, for messages.
    name: String,
    folder: TempDir,
}

impl Nginx {
    /// Starts one with the lab's file within its `server`, and waits until it listens.
    ///
    /// # Errors
    /// [`LoadError::NoNginx`], or [`LoadError::Nginx`] with its own words when it does not take the file.
    pub(super) async fn start(
        name: &str,
        config: &str,
        listeners: u32,
        server: SocketAddr,
    ) -> Result<Nginx, LoadError> {
        let program = program().ok_or(LoadError::NoNginx)?;
        let version = version(&program).await;
        let mut tries = 0..TRIES;
        loop {
            let folder = TempDir::with_prefix("talkplace-nginx-")?;
            let address = free_address()?;
            let frame = FRAME
                .replace("@CONNECTIONS@", &(2 * listeners + CONNECTIONS_BESIDE).to_string())
                .replace("@SERVER@", &server.to_string())
                .replace("@LISTEN@", &address.to_string())
                .replace("@FILE@", name);
            std::fs::write(folder.path().join("nginx.conf"), frame)?;
            std::fs::write(folder.path().join(name), config)?;
            let mut child = command(&program, folder.path()).spawn()?;
            let mut nginx = Nginx {
                address,
                version: version.clone(),
                stdin: child.stdin.take(),
                child,
                name: name.to_owned(),
                folder,
            };
            match nginx.listens().await {
                Err(LoadError::Nginx { words, .. }) if words.contains("in use") && tries.next().is_some() => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(nginx),
            }
        }
    }

    /// Waits until it does.
    async fn listens(&mut self) -> Result<(), LoadError> {
        let address = self.address;
        let connected = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            error = self.died() => Err(error),
            connected = tokio::time::timeout(START, connected) => connected.map_err(|_| LoadError::Nginx {
                name: self.name.clone(),
                words: format!("it did not listen within {} s", START.as_secs()),
            }),
        }
    }

    pub(super) async fn died(&mut self) -> LoadError {
        let status = self.child.wait().await;
        let mut words = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            let _ = tokio::time::timeout(END, stderr.read_to_string(&mut words)).await;
        }
        let said = said(&words, self.folder.path());
        let ended = || status.map_or_else(|error| error.to_string(), |status| format!("it ended ({status})"));
        LoadError::Nginx {
            name: self.name.clone(),
            words: if said.is_empty() { ended() } else { said },
        }
    }

    pub(super) async fn end(mut self) {
        self.stdin = None;
        if tokio::time::timeout(END, self.child.wait()).await.is_ok() {
            return;
        }
        // The whole group: the shell, and the nginx that would not end.
        if let Some(group) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.wait().await;
    }
}

/// Why it does not go on, without the time, the process and the folder that stand around it; and without what it says of a log file that only root
/// may write.
fn said(words: &str, folder: &Path) -> String {
    let lines = words
        .lines()
        .filter_map(|line| line.split_once("[emerg] ").map(|(_, said)| said));
    let lines = lines.map(|said| match said.split_once(": ") {
        Some((process, said)) if process.bytes().all(|byte| byte.is_ascii_digit() || byte == b'#') => said,
        _ => said,
    });
    let folder = folder.join("").display().to_string();
    let mut lines: Vec<String> = lines.map(|said| said.replace(&folder, "")).collect();
    lines.dedup();
    lines.truncate(3);
    lines.join("; ")
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", UNTIL_STDIN_CLOSES, "nginx"])
        .arg(program)
        // The prefix ends with a slash, or nginx takes the folder's name for a part of a file's.
        .arg("-p")
        .arg(folder.join(""))
        .args(["-c", "nginx.conf"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    // A ctrl-C of the terminal is for us alone.
    command.process_group(0);
    command
}

/// The program: on the path, or where systems keep it from those who are not root.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = BESIDE_THE_PATH.map(PathBuf::from);
    first_in(std::env::split_paths(&path).chain(beside))
}

fn first_in(mut places: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    places.find_map(|place| Some(place.join("nginx")).filter(|program| program.is_file()))
}

/// `nginx/1.22.1`.
async fn version(program: &Path) -> String {
    let said = Command::new(program).arg("-v").output().await;
    let said = said.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    let version = said.unwrap_or_default();
    let version = version.lines().find_map(|line| line.strip_prefix("nginx version: "));
    version.unwrap_or("nginx").to_owned()
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_told_and_what_it_always_says_is_not() {
        let words = "nginx: [alert] could not open error log file: open() \"/var/log/nginx/error.log\" failed (13: Permission denied)\n\
                     2026/11/25 02:44:47 [emerg] 32417#32417: unknown directive \"proxy_pas\" in /tmp/x/default.conf:2\n\
                     nginx: [emerg] unknown directive \"proxy_pas\" in /tmp/x/default.conf:2\n";
        let said = |words| said(words, Path::new("/tmp/x"));
        assert_eq!(said(words), "unknown directive \"proxy_pas\" in default.conf:2");
        let taken = "nginx: [emerg] bind() to 127.0.0.1:80 failed";
        assert_eq!(said(taken), "bind() to 127.0.0.1:80 failed");
    }

    #[test]
    fn it_is_found_where_it_is_and_else_one_is_told_how_to_get_it() {
        let (with, without) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        std::fs::write(with.path().join("nginx"), "").unwrap();
        let both = [without.path().to_owned(), with.path().to_owned()];
        assert_eq!(first_in(both.into_iter()), Some(with.path().join("nginx")));
        assert_eq!(first_in(std::iter::once(without.path().to_owned())), None);
        let told = LoadError::NoNginx.to_string();
        assert!(
            told.contains("apt install nginx") && told.lines().count() == 1,
            "{told}"
        );
    }

    #[tokio::test]
    #[ignore = "needs nginx"]
    async fn it_listens_says_what_it_is_and_is_gone_with_its_end() {
        let server = free_address().unwrap();
        let nginx = Nginx::start("own.conf", "location / { return 204; }", 5, server)
            .await
            .unwrap();
        assert!(nginx.version.starts_with("nginx/"), "{}", nginx.version);
        let address = nginx.address;
        assert!(TcpStream::connect(address).await.is_ok());
        nginx.end().await;
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    #[ignore = "needs nginx"]
    async fn it_ends_when_it_is_dropped() {
        let nginx = Nginx::start("own.conf", "location / { return 204; }", 5, free_address().unwrap());
        let address = nginx.await.unwrap().address;
        let is_gone = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(START, is_gone).await.unwrap();
    }

    #[tokio::test]
    #[ignore = "needs nginx"]
    async fn what_it_does_not_take_is_told_in_its_words() {
        let started = Nginx::start("own.conf", "location / { proxy_pas x; }", 5, free_address().unwrap()).await;
        let error = started.err().unwrap().to_string();
        assert!(
            error.starts_with("nginx with own.conf does not run: unknown directive \"proxy_pas\""),
            "{error}"
        );
    }
}
