use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{assert_agrees, assert_delays_agree, exponential_s, mean, messages, runs};
use crate::model::queue;
use crate::model::saturation::{ClosedLoop, LongPollHerd};
use crate::model::{Arrivals, Connection, Exchange};

/// Customers in the order of their coming, one worker: the mean wait of those after the first `skip`.
fn mean_wait_s(arrivals: impl IntoIterator<Item = f64>, mut service_s: impl FnMut() -> f64, skip: usize) -> f64 {
    let mut free_s = 0.0_f64;
    let waits: Vec<_> = arrivals
        .into_iter()
        .map(|at_s| {
            let starts_s = free_s.max(at_s);
            free_s = starts_s + service_s();
            starts_s - at_s
        })
        .collect();
    mean(&waits[skip..])
}

/// A way to draw service times of mean 1, and their squared variation.
type Service = (&'static str, fn(&mut ChaCha8Rng) -> f64, f64);

#[test]
fn independent_customers_wait_as_pollaczek_and_khinchine_say() {
    let services: [Service; 3] = [
        ("constant", |_| 1.0, 0.0),
        ("even", |rng| rng.random_range(0.0..2.0), 1.0 / 3.0),
        ("exponential", |rng| exponential_s(1.0, rng), 1.0),
    ];
    for (name, service, squared_variation) in services {
        for load in [0.3, 0.6] {
            let arrivals = Arrivals::Poisson { rate_per_s: load };
            let waits = runs(|rng| {
                let customers = messages(arrivals, 3_000.0 / load, rng);
                mean_wait_s(customers, || service(rng), 200)
            });
            let predicted = queue::mean_wait_s(load, 1.0, squared_variation);
            assert_agrees(&format!("{name} service, load {load}"), predicted, &waits);
        }
    }
}

#[test]
fn regular_customers_wait_less() {
    for (listeners, service_s) in [(10, 0.06), (100, 0.008)] {
        let waits = runs(|rng| {
            // A few sets of phases a run; each settles within one round.
            let sets: Vec<_> = (0..10)
                .map(|_| {
                    let mut phases: Vec<f64> = (0..listeners).map(|_| rng.random()).collect();
                    phases.sort_by(f64::total_cmp);
                    let rounds = (0..3).flat_map(|round| phases.iter().map(move |phase| phase + f64::from(round)));
                    mean_wait_s(rounds, || service_s, 2 * listeners as usize)
                })
                .collect();
            mean(&sets) / service_s
        });
        let predicted = queue::fixed_phases_mean_wait_s(listeners, service_s, 1.0) / service_s;
        assert_agrees(&format!("{listeners} regular listeners"), predicted, &waits);
        let independent = queue::mean_wait_s(f64::from(listeners) * service_s, service_s, 0.0) / service_s;
        assert!(mean(&waits) < independent);
    }
}

/// Instants that can be ordered in a heap: nanoseconds, and whose it is.
type Due = Reverse<(u64, usize)>;

fn due(at_s: f64, who: usize) -> Due {
    Reverse(((at_s * 1e9).round() as u64, who))
}

/// Requests reach one worker and are answered in the order of their coming; those that find nothing are held and take no time.
fn long_poll_herd(case: &LongPollHerd, messages: &[f64], until_s: f64) -> (Vec<f64>, f64) {
    let listeners = case.listeners as usize;
    let exchange = &case.exchange;
    let mut next = vec![0; listeners];
    let mut due_requests: BinaryHeap<_> = (0..listeners).map(|who| due(0.0, who)).collect();
    let (mut free_s, mut delays_s, mut answers) = (0.0_f64, Vec::new(), 0.0);
    while let Some(Reverse((at_ns, who))) = due_requests.pop() {
        let looks_s = free_s.max(at_ns as f64 / 1e9);
        if looks_s > until_s {
            break;
        }
        let batch = messages[next[who]..].iter().take_while(|at| **at <= looks_s).count();
        if batch == 0 {
            if let Some(coming_s) = messages.get(next[who]) {
                due_requests.push(due(*coming_s + 1e-9, who));
            }
            continue;
        }
        free_s = looks_s + exchange.service_s;
        let answered_s = free_s + exchange.one_way_s;
        if looks_s > until_s / 10.0 {
            delays_s.extend(messages[next[who]..next[who] + batch].iter().map(|at| answered_s - at));
            answers += 1.0;
        }
        next[who] += batch;
        due_requests.push(due(answered_s + exchange.client_s + exchange.one_way_s, who));
    }
    (delays_s, answers / (0.9 * until_s * case.listeners))
}

#[test]
fn a_saturated_herd_is_late_by_a_bounded_time() {
    for (listeners, rate_per_s) in [(20.0, 150.0), (20.0, 500.0), (40.0, 100.0)] {
        let case = LongPollHerd {
            listeners,
            hold_s: 25.0,
            exchange: Exchange {
                one_way_s: 0.01,
                service_s: 0.005,
                client_s: 0.0,
                connection: Connection::Kept,
            },
            workers: 1.0,
            arrivals: Arrivals::Poisson { rate_per_s },
        };
        assert!(case.is_saturated());
        let prediction = case.predict();
        let until_s = 10.0 * case.work_s();
        let all = runs(|rng| long_poll_herd(&case, &messages(case.arrivals, until_s, rng), until_s));
        let what = format!("{listeners} listeners at {rate_per_s}/s");
        let delays: Vec<_> = all.iter().map(|(delays_s, _)| delays_s.clone()).collect();
        assert_delays_agree(&what, &prediction.delay, &delays);
        let requests: Vec<_> = all.iter().map(|(_, per_s)| per_s / prediction.requests_per_s).collect();
        assert!((mean(&requests) - 1.0).abs() < 0.01, "{what}: {}", mean(&requests));
    }
}

#[test]
fn a_herd_that_is_not_saturated_takes_turns() {
    for (listeners, rate_per_s) in [(20.0, 1.0), (50.0, 1.0), (50.0, 3.0)] {
        let case = LongPollHerd {
            listeners,
            hold_s: 1e6,
            exchange: Exchange {
                one_way_s: 0.02,
                service_s: 0.0005,
                client_s: 0.0,
                connection: Connection::Kept,
            },
            workers: 1.0,
            arrivals: Arrivals::Poisson { rate_per_s },
        };
        assert!(!case.is_saturated());
        let until_s = 300.0 / rate_per_s;
        let all = runs(|rng| long_poll_herd(&case, &messages(case.arrivals, until_s, rng), until_s));
        let means: Vec<_> = all.iter().map(|(delays_s, _)| mean(delays_s)).collect();
        let (simulated_s, predicted_s) = (mean(&means), case.predict().delay.mean_s());
        // Turns that meet are left out: a few percent at the largest of these loads.
        let allowed = 0.01 + case.arrivals.expected_in(case.work_s()) / 2.0;
        let what = format!("{listeners} listeners at {rate_per_s}/s");
        assert!(
            (simulated_s / predicted_s - 1.0).abs() < allowed,
            "{what}: {simulated_s}, predicted {predicted_s}"
        );
        let requests: Vec<_> = all
            .iter()
            .map(|(_, per_s)| per_s / case.predict().requests_per_s)
            .collect();
        assert_agrees(&format!("{what}: requests"), 1.0, &requests);
    }
}

/// Requests a second, and the mean time from a request's arrival to its answer's departure.
fn closed_loop(case: &ClosedLoop, until_s: f64, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let exchange = &case.exchange;
    let mut due_requests: BinaryHeap<_> = (0..case.listeners as usize)
        .map(|who| due(rng.random::<f64>() * case.interval_s, who))
        .collect();
    let (mut free_s, mut responses_s) = (0.0_f64, Vec::new());
    while let Some(Reverse((at_ns, who))) = due_requests.pop() {
        let at_s = at_ns as f64 / 1e9;
        if at_s > until_s {
            break;
        }
        free_s = free_s.max(at_s) + exchange.service_s;
        if at_s > until_s / 2.0 {
            responses_s.push(free_s - at_s);
        }
        let asks_s = free_s + exchange.one_way_s + exchange.client_s + case.interval_s;
        due_requests.push(due(asks_s + exchange.one_way_s, who));
    }
    (responses_s.len() as f64 / (until_s / 2.0), mean(&responses_s))
}

#[test]
fn who_waits_for_answers_throttles_itself() {
    for (listeners, far_from_knee) in [(50.0, true), (200.0, false), (600.0, true)] {
        let case = ClosedLoop {
            listeners,
            interval_s: 1.0,
            exchange: Exchange {
                one_way_s: 0.02,
                service_s: 0.005,
                client_s: 0.0,
                connection: Connection::Kept,
            },
            workers: 1.0,
        };
        let all = runs(|rng| closed_loop(&case, 16.0, rng));
        let rates: Vec<_> = all.iter().map(|(per_s, _)| *per_s).collect();
        let by_law: Vec<_> = all
            .iter()
            .map(|(per_s, response_s)| response_s / case.response_at_s(*per_s))
            .collect();
        let bound = case.requests_per_s();
        assert!(mean(&rates) <= 1.005 * bound, "{} over {bound}", mean(&rates));
        if far_from_knee {
            assert!((mean(&rates) / bound - 1.0).abs() < 0.01, "{} of {bound}", mean(&rates));
        }
        if listeners > 200.0 {
            let responses: Vec<_> = all.iter().map(|(_, response_s)| *response_s).collect();
            assert!((mean(&by_law) - 1.0).abs() < 0.01, "the law: {}", mean(&by_law));
            assert!((mean(&responses) / case.response_s() - 1.0).abs() < 0.01);
        }
    }
}
