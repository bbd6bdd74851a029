//! Bytes per key, each row in a process of its own: what one leaves behind would count for the next.

mod measure;
mod processes;

pub use measure::{Footprint, Phase, measure};
pub use processes::{as_child, run};
