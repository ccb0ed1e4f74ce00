//! The generator watches itself: how late it is woken, and how much of a processor it takes.
//!
//! Everything that a listener does, it does when its thread is woken. A thread that is woken late, because the machine has
//! no processor for it or because it is busy itself, asks late, and where the system does not tell when bytes came it hears late, too.
//! So a probe on each thread waits for a planned instant again and again, and notes how much later it was there.

use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::clock::Clock;
use super::timer::Timer;
use crate::results::{Distribution, Health};

/// From probe to probe. Seven, as no timer of a scenario is likely to beat with it; often enough that a short window of 2 s has
/// hundreds of them, rarely enough to cost a thread less than a thousandth of its time.
const STEP: Duration = Duration::from_millis(7);
/// What the timer resolves is seen of sleeps so short,
const SHORT: Duration = Duration::from_micros(100);
/// and of so many of them, which together are over before a run has drained.
const SLEEPS: u32 = 21;

/// What one thread, or several together, noted in the window.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// How late the probes were.
    wake_up: Distribution,
    /// The share of the window that the busiest of the threads spent on a processor.
    busiest: Option<f64>,
    /// By how much a short sleep was too long, at the median, on the thread where that is most.
    oversleeps_ms: Option<f64>,
}

impl Pulse {
    /// Takes in what another thread noted.
    pub(crate) fn merge(&mut self, other: &Pulse) {
        let most = |one: Option<f64>, other: Option<f64>| one.into_iter().chain(other).reduce(f64::max);
        self.wake_up.merge(&other.wake_up);
        self.busiest = most(self.busiest, other.busiest);
        self.oversleeps_ms = most(self.oversleeps_ms, other.oversleeps_ms);
    }

    /// With what only the whole process knows: the processor time of all its threads in the window.
    pub(crate) fn health(self, cpu_s: Option<f64>) -> Health {
        Health {
            cpu_s,
            busiest_thread: self.busiest,
            oversleeps_ms: self.oversleeps_ms,
            wake_up: self.wake_up,
        }
    }
}

/// Notes the pulse of this thread for as long as the window lasts.
pub(crate) async fn watch(clock: &Clock, timer: &Timer) -> Pulse {
    clock.started().await;
    let (start, end) = clock.window().expect("the clock has started");
    timer.sleep_until(start).await;
    let cpu_before = thread_cpu_s();
    let mut wake_up = Distribution::new();
    let mut due = start + STEP;
    while due < end {
        timer.sleep_until(due).await;
        let now = Instant::now();
        // A thread that slept over several instants was late for each of them: to note only the first would flatter it.
        while due <= now && due < end {
            wake_up.record(now - due);
            due += STEP;
        }
    }
    timer.sleep_until(end).await;
    let length_s = (end - start).as_secs_f64();
    let used_s = cpu_before.zip(thread_cpu_s()).map(|(before, after)| after - before);
    Pulse {
        wake_up,
        busiest: used_s.filter(|_| length_s > 0.0).map(|used_s| used_s / length_s),
        oversleeps_ms: oversleeps_ms(timer).await,
    }
}

/// By how much a short sleep is too long, at the median.
async fn oversleeps_ms(timer: &Timer) -> Option<f64> {
    let mut beyond = Distribution::new();
    for _ in 0..SLEEPS {
        let due = Instant::now() + SHORT;
        timer.sleep_until(due).await;
        beyond.record(due.elapsed());
    }
    beyond.quantile_ms(0.5)
}

/// Processor time of this process so far.
pub(crate) fn process_cpu_s() -> Option<f64> {
    getrusage(UsageWho::RUSAGE_SELF).ok().map(seconds)
}

#[cfg(target_os = "linux")]
fn thread_cpu_s() -> Option<f64> {
    getrusage(UsageWho::RUSAGE_THREAD).ok().map(seconds)
}

#[cfg(not(target_os = "linux"))]
fn thread_cpu_s() -> Option<f64> {
    None
}

fn seconds(usage: Usage) -> f64 {
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::{on_one_thread, scenario};

    #[test]
    fn a_thread_that_sleeps_over_its_probes_was_late_for_each() {
        let clock = Clock::new(&scenario());
        let pulse = on_one_thread(async {
            let timer = Timer::start().unwrap();
            let watching = watch(&clock, &timer);
            clock.start_at(Instant::now());
            let (start, end) = clock.window().unwrap();
            let blocking = async {
                timer.sleep_until(start).await;
                // Not tokio's sleep: the whole thread is to stand still for most of the window.
                std::thread::sleep((end - start).mul_f64(0.8));
            };
            tokio::join!(watching, blocking).0
        });
        let probes = pulse.wake_up.count();
        // A window of 600 ms has 85 instants that are seven milliseconds apart.
        assert_eq!(probes, 85);
        let median = pulse.wake_up.quantile_ms(0.5).unwrap();
        assert!(median > 100.0, "{median} ms");
        let oversleeps_ms = pulse.oversleeps_ms.unwrap();
        assert!(oversleeps_ms > 0.0, "no sleep ends before its time: {oversleeps_ms} ms");
        let busiest = pulse.busiest.unwrap();
        assert!(busiest < 0.9, "it slept, so it was on no processor: {busiest}");
    }

    #[test]
    fn threads_merge_to_the_busiest_and_to_all_their_probes() {
        let pulse = |busiest, late_ms| {
            let mut wake_up = Distribution::new();
            wake_up.record(Duration::from_millis(late_ms));
            Pulse {
                wake_up,
                busiest,
                oversleeps_ms: busiest,
            }
        };
        let mut merged = Pulse::default();
        [pulse(Some(0.2), 1), pulse(Some(0.7), 5), pulse(None, 3)]
            .iter()
            .for_each(|each| merged.merge(each));
        let health = merged.health(Some(2.0));
        assert_eq!((health.busiest_thread, health.cpu_s), (Some(0.7), Some(2.0)));
        assert_eq!(health.wake_up.count(), 3);
        assert_eq!(health.oversleeps_ms, Some(0.7));
    }
}
