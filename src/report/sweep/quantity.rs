//! The figures that are drawn over a knob.

use super::field::{Field, Line, Spot};
use super::model::Modelled;
use super::price::Cpu;
use super::{finding, published, segments, tables};
use crate::model::Prediction;
use crate::protocol::Transport;
use crate::report::ReportError;
use crate::report::chart::Chart;
use crate::report::chart::curves::{Along, Curve, Curves, Panel, Spot as Drawn, Ticks, curves, number};
use crate::report::entry::Entry;
use crate::report::finding::restart::{MOMENT_S, peak};
use crate::report::number::{bytes, figure, milliseconds, percent};
use crate::report::prediction::{Figure, Inputs};
use crate::results::knob::Key;
use crate::results::metric::Metric;

/// More values than this are no marks of an axis.
const MOST_TICKS: usize = 12;

/// One figure over the knob.
pub(crate) struct Quantity {
    /// The name of its chart.
    pub(crate) name: &'static str,
    pub(crate) topic: &'static str,
    /// In a sentence: `its requests …`.
    pub(crate) word: &'static str,
    /// What the axis says.
    pub(crate) axis: &'static str,
    pub(crate) reading: &'static str,
    pub(crate) write: fn(f64) -> String,
    tick: fn(f64) -> String,
    /// Of which knobs it is drawn.
    of: fn(&Key) -> bool,
    pub(crate) measured: fn(&Entry) -> Option<f64>,
    predicted: fn(&Said) -> Option<f64>,
    /// What another model than that of the feed says of a spot.
    at_spot: fn(&Spot) -> Option<f64>,
}

/// Of the processor time, where a price is known and where none is.
const PRICED: &str = "What the server’s process used in the window, divided by the messages that were heard. The model knows how much work there is and not what it costs: \
                      it takes the price of a request or a delivery from the first point, and the line says what the others come to at that price. Along the \
                      listeners, a message has a price of its own too, and both ends of the line are what the prices are of.";
const UNPRICED: &str = "What the server’s process used in the window, divided by the messages that were heard. The model does not say what work costs a processor, so \
                        that nothing of it is drawn.";

/// What the model says of one place of the knob.
pub(crate) struct Said<'a> {
    prediction: &'a Prediction,
    inputs: &'a Inputs,
    /// What the publisher took before the server had a message.
    before_ms: f64,
    /// The price of its work; `None` where it is that place's own.
    cpu: Option<Cpu>,
}

