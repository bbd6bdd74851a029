//! What hotcache's benchmarks measured: the form it is written in, comparisons of runs, and pages that show it.
#![forbid(unsafe_code)]

mod compare;
mod file;
mod machine;
mod number;
mod random;
mod schema;
mod stats;
mod store;

pub use compare::{Change, Common, Comparison, Settings, Verdict, compare};
pub use file::write_whole;
pub use schema::*;
pub use store::{Store, StoreError};
