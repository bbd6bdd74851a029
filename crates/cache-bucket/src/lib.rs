//! A hotcache backend with its own hash table: keys and integers are stored in the buckets, and reads write no shared
//! memory.
//!
//! # When not to use it
//!
//! * Most operations delete keys, replace or delete objects, or insert keys over 8 bytes: other backends are up to
//!   twice as fast.
//! * There are thousands of caches of a few keys each: one takes 18 KiB once it has a key.
//! * Replaced objects must be dropped at once: here they live until no thread can see them, which is soon.
//!
//! # What it is good at
//!
//! Reads write nothing that another thread reads, and never wait. `set` and `add` of a present integer are one atomic
//! operation in place. Keys of up to 72 bytes are stored in the bucket beside their value: there is no allocation,
//! and the two cache misses overlap. [`get_many`](cache_core::IntCache::get_many) overlaps the misses of sixteen
//! keys, and [`with`](cache_core::ObjCacheExt::with) touches no reference count.
//!
//! # Memory
//!
//! The table grows and shrinks a few buckets at a time, as part of other writes.
//! [`shrink_to_fit`](cache_core::IntCache::shrink_to_fit) does it at once.
//!
//! Removed and replaced objects are freed when no thread can see them any more. A thread that writes has at most 128
//! such objects, or 256 for a moment after another thread stopped using caches. It has more while a thread is stopped
//! in the middle of an operation, which is normal where more threads are busy than there are cores. A thread that
//! ends and a cache that is dropped leave none. While a thread stays in a closure of `with`, `for_each` or `retain`,
//! nothing that is retired meanwhile is freed; that thread frees it when it leaves. `docs/bucket-reclamation.md` in
//! the repository has the details.
//!
//! # How it works
//!
//! `docs/bucket.md` in the repository describes the design. `docs/bucket-proofs.md` says why it is sound, and how
//! that was tested.
//!
//! # Panics in callers' code
//!
//! A panic in a closure, in a key's `Hash` or `Eq`, or in the `Drop` of a key or an object leaves the cache usable. A
//! key's own code and every `Drop` may call the cache, with one exception: a call of `take`, `del_if` or `retain` of
//! an integer cache from a key's own code panics, because the operation that runs that code may be one that they wait
//! for. Closures of `with`, `for_each`, `retain` and `del_if` must not call their own cache, although it works here:
//! in builds with debug assertions, such a call panics. A `Drop` may run at the end of any write to any cache of the
//! process, on any thread. So it must not need a lock that a writer holds. If it panics, the panic surfaces from that
//! write, once the write is complete.
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
