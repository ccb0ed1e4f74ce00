//! What a knob's value looks like as text, and back.

use std::time::Duration;

use super::units::{read_rate, read_share, read_time, write_rate, write_share, write_time};
use crate::protocol::Transport;
use crate::results::server_wait::WAITS;
use crate::results::{Arrivals, Begin, Between, Blocking, Check, PollPhase, PollTimer, RestartBy, ServerWait, Share};

/// What a key takes; it decides how TOML has to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text on one line.
    Text,
    /// A whole number, without quotes in TOML.
    Number,
    /// A time with its unit.
    Time,
    /// Messages per time.
    Rate,
    /// A part of a whole.
    Share,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words: a list in TOML, separated by commas elsewhere.
    Words(&'static [&'static str]),
    /// A file beside the scenario, by its name.
    File,
    /// Claims about the figures: a list in TOML, separated by semicolons elsewhere.
    Checks,
}

impl Kind {
    /// How to write one, as the end of the sentence "… takes".
    pub fn describe(self) -> String {
        match self {
            Kind::Text => "a text in quotes".to_owned(),
            Kind::Number => "a whole number".to_owned(),
            Kind::Time => "a time such as \"40ms\", \"25s\" or \"2m\"".to_owned(),
            Kind::Rate => "a rate such as \"20/s\", \"6/min\" or \"1/10s\"".to_owned(),
            Kind::Share => "a share such as \"50%\"".to_owned(),
            Kind::Word(words) => format!("one of {}", quoted(words)),
            Kind::Words(words) => format!("a list of {}", quoted(words)),
            Kind::File => "the name of a file beside it, such as \"default.conf\", or \"none\"".to_owned(),
            Kind::Checks => "a list of claims such as \"delay.p99 < 300ms\"".to_owned(),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}

/// A type that a knob can have.
pub(super) trait Value: Sized {
    /// What the key's help and the TOML reader go by.
    const KIND: Kind;

    /// Reads one; the error is a sentence without the key's name.
    fn read(text: &str) -> Result<Self, String>;

    /// Writes it so that [`read`](Value::read) gives it back.
    fn write(&self) -> String;
}

impl Value for String {
    const KIND: Kind = Kind::Text;

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

impl Value for u32 {
    const KIND: Kind = Kind::Number;

    fn read(text: &str) -> Result<Self, String> {
        u64::read(text)?
            .try_into()
            .map_err(|_| format!("{text} is too large: {} is the most", u32::MAX))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for u64 {
    const KIND: Kind = Kind::Number;

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("`{text}` is no whole number from 0 up"));
        }
        text.parse()
            .map_err(|_| format!("{text} is too large: {} is the most", u64::MAX))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const KIND: Kind = Kind::Time;

    fn read(text: &str) -> Result<Self, String> {
        read_time(text).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        write_time(*self)
    }
}

/// A plain number is a rate.
impl Value for f64 {
    const KIND: Kind = Kind::Rate;

    fn read(text: &str) -> Result<Self, String> {
        read_rate(text).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        write_rate(*self)
    }
}

impl Value for Share {
    const KIND: Kind = Kind::Share;

    fn read(text: &str) -> Result<Self, String> {
        read_share(text).map(Share).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        write_share(self.0)
    }
}

impl Value for Arrivals {
    const KIND: Kind = Kind::Word(&["poisson", "constant"]);

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "poisson" => Ok(Arrivals::Poisson),
            "constant" => Ok(Arrivals::Constant),
            _ => Err(format!("`{text}` is not {}", Self::KIND.describe())),
        }
    }

    fn write(&self) -> String {
        match self {
            Arrivals::Poisson => "poisson".to_owned(),
            Arrivals::Constant => "constant".to_owned(),
        }
    }
}

impl Value for PollTimer {
    const KIND: Kind = Kind::Word(&["fixed", "after-answer", "unguarded"]);

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "fixed" => Ok(PollTimer::Fixed),
            "after-answer" => Ok(PollTimer::AfterAnswer),
            "unguarded" => Ok(PollTimer::Unguarded),
            _ => Err(format!("`{text}` is not {}", Self::KIND.describe())),
        }
    }

    fn write(&self) -> String {
        match self {
            PollTimer::Fixed => "fixed".to_owned(),
            PollTimer::AfterAnswer => "after-answer".to_owned(),
            PollTimer::Unguarded => "unguarded".to_owned(),
        }
    }
}

impl Value for PollPhase {
    const KIND: Kind = Kind::Word(&["random", "aligned"]);

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "random" => Ok(PollPhase::Random),
            "aligned" => Ok(PollPhase::Aligned),
            _ => Err(format!("`{text}` is not {}", Self::KIND.describe())),
        }
    }

    fn write(&self) -> String {
        match self {
            PollPhase::Random => "random".to_owned(),
            PollPhase::Aligned => "aligned".to_owned(),
        }
    }
}

