//! hotcache over [`scc`]: buckets of 32 entries, each with its own lock, in a table that is resized incrementally.
//!
//! [`SccBackend`] has the whole page: when not to use it, what it is good at, its memory, and callers' code in it.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::scc::IntCache;
//!
//! let stock = IntCache::<str>::new();
//! stock.set("sku:1", 100);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(99));
//! ```
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;
mod pass;

pub use backend::SccBackend;
pub use int::SccIntCache;
pub use obj::SccObjCache;

cache_core::collect!(SccIntCache, SccObjCache);
