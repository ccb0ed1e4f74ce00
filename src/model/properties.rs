//! What must hold whatever the knobs.

use proptest::prelude::*;

use super::saturation::LongPollHerd;
use super::{Arrivals, Connection, Exchange, FanOut, LongPoll, PollTimer, Prediction, ShortPoll, Stream};

fn exchanges() -> impl Strategy<Value = Exchange> {
    let connections = prop_oneof![
        Just(Connection::Kept),
        Just(Connection::Tcp),
        Just(Connection::TcpAndTls)
    ];
    let times = || prop_oneof![1 => Just(0.0), 4 => 1e-6..0.5];
    (times(), times(), times(), connections).prop_map(|(one_way_s, service_s, client_s, connection)| Exchange {
        one_way_s,
        service_s,
        client_s,
        connection,
    })
}

fn arrivals() -> impl Strategy<Value = Arrivals> {
    let rates = prop_oneof![1 => Just(0.0), 2 => 1e-9..1e-3, 4 => 1e-3..1e3];
    (any::<bool>(), rates).prop_map(|(poisson, rate_per_s)| match poisson {
        true => Arrivals::Poisson { rate_per_s },
        false => Arrivals::Constant { rate_per_s },
    })
}

fn short_polls() -> impl Strategy<Value = ShortPoll> {
    let intervals = prop_oneof![1 => Just(0.0), 8 => 1e-3..120.0];
    let timers = prop_oneof![Just(PollTimer::Fixed), Just(PollTimer::AfterAnswer)];
    (intervals, timers, exchanges(), arrivals()).prop_map(|(interval_s, timer, exchange, arrivals)| ShortPoll {
        interval_s,
        timer,
        exchange,
        arrivals,
    })
}

fn long_polls() -> impl Strategy<Value = LongPoll> {
    let holds = prop_oneof![1 => Just(0.0), 8 => 1e-3..120.0];
    (holds, exchanges(), arrivals()).prop_map(|(hold_s, exchange, arrivals)| LongPoll {
        hold_s,
        exchange,
        arrivals,
    })
}

/// Shares are shares, the delay lies within its bounds, and its curve rises from 0 to 1.
fn assert_sound(prediction: &Prediction) -> Result<(), TestCaseError> {
    let delay = &prediction.delay;
    let slack = 1e-9 * (1.0 + delay.max_s());
    prop_assert!(!prediction.requests_per_s.is_nan() && prediction.requests_per_s >= 0.0);
    prop_assert!(
        (0.0..=1.0).contains(&prediction.empty_share),
        "{}",
        prediction.empty_share
    );
    prop_assert!(prediction.messages_per_full_answer >= 1.0 - 1e-9);
    prop_assert!((delay.min_s() - slack..=delay.max_s() + slack).contains(&delay.mean_s()));
    let quantiles: Vec<_> = (0..=20).map(|q| delay.quantile_s(f64::from(q) / 20.0)).collect();
    prop_assert!(quantiles.is_sorted_by(|a, b| *a <= b + slack), "{quantiles:?}");
    prop_assert!((delay.min_s() - slack..=delay.max_s() + slack).contains(&quantiles[0]));
    let curve = delay.curve();
    prop_assert!(curve.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1 + 1e-9), "{curve:?}");
    prop_assert_eq!(curve[0].1, 0.0);
    prop_assert!((curve[curve.len() - 1].1 - 1.0).abs() < 1e-9);
    Ok(())
}

