//! The third mark: what others have published about such a curve, where this sweep repeats it.

use super::field::{Field, Panel, Spot};
use super::finding::crossing_at;
use crate::model::crossover::{Crossover, with_short_poll};
use crate::model::published::{Published, find};
use crate::model::{Exchange, LongPoll, ShortPoll};
use crate::protocol::Transport;
use crate::report::chart::curves::Published as Mark;
use crate::report::number::{NONE, bytes, count, figure, milliseconds, percent, times, with_unit};
use crate::report::prediction::Figure;
use crate::report::table::{Group, Row, Table};
use crate::results::Arrivals;
use crate::results::metric::Metric;

/// Long polling is behind where its mean delay is so many transits: one before the step, two behind it.
const BEHIND: f64 = 1.5;

/// What stands in one row: what it is about, published, predicted, measured.
type Claim = (String, String, String, String);

/// What is drawn into the chart of this name: places of the knob, and lines over it, each with the words beside it.
pub(super) fn marks(field: &Field, panel: &Panel, chart: &str) -> Vec<Mark> {
    let places: Vec<(Option<f64>, &str)> = match chart {
        "requests" => vec![(busy_feed(field, panel), "Lubbers and Greco: a message an interval")],
        "mean-delay" | "p99-delay" => vec![(step(field, panel), "Pimentel and Nickerson: half an interval of way")],
        "empty" => vec![(publish_interval(field, panel), "Bozdag et al.: the publish interval")],
        "cpu" => vec![
            (publish_interval(field, panel), "Bozdag et al.: the publish interval"),
            (cheaper_interval(field, panel), "Van de Vyvere et al.: break-even"),
        ],
        "memory" => return memory_lines(field, panel),
        _ => Vec::new(),
    };
    // One that lies beyond the points has no place on their axis.
    let along = field.along();
    let least = along.iter().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
    let most = along.iter().map(|(x, _)| *x).fold(0.0, f64::max);
    let within = places.into_iter().filter_map(|(at, text)| Some((at?, text.to_owned())));
    within
        .filter(|(at, _)| (least..=most).contains(at))
        .map(|(at, text)| Mark::At(at, text))
        .collect()
}

/// Heights to mark on the chart of this name, each with the words beside it.
pub(super) fn levels(field: &Field, panel: &Panel, chart: &str) -> Vec<(f64, String)> {
    if chart != "heads" || !is_a_message_a_poll(field, panel) {
        return Vec::new();
    }
    let source = find("lubbers-greco-traffic");
    let value = |what| source.and_then(|source| source.value(what));
    let poll = value("header bytes a poll").map(|bytes| (bytes, format!("Lubbers and Greco: {bytes} B a poll")));
    let frame = value("frame bytes a message").map(|bytes| (bytes, format!("Lubbers and Greco: {bytes} B a frame")));
    poll.into_iter().chain(frame).collect()
}

/// Along the length of a message, where short polling asks once a message on average: then a poll's heads are a message's.
fn is_a_message_a_poll(field: &Field, panel: &Panel) -> bool {
    let asks_once = any(panel).is_some_and(|spot| {
        let scenario = &spot.results.scenario;
        (scenario.rate_per_s * scenario.poll_interval.as_secs_f64() - 1.0).abs() < 1e-9
    });
    field.key.name == "feed.text_bytes" && asks_once && panel.of(Transport::Poll).is_some()
}

/// The published figures that this sweep repeats, by source; `None` when it repeats none.
pub(super) fn table(field: &Field) -> Option<Table> {
    let mut groups = Vec::new();
    for panel in &field.panels {
        let all: [(&str, Vec<Claim>); 6] = [
            ("lubbers-greco-busy-feed", meeting(field, panel).into_iter().collect()),
            (
                "pimentel-nickerson-sensor",
                falling_behind(field, panel).into_iter().collect(),
            ),
            ("bozdag-push-pull", push_and_pull(field, panel)),
            (
                "van-de-vyvere-live-data",
                cheaper_polling(field, panel).into_iter().collect(),
            ),
            (
                "lubbers-greco-latency",
                header_traffic(field, panel).into_iter().collect(),
            ),
            ("centrifugo-idle", idle_memory(field, panel).into_iter().collect()),
        ];
        groups.extend(
            all.into_iter()
                .filter_map(|(key, claims)| group(find(key)?, panel, claims)),
        );
    }
    (!groups.is_empty()).then(|| Table {
        name: "published",
        caption: "Published figures that this sweep repeats".to_owned(),
        corner: String::new(),
        columns: ["published", "predicted", "measured"].map(str::to_owned).into(),
        groups,
        numeric: true,
    })
}