/// All of them, in the order of the page.
pub(crate) static QUANTITIES: [Quantity; 16] = [
    Quantity {
        name: "storm-height",
        topic: "The height of the storm",
        word: "height of the storm",
        axis: "most connections within a tenth of a second, once the server was back",
        reading: "After a restart of the server, the most connections that were tried within a tenth of a second from the moment on at which it listened again.",
        write: figure,
        tick: number,
        of: any,
        measured: |entry| Some(entry.run.restart.as_ref()?.peak(MOMENT_S) as f64),
        predicted: |_| None,
        at_spot: |spot| {
            let Entry { run, .. } = &spot.entry;
            peak(
                run.restart.as_ref()?,
                run.transport,
                run.listeners,
                &spot.results.scenario,
            )
        },
    },
    Quantity {
        name: "storm-cpu",
        topic: "The server in the storm",
        word: "server’s busiest moment",
        axis: "the most that the server’s process took of a processor once it was back",
        reading: "The share of one processor in the busiest twentieth of a second after the server listened again; what its start cost is not in it. The model says nothing of it.",
        write: percent,
        tick: percent,
        of: any,
        measured: |entry| entry.run.restart.as_ref()?.busiest(),
        predicted: |_| None,
        at_spot: |_| None,
    },
    Quantity {
        name: "deaf",
        topic: "Until the last one hears again",
        word: "time until the last one hears",
        axis: "milliseconds from being cut off to the next message, for the last listener",
        reading: "How long the listener that was away for longest heard nothing. The half that came back first is in the table of the way back. The model says nothing of it.",
        write: milliseconds,
        tick: number,
        of: any,
        measured: |entry| entry.run.restart.as_ref()?.deaf.max_ms(),
        predicted: |_| None,
        at_spot: |_| None,
    },
    Quantity {
        name: "falls",
        topic: "Nothing to listen by",
        word: "time of a fall",
        axis: "milliseconds without anything to listen by, in half of the falls",
        reading: "From the end of one transport to the beginning of the next, for listeners that fell back. What was said meanwhile came after it. The model says nothing of it.",
        write: milliseconds,
        tick: number,
        of: any,
        measured: |entry| entry.run.ladder.as_ref()?.fall_times().quantile_ms(0.5),
        predicted: |_| None,
        at_spot: |_| None,
    },
    Quantity {
        name: "requests",
        topic: "Requests",
        word: "requests",
        axis: "requests of one listener a minute",
        reading: "How often one listener asks. A stream asks once, before anything is counted, so it stays at nothing unless it is cut off.",
        write: figure,
        tick: number,
        of: any,
        measured: |entry| entry.requests_per_s().map(|per_s| per_s * 60.0),
        predicted: |said| Some(said.prediction.requests_per_s * 60.0),
        at_spot: |_| None,
    },
    Quantity {
        name: "empty",
        topic: "Asked in vain",
        word: "share of empty answers",
        axis: "share of answers without a message",
        reading: "Of the answers to one kind of poll, how many had nothing to say.",
        write: percent,
        tick: percent,
        of: any,
        measured: Entry::empty_share,
        predicted: |said| asks(said.inputs.transport).then_some(said.prediction.empty_share),
        at_spot: |_| None,
    },
    Quantity {
        name: "mean-delay",
        topic: "Delay, mean",
        word: "mean delay",
        axis: "milliseconds from the intended instant to the listener, on the mean",
        reading: "How late messages came on average, counted from the instant at which they were meant to be sent.",
        write: milliseconds,
        tick: number,
        of: any,
        measured: |entry| entry.run.delay.mean_ms(),
        predicted: |said| Some(Figure::Mean.predicted(said.prediction, said.inputs)? + said.before_ms),
        at_spot: |_| None,
    },
    Quantity {
        name: "p99-delay",
        topic: "Delay, p99",
        word: "p99",
        axis: "milliseconds within which 99 of 100 deliveries came",
        reading: "How late the late ones came: 99 of 100 deliveries were quicker. Where a point has few messages, it is the fate of one of them.",
        write: milliseconds,
        tick: number,
        of: any,
        measured: |entry| entry.run.delay.quantile_ms(0.99),
        predicted: |said| Some(Figure::Most.predicted(said.prediction, said.inputs)? + said.before_ms),
        at_spot: |_| None,
    },
    Quantity {
        name: "bytes",
        topic: "Bytes",
        word: "bytes per delivery",
        axis: "bytes for one message heard by one listener, both directions",
        reading: "All that crossed the listeners’ sockets, empty answers too, divided by the messages that were heard.",
        write: bytes,
        tick: number,
        of: any,
        measured: Entry::bytes_both,
        predicted: |Said { prediction, inputs, .. }| {
            let out = if asks(inputs.transport) {
                Figure::BytesOut.predicted(prediction, inputs)?
            } else {
                0.0
            };
            Some(Figure::BytesIn.predicted(prediction, inputs)? + out)
        },
        at_spot: |_| None,
    },
    Quantity {
        name: "heads",
        topic: "Bytes around a message",
        word: "bytes around a message",
        axis: "bytes of heads and frames for one message heard, both directions",
        reading: "What crossed the listeners’ sockets and was no body: heads of requests and answers, and the headers of frames. A poll has heads whatever it brings; \
                  the header of a frame depends on its length alone.",
        write: bytes,
        tick: number,
        of: |key| key.name == "feed.text_bytes",
        measured: |entry| Metric::named("heads_per_delivery")?.of(&entry.run),
        predicted: |said| Figure::heads(said.prediction, said.inputs),
        at_spot: |_| None,
    },
    Quantity {
        name: "segments",
        topic: "Segments per delivery",
        word: "segments per delivery",
        axis: "TCP segments with anything in them that came to a listener, for one message heard",
        reading: "What came to the listeners’ sockets in one piece, on this machine’s loopback, divided by the messages that were heard. The model has a segment for \
                  each answer, frame and heartbeat, and more for one that is longer than a segment: what lies below it came together, and the work of sending was \
                  done once for several.",
        write: figure,
        tick: number,
        of: of_the_load,
        measured: |entry| {
            let carried = entry.all_segments()?.data_to_listener;
            (entry.run.counts.deliveries > 0).then(|| carried as f64 / entry.run.counts.deliveries as f64)
        },
        predicted: |said| segments::per_delivery(said.prediction, said.inputs),
        at_spot: |_| None,
    },
    Quantity {
        name: "cpu",
        topic: "Server processor time",
        word: "processor time per 1,000 deliveries",
        axis: "milliseconds of the server’s processor time for 1,000 deliveries",
        reading: PRICED,
        write: milliseconds,
        tick: number,
        of: any,
        measured: |entry| entry.run.cpu_ms_per_1000_deliveries(),
        predicted: |said| said.cpu?.per_1000_deliveries(said.prediction, said.inputs),
        at_spot: |_| None,
    },
    Quantity {
        name: "processor",
        topic: "How busy the server was",
        word: "share of a processor that the server used",
        axis: "the server’s processor time, as a share of one processor",
        reading: "All that the server’s process used in the window, whatever it was for. At 100 % one processor has no time for anything else. The model says nothing of it.",
        write: percent,
        tick: percent,
        of: of_the_server,
        measured: |entry| entry.run.server.cpu_s.map(|cpu_s| cpu_s / entry.run.window_s),
        predicted: |_| None,
        at_spot: |_| None,
    },
    Quantity {
        name: "wake-ups",
        topic: "Wake-ups of the server",
        word: "wake-ups a second",
        axis: "times a second that a thread of the server slept and was woken",
        reading: "A thread that has nothing to do sleeps, and the system wakes it when there is something: a voluntary context switch. Who never sleeps is never woken. The model says nothing of it.",
        write: figure,
        tick: number,
        of: of_the_server,
        measured: |entry| {
            entry
                .run
                .server
                .voluntary_switches
                .map(|times| times as f64 / entry.run.window_s)
        },
        predicted: |_| None,
        at_spot: |_| None,
    },
    Quantity {
        name: "threads",
        topic: "Threads of the server",
        word: "threads",
        axis: "threads of the server’s process at the end of the window",
        reading: "Each has a stack of its own, and a place in the system’s tables. The model says nothing of it.",
        write: figure,
        tick: number,
        of: of_the_server,
        measured: |entry| entry.run.server.threads.map(|threads| threads as f64),
        predicted: |_| None,
        at_spot: |_| None,
    },
    Quantity {
        name: "memory",
        topic: "Server memory",
        word: "server’s memory",
        axis: "resident memory of the server’s process at the end of the window",
        reading: "All of the process, the program itself included; what the kernel keeps for each socket is not in it. The model says nothing of it.",
        write: bytes,
        tick: bytes,
        of: any,
        measured: |entry| entry.run.server.rss_after_bytes.map(|bytes| bytes as f64),
        predicted: |_| None,
        at_spot: |_| None,
    },
];

