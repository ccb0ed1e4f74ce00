//! What a scenario must not ask for although it can be written.

use std::time::Duration;

use crate::protocol::Transport;
use crate::results::knob::write_time;
use crate::results::{Blocking, LadderKnobs, PollTimer, Scenario, ServerWait};

/// A message's text carries its number in the schedule, which is `#999999 ` at most.
const SHORTEST_TEXT: u32 = 10;
/// The measured server is told to take it; a chat has no longer ones.
const LONGEST_TEXT: u32 = 65_536;
/// A name, and a value.
const SHORTEST_COOKIE: u32 = 8;
const LONGEST_COOKIE: u32 = 4_096;
/// Nothing between a client and a server keeps a silent connection for longer.
const LONGEST_HOLD: Duration = Duration::from_secs(60 * 60);
/// What one run's schedule and ledger can hold in an ordinary machine's memory.
const MOST_MESSAGES: f64 = 1_000_000.0;
const MOST_PER_S: f64 = 100_000.0;

/// Values that cannot be, or not together.
pub(super) struct Fault {
    /// The keys that it hangs on, the one to change first in front.
    pub(super) keys: &'static [&'static str],
    /// What is wrong, as a sentence.
    pub(super) message: String,
}

/// Everything that is wrong with the scenario's values.
pub(super) fn faults(scenario: &Scenario) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |fine: bool, keys: &'static [&'static str], message: &str| {
        if !fine {
            faults.push(Fault {
                keys,
                message: message.to_owned(),
            });
        }
    };
    words(scenario, &mut check);
    numbers(scenario, &mut check);
    times(scenario, &mut check);
    let mut of_several = Vec::new();
    together(scenario, &mut |fine, keys, message| {
        if !fine {
            of_several.push(Fault {
                keys,
                message: message.to_owned(),
            });
        }
    });
    // What is wrong by itself need not be told again for what follows from it.
    of_several.retain(|fault| !faults.iter().any(|first| fault.keys.contains(&first.keys[0])));
    faults.append(&mut of_several);
    faults
}

/// What says how many messages there are, by itself.
fn rate(scenario: &Scenario) -> &'static [&'static str] {
    if scenario.is_rated_by_deliveries() {
        &["feed.deliveries", "listeners"]
    } else {
        &["feed.rate"]
    }
}

type Check<'a> = &'a mut dyn FnMut(bool, &'static [&'static str], &str);

fn words(scenario: &Scenario, check: Check<'_>) {
    let printable = |text: &str| !text.chars().any(char::is_control);
    check(
        printable(&scenario.title),
        &["title"],
        "the title must stand on one line",
    );
    check(
        printable(&scenario.question),
        &["question"],
        "the question must stand on one line",
    );
    let transports = &scenario.transports;
    check(
        !transports.is_empty(),
        &["transports"],
        "name at least one of poll, long-poll, events, websocket",
    );
    for (n, transport) in transports.iter().enumerate() {
        let repeated = transports[..n].contains(transport);
        check(
            !repeated,
            &["transports"],
            &format!("{transport} is named twice; each transport is measured once"),
        );
    }
}

