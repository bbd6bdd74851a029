//! A hotcache backend with its own hash table: keys and integers are stored in the buckets, and reads write no shared
//! memory.
//!
//! [`BucketBackend`] has the whole page: when not to use it, what it is good at, its memory, and callers' code in it.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::bucket::IntCache;
//!
//! let stock: IntCache = IntCache::default();
//! stock.set("sku:1", 1);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(0));
//! assert!(stock.try_add("sku:1", -1, 0..).is_err());
//! ```

// Under loom only the kernel is compiled, for its models.
#![cfg_attr(loom, allow(dead_code, unused_imports, reason = "the models use a part of the kernel"))]

#[cfg(all(test, not(loom)))]
mod adversaries;
mod arch;
#[cfg(not(loom))]
mod backend;
#[cfg(not(loom))]
mod int;
#[cfg(not(loom))]
mod map;
#[cfg(all(loom, test))]
mod models;
#[cfg(not(loom))]
mod obj;
mod primitive;
mod raw;
mod reclaim;
mod seeded;
#[cfg(tsan)]
mod seen;

#[cfg(not(loom))]
pub use backend::BucketBackend;
#[cfg(not(loom))]
pub use int::BucketIntCache;
#[cfg(not(loom))]
pub use obj::BucketObjCache;

#[cfg(not(loom))]
cache_core::collect!(BucketIntCache, BucketObjCache);
