use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{assert_agrees, assert_delays_agree, messages, runs};
use crate::model::bytes::PollBytes;
use crate::model::crossover::{self, Crossover};
use crate::model::poll_variants;
use crate::model::{Arrivals, Connection, Exchange, LongPoll, PollTimer, Prediction, ShortPoll};

/// How a listener polls.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Short { interval_s: f64, timer: PollTimer },
    Long { hold_s: f64 },
}

/// What one listener went through after its first look at the feed, which only gives it a cursor.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) delays_s: Vec<f64>,
    pub(super) requests: f64,
    pub(super) empty: f64,
    pub(super) over_s: f64,
}

/// Follows one listener, request by request.
pub(super) fn listen(style: Style, exchange: &Exchange, messages: &[f64], start_s: f64, until_s: f64) -> Heard {
    let mut heard = Heard::default();
    let mut looks_s = start_s;
    let mut cursor = messages.partition_point(|at| *at <= start_s);
    let mut answers_s = start_s;
    loop {
        let answered_s = answers_s + exchange.service_s + exchange.one_way_s;
        looks_s = next_look_s(style, looks_s, answered_s, exchange);
        answers_s = match style {
            Style::Short { .. } => looks_s,
            Style::Long { hold_s } => {
                let coming_s = messages.get(cursor).copied().unwrap_or(f64::INFINITY);
                coming_s.clamp(looks_s, looks_s + hold_s)
            }
        };
        if answers_s > until_s {
            return heard;
        }
        let batch = messages[cursor..].iter().take_while(|at| **at <= answers_s).count();
        let heard_s = answers_s + exchange.service_s + exchange.one_way_s;
        heard
            .delays_s
            .extend(messages[cursor..cursor + batch].iter().map(|at| heard_s - at));
        cursor += batch;
        heard.requests += 1.0;
        heard.empty += if batch == 0 { 1.0 } else { 0.0 };
        heard.over_s = match style {
            Style::Short { .. } => looks_s - start_s, // whole cycles
            Style::Long { .. } => until_s - start_s,
        };
    }
}

/// When a request can leave: each hand-shake is a packet there and one back.
fn connected_s(wanted_s: f64, exchange: &Exchange) -> f64 {
    let hand_shakes = match exchange.connection {
        Connection::Kept => 0,
        Connection::Tcp => 1,
        Connection::TcpAndTls => 2,
    };
    (0..hand_shakes).fold(wanted_s, |now_s, _| now_s + exchange.one_way_s + exchange.one_way_s)
}

/// When the next request reaches the server: by a timer that ticks whenever a request leaves, or after the answer.
fn next_look_s(style: Style, looks_s: f64, answered_s: f64, exchange: &Exchange) -> f64 {
    let travel_s = connected_s(0.0, exchange) + exchange.one_way_s;
    let wanted_s = match style {
        Style::Long { .. } => answered_s + exchange.client_s,
        Style::Short { interval_s, timer } => match timer {
            PollTimer::AfterAnswer => answered_s + exchange.client_s + interval_s,
            PollTimer::Unguarded => looks_s - travel_s + interval_s,
            PollTimer::Fixed => {
                let mut tick_s = looks_s - travel_s + interval_s;
                while tick_s < answered_s - 1e-9 {
                    tick_s += interval_s;
                }
                tick_s
            }
        },
    };
    wanted_s + travel_s
}

const BYTES: PollBytes = PollBytes {
    request: 180.0,
    empty_answer: 90.0,
    full_answer: 145.0,
};

