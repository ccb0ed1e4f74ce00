//! The table of everything that a scenario can say: the one place that gives a knob its name.

mod units;
mod value;

pub use units::{UnitError, read_rate, read_share, read_time, write_rate, write_share, write_time};
pub use value::Kind;

use std::time::Duration;

use super::{Arrivals, Begin, Between, Blocking, Check, PollPhase, PollTimer, RestartBy, Scenario, ServerWait, Share};
use crate::protocol::Transport;
use value::Value;

/// One knob: its name in TOML and on the command line, what it means, and where it lives in a [`Scenario`].
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `table.key`, or `key` alone at the top: `long_poll.timeout`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// One line about it.
    pub help: &'static str,
    get: fn(&Scenario) -> String,
    set: fn(&mut Scenario, &str) -> Result<(), String>,
}

macro_rules! key {
    ($name:literal, $($field:ident).+: $type:ty, $help:literal) => {
        Key {
            name: $name,
            kind: <$type as Value>::KIND,
            help: $help,
            get: |scenario| scenario.$($field).+.write(),
            set: |scenario, text| <$type as Value>::read(text).map(|value| scenario.$($field).+ = value),
        }
    };
}

/// Every key, in the order in which a scenario is best written.
pub static KEYS: &[Key] = &[
    key!("title", title: String, "what the lab is called"),
    key!("question", question: String, "the one question that it answers"),
    key!("transports", transports: Vec<Transport>, "what is measured, in this order"),
    key!("listeners", listeners: u32, "how many listeners each transport has"),
    key!("duration", duration: Duration, "how long is counted"),
    key!("warm_up", warm_up: Duration, "how long messages flow before anything is counted"),
    key!("drain", drain: Duration, "how long the last messages may take to be heard"),
    key!("repeat", repeat: u32, "how often each transport is measured, in turn"),
    key!("seed", seed: u64, "where the plan of messages comes from"),
    key!("feed.rate", rate_per_s: f64, "messages in the feed, all publishers together"),
    key!("feed.deliveries", deliveries_per_s: f64, "to all listeners together; 0/s: the rate says it"),
    key!("feed.arrivals", arrivals: Arrivals, "how they are spread: at random, or one every 1/rate"),
    key!("feed.text_bytes", text_bytes: u32, "length of a message’s text in bytes"),
    key!("link.rtt", rtt: Duration, "round trip of the link, half of it each way"),
    key!("between.nginx", between: Between, "an nginx in between, with this file of the lab"),
    key!("http.keep_alive", http_keep_alive: bool, "polls: whether a connection is kept for the next"),
    key!("http.cookie_bytes", http_cookie_bytes: u32, "the listeners’ cookie; signed in from 128 bytes on"),
    key!("poll.interval", poll_interval: Duration, "short polling: how often a listener asks"),
    key!("poll.timer", poll_timer: PollTimer, "short polling: what the interval is counted from"),
    key!("poll.phase", poll_phase: PollPhase, "short polling: listeners apart, or all at once"),
    key!("long_poll.timeout", long_poll_timeout: Duration, "long polling: how long the server may hold a request"),
    key!("server.workers", server_workers: u32, "the server’s worker threads; 0 is one per processor"),
    key!("server.keep_messages", server_keep_messages: u32, "how many messages the server keeps"),
    key!("server.stop", server_stop: Duration, "how long the server is stopped in mid-window"),
    key!("server.cpu_percent", server_cpu_percent: u32, "the server’s share of a processor; 0 is all of it"),
    key!("server.wait", server_wait: ServerWait, "how it holds a long poll: woken, or a specimen"),
    key!("server.restart", restart.away: Duration, "how long the server is away when it is restarted"),
    key!("server.restart_by", restart.by: RestartBy, "how it ends: asked to, or killed"),
    key!("reconnect.wait", reconnect.wait: Duration, "the wait before another try, doubled each time"),
    key!("reconnect.longest", reconnect.longest: Duration, "where the doubling ends"),
    key!("reconnect.jitter", reconnect.jitter: Share, "how much of the wait is left to chance"),
    key!("network.blocks", network.blocks: Vec<Transport>, "transports that something on the way takes away"),
    key!("network.how", network.how: Blocking, "what it does to them"),
    key!("network.blocks_after", network.blocks_after: Duration, "from when on; 0s is before anybody comes"),
    key!("network.free_after", network.free_after: Duration, "until when, from the warm-up on; 0s is for ever"),
    key!("ladder.falls_back", ladder.falls_back: bool, "whether a listener takes the next transport down"),
    key!("ladder.begins", ladder.begins: Begin, "with the best rung, or the one that always works"),
    key!("ladder.lacks", ladder.lacks: Vec<Transport>, "transports that its browser does not have"),
    key!("ladder.open_within", ladder.open_within: Duration, "how long a rung may take to open"),
    key!("ladder.climb_after", ladder.climb_after: Duration, "until it looks upwards, doubled each time in vain"),
    key!("checks", checks: Vec<Check>, "what the run is claimed to show"),
];

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The value in this scenario, as text that [`set`](Key::set) takes.
    pub fn get(&self, scenario: &Scenario) -> String {
        (self.get)(scenario)
    }

    /// Reads a value into the scenario, which stays as it was when the text is wrong.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text and how to write it.
    pub fn set(&self, scenario: &mut Scenario, text: &str) -> Result<(), String> {
        (self.set)(scenario, text)
    }

    /// Whether another knob of this scenario says what its value is. Whoever turns that one must not be told to turn this one as well.
    pub fn follows(&self, scenario: &Scenario) -> bool {
        self.name == "feed.rate" && scenario.is_rated_by_deliveries()
    }

    /// Its name within its table.
    fn last(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// Whether it only names the lab, or says what to make of it: two runs that differ in it still do the same thing.
    pub fn is_words_only(&self) -> bool {
        matches!(self.name, "title" | "question" | "checks")
    }
}

