//! What can be set, and where it may be set: by flag, by variable, by file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use talkplace::feed::{Force, Keep};
use talkplace::protocol::Wait;
use talkplace::results::ServerWait;
use talkplace::server::{self, Config, Limits, Origin, Publishing, SigningKey, Waiting};
use tracing::{info, warn};

use crate::cli::catalogue;

/// What can be set, from any of the three sources; `None` is not set there.
#[derive(Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Address to listen on; may be repeated [default: 127.0.0.1:3000 and [::1]:3000]
    #[arg(long, env = "TALKPLACE_LISTEN", value_name = "ADDR", value_delimiter = ',')]
    pub(super) listen: Option<Vec<SocketAddr>>,
    /// Keep the feed in this file, so that a restart loses nothing [default: it is gone with the process]
    #[arg(long, env = "TALKPLACE_KEEP", value_name = "FILE")]
    pub(super) keep: Option<PathBuf>,
    /// When the file is forced to the disk: always, before a message is acknowledged, or within a time, for example 10ms, in which a crash may lose what was acknowledged [default: always]
    #[arg(long, env = "TALKPLACE_KEEP_FORCE", value_name = "WHEN")]
    pub(super) keep_force: Option<KeepForce>,
    /// Messages kept for those who come back [default: 10000]
    #[arg(long, env = "TALKPLACE_KEEP_MESSAGES", value_name = "N")]
    keep_messages: Option<usize>,
    /// Bytes of messages kept, at most [default: 16777216]
    #[arg(long, env = "TALKPLACE_KEEP_BYTES", value_name = "N")]
    keep_bytes: Option<usize>,
    /// How long a long poll is held when it does not say [default: 25s]
    #[arg(long, env = "TALKPLACE_LONG_POLL_TIMEOUT", value_name = "TIME")]
    long_poll_timeout: Option<Time>,
    /// How long a long poll is held at most [default: 120s]
    #[arg(long, env = "TALKPLACE_LONG_POLL_CAP", value_name = "TIME")]
    long_poll_cap: Option<Time>,
    /// How a long poll is held: woken, or one of the specimens of a lab, which show how not to: spin, sleep-10ms (or any other time), thread. Not for serving [default: woken]
    #[arg(long, env = "TALKPLACE_WAIT", value_name = "HOW")]
    wait: Option<ServerWait>,
    /// How often an event stream gets a comment [default: 15s]
    #[arg(long, env = "TALKPLACE_HEARTBEAT", value_name = "TIME")]
    heartbeat: Option<Time>,
    /// How often a WebSocket is pinged [default: 30s]
    #[arg(long, env = "TALKPLACE_PING_INTERVAL", value_name = "TIME")]
    ping_interval: Option<Time>,
    /// How long the pong to a ping may take [default: as long as --ping-interval]
    #[arg(long, env = "TALKPLACE_PING_TIMEOUT", value_name = "TIME")]
    ping_timeout: Option<Time>,
    /// How long a WebSocket may take to answer a close [default: 5s]
    #[arg(long, env = "TALKPLACE_CLOSE_TIMEOUT", value_name = "TIME")]
    close_timeout: Option<Time>,
    /// Longest text, in bytes of UTF-8. No frame or message of a WebSocket may be longer, and a body no longer than six times that, as every character may be escaped, and 1 KiB [default: 4096]
    #[arg(long, env = "TALKPLACE_MAX_TEXT", value_name = "N")]
    max_text: Option<usize>,
    /// Messages from one address: a number a second, for example 10/s, or off; five seconds' worth may come at once [default: 1000/s]
    #[arg(long, env = "TALKPLACE_PUBLISH_RATE", value_name = "RATE")]
    publish_rate: Option<PublishRate>,
    /// Messages from one visitor who has signed in, from wherever, in the same way [default: 1000/s]
    #[arg(long, env = "TALKPLACE_VISITOR_RATE", value_name = "RATE")]
    visitor_rate: Option<PublishRate>,
    /// Connections at a time [default: 20000]
    #[arg(long, env = "TALKPLACE_MAX_CONNECTIONS", value_name = "N")]
    max_connections: Option<usize>,
    /// Connections at a time from one address, or one /64 of IPv6; not counted with --trust-proxy [default: 1000 from elsewhere, no bound from this machine]
    #[arg(long, env = "TALKPLACE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    max_connections_per_address: Option<usize>,
    /// Polls held at a time [default: as many as there are connections]
    #[arg(long, env = "TALKPLACE_MAX_HELD", value_name = "N")]
    max_held: Option<usize>,
    /// Bytes that may wait for peers who do not read, before what polls are answered with is kept short [default: 67108864]
    #[arg(long, env = "TALKPLACE_MAX_UNREAD", value_name = "N")]
    max_unread: Option<usize>,
    /// Bytes of a request's head [default: 16384]
    #[arg(long, env = "TALKPLACE_MAX_HEAD", value_name = "N")]
    max_head: Option<usize>,
    /// Fields of a request's head [default: 100]
    #[arg(long, env = "TALKPLACE_MAX_HEAD_FIELDS", value_name = "N")]
    max_head_fields: Option<usize>,
    /// How long a connection may be open without a request [default: 75s]
    #[arg(long, env = "TALKPLACE_IDLE_TIMEOUT", value_name = "TIME")]
    idle_timeout: Option<Time>,
    /// How long the head of a request may take [default: 10s]
    #[arg(long, env = "TALKPLACE_HEAD_TIMEOUT", value_name = "TIME")]
    head_timeout: Option<Time>,
    /// How long the body of a request may take [default: 30s]
    #[arg(long, env = "TALKPLACE_BODY_TIMEOUT", value_name = "TIME")]
    body_timeout: Option<Time>,
    /// How long a listener may read nothing while something waits for it [default: 10s]
    #[arg(long, env = "TALKPLACE_STALL_TIMEOUT", value_name = "TIME")]
    stall_timeout: Option<Time>,
    /// How long shutting down may take [default: 10s]
    #[arg(long, env = "TALKPLACE_DRAIN_TIMEOUT", value_name = "TIME")]
    drain_timeout: Option<Time>,
    /// Another origin whose pages may write and open WebSockets, for example https://example.org; may be repeated
    #[arg(long, env = "TALKPLACE_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    origin: Option<Vec<SettingOrigin>>,
    /// For a lesson: do not check the origin, so that any page that a visitor has open can speak in the visitor's name. Only on this computer itself
    #[arg(long, env = "TALKPLACE_WITHOUT_ORIGIN_CHECK", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) without_origin_check: Option<bool>,
    /// File whose bytes (32 at least) sign the cookies [default: a random key; sign-ins end with the process]
    #[arg(long, env = "TALKPLACE_SIGNING_KEY_FILE", value_name = "FILE")]
    signing_key_file: Option<PathBuf>,
    /// File with the key before that one: cookies that it has signed are still let in, so that a key can be changed without sending everybody to sign in again at once
    #[arg(long, env = "TALKPLACE_FORMER_SIGNING_KEY_FILE", value_name = "FILE")]
    former_signing_key_file: Option<PathBuf>,
    /// Take a visitor's address from the last entry of X-Forwarded-For: only behind a proxy that appends to it
    #[arg(long, env = "TALKPLACE_TRUST_PROXY", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    trust_proxy: Option<bool>,
    /// Show the labs at /labs/ to whoever sits at this computer, and let them be run; runs are kept in this folder
    #[arg(long, env = "TALKPLACE_REPORTS", value_name = "DIR")]
    reports: Option<PathBuf>,
    /// Threads that serve connections [default: one per processor]
    #[arg(long, env = "TALKPLACE_WORKERS", value_name = "N")]
    workers: Option<usize>,
}

