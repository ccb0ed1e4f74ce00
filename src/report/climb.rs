//! What the walks of listeners that fall back come to: the typical fall, and what each rung was tried for and took.

use super::number::milliseconds;
use crate::protocol::Transport;
use crate::results::{Distribution, Fall, Ladder, Why};

/// The fall that most of them had, step by step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Typical {
    /// How many had it.
    pub(crate) times: usize,
    /// What was neither: the wait before the first try, as a median in milliseconds.
    pub(crate) waited_ms: f64,
    /// The rungs with why they failed, or none for the one that opened; each with the median of what it took.
    pub(crate) rungs: Vec<(Transport, Option<Why>, f64)>,
    /// The median of the whole.
    pub(crate) lasted_ms: f64,
}

/// One rung with one outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tried {
    pub(crate) transport: Transport,
    pub(crate) failed: Option<Why>,
    /// What it took those who had nothing else to listen by.
    pub(crate) down: Distribution,
    /// What it took those who listened meanwhile.
    pub(crate) up: Distribution,
}

impl Typical {
    /// `None` where nobody fell and came to listen again.
    pub(crate) fn of(ladder: &Ladder) -> Option<Typical> {
        let falls: Vec<Fall> = ladder.falls().filter(|fall| fall.lasted_s.is_some()).collect();
        let signature = |fall: &Fall| -> Vec<(Transport, Option<Why>)> {
            fall.tried.iter().map(|rung| (rung.transport, rung.failed)).collect()
        };
        let alike = |fall: &Fall| falls.iter().filter(|other| signature(other) == signature(fall)).count();
        // Of several that are as common, the first.
        let most = falls.iter().map(alike).max()?;
        let first = falls.iter().find(|fall| alike(fall) == most)?;
        let same: Vec<&Fall> = falls
            .iter()
            .filter(|fall| signature(fall) == signature(first))
            .collect();
        let took_s = |fall: &Fall| fall.tried.iter().map(|rung| rung.took_s).sum::<f64>();
        let rungs = first.tried.iter().enumerate().map(|(n, rung)| {
            let took = same.iter().map(|fall| fall.tried[n].took_s);
            (rung.transport, rung.failed, median(took) * 1e3)
        });
        Some(Typical {
            times: same.len(),
            waited_ms: median(same.iter().map(|fall| fall.lasted_s.unwrap_or(0.0) - took_s(fall))).max(0.0) * 1e3,
            rungs: rungs.collect(),
            lasted_ms: median(same.iter().filter_map(|fall| fall.lasted_s)) * 1e3,
        })
    }
}

/// Every rung with every outcome that it had, the best rung first.
pub(crate) fn tried(ladder: &Ladder) -> Vec<Tried> {
    let mut all: Vec<Tried> = Vec::new();
    for rung in ladder.walks.iter().flat_map(|walk| &walk.rungs) {
        let same = |tried: &&mut Tried| tried.transport == rung.transport && tried.failed == rung.failed;
        let took = std::time::Duration::from_secs_f64(rung.took_s.max(0.0));
        let place = match all.iter_mut().find(same) {
            Some(place) => place,
            None => {
                all.push(Tried {
                    transport: rung.transport,
                    failed: rung.failed,
                    down: Distribution::new(),
                    up: Distribution::new(),
                });
                let last = all.len() - 1;
                &mut all[last]
            }
        };
        let times = if rung.is_climb { &mut place.up } else { &mut place.down };
        times.record(took);
    }
    all.sort_by_key(|tried| (std::cmp::Reverse(tried.transport), tried.failed));
    all
}

/// Why a rung failed, in a word.
pub(crate) fn word(why: Why) -> String {
    match why {
        Why::Lacking => "not there".to_owned(),
        Why::Refused(status) => status.to_string(),
        Why::Cut => "cut".to_owned(),
        Why::Silent => "silence".to_owned(),
        Why::Unreachable => "nobody there".to_owned(),
        Why::Unexpected => "nonsense".to_owned(),
    }
}

/// The times as a cell: half of them within, and the longest.
pub(crate) fn half_and_most(times: &Distribution) -> String {
    match (times.quantile_ms(0.5), times.max_ms()) {
        (Some(half), Some(most)) => format!("{}, {}", milliseconds(half), milliseconds(most)),
        _ => super::number::NONE.to_owned(),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_typical_fall_is_that_of_most_of_them() {
        let ladder = fixture::ladder(Why::Silent, 6.0);
        let typical = Typical::of(&ladder).unwrap();
        assert_eq!(
            typical.times, 298,
            "one found a cut where the others found silence, and one never came back"
        );
        let rungs: Vec<(Transport, Option<Why>)> = typical.rungs.iter().map(|(rung, why, _)| (*rung, *why)).collect();
        assert_eq!(
            rungs,
            [(Transport::Websocket, Some(Why::Silent)), (Transport::Events, None)]
        );
        assert!(
            (typical.rungs[0].2 - 6_000.0).abs() < 1e-6 && (typical.waited_ms - 151.0).abs() < 0.1,
            "{typical:?}"
        );
        assert!((typical.lasted_ms - 6_251.0).abs() < 0.1, "{typical:?}");
        assert_eq!(Typical::of(&Ladder::default()), None);
    }

    #[test]
    fn each_rung_is_told_by_its_outcomes_the_best_first() {
        let tried = tried(&fixture::ladder(Why::Refused(403), 0.08));
        let told: Vec<(Transport, Option<Why>, u64, u64)> = tried
            .iter()
            .map(|one| (one.transport, one.failed, one.down.count(), one.up.count()))
            .collect();
        assert_eq!(
            told,
            [
                (Transport::Websocket, None, 300, 299),
                (Transport::Websocket, Some(Why::Refused(403)), 299, 299),
                (Transport::Websocket, Some(Why::Cut), 1, 0),
                (Transport::Events, None, 299, 0),
                (Transport::Events, Some(Why::Silent), 1, 0),
            ]
        );
        assert_eq!(half_and_most(&Distribution::new()), "–");
    }
}