fn numbers(scenario: &Scenario, check: Check<'_>) {
    let Scenario {
        listeners,
        text_bytes,
        rate_per_s,
        ..
    } = *scenario;
    check(
        listeners > 0,
        &["listeners"],
        "without a listener there is nothing to measure: 1 is the least",
    );
    check(
        listeners <= 1_000_000,
        &["listeners"],
        "1000000 is the most that one machine could connect",
    );
    check(
        scenario.deliveries_per_s >= 0.0,
        &["feed.deliveries"],
        "the deliveries must be above zero, for example \"5000/s\"; at 0/s feed.rate says how many messages there are",
    );
    check(
        rate_per_s > 0.0,
        &["feed.rate"],
        "the rate must be above zero, for example \"0.5/s\"",
    );
    check(
        rate_per_s <= MOST_PER_S,
        rate(scenario),
        &format!("{rate_per_s:.0} messages a second: {MOST_PER_S}/s is the most that a run can plan"),
    );
    check(
        (1..=1_000).contains(&scenario.repeat),
        &["repeat"],
        "each transport is measured 1 to 1000 times",
    );
    let fits = (SHORTEST_TEXT..=LONGEST_TEXT).contains(&text_bytes);
    let range = format!(
        "a text has {SHORTEST_TEXT} to {LONGEST_TEXT} bytes: it carries the message's number, and nobody says more at once"
    );
    check(fits, &["feed.text_bytes"], &range);
    let cookie = scenario.http_cookie_bytes;
    check(
        cookie == 0 || (SHORTEST_COOKIE..=LONGEST_COOKIE).contains(&cookie),
        &["http.cookie_bytes"],
        &format!("a cookie has {SHORTEST_COOKIE} to {LONGEST_COOKIE} bytes, as browsers keep no longer one; 0 is none"),
    );
    check(
        scenario.server_workers <= 1_024,
        &["server.workers"],
        "1024 is the most; 0 is one per processor",
    );
    check(
        scenario.server_cpu_percent <= 100_000,
        &["server.cpu_percent"],
        "100000 percent, which is a thousand processors, is the most; 0 is all that there are",
    );
    check(
        scenario.server_keep_messages > 0,
        &["server.keep_messages"],
        "a server that keeps no message has none to give: 1 is the least",
    );
}

fn times(scenario: &Scenario, check: Check<'_>) {
    let ms = Duration::from_millis;
    let day = Duration::from_secs(24 * 60 * 60);
    let mut range = |time: Duration, least: Duration, most: Duration, keys: &'static [&'static str]| {
        let message = format!(
            "{} is out of range: {} to {}",
            write_time(time),
            write_time(least),
            write_time(most)
        );
        check(least <= time && time <= most, keys, &message);
    };
    range(scenario.duration, ms(500), day, &["duration"]);
    range(scenario.warm_up, Duration::ZERO, day, &["warm_up"]);
    range(scenario.drain, Duration::ZERO, day, &["drain"]);
    range(scenario.rtt, Duration::ZERO, ms(10_000), &["link.rtt"]);
    range(scenario.poll_interval, ms(1), day, &["poll.interval"]);
    range(scenario.server_stop, Duration::ZERO, day, &["server.stop"]);
    range(scenario.restart.away, Duration::ZERO, day, &["server.restart"]);
    range(scenario.reconnect.wait, ms(1), LONGEST_HOLD, &["reconnect.wait"]);
    range(scenario.reconnect.longest, ms(1), LONGEST_HOLD, &["reconnect.longest"]);
    range(
        scenario.network.blocks_after,
        Duration::ZERO,
        day,
        &["network.blocks_after"],
    );
    range(
        scenario.network.free_after,
        Duration::ZERO,
        day,
        &["network.free_after"],
    );
    range(
        scenario.ladder.open_within,
        ms(10),
        LONGEST_HOLD,
        &["ladder.open_within"],
    );
    range(scenario.ladder.climb_after, ms(10), day, &["ladder.climb_after"]);
    range(scenario.long_poll_timeout, ms(10), LONGEST_HOLD, &["long_poll.timeout"]);
    if let ServerWait::Sleep(length) = scenario.server_wait {
        range(length, ms(1), ms(60_000), &["server.wait"]);
    }
}

/// What stands in the way, and who can do without what it takes away.
fn network(scenario: &Scenario, check: Check<'_>) {
    let (network, ladder) = (&scenario.network, &scenario.ladder);
    let is_blocked = !network.blocks.is_empty();
    check(
        !is_blocked || ladder.falls_back,
        &["network.blocks", "ladder.falls_back"],
        "a listener that keeps to a blocked transport never listens: set ladder.falls_back to true",
    );
    check(
        ladder.lacks.is_empty() || ladder.falls_back,
        &["ladder.lacks", "ladder.falls_back"],
        "a listener that keeps to a transport that it lacks never listens: set ladder.falls_back to true",
    );
    let strips = is_blocked && network.how == Blocking::Strip;
    check(
        !strips || network.blocks == [Transport::Websocket],
        &["network.how", "network.blocks"],
        "only WebSocket asks for an upgrade that could be stripped: block it alone, or choose refuse, cut or swallow",
    );
    let (from, until) = (network.blocks_after, network.free_after);
    check(
        until.is_zero() || from < until,
        &["network.free_after", "network.blocks_after"],
        "the way is free again before it is blocked: network.free_after has to be the later one",
    );
    for transport in &scenario.transports {
        // What is blocked from the beginning and for a while will be there some day, but the run begins only when everybody is.
        let shut_out =
            |rung: &Transport| ladder.lacks.contains(rung) || from.is_zero() && network.blocks.contains(rung);
        let message = format!(
            "listeners of {transport} have nothing left to begin with: leave them one of the transports from it down to poll"
        );
        check(
            !ladder.falls_back || !LadderKnobs::rungs(*transport).iter().all(shut_out),
            &["network.blocks", "ladder.lacks"],
            &message,
        );
    }
}