/// A time with its unit: `250ms`, `25s`, `2m`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Time(Duration);

/// Messages a second, or no bound.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct PublishRate(Option<f64>);

/// When the feed's file is forced to the disk.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct KeepForce(pub(super) Force);

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct SettingOrigin(Origin);

impl FromStr for Time {
    type Err = talkplace::protocol::WaitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|Wait(time)| Time(time))
    }
}

impl FromStr for PublishRate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(PublishRate(None));
        }
        let per_s = text.strip_suffix("/s").and_then(|number| number.parse::<f64>().ok());
        let per_s = per_s.filter(|per_s| per_s.is_finite() && *per_s > 0.0);
        per_s
            .map(|per_s| PublishRate(Some(per_s)))
            .ok_or("a rate is a number above zero with /s, for example 10/s, or off")
    }
}

impl FromStr for KeepForce {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "always" {
            return Ok(KeepForce(Force::Always));
        }
        let time = text.parse().ok().filter(|Wait(time)| !time.is_zero());
        time.map(|Wait(time)| KeepForce(Force::Within(time)))
            .ok_or("it is always, or a time above zero, for example 10ms")
    }
}

impl FromStr for SettingOrigin {
    type Err = server::OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(SettingOrigin)
    }
}

/// In the file a setting is written as on the command line.
macro_rules! read_from_a_string {
    ($($name:ident),*) => {
        $(impl TryFrom<String> for $name {
            type Error = <$name as FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        })*
    };
}
read_from_a_string!(Time, PublishRate, KeepForce, SettingOrigin);

