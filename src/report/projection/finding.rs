//! What a projection comes to, in sentences that rank only what the run can tell apart.

use super::doubt::LITTLE_CPU_S;
use super::{Aim, Basis, mega};
use crate::model::projection::Projection;
use crate::protocol::Transport;
use crate::report::number::{bytes, count, figure, times, with_unit};
use crate::report::word::{list, name};

/// Processor time and memory vary by a fifth from run to run; bytes are counted.
const CLEARLY: f64 = 1.2;

/// One sentence each on traffic, processors and memory, as far as they are known.
pub(super) fn findings(bases: &[Basis], aim: &Aim) -> Vec<String> {
    let traffic = traffic(bases, aim) + ".";
    [Some(traffic), processors(bases), memory(bases)]
        .into_iter()
        .flatten()
        .collect()
}

/// What moves most, beside what moves least: also the chart's title.
pub(super) fn traffic(bases: &[Basis], aim: &Aim) -> String {
    let listeners = format!("{} listeners", count(aim.listeners));
    match ranked(bases, |p| p.bits_per_s.map(mega)).as_slice() {
        [] => format!("What {listeners} would move is not known"),
        [(only, mbit)] => format!("{listeners} would move {} by {}", megabits(*mbit), name(*only)),
        [(least, few), .., (most, many)] => {
            let most = format!("{listeners} would move {} by {}", megabits(*many), name(*most));
            match many / few {
                ratio if ratio.is_finite() && ratio > 1.05 => {
                    format!("{most}, {} times as much as by {}", times(ratio), name(*least))
                }
                _ => format!("{most}, {} by {}", megabits(*few), name(*least)),
            }
        }
    }
}

/// All of them, the busiest first; ranked only where the run used enough processor time to tell them apart.
fn processors(bases: &[Basis]) -> Option<String> {
    let mut ranked = ranked(bases, |p| p.cores);
    ranked.reverse();
    let (_, most) = *ranked.first()?;
    let (_, least) = *ranked.last()?;
    let each: Vec<String> = ranked
        .iter()
        .enumerate()
        .map(|(at, (transport, cores))| {
            let busy = if at == 0 { " processors busy" } else { "" };
            format!("{}{busy} by {}", figure(*cores), name(*transport))
        })
        .collect();
    let hedge = if ranked.len() > 1 && most < least * CLEARLY {
        ", with no difference that this run can show"
    } else if bases
        .iter()
        .any(|basis| basis.cpu_s.is_some_and(|cpu_s| cpu_s < LITTLE_CPU_S))
    {
        "; the run used so little processor time that these are rough"
    } else {
        ""
    };
    Some(format!("They would keep {}, on average{hedge}.", list(&each)))
}

fn memory(bases: &[Basis]) -> Option<String> {
    let ranked = ranked(bases, |p| p.memory_bytes);
    let [(least, few), .., (most, many)] = ranked.as_slice() else {
        let (only, all) = ranked.first()?;
        return Some(format!("By {} their server would fill {}.", name(*only), bytes(*all)));
    };
    Some(if many < &(few * CLEARLY) {
        let mut range = vec![bytes(*few), bytes(*many)];
        range.dedup();
        format!(
            "Their server would fill {} of memory, with no difference that this run can show.",
            range.join(" to ")
        )
    } else {
        format!(
            "Their server would fill {} of memory by {}, {} by {}.",
            bytes(*few),
            name(*least),
            bytes(*many),
            name(*most)
        )
    })
}

/// The transports that have the figure, from the least on.
fn ranked(bases: &[Basis], value: fn(&Projection) -> Option<f64>) -> Vec<(Transport, f64)> {
    let mut known: Vec<(Transport, f64)> = bases
        .iter()
        .filter_map(|basis| Some((basis.transport, value(&basis.scaled)?)))
        .collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    known
}

fn megabits(mbit: f64) -> String {
    with_unit(figure(mbit), "Mbit/s")
}
