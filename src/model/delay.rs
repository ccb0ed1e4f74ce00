/// How the delay of a message is distributed, in closed form.
///
/// Every transport's delay turns out to be a mixture of few simple parts: fixed values ("caught while held: s + d, always") and
/// even spreads ("somewhere in the gap: anything from s + d to s + d + G"). So the cumulative distribution is made of straight
/// lines and steps, and quantiles are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Delay {
    parts: Vec<Part>,
}

/// A share of all messages whose delay is spread evenly over a range; over a single value where both ends are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    share: f64,
    from_s: f64,
    to_s: f64,
}

/// Into how many slices a spread is cut where two of them are added; the mean stays exact, the shape is off by under 1 %.
const SLICES: u32 = 16;

/// Of so many parts at most is a delay that was followed message by message.
const MOST_PARTS: f64 = 250.0;

impl Delay {
    /// Always the same.
    pub fn fixed(at_s: f64) -> Self {
        Delay::even(at_s, at_s)
    }

    /// Spread evenly over a range.
    pub fn even(from_s: f64, to_s: f64) -> Self {
        Delay {
            parts: vec![Part {
                share: 1.0,
                from_s,
                to_s,
            }],
        }
    }

    /// Each of these as often as the others; `None` of none. Times that lie close together are taken for an even spread, so that
    /// it stays small however many there are.
    pub fn of(mut times_s: Vec<f64>) -> Option<Self> {
        times_s.sort_by(f64::total_cmp);
        let (first_s, last_s) = (*times_s.first()?, *times_s.last()?);
        let close_s = (last_s - first_s) / MOST_PARTS;
        let all = times_s.len() as f64;
        let mut parts = Vec::new();
        let mut rest = times_s.as_slice();
        while let [from_s, ..] = *rest {
            let within = |span_s: f64| rest.partition_point(|time_s| *time_s <= from_s + span_s);
            // Many that are the same are a step, and stay one; rounding is no difference.
            let same = within(1e-9);
            let is_step = same as f64 >= all / MOST_PARTS;
            let (together, others) = rest.split_at(if is_step { same } else { within(close_s + 1e-9) });
            parts.push(Part {
                share: together.len() as f64 / all,
                from_s,
                to_s: together[together.len() - 1],
            });
            rest = others;
        }
        Some(Delay { parts })
    }

    /// This one for all but `share` (0 to 1) of the messages, `other` for those.
    pub fn or(mut self, share: f64, other: Delay) -> Self {
        let scaled = |parts: Vec<Part>, by: f64| {
            parts.into_iter().map(move |part| Part {
                share: part.share * by,
                ..part
            })
        };
        self.parts = scaled(self.parts, 1.0 - share)
            .chain(scaled(other.parts, share))
            .filter(|part| part.share > 0.0)
            .collect();
        self
    }

    /// Longer by something independent that is spread evenly over a range.
    pub fn plus_even(&self, from_s: f64, to_s: f64) -> Self {
        let slice_s = (to_s - from_s) / f64::from(SLICES);
        let parts = self.parts.iter().flat_map(|part| {
            let fixed = part.from_s == part.to_s;
            let slices = if fixed || slice_s == 0.0 { 1 } else { SLICES };
            (0..slices).map(move |slice| {
                let middle_s = from_s + (f64::from(slice) + 0.5) * slice_s;
                let (more_from_s, more_to_s) = if fixed { (from_s, to_s) } else { (middle_s, middle_s) };
                Part {
                    share: part.share / f64::from(slices),
                    from_s: part.from_s + more_from_s,
                    to_s: part.to_s + more_to_s,
                }
            })
        });
        Delay { parts: parts.collect() }
    }

    /// The mean.
    pub fn mean_s(&self) -> f64 {
        self.parts
            .iter()
            .map(|part| part.share * (part.from_s + part.to_s) / 2.0)
            .sum()
    }

    /// The shortest possible.
    pub fn min_s(&self) -> f64 {
        self.parts.iter().map(|part| part.from_s).fold(f64::INFINITY, f64::min)
    }

    /// The longest possible.
    pub fn max_s(&self) -> f64 {
        self.parts.iter().map(|part| part.to_s).fold(0.0, f64::max)
    }

    /// The share of messages, 0 to 1, that take no longer than this.
    pub fn share_within(&self, time_s: f64) -> f64 {
        self.share(|part| part.from_s <= time_s, time_s)
    }

