//! What is measured: one row of the table each.

use std::io;
use std::time::{Duration, Instant};

use crate::contender::{Kind, cpu_ns};
use crate::drive::{Crowd, Way};
use crate::process::{Server, rss_bytes};

/// One kind of work.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) goal: &'static str,
    work: Work,
}

impl Row {
    /// Whether the figure is a multiple of the floor's; memory is told by itself.
    pub(crate) fn is_ratio(&self) -> bool {
        !matches!(self.work, Work::Waiting { .. } | Work::Idle { .. })
    }

    /// Whether one round is enough, as it takes long and what it shows is no matter of a few percent.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self.work, Work::Idle { .. })
    }
}

impl Row {
    /// Whether it is work for that server: one of HTTP alone has no WebSockets.
    pub(crate) fn is_for(&self, kind: &Kind) -> bool {
        let way = match self.work {
            Work::Paced { way, .. } | Work::Waiting { way, .. } | Work::Idle { way, .. } => way,
            Work::Closed { .. } => Way::Websocket,
            Work::Asking { .. } => Way::ShortPoll,
        };
        *kind != Kind::Bare || way != Way::Websocket
    }
}

enum Work {
    /// Messages at a steady rate: processor time of the server a delivery.
    Paced {
        way: Way,
        listeners: usize,
        rate_per_s: u32,
    },
    /// So many messages on their way at a time, the next when one was heard by all: deliveries a second.
    Closed { listeners: usize, in_flight: usize },
    /// Polls with nothing new, the next when one is answered: requests a second.
    Asking { connections: usize },
    /// Memory of the process a connection, of many that wait.
    Waiting { way: Way, listeners: usize },
    /// Processor time of the server while nothing is said, in percent of one processor: what heartbeats cost.
    Idle { way: Way, listeners: usize, come: Come },
}

/// How a crowd comes. Heartbeats keep to that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Come {
    /// As quickly as they can: after a restart.
    AtOnce,
    /// One by one, over half a [`ROUND_OF_HEARTBEATS`].
    OneByOne,
}

/// As long as a heartbeat of each kind takes to come round.
const ROUND_OF_HEARTBEATS: Duration = Duration::from_secs(30);

/// How much of everything.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) window: Duration,
    /// Of the listeners of a full measurement, one in so many.
    pub(crate) divisor: usize,
}

/// The table that is to be filled.
pub(crate) const ROWS: &[Row] = &[
    paced("WebSocket, 1,000 listeners, 50 msg/s", Way::Websocket, 50, "≤ 1.08"),
    closed("WebSocket, 1,000 listeners, one message in flight", 1, "≥ 0.95"),
    closed("WebSocket, 1,000 listeners, 64 in flight", 64, "≥ 0.85"),
    paced("events, 1,000 listeners, 50 msg/s", Way::Events, 50, "≤ 1.20"),
    paced("long poll, 1,000 listeners, 20 msg/s", Way::LongPoll, 20, "≤ 1.30"),
    Row {
        name: "short poll, 64 connections, nothing new",
        unit: "requests/s",
        goal: "≥ 0.90",
        work: Work::Asking { connections: 64 },
    },
    waiting("an idle WebSocket", Way::Websocket, "≤ 1,900 B"),
    waiting("a held long poll", Way::LongPoll, "≤ 8,000 B"),
    waiting("an open event stream", Way::Events, "≤ 8,000 B"),
    idle("10,000 silent WebSockets", Way::Websocket, Come::AtOnce),
    idle("the same, come one by one", Way::Websocket, Come::OneByOne),
    idle("10,000 silent event streams", Way::Events, Come::AtOnce),
    idle("the same, come one by one", Way::Events, Come::OneByOne),
    idle("10,000 held long polls", Way::LongPoll, Come::AtOnce),
];

const fn paced(name: &'static str, way: Way, rate_per_s: u32, goal: &'static str) -> Row {
    let listeners = 1000;
    Row {
        name,
        unit: "µs a delivery",
        goal,
        work: Work::Paced {
            way,
            listeners,
            rate_per_s,
        },
    }
}

const fn closed(name: &'static str, in_flight: usize, goal: &'static str) -> Row {
    let listeners = 1000;
    Row {
        name,
        unit: "deliveries/s",
        goal,
        work: Work::Closed { listeners, in_flight },
    }
}

const fn waiting(name: &'static str, way: Way, goal: &'static str) -> Row {
    Row {
        name,
        unit: "B a connection",
        goal,
        work: Work::Waiting { way, listeners: 4000 },
    }
}

