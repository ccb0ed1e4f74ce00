//! What a user of talkplace sees, over real sockets and with the real program. One binary, a module per theme.
#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails with the value in its message, which is what it should do"
)]

mod capture;
mod command_line;
mod dependencies;
mod faults;
mod project;
mod runs;
mod server;
mod serving;
mod soak;
mod support;
