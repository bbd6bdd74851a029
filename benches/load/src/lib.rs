//! An open-loop load generator for `examples/flash-sale`, or any service with the same requests.
//!
//! Requests begin when the schedule says so, however slow the answers are, and latency counts from that moment: a service that
//! stalls cannot slow its own clients down and look well. Clients hang up, send the same request again, and cancel. At the end,
//! [`check`] compares what clients were told with the books of the service.
#![forbid(unsafe_code)]

pub mod bare;
pub mod check;
mod client;
mod flags;
mod http;
mod plan;
mod run;
mod seen;
mod service;
mod tally;

pub use crate::client::{Answer, Client};
pub use crate::flags::{Flags, Shape};
pub use crate::http::{Link, Reply};
pub use crate::plan::{Act, Attempt, Plan, Target};
pub use crate::run::{Outcome, Sale, run};
pub use crate::seen::{Accepted, Seen};
pub use crate::service::{Service, Start};
pub use crate::tally::{REASONS, Tally};