/// Everything a prediction says, against listeners that start at random phases. About 700 messages each.
fn assert_heard(what: &str, prediction: &Prediction, style: Style, exchange: &Exchange, arrivals: Arrivals) {
    let until_s = 700.0 * arrivals.spacing_s();
    let all = runs(|rng| {
        let messages = messages(arrivals, until_s, rng);
        let start_s = rng.random::<f64>() * prediction.cycle_s();
        listen(style, exchange, &messages, start_s, until_s)
    });
    let each = |value: &dyn Fn(&Heard) -> f64| all.iter().map(value).collect::<Vec<_>>();
    let delays: Vec<_> = all.iter().map(|heard| heard.delays_s.clone()).collect();
    assert_delays_agree(what, &prediction.delay, &delays);
    let requests = each(&|heard| heard.requests / heard.over_s / prediction.requests_per_s);
    assert_agrees(&format!("{what}: requests"), 1.0, &requests);
    let empty = each(&|heard| heard.empty / heard.requests);
    assert_agrees(&format!("{what}: empty share"), prediction.empty_share, &empty);
    let batch = each(&|heard| heard.delays_s.len() as f64 / (heard.requests - heard.empty));
    assert_agrees(&format!("{what}: batch"), prediction.messages_per_full_answer, &batch);
    let bytes = each(&|heard| {
        let (messages, full) = (heard.delays_s.len() as f64, heard.requests - heard.empty);
        let heads = heard.requests * BYTES.request + heard.empty * BYTES.empty_answer + full * BYTES.full_answer;
        100.0 + (heads + messages - full) / messages
    });
    assert_agrees(
        &format!("{what}: bytes"),
        BYTES.per_message(100.0, prediction, arrivals),
        &bytes,
    );
}

fn assert_short(what: &str, poll: ShortPoll) {
    let style = Style::Short {
        interval_s: poll.interval_s,
        timer: poll.timer,
    };
    assert_heard(what, &poll.predict(), style, &poll.exchange, poll.arrivals);
}

fn assert_long(what: &str, poll: LongPoll) {
    let style = Style::Long { hold_s: poll.hold_s };
    assert_heard(what, &poll.predict(), style, &poll.exchange, poll.arrivals);
}

fn exchange(one_way_s: f64, connection: Connection) -> Exchange {
    Exchange {
        one_way_s,
        service_s: 0.002,
        client_s: 0.003,
        connection,
    }
}

#[test]
fn short_polling_on_poisson_messages() {
    for timer in [PollTimer::Fixed, PollTimer::AfterAnswer] {
        for rate_per_s in [0.3, 1.0, 10.0] {
            for connection in [Connection::Kept, Connection::Tcp] {
                let poll = ShortPoll {
                    interval_s: 1.0,
                    timer,
                    exchange: exchange(0.05, connection),
                    arrivals: Arrivals::Poisson { rate_per_s },
                };
                assert_short(&format!("{timer:?}, {rate_per_s}/s, {connection:?}"), poll);
            }
        }
    }
}

#[test]
fn short_polling_on_a_sensor() {
    // Rates without a simple ratio to the cycle, so that each listener sees all phases.
    for timer in [PollTimer::Fixed, PollTimer::AfterAnswer] {
        for rate_per_s in [0.317, 1.618, 7.071] {
            let poll = ShortPoll {
                interval_s: 1.0,
                timer,
                exchange: exchange(0.05, Connection::Kept),
                arrivals: Arrivals::Constant { rate_per_s },
            };
            assert_short(&format!("{timer:?}, constant {rate_per_s}/s"), poll);
        }
    }
}

#[test]
fn short_polling_with_answers_slower_than_the_interval() {
    for timer in [PollTimer::Fixed, PollTimer::AfterAnswer] {
        for one_way_s in [0.17, 0.38] {
            let poll = ShortPoll {
                interval_s: 0.25,
                timer,
                exchange: exchange(one_way_s, Connection::Kept),
                arrivals: Arrivals::Poisson { rate_per_s: 2.0 },
            };
            assert_short(&format!("{timer:?}, slow answers, {one_way_s} s"), poll);
        }
    }
}

#[test]
fn long_polling_on_poisson_messages() {
    for connection in [Connection::Kept, Connection::Tcp, Connection::TcpAndTls] {
        for (rate_per_s, hold_s) in [(0.1, 5.0), (0.1, 25.0), (1.0, 25.0), (10.0, 25.0), (5.0, 0.1)] {
            let poll = LongPoll {
                hold_s,
                exchange: exchange(0.05, connection),
                arrivals: Arrivals::Poisson { rate_per_s },
            };
            assert_long(&format!("{rate_per_s}/s held {hold_s} s, {connection:?}"), poll);
        }
    }
}

