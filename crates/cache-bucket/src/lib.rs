//! A hotcache backend with a table of its own: keys and integers lie in the buckets, and reads write nothing.
//!
//! # When not to use it
//!
//! * Where most operations delete keys, replace or delete objects, or insert keys over 8 bytes: other backends are up to
//!   twice as fast there.
//! * For thousands of caches of a few keys each: one takes 18 KiB once it has a key.
//! * Where replaced objects must be dropped at once: they live until no thread can see them any more, which is soon.
//!
//! # What it is good at
//!
//! Reads write nothing that another thread reads, and never wait. A present integer is set or added to by one atomic
//! operation in place. Keys of up to 72 bytes lie in the bucket beside their value: no allocation, and two cache
//! misses at once instead of one after the other. [`get_many`](cache_core::IntCache::get_many) overlaps the misses of
//! sixteen keys, and [`with`](cache_core::ObjCacheExt::with) touches no reference count.
//!
//! # Memory
//!
//! The table grows and shrinks a few buckets at a time, beside other writes;
//! [`shrink_to_fit`](BucketIntCache::shrink_to_fit) does it at once.
//!
//! What was removed or replaced is freed when no thread can see it any more. A thread that writes has at most 128 such
//! objects, or 256 for a moment after another thread stopped using caches; more while a thread is stopped in the middle of an
//! operation, as some are all the time where more of them are busy than there are cores. A thread that ends and a cache that is dropped
//! leave none. A thread that stays in a closure of `with`, `for_each` or `retain` keeps what is retired meanwhile, and frees
//! it when it leaves. `docs/bucket-reclamation.md` in the repository has the details.
//!
//! # How it works
//!
//! `docs/bucket.md` in the repository has the design and what each part of it was worth, `docs/bucket-proofs.md` why it
//! is sound and what was done to refute that.
//!
//! # Panics in callers' code
//!
//! A panic in a closure, in a key's `Hash` or `Eq`, or in the `Drop` of a key or an object leaves the cache usable. Each of
//! these may call the cache, too. A `Drop` may run at the end of any write to any cache of the process, on any thread. So it must
//! not need a lock that a writer holds, and if it panics, that write is where the panic surfaces, once its work is done.
//!
//! # Examples
//!
//! ```
//! use cache_bucket::BucketIntCache;
//! use cache_core::{IntCache, IntCacheExt};
//!
//! let stock: BucketIntCache = BucketIntCache::default();
//! stock.set("sku:1", 1);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(0));
//! assert!(stock.try_add("sku:1", -1, 0..).is_err());
//! ```

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

cache_core::collect!(BucketIntCache, BucketObjCache);
