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
//! There is no thread. Each write looks at a few entries, to evict and to free what is past its time. A read looks at its own
//! key only, and removes what it finds past its time. So a cache that nobody writes to keeps expired entries that nobody asks
//! for: [`maintain`](Cache::maintain) frees them.
//!
//! # Callers' code
//!
//! Weigher, expiry, listener and loaders run under no lock, and may call the cache. So does a clock, but it is asked again by what it
//! calls. Closures of `with`
//! may run under a lock of the backend and must not call any cache. What a panic in a key's own code does is the backend's
//! to say.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `serde` | [`snapshot`]: caches and counters to a file, and back |
//! | `csv` | [`csv`]: counters from and to lines of `key,value` |
//! | `metrics` | [`metrics`]: statistics through the `metrics` facade |
//! | `tracing` | spans of loads, and events where a load fails or a snapshot is refused |
//!
//! Spans and events of `tracing`, all of the target `hotcache`. The error of a loader is its caller's to log. Keys are
//! never shown, as they are personal data often.
//!
//! | | level | fields |
//! |---|---|---|
//! | span `load` around each loader | debug | `cache`, `refresh` |
//! | event in it: loaded | debug | |
//! | event in it: the load failed, panicked or was dropped | warn | |
//! | event: a snapshot was written or restored | info | `cache`, `kind`, the numbers of entries |
//! | event: a snapshot was refused or not written | warn | `cache`, `kind`, `error` |
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod cache;
mod clock;
mod counters;
#[cfg(feature = "csv")]
#[cfg_attr(docsrs, doc(cfg(feature = "csv")))]
pub mod csv;
mod entry;
mod hot_keys;
mod listener;
mod loading;
mod loads;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
#[cfg(all(test, shuttle))]
mod models;
pub mod policy;
mod queues;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub mod snapshot;
mod stats;
mod store;
mod sync;
mod time;
mod trace;

pub use self::builder::Builder;
pub use self::cache::Cache;
pub use self::clock::{Clock, ManualClock, SystemClock};
pub use self::counters::{CountError, Counters, CountersBuilder, Rate, RateLimiter, Verdict};
pub use self::entry::{Group, Handle, Membership};
pub use self::hot_keys::{HotKey, HotKeys};
pub use self::listener::{Cause, Expiry};
pub use self::loading::{Loaded, Rest};
pub use self::stats::Statistics;
