//! How many points agree with the model, which is furthest off, and what speaks against the model there.

use super::field::{Field, Panel, Spot};
use super::through;
use crate::protocol::Transport;
use crate::report::number::{count, counted};
use crate::report::prediction::{Explained, Predicted, Reason, judge, reasons};
use crate::report::word::{list, name};

/// What is counted over all points.
#[derive(Default)]
struct Tally {
    all: u64,
    agree: u64,
    /// Of those that agree, what lies beyond chance.
    left_out: u64,
    /// How far the furthest is off, and where.
    worst: Option<(f64, String)>,
    /// At how many places what speaks against the model.
    against: Vec<(&'static str, u64)>,
    /// At how many places something is off and nothing tells why.
    untold: u64,
}

/// In a sentence or two; `None` where the model has no word on any point.
pub(super) fn agreement(field: &Field) -> Option<String> {
    if through::is_about(field) {
        return Some(
            "The model has nobody in between: what it says of these points is what there would be without, and is not judged."
                .to_owned(),
        )
        .filter(|_| places(field).next().is_some());
    }
    let mut tally = Tally::default();
    for (panel, transport, spot, predicted) in places(field) {
        tally.add(panel, transport, spot, predicted);
    }
    (tally.all > 0).then(|| tally.told())
}

/// What was measured clearly and is predicted.
fn places<'a>(field: &'a Field) -> impl Iterator<Item = (&'a Panel<'a>, Transport, &'a Spot<'a>, &'a Predicted)> {
    field.lines().flat_map(|(panel, line)| {
        line.clear().filter_map(move |spot| {
            let predicted = spot.predicted.as_ref().filter(|one| one.inputs.messages() > 0.0)?;
            Some((panel, line.transport, spot, predicted))
        })
    })
}

impl Tally {
    fn add(&mut self, panel: &Panel, transport: Transport, spot: &Spot, predicted: &Predicted) {
        let judged = judge(&spot.entry, predicted);
        self.all += judged.len() as u64;
        for one in &judged {
            if one.agrees() {
                self.agree += 1;
                self.left_out += u64::from(one.explained() == Explained::ByWhatIsLeftOut);
                continue;
            }
            let off = one.off();
            if self.worst.as_ref().is_none_or(|(other, _)| off > *other) {
                let with = match panel.label.as_str() {
                    "" => String::new(),
                    label => format!(", {label}"),
                };
                let at = format!("{} at {}{with}: {}", name(transport), spot.value, one.clause());
                self.worst = Some((off, at));
            }
        }
        if judged.iter().all(|one| one.agrees()) {
            return;
        }
        let reasons = reasons(&spot.entry, predicted, &judged);
        self.untold += u64::from(reasons.is_empty());
        for Reason { short, .. } in reasons {
            match self.against.iter_mut().find(|(other, _)| *other == short) {
                Some((_, places)) => *places += 1,
                None => self.against.push((short, 1)),
            }
        }
    }

    fn told(mut self) -> String {
        let figures = counted(
            self.all,
            "figure (counts, delays, bytes)",
            "figures (counts, delays, bytes)",
        );
        let left_out = match self.left_out {
            0 => String::new(),
            of => format!(
                ", {} of these with what it leaves out (wake-ups, TCP, the scheduler: 3\u{a0}%, and 1\u{a0}ms of a delay)",
                count(of)
            ),
        };
        let Some((_, worst)) = self.worst else {
            return format!("All {figures} of all points are as the model has them{left_out}.");
        };
        // The most frequent first.
        self.against.sort_by_key(|(_, places)| std::cmp::Reverse(*places));
        let mut against: Vec<String> = self
            .against
            .iter()
            .map(|(short, places)| format!("{short} (at {})", counted(*places, "place", "places")))
            .collect();
        if self.untold > 0 {
            let places = counted(self.untold, "place", "places");
            against.push(format!("at {places} nothing that its figures tell"));
        }
        format!(
            "Of {figures} of all points {} are as the model has them{left_out}; furthest off was {worst}. What speaks against the model: {}. \
             The report of a point (talkplace report FOLDER) says more.",
            count(self.agree),
            list(&against)
        )
    }
}
