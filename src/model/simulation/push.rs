use rand::RngExt;

use super::{assert_agrees, assert_delays_agree, mean, messages, runs};
use crate::model::{Arrivals, Connection, Exchange, FanOut, Stream};

/// One writer takes message by message and writes it to listener by listener.
fn fan_out(case: &FanOut, messages: &[f64]) -> Vec<f64> {
    let mut writer_s = 0.0_f64;
    let mut delays_s = Vec::new();
    for at_s in messages {
        writer_s = writer_s.max(*at_s);
        for _ in 0..case.listeners as usize {
            writer_s += case.write_s;
            delays_s.push(writer_s + case.one_way_s - at_s);
        }
    }
    delays_s
}

#[test]
fn fan_out_waits_for_the_message_before() {
    for rate_per_s in [5.0, 25.0, 40.0] {
        let case = FanOut {
            listeners: 20.0,
            write_s: 0.001,
            workers: 1.0,
            one_way_s: 0.01,
            arrivals: Arrivals::Poisson { rate_per_s },
        };
        let delays = runs(|rng| fan_out(&case, &messages(case.arrivals, 1500.0 / rate_per_s, rng)));
        let predicted = case.predict().unwrap().delay;
        let relative: Vec<_> = delays
            .iter()
            .map(|delays_s| mean(delays_s) / predicted.mean_s())
            .collect();
        assert_agrees(&format!("fan-out at {rate_per_s}/s"), 1.0, &relative);
    }
}

#[test]
fn fan_out_at_a_small_load_is_spread_as_drawn() {
    let case = FanOut {
        listeners: 200.0,
        write_s: 0.0001,
        workers: 1.0,
        one_way_s: 0.01,
        arrivals: Arrivals::Poisson { rate_per_s: 5.0 },
    };
    let predicted = case.predict().unwrap().delay;
    let delays = runs(|rng| fan_out(&case, &messages(case.arrivals, 40.0, rng)));
    for q in [0.1, 0.5, 0.9, 0.99] {
        let within_s = predicted.quantile_s(q);
        let shares: Vec<_> = delays
            .iter()
            .map(|delays_s| super::share_within(delays_s, within_s))
            .collect();
        assert!((mean(&shares) - q).abs() < 0.01, "p{q}: {}", mean(&shares));
    }
}

#[test]
fn regular_fan_out_has_only_turns() {
    let case = FanOut {
        listeners: 200.0,
        write_s: 0.0001,
        workers: 1.0,
        one_way_s: 0.01,
        arrivals: Arrivals::Constant { rate_per_s: 40.0 },
    };
    let delays = runs(|rng| fan_out(&case, &messages(case.arrivals, 5.0, rng)));
    let predicted = case.predict().unwrap().delay;
    let all: Vec<_> = delays.into_iter().flatten().collect();
    assert!((mean(&all) - predicted.mean_s()).abs() < 1e-9);
    let longest_s = all.iter().copied().fold(0.0, f64::max);
    assert!((longest_s - predicted.max_s()).abs() < 1e-9);
}

/// A stream after the other: alive, cut, back with its cursor.
fn streams(case: &Stream, messages: &[f64], opens_s: f64) -> Vec<f64> {
    let exchange = &case.exchange;
    let hand_shake_s = match exchange.connection {
        Connection::Kept => 0.0,
        Connection::Tcp => exchange.one_way_s + exchange.one_way_s,
        Connection::TcpAndTls => 4.0 * exchange.one_way_s,
    };
    let mut delays_s = Vec::new();
    let mut next = 0;
    let mut opens_s = opens_s;
    while next < messages.len() {
        let ends_s = opens_s + case.life_s;
        while let Some(at_s) = messages.get(next).filter(|at_s| **at_s < ends_s) {
            let written_s = at_s.max(opens_s) + exchange.service_s;
            delays_s.push(written_s + exchange.one_way_s - at_s);
            next += 1;
        }
        let noticed_s = ends_s + exchange.service_s + exchange.one_way_s;
        let asks_s = noticed_s + exchange.client_s + case.retry_s + hand_shake_s;
        opens_s = asks_s + exchange.one_way_s;
    }
    delays_s
}

#[test]
fn streams_of_limited_life() {
    for (life_s, retry_s, connection) in [
        (60.0, 3.0, Connection::Tcp),
        (5.0, 1.0, Connection::Kept),
        (2.0, 0.0, Connection::TcpAndTls),
    ] {
        for arrivals in [
            Arrivals::Poisson { rate_per_s: 3.0 },
            Arrivals::Constant { rate_per_s: 2.719 },
        ] {
            let case = Stream {
                life_s,
                retry_s,
                exchange: Exchange {
                    one_way_s: 0.05,
                    service_s: 0.001,
                    client_s: 0.002,
                    connection,
                },
            };
            let round_s = life_s + case.away_s();
            let until_s = 200.0 * round_s.min(12.0);
            let delays = runs(|rng| {
                let messages = messages(arrivals, until_s, rng);
                // A stream may have begun, or ended, before the first message.
                let next = rng.random::<f64>() * round_s - round_s;
                streams(&case, &messages, next)
            });
            assert_delays_agree(&format!("{case:?}, {arrivals:?}"), &case.predict().delay, &delays);
        }
    }
}
