//! Runs that never took place, with the figures that theory gives for them: 300 listeners, one message a second, 50 ms
//! each way, polls every second, holds of 25 s.

use std::time::Duration;

use crate::model::Plan;
use crate::protocol::Transport;
use crate::results::{
    Answers, Arrivals, Connections, Counts, Dialect, Distribution, Failures, Foreign, Health, Host, Ladder, Ledger,
    Memory, MemorySample, Parts, PollPhase, PollTimer, Publishing, Restart, Results, Rung, SCHEMA, Scenario, Segments,
    ServerCost, Share, Timeline, TransportRun, Walk, Why,
};

const LISTENERS: u64 = 300;
const MESSAGES: u64 = 120;
const WINDOW_S: u64 = 120;
/// Of the messages' instants: with this one they are as far apart as their rate promises.
const SEED: u64 = 33;
const DELIVERIES: u64 = LISTENERS * MESSAGES;

/// A run of the first lab with short polling, long polling and WebSocket.
pub(crate) fn three_ways() -> Results {
    Results {
        schema: SCHEMA,
        talkplace: "0.1.0".into(),
        run: "2026-11-22T17-05-33".into(),
        started_at: "2026-11-22T17:05:33Z".into(),
        scenario: scenario(),
        host: host(),
        complete: true,
        quick: false,
        foreign: None,
        runs: vec![poll(), long_poll(), websocket()],
        checks: Vec::new(),
        guesses: Vec::new(),
        unclear: Vec::new(),
        cautions: Vec::new(),
    }
}

/// A server that somebody else has started, heard over WebSocket, that tells nothing of itself.
pub(crate) fn foreign() -> Results {
    let mut run = three_ways();
    run.runs = vec![TransportRun {
        server: ServerCost::default(),
        server_delay: Distribution::new(),
        memory: None,
        segments: None,
        ..websocket()
    }];
    run.scenario.transports = vec![Transport::Websocket];
    run.foreign = Some(Foreign {
        name: "my server".into(),
        url: "ws://localhost:3000/chat".into(),
        dialect: Dialect::WsBroadcast,
        process: false,
    });
    run
}

/// The same with a hold of 2 s on a quiet feed, and beside it an earlier one with 25 s.
pub(crate) fn two_timeouts() -> [Results; 2] {
    let earlier = three_ways();
    let mut run = three_ways();
    run.run = "2026-11-22T17-12-10".into();
    run.scenario.long_poll_timeout = Duration::from_secs(2);
    let long = &mut run.runs[1];
    long.counts.requests += 9_000;
    long.counts.answers.empty += 9_000;
    long.bytes_out.heads += 9_000 * 180;
    long.bytes_in.heads += 9_000 * 90;
    long.server.cpu_s = Some(4.6);
    [run, earlier]
}

/// All four transports.
pub(crate) fn four_ways() -> Results {
    let mut results = three_ways();
    results.scenario.transports = Transport::ALL.into();
    results.runs.insert(2, events());
    results
}

fn scenario() -> Scenario {
    Scenario {
        lab: "three-ways".into(),
        title: "Three ways to hear one chat".into(),
        question: "What does it cost to hear a message, and how late does it come?".into(),
        transports: vec![Transport::Poll, Transport::LongPoll, Transport::Websocket],
        listeners: LISTENERS as u32,
        seed: 42,
        duration: Duration::from_secs(WINDOW_S),
        warm_up: Duration::from_secs(5),
        drain: Duration::from_secs(3),
        rate_per_s: 1.0,
        arrivals: Arrivals::Poisson,
        text_bytes: 64,
        rtt: Duration::from_millis(100),
        poll_interval: Duration::from_secs(1),
        poll_timer: PollTimer::Fixed,
        poll_phase: PollPhase::Random,
        http_keep_alive: true,
        long_poll_timeout: Duration::from_secs(25),
        server_workers: 1,
        server_keep_messages: 10_000,
        ..Scenario::default()
    }
}

