//! Bytes per key, and garbage; each in a process of its own, as what one leaves behind would count for the next.

mod base;
mod garbage;
mod measure;
mod processes;

pub use garbage::measure as measure_garbage;
pub use measure::{Footprint, Phase, measure};
pub use processes::{as_child, run};
