//! The model's distribution of delays, as charts draw it beside a measured one.

use crate::report::entry::Entry;
use crate::report::prediction::Predicted;

/// The corners of the model's curve, (milliseconds, share within them). The model's delay begins when the server accepts a
/// message: what it mostly took until then is put before it. `None` where nothing was measured to lie beside it.
pub(super) fn model_curve(entry: &Entry, predicted: &Predicted) -> Option<Vec<(f64, f64)>> {
    let before_ms = entry.before_ms()?;
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
    use crate::protocol::Transport;
    use crate::report::beside::Beside;
    use crate::report::fixture;
    use crate::results::Distribution;
    use std::time::Duration;

    /// In a run whose server stood still, a few messages waited for seconds to be accepted: the curve is not of those.
    #[test]
    fn a_stop_does_not_move_the_curve() {
        let mut results = fixture::three_ways();
        results.runs.retain(|run| run.transport == Transport::Websocket);
        let run = &mut results.runs[0];
        run.server = Default::default();
        (run.delay, run.server_delay) = (Distribution::new(), Distribution::new());
        for n in 0..100 {
            let before_ms = if n < 5 { 2_000 } else { 3 };
            run.server_delay.record(Duration::from_millis(50));
            run.delay.record(Duration::from_millis(50 + before_ms));
        }
        let runs = [results];
        let beside = Beside::new(&runs).unwrap();
        let (entry, predicted) = beside.predicted(0).next().unwrap();
        let (first_ms, _) = model_curve(entry, predicted).unwrap()[0];
        assert!((first_ms - 53.0).abs() < 0.2, "{first_ms}");
    }

    #[test]
    fn a_share_is_reached_on_the_way_or_at_a_step() {
        let curve = [(50.0, 0.0), (50.0, 0.5), (150.0, 1.0)];
        let reached = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| reached_ms(&curve, share));
        assert_eq!(reached, [50.0, 50.0, 50.0, 100.0, 150.0]);
        assert_eq!(reached_ms(&[], 0.5), 0.0);
    }
}
