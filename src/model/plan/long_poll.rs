use super::{Plan, turns};
use crate::model::saturation::LongPollHerd;
use crate::model::{Delay, Prediction};

/// More cycles than this are not followed one by one.
const MOST_CYCLES: usize = 200_000;

/// What a listener did in the window.
#[derive(Debug, Default)]
struct Tally {
    requests: u64,
    full: u64,
    empty: u64,
    heard: u64,
    delays_s: Vec<f64>,
}

impl Plan<'_> {
    /// Long polling of this schedule by listeners who are there when it begins; the arrivals in `herd` are passed over.
    ///
    /// All of it follows from one rule, cycle by cycle: a request that finds messages is answered at once, one that finds none
    /// is held for the next, for τ at most, and the next request arrives a gap after the server looked. A listener of a
    /// herd is looked after when its turn comes, from first to last within N·s/W; some of them stand for all.
    ///
    /// `None` for a herd that is saturated at the rate of this schedule (it has no turns any more), and where cycles are so short that nobody
    /// would follow them one by one.
    pub fn long_poll(&self, herd: &LongPollHerd) -> Option<Prediction> {
        let arrivals = crate::model::Arrivals::Poisson {
            rate_per_s: self.rate_per_s(),
        };
        let herd = LongPollHerd { arrivals, ..*herd };
        let shortest_s = herd.exchange.gap_s() + herd.hold_s.min(1.0 / self.rate_per_s());
        if herd.is_saturated() || self.to_s > shortest_s * MOST_CYCLES as f64 {
            return None;
        }
        let mut tally = Tally::default();
        let mut listeners = 0.0;
        let span_s = (herd.work_s() - herd.exchange.service_s).max(0.0);
        for listener in 0..turns(span_s, 0).count() {
            let turn_s = |message| turns(span_s, message).nth(listener).unwrap_or(0.0);
            self.follow(&herd, turn_s, &mut tally);
            listeners += 1.0;
        }
        let answers = tally.full + tally.empty;
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let nothing_heard = Delay::fixed(herd.exchange.answer_s());
        Some(Prediction {
            requests_per_s: tally.requests as f64 / listeners / self.window_s(),
            empty_share: share(tally.empty, answers),
            messages_per_full_answer: if tally.full == 0 {
                1.0
            } else {
                share(tally.heard, tally.full)
            },
            delay: Delay::of(tally.delays_s).unwrap_or(nothing_heard),
        })
    }

    /// One listener, from a request that waits at the server when the schedule begins to the end of the window.
    fn follow(&self, herd: &LongPollHerd, turn_s: impl Fn(usize) -> f64, tally: &mut Tally) {
        let exchange = &herd.exchange;
        let mut unheard = self.messages_s;
        let mut arrival_s = 0.0;
        // What arrives after the window may have been sent within it, and a message of the window may be heard after it.
        while arrival_s - exchange.one_way_s < self.to_s || unheard.first().is_some_and(|at_s| self.counts(*at_s)) {
            let look_s = match unheard.first() {
                Some(at_s) if *at_s <= arrival_s => arrival_s,
                Some(at_s) if *at_s <= arrival_s + herd.hold_s => at_s + turn_s(self.messages_s.len() - unheard.len()),
                _ => arrival_s + herd.hold_s,
            };
            let (batch, rest) = unheard.split_at(unheard.partition_point(|at_s| *at_s <= look_s));
            let heard_s = look_s + exchange.answer_s();
            tally.requests += u64::from(self.counts(arrival_s - exchange.one_way_s));
            if self.counts(heard_s) {
                *(if batch.is_empty() {
                    &mut tally.empty
                } else {
                    &mut tally.full
                }) += 1;
                tally.heard += batch.len() as u64;
            }
            let counted = batch.iter().filter(|at_s| self.counts(**at_s));
            tally.delays_s.extend(counted.map(|at_s| heard_s - at_s));
            unheard = rest;
            arrival_s = look_s + exchange.gap_s();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrivals, Connection, Exchange, LongPoll};

    const HERD: LongPollHerd = LongPollHerd {
        listeners: 1.0,
        hold_s: 5.0,
        exchange: Exchange {
            one_way_s: 0.5,
            service_s: 0.0,
            client_s: 0.0,
            connection: Connection::Kept,
        },
        workers: 1.0,
        arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
    };

    fn plan(messages_s: &[f64]) -> Plan<'_> {
        Plan {
            messages_s,
            from_s: 0.0,
            to_s: 20.0,
        }
    }

    #[test]
    fn a_handful_of_messages_by_hand() {
        // Held from 0: answered at 1, back at 2 with 1.5 and 1.75 waiting, back at 3, empty at 8, back at 9, answered at 12, back
        // at 13, empty at 18, back at 19 and held beyond the end.
        let messages_s = [1.0, 1.5, 1.75, 12.0];
        let prediction = plan(&messages_s).long_poll(&HERD).unwrap();
        // Sent at 1.5, 2.5, 8.5, 12.5 and 18.5: the first was there already.
        assert!((prediction.requests_per_s - 5.0 / 20.0).abs() < 1e-12);
        assert!((prediction.empty_share - 2.0 / 5.0).abs() < 1e-12);
        assert!((prediction.messages_per_full_answer - 4.0 / 3.0).abs() < 1e-12);
        // 0.5, 1.0, 0.75, 0.5.
        assert!((prediction.delay.mean_s() - 0.6875).abs() < 1e-9);
        assert_eq!((prediction.delay.min_s(), prediction.delay.max_s()), (0.5, 1.0));
    }

    #[test]
    fn a_herd_is_late_by_its_turns() {
        let herd = LongPollHerd {
            listeners: 101.0,
            exchange: Exchange {
                service_s: 0.001,
                ..HERD.exchange
            },
            ..HERD
        };
        let delay = plan(&[3.0, 9.0]).long_poll(&herd).unwrap().delay;
        // From 501 ms for the first to 601 ms for the last.
        assert!((delay.mean_s() - 0.551).abs() < 0.003, "{}", delay.mean_s());
        assert!(delay.max_s() < 0.601);
    }

    #[test]
    fn a_long_schedule_of_poisson_messages_meets_the_closed_form() {
        let drawn = super::super::drawn::drawn(40_000, 20_000.0, 7);
        let plan = Plan {
            messages_s: &drawn,
            from_s: 0.0,
            to_s: 20_000.0,
        };
        let followed = plan.long_poll(&HERD).unwrap();
        let closed = LongPoll {
            hold_s: HERD.hold_s,
            exchange: HERD.exchange,
            arrivals: Arrivals::Poisson { rate_per_s: 2.0 },
        };
        let closed = closed.predict();
        let off = |a: f64, b: f64| (a / b - 1.0).abs();
        assert!(off(followed.requests_per_s, closed.requests_per_s) < 0.01);
        assert!(off(followed.delay.mean_s(), closed.delay.mean_s()) < 0.01);
        assert!(off(followed.messages_per_full_answer, closed.messages_per_full_answer) < 0.01);
    }

    #[test]
    fn a_silent_schedule_is_asked_once_a_round() {
        let prediction = plan(&[]).long_poll(&HERD).unwrap();
        assert_eq!(prediction.empty_share, 1.0);
        assert!(
            (prediction.requests_per_s - 3.0 / 20.0).abs() < 1e-12,
            "sent at 5.5, 11.5, 17.5"
        );
    }

    #[test]
    fn what_never_ends_is_not_followed() {
        let at_once = LongPollHerd {
            hold_s: 0.0,
            exchange: Exchange::default(),
            ..HERD
        };
        assert_eq!(plan(&[1.0]).long_poll(&at_once), None);
    }
}