proptest! {
    #[test]
    fn short_polling_is_sound_at_any_knob(poll in short_polls()) {
        assert_sound(&poll.predict())?;
    }

    #[test]
    fn requests_times_wait_is_one_half(poll in short_polls()) {
        let prediction = poll.predict();
        prop_assume!(prediction.requests_per_s.is_finite());
        let wait_s = prediction.delay.mean_s() - poll.exchange.answer_s();
        prop_assert!((prediction.requests_per_s * wait_s - 0.5).abs() < 1e-6);
    }

    #[test]
    fn every_message_is_in_some_answer(short in short_polls(), long in long_polls()) {
        for (prediction, arrivals) in [(short.predict(), short.arrivals), (long.predict(), long.arrivals)] {
            prop_assume!(prediction.requests_per_s.is_finite());
            let carried_per_s = prediction.full_per_s() * prediction.messages_per_full_answer;
            let rate_per_s = arrivals.rate_per_s();
            // 1 − p loses digits where nearly all answers are empty.
            prop_assert!((carried_per_s - rate_per_s).abs() <= 1e-6 * rate_per_s + 1e-12 * prediction.requests_per_s);
        }
    }

    #[test]
    fn long_polling_is_sound_at_any_knob(poll in long_polls()) {
        let prediction = poll.predict();
        assert_sound(&prediction)?;
        let exchange = poll.exchange;
        let longest_s = exchange.answer_s() + exchange.gap_s();
        prop_assert!(prediction.delay.max_s() <= longest_s + 1e-9, "3d + 2s + c + h is the bound");
        let round_s = exchange.gap_s() + poll.hold_s;
        prop_assert!(prediction.requests_per_s >= 1.0 / round_s - 1e-9);
        // A pattern of constant messages is followed for 64 of them, so up to one in 64 is cut off.
        prop_assert!(prediction.requests_per_s <= (1.0 + 1.0 / 64.0) / exchange.gap_s());
    }

    #[test]
    fn a_herd_is_sound_at_any_knob_and_one_listener_is_no_herd(poll in long_polls(), listeners in 1.0..500.0) {
        let LongPoll { hold_s, exchange, arrivals } = poll;
        let herd = LongPollHerd { listeners, hold_s, exchange, workers: 1.0, arrivals };
        assert_sound(&herd.predict())?;
        let alone = LongPollHerd { listeners: 1.0, ..herd };
        prop_assert!((alone.predict().delay.mean_s() - poll.predict().delay.mean_s()).abs() < 1e-9);
    }

    #[test]
    fn a_busier_feed_is_asked_more_often_and_heard_later(poll in long_polls(), rate_per_s in 1e-3..1e2, factor in 1.0..10.0) {
        let at = |rate_per_s| LongPoll { arrivals: Arrivals::Poisson { rate_per_s }, ..poll }.predict();
        let (quiet, busy) = (at(rate_per_s), at(rate_per_s * factor));
        prop_assume!(busy.requests_per_s.is_finite());
        prop_assert!(busy.requests_per_s >= quiet.requests_per_s * (1.0 - 1e-9));
        prop_assert!(busy.delay.mean_s() >= quiet.delay.mean_s() - 1e-9);
        prop_assert!(busy.empty_share <= quiet.empty_share + 1e-9);
    }

    #[test]
    fn a_longer_hold_asks_less_and_is_never_later(poll in long_polls(), rate_per_s in 1e-3..1e2, longer_s in 0.0..100.0) {
        let poll = LongPoll { arrivals: Arrivals::Poisson { rate_per_s }, ..poll };
        let longer = LongPoll { hold_s: poll.hold_s + longer_s, ..poll }.predict();
        let shorter = poll.predict();
        prop_assume!(shorter.requests_per_s.is_finite());
        prop_assert!(longer.requests_per_s <= shorter.requests_per_s * (1.0 + 1e-9));
        prop_assert!(longer.empty_per_s() <= shorter.empty_per_s() * (1.0 + 1e-9) + 1e-9);
        prop_assert!(longer.delay.mean_s() <= shorter.delay.mean_s() + 1e-9);
    }

    #[test]
    fn no_poll_is_faster_than_a_stream_that_never_ends(short in short_polls(), long in long_polls()) {
        let endless = |exchange| Stream { life_s: f64::INFINITY, retry_s: 3.0, exchange }.predict().delay;
        for (poll, exchange) in [(short.predict(), short.exchange), (long.predict(), long.exchange)] {
            prop_assert!(poll.delay.min_s() >= endless(exchange).max_s() - 1e-12);
        }
    }

    #[test]
    fn streams_are_sound_at_any_knob(life_s in 0.0..1e4, retry_s in 0.0..10.0, exchange in exchanges()) {
        let stream = Stream { life_s, retry_s, exchange };
        prop_assume!(life_s + stream.away_s() > 0.0);
        assert_sound(&stream.predict())?;
    }

    #[test]
    fn more_listeners_are_heard_later_until_none_is(
        listeners in 1.0..1e4, write_s in 0.0..1e-3, workers in 1.0..8.0, one_way_s in 0.0..0.5, arrivals in arrivals(),
    ) {
        let small = FanOut { listeners, write_s, workers, one_way_s, arrivals };
        let large = FanOut { listeners: 2.0 * listeners, ..small };
        match (small.predict(), large.predict()) {
            (Some(small), Some(large)) => {
                assert_sound(&small)?;
                prop_assert!(large.delay.mean_s() >= small.delay.mean_s() - 1e-12);
            }
            (small_heard, large_heard) => {
                prop_assert!(large_heard.is_none());
                prop_assert_eq!(small_heard.is_none(), small.load() >= 1.0);
            }
        }
    }
}
