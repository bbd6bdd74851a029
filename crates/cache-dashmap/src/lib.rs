//! hotcache over [`dashmap`]: hashbrown tables behind sharded read-write locks, with the integers as atomics in
//! place.
//!
//! [`DashMapBackend`] has the whole page: when not to use it, what it is good at, its memory, and callers' code in it.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::dashmap::IntCache;
//!
//! let stock = IntCache::<str>::new();
//! stock.set("sku:1", 100);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(99));
//! ```
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;
mod table;

pub use backend::DashMapBackend;
pub use int::DashMapIntCache;
pub use obj::DashMapObjCache;

cache_core::collect!(DashMapIntCache, DashMapObjCache);
