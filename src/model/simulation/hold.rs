use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::polls::{Style, listen};
use super::{assert_agrees, exponential_s, mean, messages, runs};
use crate::model::hold;
use crate::model::silent_cut::SilentCut;
use crate::model::unknown_limit::{PathKind, UnknownLimit};
use crate::model::{Arrivals, Exchange};

#[test]
fn a_hold_that_is_enough_leaves_the_share_of_empties_asked_for() {
    let exchange = Exchange {
        one_way_s: 0.05,
        ..Exchange::default()
    };
    let empty_share = 0.05;
    for rate_per_s in [0.1, 1.0] {
        let hold_s = hold::enough_s(rate_per_s, exchange.gap_s(), empty_share);
        let until_s = 4000.0 / rate_per_s;
        let shares = runs(|rng| {
            let messages = messages(Arrivals::Poisson { rate_per_s }, until_s, rng);
            let heard = listen(Style::Long { hold_s }, &exchange, &messages, 0.0, until_s);
            heard.empty / heard.requests
        });
        assert_agrees(&format!("empties at {rate_per_s}/s"), empty_share, &shares);
    }
}

#[test]
fn empties_of_a_hold_without_a_gap() {
    let (rate_per_s, until_s) = (0.02, 1e5);
    for hold_s in [10.0, 50.0] {
        let empties = runs(|rng| {
            let messages = messages(Arrivals::Poisson { rate_per_s }, until_s, rng);
            let heard = listen(Style::Long { hold_s }, &Exchange::default(), &messages, 0.0, until_s);
            heard.empty / heard.over_s / hold::empties_per_s(rate_per_s, hold_s)
        });
        assert_agrees(&format!("empties a second of a hold of {hold_s} s"), 1.0, &empties);
    }
}

/// A request after the other, each dead after A and given up at B: the mean wait of all messages.
fn waits_behind_silent_cuts_s(case: &SilentCut, messages: &[f64]) -> f64 {
    let mut next = 0;
    let mut waited_s = 0.0;
    let mut asks_s = 0.0;
    while next < messages.len() {
        let at_s = messages[next];
        if at_s <= asks_s + case.idle_limit_s {
            asks_s = at_s; // heard at once
            next += 1;
            continue;
        }
        asks_s += case.noticed_s;
        while let Some(at_s) = messages.get(next).filter(|at_s| **at_s <= asks_s) {
            waited_s += asks_s - at_s;
            next += 1;
        }
    }
    waited_s / messages.len() as f64
}

#[test]
fn a_silent_cut_costs_seconds() {
    for noticed_s in [65.0, 75.0, 90.0] {
        let case = SilentCut {
            idle_limit_s: 60.0,
            noticed_s,
            rate_per_s: 0.02,
        };
        let arrivals = Arrivals::Poisson { rate_per_s: 0.02 };
        let predicted_s = case.extra_mean_delay_s();
        let waits = runs(|rng| waits_behind_silent_cuts_s(&case, &messages(arrivals, 4e5, rng)) / predicted_s);
        assert_agrees(&format!("a cut noticed at {noticed_s} s"), 1.0, &waits);
    }
}

/// Holds on one path, one after the other, each ended by a message, the path or the limit: their cost a second, in empty answers.
fn cost_of_path_per_s(listeners: &UnknownLimit, hold_s: f64, limit_s: f64, gap_s: f64, rng: &mut ChaCha8Rng) -> f64 {
    let until_s = 2e4;
    let (mut now_s, mut cost) = (0.0, 0.0);
    let mut message_s = exponential_s(1.0 / listeners.rate_per_s, rng);
    while now_s < until_s {
        let ends_s = now_s + hold_s.min(limit_s);
        if message_s <= ends_s {
            now_s = message_s.max(now_s);
        } else {
            now_s = ends_s;
            cost += if hold_s >= limit_s { listeners.cut_cost } else { 1.0 };
        }
        while message_s <= now_s {
            message_s += exponential_s(1.0 / listeners.rate_per_s, rng);
        }
        now_s += gap_s;
    }
    cost / until_s
}

#[test]
fn no_other_hold_is_cheaper_than_the_best_under_hazard() {
    let hazard_per_s = 1.0 / 300.0;
    let gap_s = 0.1;
    for rate_per_s in [0.002, 0.02] {
        let listeners = UnknownLimit {
            rate_per_s,
            cut_cost: 11.0,
        };
        // Exponential limits, an equal share of the paths for each.
        let paths: Vec<_> = (0..300)
            .map(|path| PathKind {
                idle_limit_s: -(1.0 - (f64::from(path) + 0.5) / 300.0).ln() / hazard_per_s,
                share: 1.0 / 300.0,
            })
            .collect();
        let simulated = |hold_s: f64| {
            let costs: Vec<_> = (0..)
                .zip(&paths)
                .map(|(seed, path)| {
                    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
                    cost_of_path_per_s(&listeners, hold_s, path.idle_limit_s, gap_s, rng)
                })
                .collect();
            mean(&costs)
        };
        let best_s = listeners.best_hold_s(hazard_per_s);
        let best = simulated(best_s);
        for factor in [0.4, 0.6, 1.8, 2.5] {
            let other = simulated(factor * best_s);
            assert!(
                best < other,
                "{rate_per_s}/s: {best} at {best_s} s, {other} at {factor} of it"
            );
        }
        let exchange = Exchange {
            one_way_s: gap_s / 2.0,
            ..Exchange::default()
        };
        let predicted = listeners.cost_per_s(best_s, &paths, exchange);
        assert!((predicted / best - 1.0).abs() < 0.02, "{predicted}, simulated {best}");
    }
}
