use std::fmt;

use serde::{Deserialize, Serialize};

use super::Distribution;
use crate::protocol::Transport;

/// How listeners went down and up their ladders, over the whole run. Instants are seconds from the start of the warm-up; what came
/// before it is negative.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// One for each listener, in the order of the run.
    pub walks: Vec<Walk>,
    /// Messages that came by two ways while a listener changed from one to the other. Each was heard once.
    pub overlap: u64,
}

/// The rungs that one listener tried, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Walk {
    /// Each with what became of it.
    pub rungs: Vec<Rung>,
}

/// One try of one rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Which.
    pub transport: Transport,
    /// When it was tried.
    pub at_s: f64,
    /// How long it took until it opened or was given up.
    pub took_s: f64,
    /// Whether the listener was listening by another rung meanwhile, and looked upwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_climb: bool,
    /// Why it did not open; `None` of one that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Why>,
    /// When it was left; `None` of one that never opened, and of one that was in use at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_s: Option<f64>,
    /// Why it ended; `None` where it was left for a better one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Why>,
}

/// Why a rung did not open, or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The listener does not have this transport.
    Lacking,
    /// It was refused, with this status.
    Refused(u16),
    /// The connection ended.
    Cut,
    /// Nothing came in time.
    Silent,
    /// Nobody took the connection: the server is away, which is no fault of the rung.
    Unreachable,
    /// What came was not what the contract allows.
    Unexpected,
}

/// From the moment that a listener had nothing to listen by to the moment that it had again.
#[derive(Debug, Clone, PartialEq)]
pub struct Fall<'a> {
    /// When it began: the end of a rung that was in use, or the first try of all.
    pub at_s: f64,
    /// How long it took; `None` of one that did not end within the run.
    pub lasted_s: Option<f64>,
    /// The rungs that were tried, the one that opened last.
    pub tried: Vec<&'a Rung>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Lacking => f.write_str("not there"),
            Why::Refused(426) => f.write_str("426, as no upgrade came through"),
            Why::Refused(status) => write!(f, "refused with {status}"),
            Why::Cut => f.write_str("the connection was cut"),
            Why::Silent => f.write_str("nothing came in time"),
            Why::Unreachable => f.write_str("nobody answered"),
            Why::Unexpected => f.write_str("what came made no sense"),
        }
    }
}

impl Rung {
    /// When it began to be listened by; `None` of one that never opened.
    pub fn opened_s(&self) -> Option<f64> {
        self.failed.is_none().then_some(self.at_s + self.took_s)
    }
}

impl Walk {
    /// The times without anything to listen by in which at least one rung failed or had ended, in order.
    pub fn falls(&self) -> Vec<Fall<'_>> {
        let mut falls = Vec::new();
        let mut since = self.rungs.first().map(|rung| rung.at_s);
        let (mut tried, mut was_up) = (Vec::new(), false);
        // Whoever looks upwards in vain listens by another rung meanwhile.
        let steps = self
            .rungs
            .iter()
            .filter(|rung| !(rung.is_climb && rung.failed.is_some()));
        for rung in steps {
            tried.push(rung);
            if let (Some(at_s), Some(opened_s)) = (since, rung.opened_s()) {
                let tried = std::mem::take(&mut tried);
                // The first rung of all that opens at once is no fall.
                if was_up || tried.len() > 1 {
                    falls.push(Fall {
                        at_s,
                        lasted_s: Some(opened_s - at_s),
                        tried,
                    });
                }
            }
            if rung.failed.is_none() {
                was_up = true;
                tried.clear();
                since = rung.left_s.filter(|_| rung.ended.is_some());
            }
        }
        if let Some(at_s) = since {
            falls.push(Fall {
                at_s,
                lasted_s: None,
                tried,
            });
        }
        falls
    }

    /// What the listener was listening by at an instant; `None` when by nothing.
    pub fn in_use_at(&self, at_s: f64) -> Option<Transport> {
        let open = |rung: &&Rung| {
            rung.opened_s().is_some_and(|opened_s| opened_s <= at_s) && rung.left_s.is_none_or(|left_s| at_s < left_s)
        };
        self.rungs.iter().rfind(open).map(|rung| rung.transport)
    }

    /// How many of the seconds between two instants it listened by this transport.
    pub fn time_on(&self, transport: Transport, from_s: f64, to_s: f64) -> f64 {
        let spans = self.rungs.iter().filter(|rung| rung.transport == transport);
        let spans = spans.filter_map(|rung| Some((rung.opened_s()?, rung.left_s.unwrap_or(f64::INFINITY))));
        let lengths = spans.map(|(opened_s, left_s)| (left_s.min(to_s) - opened_s.max(from_s)).max(0.0));
        // From 0, as a sum of nothing would be −0.
        lengths.fold(0.0, |sum, length| sum + length)
    }

    /// What it was listening by when the run was over.
    pub fn at_the_end(&self) -> Option<Transport> {
        self.in_use_at(f64::INFINITY)
    }
}

