//! From a value to a place along an axis, and the values worth a line.

use super::super::number::{count, figure};

/// One axis, horizontal or vertical: values from `from` to `to` lie between two pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    pixels: (f64, f64),
    logarithmic: bool,
    /// Nothing on it is longer than 0, so no other value deserves a line.
    empty: bool,
}

impl Axis {
    /// Equal steps for equal differences, from 0 on.
    pub(super) fn linear(to: f64, pixels: (f64, f64)) -> Self {
        Axis {
            from: 0.0,
            to: if to > 0.0 { to } else { 1.0 },
            pixels,
            logarithmic: false,
            empty: to <= 0.0,
        }
    }

    /// The same between two values, of which the first may be below 0.
    pub(super) fn between(from: f64, to: f64, pixels: (f64, f64)) -> Self {
        Axis {
            from,
            to: if to > from { to } else { from + 1.0 },
            ..Axis::linear(1.0, pixels)
        }
    }

    /// Equal steps for equal ratios. `low` and `high` lie `inset` pixels within the ends, which leaves room for their labels;
    /// they are at least half a decade apart, so that even a single value has its surroundings.
    pub(super) fn logarithmic(low: f64, high: f64, pixels: (f64, f64), inset: f64) -> Self {
        let (low, high) = (low.max(1e-6).log10(), high.max(1e-6).log10());
        let (low, high) = if high - low < 0.5 {
            ((low + high) / 2.0 - 0.25, (low + high) / 2.0 + 0.25)
        } else {
            (low, high)
        };
        let length = (pixels.1 - pixels.0).abs();
        let beyond = (high - low) * inset / (length - 2.0 * inset);
        Axis {
            from: 10f64.powf(low - beyond),
            to: 10f64.powf(high + beyond),
            pixels,
            logarithmic: true,
            empty: false,
        }
    }

    /// Where a value lies; one off the axis lies at its end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(1e-9) / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.pixels.0 + share.clamp(0.0, 1.0) * (self.pixels.1 - self.pixels.0)
    }

    /// The value that lies at a pixel.
    pub(super) fn value(&self, pixel: f64) -> f64 {
        let share = (pixel - self.pixels.0) / (self.pixels.1 - self.pixels.0);
        if self.logarithmic {
            self.from * (self.to / self.from).powf(share)
        } else {
            self.from + share * (self.to - self.from)
        }
    }

    /// The values to draw a line at, round ones.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.logarithmic { self.ratios() } else { self.steps() }
    }

    fn steps(&self) -> Vec<f64> {
        if self.empty {
            return vec![0.0];
        }
        let rough = (self.to - self.from) / 4.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|n| n * decade)
            .find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * decade);
        let first = (self.from / step).ceil() as i32;
        (first..)
            .map(|n| f64::from(n) * step)
            .take_while(|tick| *tick <= self.to + step * 0.0001)
            .collect()
    }

    fn ratios(&self) -> Vec<f64> {
        let decades = (self.to / self.from).log10();
        let within: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        // Labels of more than seven decades would run into one another.
        let stride = (decades / 7.0).ceil().max(1.0) as usize;
        let first = self.from.log10().floor() as i32;
        let last = self.to.log10().ceil() as i32;
        let decades = (first..=last).filter(|decade| decade.rem_euclid(stride as i32) == 0);
        let all = decades.flat_map(|decade| within.iter().map(move |n| n * 10f64.powi(decade)));
        all.filter(|tick| (self.from..=self.to).contains(tick)).collect()
    }
}

/// A number on an axis: whole ones with their thousands apart.
pub(super) fn plain(value: f64) -> String {
    if value >= 1.0 && value.fract() == 0.0 {
        count(value as u64)
    } else {
        figure(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_has_round_steps() {
        let axis = Axis::linear(36_000.0, (100.0, 500.0));
        assert_eq!(axis.ticks(), [0.0, 10_000.0, 20_000.0, 30_000.0]);
        assert_eq!((axis.at(0.0), axis.at(18_000.0), axis.at(1e9)), (100.0, 300.0, 500.0));
        let empty = Axis::linear(0.0, (0.0, 1.0));
        assert_eq!((empty.at(0.0), empty.ticks()), (0.0, vec![0.0]));
    }

    #[test]
    fn an_axis_from_below_zero_has_its_steps_at_round_values_too() {
        let axis = Axis::between(-6.5, 33.5, (0.0, 400.0));
        assert_eq!(axis.ticks(), [0.0, 10.0, 20.0, 30.0]);
        assert!((axis.at(0.0) - 65.0).abs() < 1e-9);
        assert_eq!(Axis::between(-4.0, 1.0, (0.0, 1.0)).ticks(), [-4.0, -2.0, 0.0]);
        assert_eq!(Axis::between(3.0, 3.0, (0.0, 1.0)).at(3.0), 0.0);
    }

    #[test]
    fn a_logarithmic_axis_leaves_room_at_its_ends() {
        let axis = Axis::logarithmic(10.0, 1_000.0, (0.0, 600.0), 100.0);
        assert!((axis.at(10.0) - 100.0).abs() < 1e-6);
        assert!((axis.at(100.0) - 300.0).abs() < 1e-6);
        assert!((axis.at(1_000.0) - 500.0).abs() < 1e-6);
        assert_eq!(axis.at(0.0), 0.0);
        assert!((axis.value(300.0) - 100.0).abs() < 1e-6);
        let ticks: Vec<i64> = axis.ticks().into_iter().map(|tick| tick.round() as i64).collect();
        assert_eq!(ticks, [10, 100, 1_000]);
    }

    #[test]
    fn a_very_long_axis_has_few_ticks() {
        let ticks = Axis::logarithmic(1e-3, 1e8, (0.0, 600.0), 100.0).ticks();
        assert!((5..=8).contains(&ticks.len()), "{ticks:?}");
    }

    #[test]
    fn a_single_value_still_has_ticks_around_it() {
        let ticks = Axis::logarithmic(50.0, 50.0, (0.0, 600.0), 100.0).ticks();
        assert!(ticks.len() >= 2, "{ticks:?}");
    }
}
