//! Reasons to doubt a run that only the program that measures it knows; the figures give others, which the report finds.

use crate::results::{Caution, Host};

/// What the reader of a run on this machine should know before anything is measured.
pub(super) fn cautions(host: &Host) -> Vec<Caution> {
    let debug = cfg!(debug_assertions).then(|| {
        caution(
            "This is a debug build, whose processor times are several times too long.",
            "Run it again with `cargo run --release`.",
        )
    });
    let alone = (host.cores < 2).then(|| {
        caution(
            "The server and the load generator shared one processor, so each waited for the other.",
            "Run it on a machine with two processors or more.",
        )
    });
    debug.into_iter().chain(alone).collect()
}

fn caution(what: &str, try_this: &str) -> Caution {
    Caution {
        what: what.to_owned(),
        try_this: try_this.to_owned(),
    }
}
