//! What every figure of a projection rests on, in sentences that name the measured figures.

use super::basis::turned;
use super::tables::microseconds;
use super::{Aim, Assumption, Basis, Rate};
use crate::model::bytes::SEGMENT_HEADER_BYTES;
use crate::model::published::find;
use crate::protocol::Transport;
use crate::report::number::{bytes, count, figure, with_unit};
use crate::report::word::{list, name, sentence};
use crate::results::Results;

/// One entry a figure, in the order of the table.
pub(super) fn assumptions(results: &Results, bases: &[Basis], aim: &Aim) -> Vec<Assumption> {
    let figures = [
        ("Deliveries", Some(deliveries(results, aim))),
        ("Requests", requests(bases)),
        ("Mbit/s", Some(bits())),
        ("Processors", processors(results, bases)),
        ("A message", burst(bases)),
        ("Memory", memory(bases, aim)),
        ("Connections", Some(connections())),
    ];
    figures
        .into_iter()
        .filter_map(|(figure, rests_on)| {
            Some(Assumption {
                figure,
                rests_on: rests_on?,
            })
        })
        .collect()
}

fn deliveries(results: &Results, aim: &Aim) -> String {
    let rate_per_s = turned(&results.scenario, aim).rate_per_s;
    format!(
        "Every listener hears every message: {} a second in the feed make {} deliveries a second.",
        figure(rate_per_s),
        figure(rate_per_s * aim.listeners as f64)
    )
}

fn requests(bases: &[Basis]) -> Option<String> {
    let each = |basis: &Basis| {
        let name = name(basis.transport);
        let per_s = basis.rate.per_s()?;
        let requests = if figure(per_s) == "1" { "request" } else { "requests" };
        Some(match basis.rate {
            Rate::Measured(0.0) => format!("{name} none after the one that opens its stream"),
            Rate::Measured(_) => format!("{name} {} {requests} a second, as counted", figure(per_s)),
            _ => format!(
                "{name} {} {requests} a second, by the model at these knobs",
                figure(per_s)
            ),
        })
    };
    let each: Vec<String> = bases.iter().filter_map(each).collect();
    (!each.is_empty()).then(|| format!("Of one listener: {}.", each.join("; ")))
}

fn bits() -> String {
    format!(
        "Decimal megabits of both directions. Heads stay as long per request, bodies and frames per delivery, as in the run; a browser’s heads are \
         longer. TCP/IP adds {} to every segment, and a request, an answer, a push and its receipt are one segment each at least; \
         TLS comes on top.",
        bytes(SEGMENT_HEADER_BYTES)
    )
}

fn processors(results: &Results, bases: &[Basis]) -> Option<String> {
    let each = bases.iter().filter_map(|basis| {
        let (what, cpu_s) = unit_cpu(basis)?;
        Some(format!("{} {} a {what}", name(basis.transport), microseconds(cpu_s)))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        return None;
    }
    let like = match &results.host.processor {
        Some(processor) => format!("processors like that of the run ({processor})"),
        None => "processors like those of the run".to_owned(),
    };
    let idle = bases.iter().filter_map(|basis| {
        let cpu_s = basis.costs.idle_cpu?;
        Some(format!("{} {}", name(basis.transport), microseconds(cpu_s)))
    });
    let idle = match idle.collect::<Vec<_>>().as_slice() {
        [] => "The cost of an idle listener is not measured in this run, and taken as none.".to_owned(),
        each => format!(
            "Beside that each listener costs what an idle one did a second: {}.",
            each.join(", ")
        ),
    };
    Some(format!(
        "{}, as measured at {} listeners, on {like}, what publishing took included; \
         full and empty answers are taken to be mixed as in the run. It is the work alone: a server past its knee needs more, and one that is to \
         answer soon needs processors to spare. {idle}",
        sentence(&each.join(", ")),
        count(bases.iter().map(|basis| basis.listeners).max()?.into()),
    ))
}

/// What the server's processor time was spent on, and how much of it on one.
fn unit_cpu(basis: &Basis) -> Option<(&'static str, f64)> {
    let (what, cpu_s) = match basis.transport {
        Transport::Poll | Transport::LongPoll => ("request", basis.costs.request_cpu_s),
        Transport::Events | Transport::Websocket => ("delivery", basis.costs.delivery_cpu_s),
    };
    Some((what, cpu_s.filter(|cpu_s| *cpu_s > 0.0)?))
}

/// Averages hide that all listeners who are pushed to, or held, are served at the same moment.
fn burst(bases: &[Basis]) -> Option<String> {
    let bursts = bases.iter().filter_map(|basis| {
        let cpu_s = basis.scaled.burst_cpu_s.filter(|cpu_s| *cpu_s > 0.0)?;
        Some(format!(
            "{} for {}",
            with_unit(figure(cpu_s), "s"),
            name(basis.transport)
        ))
    });
    let bursts: Vec<String> = bursts.collect();
    let timer = bases.iter().any(|basis| basis.transport == Transport::Poll);
    let timer = if timer {
        " Short polling is spread out by its timers."
    } else {
        ""
    };
    (!bursts.is_empty()).then(|| {
        format!(
            "It is due to all listeners at once and sets off {} of processor time: whoever wants it delivered within a second needs as \
             many processors, whatever the average is.{timer}",
            list(&bursts)
        )
    })
}

fn memory(bases: &[Basis], aim: &Aim) -> Option<String> {
    let each = bases.iter().filter_map(|basis| {
        let grown = basis.costs.listener_memory_bytes?;
        Some(format!("{} {}", name(basis.transport), bytes(grown)))
    });
    let each: Vec<String> = each.collect();
    let kernel = find("centrifugo-idle").and_then(|published| {
        let each = published.value("kernel memory, each")?;
        Some(format!(
            " The kernel’s own memory for the sockets comes on top: {} each by {} ({}) would be {}.",
            with_unit(figure(each), "kB"),
            published.source.authors,
            published.source.year?,
            bytes(each * 1e3 * aim.listeners as f64)
        ))
    });
    (!each.is_empty()).then(|| {
        format!(
            "What the server’s resident memory grew by for each listener of the run: {}.{}",
            list(&each),
            kernel.unwrap_or_default()
        )
    })
}

fn connections() -> String {
    "One for each listener, kept from request to request as in the run, and each an open file of the server. A poll whose connection \
     is closed in between pays a round trip to open the next."
        .to_owned()
}