fn group(source: &Published, panel: &Panel, claims: Vec<Claim>) -> Option<Group> {
    let year = source.source.year.map(|year| format!(", {year}")).unwrap_or_default();
    let with = if panel.label.is_empty() {
        String::new()
    } else {
        format!(" ({})", panel.label)
    };
    let rows = claims
        .into_iter()
        .map(|(what, published, predicted, measured)| Row::new(what, vec![published, predicted, measured]));
    let rows: Vec<Row> = rows.collect();
    (!rows.is_empty()).then(|| Group {
        title: format!("{}: {}{year}{with}", source.source.authors, source.source.title),
        rows,
    })
}

/// Any spot of a panel: what the knob leaves alone is the same at all of them.
fn any<'a>(panel: &'a Panel) -> Option<&'a Spot<'a>> {
    panel.lines.first()?.spots.first()
}

fn has_both_polls(panel: &Panel) -> bool {
    panel.of(Transport::Poll).is_some() && panel.of(Transport::LongPoll).is_some()
}

/// λ = 1/T, along the rate.
fn busy_feed(field: &Field, panel: &Panel) -> Option<f64> {
    let fits = field.key.name == "feed.rate" && has_both_polls(panel);
    let interval_s = any(panel)?.results.scenario.poll_interval.as_secs_f64();
    fits.then(|| 1.0 / interval_s)
}

/// d = I/2, along the round trip: where it is as long as the interval between two messages that come at equal distances.
fn step(field: &Field, panel: &Panel) -> Option<f64> {
    let scenario = &any(panel)?.results.scenario;
    let fits = field.key.name == "link.rtt" && scenario.arrivals == Arrivals::Constant;
    (fits && panel.of(Transport::LongPoll).is_some()).then(|| 1.0 / scenario.rate_per_s)
}

/// T = I, along the interval of short polling.
fn publish_interval(field: &Field, panel: &Panel) -> Option<f64> {
    let scenario = &any(panel)?.results.scenario;
    let fits = field.key.name == "poll.interval" && scenario.arrivals == Arrivals::Constant;
    (fits && panel.of(Transport::Poll).is_some()).then(|| 1.0 / scenario.rate_per_s)
}

fn meeting(field: &Field, panel: &Panel) -> Option<Claim> {
    let published = busy_feed(field, panel)?;
    let spot = panel.of(Transport::LongPoll)?.spots.first()?;
    let inputs = &spot.predicted.as_ref()?.inputs;
    let long_poll = LongPoll {
        hold_s: inputs.hold_s,
        exchange: inputs.exchange(),
        arrivals: inputs.arrivals,
    };
    let poll = &panel.of(Transport::Poll)?.spots.first()?.predicted.as_ref()?.inputs;
    let short_poll = ShortPoll {
        interval_s: poll.interval_s,
        timer: poll.timer,
        exchange: Exchange {
            one_way_s: poll.one_way_s,
            service_s: poll.service_s,
            client_s: 0.0,
            connection: poll.connection,
        },
        arrivals: poll.arrivals,
    };
    let rate = |per_s: f64| with_unit(figure(per_s), "/s");
    let predicted = match with_short_poll(short_poll.cycle_s(), &long_poll) {
        Crossover::At(per_s) => rate(per_s),
        Crossover::Always => "at any rate".to_owned(),
        Crossover::Never => "at none".to_owned(),
    };
    Some((
        "rate from which long polling sends more requests than short polling".to_owned(),
        format!("a busy feed, read as {}", rate(published)),
        predicted,
        crossing_at(panel).map_or("beyond these points".to_owned(), rate),
    ))
}