fn host() -> Host {
    Host {
        system: "linux 6.1.0".into(),
        arch: "x86_64".into(),
        processor: Some("Intel(R) Xeon(R) CPU @ 2.60GHz".into()),
        cores: 2,
        memory_bytes: Some(8_000_000_000),
    }
}

/// Uniform from 50.2 to 1,050.2 ms; 36.8 % of the answers are empty.
fn poll() -> TransportRun {
    let requests = LISTENERS * WINDOW_S;
    let empty = requests * 368 / 1000;
    let full = requests - empty;
    let mut run = run(Transport::Poll, spread(50.2, 1_050.2));
    run.counts.requests = requests;
    run.counts.answers = answers(full, empty);
    run.bytes_out.heads = requests * 180;
    run.bytes_in.heads = full * 145 + empty * 90;
    run.bytes_in.empty_heads = empty * 90;
    run.bytes_in.bodies = full * 35 + DELIVERIES * 151;
    run.server.cpu_s = Some(5.4);
    run
}

/// Caught at once, or, one in ten, within a gap of 100 ms.
fn long_poll() -> TransportRun {
    let requests = DELIVERIES * 995 / 1000;
    let mut delay = Distribution::new();
    (0..9).for_each(|_| delay.merge(&spread(50.2, 51.4)));
    delay.merge(&spread(50.2, 150.4));
    let mut run = run(Transport::LongPoll, delay);
    run.counts.requests = requests;
    run.counts.answers = answers(requests, 12);
    run.bytes_out.heads = requests * 180;
    run.bytes_in.heads = requests * 145;
    run.bytes_in.bodies = requests * 35 + DELIVERIES * 151;
    run.server.cpu_s = Some(3.1);
    run
}

fn events() -> TransportRun {
    let mut run = run(Transport::Events, spread(50.1, 51.6));
    run.counts.frames = DELIVERIES;
    run.bytes_in.bodies = DELIVERIES * 170;
    run.bytes_in.frames = DELIVERIES * 6;
    run.server.cpu_s = Some(0.83);
    run
}

fn websocket() -> TransportRun {
    let mut run = run(Transport::Websocket, spread(50.1, 51.2));
    run.counts.frames = DELIVERIES;
    run.bytes_out.frames = 4 * LISTENERS * 6;
    run.bytes_in.bodies = DELIVERIES * 151;
    run.bytes_in.frames = DELIVERIES * 4 + 4 * LISTENERS * 2;
    run.server.cpu_s = Some(0.71);
    run
}

fn run(transport: Transport, delay: Distribution) -> TransportRun {
    TransportRun {
        transport,
        round: 1,
        listeners: LISTENERS as u32,
        window_s: WINDOW_S as f64,
        between: None,
        publishing: publishing(),
        counts: Counts {
            connections: Connections {
                opened: 0,
                opened_before: LISTENERS,
            },
            deliveries: DELIVERIES,
            ..Counts::default()
        },
        bytes_out: Parts::default(),
        bytes_in: Parts::default(),
        ledger: Ledger {
            expected: 126 * LISTENERS,
            heard: 126 * LISTENERS,
            ..Ledger::default()
        },
        server_delay: delay.clone(),
        delay,
        naive_delay: None,
        server: ServerCost {
            idle_cpu_per_s: Some(0.0009),
            voluntary_switches: Some(24_000),
            involuntary_switches: Some(310),
            rss_before_bytes: Some(6_200_000),
            rss_settled_bytes: Some(8_400_000),
            rss_after_bytes: Some(9_100_000),
            rss_peak_bytes: Some(9_300_000),
            threads: Some(3),
            connections: Some(LISTENERS + 5),
            open_fds: Some(LISTENERS + 14),
            socket_buffer_bytes: Some(0),
            ..ServerCost::default()
        },
        generator: Some(health()),
        segments: Some(Segments {
            connections: LISTENERS,
            to_server: DELIVERIES,
            to_listener: DELIVERIES,
            data_to_listener: DELIVERIES,
            header_bytes: 2 * DELIVERIES * 52,
            ..Segments::default()
        }),
        little: None,
        timeline: timeline(transport),
        memory: Some(memory(transport)),
        restart: None,
        ladder: None,
        failures: Failures::default(),
        trace: None,
    }
}

