//! Standard runs worked out elsewhere, by hand: s = 0.2 ms, T = 1 s, τ = 25 s, Poisson messages, requests of 180 bytes,
//! answers of 90 (empty) and 145.

use super::bytes::PollBytes;
use super::{Arrivals, Connection, Delay, Exchange, FanOut, LongPoll, PollTimer, Prediction, ShortPoll};

const BYTES: PollBytes = PollBytes {
    request: 180.0,
    empty_answer: 90.0,
    full_answer: 145.0,
};

/// A row as printed: the comparison allows for half a unit of its last digit.
struct Row {
    /// mean, p50, p99, max in milliseconds.
    delay_ms: [&'static str; 4],
    requests_per_s: &'static str,
    empty_percent: &'static str,
    messages_per_answer: &'static str,
    overhead_bytes: &'static str,
}

fn assert_shown(what: &str, value: f64, shown: &str) {
    let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let last_digit = 10f64.powi(-(decimals as i32));
    let expected: f64 = shown.parse().unwrap();
    assert!(
        (value - expected).abs() <= 0.5001 * last_digit,
        "{what}: {value}, not {shown}"
    );
}

fn assert_row(name: &str, prediction: &Prediction, rate_per_s: f64, row: Row) {
    let ms = |q| prediction.delay.quantile_s(q) * 1000.0;
    let delays_ms = [prediction.delay.mean_s() * 1000.0, ms(0.5), ms(0.99), ms(1.0)];
    for (what, (value, shown)) in ["mean", "p50", "p99", "max"]
        .iter()
        .zip(delays_ms.into_iter().zip(row.delay_ms))
    {
        assert_shown(&format!("{name}: {what}"), value, shown);
    }
    assert_shown(
        &format!("{name}: requests"),
        prediction.requests_per_s,
        row.requests_per_s,
    );
    assert_shown(
        &format!("{name}: empty"),
        prediction.empty_share * 100.0,
        row.empty_percent,
    );
    assert_shown(
        &format!("{name}: batch"),
        prediction.messages_per_full_answer,
        row.messages_per_answer,
    );
    let overhead = BYTES.overhead_per_message(prediction, Arrivals::Poisson { rate_per_s });
    assert_shown(&format!("{name}: overhead"), overhead, row.overhead_bytes);
}

fn exchange(one_way_s: f64, connection: Connection) -> Exchange {
    Exchange {
        one_way_s,
        service_s: 0.0002,
        client_s: 0.0,
        connection,
    }
}

fn short(rate_per_s: f64, timer: PollTimer) -> Prediction {
    let poll = ShortPoll {
        interval_s: 1.0,
        timer,
        exchange: exchange(0.05, Connection::Kept),
        arrivals: Arrivals::Poisson { rate_per_s },
    };
    poll.predict()
}

fn long(rate_per_s: f64, one_way_s: f64, connection: Connection) -> Prediction {
    let poll = LongPoll {
        hold_s: 25.0,
        exchange: exchange(one_way_s, connection),
        arrivals: Arrivals::Poisson { rate_per_s },
    };
    poll.predict()
}

/// One line of the table: delays, requests, empties, batch, overhead.
fn row(delay_ms: [&'static str; 4], rest: [&'static str; 4]) -> Row {
    let [requests_per_s, empty_percent, messages_per_answer, overhead_bytes] = rest;
    Row {
        delay_ms,
        requests_per_s,
        empty_percent,
        messages_per_answer,
        overhead_bytes,
    }
}

#[test]
fn short_polling_is_late_whatever_the_rate() {
    use PollTimer::{AfterAnswer, Fixed};
    let delay_ms = ["550.2", "550.2", "1040", "1050"];
    let fixed = |rate| short(rate, Fixed);
    assert_row(
        "0.1/s",
        &fixed(0.1),
        0.1,
        row(delay_ms, ["1.000", "90.5", "1.05", "2752"]),
    );
    assert_row("1/s", &fixed(1.0), 1.0, row(delay_ms, ["1.000", "36.8", "1.58", "305"]));
    assert_row(
        "10/s",
        &fixed(10.0),
        10.0,
        row(delay_ms, ["1.000", "0", "10.0", "32.5"]),
    );
    let after = short(0.1, AfterAnswer);
    let delay_ms = ["600.3", "600.3", "1139", "1150"];
    assert_row(
        "0.1/s, after the answer",
        &after,
        0.1,
        row(delay_ms, ["0.909", "89.6", "1.06", "2506"]),
    );
}

#[test]
fn long_polling_is_later_the_busier_the_feed() {
    let kept = |rate| long(rate, 0.05, Connection::Kept);
    let quiet = row(["50.7", "50.2", "58.5", "150.4"], ["0.109", "8.1", "1.00", "349"]);
    assert_row("0.1/s", &kept(0.1), 0.1, quiet);
    let medium = row(["55.2", "50.2", "140", "150.4"], ["0.995", "0", "1.00", "323"]);
    assert_row("1/s", &kept(1.0), 1.0, medium);
    let busy = row(["86.9", "81.9", "149", "150.4"], ["7.30", "0", "1.37", "237"]);
    assert_row("10/s", &kept(10.0), 10.0, busy);
    let near = row(["0.2", "0.2", "0.2", "0.4"], ["1.000", "0", "1.00", "325"]);
    assert_row("1/s, no network", &long(1.0, 0.0, Connection::Kept), 1.0, near);
}

#[test]
fn a_connection_for_each_request_doubles_the_gap() {
    let anew = |rate| long(rate, 0.05, Connection::Tcp);
    let quiet = row(["52.4", "50.2", "158", "250.4"], ["0.109", "8.0", "1.00", "349"]);
    assert_row("0.1/s", &anew(0.1), 0.1, quiet);
    let medium = row(["69.9", "50.2", "240", "250.4"], ["0.982", "0", "1.02", "319"]);
    assert_row("1/s", &anew(1.0), 1.0, medium);
    let busy = row(["144.0", "143.5", "248", "250.4"], ["4.68", "0", "2.14", "152"]);
    assert_row("10/s", &anew(10.0), 10.0, busy);
}

#[test]
fn a_websocket_is_one_transit_away() {
    let alone = FanOut {
        listeners: 1.0,
        write_s: 0.0,
        workers: 1.0,
        one_way_s: 0.05,
        arrivals: Arrivals::Poisson { rate_per_s: 10.0 },
    };
    let prediction = alone.predict().unwrap();
    assert_eq!(prediction.delay, Delay::fixed(0.05));
    assert_eq!(
        (prediction.requests_per_s, prediction.messages_per_full_answer),
        (0.0, 1.0)
    );
    assert_eq!(super::bytes::websocket_header(104, false), 2);
}