fn falling_behind(field: &Field, panel: &Panel) -> Option<Claim> {
    let published = step(field, panel)?;
    let transits = |spot: &Spot| {
        let transit_ms = spot.results.scenario.one_way().as_secs_f64() * 1e3;
        let mean_ms = spot.entry.run.server_delay.mean_ms()?;
        (transit_ms > 0.0).then(|| mean_ms / transit_ms)
    };
    let line = panel.of(Transport::LongPoll)?;
    let spots: Vec<(f64, f64)> = line
        .clear()
        .filter_map(|spot| Some((spot.x, transits(spot)?)))
        .collect();
    let ms = |s: f64| milliseconds(s * 1e3);
    let measured = spots
        .windows(2)
        .find(|pair| pair[0].1 < BEHIND && pair[1].1 >= BEHIND)
        .map_or("beyond these points".to_owned(), |pair| {
            format!("between {} and {}", ms(pair[0].0), ms(pair[1].0))
        });
    // The gap of long polling is the round trip and the server's time.
    let service_s = line.spots.first()?.predicted.as_ref()?.inputs.service_s;
    Some((
        "round trip at which long polling steps from one transit to two".to_owned(),
        ms(published),
        ms((published - service_s).max(0.0)),
        measured,
    ))
}

fn push_and_pull(field: &Field, panel: &Panel) -> Vec<Claim> {
    let (Some(publish_s), Some(line)) = (publish_interval(field, panel), panel.of(Transport::Poll)) else {
        return Vec::new();
    };
    let wasted = line.clear().next().map(|spot| {
        let predicted = (1.0 - spot.x / publish_s).max(0.0);
        (
            format!("polls in vain, asking every {}", spot.value),
            "1 − T/I".to_owned(),
            percent(predicted),
            spot.entry.empty_share().map_or(NONE.to_owned(), percent),
        )
    });
    let push = panel.of(Transport::Websocket).or_else(|| panel.of(Transport::Events));
    let ratios = push.map(|push| {
        let ratio = |spot: &Spot| {
            let other = push.clear().find(|other| other.value == spot.value)?;
            let ratio = other.entry.run.server.cpu_s? / spot.entry.run.server.cpu_s?;
            ratio.is_finite().then_some(ratio)
        };
        let ratios: Vec<f64> = line.clear().filter_map(ratio).collect();
        let range = match (ratios.first(), ratios.last()) {
            (Some(first), Some(last)) => format!("{} to {}", times(*first), times(*last)),
            _ => NONE.to_owned(),
        };
        (
            "server’s processor time, push over pull, from the shortest interval to the longest".to_owned(),
            "7".to_owned(),
            NONE.to_owned(),
            range,
        )
    });
    wasted.into_iter().chain(ratios).collect()
}

/// From how many messages an interval on a poll costs the server less than the deliveries that it replaces: 10 s of a message
/// every 5 s are 2.
fn cheaper_polling(field: &Field, panel: &Panel) -> Option<Claim> {
    if field.key.name != "poll.interval" {
        return None;
    }
    let cost = |transport, per_request: bool| {
        let (mut cpu_s, mut pieces) = (0.0, 0);
        for spot in panel.of(transport)?.clear() {
            let counts = &spot.entry.run.counts;
            cpu_s += spot.entry.run.server.cpu_s?;
            pieces += if per_request {
                counts.requests
            } else {
                counts.deliveries
            };
        }
        (pieces > 0 && cpu_s > 0.0).then(|| cpu_s / pieces as f64)
    };
    let poll_s = cost(Transport::Poll, true)?;
    let push_s = cost(Transport::Events, false).or_else(|| cost(Transport::Websocket, false))?;
    let published = cheaper_messages()?;
    Some((
        "messages an interval from which polling costs the server less than pushing".to_owned(),
        times(published),
        NONE.to_owned(),
        times(poll_s / push_s),
    ))
}

/// The interval that this comes to at the rate of this feed.
fn cheaper_interval(field: &Field, panel: &Panel) -> Option<f64> {
    let has_push = panel.of(Transport::Events).or(panel.of(Transport::Websocket)).is_some();
    if field.key.name != "poll.interval" || panel.of(Transport::Poll).is_none() || !has_push {
        return None;
    }
    Some(cheaper_messages()? / any(panel)?.results.scenario.rate_per_s)
}

/// 10 s of a message every 5 s.
fn cheaper_messages() -> Option<f64> {
    let source = find("van-de-vyvere-live-data")?;
    Some(source.value("delay from which polling carries more")? / source.value("message interval")?)
}

