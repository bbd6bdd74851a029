//! The flags of the benchmarks, and the tasks that they describe.
//!
//! `cargo xtask bench` rejects invalid flags before it builds anything, so these types are in a crate without the
//! maps: [`Flags`] are parsed and checked into a [`Task`]. The benchmarks parse the same flags and run the task. The
//! result is a [`hotcache_report::Run`], from which tables, comparisons and pages are made.
#![forbid(unsafe_code)]

mod asked;
mod bounded;
mod cache;
mod capacity;
mod dist;
mod flags;
mod garbage;
mod hit_ratio;
mod key_count;
mod key_len;
mod key_type;
mod kinds;
mod matrix;
mod mix;
mod modes;
mod op;
mod output;
mod pace;
mod profile;
mod rate;
mod refusal;
mod row;
mod shown;
mod task;
mod trace_file;
mod work;

pub use bounded::{Bounded, BoundedWork, Requests};
pub use cache::Cache;
pub use capacity::Capacity;
pub use dist::Dist;
pub use flags::Flags;
pub use garbage::{Garbage, Workload};
pub use hit_ratio::{HitRatio, NamedTrace};
pub use hotcache_report::Kind;
pub use key_count::{KeyCount, MAX_KEY_VARIABLE, OWN_KEY_BATCH};
pub use key_len::{KEY_DIGITS, least_key_len};
pub use key_type::KeyType;
pub use matrix::Matrix;
pub use mix::Mix;
pub use op::{GROUP, Op};
pub use output::{Output, SLOWED_VARIABLE, partial_name, saved_runs};
pub use pace::Pace;
pub use profile::Profile;
pub use rate::Rate;
pub use refusal::Refusal;
pub use row::{BOUNDED_ONLY, ROWS, Row};
pub use shown::{shown, shown_path};
pub use task::{Adapters, Latency, Memory, Task, Trace};
pub use work::Work;
