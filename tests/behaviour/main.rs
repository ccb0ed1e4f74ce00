//! What a user sees, over real sockets and with the real program; a module per theme.

mod command_line;
mod runs;
mod support;
