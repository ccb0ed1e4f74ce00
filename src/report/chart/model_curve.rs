//! The model's distribution of delays, as charts draw it beside a measured one.

use crate::report::entry::Entry;
use crate::report::prediction::Predicted;

/// The corners of the model's curve, (milliseconds, share within them). The model's delay begins when the server accepts a
/// message: what the publisher took until then, on average, is put before it. `None` where nothing was measured to lie beside it.
pub(super) fn model_curve(entry: &Entry, predicted: &Predicted) -> Option<Vec<(f64, f64)>> {
    let before_ms = entry.run.delay.mean_ms()? - entry.run.server_delay.mean_ms()?;
    let curve = predicted.nearest()?.delay.curve();
    Some(
        curve
            .into_iter()
            .map(|(s, share)| (s * 1e3 + before_ms, share))
            .collect(),
    )
}

/// The milliseconds at which such a curve reaches a share; straight between its corners.
pub(super) fn reached_ms(curve: &[(f64, f64)], share: f64) -> f64 {
    let after = curve.partition_point(|(_, within)| *within < share);
    match (after.checked_sub(1).map(|at| curve[at]), curve.get(after).copied()) {
        (Some((low_ms, low)), Some((high_ms, high))) => low_ms + (high_ms - low_ms) * (share - low) / (high - low),
        (None, Some((ms, _))) | (Some((ms, _)), None) => ms,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reached_on_the_way_or_at_a_step() {
        let curve = [(50.0, 0.0), (50.0, 0.5), (150.0, 1.0)];
        let reached = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| reached_ms(&curve, share));
        assert_eq!(reached, [50.0, 50.0, 50.0, 100.0, 150.0]);
        assert_eq!(reached_ms(&[], 0.5), 0.0);
    }
}
