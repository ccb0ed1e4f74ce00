//! The rungs that listeners tried that fall back, put on the clock of the run.

use std::time::Instant;

use super::clock::Clock;
use crate::protocol::Transport;
use crate::results::{Ladder, Rung, Walk, Why};

/// One try of one rung.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Which.
    pub(crate) transport: Transport,
    /// When it was tried.
    pub(crate) at: Instant,
    /// When it opened or was given up.
    pub(crate) until: Instant,
    /// Whether the listener listened by another one meanwhile.
    pub(crate) is_climb: bool,
    /// Why it did not open.
    pub(crate) failed: Option<Why>,
    /// When it was left again, and why if not for a better one.
    pub(crate) left: Option<(Instant, Option<Why>)>,
}

/// What the steps of all listeners come to; each listener's are in order.
pub(crate) fn ladder(listeners: u32, steps: Vec<(usize, Step)>, overlap: u64, clock: &Clock) -> Ladder {
    let mut walks = vec![Walk::default(); listeners as usize];
    for (number, step) in steps {
        if let Some(walk) = walks.get_mut(number) {
            walk.rungs.push(rung(&step, clock));
        }
    }
    for walk in &mut walks {
        walk.rungs.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    }
    Ladder { walks, overlap }
}

fn rung(step: &Step, clock: &Clock) -> Rung {
    Rung {
        transport: step.transport,
        at_s: since_start(step.at, clock),
        took_s: microseconds((step.until - step.at).as_secs_f64()),
        is_climb: step.is_climb,
        failed: step.failed,
        left_s: step.left.map(|(at, _)| since_start(at, clock)),
        ended: step.left.and_then(|(_, why)| why),
    }
}

/// Seconds from the start, before which they are negative.
fn since_start(at: Instant, clock: &Clock) -> f64 {
    let start = clock.start().unwrap_or(at);
    microseconds(match at.checked_duration_since(start) {
        Some(after) => after.as_secs_f64(),
        None => -(start - at).as_secs_f64(),
    })
}

/// No finer than anything here is measured.
fn microseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::scenario;
    use std::time::Duration;

    #[test]
    fn each_listener_has_its_own_walk_on_the_clock_of_the_run() {
        let clock = Clock::new(&scenario());
        let start = Instant::now() + Duration::from_secs(10);
        clock.start_at(start);
        let ms = Duration::from_millis;
        let step = |at: Instant, failed: Option<Why>| Step {
            transport: Transport::Events,
            at,
            until: at + ms(80),
            is_climb: false,
            failed,
            left: failed.is_none().then_some((at + ms(500), Some(Why::Cut))),
        };
        // Those that are in use at the end of the run come last, whenever they began.
        let steps = vec![
            (2, step(start + ms(900), Some(Why::Silent))),
            (0, step(start - ms(1_500), None)),
            (2, step(start + ms(200), None)),
        ];
        let ladder = ladder(3, steps, 7, &clock);
        assert_eq!(ladder.overlap, 7);
        let at: Vec<Vec<f64>> = ladder
            .walks
            .iter()
            .map(|walk| walk.rungs.iter().map(|rung| rung.at_s).collect())
            .collect();
        assert_eq!(at, [vec![-1.5], vec![], vec![0.2, 0.9]]);
        let first = &ladder.walks[0].rungs[0];
        assert_eq!(
            (first.took_s, first.left_s, first.ended),
            (0.08, Some(-1.0), Some(Why::Cut))
        );
    }
}