/// The settings in a file.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().map_or("", |span| &text[..span.start.min(text.len())]);
        let number = before.matches('\n').count();
        let line = text.lines().nth(number).unwrap_or_default().trim();
        let message = error
            .message()
            .replace("expected usize", "expected a whole number from 0 up");
        anyhow::anyhow!("{}, line {}, `{line}`: {message}", path.display(), number + 1)
    })
}

impl Settings {
    /// What is set here, else what is set there.
    pub(super) fn or(self, file: Settings) -> Settings {
        macro_rules! either {
            ($($field:ident),* $(,)?) => { Settings { $($field: self.$field.or(file.$field)),* } };
        }
        either!(
            listen,
            keep,
            keep_force,
            keep_messages,
            keep_bytes,
            long_poll_timeout,
            long_poll_cap,
            wait,
            heartbeat,
            ping_interval,
            ping_timeout,
            close_timeout,
            max_text,
            publish_rate,
            visitor_rate,
            max_connections,
            max_connections_per_address,
            max_held,
            max_unread,
            max_head,
            max_head_fields,
            idle_timeout,
            head_timeout,
            body_timeout,
            stall_timeout,
            drain_timeout,
            origin,
            without_origin_check,
            signing_key_file,
            former_signing_key_file,
            trust_proxy,
            reports,
            workers,
        )
    }

    /// What the server is to be told, with the defaults for what is not set.
    pub(super) fn resolve(self) -> anyhow::Result<Config> {
        let Config {
            keep,
            publishing,
            limits,
            ..
        } = Config::default();
        let default = Config::default();
        let time = |set: Option<Time>, default: Duration| set.map_or(default, |Time(time)| time);
        let config = Config {
            keep: Keep {
                messages: self.keep_messages.unwrap_or(keep.messages),
                bytes: self.keep_bytes.unwrap_or(keep.bytes),
            },
            long_poll_timeout: time(self.long_poll_timeout, default.long_poll_timeout),
            long_poll_cap: time(self.long_poll_cap, default.long_poll_cap),
            waiting: self.wait.map_or(default.waiting, waiting),
            event_heartbeat: time(self.heartbeat, default.event_heartbeat),
            ping_interval: time(self.ping_interval, default.ping_interval),
            ping_timeout: self.ping_timeout.map(|Time(time)| time),
            publishing: Publishing {
                max_text: self.max_text.unwrap_or(publishing.max_text),
                rate_per_s: self
                    .publish_rate
                    .map_or(publishing.rate_per_s, |PublishRate(rate)| rate),
                visitor_rate_per_s: self
                    .visitor_rate
                    .map_or(publishing.visitor_rate_per_s, |PublishRate(rate)| rate),
                ..publishing
            },
            origins: self
                .origin
                .unwrap_or_default()
                .into_iter()
                .map(|SettingOrigin(origin)| origin)
                .collect(),
            check_origin: !self.without_origin_check.unwrap_or(false),
            signing_key: self.signing_key_file.as_deref().map(read_key).transpose()?,
            former_signing_key: self.former_signing_key_file.as_deref().map(read_key).transpose()?,
            trust_proxy: self.trust_proxy.unwrap_or(default.trust_proxy),
            workers: self.workers.unwrap_or(default.workers),
            limits: Limits {
                connections: self.max_connections.unwrap_or(limits.connections),
                connections_per_address: self.max_connections_per_address,
                held_polls: self.max_held,
                unread_bytes: self.max_unread.unwrap_or(limits.unread_bytes),
                head_bytes: self.max_head.unwrap_or(limits.head_bytes),
                head_fields: self.max_head_fields.unwrap_or(limits.head_fields),
                idle_timeout: time(self.idle_timeout, limits.idle_timeout),
                head_timeout: time(self.head_timeout, limits.head_timeout),
                body_timeout: time(self.body_timeout, limits.body_timeout),
                stall_timeout: time(self.stall_timeout, limits.stall_timeout),
                close_timeout: time(self.close_timeout, limits.close_timeout),
            },
            drain_timeout: time(self.drain_timeout, default.drain_timeout),
            labs: self.reports.as_deref().map(catalogue::labs).transpose()?,
        };
        check(&config)?;
        if !config.check_origin {
            warn!("the origin is not checked: any page that a visitor has open can speak in the visitor's name");
        }
        if config.waiting != Waiting::Woken {
            warn!(waiting = ?config.waiting, "long polls are held by a specimen of a lab, which is not for serving");
        }
        if config.signing_key.is_none() {
            info!("the signing key is random: sign-ins end with this process (--signing-key-file keeps them)");
        }
        Ok(config)
    }
}