fn any(_: &Key) -> bool {
    true
}

/// What a server’s process does beside serving is of interest where its own knobs are turned.
fn of_the_server(key: &Key) -> bool {
    key.name.starts_with("server.")
}

/// How messages come together is of interest where there are more of them, longer ones, or more who hear them.
fn of_the_load(key: &Key) -> bool {
    key.name == "listeners" || key.name.starts_with("feed.")
}

pub(super) fn asks(transport: Transport) -> bool {
    matches!(transport, Transport::Poll | Transport::LongPoll)
}

impl Quantity {
    /// What the model says of the very schedule of this spot, or of its rate where nobody can follow the schedule.
    pub(crate) fn predicted_at(&self, spot: &Spot) -> Option<f64> {
        let of_feed = || {
            let predicted = spot.predicted.as_ref()?;
            (self.predicted)(&Said {
                prediction: predicted.nearest()?,
                inputs: &predicted.inputs,
                before_ms: spot.before_ms(),
                cpu: spot.cpu.filter(|_| !spot.is_priced),
            })
        };
        (self.at_spot)(spot).or_else(of_feed)
    }

    /// The same of an average feed, between the spots.
    fn predicted_between(&self, place: &Modelled) -> Option<f64> {
        (self.predicted)(&Said {
            prediction: &place.prediction,
            inputs: &place.inputs,
            before_ms: place.before_ms,
            cpu: place.cpu,
        })
    }

