//! What hotcache's benchmarks measured: the form it is written in, comparisons of runs, and pages that show it.
#![forbid(unsafe_code)]

mod advice;
mod compare;
mod file;
mod machine;
mod number;
mod random;
mod scaling;
mod schema;
mod stats;
mod store;

pub use advice::{Advice, Standing};
pub use compare::{Change, Common, Comparison, Settings, Verdict, compare};
pub use file::write_whole;
pub use scaling::{Law, Prediction, Scaling};
pub use schema::*;
pub use store::{Store, StoreError};
