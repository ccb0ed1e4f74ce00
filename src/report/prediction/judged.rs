//! A figure as it was measured and as it was predicted, and what lies between the two: chance, what the model leaves out, or
//! more than both.

use super::{Figure, Predicted};
use crate::report::entry::Entry;

/// The model leaves out wake-ups, TCP and the scheduler: of any figure they may be so much.
pub(super) const LEFT_OUT_SHARE: f64 = 0.03;
/// Of a delay so many milliseconds more.
pub(super) const LEFT_OUT_MS: f64 = 1.0;
/// Of a share, 0 to 1, so much more.
const LEFT_OUT_POINTS: f64 = 0.01;

/// One judged figure of one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    pub(super) figure: Figure,
    /// What the run gave.
    pub(crate) measured: f64,
    /// What the model gives.
    pub(crate) predicted: f64,
    /// How far chance alone moves it; 0 where it has no say.
    chance: f64,
}

/// What explains the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Explained {
    /// There is none that could be read.
    NoDifference,
    ByChance,
    /// By what the model leaves out, together with chance.
    ByWhatIsLeftOut,
    /// By neither: an assumption of the model broke.
    ByNeither,
}

impl Judged {
    /// `None` where one of the two is not known, and of a longest delay: that is one delivery of all, which a single late wake-up moves.
    pub(super) fn of(figure: Figure, entry: &Entry, predicted: &Predicted) -> Option<Judged> {
        if figure == Figure::Longest {
            return None;
        }
        Some(Judged {
            figure,
            measured: figure.measured(entry)?,
            predicted: predicted.figure(figure)?,
            chance: predicted.chance_of(figure).unwrap_or(0.0),
        })
    }

    /// What is allowed beyond chance, in the figure's unit.
    pub(super) fn left_out(&self) -> f64 {
        let more = match self.figure {
            Figure::EmptyShare => LEFT_OUT_POINTS,
            delay if delay.is_delay() => LEFT_OUT_MS,
            _ => 0.0,
        };
        self.predicted * LEFT_OUT_SHARE + more
    }

    pub(crate) fn explained(&self) -> Explained {
        let apart = (self.measured - self.predicted).abs();
        if self.figure.write(self.measured) == self.figure.write(self.predicted) {
            Explained::NoDifference
        } else if apart <= self.chance {
            Explained::ByChance
        } else if apart <= self.chance + self.left_out() {
            Explained::ByWhatIsLeftOut
        } else {
            Explained::ByNeither
        }
    }

    /// Whether no more than chance and what the model leaves out lies between the two.
    pub(crate) fn agrees(&self) -> bool {
        self.explained() != Explained::ByNeither
    }

    /// How far the two are from one another: by their ratio, shares by what lies between them, as next to nothing has no ratio.
    pub(crate) fn off(&self) -> f64 {
        match self.figure {
            Figure::EmptyShare => (self.measured - self.predicted).abs(),
            _ => (self.measured / self.predicted).ln().abs(),
        }
    }

    /// `messages took 34.1 ms on average, not 28 ms`.
    pub(crate) fn clause(&self) -> String {
        let (measured, predicted) = (self.figure.write(self.measured), self.figure.write(self.predicted));
        match self.figure {
            Figure::Requests => format!("it sent {measured} requests, not {predicted}"),
            Figure::EmptyShare => format!("{measured} of its answers were empty, not {predicted}"),
            Figure::PerAnswer => format!("an answer that was not empty had {measured} messages, not {predicted}"),
            Figure::Mean => format!("messages took {measured} on average, not {predicted}"),
            Figure::Half => format!("half of the messages came within {measured}, not {predicted}"),
            Figure::Most => format!("99\u{a0}% of the messages came within {measured}, not {predicted}"),
            Figure::Longest => format!("the longest took {measured}, not {predicted}"),
            Figure::BytesOut => format!("a delivery took {measured} to the server, not {predicted}"),
            Figure::BytesIn => format!("a delivery took {measured} to the listener, not {predicted}"),
        }
    }
}

/// Those figures of one entry that can be judged.
pub(crate) fn judge(entry: &Entry, predicted: &Predicted) -> Vec<Judged> {
    let figures = Figure::ALL.into_iter().filter(|figure| figure.is_of(entry.transport()));
    figures
        .filter_map(|figure| Judged::of(figure, entry, predicted))
        .collect()
}
