//! A hotcache backend with a table of its own: keys and integers lie in the buckets, and reads write nothing.
//!
//! In work.

// Under loom there is the kernel alone, for its models.
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
