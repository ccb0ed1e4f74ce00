//! Measured beside predicted, and what the prediction was made of.

use super::{Figure, Inputs, Predicted};
use crate::model::Prediction;
use crate::report::beside::Beside;
use crate::report::cell::{NOT_AVAILABLE, since_accepted_is_told};
use crate::report::entry::Entry;
use crate::report::number::{NONE, count, figure, milliseconds, with_unit};
use crate::report::table::{Group, Row, Table};

/// Every figure of the first run that the model has a word on.
pub(crate) fn prediction_table(beside: &Beside) -> Table {
    let columns = [
        "measured",
        "this very schedule",
        "difference",
        "chance",
        "a feed of this rate",
        "difference",
        "chance",
    ];
    let groups = beside.predicted(0).map(|(entry, predicted)| Group {
        title: entry.transport().title().to_owned(),
        rows: Figure::ALL
            .into_iter()
            .filter(|figure| figure.is_of(entry.transport()))
            .map(|figure| Row::new(figure.title(), cells(figure, entry, predicted)))
            .collect(),
    });
    Table {
        name: "prediction",
        caption: "Measured beside predicted: delays since the server accepted a message, bytes per delivery; chance is what it alone makes \
                  of a difference 19 times in 20"
            .into(),
        corner: String::new(),
        columns: columns.map(str::to_owned).into(),
        groups: groups.collect(),
        numeric: true,
    }
}

fn cells(figure: Figure, entry: &Entry, predicted: &Predicted) -> Vec<String> {
    let measured = figure.measured(entry);
    let against = |prediction: Option<&Prediction>, chance: Option<f64>| {
        let value = prediction.and_then(|prediction| figure.predicted(prediction, &predicted.inputs));
        let written = value.map_or(NONE.to_owned(), |value| figure.write(value));
        [
            written,
            difference(figure, measured, value),
            chance_of(figure, chance, value),
        ]
    };
    let is_told = !figure.is_delay() || since_accepted_is_told(entry);
    let none = if is_told { NONE } else { NOT_AVAILABLE };
    let mut cells = vec![measured.map_or(none.to_owned(), |value| figure.write(value))];
    cells.extend(against(
        predicted.schedule.as_ref(),
        predicted.chance.of_this_schedule(figure),
    ));
    cells.extend(against(
        predicted.feed.as_ref(),
        predicted.chance.of_any_schedule(figure),
    ));
    cells
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

fn chance_of(of: Figure, chance: Option<f64>, predicted: Option<f64>) -> String {
    let (Some(chance), Some(predicted)) = (chance, predicted) else {
        return NONE.to_owned();
    };
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
