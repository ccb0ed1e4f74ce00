//! Labs: one question each, with the scenario that answers it.
//!
//! A [`Lab`] is a folder of `labs/` that is also inside the binary. Its scenario is TOML; a [`Source`] reads it by the
//! table of [knobs](crate::results::knob), puts on top what the command line changes, and checks the whole before anything
//! is measured. [`measure`] then makes results of it.

pub mod attack;
mod both_clocks;
mod caution;
mod check;
mod faults;
mod health;
pub mod knee;
mod library;
mod measure;
mod problem;
mod read;
mod source;
pub mod sweep;
mod sweep_check;
#[cfg(test)]
mod testing;
pub mod verify;

pub use check::verdicts;
pub use health::unclear;
pub use library::{File, LABS, Lab, lab};
pub use measure::{End, MeasureError, Setup, Step, Watch, begin, measure, steps};
pub use problem::{Place, Problem, Problems};
pub use source::{Change, Planned, Source};
pub use sweep_check::sweep_verdicts;
