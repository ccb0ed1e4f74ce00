//! Figures that others have published and that a lab can repeat: the third mark beside measured and predicted.
//!
//! Only what was read stands here, each number with whether it was read in the source itself or in a later work that quotes it.

mod figures;

pub use figures::FIGURES;

/// One published finding with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// By which a lab names it.
    pub key: &'static str,
    /// Where it stands.
    pub source: Source,
    /// What it says, in our words.
    pub says: &'static str,
    /// Its numbers.
    pub numbers: &'static [Number],
    /// What it is worth and how to repeat it.
    pub reading: &'static str,
}

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Who wrote it.
    pub authors: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// When it came out, where that is certain.
    pub year: Option<u16>,
    /// Where in it, and which version was read.
    pub place: &'static str,
}

/// One number of a finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// What it counts.
    pub what: &'static str,
    /// How much of it.
    pub value: f64,
    /// In the source's own unit.
    pub unit: &'static str,
    /// How we know.
    pub read: Read,
}

/// How we know what a source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Its own words were read.
    Original,
    /// A later work quotes it.
    Quoted,
}

/// What Lubbers and Greco mean by the M of their Mbps: their table fits 2²⁰ bits, not 10⁶.
pub const BINARY_MEGA: f64 = 1_048_576.0;

/// The finding with this key.
pub fn find(key: &str) -> Option<&'static Published> {
    FIGURES.iter().find(|figure| figure.key == key)
}

impl Published {
    /// The value of one of its numbers, by what it counts.
    pub fn value(&self, what: &str) -> Option<f64> {
        self.numbers
            .iter()
            .find(|number| number.what == what)
            .map(|number| number.value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::bytes::polling_bits_per_s;

    fn value(key: &str, what: &str) -> f64 {
        find(key).expect(key).value(what).expect(what)
    }

    #[test]
    fn keys_are_unique_and_every_number_can_be_found() {
        let keys: HashSet<_> = FIGURES.iter().map(|figure| figure.key).collect();
        assert_eq!(keys.len(), FIGURES.len());
        for figure in &FIGURES {
            assert!(!figure.numbers.is_empty(), "{}", figure.key);
            let names: HashSet<_> = figure.numbers.iter().map(|number| number.what).collect();
            assert_eq!(names.len(), figure.numbers.len(), "{}", figure.key);
        }
        assert_eq!(find("nobody-wrote-this"), None);
    }

    #[test]
    fn lubbers_and_grecos_table_comes_out_in_their_megabits() {
        let key = "lubbers-greco-traffic";
        let header = value(key, "header bytes a poll");
        let frame = value(key, "frame bytes a message");
        for (clients, polling, websocket) in [
            (1_000.0, "polling, 1,000 clients", "WebSocket, 1,000 clients"),
            (10_000.0, "polling, 10,000 clients", "WebSocket, 10,000 clients"),
            (100_000.0, "polling, 100,000 clients", "WebSocket, 100,000 clients"),
        ] {
            let mega = |bytes_each| polling_bits_per_s(clients, 1.0, bytes_each) / BINARY_MEGA;
            assert!(
                (mega(header) / value(key, polling) - 1.0).abs() < 0.01,
                "{}",
                mega(header)
            );
            assert!((mega(frame) - value(key, websocket)).abs() < 0.0005, "{}", mega(frame));
        }
        let decimal = polling_bits_per_s(1_000.0, 1.0, header) / 1e6;
        assert!((decimal - 6.97).abs() < 0.005, "{decimal}");
    }

    #[test]
    fn grigoriks_megabit_is_a_decimal_one() {
        let key = "grigorik-overhead";
        let bits = polling_bits_per_s(
            10_000.0,
            value(key, "polling interval"),
            value(key, "header bytes a poll"),
        );
        assert!((bits / 1e6 - value(key, "polling, 10,000 clients")).abs() < 0.005);
        assert!((10_000.0 / value(key, "polling interval") - value(key, "requests, 10,000 clients")).abs() < 0.5);
    }
}
