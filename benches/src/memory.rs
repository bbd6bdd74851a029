//! Bytes per key, garbage, and bytes per entry of bounded caches; each in a process of its own, as what one leaves behind would count for the next.

mod base;
mod bounded;
mod garbage;
mod measure;
mod processes;

pub use bounded::{measure_bounded, measure_unbounded};
pub use garbage::measure as measure_garbage;
pub use measure::{Footprint, Phase, measure};
pub use processes::{as_child, run};
