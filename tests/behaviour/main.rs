//! What a user of talkplace sees, over real sockets. One binary, a module per theme.

mod server;