impl Ladder {
    /// All falls of all listeners.
    pub fn falls(&self) -> impl Iterator<Item = Fall<'_>> {
        self.walks.iter().flat_map(Walk::falls)
    }

    /// How long they took, of those that ended.
    pub fn fall_times(&self) -> Distribution {
        let mut times = Distribution::new();
        for lasted_s in self.falls().filter_map(|fall| fall.lasted_s) {
            times.record(std::time::Duration::from_secs_f64(lasted_s.max(0.0)));
        }
        times
    }

    /// Listeners that fell at least once.
    pub fn fallen(&self) -> usize {
        self.walks.iter().filter(|walk| !walk.falls().is_empty()).count()
    }

    /// Listeners that listened by this transport when the run was over.
    pub fn at_the_end(&self, transport: Transport) -> usize {
        self.walks
            .iter()
            .filter(|walk| walk.at_the_end() == Some(transport))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Transport::{Events, Websocket};

    fn rung(transport: Transport, at_s: f64, took_s: f64, failed: Option<Why>) -> Rung {
        Rung {
            transport,
            at_s,
            took_s,
            is_climb: false,
            failed,
            left_s: None,
            ended: None,
        }
    }

    /// WebSocket from the start, cut at 5 s; refused; events; climbed at 15 s.
    fn walk() -> Walk {
        let mut first = rung(Websocket, -1.0, 0.08, None);
        (first.left_s, first.ended) = (Some(5.0), Some(Why::Cut));
        let refused = rung(Websocket, 5.2, 0.08, Some(Why::Refused(403)));
        let mut events = rung(Events, 5.28, 0.08, None);
        let mut look = rung(Websocket, 10.0, 0.08, Some(Why::Refused(403)));
        look.is_climb = true;
        let mut climb = rung(Websocket, 15.0, 0.1, None);
        climb.is_climb = true;
        events.left_s = Some(15.1);
        Walk {
            rungs: vec![first, refused, events, look, climb],
        }
    }

    #[test]
    fn a_fall_is_the_time_without_anything_to_listen_by() {
        let walk = walk();
        let falls = walk.falls();
        assert_eq!(falls.len(), 1, "neither the first rung nor a climb is one: {falls:?}");
        assert!((falls[0].lasted_s.unwrap() - 0.36).abs() < 1e-9 && falls[0].at_s == 5.0);
        assert_eq!(falls[0].tried.len(), 2);
        let at = |at_s| walk.in_use_at(at_s);
        assert_eq!(
            [-1.0, 0.0, 5.1, 5.4, 15.05, 15.1].map(at),
            [None, Some(Websocket), None, Some(Events), Some(Events), Some(Websocket)]
        );
        let on = |transport| walk.time_on(transport, 0.0, 20.0);
        assert!(
            (on(Websocket) - 9.9).abs() < 1e-9 && (on(Events) - 9.74).abs() < 1e-9,
            "{}",
            on(Events)
        );
        assert_eq!(on(Transport::Poll), 0.0);
        let ladder = Ladder {
            walks: vec![walk],
            overlap: 0,
        };
        assert_eq!(
            (ladder.fallen(), ladder.at_the_end(Websocket), ladder.at_the_end(Events)),
            (1, 1, 0)
        );
        assert!((ladder.fall_times().max_ms().unwrap() - 360.0).abs() < 1.0);
    }

    #[test]
    fn one_that_begins_below_or_never_gets_up_has_fallen() {
        let began = Walk {
            rungs: vec![
                rung(Websocket, -7.0, 6.0, Some(Why::Silent)),
                rung(Events, -1.0, 0.08, None),
            ],
        };
        assert!((began.falls()[0].lasted_s.unwrap() - 6.08).abs() < 1e-9);
        let mut rungs = walk().rungs;
        rungs.truncate(2);
        let lost = Walk { rungs };
        assert_eq!((lost.falls()[0].lasted_s, lost.at_the_end()), (None, None));
        assert_eq!(Walk::default().falls(), []);
        let mut climbed = walk().rungs;
        (climbed[4].left_s, climbed[4].ended) = (Some(16.0), Some(Why::Cut));
        climbed.push(rung(Events, 16.0, 0.08, None));
        let twice = Walk { rungs: climbed };
        let falls = twice.falls();
        assert_eq!((falls.len(), falls[1].at_s, falls[1].tried.len()), (2, 16.0, 1));
    }

    #[test]
    fn json_keeps_what_happened_and_leaves_out_what_did_not() {
        let json = serde_json::to_string(&walk()).unwrap();
        assert!(
            json.contains(r#""failed":{"refused":403}"#) && json.contains(r#""ended":"cut""#),
            "{json}"
        );
        assert_eq!(json.matches("is_climb").count(), 2, "{json}");
        assert_eq!(serde_json::from_str::<Walk>(&json).unwrap(), walk());
    }
}
