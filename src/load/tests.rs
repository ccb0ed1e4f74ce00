//! Whole runs against a server that keeps the contract, and against ones that do not.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::testing::{Broadcast, FakeServer, Fault, Habit, scenario};
use super::*;
use crate::results::{Arrivals, Ledger, PollPhase, PollTimer};

/// Short enough for a test, and longer than any answer that comes at all.
fn settings() -> Settings {
    Settings {
        patience: Duration::from_secs(3),
        quiet: Duration::from_millis(20),
        ..Settings::default()
    }
}

async fn measured(fault: Fault, transport: Transport, scenario: &Scenario) -> TransportRun {
    let server = FakeServer::start(fault).await;
    let target = Target::Running(server.address.into());
    let stop = CancellationToken::new();
    run_with(&settings(), scenario, transport, 1, &target, &|_| {}, &stop)
        .await
        .unwrap()
}

/// What is in the ledger beside what was heard.
fn faults(ledger: &Ledger) -> [u64; 4] {
    [ledger.lost, ledger.repeated, ledger.out_of_order, ledger.gone]
}

#[tokio::test]
async fn everybody_hears_everything_once_in_every_transport() {
    for transport in Transport::ALL {
        let run = measured(Fault::None, transport, &scenario()).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        assert_eq!(run.failures.total(), 0, "{transport}: {:?}", run.failures);
        let sent = &run.publishing;
        assert!(sent.planned > 20 && sent.accepted == sent.planned, "{sent:?}");
        assert_eq!(run.ledger.expected, 5 * sent.accepted);
        // Each message intended within the window has a delay, from each listener.
        assert_eq!(run.delay.count(), 5 * sent.planned_in_window);
        assert_eq!(run.server_delay.count(), run.delay.count());
        assert_eq!(sent.lag.count(), sent.planned);
        assert_eq!(run.timeline.deliveries.iter().sum::<u64>(), run.ledger.heard);
        assert_eq!(run.timeline.messages_s.len() as u64, sent.accepted);
        assert_eq!(run.counts.connections.opened_before, 5);
        assert_eq!((run.server.cpu_s, run.server.open_fds), (Some(0.0), Some(9)));
        assert_eq!(
            (run.server.idle_cpu_per_s, run.server.rss_settled_bytes),
            (Some(0.0), Some(4096))
        );
    }
}

/// Sends every 200 ms with the window's edges halfway between two, so that what is counted at different instants is
/// counted on the same side of them, also on a machine that is late.
fn with_clear_edges() -> Scenario {
    Scenario {
        arrivals: Arrivals::Constant,
        rate_per_s: 5.0,
        warm_up: Duration::from_millis(300),
        duration: Duration::from_millis(1_200),
        ..scenario()
    }
}

#[tokio::test]
async fn a_stream_asks_once_and_its_frames_carry_the_messages() {
    for transport in [Transport::Events, Transport::Websocket] {
        let run = measured(Fault::None, transport, &with_clear_edges()).await;
        assert_eq!(run.counts.requests, 0, "it asked before the warm-up");
        assert_eq!(run.counts.deliveries, 5 * 6);
        assert_eq!(run.counts.frames, run.counts.deliveries);
        assert_eq!(run.bytes_in.heads + run.bytes_out.total(), 0);
        // Where the system tells: a frame or event to each listener went out, if not each in a segment of its own.
        if let Some(segments) = &run.segments {
            assert_eq!((segments.connections, segments.missing), (5, 0), "{segments:?}");
            assert!((5..=5 * 32).contains(&segments.data_to_listener), "{segments:?}");
            assert!(segments.to_listener >= segments.data_to_listener, "{segments:?}");
        }
        // A frame's header is two bytes; a chunk's size is two digits with a line break, and there is one behind the data.
        let around = if transport == Transport::Websocket { 2 } else { 6 };
        assert_eq!(run.bytes_in.frames, around * run.counts.frames);
    }
}

