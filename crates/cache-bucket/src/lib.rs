//! A hotcache backend with a table of its own: keys and integers lie in the buckets, and reads write nothing.
//!
//! In work.

#[cfg(all(test, not(loom)))]
mod adversaries;
mod arch;
mod backend;
mod int;
mod map;
mod obj;
mod primitive;
mod raw;
mod reclaim;

pub use backend::BucketBackend;
pub use int::BucketIntCache;
pub use obj::BucketObjCache;
