#![doc = include_str!("README.md")]

mod cursor;
mod message;
mod refusal;
mod transport;
mod wait;

pub use cursor::{After, Cursor, CursorError, FeedId, Seq};
pub use message::{Message, Speaker};
pub use refusal::Refusal;
pub use transport::{Transport, UnknownTransport};
pub use wait::{Wait, WaitError};