#[tokio::test]
async fn a_frame_counts_in_the_window_that_its_segment_counts_in() {
    // Edges at multiples of the messages’ distance, and a link: the plan keeps the messages off them, all the way.
    let scenario = Scenario {
        arrivals: Arrivals::Constant,
        rate_per_s: 2.0,
        warm_up: Duration::from_millis(500),
        duration: Duration::from_secs(2),
        rtt: Duration::from_millis(100),
        ..scenario()
    };
    let run = measured(Fault::None, Transport::Websocket, &scenario).await;
    assert_eq!(run.counts.frames, 5 * 4);
    assert_eq!(run.counts.deliveries, run.counts.frames);
    if let Some(segments) = &run.segments {
        assert_eq!(segments.data_to_listener, run.counts.frames, "{segments:?}");
    }
}

#[tokio::test]
async fn polls_ask_as_often_as_their_timer_says_and_their_bytes_are_those_of_their_requests() {
    let scenario = with_clear_edges();
    let run = measured(Fault::None, Transport::Poll, &scenario).await;
    // 24 turns of 50 ms for each of five listeners; a machine that is late leaves some out.
    let requests = run.counts.requests;
    assert!((25..=125).contains(&requests), "{requests}");
    let answers = &run.counts.answers;
    assert!(
        answers.with_messages.abs_diff(requests - answers.empty) <= 5,
        "{answers:?}"
    );
    let head = |after| {
        format!(
            "GET /talkplace/poll?after=fake-{after}&limit=1000 HTTP/1.1\r\nhost: 127.0.0.1:12345\r\nuser-agent: talkplace\r\n\r\n"
        )
    };
    let between = head("1").len() as u64 * (requests - 5)..=head("99").len() as u64 * (requests + 5);
    assert!(
        between.contains(&run.bytes_out.heads),
        "{} of {requests}",
        run.bytes_out.heads
    );
    assert_eq!(run.bytes_out.bodies + run.bytes_out.frames + run.bytes_in.frames, 0);
    // Heads of empty answers are theirs: at the edges an answer is read a little later than it was counted.
    let empty_head = "HTTP/1.1 204 No Content\r\n\r\n".len() as u64;
    assert_eq!(run.bytes_in.empty_heads % empty_head, 0);
    assert!(
        (run.bytes_in.empty_heads / empty_head).abs_diff(answers.empty) <= 5,
        "{} for {answers:?}",
        run.bytes_in.empty_heads
    );
}

#[tokio::test]
async fn waiting_after_the_answer_asks_too() {
    let scenario = Scenario {
        poll_timer: PollTimer::AfterAnswer,
        rtt: Duration::from_millis(20),
        ..scenario()
    };
    let run = measured(Fault::None, Transport::Poll, &scenario).await;
    assert!(run.ledger.is_clean(), "{:?}", run.ledger);
    // A turn takes 50 ms and the round trip at least.
    assert!((1..=5 * 10).contains(&run.counts.requests), "{}", run.counts.requests);
}

#[tokio::test]
async fn without_keep_alive_every_poll_opens_a_connection() {
    for transport in [Transport::Poll, Transport::LongPoll] {
        let scenario = Scenario {
            http_keep_alive: false,
            rtt: Duration::from_millis(10),
            ..scenario()
        };
        let run = measured(Fault::None, transport, &scenario).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        let (requests, opened) = (run.counts.requests, run.counts.connections.opened);
        // Of each of the five listeners the first or the last may lie across an end of the window.
        assert!(
            requests > 0 && requests.abs_diff(opened) <= 5,
            "{transport}: {requests} {opened}"
        );
        assert_eq!(run.failures.total(), 0, "{transport}: {:?}", run.failures);
    }
}

#[tokio::test]
async fn a_timer_without_a_guard_hears_messages_again() {
    let scenario = Scenario {
        poll_timer: PollTimer::Unguarded,
        poll_interval: Duration::from_millis(40),
        rtt: Duration::from_millis(100),
        ..scenario()
    };
    let run = measured(Fault::None, Transport::Poll, &scenario).await;
    let ledger = &run.ledger;
    assert_eq!(
        (ledger.lost, run.failures.total()),
        (0, 0),
        "{ledger:?} {:?}",
        run.failures
    );
    // An answer takes two and a half intervals, so two further requests leave with the cursor as it was; on a late machine fewer.
    assert!(ledger.repeated > 0, "{ledger:?}");
    let quick = Scenario {
        rtt: Duration::ZERO,
        ..scenario
    };
    let run = measured(Fault::None, Transport::Poll, &quick).await;
    assert_eq!(run.ledger.lost, 0);
    assert!(run.counts.requests > 0, "{}", run.counts.requests);
}

