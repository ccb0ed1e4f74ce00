//! A simulation to hold the formulas against: messages, requests, answers and frames one at a time, from a seed.
//!
//! Nothing in it uses a formula of the model, only the knobs. Each case is run many times from different seeds, so that the
//! spread of the runs tells the sampling error.

mod hold;
mod polls;
mod push;
mod server;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Arrivals, Delay};

/// How often a case is run.
const RUNS: u64 = 40;

/// One value per run, by the run's own source of randomness.
fn runs<T>(one: impl Fn(&mut ChaCha8Rng) -> T) -> Vec<T> {
    (0..RUNS)
        .map(|seed| one(&mut ChaCha8Rng::seed_from_u64(seed)))
        .collect()
}

/// An exponential time of the given mean.
fn exponential_s(mean_s: f64, rng: &mut ChaCha8Rng) -> f64 {
    -mean_s * (1.0 - rng.random::<f64>()).ln()
}

/// When the messages of a feed come.
fn messages(arrivals: Arrivals, until_s: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let spacing_s = arrivals.spacing_s();
    let mut at_s = rng.random::<f64>() * spacing_s;
    let mut messages = Vec::new();
    while at_s < until_s {
        messages.push(at_s);
        at_s += match arrivals {
            Arrivals::Poisson { .. } => exponential_s(spacing_s, rng),
            Arrivals::Constant { .. } => spacing_s,
        };
    }
    messages
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The prediction lies within four standard errors of the runs' mean, and these are small enough for that to mean something.
///
/// A thousandth is allowed for the ends of a run, where a cycle is cut off.
fn assert_agrees(what: &str, predicted: f64, runs: &[f64]) {
    let n = runs.len() as f64;
    let simulated = mean(runs);
    let variance = runs.iter().map(|value| (value - simulated).powi(2)).sum::<f64>() / (n - 1.0);
    let standard_error = (variance / n).sqrt();
    let scale = predicted.abs().max(0.05);
    assert!(
        standard_error < 0.03 * scale || standard_error < 1e-5,
        "{what}: ± {standard_error} around {simulated} is too coarse to say anything about {predicted}"
    );
    let difference = (predicted - simulated).abs();
    assert!(
        difference <= 4.0 * standard_error + 0.001 * scale,
        "{what}: predicted {predicted}, simulated {simulated} ± {standard_error}"
    );
}

/// The whole distribution: its mean, its shares at several quantiles, and its end.
fn assert_delays_agree(what: &str, predicted: &Delay, runs: &[Vec<f64>]) {
    let means: Vec<_> = runs.iter().map(|delays| mean(delays)).collect();
    // Delays are small numbers of seconds: compare them as multiples of the prediction.
    let predicted_s = predicted.mean_s();
    let relative: Vec<_> = means.iter().map(|mean_s| mean_s / predicted_s).collect();
    assert_agrees(&format!("{what}: mean delay of {predicted_s}"), 1.0, &relative);
    for q in [0.1, 0.25, 0.5, 0.75, 0.9, 0.99] {
        // Rounding must not push a delay over the step that it stands on.
        let within_s = predicted.quantile_s(q) + 1e-9;
        let shares: Vec<_> = runs.iter().map(|delays| share_within(delays, within_s)).collect();
        assert_agrees(
            &format!("{what}: share within {within_s} s"),
            predicted.share_within(within_s),
            &shares,
        );
    }
    let longest_s = runs
        .iter()
        .flatten()
        .fold(0.0_f64, |longest, delay_s| longest.max(*delay_s));
    let max_s = predicted.max_s();
    assert!(
        longest_s <= max_s + 1e-9,
        "{what}: {longest_s} is over the maximum, {max_s}"
    );
    assert!(
        longest_s >= 0.95 * max_s,
        "{what}: {longest_s} never comes near the maximum, {max_s}"
    );
}

fn share_within(delays: &[f64], within_s: f64) -> f64 {
    delays.iter().filter(|delay_s| **delay_s <= within_s).count() as f64 / delays.len() as f64
}
