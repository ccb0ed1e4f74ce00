use super::{Plan, turns};
use crate::model::{Delay, Prediction, SleepingServer};

/// More cycles than this are not followed one by one.
const MOST_CYCLES: f64 = 200_000.0;

impl Plan<'_> {
    /// Long polling of this schedule by a server that looks at its feed now and then, by listeners who are there when the
    /// schedule begins; the arrivals in `server` are passed over. Cycle by cycle, as [`Plan::long_poll`], but that a request is
    /// answered by a look.
    ///
    /// When its looks begin is anybody's guess, so some phases, evenly spread over Δ, stand for all.
    ///
    /// `None` where cycles are so short that nobody would follow them one by one.
    pub fn sleeping_server(&self, server: &SleepingServer) -> Option<Prediction> {
        let shortest_s = server.exchange.gap_s() + server.hold_s.min(1.0 / self.rate_per_s());
        if self.to_s > shortest_s * MOST_CYCLES {
            return None;
        }
        let (mut tally, mut phases) = (Tally::default(), 0.0);
        for phase_s in turns(server.look_every_s, 0) {
            self.follow_looks(server, -phase_s, &mut tally);
            phases += 1.0;
        }
        let share = |part: f64, whole: u64| if whole == 0 { 0.0 } else { part / whole as f64 };
        Some(Prediction {
            requests_per_s: tally.requests as f64 / phases / self.window_s(),
            empty_share: share(tally.empty as f64, tally.full + tally.empty),
            messages_per_full_answer: share(tally.delays_s.len() as f64, tally.full).max(1.0),
            delay: Delay::of(tally.delays_s).unwrap_or(Delay::fixed(server.exchange.answer_s())),
        })
    }

    /// One listener, whose first request arrived at this instant.
    fn follow_looks(&self, server: &SleepingServer, mut arrival_s: f64, tally: &mut Tally) {
        let exchange = &server.exchange;
        let mut unheard = self.messages_s;
        while arrival_s - exchange.one_way_s < self.to_s || unheard.first().is_some_and(|at_s| self.counts(*at_s)) {
            let next_s = unheard.first().copied().unwrap_or(f64::INFINITY);
            let look_s = server.look_s(arrival_s, next_s);
            let (batch, rest) = unheard.split_at(unheard.partition_point(|at_s| *at_s <= look_s));
            let heard_s = look_s + exchange.answer_s();
            tally.requests += u64::from(self.counts(arrival_s - exchange.one_way_s));
            if self.counts(heard_s) {
                *(if batch.is_empty() {
                    &mut tally.empty
                } else {
                    &mut tally.full
                }) += 1;
            }
            let counted = batch.iter().filter(|at_s| self.counts(**at_s));
            tally.delays_s.extend(counted.map(|at_s| heard_s - at_s));
            unheard = rest;
            arrival_s = look_s + exchange.gap_s();
        }
    }
}

/// What the listeners did in the window.
#[derive(Debug, Default)]
struct Tally {
    requests: u64,
    full: u64,
    empty: u64,
    delays_s: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrivals, Exchange};

    const SERVER: SleepingServer = SleepingServer {
        look_every_s: 2.0,
        hold_s: 5.0,
        exchange: Exchange {
            one_way_s: 0.5,
            service_s: 0.0,
            client_s: 0.0,
            connection: crate::model::Connection::Kept,
        },
        arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
    };

    #[test]
    fn a_handful_of_messages_by_hand() {
        // Looks at 0 and 2, which finds the first; back at 3, looks, and at 5, which finds the second; back at 6, empty at 11; back
        // at 12, empty at 17; back at 18 and held beyond the end.
        let messages_s = [1.0, 4.5];
        let plan = Plan {
            messages_s: &messages_s,
            from_s: 0.0,
            to_s: 20.0,
        };
        let mut tally = Tally::default();
        plan.follow_looks(&SERVER, 0.0, &mut tally);
        // Sent at 2.5, 5.5, 11.5 and 17.5: the first was there already.
        assert_eq!((tally.requests, tally.full, tally.empty), (4, 2, 2));
        assert_eq!(tally.delays_s, [1.5, 1.0]);
        // Whatever the phase: half a sleep and a way, on average.
        let delay = plan.sleeping_server(&SERVER).unwrap().delay;
        assert!((delay.mean_s() - 1.5).abs() < 0.25, "{}", delay.mean_s());
        assert!(delay.min_s() >= 0.5 && delay.max_s() <= 2.5);
    }

    #[test]
    fn a_long_schedule_of_poisson_messages_meets_the_closed_form() {
        for (rate_per_s, look_every_s) in [(2.0, 2.0), (0.3, 0.5), (0.05, 1.0)] {
            let server = SleepingServer {
                look_every_s,
                hold_s: 10.0,
                arrivals: Arrivals::Poisson { rate_per_s },
                ..SERVER
            };
            let drawn = super::super::drawn::drawn(40_000, 40_000.0 / rate_per_s, 7);
            let plan = Plan {
                messages_s: &drawn,
                from_s: 0.0,
                to_s: 40_000.0 / rate_per_s,
            };
            let (followed, closed) = (plan.sleeping_server(&server).unwrap(), server.predict());
            let off = |a: f64, b: f64| (a / b - 1.0).abs();
            let rates = off(followed.requests_per_s, closed.requests_per_s);
            let means = off(followed.delay.mean_s(), closed.delay.mean_s());
            assert!(
                rates < 0.01 && means < 0.01,
                "{rate_per_s}/s, {look_every_s} s: {rates}, {means}"
            );
            assert!((followed.empty_share - closed.empty_share).abs() < 0.01);
        }
    }
}