#[tokio::test]
async fn listeners_in_phase_ask_together() {
    let scenario = Scenario {
        poll_phase: PollPhase::Aligned,
        poll_interval: Duration::from_millis(200),
        ..scenario()
    };
    let run = measured(Fault::None, Transport::Poll, &scenario).await;
    assert!(run.ledger.is_clean(), "{:?}", run.ledger);
    let asked = run.timeline.requests.iter().filter(|requests| **requests > 0).count();
    let requests: u64 = run.timeline.requests.iter().sum();
    assert!(requests >= 5, "{:?}", run.timeline);
    // Each herd of five falls into one step of the timeline, on a late machine into a few; apart they would fill one each.
    assert!(4 * asked as u64 <= 3 * requests, "{asked} steps, {requests} requests");
}

#[tokio::test]
async fn the_link_is_in_every_delay() {
    let rtt = Duration::from_millis(40);
    for transport in Transport::ALL {
        let run = measured(Fault::None, transport, &Scenario { rtt, ..scenario() }).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        let least = run.delay.quantile_ms(0.0).unwrap();
        assert!(
            least >= 19.9,
            "{transport}: half a round trip is the least, not {least} ms"
        );
    }
}

#[tokio::test]
async fn a_message_that_is_dropped_is_lost_to_everybody() {
    for transport in Transport::ALL {
        let hurried = Scenario {
            drain: Duration::from_millis(300),
            ..scenario()
        };
        let run = measured(Fault::Drops(7), transport, &hurried).await;
        assert_eq!(faults(&run.ledger), [5, 0, 0, 0], "{transport}");
        assert_eq!(run.ledger.heard + 5, run.ledger.expected);
    }
}

#[tokio::test]
async fn a_message_told_twice_is_repeated() {
    for transport in Transport::ALL {
        let run = measured(Fault::Repeats(7), transport, &scenario()).await;
        assert_eq!(faults(&run.ledger), [0, 5, 0, 0], "{transport}");
    }
}

#[tokio::test]
async fn a_message_told_after_a_later_one_is_out_of_order() {
    for transport in Transport::ALL {
        let run = measured(Fault::Swaps(7), transport, &scenario()).await;
        assert_eq!(faults(&run.ledger), [0, 0, 5, 0], "{transport}");
    }
}

/// Those who fall back keep the same books, though their attempts pass over what another one has brought.
#[tokio::test]
async fn a_ladder_hides_no_fault_of_the_server() {
    for transport in Transport::ALL {
        let mut hurried = Scenario {
            drain: Duration::from_millis(300),
            ..scenario()
        };
        hurried.ladder.falls_back = true;
        for (fault, expected) in [
            (Fault::Drops(7), [5, 0, 0, 0]),
            (Fault::Repeats(7), [0, 5, 0, 0]),
            (Fault::Swaps(7), [0, 0, 5, 0]),
        ] {
            let run = measured(fault, transport, &hurried).await;
            assert_eq!(faults(&run.ledger), expected, "{transport}: {fault:?}");
            let ladder = run.ladder.unwrap();
            assert_eq!(
                (ladder.fallen(), ladder.at_the_end(transport), ladder.overlap),
                (0, 5, 0)
            );
        }
        let run = measured(Fault::Breaks(7), transport, &hurried).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        assert_eq!(run.failures.total(), 0, "it is in the walk: {:?}", run.failures);
        assert_eq!(run.ladder.unwrap().fallen(), 1, "{transport}");
    }
}