/// Six messages in the warm-up and 120 in the window, at random.
fn timeline(transport: Transport) -> Timeline {
    let as_many: Vec<f64> = (0..6 + MESSAGES as u32).map(|n| f64::from(n.min(6))).collect();
    let plan = Plan {
        messages_s: &as_many,
        from_s: 5.0,
        to_s: 125.0,
    };
    let messages_s = plan.redrawn(SEED);
    let within = |from_s: f64| {
        messages_s
            .iter()
            .filter(|at_s| (from_s..from_s + 1.0).contains(*at_s))
            .count() as u64
    };
    let deliveries: Vec<u64> = (0..125).map(|second| LISTENERS * within(f64::from(second))).collect();
    let (requests, empty) = match transport {
        Transport::Poll => (vec![LISTENERS; 125], vec![LISTENERS * 368 / 1000; 125]),
        Transport::LongPoll => (deliveries.clone(), vec![0; 125]),
        _ => (vec![0; 125], vec![0; 125]),
    };
    Timeline {
        step_s: 1.0,
        warm_up_steps: 5,
        requests,
        empty,
        deliveries,
        messages_s,
    }
}

/// Two seconds without a server, and 300 listeners that wait a second, then two, with so much of it left to chance.
pub(crate) fn restart(jitter: f64) -> Restart {
    let mut deaf = Distribution::new();
    let (mut tried, mut refused, mut back) = (vec![0; 600], vec![0; 600], vec![0; 600]);
    for listener in 0..LISTENERS as usize {
        let share = |prime: usize| (listener * prime % 307) as f64 / 307.0;
        let first = (1.0 - jitter * share(101)) * 100.0;
        let second = first + (1.0 - jitter * share(59)) * 200.0;
        tried[first as usize] += 1;
        refused[first as usize] += 1;
        tried[second as usize] += 1;
        // Whoever comes too early has one more in front of it.
        let last = if second < 210.0 {
            refused[second as usize] += 1;
            tried[(second + 230.0) as usize] += 1;
            second + 230.0
        } else {
            second
        };
        back[(last + 10.0) as usize] += 1;
        deaf.record(Duration::from_millis((last * 10.0) as u64 + 100));
    }
    Restart {
        told_s: 60.0,
        ended_s: 60.1,
        started_s: 62.1,
        listening_s: 62.11,
        cut: LISTENERS,
        away: deaf.clone(),
        deaf,
        late: spread(0.05, 0.9),
        step_s: 0.01,
        tried,
        refused,
        back,
        cpu_step_s: 0.05,
        cpu_s: (0..200)
            .map(|step| if step < 42 { 0.0 } else { 0.05 / f64::from(step - 40) })
            .collect(),
    }
}

/// The three ways with a restart in the middle.
pub(crate) fn restarted(jitter: f64) -> Results {
    let mut results = three_ways();
    results.scenario.restart.away = Duration::from_secs(2);
    results.scenario.reconnect.wait = Duration::from_secs(1);
    results.scenario.reconnect.jitter = Share(jitter);
    for run in &mut results.runs {
        run.restart = Some(restart(jitter));
        run.publishing.retried = 41;
    }
    results
}

