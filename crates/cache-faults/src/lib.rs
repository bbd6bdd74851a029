//! Faults against mirrors and stock leases on real servers: what `cargo xtask faults` runs.
//!
//! A run is a number of rounds. What a round does follows from the seed of the run and the number of the round alone: it is
//! printed before it happens, and can be repeated. How the processes interleave cannot be repeated, so a failure may need
//! several attempts.
//!
//! Each round ends with its oracles. The first violation ends the run, which then names the seed and the round. The controls
//! run what is known to be wrong, and fail unless the same oracles catch it.
#![forbid(unsafe_code)]

mod flags;
mod leases;
mod mirrors;
mod random;
mod run;
mod violation;

pub use flags::{Flags, Subject};
pub use leases::node::{NodeFlags, sell};
pub use run::run;
pub(crate) use violation::{Violation, violated};
