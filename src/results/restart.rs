use serde::{Deserialize, Serialize};

use super::Distribution;

/// What came of a restart of the server in mid-window: who was cut off, how all of them came back, and what that cost.
///
/// Instants are seconds from the start of the warm-up; steps begin where the server was told to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// When the server was told to end.
    pub told_s: f64,
    /// When its process had ended.
    pub ended_s: f64,
    /// When the next one was started.
    pub started_s: f64,
    /// When that listened.
    pub listening_s: f64,
    /// Listeners whose connection ended because of it. One that asked for nothing in between never noticed.
    pub cut: u64,
    /// From there to being answered again, of each listener that was.
    pub away: Distribution,
    /// From there to the first message that it heard.
    pub deaf: Distribution,
    /// How late the listeners left for their next try, after the wait that they had been given: the load generator's own doing.
    pub late: Distribution,
    /// Length of a step, in seconds.
    pub step_s: f64,
    /// Connections that were tried in each step.
    pub tried: Vec<u64>,
    /// Connections that came to nothing in each step.
    pub refused: Vec<u64>,
    /// Listeners that were answered again in each step.
    pub back: Vec<u64>,
    /// Length of a step of the server's processor time, in seconds.
    pub cpu_step_s: f64,
    /// Processor time that the server's process took in each of those, in seconds; empty where the system does not tell. What a
    /// process did between the last look at it and its end is missing.
    pub cpu_s: Vec<f64>,
}

impl Restart {
    /// Listeners that were answered again.
    pub fn returned(&self) -> u64 {
        self.away.count()
    }

    /// Connections that came to nothing, all together.
    pub fn refusals(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// The steps from the one on in which the next server listened.
    fn since_listening<'a>(&self, steps: &'a [u64]) -> &'a [u64] {
        let first = ((self.listening_s - self.told_s) / self.step_s + 1e-6).floor().max(0.0) as usize;
        steps.get(first..).unwrap_or_default()
    }

    /// The most connections that were tried within so many seconds on end once the server listened again: how high the storm was.
    pub fn peak(&self, within_s: f64) -> u64 {
        let tried = self.since_listening(&self.tried);
        let width = ((within_s / self.step_s).round().max(1.0) as usize).min(tried.len().max(1));
        let sums = tried.windows(width).map(|steps| steps.iter().sum());
        sums.max().unwrap_or(0)
    }

    /// From the moment that the server listened again to the last listener that was answered, in seconds; `None` when nobody came back.
    pub fn until_all_back_s(&self) -> Option<f64> {
        let last = self.back.iter().rposition(|back| *back > 0)?;
        let end_s = self.told_s + (last + 1) as f64 * self.step_s;
        Some((end_s - self.listening_s).max(0.0))
    }

    /// The most that the server's process took of a processor in one step after it listened again, 1 being all of one.
    pub fn busiest(&self) -> Option<f64> {
        // The step in which it started belongs to the start; what falls between two bits of a float belongs to the next.
        let first = ((self.listening_s - self.told_s) / self.cpu_step_s - 1e-6)
            .ceil()
            .max(0.0) as usize;
        let steps = self.cpu_s.get(first..)?;
        steps.iter().map(|cpu_s| cpu_s / self.cpu_step_s).reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Told at 5 s, listening 200 ms later; steps of 10 ms.
    fn restart(tried: &[(usize, u64)], back: &[(usize, u64)]) -> Restart {
        let steps = |filled: &[(usize, u64)]| {
            let mut steps = vec![0; 100];
            filled.iter().for_each(|(at, number)| steps[*at] = *number);
            steps
        };
        Restart {
            told_s: 5.0,
            ended_s: 5.01,
            started_s: 5.19,
            listening_s: 5.2,
            cut: 10,
            away: Distribution::new(),
            deaf: Distribution::new(),
            late: Distribution::new(),
            step_s: 0.01,
            tried: steps(tried),
            refused: steps(&[(1, 10), (11, 10)]),
            back: steps(back),
            cpu_step_s: 0.1,
            cpu_s: vec![0.05, 0.0, 0.07, 0.02, 0.01],
        }
    }

    #[test]
    fn the_storm_is_what_was_tried_after_the_server_was_back() {
        let storm = restart(
            &[(1, 10), (11, 10), (30, 3), (38, 4), (41, 2), (90, 1)],
            &[(33, 3), (95, 1)],
        );
        assert_eq!((storm.peak(0.01), storm.peak(0.1), storm.peak(60.0)), (4, 7, 10));
        assert_eq!(storm.refusals(), 20);
        assert!((storm.until_all_back_s().unwrap() - 0.76).abs() < 1e-9);
        assert!((storm.busiest().unwrap() - 0.7).abs() < 1e-9);
    }

    #[test]
    fn of_nobody_there_is_no_storm() {
        let mut nobody = restart(&[], &[]);
        nobody.tried.clear();
        nobody.cpu_s.clear();
        assert_eq!(
            (nobody.peak(0.1), nobody.until_all_back_s(), nobody.busiest()),
            (0, None, None)
        );
    }
}