/// Each worker is a thread with a runtime of its own; more than this do not start in any useful time.
const MOST_WORKERS: usize = 1_024;

/// Settings that would make a server nobody can use.
fn check(config: &Config) -> anyhow::Result<()> {
    let zero = [
        ("--heartbeat", config.event_heartbeat.is_zero()),
        ("--ping-interval", config.ping_interval.is_zero()),
        ("--ping-timeout", config.ping_timeout.is_some_and(|time| time.is_zero())),
        ("--max-head", config.limits.head_bytes == 0),
        ("--max-head-fields", config.limits.head_fields == 0),
        (
            "--max-connections-per-address",
            config.limits.connections_per_address == Some(0),
        ),
        ("--max-text", config.publishing.max_text == 0),
        ("--max-connections", config.limits.connections == 0),
        ("--keep-messages", config.keep.messages == 0),
        ("--idle-timeout", config.limits.idle_timeout.is_zero()),
        ("--head-timeout", config.limits.head_timeout.is_zero()),
        ("--body-timeout", config.limits.body_timeout.is_zero()),
        ("--stall-timeout", config.limits.stall_timeout.is_zero()),
        ("the sleep of --wait", config.waiting == Waiting::Sleep(Duration::ZERO)),
    ];
    for (flag, is_zero) in zero {
        if is_zero {
            bail!("{flag} must be more than zero");
        }
    }
    if config.workers > MOST_WORKERS {
        bail!("--workers {} is too many: {MOST_WORKERS} is the most", config.workers);
    }
    if config.labs.is_some() && config.trust_proxy {
        bail!(
            "--reports is for whoever sits at this computer, and --trust-proxy for visitors from elsewhere: choose one"
        );
    }
    if !config.check_origin && config.trust_proxy {
        bail!(
            "--without-origin-check is for this computer itself, and --trust-proxy for visitors from elsewhere: choose one"
        );
    }
    if config.long_poll_timeout > config.long_poll_cap {
        bail!("--long-poll-timeout is over --long-poll-cap, which every long poll is cut to");
    }
    Ok(())
}

/// The knob of a scenario and the setting of a server are the same words.
fn waiting(wait: ServerWait) -> Waiting {
    match wait {
        ServerWait::Woken => Waiting::Woken,
        ServerWait::Spin => Waiting::Spin,
        ServerWait::Sleep(length) => Waiting::Sleep(length),
        ServerWait::Thread => Waiting::Thread,
    }
}

fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the signing key {}", path.display()))?;
    SigningKey::new(bytes).with_context(|| format!("{} is no signing key", path.display()))
}
