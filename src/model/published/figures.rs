use super::Read::{Original, Quoted};
use super::{Number, Published, Read, Source};

const fn number(what: &'static str, value: f64, unit: &'static str, read: Read) -> Number {
    Number {
        what,
        value,
        unit,
        read,
    }
}

const RFC_6202: &str =
    "Known Issues and Best Practices for the Use of Long Polling and Streaming in Bidirectional HTTP (RFC 6202)";
const RFC_6202_AUTHORS: &str = "S. Loreto, P. Saint-Andre, S. Salsano, G. Wilkins";

const LUBBERS_GRECO: Source = Source {
    authors: "Peter Lubbers, Frank Greco",
    title: "HTML5 WebSocket: A Quantum Leap in Scalability for the Web",
    year: None,
    place: "",
};

const VAN_DE_VYVERE: Source = Source {
    authors: "Brecht Van de Vyvere, Pieter Colpaert, Ruben Verborgh",
    title: "Comparing a Polling and Push-Based Approach for Live Open Data Interfaces",
    year: Some(2020),
    place: "",
};

/// All findings, in the order in which they came out as far as that is known.
pub static FIGURES: [Published; 11] = [
    Published {
        key: "bozdag-push-pull",
        source: Source {
            authors: "Engin Bozdag, Ali Mesbah, Arie van Deursen",
            title: "A Comparison of Push and Pull Techniques for AJAX",
            year: Some(2007),
            place: "conclusions",
        },
        says: "Push gives the best coherence and the least traffic, but costs the server several times the processor time of pull; pull \
               is good only when its interval equals the publish interval.",
        numbers: &[
            number("server CPU, push over pull", 7.0, "×", Original),
            number("saturation, from", 350.0, "users", Original),
            number("saturation, to", 500.0, "users", Original),
        ],
        reading: "Constant messages, the interval swept through that of the messages: a slower poll misses 1 − I/T of them, a faster one wastes 1 − T/I \
                  of its requests. The ratio of processor time is that of the break-even, read on its dear side.",
    },
    Published {
        key: "lubbers-greco-traffic",
        source: LUBBERS_GRECO,
        says: "Clients that poll every second move megabits of headers; WebSocket frames next to nothing.",
        numbers: &[
            number("header bytes a poll", 871.0, "B", Original),
            number("frame bytes a message", 2.0, "B", Original),
            number("polling, 1,000 clients", 6.6, "Mbit/s of 2^20", Original),
            number("polling, 10,000 clients", 66.0, "Mbit/s of 2^20", Original),
            number("polling, 100,000 clients", 665.0, "Mbit/s of 2^20", Original),
            number("WebSocket, 1,000 clients", 0.015, "Mbit/s of 2^20", Original),
            number("WebSocket, 10,000 clients", 0.153, "Mbit/s of 2^20", Original),
            number("WebSocket, 100,000 clients", 1.526, "Mbit/s of 2^20", Original),
        ],
        reading: "Their M is 2^20: in decimal megabits polling takes 6.97, 69.7 and 697. Headers padded to 871 bytes, 1,000 listeners, an interval of 1 s.",
    },
    Published {
        key: "lubbers-greco-latency",
        source: LUBBERS_GRECO,
        says: "With 50 ms of transit a polled message takes 150 ms, one over WebSocket 50 ms; headers shrink by 500:1 to 1000:1.",
        numbers: &[
            number("transit", 50.0, "ms", Original),
            number("polling", 150.0, "ms", Original),
            number("WebSocket", 50.0, "ms", Original),
            number("latency, polling over WebSocket", 3.0, "×", Original),
            number("header traffic, at least", 500.0, "×", Original),
            number("header traffic, at most", 1000.0, "×", Original),
        ],
        reading: "Three transits are the worst case of asking again, not its mean; and 871 bytes over 2 are 435 to 1. Mean and maximum belong side by side.",
    },
    Published {
        key: "lubbers-greco-busy-feed",
        source: LUBBERS_GRECO,
        says: "On a busy feed polling every second is preferred to long polling, which would become a run of requests.",
        numbers: &[number("polling interval", 1.0, "s", Original)],
        reading: "The two meet at about one message an interval: sweep the rate across it.",
    },
    Published {
        key: "hickson-kilobytes-to-bytes",
        source: Source {
            authors: "Ian Hickson",
            title: "quoted in Lubbers and Greco, HTML5 WebSocket: A Quantum Leap in Scalability for the Web",
            year: None,
            place: "",
        },
        says: "Kilobytes of data become 2 bytes, and 150 ms of latency become 50 ms.",
        numbers: &[
            number("frame bytes a message", 2.0, "B", Original),
            number("with a new connection", 150.0, "ms", Original),
            number("over an open one", 50.0, "ms", Original),
        ],
        reading: "A TCP round trip and the message, against the message alone: short polling without keep-alive at 50 ms of transit.",
    },
    Published {
        key: "rfc-6202-long-polling",
        source: Source {
            authors: RFC_6202_AUTHORS,
            title: RFC_6202,
            year: Some(2011),
            place: "section 2.2 (read in draft 07)",
        },
        says: "The average latency of long polling is close to one network transit, its maximum over three: the answer, the next request, its answer.",
        numbers: &[
            number("mean, close to", 1.0, "transits", Original),
            number("maximum, over", 3.0, "transits", Original),
        ],
        reading: "At 50 ms of transit and 0.1, 1 and 10 Poisson messages a second the mean is 51, 55 and 87 ms, the maximum 150 ms: close to one transit while the \
                  feed is quiet.",
    },
    Published {
        key: "rfc-6202-streaming",
        source: Source {
            authors: RFC_6202_AUTHORS,
            title: RFC_6202,
            year: Some(2011),
            place: "section 3.2 (read in draft 07)",
        },
        says: "Streaming has one transit on average and at most, and at least three once a stream has to be opened again.",
        numbers: &[
            number("mean", 1.0, "transits", Original),
            number("maximum", 1.0, "transits", Original),
            number("maximum when reopened, at least", 3.0, "transits", Original),
        ],
        reading: "Event streams that the server ends every minute. With a browser's EventSource the retry, not the network, sets the maximum.",
    },
    Published {
        key: "pimentel-nickerson-sensor",
        source: Source {
            authors: "Victoria Pimentel, Bradford G. Nickerson",
            title: "Communicating and Displaying Real-Time Data with WebSocket",
            year: Some(2012),
            place: "setup read in the paper, the result as quoted",
        },
        says: "For a sensor that reads four times a second long polling is as good as WebSocket while the network latency is below half the \
               message interval; above it only WebSocket serves.",
        numbers: &[
            number("readings", 4.0, "1/s", Original),
            number(
                "latency at which long polling falls behind",
                0.5,
                "message intervals",
                Quoted,
            ),
        ],
        reading: "Constant messages every 250 ms, one-way delay swept from 20 to 300 ms: the gap of long polling exceeds the interval from 125 ms on, and the delay steps from \
                  one transit to two.",
    },
    Published {
        key: "grigorik-overhead",
        source: Source {
            authors: "Ilya Grigorik",
            title: "High Performance Browser Networking",
            year: None,
            place: "chapters on XMLHttpRequest, Server-Sent Events and WebSocket",
        },
        says: "Ten thousand clients that poll every minute move a megabit a second of headers; frames and events add a few bytes; long polling sends more \
               requests than polling on a busy feed.",
        numbers: &[
            number("header bytes a poll", 850.0, "B", Quoted),
            number("polling interval", 60.0, "s", Quoted),
            number("polling, 10,000 clients", 1.13, "Mbit/s", Quoted),
            number("requests, 10,000 clients", 167.0, "1/s", Quoted),
            number("headers, at least", 500.0, "B", Original),
            number("headers, at most", 800.0, "B", Original),
            number("WebSocket header, at least", 2.0, "B", Original),
            number("WebSocket header, at most", 14.0, "B", Original),
            number("events, at least", 5.0, "B", Original),
            number("IP, TCP and TLS, at least", 60.0, "B", Original),
            number("IP, TCP and TLS, at most", 100.0, "B", Original),
            number("idle limit of nginx", 60.0, "s", Original),
        ],
        reading: "Its megabit is decimal. Any run gives these from its byte counters.",
    },
    Published {
        key: "van-de-vyvere-live-data",
        source: VAN_DE_VYVERE,
        says: "One thread that offers 5.2 kB every 5 s serves 5,000 polling clients, 8,000 behind a cache, and 25,000 over events with delays spread evenly over 4 s; \
               polling carries more clients only where 10 s of delay are acceptable.",
        numbers: &[
            number("message", 5.2, "kB", Original),
            number("message interval", 5.0, "s", Original),
            number("polling", 5_000.0, "clients", Original),
            number("polling behind a cache", 8_000.0, "clients", Original),
            number("requests behind a cache", 2_520.0, "1/s", Original),
            number("events", 25_000.0, "clients", Original),
            number("events, longest delay", 4.0, "s", Original),
            number("delay from which polling carries more", 10.0, "s", Original),
        ],
        reading: "2,520 requests a second are 397 µs each, 25,000 writes in 4 s are 160 µs each: polling is cheaper from 12.4 s on, close to their 10 s. They also find that the requests a \
                  server must bear are its users over the acceptable delay.",
    },
    Published {
        key: "centrifugo-idle",
        source: Source {
            authors: "Centrifugo",
            title: "Tuning for idle WebSocket connections",
            year: Some(2026),
            place: "blog",
        },
        says: "200,000 idle WebSockets cost a core and 27 kB each, half of it when tuned; the kernel takes 4 kB more for each socket, outside the process's memory.",
        numbers: &[
            number("200,000 idle", 0.94, "cores", Original),
            number("200,000 idle, each", 27.0, "kB", Original),
            number("200,000 idle, tuned", 0.45, "cores", Original),
            number("200,000 idle, tuned, each", 10.9, "kB", Original),
            number("1,000,000 idle", 2.33, "cores", Original),
            number("1,000,000 idle, all", 11.3, "GB", Original),
            number("kernel memory, each", 4.0, "kB", Original),
        ],
        reading: "Idle listeners from 1,000 to 20,000: the slope of resident memory, and of the kernel's where the system tells it.",
    },
];