    /// Whether it belongs to the knob, and anything was measured of it.
    pub(crate) fn is_told(&self, field: &Field) -> bool {
        (self.of)(field.key)
            && field
                .lines()
                .any(|(_, line)| line.spots.iter().any(|spot| (self.measured)(&spot.entry).is_some()))
    }
}

/// A chart for each figure that was measured.
pub(super) fn charts(field: &Field) -> Result<Vec<Chart>, ReportError> {
    let told = QUANTITIES.iter().filter(|quantity| quantity.is_told(field));
    told.map(|quantity| chart(field, quantity)).collect()
}

fn chart(field: &Field, quantity: &'static Quantity) -> Result<Chart, ReportError> {
    let panels = field.panels.iter().map(|panel| Panel {
        title: panel.label.clone(),
        curves: panel
            .lines
            .iter()
            .filter_map(|line| curve(field, line, quantity))
            .collect(),
        marks: published::marks(field, panel, quantity.name),
        levels: [
            field.levels_of(quantity.name),
            published::levels(field, panel, quantity.name),
        ]
        .concat(),
    });
    let panels: Vec<Panel> = panels.collect();
    curves(Curves {
        name: quantity.name,
        topic: quantity.topic,
        reading: match quantity.reading {
            PRICED if !has_line(&panels) => UNPRICED,
            reading => reading,
        },
        title: finding::title(field, quantity),
        what: format!("Curves over {}: {}", field.key.name, quantity.axis),
        print: print(field),
        table: tables::of(field, quantity),
        across: across(field),
        up: Along {
            title: quantity.axis.to_owned(),
            ticks: if quantity.name == "empty" {
                Ticks::Share(quantity.tick)
            } else {
                Ticks::Round(quantity.tick)
            },
        },
        panels,
    })
}

fn has_line(panels: &[Panel]) -> bool {
    let mut curves = panels.iter().flat_map(|panel| &panel.curves);
    curves.any(|curve| !curve.model.is_empty())
}

/// The knob as an axis.
pub(super) fn across(field: &Field) -> Along {
    let ticks = if field.is_ordered() && field.along().len() > MOST_TICKS {
        // Loads that a search came by are no numbers that anybody chose.
        Ticks::Round(number)
    } else if field.is_ordered() {
        Ticks::Given(field.along())
    } else {
        Ticks::Words(field.along().into_iter().map(|(_, value)| value).collect())
    };
    Along {
        title: format!("{}: {}", field.key.name, field.key.help),
        ticks,
    }
}

fn curve(field: &Field, line: &Line, quantity: &Quantity) -> Option<Curve> {
    let spots = line.spots.iter().filter_map(|spot| {
        let value = (quantity.measured)(&spot.entry)?;
        Some(Drawn {
            at: (spot.x, value),
            schedule: quantity.predicted_at(spot).map(|value| (spot.x, value)),
            is_unclear: spot.is_unclear(),
            // Words have no curve between them to read along, so the value itself is written.
            label: if field.is_ordered() {
                String::new()
            } else {
                (quantity.write)(value)
            },
        })
    });
    let spots: Vec<Drawn> = spots.collect();
    let model = line.model.iter().filter_map(|one| {
        let value = quantity.predicted_between(one)?;
        Some((one.x, value)).filter(|_| value.is_finite())
    });
    (!spots.is_empty()).then(|| Curve {
        transport: line.transport,
        spots,
        model: model.collect(),
        is_joined: field.is_ordered(),
    })
}

/// The small print of every chart.
pub(super) fn print(field: &Field) -> String {
    let sweep = field.sweep;
    let unclear = if field.lines().any(|(_, line)| line.spots.iter().any(Spot::is_unclear)) {
        " Open marks: the run was unclear there."
    } else {
        ""
    };
    format!(
        "{} of {} points measured.{unclear} {}, sweep {}",
        field.measured.len(),
        sweep.points.len(),
        sweep.lab(),
        sweep.name
    )
}
