//! In-process caches for the hot data of flash sales and similar workloads.
//!
//! There are two kinds of cache. An [`IntCache`] holds counters that are changed in place and cannot be oversold. An
//! [`ObjCache`] holds shared objects, each of which is loaded once. Keys are strings, integers, bytes or your own
//! types. Both caches are available over several concurrent maps, with the same semantics: each of these backends is
//! a feature and a module.
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::bucket::{IntCache, ObjCache};
//!
//! let stock: IntCache = IntCache::new();
//! stock.set("sku:1", 2);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(1));
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(0));
//! assert!(stock.try_add("sku:1", -1, 0..).is_err()); // sold out
//!
//! let events: ObjCache<String> = ObjCache::new();
//! let title = events.get_or_insert_with("event:1", || "read from the database".to_owned());
//! assert_eq!(*title, "read from the database");
//! ```
//!
//! # Backends
//!
//! | feature | over | choose it for | not for |
//! |---|---|---|---|
//! | `rwlock` | sharded `parking_lot::RwLock`s | simple behaviour, memory freed at once | many readers of few keys |
//! | `dashmap` | `dashmap` | programs that use DashMap already | many readers of few keys |
//! | `flurry` | `flurry` | colliding keys, readers that never block | speed, little memory |
//! | `scc` | `scc` | inserts and deletes | `set` of one hot object, reads of few keys |
//! | `papaya` | `papaya` | reads from many threads | keys that come and go, objects that are replaced often |
//! | `bucket` (default) | our own hash table | reads, adds and sets, of few keys or of millions | mostly deletes, objects that are replaced often |
//!
//! The page of each module says when not to use it. To measure on your own machine, run `cargo xtask bench` in the
//! repository. To choose a backend at run time, use [`AnyBackend`], which the feature `serde` reads from configuration
//! files. The features `rwlock` and `redis` need Rust 1.95, everything else 1.85.
//!
//! | code that | uses |
//! |---|---|
//! | knows its backend | the types of its module, such as `bucket::IntCache` |
//! | lets a cargo feature decide | one alias, as `examples/pick-a-backend` does |
//! | is compiled for several | a type parameter `B: Backend`, and `B::Int<str, _>` |
//! | reads the backend from its configuration | `Box<dyn IntCache>` from [`AnyBackend`], which is not a [`Backend`] |
//!
//! # Names
//!
//! The traits and the concrete types have the same names. Import the traits unnamed from the [`prelude`], and the
//! types from the module of a backend, as above. Or import the traits from the root of the crate, and write
//! `bucket::IntCache` for the type.
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any;
mod backends;
#[cfg(feature = "gate")]
#[cfg_attr(docsrs, doc(cfg(feature = "gate")))]
pub mod gate;
#[cfg(feature = "policy")]
pub mod policy;
pub mod prelude;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;

pub use any::{AnyBackend, UnknownBackend};
pub use cache_core::{
    AddError, Backend, CompactString, Composite, DefaultHashBuilder, DynLoadError, HashBuilder, IntCache,
    IntCacheExt, Key, LoadError, Loads, ObjCache, ObjCacheAsyncExt, ObjCacheExt, Options, UpdateError, Value,
};
#[cfg(all(feature = "policy", feature = "bucket"))]
pub use policy::{Cache, Counters, RateLimiter};

backends::modules!();

/// Runs the programs in the README as tests.
#[cfg(all(doctest, feature = "bucket", feature = "redis"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Runs the programs in the pages on limits and on other caches as tests.
#[cfg(all(doctest, feature = "bucket", feature = "policy"))]
mod pages {
    #[doc = include_str!("../../../docs/coming-from.md")]
    struct ComingFrom;

    #[doc = include_str!("../../../docs/rate-limits.md")]
    struct RateLimits;

    #[cfg(feature = "redis")]
    #[doc = include_str!("../../../docs/leases.md")]
    struct Leases;
}
