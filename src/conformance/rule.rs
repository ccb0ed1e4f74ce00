use serde::Serialize;

use super::{Fault, Stranger};

/// One sentence of the contract, and how it is tried.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// `group.rule`: what it is called on the command line.
    pub name: &'static str,
    /// The part of the contract that it stands in.
    pub section: &'static str,
    /// What a server does that keeps it.
    pub says: &'static str,
    pub(super) asks: Asks,
}

/// How a rule is tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asks {
    /// In a moment.
    Now(fn(&Stranger) -> Found),
    /// In up to a minute, in which nothing may be said.
    Waits(fn(&Stranger) -> Found),
    /// With thousands of messages.
    Floods(fn(&Stranger) -> Found),
    /// Not from outside; says why.
    Nobody(&'static str),
}

/// The parts of the contract, as its page heads them.
pub(super) mod section {
    pub(crate) const MESSAGES: &str = "Messages";
    pub(crate) const CURSORS: &str = "Cursors";
    pub(crate) const REQUESTS: &str = "Requests";
    pub(crate) const ANSWERS: &str = "Answers";
    pub(crate) const REFUSALS: &str = "Refusals";
    pub(crate) const WEBSOCKET: &str = "WebSocket";
    pub(crate) const NOT_READING: &str = "Listeners that do not read";
    pub(crate) const BROWSERS: &str = "Event streams in browsers";
    pub(crate) const METRICS: &str = "Metrics";
    pub(crate) const SHUTTING_DOWN: &str = "Shutting down";
}

/// What trying a rule comes to.
pub(super) type Found = Result<(), Fault>;

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The server did as it says.
    Kept,
    /// It did something else.
    Broken {
        /// What was sent.
        sent: String,
        /// What came.
        came: String,
        /// What should have come.
        expected: String,
    },
    /// Nobody knows.
    Untold {
        /// Why not.
        why: String,
    },
}

/// A rule with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The part of the contract that it stands in.
    pub section: &'static str,
    /// What a server does that keeps it.
    pub says: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// A rule that is tried in a moment.
pub(super) const fn now(
    name: &'static str,
    section: &'static str,
    says: &'static str,
    ask: fn(&Stranger) -> Found,
) -> Rule {
    Rule {
        name,
        section,
        says,
        asks: Asks::Now(ask),
    }
}

impl Rule {
    /// The part of its name before the dot.
    pub fn group(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// Whether it is tried in a moment.
    #[cfg(test)]
    pub(super) fn is_quick(&self) -> bool {
        matches!(self.asks, Asks::Now(_))
    }

    /// Whether it only waits, so that it can do so while others do.
    pub(super) fn waits(&self) -> bool {
        matches!(self.asks, Asks::Waits(_))
    }

    pub(super) fn verdict(&self, server: &Stranger, patience: bool) -> Verdict {
        let found = match self.asks {
            Asks::Now(ask) => ask(server),
            Asks::Waits(ask) | Asks::Floods(ask) if patience => ask(server),
            Asks::Waits(_) => Err(Fault::untold("it takes up to a minute: --patient tries it")),
            Asks::Floods(_) => Err(Fault::untold("it takes thousands of messages: --patient tries it")),
            Asks::Nobody(why) => Err(Fault::untold(why)),
        };
        match found {
            Ok(()) => Verdict::Kept,
            Err(Fault::Untold(why)) => Verdict::Untold { why },
            Err(Fault::Broken { sent, came, expected }) => Verdict::Broken { sent, came, expected },
        }
    }
}

impl Finding {
    /// The part of its rule's name before the dot.
    pub fn group(&self) -> &'static str {
        self.rule.split('.').next().unwrap_or(self.rule)
    }

    pub(super) fn new(rule: &Rule, verdict: Verdict) -> Finding {
        Finding {
            rule: rule.name,
            section: rule.section,
            says: rule.says,
            verdict,
        }
    }
}
