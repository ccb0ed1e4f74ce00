//! How far chance alone moves a figure: two standard errors.

use super::{Figure, Inputs};
use crate::model::{Arrivals, Plan, Prediction};
use crate::protocol::Transport;

/// So many schedules are drawn at the rate of the run's to see how much they differ.
const SCHEDULES: u64 = 40;
/// Beyond so many messages the schedules need not be drawn: what they differ by is small.
const MOST_MESSAGES: f64 = 20_000.0;
/// In how many standard errors a figure is found 19 times in 20.
const ERRORS: f64 = 2.0;

/// What chance does, for each figure in the order of [`Figure::ALL`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Chance {
    /// The phases of the listeners, the schedule being what it is.
    phases: [Option<f64>; Figure::ALL.len()],
    /// The same and the schedule, another of the same rate.
    schedules: [Option<f64>; Figure::ALL.len()],
}

impl Chance {
    /// Draws schedules as the plan, and adds up what the phases do.
    pub(super) fn of(inputs: &Inputs, schedule: Option<&Prediction>, plan: Option<&Plan>) -> Self {
        let phases = Figure::ALL.map(|figure| of_phases(figure, schedule?, inputs));
        let drawn = plan.map(|plan| drawn(inputs, plan)).unwrap_or_default();
        let schedules = Figure::ALL.map(|figure| {
            let values: Option<Vec<f64>> = drawn.iter().map(|one| figure.predicted(one, inputs)).collect();
            Some(standard_error(&values?)?.hypot(of_phases(figure, drawn.first()?, inputs)?))
        });
        Chance {
            phases: phases.map(|error| error.map(|error| ERRORS * error)),
            schedules: schedules.map(|error| error.map(|error| ERRORS * error)),
        }
    }

    /// By how much a figure of this schedule may be off, in the figure's unit.
    pub(crate) fn of_this_schedule(&self, figure: Figure) -> Option<f64> {
        self.phases[place(figure)]
    }

    /// By how much a figure may be off that of an average feed.
    pub(crate) fn of_any_schedule(&self, figure: Figure) -> Option<f64> {
        self.schedules[place(figure)]
    }
}

fn place(figure: Figure) -> usize {
    figure as usize
}

/// What other schedules would have led to; none where chance has no say in when messages come.
fn drawn(inputs: &Inputs, plan: &Plan) -> Vec<Prediction> {
    let random = matches!(inputs.arrivals, Arrivals::Poisson { .. });
    if !random || inputs.messages() > MOST_MESSAGES {
        return Vec::new();
    }
    let schedules = (0..SCHEDULES).filter_map(|seed| {
        let messages_s = plan.redrawn(seed);
        let other = Plan {
            messages_s: &messages_s,
            ..*plan
        };
        inputs.follow(&other)
    });
    schedules.collect()
}

/// One standard error from where in its interval each listener of short polling asks: all else is shared by all of them.
///
/// A look comes anywhere in the cycle C after a message, so the mean of n such delays has the standard error C/√(12n), their
/// quantile q one of C·√(q(1 − q)/n). With messages at equal distances a listener has the same phase to all of them, and n is
/// the number of listeners.
fn of_phases(figure: Figure, prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
    if let (Transport::LongPoll, Some(look_every_s)) = (inputs.transport, inputs.look_every_s) {
        return of_looks(figure, look_every_s, inputs);
    }
    if inputs.transport != Transport::Poll {
        return Some(0.0);
    }
    let cycle_ms = 1000.0 * prediction.cycle_s();
    let samples = match inputs.arrivals {
        // All listeners have the same phase, to each message another one.
        _ if inputs.is_aligned => inputs.messages(),
        Arrivals::Poisson { .. } => inputs.listeners * inputs.messages(),
        Arrivals::Constant { .. } => inputs.listeners,
    };
    if samples == 0.0 {
        return None;
    }
    let quantile_ms = |q: f64| cycle_ms * (q * (1.0 - q) / samples).sqrt();
    let requests = prediction.requests_per_s * inputs.listeners * inputs.window_s;
    let (empty, full) = (prediction.empty_share, 1.0 - prediction.empty_share);
    let share = (empty * full / requests).sqrt();
    Some(match figure {
        Figure::Mean => cycle_ms / (12.0 * samples).sqrt(),
        Figure::Half => quantile_ms(0.5),
        Figure::Most => quantile_ms(0.99),
        Figure::Longest => cycle_ms / samples,
        Figure::EmptyShare => share,
        Figure::PerAnswer => prediction.messages_per_full_answer * share / full.max(share),
        // A listener's last look may fall within the window or behind it.
        Figure::Requests => inputs.listeners.sqrt() / 2.0,
        Figure::BytesOut | Figure::BytesIn => 0.0,
    })
}

/// One standard error from when a server that sleeps begins to look. Listeners who came at about the same time are looked after at about the
/// same time, so they have one phase in common, and another one to each message.
fn of_looks(figure: Figure, look_every_s: f64, inputs: &Inputs) -> Option<f64> {
    let messages = Some(inputs.messages()).filter(|messages| *messages > 0.0)?;
    let look_ms = 1000.0 * look_every_s;
    let quantile_ms = |q: f64| look_ms * (q * (1.0 - q) / messages).sqrt();
    Some(match figure {
        Figure::Mean => look_ms / (12.0 * messages).sqrt(),
        Figure::Half => quantile_ms(0.5),
        Figure::Most => quantile_ms(0.99).max(look_ms / messages),
        Figure::Longest => look_ms / messages,
        // Two messages of a pair may be found by one look or by two, and a last look falls within the window or behind it.
        Figure::Requests => inputs.listeners * (messages.sqrt() / 4.0).max(0.5),
        Figure::EmptyShare | Figure::PerAnswer | Figure::BytesOut | Figure::BytesIn => 0.0,
    })
}

/// How far one value lies from another, as the root of the mean square; `None` of fewer than two.
fn standard_error(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_their_places() {
        for (at, figure) in Figure::ALL.into_iter().enumerate() {
            assert_eq!(place(figure), at);
        }
    }

    #[test]
    fn spread_is_that_of_the_values() {
        assert_eq!(standard_error(&[1.0]), None);
        assert_eq!(standard_error(&[1.0, 3.0]), Some(2f64.sqrt()));
    }
}