const fn idle(name: &'static str, way: Way, come: Come) -> Row {
    Row {
        name,
        unit: "% of a processor",
        goal: "< 0.5 %",
        work: Work::Idle {
            way,
            listeners: 10_000,
            come,
        },
    }
}

impl Row {
    /// Measures it once, on a fresh server.
    pub(crate) fn measure(&self, kind: &Kind, size: Size, is_pinned: bool) -> io::Result<f64> {
        let server = Server::start(kind.command(), is_pinned);
        match self.work {
            Work::Paced {
                way,
                listeners,
                rate_per_s,
            } => {
                let mut crowd =
                    Crowd::connect(way, listeners / size.divisor, server.address)?.with_publisher(server.address)?;
                paced_cost_us(&server, &mut crowd, rate_per_s, size.window)
            }
            Work::Closed { listeners, in_flight } => {
                let listeners = listeners / size.divisor;
                let mut crowd =
                    Crowd::connect(Way::Websocket, listeners, server.address)?.with_publisher(server.address)?;
                deliveries_per_s(&mut crowd, listeners as u64, in_flight as u64, size.window)
            }
            Work::Asking { connections } => {
                let mut crowd = Crowd::connect(Way::ShortPoll, connections, server.address)?;
                // They ask from their first answer on.
                crowd.listen_until(Instant::now() + size.window / 4)?;
                let (start, before) = (Instant::now(), crowd.heard);
                crowd.listen_until(start + size.window)?;
                Ok((crowd.heard - before) as f64 / start.elapsed().as_secs_f64())
            }
            Work::Waiting { way, listeners } => {
                let listeners = listeners / size.divisor;
                // What the first ones cost is the program's own: code that is read in, and what is set up once.
                let mut first = Crowd::connect(way, 64, server.address)?;
                first.listen_until(Instant::now() + Duration::from_millis(200))?;
                let before = rss_bytes(server.child.id());
                let mut crowd = Crowd::connect(way, listeners, server.address)?;
                crowd.listen_until(Instant::now() + Duration::from_millis(500))?;
                Ok(rss_bytes(server.child.id()).saturating_sub(before) as f64 / listeners as f64)
            }
            Work::Idle { way, listeners, come } => {
                let listeners = listeners / size.divisor;
                let round = ROUND_OF_HEARTBEATS / size.divisor as u32;
                let mut crowd = match come {
                    Come::AtOnce => Crowd::connect(way, listeners, server.address)?,
                    Come::OneByOne => Crowd::connect_over(round / 2, way, listeners, server.address)?,
                };
                crowd.listen_until(Instant::now() + size.window)?;
                let (start, before) = (Instant::now(), cpu_ns(&server));
                crowd.listen_until(start + round)?;
                Ok((cpu_ns(&server) - before) as f64 / start.elapsed().as_nanos() as f64 * 100.0)
            }
        }
    }
}

fn paced_cost_us(server: &Server, crowd: &mut Crowd, rate_per_s: u32, window: Duration) -> io::Result<f64> {
    let step = Duration::from_secs(1) / rate_per_s;
    let mut due = Instant::now() + step;
    // The first tenth is not counted.
    let counted = due + window / 10;
    let end = counted + window;
    let mut before = None;
    while due < end {
        crowd.listen_until(due)?;
        if due >= counted && before.is_none() {
            before = Some((cpu_ns(server), crowd.heard));
        }
        crowd.say(1)?;
        due += step;
    }
    crowd.listen_until(due)?;
    let (used_ns, heard) = before.expect("the window is longer than a step");
    Ok((cpu_ns(server) - used_ns) as f64 / 1e3 / (crowd.heard - heard) as f64)
}

fn deliveries_per_s(crowd: &mut Crowd, listeners: u64, in_flight: u64, window: Duration) -> io::Result<f64> {
    let start = Instant::now();
    let (first, mut said) = (crowd.heard, 0);
    while start.elapsed() < window {
        // All that fits is said at once, as a publisher does whose words wait for room.
        let room = in_flight - (said - (crowd.heard - first) / listeners);
        crowd.say(room as usize)?;
        said += room;
        let heard_by_all = said - in_flight + 1;
        crowd.until(|crowd| crowd.heard - first >= heard_by_all * listeners)?;
    }
    let took = start.elapsed();
    let heard = crowd.heard - first;
    crowd.until(|crowd| crowd.heard - first == said * listeners)?;
    Ok(heard as f64 / took.as_secs_f64())
}
