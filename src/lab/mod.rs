//! Labs: one question each, with the scenario that answers it.
//!
//! A [`Lab`] is a folder of `labs/` that is also inside the binary. Its scenario is TOML; a [`Source`] reads it, puts on top
//! what the command line changes, and checks the whole before anything is measured. What a scenario may say stands in one
//! place, the table of [`KEYS`]: the reader, `--set`, the flags, the list of knobs and the differences between two runs all
//! use it.

mod caution;
mod defaults;
mod faults;
mod keys;
mod library;
mod measure;
mod problem;
mod read;
mod source;
mod units;
mod value;

pub use keys::{Difference, KEYS, Key, differences};
pub use library::{File, LABS, Lab, lab};
pub use measure::{End, MeasureError, Watch, begin, measure};
pub use problem::{Place, Problem, Problems};
pub use source::{Change, Source};
pub use units::{UnitError, read_rate, read_time, write_rate, write_time};
pub use value::Kind;
