//! hotcache over sharded [`parking_lot::RwLock`]s, the integers as atomics in place.
//!
//! # When not to use it
//!
//! * Many threads that read a few hot keys: even a read lock writes to the lock's word, so readers of one shard
//!   pass one cache line around. papaya and the bucket table write nothing shared on a read.
//! * Readers that must never wait: an insert that grows a shard of many thousand keys holds its lock for as long
//!   as the copy takes.
//!
//! # What it is good at
//!
//! It is the plainest of the backends. Like `dashmap` and `scc`, it frees what is deleted at once, at the `del`, on the
//! calling thread. A key that is there is read, set and added to under the shard's *read* lock;
//! only inserts and deletes exclude anyone.
//!
//! With one shard it is the seed of this project, a single read-write lock over a map from keys to counters,
//! with its races mended. The benchmarks keep that as the row `rwlock-1`.
//!
//! # Memory
//!
//! An entry is the owned key and 8 bytes, plus one byte of the table: 33 bytes for short `str` keys, times the
//! room that a table leaves free (1.14 to 2.3). `del` keeps the room for later inserts; `clear` and `shrink_to_fit` give it back.
//!
//! # Callers' code
//!
//! A panic in a closure, or in a key's `Hash`, `Eq` or `Drop`, or in the `Drop` of an object, leaves the cache usable
//! and complete, and nothing leaks.
//!
//! Every `Drop` runs under no lock and may call the cache; so may `to_owned_key`, but in
//! [`keys`](cache_core::IntCache::keys). A key's `Eq` and `Borrow` run under the lock of a shard, and so does its `Hash`
//! while the shard grows: these must not call the cache, which may wait for itself for ever.
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
