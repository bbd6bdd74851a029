//! In-process caches for the hot data of flash sales, and anything like it.
//!
//! Two caches, keyed by strings (or by integers, bytes, a type of your own): an [`IntCache`] of counters that
//! are changed in place and cannot be oversold, and an [`ObjCache`] of shared objects that are loaded once. Both
//! come over several concurrent maps, one feature and one module for each, all with the same semantics.
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
//! | `rwlock` | sharded `parking_lot::RwLock`s | plain behaviour, memory freed at once | many readers of few keys |
//! | `dashmap` | `dashmap` | what you may have already | many readers of few keys |
//! | `flurry` | `flurry` | readers that never block | memory, speed |
//! | `scc` | `scc` | steady inserts and deletes | one hot key with `set` of objects |
//! | `papaya` | `papaya` | reads from many threads | churn of new keys |
//! | `bucket` (default) | a table of our own | reads, adds and sets, of few keys or of millions | deletes above all, objects that are replaced all the time |
//!
//! Each module's page opens with when not to use it. To measure on your own machine, run `cargo xtask bench` in
//! the repository. To choose at run time, use [`AnyBackend`].
//!
//! # Names
//!
//! The traits and the concrete types share their names. Import the traits unnamed with
//! [`prelude`], and name the types by module, as above; or name the traits from the root and say
//! `bucket::IntCache` for the type. Both together do not clash.
#![forbid(unsafe_code)]

mod any;
mod backends;
#[cfg(feature = "policy")]
pub mod policy;
pub mod prelude;

pub use any::{AnyBackend, UnknownBackend};
#[cfg(all(feature = "policy", feature = "bucket"))]
pub use policy::{Cache, Counters};
// With no backend there is nothing to re-export, and the compiler would say so.
#[cfg(any(
    feature = "rwlock",
    feature = "dashmap",
    feature = "flurry",
    feature = "scc",
    feature = "papaya",
    feature = "bucket"
))]
pub use backends::*;
pub use cache_core::{
    AddError, Backend, CompactString, Composite, DefaultHashBuilder, DynLoadError, HashBuilder, IntCache,
    IntCacheExt, Key, LoadError, Loads, ObjCache, ObjCacheAsyncExt, ObjCacheExt, Options, UpdateError, Value,
};

/// The programs in the README, run as tests.
#[cfg(all(doctest, feature = "bucket"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