#[tokio::test]
async fn after_gone_a_listener_starts_at_the_oldest() {
    for transport in Transport::ALL {
        let run = measured(Fault::Gone(7), transport, &scenario()).await;
        // The fake keeps everything, so that nothing was lost: the ledger says only that it happened.
        assert_eq!(faults(&run.ledger), [0, 0, 0, 1], "{transport}");
        assert!(!run.ledger.is_clean());
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_counted_and_costs_nothing() {
    for transport in Transport::ALL {
        let run = measured(Fault::Breaks(7), transport, &scenario()).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        assert_eq!((run.failures.broken, run.failures.total()), (1, 1), "{transport}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_unexpected() {
    for transport in Transport::ALL {
        let run = measured(Fault::Babbles(7), transport, &scenario()).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        assert_eq!((run.failures.unexpected, run.failures.total()), (1, 1), "{transport}");
    }
}

#[tokio::test]
async fn a_poll_that_is_not_answered_times_out_and_is_asked_again() {
    for transport in [Transport::Poll, Transport::LongPoll] {
        let scenario = Scenario {
            long_poll_timeout: Duration::from_millis(100),
            ..scenario()
        };
        let run = measured(Fault::KeepsSilent(7), transport, &scenario).await;
        assert!(run.ledger.is_clean(), "{transport}: {:?}", run.ledger);
        assert_eq!((run.failures.timed_out, run.failures.total()), (1, 1), "{transport}");
    }
}

#[tokio::test]
async fn sends_that_are_refused_have_failed() {
    let hurried = Scenario {
        drain: Duration::from_millis(50),
        ..scenario()
    };
    let run = measured(Fault::RefusesPublishers, Transport::LongPoll, &hurried).await;
    assert_eq!(
        (run.publishing.failed, run.publishing.accepted),
        (run.publishing.planned, 0)
    );
    assert!(run.ledger.is_clean() && run.ledger.expected == 0);
    assert!(run.delay.is_empty());
}

#[tokio::test]
async fn beyond_the_bound_sends_are_missed_and_not_waited_for() {
    let server = FakeServer::start(Fault::IgnoresPublishers).await;
    let settings = Settings {
        sends_in_flight: 3,
        ..settings()
    };
    let hurried = Scenario {
        drain: Duration::from_millis(50),
        ..scenario()
    };
    let target = Target::Running(server.address.into());
    let stop = CancellationToken::new();
    let run = run_with(&settings, &hurried, Transport::Websocket, 1, &target, &|_| {}, &stop)
        .await
        .unwrap();
    let sent = run.publishing;
    assert_eq!((sent.accepted, sent.failed, sent.missed), (0, 3, sent.planned - 3));
    assert_eq!(sent.lag.count(), 3);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = socket.local_addr().unwrap();
    drop(socket);
    let target = Target::Running(nobody.into());
    let stop = CancellationToken::new();
    let error = run(&scenario(), Transport::Poll, 1, &target, &|_| {}, &stop)
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::NoAnswer { .. }), "{error}");
}

#[tokio::test]
async fn listeners_that_are_never_served_are_an_error_that_says_how_many() {
    let server = FakeServer::start(Fault::RefusesListeners).await;
    let settings = Settings {
        patience: Duration::from_millis(100),
        ..settings()
    };
    let target = Target::Running(server.address.into());
    let stop = CancellationToken::new();
    let error = run_with(&settings, &scenario(), Transport::Poll, 1, &target, &|_| {}, &stop)
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("0 of 5 listeners were served"), "{error}");
}

#[tokio::test]
async fn stopping_ends_a_run_at_once() {
    let server = FakeServer::start(Fault::None).await;
    let stop = CancellationToken::new();
    let long = Scenario {
        duration: Duration::from_secs(3600),
        ..scenario()
    };
    let phases = Mutex::new(Vec::new());
    let progress = |progress: Progress| {
        let mut phases = phases.lock().unwrap();
        phases.push(progress.phase);
        if progress.phase == Phase::Window {
            stop.cancel();
        }
    };
    let start = Instant::now();
    let target = Target::Running(server.address.into());
    let result = run(&long, Transport::Websocket, 1, &target, &progress, &stop).await;
    assert!(matches!(result, Err(LoadError::Stopped)), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(60));
    let phases = phases.into_inner().unwrap();
    assert_eq!(phases.first(), Some(&Phase::Starting));
    assert!(phases.contains(&Phase::WarmUp), "{phases:?}");
}

#[tokio::test]
async fn a_server_that_ends_is_an_error_with_its_last_words() {
    use std::os::unix::fs::PermissionsExt;
    // A script that claims the fake's address, and ends as soon as something is written to a file beside it.
    let fake = FakeServer::start(Fault::None).await;
    let folder = tempfile::TempDir::new().unwrap();
    let program = folder.path().join("server");
    let script = format!(
        "#!/bin/sh\necho listening on http://{}\nwhile [ ! -e \"$0.end\" ]; do sleep 0.05; done\necho out of memory >&2\nexit 9\n",
        fake.address
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let long = Scenario {
        duration: Duration::from_secs(3600),
        ..scenario()
    };
    let progress = |progress: Progress| {
        if progress.phase == Phase::Window {
            std::fs::write(folder.path().join("server.end"), "now").unwrap();
        }
    };
    let target = Target::Spawn(program);
    let stop = CancellationToken::new();
    let error = run(&long, Transport::Events, 1, &target, &progress, &stop)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("out of memory") && text.contains("exit status: 9"),
        "{text}"
    );
}

#[tokio::test]
async fn what_crosses_the_first_connections_is_kept_with_its_instants() {
    for rtt in [Duration::ZERO, Duration::from_millis(10)] {
        for transport in Transport::ALL {
            let scenario = Scenario {
                rtt,
                rate_per_s: 10.0,
                poll_interval: Duration::from_millis(200),
                ..with_clear_edges()
            };
            let run = measured(Fault::None, transport, &scenario).await;
            let woken = run.generator.unwrap().wake_up;
            let is_late = woken.max_ms().is_none_or(|late| late > 40.0);
            let trace = run.trace.unwrap();
            assert_eq!(trace.listeners.len(), 3);
            for traced in &trace.listeners {
                assert!(!traced.is_cut);
                let heard: Vec<u8> = traced.pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
                let heard = String::from_utf8_lossy(&heard).into_owned();
                // Three sends, 100 ms apart, with more than a poll's interval after the last; a machine that is late leaves some out.
                assert!(
                    heard.matches("\"text\":").count() >= if is_late { 1 } else { 3 },
                    "{transport}: {heard}"
                );
                assert!(heard.starts_with("GET /talkplace"), "{heard}");
                for piece in &traced.pieces {
                    let Some(reached_us) = piece.reached_us else { continue };
                    let took_us = reached_us - piece.left_us;
                    assert!(took_us >= rtt.as_micros() as i64 / 2, "{took_us}");
                }
                let late = |piece: &&crate::results::Piece| piece.left_us >= trace.until_us;
                assert_eq!(traced.pieces.iter().find(late), None);
            }
        }
    }
}

#[tokio::test]
async fn whatever_fails_because_the_server_is_gone_is_told_as_that() {
    use std::os::unix::fs::PermissionsExt as _;

    // Nobody listens there, so that the first question fails before the process has ended.
    let script = "#!/bin/sh\necho listening on http://127.0.0.1:1; echo out of ink >&2; sleep 0.1; exit 7\n";
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("server");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let stop = CancellationToken::new();
    let target = Target::Spawn(program);
    let error = run_with(&settings(), &scenario(), Transport::Poll, 1, &target, &|_| {}, &stop)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the server ended") && error.contains("out of ink"),
        "{error}"
    );
}

