//! Reasons to doubt a run that only the program that measures it knows; the figures give others, which the report finds.

use crate::load::Peer;
use crate::protocol::Transport;
use crate::results::{Caution, Dialect, Host, Scenario};

/// What the reader of a run by this program should know before anything is measured.
pub(super) fn cautions() -> Vec<Caution> {
    let debug = cfg!(debug_assertions).then(|| {
        caution(
            "This is a debug build, whose processor times are several times too long.",
            "Run it again with `cargo run --release`.",
        )
    });
    debug.into_iter().collect()
}

/// What the figures of a server mean that talkplace did not start.
pub(super) fn of_foreign(peer: &Peer, scenario: &Scenario, host: &Host) -> Vec<Caution> {
    let is_far = !peer.address.ip().is_loopback();
    let holds = scenario.transports.contains(&Transport::LongPoll);
    let said = [
        Some(caution(
            "The server was not started by talkplace: it has settings of its own, the server.* knobs did not reach it, and every transport met \
             the same process, with what those before had left in it.",
            "Start it anew before each run, and measure one transport a run where memory matters.",
        )),
        (peer.dialect == Dialect::WsBroadcast).then(|| {
            caution(
                "A broadcast answers nobody, so a message counts as accepted when it was written; it has no cursors, so a listener that was cut \
                 off has lost what was said meanwhile; and it sends bare texts, the publisher’s own back to it among them, where the contract has \
                 a message with its id, its time and its speaker.",
                "Read bytes and delays with that in mind; to carry as many bytes, raise feed.text_bytes.",
            )
        }),
        (peer.dialect == Dialect::Nchan).then(|| {
            caution(
                "nchan sends bare texts, where the contract has a message with its id, its time and its speaker, and an answer of its polls \
                 carries one message, however many there are.",
                "Read bytes and requests with that in mind; to carry as many bytes, raise feed.text_bytes.",
            )
        }),
        (peer.dialect == Dialect::Nchan && holds).then(|| {
            caution(
                "How long a long poll is held is nginx’s own setting: the knob long_poll.timeout did not reach it.",
                "Set nchan_subscriber_timeout in its configuration to the knob’s value.",
            )
        }),
        (host.cores < 2 && !is_far).then(|| {
            caution(
                "The load generator had one processor. If that was the server’s, too, each waited for the other.",
                "Let the generator have one that the server does not use.",
            )
        }),
        is_far.then(|| {
            caution(
                "The server is on another machine: the emulated link came on top of the network between, and the instants at which it \
                 accepted messages are by another clock.",
                "Set link.rtt to 0s, and read the delays from the intended instants.",
            )
        }),
    ];
    said.into_iter().flatten().collect()
}

fn caution(what: &str, try_this: &str) -> Caution {
    Caution {
        what: what.to_owned(),
        try_this: try_this.to_owned(),
    }
}
