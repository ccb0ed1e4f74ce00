//! What a user of talkplace sees, over real sockets and with the real program. One binary, a module per theme.
#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails with the value in its message, which is what it should do"
)]

mod attack;
mod browser;
mod capture;
mod command_line;
mod conformance;
mod dependencies;
mod ending;
mod faults;
mod foreign;
mod handed_in;
mod in_between;
mod independent_receiver;
mod keeping;
mod knee;
mod labs;
mod ladder;
mod project;
mod restart;
mod runs;
mod server;
mod serving;
mod soak;
mod standard_runs;
mod starved;
mod strain;
mod support;
mod sweep;
mod texts;
