//! How long operations take that arrive on a fixed schedule, each from the instant at which it was due.
//!
//! Each row has a process of its own, with memory that was touched before: see [`processes`].

mod measure;
pub mod processes;

pub use measure::{Latencies, capacity, measure};
pub use processes::{as_child, run};
