//! What a user of talkplace sees, over real sockets and with the real program. One binary, a module per theme.

// A test that cannot go on says so by its panic, in its helpers too.
#![allow(clippy::unwrap_used)]

mod command_line;
mod runs;
mod server;
mod support;
