//! hotcache over sharded [`parking_lot::RwLock`]s, with the integers as atomics in place.
//!
//! [`RwLockBackend`] has the whole page: when not to use it, what it is good at, its memory, and callers' code in it.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::rwlock::IntCache;
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

pub use backend::RwLockBackend;
pub use int::RwLockIntCache;
pub use obj::RwLockObjCache;

cache_core::collect!(RwLockIntCache, RwLockObjCache);
