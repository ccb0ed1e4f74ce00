//! The model between the measured points: knobs as they would be there, costs and sizes on the way from one point to the next.

use std::time::Duration;

use super::field::Spot;
use super::price::Cpu;
use crate::model::{Arrivals, Prediction};
use crate::report::prediction::Inputs;
use crate::results::Scenario;
use crate::results::knob::{Key, Kind, write_rate, write_share, write_time};

/// From one measured point to the next.
const STEPS: usize = 12;

/// What the model says at one place of the knob.
pub(crate) struct Modelled {
    pub(crate) x: f64,
    pub(crate) prediction: Prediction,
    pub(crate) inputs: Inputs,
    /// See [`Spot::before_ms`].
    pub(crate) before_ms: f64,
    /// See [`Spot::cpu`].
    pub(crate) cpu: Option<Cpu>,
}

/// The model along the spots of a line, whose knob has an order: without one there is nothing between them.
pub(super) fn along(key: &Key, spots: &[Spot]) -> Vec<Modelled> {
    let mut all = Vec::new();
    for (n, pair) in spots.windows(2).enumerate() {
        // A pair begins where the one before it ended.
        for step in usize::from(n > 0)..=STEPS {
            all.extend(between(key, &pair[0], &pair[1], step as f64 / STEPS as f64));
        }
    }
    all
}

fn between(key: &Key, from: &Spot, to: &Spot, share: f64) -> Option<Modelled> {
    let (one, other) = (&from.predicted.as_ref()?.inputs, &to.predicted.as_ref()?.inputs);
    // Along ratios where there are some, as the axis mostly is.
    let x = if from.x > 0.0 {
        from.x * (to.x / from.x).powf(share)
    } else {
        from.x + (to.x - from.x) * share
    };
    let mut scenario = from.results.scenario.clone();
    key.set(&mut scenario, &text(key.kind, x)?).ok()?;
    scenario.settle_rate();
    let mix = |a: f64, b: f64| a + (b - a) * share;
    let mut inputs = one.clone();
    inputs.service_s = mix(one.service_s, other.service_s);
    inputs.message_bytes = one.message_bytes.zip(other.message_bytes).map(|(a, b)| mix(a, b));
    inputs.sizes.request = mix(one.sizes.request, other.sizes.request);
    inputs.sizes.empty_answer = mix(one.sizes.empty_answer, other.sizes.empty_answer);
    inputs.sizes.full_answer = mix(one.sizes.full_answer, other.sizes.full_answer);
    let rate_per_s = match key.name {
        "feed.rate" => x,
        // It falls as listeners are added, and not along a straight line.
        _ if scenario.is_rated_by_deliveries() => scenario.rate_per_s,
        _ => mix(one.arrivals.rate_per_s(), other.arrivals.rate_per_s()),
    };
    inputs.arrivals = at_rate(one.arrivals, rate_per_s);
    turn(&mut inputs, &scenario, from.results.host.cores);
    if key.name == "listeners" {
        // A scenario has whole ones, which would make stairs of a line; together they hear as much.
        let together_per_s = inputs.arrivals.rate_per_s() * inputs.listeners;
        inputs.listeners = x;
        if scenario.is_rated_by_deliveries() {
            inputs.arrivals = at_rate(one.arrivals, together_per_s / x);
        }
    }
    Some(Modelled {
        x,
        prediction: inputs.average()?,
        inputs,
        before_ms: mix(from.before_ms(), to.before_ms()),
        cpu: from.cpu.zip(to.cpu).map(|(one, other)| one.between(other, share)),
    })
}

/// Spread alike, at another rate.
fn at_rate(arrivals: Arrivals, rate_per_s: f64) -> Arrivals {
    match arrivals {
        Arrivals::Poisson { .. } => Arrivals::Poisson { rate_per_s },
        Arrivals::Constant { .. } => Arrivals::Constant { rate_per_s },
    }
}

/// The knobs that the model knows.
fn turn(inputs: &mut Inputs, scenario: &Scenario, cores: usize) {
    inputs.listeners = f64::from(scenario.listeners);
    inputs.one_way_s = scenario.one_way().as_secs_f64();
    inputs.interval_s = scenario.poll_interval.as_secs_f64();
    inputs.hold_s = scenario.long_poll_timeout.as_secs_f64();
    inputs.workers = scenario.server_processors(cores);
}

/// A value that nobody has typed, as a scenario would write it.
fn text(kind: Kind, x: f64) -> Option<String> {
    match kind {
        Kind::Time => Some(write_time(Duration::try_from_secs_f64(x).ok()?)),
        Kind::Rate => Some(write_rate(x)),
        Kind::Share => Some(write_share(x)),
        Kind::Number => Some(format!("{}", x.round())),
        _ => None,
    }
}
