//! hotcache's benchmarks: the matrix, traces, memory, bounded caches, and adapters beside the maps they adapt.
//!
//! They keep to a few rules, which `docs/benchmarking.md` explains:
//!
//! * keys and the order of operations are settled before a clock starts ([`keys`], [`stream`]);
//! * threads are released together, and time runs from the release to the last finish ([`team`]);
//! * every row is driven through the same generic code, with no `dyn` inside a loop ([`peer`], [`subject`]);
//! * after the clock has stopped, every cell is checked ([`sample`], [`fault`]): a number whose operations did
//!   not do what they say is never shown;
//! * the rows of one work are measured next to each other, beginning with another each time ([`matrix`]).
#![forbid(unsafe_code)]

pub mod adapters;
pub mod beat;
pub mod bench;
pub mod bounded;
mod check;
mod child;
pub mod churn;
pub mod cli;
pub mod console;
pub mod document;
pub mod fault;
pub mod go;
pub mod hit_ratio;
pub mod keys;
pub mod latency;
pub mod load;
pub mod machine;
mod machine_speed;
mod map_pool;
pub mod matrix;
pub mod memory;
pub mod mix;
pub mod payload;
pub mod peer;
pub mod peers;
pub mod progress;
mod quiet;
mod resume;
pub mod sample;
mod sampler;
pub mod session;
mod signals;
mod slowed;
pub mod stream;
pub mod subject;
pub mod team;
pub mod timer;
pub mod trace;

pub use hotcache_bench_alloc as alloc;

/// The programs in the guide, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/benchmarking.md")]
struct Guide;