#[test]
fn long_polling_on_a_sensor_on_both_sides_of_the_step() {
    for one_way_s in [0.02, 0.1, 0.12, 0.13, 0.2, 0.3] {
        let poll = LongPoll {
            hold_s: 25.0,
            exchange: exchange(one_way_s, Connection::Kept),
            arrivals: Arrivals::Constant { rate_per_s: 4.0 },
        };
        // Near the step it takes many messages to settle: the first half is not looked at.
        assert_settled(&format!("sensor at {one_way_s} s"), poll);
    }
}

#[test]
fn long_polling_on_a_sensor_slower_than_the_hold() {
    let exchange = exchange(0.05, Connection::Kept);
    let round_s = 2.0 + exchange.gap_s();
    // Some messages find a held request, always; others come in the gap, by more or less.
    for rounds in [
        1.5,
        2.9,
        1.0 + 0.2 * exchange.gap_s() / round_s,
        2.0 + 0.7 * exchange.gap_s() / round_s,
    ] {
        let poll = LongPoll {
            hold_s: 2.0,
            exchange,
            arrivals: Arrivals::Constant {
                rate_per_s: 1.0 / (rounds * round_s),
            },
        };
        assert_settled(&format!("a message every {rounds} rounds"), poll);
    }
}

/// Constant arrivals settle into a pattern; only what follows the first half of the run is compared.
fn assert_settled(what: &str, poll: LongPoll) {
    let prediction = poll.predict();
    let until_s = 600.0 * poll.arrivals.spacing_s();
    let style = Style::Long { hold_s: poll.hold_s };
    let all = runs(|rng| {
        let messages = messages(poll.arrivals, until_s, rng);
        let whole = listen(style, &poll.exchange, &messages, rng.random(), until_s);
        let half = listen(style, &poll.exchange, &messages, 0.0, until_s / 2.0);
        (whole, half)
    });
    let requests: Vec<_> = all
        .iter()
        .map(|(whole, _)| whole.requests / whole.over_s / prediction.requests_per_s)
        .collect();
    let spread = requests.iter().map(|ratio| (ratio - 1.0).abs()).fold(0.0, f64::max);
    assert!(spread < 0.01, "{what}: requests differ by {spread}");
    let delays: Vec<_> = all
        .iter()
        .map(|(whole, half)| whole.delays_s[half.delays_s.len()..].to_vec())
        .collect();
    assert_settled_delays(what, &prediction, &delays);
    let empty: Vec<_> = all.iter().map(|(whole, _)| whole.empty / whole.requests).collect();
    assert!(
        (super::mean(&empty) - prediction.empty_share).abs() < 0.01,
        "{what}: {empty:?}"
    );
}

fn assert_settled_delays(what: &str, prediction: &Prediction, delays: &[Vec<f64>]) {
    let all: Vec<_> = delays.iter().flatten().copied().collect();
    let (mean_s, predicted_s) = (super::mean(&all), prediction.delay.mean_s());
    assert!(
        (mean_s / predicted_s - 1.0).abs() < 0.01,
        "{what}: {mean_s}, predicted {predicted_s}"
    );
    let longest_s = all.iter().copied().fold(0.0, f64::max);
    let max_s = prediction.delay.max_s();
    assert!(
        longest_s <= max_s + 1e-6 && longest_s > 0.97 * max_s,
        "{what}: {longest_s} of {max_s}"
    );
}

#[test]
fn long_polling_meets_short_polling_at_the_crossover() {
    let exchange = exchange(0.05, Connection::Kept);
    for interval_s in [0.5, 1.0, 5.0] {
        let mut poll = LongPoll {
            hold_s: 25.0,
            exchange,
            arrivals: Arrivals::Poisson { rate_per_s: 0.0 },
        };
        let Crossover::At(rate_per_s) = crossover::with_short_poll(interval_s, &poll) else {
            panic!("they meet");
        };
        poll.arrivals = Arrivals::Poisson { rate_per_s };
        let until_s = 400.0 * interval_s;
        let requests = runs(|rng| {
            let messages = messages(poll.arrivals, until_s, rng);
            let heard = listen(Style::Long { hold_s: 25.0 }, &exchange, &messages, 0.0, until_s);
            interval_s * heard.requests / heard.over_s
        });
        assert_agrees(&format!("long polls in a short poll's {interval_s} s"), 1.0, &requests);
    }
}