/// A run over WebSocket on a server that only broadcasts.
async fn broadcast(habit: Habit, scenario: &Scenario) -> Result<TransportRun, LoadError> {
    let server = Broadcast::start(habit).await;
    let target = Target::Running(server.peer);
    let stop = CancellationToken::new();
    run_with(&settings(), scenario, Transport::Websocket, 1, &target, &|_| {}, &stop).await
}

#[tokio::test]
async fn a_broadcast_is_heard_by_everybody_and_tells_nothing_of_itself() {
    for habit in [Habit::Plain, Habit::Wraps] {
        let run = broadcast(habit, &with_clear_edges()).await.unwrap();
        assert!(run.ledger.is_clean(), "{habit:?}: {:?}", run.ledger);
        assert_eq!(
            (run.failures.total(), run.publishing.failed),
            (0, 0),
            "{:?}",
            run.failures
        );
        assert_eq!(run.publishing.accepted, run.publishing.planned);
        assert_eq!((run.counts.deliveries, run.counts.frames), (5 * 6, 5 * 6));
        assert_eq!(run.delay.count(), 5 * 6);
        // Neither a processor's time nor the instant of a message is told, and a figure that is not told is none at all.
        assert!(run.server_delay.is_empty() && run.trace.is_none() && run.memory.is_none());
        let cost = &run.server;
        assert_eq!(
            (cost.cpu_s, cost.rss_after_bytes, cost.idle_cpu_per_s),
            (None, None, None)
        );
        if habit == Habit::Plain {
            // The text alone, behind a header of two bytes.
            assert_eq!((run.bytes_in.bodies, run.bytes_in.frames), (32 * 30, 2 * 30));
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_of_a_broadcast_tells_what_it_used() {
    let server = Broadcast::start(Habit::Plain).await;
    let ours = std::process::id() as i32;
    let target = Target::Running(server.peer.with_process(ours).unwrap());
    let (scenario, stop) = (with_clear_edges(), CancellationToken::new());
    let run = run_with(&settings(), &scenario, Transport::Websocket, 1, &target, &|_| {}, &stop)
        .await
        .unwrap();
    let cost = &run.server;
    assert!(cost.cpu_s.is_some() && cost.idle_cpu_per_s.is_some(), "{cost:?}");
    assert!(
        cost.rss_after_bytes > Some(100_000) && cost.threads > Some(1),
        "{cost:?}"
    );
    assert!(run.memory.is_some_and(|memory| memory.samples.len() > 1));
}

#[tokio::test]
async fn what_a_broadcast_forgets_is_lost_to_everybody() {
    let hurried = Scenario {
        drain: Duration::from_millis(300),
        ..with_clear_edges()
    };
    let run = broadcast(Habit::Forgets, &hurried).await.unwrap();
    // Of the places 0 to 7 the last.
    assert_eq!(faults(&run.ledger), [5, 0, 0, 0], "{:?}", run.publishing);
}

#[tokio::test]
async fn a_server_that_does_not_broadcast_is_an_error_that_says_how_it_showed() {
    for (habit, shows) in [
        (Habit::Keeps, "what one client said was not heard by another within"),
        (Habit::Binary, "it sends binary frames"),
    ] {
        let error = broadcast(habit, &scenario()).await.unwrap_err().to_string();
        assert!(
            error.contains("does not speak the dialect ws-broadcast: ") && error.contains(shows),
            "{error}"
        );
    }
    // One that keeps the contract, asked as if it only broadcast: its path is another.
    let fake = FakeServer::start(Fault::None).await;
    let url = format!("ws://{}/chat", fake.address);
    let target = Target::Running(Peer::find(&url, Dialect::WsBroadcast).await.unwrap());
    let stop = CancellationToken::new();
    let error = run(&scenario(), Transport::Websocket, 1, &target, &|_| {}, &stop)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the upgrade was answered 404"), "{error}");
}

#[test]
fn whoever_gives_a_way_no_time_to_open_is_told_so() {
    let told = |failures: Failures, open_within| {
        let error = LoadError::NotConnected {
            ready: 0,
            listeners: 40,
            waited: Duration::from_secs(40),
            failures,
            open_within,
        };
        error.to_string()
    };
    let within = Some(Duration::from_secs(1));
    assert!(told(Failures::default(), within).contains("no way opened within ladder.open_within=1s"));
    let refused = Failures {
        connect: 40,
        ..Failures::default()
    };
    for (failures, within) in [(refused, within), (Failures::default(), None)] {
        assert!(told(failures, within).ends_with("take fewer listeners, or look at the server"));
    }
}
