//! The results of hotcache's benchmarks: their file format, comparisons of runs, and pages that show them.
#![forbid(unsafe_code)]

mod advice;
mod aligned;
mod bounded;
mod compare;
mod disturbance;
mod document;
mod file;
mod garbage;
mod hit_ratio;
mod html;
mod latencies;
mod machine;
mod markdown;
mod number;
mod packed;
mod random;
mod report;
mod scaling;
mod schema;
mod series_style;
mod stats;
mod store;
mod summary;
mod svg;

pub use advice::{Advice, Standing};
pub use bounded::{bounded, bounded_memory};
pub use compare::{Change, Common, Comparison, Settings, Verdict, compare};
pub use disturbance::disturbance;
pub use file::{check_writable, write_whole};
pub use garbage::garbage;
pub use hit_ratio::hit_ratios;
pub use latencies::latencies;
pub use report::Report;
pub use scaling::{Law, Prediction, Scaling};
pub use schema::*;
pub use store::{Store, StoreError};
pub use summary::summary;
