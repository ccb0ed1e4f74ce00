//! One run, two stories: the delays from the intended instant, and as a tool measures them that waits with the server.

use super::Sheet;
use super::canvas::{Canvas, DrawingError, Drawn, drawn};
use super::frame::{BODY, Frame, SMALL, WIDTH, width};
use super::palette::{colour, mark};
use super::quantile::{HEIGHT, LEFT, axes, grid, measured};
use crate::report::beside::Beside;
use crate::report::entry::Entry;
use crate::report::number::{milliseconds, times};
use crate::report::table::{Group, Row, Table};
use crate::results::Distribution;

/// What the chart shows; nothing of a run that measured rightly only.
pub(super) fn sheet(beside: &Beside, print: String) -> Option<Sheet> {
    let told: Vec<(&Entry, &Distribution)> = beside.of_side(0).filter_map(naive).collect();
    let (worst, story) = told.iter().max_by(|a, b| apart(a).total_cmp(&apart(b)))?;
    let right = worst.run.delay.quantile_ms(0.99)?;
    let wrong = story.quantile_ms(0.99)?;
    let title = format!(
        "A tool that waits reports a p99 of {} for {}; it was {}, {} times as much",
        milliseconds(wrong),
        worst.transport().title(),
        milliseconds(right),
        times(right / wrong)
    );
    Some(Sheet {
        name: "stories",
        topic: "One run, two stories",
        reading: "Solid: from the instant that the plan meant. Dashed: the same deliveries, as a tool measures them whose publisher waits \
                  for each answer before it sends the next message. While the server stands still it sends nothing, so of all that would \
                  have been late it sees one: coordinated omission.",
        drawn: draw(&told, &title, print),
        title,
        what: "Curves of the delay over the share of deliveries that were quicker, two for each transport, both axes logarithmic".into(),
        table: table(&told),
    })
}

fn naive(entry: &Entry) -> Option<(&Entry, &Distribution)> {
    let story = entry.run.naive_delay.as_ref()?;
    (!story.is_empty()).then_some((entry, story))
}

/// How many times the one p99 is the other.
fn apart((entry, story): &(&Entry, &Distribution)) -> f64 {
    let p99 = |delay: &Distribution| delay.quantile_ms(0.99).unwrap_or(1.0).max(f64::MIN_POSITIVE);
    p99(&entry.run.delay) / p99(story)
}

fn draw(told: &[(&Entry, &Distribution)], title: &str, print: String) -> Result<String, DrawingError> {
    let frame = Frame::new(title, print);
    let top = frame.top() + 50.0;
    let bottom = top + HEIGHT;
    let end = bottom + 44.0;
    drawn((WIDTH, frame.height(end)), |canvas| {
        frame.draw(canvas, end)?;
        legend(canvas, told, frame.top() + 4.0)?;
        let delays: Vec<&Distribution> = told
            .iter()
            .flat_map(|(entry, story)| [&entry.run.delay, *story])
            .collect();
        let (odds, times) = axes(&delays, (bottom, top));
        grid(canvas, &odds, &times, (top, bottom))?;
        for (entry, story) in told {
            let colour = colour(entry.transport());
            canvas.path(&measured(&entry.run.delay, &odds, &times), colour, 2.2)?;
            canvas.dashed(&measured(story, &odds, &times), 6.0, colour, 1.6)?;
        }
        Ok(())
    })
}

fn legend(canvas: &Canvas, told: &[(&Entry, &Distribution)], y: f64) -> Drawn {
    let mut x = LEFT + 5.0;
    for (entry, _) in told {
        let transport = entry.transport();
        canvas.mark(mark(transport), (x, y), 4.5, colour(transport), false)?;
        canvas.text(transport.title(), (x + 10.0, y), BODY)?;
        x += 10.0 + width(transport.title(), BODY.size) + 12.0;
    }
    let text = "delay (solid: from the intended instant; dashed: as a tool measures that waits)";
    canvas.text(text, (LEFT, y + 24.0), SMALL)
}

fn table(told: &[(&Entry, &Distribution)]) -> Table {
    const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
    let row = |head: &str, delay: &Distribution| {
        let quantiles = QUANTILES.iter().map(|q| delay.quantile_ms(*q));
        let cells = quantiles
            .chain([delay.max_ms()])
            .map(|ms| ms.map_or("–".to_owned(), milliseconds));
        Row::new(head, cells.collect())
    };
    let groups = told.iter().map(|(entry, story)| Group {
        title: entry.transport().title().to_owned(),
        rows: vec![
            row("from the intended instant", &entry.run.delay),
            row("as a tool measures that waits", story),
        ],
    });
    Table {
        name: "stories",
        caption: "The same deliveries, measured rightly and wrongly".to_owned(),
        corner: "Delay".to_owned(),
        columns: ["p50", "p90", "p99", "p99.9", "max"].map(str::to_owned).to_vec(),
        groups: groups.collect(),
        numeric: true,
    }
}
