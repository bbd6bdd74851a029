//! A complete cache over any hotcache backend: bounds, eviction, expiry, loading and statistics.
//!
//! The backends are maps without bounds. [`Cache`] adds what a service needs before keys that its clients make up. It keeps
//! what makes the maps fast: a hit on a hot entry writes nothing that another thread reads.
//!
//! ```
//! use std::time::Duration;
//! use cache_policy::Cache;
//! use cache_rwlock::RwLockBackend;
//!
//! let events: Cache<String, str, RwLockBackend> =
//!     Cache::builder().max_entries(10_000).time_to_live(Duration::from_secs(60)).build();
//! events.insert("event:1", "Flash sale".to_owned());
//! assert_eq!(*events.get("event:1").unwrap(), "Flash sale");
//! ```
//!
//! `hotcache::Cache` is this type with the default backend filled in.
//!
//! # Work
//!
//! There is no thread. Each write looks at a few entries, to evict and to free what is past its time; a read never does.
//! So a cache that nobody writes to keeps expired entries in memory, though it never returns them:
//! [`maintain`](Cache::maintain) frees them.
//!
//! # Callers' code
//!
//! Weigher, expiry, listener, loaders and clock run under no lock, and may call the cache. Closures of `with`
//! may run under a lock of the backend and must not call any cache. What a panic in a key's own code does is the backend's
//! to say.
#![forbid(unsafe_code)]

mod builder;
mod cache;
mod clock;
mod counters;
mod entry;
mod listener;
mod loading;
mod loads;
#[cfg(all(test, shuttle))]
mod models;
pub mod policy;
mod queues;
mod stats;
mod store;
mod sync;
mod time;

pub use self::builder::Builder;
pub use self::cache::Cache;
pub use self::clock::{Clock, ManualClock, SystemClock};
pub use self::counters::{CountError, Counters, CountersBuilder, Rate, RateLimiter, Verdict};
pub use self::entry::{Group, Handle, Membership};
pub use self::listener::{Cause, Expiry};
pub use self::loading::{Loaded, Rest};
pub use self::stats::Statistics;
