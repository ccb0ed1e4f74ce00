//! Measured beside predicted, and what the prediction was made of.

use super::judged::{Explained, Judged};
use super::{Figure, Inputs, Predicted};
use crate::model::Prediction;
use crate::report::beside::Beside;
use crate::report::cell::{NOT_AVAILABLE, since_accepted_is_told};
use crate::report::entry::Entry;
use crate::report::number::{NONE, count, figure, milliseconds, with_unit};
use crate::report::table::{Group, Row, Table};

/// What is said of a difference that may have any reason.
const NOT_JUDGED: &str = "not judged";

/// Every figure of the first run that the model has a word on.
pub(crate) fn prediction_table(beside: &Beside) -> Table {
    let columns = [
        "measured",
        "this very schedule",
        "difference",
        "chance",
        "left out",
        "explained by",
        "a feed of this rate",
    ];
    let is_clear = beside.first().unclear.is_empty();
    let groups = beside.predicted(0).map(|(entry, predicted)| Group {
        title: entry.transport().title().to_owned(),
        rows: Figure::ALL
            .into_iter()
            .filter(|figure| figure.is_of(entry.transport()))
            .map(|figure| Row::new(figure.title(), cells(figure, entry, predicted, is_clear)))
            .collect(),
    });
    Table {
        name: "prediction",
        caption: "Measured beside predicted: delays since the server accepted a message, bytes per delivery. The difference is that from this \
                  very schedule; where nobody can follow one, from what feeds of its rate have on average. Chance is what it alone makes of it 19 \
                  times in 20. Left out of the model are wake-ups, TCP and the scheduler, which differ from run to run: they \
                  may add 3\u{a0}%, and 1\u{a0}ms to a delay or 1 point to a share. The longest delay is one delivery of all, which a single late \
                  wake-up moves, so it is not judged"
            .into(),
        corner: String::new(),
        columns: columns.map(str::to_owned).into(),
        groups: groups.collect(),
        numeric: true,
    }
}

fn cells(figure: Figure, entry: &Entry, predicted: &Predicted, is_clear: bool) -> Vec<String> {
    let measured = figure.measured(entry);
    let of = |prediction: Option<&Prediction>| figure.predicted(prediction?, &predicted.inputs);
    let (schedule, feed) = (of(predicted.schedule.as_ref()), of(predicted.feed.as_ref()));
    let nearest = of(predicted.nearest());
    let write = |value: Option<f64>| value.map_or(NONE.to_owned(), |value| figure.write(value));
    let is_told = !figure.is_delay() || since_accepted_is_told(entry);
    let judged = Judged::of(figure, entry, predicted);
    vec![
        match is_told {
            true => write(measured),
            false => NOT_AVAILABLE.to_owned(),
        },
        write(schedule),
        difference(figure, measured, nearest),
        chance_of(figure, predicted.chance_of(figure), nearest),
        judged.map_or(NONE.to_owned(), |one| either_way(figure, one.left_out(), one.predicted)),
        match judged {
            Some(one) if is_clear => explained(one.explained()).to_owned(),
            None if figure != Figure::Longest => NONE.to_owned(),
            _ => NOT_JUDGED.to_owned(),
        },
        write(feed),
    ]
}

/// How much more was measured, in per cent of what was predicted: `+2.1 %`. Shares differ by points.
fn difference(of: Figure, measured: Option<f64>, predicted: Option<f64>) -> String {
    match (measured, predicted) {
        (Some(measured), Some(predicted)) if of == Figure::EmptyShare => {
            sign(measured - predicted).to_owned() + &points((measured - predicted).abs())
        }
        (Some(measured), Some(predicted)) if predicted > 0.0 => signed_percent(measured / predicted - 1.0),
        (Some(0.0), Some(0.0)) => with_unit("0".into(), "%"),
        _ => NONE.to_owned(),
    }
}

/// What lies between measured and predicted.
fn explained(by: Explained) -> &'static str {
    match by {
        Explained::NoDifference => NONE,
        Explained::ByChance => "chance",
        Explained::ByWhatIsLeftOut => "left out",
        Explained::ByNeither => "neither",
    }
}

fn chance_of(of: Figure, chance: Option<f64>, predicted: Option<f64>) -> String {
    match (chance, predicted) {
        (Some(chance), Some(predicted)) => either_way(of, chance, predicted),
        _ => NONE.to_owned(),
    }
}

