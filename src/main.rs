//! The `talkplace` command.

fn main() {}
