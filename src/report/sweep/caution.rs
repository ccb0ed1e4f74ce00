//! Reasons to doubt a sweep: what is missing of it, what changed meanwhile, and the cautions of its points, each told once.

use super::field::Field;
use crate::report::caution::of_all;
use crate::report::number::counted;
use crate::report::word::list;
use crate::results::Caution;

/// All of them.
pub(super) fn cautions(field: &Field) -> Vec<Caution> {
    let own = [missing(field), elsewhere(field)].into_iter().flatten();
    own.chain(of_points(field)).collect()
}

fn missing(field: &Field) -> Option<Caution> {
    let missing = field.sweep.points.len() - field.measured.len();
    (missing > 0).then(|| Caution {
        what: format!(
            "The sweep is not complete: {} of {} missing.",
            missing,
            counted(field.sweep.points.len() as u64, "point is", "points are")
        ),
        try_this: "Go on where it was, with talkplace sweep --resume and its folder.".to_owned(),
    })
}

/// Points of different machines or versions are no curve.
fn elsewhere(field: &Field) -> Option<Caution> {
    let (_, first) = field.measured.first()?;
    let differs = field
        .measured
        .iter()
        .any(|(_, results)| results.host != first.host || results.talkplace != first.talkplace);
    differs.then(|| Caution {
        what: "Not all points were measured on the same machine, by the same version of talkplace.".to_owned(),
        try_this: "Measure all of it again in one go.".to_owned(),
    })
}

/// What several points have in common is told once, with their names.
fn of_points(field: &Field) -> Vec<Caution> {
    let mut told: Vec<(Caution, Vec<String>)> = Vec::new();
    for (point, results) in &field.measured {
        let label = match point.values.as_slice() {
            [first, others @ ..] if !others.is_empty() => format!("{first} ({})", others.join(", ")),
            values => values.join(", "),
        };
        for caution in of_all(std::slice::from_ref(*results)) {
            match told.iter_mut().find(|(other, _)| *other == caution) {
                // A search may have been at one load several times.
                Some((_, labels)) if labels.contains(&label) => {}
                Some((_, labels)) => labels.push(label.clone()),
                None => told.push((caution, vec![label.clone()])),
            }
        }
    }
    let everywhere = field.measured.len();
    told.into_iter()
        .map(|(caution, labels)| {
            if labels.len() == everywhere {
                return caution;
            }
            Caution {
                what: format!("At {}: {}", list(&labels), caution.what),
                try_this: caution.try_this,
            }
        })
        .collect()
}
