//! What a request waits for a server that is busy with others.

/// The mean wait in front of one worker whose customers come independently: ρs(1 + cs²)/(2(1 − ρ)) (Pollaczek and Khinchine,
/// M/G/1).
///
/// `load` is ρ, under 1: the share of its time that the worker is busy; infinite from 1 on. `squared_variation` is cs², the
/// variance of the service time over its mean squared: 0 for constant service, 1 for exponential. A newcomer finds what is
/// left of the job in service, and all jobs in front of it.
pub fn mean_wait_s(load: f64, service_s: f64, squared_variation: f64) -> f64 {
    if load >= 1.0 {
        return f64::INFINITY;
    }
    load * service_s * (1.0 + squared_variation) / (2.0 * (1.0 - load))
}

/// The mean wait of `listeners` that each ask every `interval_s`, exactly, from random phases that stay (N·D/D/1).
///
/// Regular customers collide less than independent ones, since none of them comes twice in an interval: by a sixth at 100
/// listeners and ρ = 0.8, by little at 1,000. The chance that a newcomer finds more than x jobs of work, of k = N − 1 others
/// with D = T/s jobs to an interval, is (Beneš; Roberts and Virtamo 1991)
///
/// Σ over n from x to k of C(k, n)·((n − x)/D)ⁿ·(1 − (n − x)/D)^(k − n)·(D − k + x)/(D − n + x),
///
/// and the mean is its integral over x. Infinite where N·s exceeds T.
pub fn fixed_phases_mean_wait_s(listeners: u32, service_s: f64, interval_s: f64) -> f64 {
    /// Steps of the integral within the time of one job.
    const STEPS: u32 = 16;
    let jobs = interval_s / service_s;
    if f64::from(listeners) > jobs {
        return f64::INFINITY;
    }
    let others = listeners.saturating_sub(1);
    let ln_factorial = ln_factorials(others);
    let mut mean_jobs = 0.0;
    for step in 0..others * STEPS {
        let found = (f64::from(step) + 0.5) / f64::from(STEPS);
        let chance = chance_of_more(found, others, jobs, &ln_factorial);
        mean_jobs += chance / f64::from(STEPS);
        if chance < 1e-9 {
            break;
        }
    }
    mean_jobs * service_s
}

fn chance_of_more(found: f64, others: u32, jobs: f64, ln_factorial: &[f64]) -> f64 {
    let k = f64::from(others);
    (found.ceil() as u32..=others)
        .map(|n| {
            let ln_choose =
                ln_factorial[others as usize] - ln_factorial[n as usize] - ln_factorial[(others - n) as usize];
            let n = f64::from(n);
            let inside = (n - found) / jobs;
            let ln_chance = ln_choose + n * inside.ln() + (k - n) * (-inside).ln_1p();
            ln_chance.exp() * (jobs - k + found) / (jobs - n + found)
        })
        .sum()
}

/// ln 0!, ln 1!, … ln n!: the binomials themselves are too large for a float.
fn ln_factorials(n: u32) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain((1..=n).map(|i| {
            sum += f64::from(i).ln();
            sum
        }))
        .collect()
}

/// From asking to being answered when all listeners ask at the same instant, on average: s(N + 1)/2, at any load.
pub fn in_phase_mean_s(listeners: f64, service_s: f64) -> f64 {
    service_s * (listeners + 1.0) / 2.0
}

/// The same for the last of them: N·s.
pub fn in_phase_max_s(listeners: f64, service_s: f64) -> f64 {
    listeners * service_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_listeners_wait_less_than_independent_ones() {
        let independent_ms = 1000.0 * mean_wait_s(0.8, 0.008, 0.0);
        let regular_ms = 1000.0 * fixed_phases_mean_wait_s(100, 0.008, 1.0);
        assert!((independent_ms - 16.0).abs() < 0.01, "{independent_ms}");
        assert!((regular_ms - 13.3).abs() < 0.1, "{regular_ms}");
    }

    #[test]
    fn a_thousand_regular_listeners_are_as_good_as_independent() {
        let regular_s = fixed_phases_mean_wait_s(1000, 0.0008, 1.0);
        assert!((regular_s / mean_wait_s(0.8, 0.0008, 0.0) - 1.0).abs() < 0.03);
    }

    #[test]
    fn two_regular_listeners_by_hand() {
        // The other one is in service on arrival with chance s/T, and then half done on average: 0.1 · 0.05.
        let wait_s = fixed_phases_mean_wait_s(2, 0.1, 1.0);
        assert!((wait_s - 0.005).abs() < 1e-4, "{wait_s}");
        assert_eq!(fixed_phases_mean_wait_s(1, 0.1, 1.0), 0.0);
    }

    #[test]
    fn too_much_work_waits_for_ever() {
        assert_eq!(mean_wait_s(1.0, 0.1, 0.0), f64::INFINITY);
        assert_eq!(fixed_phases_mean_wait_s(11, 0.1, 1.0), f64::INFINITY);
    }

    #[test]
    fn in_phase_the_load_does_not_matter() {
        assert_eq!(in_phase_mean_s(3.0, 1.0), 2.0);
        assert_eq!(in_phase_max_s(3.0, 1.0), 3.0);
    }
}