/// 300 listeners by WebSocket that find it taken away after 60 s, fall to events, look up once in vain and then climb; one of them finds
/// a cut where the others find this, and one never comes to listen again.
pub(crate) fn ladder(why: Why, took_s: f64) -> Ladder {
    let rung = |transport, at_s: f64, took_s: f64, failed| Rung {
        transport,
        at_s,
        took_s,
        is_climb: false,
        failed,
        left_s: None,
        ended: None,
    };
    let walk = |listener: u64| {
        let spread_s = listener as f64 / 1000.0;
        let mut first = rung(Transport::Websocket, -1.0, 0.1, None);
        (first.left_s, first.ended) = (Some(60.0), Some(Why::Cut));
        let found = if listener == 7 { Why::Cut } else { why };
        let fell = rung(Transport::Websocket, 60.0 + spread_s, took_s, Some(found));
        let mut events = rung(Transport::Events, fell.at_s + took_s, 0.1, None);
        if listener == 8 {
            events.failed = Some(Why::Silent);
            return Walk {
                rungs: vec![first, fell, events],
            };
        }
        let mut look = rung(Transport::Websocket, events.at_s + 10.0, took_s, Some(why));
        let mut climb = rung(Transport::Websocket, 90.0 + 20.0 * spread_s, 0.1, None);
        (look.is_climb, climb.is_climb) = (true, true);
        events.left_s = Some(climb.at_s + 0.1);
        Walk {
            rungs: vec![first, fell, events, look, climb],
        }
    };
    Ladder {
        walks: (0..LISTENERS).map(walk).collect(),
        overlap: 31,
    }
}

/// A run of WebSocket alone whose listeners fall back.
pub(crate) fn fallen(why: Why, took_s: f64) -> Results {
    let mut results = three_ways();
    results.scenario.transports = vec![Transport::Websocket];
    results.scenario.network.blocks = vec![Transport::Websocket];
    results.scenario.network.blocks_after = Duration::from_secs(60);
    results.scenario.network.free_after = Duration::from_secs(88);
    results.scenario.ladder.falls_back = true;
    results.runs.drain(..2);
    results.runs[0].ladder = Some(ladder(why, took_s));
    results
}

/// A server that grows while its listeners come, and a little more with the first messages.
fn memory(transport: Transport) -> Memory {
    const GROWN: f64 = 2_900_000.0;
    let settled = match transport {
        Transport::Poll => 0.55,
        Transport::LongPoll => 0.76,
        Transport::Events => 0.65,
        Transport::Websocket => 0.9,
    };
    let sample = |half: i32| {
        let at_s = f64::from(half) / 2.0;
        let share: f64 = if at_s < 0.0 {
            settled * (at_s + 2.0) / 2.0
        } else {
            settled + at_s / 20.0
        };
        MemorySample {
            at_s,
            rss_bytes: 6_200_000 + (share.min(1.0) * GROWN) as u64,
            socket_buffer_bytes: Some(if half % 16 == 3 { 92_160 } else { 0 }),
        }
    };
    Memory {
        listeners_in_s: -0.5,
        samples: (-4..252).map(sample).collect(),
    }
}

/// A generator that had little to do and was always woken in time.
fn health() -> Health {
    let mut wake_up = Distribution::new();
    (0..1000).for_each(|n| wake_up.record(Duration::from_micros(50 + n / 10)));
    Health {
        cpu_s: Some(2.4),
        busiest_thread: Some(0.02),
        oversleeps_ms: Some(0.07),
        wake_up,
    }
}

fn publishing() -> Publishing {
    let mut lag = Distribution::new();
    (0..126).for_each(|n| lag.record(Duration::from_micros(60 + 3 * n)));
    Publishing {
        planned: 126,
        planned_in_window: MESSAGES,
        accepted: 126,
        failed: 0,
        retried: 0,
        missed: 0,
        lag,
    }
}

fn answers(with_messages: u64, empty: u64) -> Answers {
    Answers {
        with_messages,
        empty,
        ..Answers::default()
    }
}

/// Every delay between the two, in milliseconds, as often as any other.
fn spread(from_ms: f64, to_ms: f64) -> Distribution {
    let mut distribution = Distribution::new();
    for step in 0..DELIVERIES / 10 {
        let share = step as f64 / (DELIVERIES / 10) as f64;
        distribution.record(Duration::from_secs_f64((from_ms + share * (to_ms - from_ms)) / 1000.0));
    }
    distribution
}
