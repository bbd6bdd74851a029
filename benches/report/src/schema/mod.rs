//! The JSON form of a run: what the benchmarks write, and everything else here reads.
//!
//! A document is one object. Fields may be added to it within one [`VERSION`], and a reader passes over those that
//! it does not know; a field that changes its meaning or goes raises the version.

mod bounded;
mod cell;
mod check;
mod error;
mod garbage;
mod hit_ratio;
mod latency;
mod machine;
mod memory;
mod run;
mod trace;

pub use bounded::{Bounded, BoundedMemory};
pub use cell::{Cell, Kind, Skipped, Spread, Work};
pub use error::SchemaError;
pub use garbage::{Garbage, Moment};
pub use hit_ratio::HitRatio;
pub use latency::{Latency, Percentiles};
pub use machine::Machine;
pub use memory::{Footprint, Memory};
pub use run::{Run, VERSION};
pub use trace::Replay;

use serde::{Deserialize, Deserializer};

/// A field that may be `null` but must be there: without this, serde takes an absent `Option` for `None`.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)
}