/// What idle WebSockets cost elsewhere, from the first measured point on.
fn memory_lines(field: &Field, panel: &Panel) -> Vec<Mark> {
    const STEPS: i32 = 24;
    let line = panel.of(Transport::Websocket).filter(|_| field.key.name == "listeners");
    let Some(spots) = line.map(|line| line.clear().collect::<Vec<_>>()) else {
        return Vec::new();
    };
    let (Some(first), Some(last)) = (spots.first(), spots.last()) else {
        return Vec::new();
    };
    let Some(bytes) = first.entry.run.server.rss_after_bytes else {
        return Vec::new();
    };
    let slope = |what: &str, words: &str| {
        let each = find("centrifugo-idle")?.value(what)? * 1e3;
        let place = |step| {
            let x = first.x + (last.x - first.x) * f64::from(step) / f64::from(STEPS);
            (x, bytes as f64 + each * (x - first.x))
        };
        Some(Mark::Along((0..=STEPS).map(place).collect(), words.to_owned()))
    };
    let lines = [
        slope("200,000 idle, each", "upper dashes: Centrifugo, 27 kB a WebSocket"),
        slope("200,000 idle, tuned, each", "lower dashes: the same, tuned, 10.9 kB"),
    ];
    lines.into_iter().flatten().filter(|_| last.x > first.x).collect()
}

/// Heads of polling over those of frames, for the shortest messages: the larger length of a longer frame is in nobody's example.
fn header_traffic(field: &Field, panel: &Panel) -> Option<Claim> {
    if !is_a_message_a_poll(field, panel) {
        return None;
    }
    let source = find("lubbers-greco-latency")?;
    let (least, most) = (
        source.value("header traffic, at least")?,
        source.value("header traffic, at most")?,
    );
    let measured = |transport| {
        let spot = panel.of(transport)?.clear().next()?;
        Metric::named("heads_per_delivery")?.of(&spot.entry.run)
    };
    let modelled = |transport| {
        let predicted = panel.of(transport)?.clear().next()?.predicted.as_ref()?;
        Figure::heads(predicted.nearest()?, &predicted.inputs)
    };
    let ratio = |of: &dyn Fn(Transport) -> Option<f64>| {
        let ratio = of(Transport::Poll)? / of(Transport::Websocket)?;
        ratio.is_finite().then(|| with_unit(times(ratio), ": 1"))
    };
    Some((
        "header traffic of polling over that of WebSocket, a short message a poll".to_owned(),
        format!("{least} to {} : 1", count(most as u64)),
        ratio(&modelled).unwrap_or_else(|| NONE.to_owned()),
        ratio(&measured).unwrap_or_else(|| NONE.to_owned()),
    ))
}

/// The slope of resident memory over listeners.
fn idle_memory(field: &Field, panel: &Panel) -> Option<Claim> {
    if field.key.name != "listeners" {
        return None;
    }
    let line = panel.of(Transport::Websocket)?;
    let places = line
        .clear()
        .filter_map(|spot| Some((spot.x, spot.entry.run.server.rss_settled_bytes? as f64)));
    let slope = slope(&places.collect::<Vec<_>>())?;
    let source = find("centrifugo-idle")?;
    let plain = source.value("200,000 idle, each")?;
    let tuned = source.value("200,000 idle, tuned, each")?;
    Some((
        "memory of the server for one more idle WebSocket".to_owned(),
        format!("{}, tuned {}", bytes(plain * 1e3), bytes(tuned * 1e3)),
        NONE.to_owned(),
        bytes(slope.max(0.0)),
    ))
}

/// Of the straight line that comes nearest to all places.
fn slope(places: &[(f64, f64)]) -> Option<f64> {
    let n = places.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| places.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|place| place.0), mean(|place| place.1));
    let across: f64 = places.iter().map(|place| (place.0 - x).powi(2)).sum();
    let both: f64 = places.iter().map(|place| (place.0 - x) * (place.1 - y)).sum();
    (places.len() > 1 && across > 0.0).then(|| both / across)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line() {
        assert_eq!(slope(&[(1.0, 5.0)]), None);
        assert_eq!(slope(&[(1.0, 5.0), (3.0, 9.0), (5.0, 13.0)]), Some(2.0));
    }
}