    /// The time that the share `q` (0 to 1) of all messages stays at or under; the shortest possible for 0.
    pub fn quantile_s(&self, q: f64) -> f64 {
        let (mut low_s, mut low_share) = (self.min_s(), 0.0);
        for corner_s in self.corners_s() {
            let (before, at) = (self.share_before(corner_s), self.share_within(corner_s));
            if q <= before && before > low_share {
                let way = ((q - low_share) / (before - low_share)).clamp(0.0, 1.0);
                return low_s + way * (corner_s - low_s);
            }
            if q <= at {
                return corner_s;
            }
            (low_s, low_share) = (corner_s, at);
        }
        self.max_s()
    }

    /// The corners of the cumulative distribution, (seconds, share of messages within them), rising: joined by straight
    /// lines they are the whole curve, steps included.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let mut points: Vec<_> = self
            .corners_s()
            .into_iter()
            .flat_map(|corner_s| {
                [
                    (corner_s, self.share_before(corner_s)),
                    (corner_s, self.share_within(corner_s)),
                ]
            })
            .collect();
        points.dedup();
        points
    }

    fn share_before(&self, time_s: f64) -> f64 {
        self.share(|part| part.from_s < time_s, time_s)
    }

    /// Of each part that has begun, what lies under `time_s`.
    fn share(&self, begun: impl Fn(&Part) -> bool, time_s: f64) -> f64 {
        let within = |part: &Part| match part.to_s <= time_s {
            true => part.share,
            false => part.share * (time_s - part.from_s) / (part.to_s - part.from_s),
        };
        let sum: f64 = self.parts.iter().filter(|part| begun(part)).map(within).sum();
        sum.min(1.0)
    }

    /// Where the cumulative distribution can bend or jump, rising.
    fn corners_s(&self) -> Vec<f64> {
        let mut corners: Vec<_> = self.parts.iter().flat_map(|part| [part.from_s, part.to_s]).collect();
        corners.sort_by(f64::total_cmp);
        corners.dedup();
        corners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixture_has_a_step_and_a_slope() {
        // Three in four take 1 s, the fourth anything from 1 s to 3 s.
        let delay = Delay::fixed(1.0).or(0.25, Delay::even(1.0, 3.0));
        assert_eq!(delay.mean_s(), 1.25);
        assert_eq!((delay.min_s(), delay.max_s()), (1.0, 3.0));
        assert_eq!(delay.quantile_s(0.0), 1.0);
        assert_eq!(delay.quantile_s(0.75), 1.0);
        assert_eq!(delay.quantile_s(0.875), 2.0);
        assert_eq!(delay.quantile_s(1.0), 3.0);
        assert_eq!(delay.share_within(0.99), 0.0);
        assert_eq!(delay.share_within(2.0), 0.875);
        assert_eq!(delay.curve(), [(1.0, 0.0), (1.0, 0.75), (3.0, 1.0)]);
    }

    #[test]
    fn many_times_become_few_parts() {
        let times_s: Vec<f64> = (0..10_000)
            .map(|n| if n < 9_000 { 1.0 } else { f64::from(n) / 9_000.0 })
            .collect();
        let mean_s = times_s.iter().sum::<f64>() / 10_000.0;
        let delay = Delay::of(times_s).unwrap();
        assert!(delay.parts.len() <= 260, "{}", delay.parts.len());
        assert!((delay.mean_s() - mean_s).abs() < 1e-4);
        assert_eq!(delay.quantile_s(0.5), 1.0);
        assert_eq!((delay.min_s(), delay.max_s()), (1.0, 9_999.0 / 9_000.0));
        assert_eq!(Delay::of(vec![]), None);
        assert_eq!(Delay::of(vec![0.5, 0.5]), Some(Delay::fixed(0.5)));
    }

    #[test]
    fn two_even_spreads_add_up_to_a_hump() {
        let delay = Delay::even(0.0, 1.0).plus_even(0.0, 1.0);
        assert!((delay.mean_s() - 1.0).abs() < 1e-12);
        assert!((delay.quantile_s(0.5) - 1.0).abs() < 1e-9);
        // Of the sum of two dice with endless faces, 1/8 is under 1/2.
        assert!((delay.share_within(0.5) - 0.125).abs() < 0.005);
    }

    #[test]
    fn something_spread_added_to_fixed_values_is_exact() {
        let delay = Delay::fixed(1.0).plus_even(0.0, 2.0);
        assert_eq!(delay, Delay::even(1.0, 3.0));
    }
}