/// The key or the table that was most likely meant by an unknown name, if any comes near.
pub fn nearest(unknown: &str) -> Option<&'static str> {
    let wanted = unknown.replace('-', "_");
    if let Some(key) = KEYS.iter().find(|key| key.last() == wanted) {
        return Some(key.name);
    }
    let tables = KEYS.iter().filter_map(|key| Some((key.name.split_once('.')?.0, 0)));
    let whole = KEYS.iter().map(|key| (key.name, 0));
    // And keys without their tables, as they stand below a table's heading.
    let parts = KEYS.iter().map(|key| (key.name, key.name.len() - key.last().len()));
    let distance =
        |(name, skipped): (&'static str, usize)| (strsim::damerau_levenshtein(&name[skipped..], &wanted), name);
    let (distance, name) = whole.chain(tables).chain(parts).map(distance).min()?;
    (distance <= wanted.chars().count() / 3 + 1).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn setting_what_was_got_changes_nothing() {
        let scenario = Scenario::default();
        for key in KEYS {
            let mut other = scenario.clone();
            key.set(&mut other, &key.get(&scenario)).unwrap();
            assert_eq!(other, scenario, "{}", key.name);
        }
    }

    #[test]
    fn every_key_has_a_field_of_its_own() {
        for key in KEYS {
            let now = key.get(&Scenario::default());
            let value = match key.kind {
                Kind::Text => "another",
                Kind::Number => "77",
                Kind::Time => "77ms",
                Kind::Rate => "77/s",
                Kind::Share => "77%",
                Kind::Word(words) => words.iter().find(|word| **word != now).unwrap(),
                Kind::Words(words) => words[2],
                Kind::File => "another.conf",
                Kind::Checks => "lost == 0",
            };
            let mut scenario = Scenario::default();
            key.set(&mut scenario, value).unwrap();
            let changed: Vec<&str> = KEYS
                .iter()
                .filter(|other| other.get(&scenario) != other.get(&Scenario::default()))
                .map(|other| other.name)
                .collect();
            assert_eq!(changed, [key.name]);
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        for (slip, meant) in [
            ("listner", "listeners"),
            ("long-poll.timeout", "long_poll.timeout"),
            ("longpoll.timeout", "long_poll.timeout"),
            ("interval", "poll.interval"),
            ("rate", "feed.rate"),
            ("warmup", "warm_up"),
            ("long-poll", "long_poll"),
            ("poll.intervall", "poll.interval"),
            ("pole.interval", "poll.interval"),
        ] {
            assert_eq!(nearest(slip), Some(meant), "{slip}");
        }
        assert_eq!(nearest("colour_of_the_sky"), None);
    }

    proptest! {
        #[test]
        fn no_value_makes_a_key_panic(index in 0..KEYS.len(), text in ".{0,30}") {
            let mut scenario = Scenario::default();
            let _ = KEYS[index].set(&mut scenario, &text);
        }

        #[test]
        fn what_a_key_takes_it_gives_back(index in 0..KEYS.len(), text in "[0-9]{1,6}(ms|s|/s|/min)?") {
            let mut scenario = Scenario::default();
            if KEYS[index].set(&mut scenario, &text).is_ok() {
                let mut again = Scenario::default();
                KEYS[index].set(&mut again, &KEYS[index].get(&scenario)).unwrap();
                prop_assert_eq!(again, scenario);
            }
        }
    }
}
