//! hotcache over [`flurry`], a port of Java's `ConcurrentHashMap`.
//!
//! [`FlurryBackend`] has the whole page: when not to use it, what it is good at, its memory, and callers' code in it.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::flurry::IntCache;
//!
//! let stock = IntCache::<str>::new();
//! stock.set("sku:1", 100);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(99));
//! ```
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;

pub use backend::FlurryBackend;
pub use int::FlurryIntCache;
pub use obj::FlurryObjCache;

cache_core::collect!(FlurryIntCache, FlurryObjCache);
