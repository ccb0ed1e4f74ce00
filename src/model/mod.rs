//! What each transport should cost: arithmetic on paper, to be drawn beside what was measured.
//!
//! Nothing here looks at a run, a socket or a clock. Each file holds one idea with its derivation; the tests check every formula
//! against cases worked by hand and against a step-by-step [simulation](#how-far-to-trust-it) that knows none of them.
//!
//! | question | file |
//! |---|---|
//! | How late and how often is a listener served? | [`ShortPoll`], [`LongPoll`], [`FanOut`] (WebSocket and events), [`Stream`] (one that ends now and then) |
//! | And with this very schedule of messages, chance aside? | [`Plan`] |
//! | What do careless polls cost? | [`poll_variants`] |
//! | What does a server cost its listeners that looks now and then, instead of being woken? | [`SleepingServer`] |
//! | When does long polling ask more often than short polling? | [`crossover`] |
//! | How many bytes does a message cost? | [`bytes`] |
//! | What does waiting for a busy server add? | [`queue`], [`saturation`] (many long polls at once, and what lies past the knee) |
//! | How many listeners can a server bear? | [`Server`] |
//! | What would very many listeners take? | [`projection`] |
//! | How long should a long poll be held? | [`hold`], [`unknown_limit`], [`silent_cut`] |
//! | What follows when a server restarts? | [`come_back`] |
//! | What did others publish? | [`published`] |
//!
//! # Symbols
//!
//! All times are seconds in `f64`, all rates per second; none is negative or NaN. The docs use the letters, the code the names:
//!
//! | | | | |
//! |---|---|---|---|
//! | λ | `rate_per_s`, messages a second in the feed; every listener hears all | I | 1/λ |
//! | T | `interval_s` of short polling | τ | `hold_s`, how long the server may hold a long poll |
//! | d | `one_way_s`, delay of one direction; the round trip is 2d | s | `service_s`, server time for a request |
//! | c | `client_s`, from an answer to the next request | h | set-up of a connection before a request, see [`Connection`] |
//! | sw | `write_s`, server time to write one message to one listener | N, W | `listeners`, `workers` |
//! | C | the cycle: from one look at the feed, or one answer, to the next | G | the gap: the server holds no request of this listener |
//!
//! # Assumptions
//!
//! The delay of a message runs from the instant the server accepts it (`at`) to the instant the listener has it. d, s, c and
//! h are constant; listeners start at random phases; publishers wait for nobody. The server reads the feed when a request
//! arrives and answers s later. Nothing is lost on the way: one lost segment adds a retransmission time-out (200 ms or more
//! on Linux) to any transport.
//!
//! # How far to trust it
//!
//! `simulation/` moves requests, answers, frames and messages one at a time, from a seed. Every formula that is more than
//! algebra is compared with it: within four standard errors (and a thousandth, for the ends of a run), or within 1 to 2 %
//! where a case has little chance in it. The shape of [`FanOut`]'s wait and the turns of a herd below saturation are
//! approximations, and are allowed more; their docs say what they leave out.

pub mod bytes;
pub mod come_back;
pub mod crossover;
pub mod hold;
pub mod poll_variants;
pub mod projection;
pub mod published;
pub mod queue;
pub mod saturation;
pub mod silent_cut;
pub mod unknown_limit;

mod arrivals;
mod capacity;
mod delay;
mod exchange;
mod fan_out;
mod long_poll;
mod plan;
mod prediction;
mod short_poll;
mod sleeping_server;
mod stream;

pub use arrivals::Arrivals;
pub use capacity::Server;
pub use delay::Delay;
pub use exchange::{Connection, Exchange};
pub use fan_out::FanOut;
pub use long_poll::LongPoll;
pub use plan::Plan;
pub use prediction::Prediction;
pub use short_poll::{PollTimer, ShortPoll};
pub use sleeping_server::SleepingServer;
pub use stream::Stream;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod standard_runs;