/// When a timer ticks that pays no heed to what is on its way.
fn looks(interval_s: impl Fn(&mut ChaCha8Rng) -> f64, until_s: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut now_s = 0.0;
    let mut looks = Vec::new();
    while now_s < until_s {
        looks.push(now_s);
        now_s += interval_s(rng);
    }
    looks
}

#[test]
fn jitter_costs_delay() {
    let (mean_s, jitter_s, until_s) = (1.0, 0.8, 2000.0);
    let arrivals = Arrivals::Poisson { rate_per_s: 2.0 };
    let delays = runs(|rng| {
        let looks = looks(
            |rng| rng.random_range(mean_s - jitter_s..mean_s + jitter_s),
            until_s,
            rng,
        );
        let waits: Vec<_> = messages(arrivals, until_s - 2.0, rng)
            .into_iter()
            .map(|at| looks[looks.partition_point(|look| *look < at)] - at)
            .collect();
        super::mean(&waits)
    });
    let v = poll_variants::squared_variation_of_jitter(mean_s, jitter_s);
    let predicted = poll_variants::mean_delay_with_variation_s(mean_s, v, &Exchange::default());
    assert_agrees("jitter", predicted, &delays);
}

#[test]
fn a_timer_without_a_guard_hears_everything_again() {
    let until_s = 300.0;
    for (one_way_s, interval_s) in [(0.1, 1.0), (0.6, 1.0), (0.9, 0.7)] {
        let exchange = exchange(one_way_s, Connection::Kept);
        let copies = runs(|rng| {
            let messages = messages(Arrivals::Poisson { rate_per_s: 2.0 }, until_s, rng);
            // Each request carries the cursor of the last answer that had arrived when it left.
            let mut answers: Vec<(f64, usize)> = Vec::new();
            let mut deliveries = 0;
            for leaves_s in looks(|_| interval_s, until_s, rng) {
                let cursor = answers
                    .iter()
                    .rev()
                    .find(|(at, _)| *at <= leaves_s)
                    .map_or(0, |(_, next)| *next);
                let looks_s = leaves_s + exchange.one_way_s;
                let next = messages.partition_point(|at| *at <= looks_s);
                deliveries += next - cursor;
                answers.push((looks_s + exchange.service_s + exchange.one_way_s, next));
            }
            deliveries as f64 / messages.len() as f64
        });
        let simulated = super::mean(&copies);
        let predicted = poll_variants::copies_without_guard(interval_s, &exchange);
        assert!(
            (simulated / predicted - 1.0).abs() < 0.01,
            "{simulated} copies, predicted {predicted}"
        );
    }
}

#[test]
fn a_poll_of_the_newest_state_misses_the_others() {
    let until_s = 1000.0;
    for arrivals in [
        Arrivals::Poisson { rate_per_s: 0.5 },
        Arrivals::Poisson { rate_per_s: 3.0 },
        Arrivals::Constant { rate_per_s: 2.719 },
        Arrivals::Constant { rate_per_s: 0.618 },
    ] {
        let shares = runs(|rng| {
            let messages = messages(arrivals, until_s, rng);
            let seen = looks(|_| 1.0, until_s, rng)
                .windows(2)
                .filter(|look| {
                    messages.partition_point(|at| *at <= look[0]) < messages.partition_point(|at| *at <= look[1])
                })
                .count();
            seen as f64 / messages.len() as f64
        });
        let predicted = poll_variants::share_seen_of_newest_only(1.0, arrivals);
        assert_agrees(&format!("newest state of {arrivals:?}"), predicted, &shares);
    }
}