/// The name; what is in the file is read by whoever knows where the scenario is.
impl Value for Between {
    const KIND: Kind = Kind::File;

    fn read(text: &str) -> Result<Self, String> {
        Between::named(text)
    }

    fn write(&self) -> String {
        self.name()
    }
}

/// A sleep of any length is one more word.
impl Value for ServerWait {
    const KIND: Kind = Kind::Word(&WAITS);

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: crate::results::NoServerWait| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for RestartBy {
    const KIND: Kind = Kind::Word(&["drain", "kill"]);

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "drain" => Ok(RestartBy::Drain),
            "kill" => Ok(RestartBy::Kill),
            _ => Err(format!("`{text}` is not {}", Self::KIND.describe())),
        }
    }

    fn write(&self) -> String {
        match self {
            RestartBy::Drain => "drain".to_owned(),
            RestartBy::Kill => "kill".to_owned(),
        }
    }
}

impl Value for Blocking {
    const KIND: Kind = Kind::Word(&["refuse", "strip", "cut", "swallow"]);

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Blocking::Refuse),
            "strip" => Ok(Blocking::Strip),
            "cut" => Ok(Blocking::Cut),
            "swallow" => Ok(Blocking::Swallow),
            _ => Err(format!("`{text}` is not {}", Self::KIND.describe())),
        }
    }

    fn write(&self) -> String {
        match self {
            Blocking::Refuse => "refuse".to_owned(),
            Blocking::Strip => "strip".to_owned(),
            Blocking::Cut => "cut".to_owned(),
            Blocking::Swallow => "swallow".to_owned(),
        }
    }
}

impl Value for Begin {
    const KIND: Kind = Kind::Word(&["top", "bottom"]);

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "top" => Ok(Begin::Top),
            "bottom" => Ok(Begin::Bottom),
            _ => Err(format!("`{text}` is not {}", Self::KIND.describe())),
        }
    }

    fn write(&self) -> String {
        match self {
            Begin::Top => "top".to_owned(),
            Begin::Bottom => "bottom".to_owned(),
        }
    }
}

/// Without quotes in TOML, which has a type for it.
impl Value for bool {
    const KIND: Kind = Kind::Word(&["true", "false"]);

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is not {}", Self::KIND.describe()))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for Vec<Transport> {
    const KIND: Kind = Kind::Words(&["poll", "long-poll", "events", "websocket"]);

    fn read(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words
            .map(|word| word.parse::<Transport>().map_err(|error| error.to_string()))
            .collect()
    }

    fn write(&self) -> String {
        let names: Vec<&str> = self.iter().map(|transport| transport.name()).collect();
        names.join(",")
    }
}

impl Value for Vec<Check> {
    const KIND: Kind = Kind::Checks;

    fn read(text: &str) -> Result<Self, String> {
        let claims = text.split(';').map(str::trim).filter(|claim| !claim.is_empty());
        claims
            .map(|claim| claim.parse::<Check>().map_err(|error| error.to_string()))
            .collect()
    }

    fn write(&self) -> String {
        let claims: Vec<String> = self.iter().map(Check::to_string).collect();
        claims.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_offered_are_the_words_read() {
        let Kind::Words(names) = <Vec<Transport>>::KIND else {
            panic!("a list")
        };
        assert_eq!(<Vec<Transport>>::read(&names.join(",")).unwrap(), Transport::ALL);
        let Kind::Word(words) = Arrivals::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| Arrivals::read(word).unwrap().write() == *word));
        let Kind::Word(words) = PollTimer::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| PollTimer::read(word).unwrap().write() == *word));
        let Kind::Word(words) = PollPhase::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| PollPhase::read(word).unwrap().write() == *word));
        let Kind::Word(words) = RestartBy::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| RestartBy::read(word).unwrap().write() == *word));
        let Kind::Word(words) = Blocking::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| Blocking::read(word).unwrap().write() == *word));
        let Kind::Word(words) = Begin::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| Begin::read(word).unwrap().write() == *word));
        let Kind::Word(words) = bool::KIND else {
            panic!("a word")
        };
        assert!(words.iter().all(|word| bool::read(word).unwrap().write() == *word));
    }

    #[test]
    fn numbers_are_digits_and_fit() {
        assert_eq!(u32::read("200"), Ok(200));
        for text in ["", "-1", "+1", "1.5", "4294967296", "2e3"] {
            assert!(u32::read(text).is_err(), "{text}");
        }
    }
}
