//! hotcache over [`papaya`]: lock-free reads and writes, and a table that grows incrementally.
//!
//! [`PapayaBackend`] has the whole page: when not to use it, what it is good at, its memory, and callers' code in it.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::papaya::IntCache;
//!
//! let stock = IntCache::<str>::new();
//! stock.set("sku:1", 100);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(99));
//! ```
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;

pub use backend::PapayaBackend;
pub use int::PapayaIntCache;
pub use obj::PapayaObjCache;

cache_core::collect!(PapayaIntCache, PapayaObjCache);
