//! `talkplace serve` as a process: where its settings come from, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Home;

/// A server that is ended with the test.
pub(crate) struct Serving {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .trim_end()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("{line:?}"));
        Serving {
            address: address.to_owned(),
            child,
            stdout,
        }
    }

    /// The status of one request.
    fn status(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    }

    /// Says a text of so many bytes; gives the status.
    fn say(&self, bytes: usize) -> String {
        let text = "x".repeat(bytes);
        self.status(&format!(
            "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {bytes}\r\n\r\n{text}"
        ))
    }

    /// Sends a signal; gives the exit status.
    pub(crate) fn signal(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
        let status = self.child.wait().unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "stdout has the addresses only");
        status.code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_file() {
    let home = Home::new();
    home.write("server.toml", "listen = [\"127.0.0.1:0\"]\nmax_text = 10\n");
    let longest = |variable: Option<&str>, flag: Option<&str>| {
        let mut command = home.command(&["serve", "--config", "server.toml"]);
        command.envs(variable.map(|value| ("TALKPLACE_MAX_TEXT", value)));
        command.args(flag.map(|value| format!("--max-text={value}")));
        let server = Serving::start(command);
        let longest = [10, 20, 30]
            .into_iter()
            .filter(|bytes| server.say(*bytes) == "201")
            .max();
        assert_eq!(server.say(31), "413");
        longest
    };
    assert_eq!(longest(None, None), Some(10));
    assert_eq!(longest(Some("20"), None), Some(20));
    assert_eq!(longest(Some("20"), Some("30")), Some(30));
}

#[test]
fn it_listens_wherever_it_is_told_to() {
    let home = Home::new();
    let mut server = Serving::start(home.command(&["serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]));
    let mut second = String::new();
    server.stdout.read_line(&mut second).unwrap();
    let second = second.trim_end().strip_prefix("listening on http://").unwrap();
    assert_ne!(second, server.address);
    assert!(TcpStream::connect(second).is_ok());
}

#[test]
fn both_signals_end_it_well() {
    let home = Home::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Serving::start(home.command(&["serve", "--listen", "127.0.0.1:0"]));
        assert_eq!(server.status("GET /healthz HTTP/1.0\r\n\r\n"), "200");
        assert_eq!(server.signal(signal), Some(0), "{signal}");
    }
}

#[test]
fn a_port_in_use_is_one_clear_sentence() {
    let home = Home::new();
    let server = Serving::start(home.command(&["serve", "--listen", "127.0.0.1:0"]));
    let ended = home.talkplace(&["serve", "--listen", &server.address]);
    assert_eq!(ended.status, Some(2));
    assert!(
        ended.stderr.contains(&format!("cannot listen on {}", server.address)),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stdout, "");
}

#[test]
fn open_shows_the_labs_on_a_port_of_its_own() {
    let home = Home::new();
    let server = Serving::start(home.command(&["open", "--no-browser"]));
    let request = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            server.address
        )
    };
    for path in ["/", "/labs/", "/labs/01-three-ways/", "/labs/15-coordinated-omission/"] {
        assert_eq!(server.status(&request(path)), "200", "{path}");
    }
    assert_eq!(server.signal(Signal::SIGTERM), Some(0));
    assert!(home.list("reports").is_empty(), "looking at the labs writes nothing");
}

#[test]
fn labs_are_not_shown_behind_a_proxy() {
    let home = Home::new();
    let flags = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--reports",
        "reports",
        "--trust-proxy",
    ];
    let ended = home.talkplace(&flags);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("choose one"), "{}", ended.stderr);
}

#[test]
fn a_signing_key_that_could_be_guessed_is_refused() {
    let home = Home::new();
    home.write("short.key", "secret");
    let ended = home.talkplace(&["serve", "--listen", "127.0.0.1:0", "--signing-key-file", "short.key"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("at least 32 bytes"), "{}", ended.stderr);
}

#[test]
fn every_setting_can_stand_in_the_file_and_in_the_environment() {
    let home = Home::new();
    let help = home.talkplace(&["serve", "--help"]).stdout;
    let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let flags: Vec<&str> = flags.filter_map(|line| line.split([' ', '[']).next()).collect();
    assert!(flags.len() > 25, "{flags:?}");
    // A line may end between any two words.
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut file = String::new();
    for flag in flags.into_iter().filter(|flag| !["config", "help"].contains(flag)) {
        let variable = format!("TALKPLACE_{}", flag.to_uppercase().replace('-', "_"));
        assert!(
            words.contains(&format!("[env: {variable}=]")),
            "{flag} has no {variable}"
        );
        let value = match flag {
            "listen" => "[\"127.0.0.1:0\"]",
            "origin" => "[\"https://example.org\"]",
            "keep" => "\"feed\"",
            "keep-force" => "\"10ms\"",
            "signing-key-file" | "former-signing-key-file" => "\"key\"",
            // Labs are not for whoever comes by way of a proxy: one of the two has to be off.
            "trust-proxy" => "false",
            "without-origin-check" => "true",
            "wait" => "\"thread\"",
            "reports" => "\"reports\"",
            "max-head" | "max-head-fields" => "3000",
            "publish-rate" | "visitor-rate" => "\"5/s\"",
            flag if flag.starts_with("max-") || flag.starts_with("keep-") || flag == "workers" => "3",
            _ => "\"9s\"",
        };
        file += &format!("{} = {value}\n", flag.replace('-', "_"));
    }
    home.write("key", &"k".repeat(32));
    home.write("all.toml", &file);
    let server = Serving::start(home.command(&["serve", "--config", "all.toml"]));
    assert_eq!((server.say(3), server.say(4)), ("201".into(), "413".into()));
    assert_eq!(server.signal(Signal::SIGTERM), Some(0));
}
