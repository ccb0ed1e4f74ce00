use std::time::Duration;

use super::labs::Labs;
use super::origin::Origin;
use super::sign_in::SigningKey;
use super::specimen::Waiting;
use crate::feed::Keep;

/// Everything about a server that can be set. [`Default`] is what the contract promises.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the feed keeps.
    pub keep: Keep,
    /// How long a long poll is held when it does not say.
    pub long_poll_timeout: Duration,
    /// How long a long poll is held at most.
    pub long_poll_cap: Duration,
    /// How a long poll is held. All but the default are specimens for a lab.
    pub waiting: Waiting,
    /// How often an event stream gets a comment, so that nothing in between takes it for dead.
    pub event_heartbeat: Duration,
    /// How often a WebSocket is pinged.
    pub ping_interval: Duration,
    /// How long its pong may take; `None` is as long as the interval.
    pub ping_timeout: Option<Duration>,
    /// What a publisher may do.
    pub publishing: Publishing,
    /// Pages of these origins may write and open WebSockets as the server's own may.
    pub origins: Vec<Origin>,
    /// Whether the origin of WebSockets and posts is checked. It is switched off for lessons only: even then somebody who comes from
    /// another computer is checked.
    pub check_origin: bool,
    /// What cookies are signed with; `None` draws one that is gone with the process.
    pub signing_key: Option<SigningKey>,
    /// The key before that one, if cookies that it has signed are still let in. None is signed with it any more.
    pub former_signing_key: Option<SigningKey>,
    /// Whether a visitor's address is taken from the last entry of `X-Forwarded-For`.
    pub trust_proxy: bool,
    /// Threads that serve connections; 0 is one per processor.
    pub workers: usize,
    /// What a connection may take.
    pub limits: Limits,
    /// The labs, for whoever sits at this computer; `None` shows none.
    pub labs: Option<Labs>,
    /// How long the end may take.
    pub drain_timeout: Duration,
}

/// What a publisher may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Publishing {
    /// Longest text, in bytes of UTF-8.
    pub max_text: usize,
    /// Messages a second from one address, after a burst of [`BURST_SECONDS`](Publishing::BURST_SECONDS) of them; `None` is no bound.
    pub rate_per_s: Option<f64>,
    /// Messages a second from one visitor who has signed in, wherever they come from; as bursty as those from an address.
    pub visitor_rate_per_s: Option<f64>,
    /// How long an `Idempotency-Key` is remembered.
    pub remember: Duration,
    /// How many of them are remembered; the oldest is forgotten first.
    pub remember_at_most: usize,
}

/// What a connection may take: every wait and every buffer has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; those over it are told so with 503.
    pub connections: usize,
    /// The same for one address. `None` is 1,000 from elsewhere, and as many as there are from this machine itself. Behind a
    /// [proxy](Config::trust_proxy) all come from one address, and nothing is counted.
    pub connections_per_address: Option<usize>,
    /// Polls that are held at a time; `None` is as many as there are connections.
    pub held_polls: Option<usize>,
    /// Bytes that may wait for peers who do not read, before what polls are answered with is kept short.
    pub unread_bytes: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Fields of a request's head.
    pub head_fields: usize,
    /// From the first byte of a head to its last.
    pub head_timeout: Duration,
    /// From the end of the head to the last byte of the body.
    pub body_timeout: Duration,
    /// How long a connection may be open without a request.
    pub idle_timeout: Duration,
    /// How long a peer may take nothing while something waits for it.
    pub stall_timeout: Duration,
    /// How long a WebSocket may take to answer a close.
    pub close_timeout: Duration,
}

impl Publishing {
    /// A publisher that was silent may send this many seconds' worth at once.
    pub const BURST_SECONDS: f64 = 5.0;
}

impl Default for Publishing {
    fn default() -> Self {
        Publishing {
            max_text: 4_096,
            rate_per_s: Some(1_000.0),
            visitor_rate_per_s: Some(1_000.0),
            remember: Duration::from_secs(300),
            remember_at_most: 65_536,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 20_000,
            connections_per_address: None,
            held_polls: None,
            unread_bytes: 64 << 20,
            head_bytes: 16 << 10,
            head_fields: 100,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            keep: Keep::default(),
            long_poll_timeout: Duration::from_secs(25),
            long_poll_cap: Duration::from_secs(120),
            waiting: Waiting::Woken,
            event_heartbeat: Duration::from_secs(15),
            ping_interval: Duration::from_secs(30),
            ping_timeout: None,
            publishing: Publishing::default(),
            origins: Vec::new(),
            check_origin: true,
            signing_key: None,
            former_signing_key: None,
            trust_proxy: false,
            workers: 0,
            limits: Limits::default(),
            labs: None,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