fn together(scenario: &Scenario, check: Check<'_>) {
    let messages = scenario.rate_per_s * scenario.sending().as_secs_f64();
    let many = format!("{messages:.0} messages are more than a run can keep account of: at most {MOST_MESSAGES:.0}");
    let keys: &[&str] = if scenario.is_rated_by_deliveries() {
        &["feed.deliveries", "listeners", "duration", "warm_up"]
    } else {
        &["feed.rate", "duration", "warm_up"]
    };
    check(messages <= MOST_MESSAGES, keys, &many);
    let stop = scenario.server_stop;
    let whole = format!(
        "a stop of {} leaves nothing of a window of {}",
        write_time(stop),
        write_time(scenario.duration)
    );
    check(stop * 2 <= scenario.duration, &["server.stop", "duration"], &whole);
    let away = scenario.restart.away;
    check(
        scenario.server_cpu_percent == 0 || stop.is_zero() && away.is_zero(),
        &["server.cpu_percent", "server.stop", "server.restart"],
        "a server that is held to a share of a processor is stopped all the time: leave server.stop and server.restart at 0s, or server.cpu_percent at 0",
    );
    let whole = format!(
        "a server that is away for {} leaves nothing of a window of {}",
        write_time(away),
        write_time(scenario.duration)
    );
    check(away * 2 <= scenario.duration, &["server.restart", "duration"], &whole);
    check(
        stop.is_zero() || away.is_zero(),
        &["server.restart", "server.stop"],
        "a run either stops its server for a while or restarts it: leave one of the two at 0s",
    );
    let longest = scenario.reconnect.longest;
    let short = format!(
        "the first wait is already up to {}: the longest cannot be less",
        write_time(scenario.reconnect.wait)
    );
    check(
        scenario.reconnect.wait <= longest,
        &["reconnect.longest", "reconnect.wait"],
        &short,
    );
    network(scenario, check);
    let unguarded = scenario.poll_timer == PollTimer::Unguarded;
    let many = format!(
        "without a guard a listener asks every {} while an answer takes {}: more than the six connections that a browser opens",
        write_time(scenario.poll_interval),
        write_time(scenario.rtt)
    );
    check(
        !unguarded || scenario.rtt < scenario.poll_interval * 5,
        &["poll.timer", "poll.interval", "link.rtt"],
        &many,
    );
    check(
        !unguarded || scenario.http_keep_alive,
        &["poll.timer", "http.keep_alive"],
        "a timer without a guard keeps its connections: leave http.keep_alive true",
    );
    // The last message leaves at the very end; whoever asks for it last must still be given the time to hear it.
    let mut needed = scenario.rtt * 2;
    if scenario.transports.contains(&Transport::Poll) {
        needed += scenario.poll_interval;
    }
    if let ServerWait::Sleep(length) = scenario.server_wait {
        needed += length;
    }
    let enough = write_time(needed);
    let short = format!(
        "a drain of {} ends before the last message is heard, which takes up to {enough} here (two round trips{}{}): raise it to {enough}, where it \
         is written or with --set drain={enough}",
        write_time(scenario.drain),
        match scenario.transports.contains(&Transport::Poll) {
            true => format!(", and poll.interval, {}", write_time(scenario.poll_interval)),
            false => String::new(),
        },
        match scenario.server_wait {
            ServerWait::Sleep(length) => format!(", and the server’s sleep, {}", write_time(length)),
            _ => String::new(),
        }
    );
    check(
        scenario.drain >= needed,
        &["drain", "poll.interval", "server.wait", "link.rtt"],
        &short,
    );
}
