//! The traits, imported unnamed: their methods are in scope, and their names cannot clash with the types of a
//! backend.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::bucket::IntCache;
//!
//! let cache: IntCache = IntCache::new();
//! cache.set("a", 1);
//! ```

pub use cache_core::Backend as _;
pub use cache_core::IntCache as _;
pub use cache_core::IntCacheExt as _;
pub use cache_core::Key as _;
pub use cache_core::ObjCache as _;
pub use cache_core::ObjCacheAsyncExt as _;
pub use cache_core::ObjCacheExt as _;