/// `± 2.1 %` of what was predicted; of a share, points.
fn either_way(of: Figure, chance: f64, predicted: f64) -> String {
    let least = |share: f64| if share < 0.001 { "<\u{a0}" } else { "" };
    match chance {
        0.0 => "none".to_owned(),
        _ if of == Figure::EmptyShare => format!(
            "±\u{a0}{}{}",
            least(chance),
            points(chance.max(0.001)).trim_start_matches('+')
        ),
        _ if predicted > 0.0 => {
            let share = chance / predicted;
            format!("±\u{a0}{}{}", least(share), tenths(share.max(0.001)))
        }
        _ => NONE.to_owned(),
    }
}

/// A difference of two shares, in points of a hundred.
pub(super) fn points(difference: f64) -> String {
    match difference {
        difference if difference < 0.0005 => with_unit("0".into(), "points"),
        difference => with_unit(format!("{:.1}", difference * 100.0), "points"),
    }
}

fn signed_percent(share: f64) -> String {
    sign(share).to_owned() + &tenths(share.abs())
}

/// None for what is written as 0.
fn sign(difference: f64) -> &'static str {
    match difference {
        difference if difference.abs() < 0.0005 => "",
        difference if difference < 0.0 => "−",
        _ => "+",
    }
}

/// A share in per cent: tenths under ten, whole ones from there on.
pub(super) fn tenths(share: f64) -> String {
    let percent = share * 100.0;
    let text = match percent {
        p if p < 0.05 => "0".to_owned(),
        p if p < 9.95 => format!("{p:.1}"),
        p => figure(p.round()),
    };
    with_unit(text, "%")
}

/// What the model was told about each transport.
pub(crate) fn inputs_table(beside: &Beside) -> Table {
    let inputs: Vec<(&Entry, &Inputs)> = beside.predicted(0).map(|(entry, one)| (entry, &one.inputs)).collect();
    let row = |head: &str, cell: &dyn Fn(&Entry, &Inputs) -> String| {
        Row::new(head, inputs.iter().map(|(entry, inputs)| cell(entry, inputs)).collect())
    };
    let service = |entry: &Entry, inputs: &Inputs, asks: bool| match inputs.service_is_known {
        _ if entry.asks() != asks => NONE.to_owned(),
        true => milliseconds(inputs.service_s * 1e3),
        false => format!("{NOT_AVAILABLE}, taken as 0"),
    };
    let rows = vec![
        row("λ, messages a second, as achieved", &|_, one| {
            figure(one.arrivals.rate_per_s())
        }),
        row("d, one way of the link", &|_, one| milliseconds(one.one_way_s * 1e3)),
        row("s, server CPU for a request", &|entry, one| service(entry, one, true)),
        row("sw, server CPU for a delivery", &|entry, one| {
            service(entry, one, false)
        }),
        row("N, listeners", &|_, one| count(one.listeners as u64)),
        row("W, the server’s processors", &|_, one| count(one.workers as u64)),
        row("work of a message, N·s/W", &|_, one| match one.service_is_known {
            true => milliseconds(one.listeners * one.service_s / one.workers * 1e3),
            false => NOT_AVAILABLE.to_owned(),
        }),
        row(
            "G, the gap from an answer to the next request",
            &|entry, one| match entry.transport() {
                crate::protocol::Transport::LongPoll => milliseconds(one.exchange().gap_s() * 1e3),
                _ => NONE.to_owned(),
            },
        ),
        row("a message by itself", &|_, one| {
            one.message_bytes.map_or(NONE.to_owned(), crate::report::number::bytes)
        }),
    ];
    Table {
        name: "inputs",
        caption: "What the model was told: knobs, and figures of this run".into(),
        corner: String::new(),
        columns: inputs
            .iter()
            .map(|(entry, _)| entry.transport().title().to_owned())
            .collect(),
        groups: vec![Group {
            title: String::new(),
            rows,
        }],
        numeric: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_and_no_more_digits_than_they_are_worth() {
        let seen = [0.0213, -0.5, 0.0, 0.12, -0.0001].map(|share| signed_percent(share).replace('\u{a0}', " "));
        assert_eq!(seen, ["+2.1 %", "−50 %", "0 %", "+12 %", "0 %"]);
        assert_eq!(difference(Figure::Mean, Some(1.0), Some(0.0)), NONE);
        let share = difference(Figure::EmptyShare, Some(0.37), Some(0.368));
        assert_eq!(share.replace('\u{a0}', " "), "+0.2 points");
        assert_eq!(difference(Figure::Mean, None, Some(1.0)), NONE);
    }
}
