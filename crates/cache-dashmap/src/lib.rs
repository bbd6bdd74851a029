//! hotcache over [`dashmap`]: sharded read-write locks over hashbrown tables, the integers as atomics in
//! place.
//!
//! # When not to use it
//!
//! * Many threads that read a few hot keys: even a read lock writes to the lock's word, so readers of one
//!   shard pass one cache line around. papaya and the bucket table write nothing shared on a read.
//! * Readers that must never wait: an insert that grows a shard of many thousand keys holds its lock for as
//!   long as the copy takes, and [`for_each`](cache_core::IntCache::for_each) keeps writers out of a shard
//!   while it passes through it.
//! * A [`len`](cache_core::IntCache::len) that is called all the time: it takes the lock of every shard.
//!
//! # What it is good at
//!
//! Beside rwlock it is the fastest here on one thread, on hot keys and on cold ones, and the leanest. What is
//! deleted or replaced is freed at once, on the calling thread and under no lock. A key that is there is
//! read, set and added to under its shard's *read* lock; only inserts, deletes and the `set` of an object
//! exclude anyone.
//!
//! It differs from the rwlock backend in little but the lock, which is DashMap's own, and in its default of
//! four shards for each core. Take it where DashMap is in the program already.
//!
//! # Memory
//!
//! An entry is the owned key and 8 bytes, plus one byte of the table: 33 bytes for `str` keys of up to 24
//! bytes, times the room that a table leaves free. With a million 8-byte keys 69 bytes a key were counted,
//! and 80 at the worst point on the way to two million. `del` and `retain` keep the room for later inserts,
//! until these find a shard less than half full; `clear` gives it back.
//!
//! # Callers' code
//!
//! A panic in a closure, in a key's `Hash`, `Eq` or `Drop`, or in the `Drop` of an object leaves the cache usable and
//! complete, and nothing leaks. Only one that comes while the cache itself is dropped leaks what was about to be dropped.
//!
//! Objects are dropped under no lock, so their `Drop` may call the cache. So may the `Drop` of a key, but in `retain`,
//! and `to_owned_key`, but in [`keys`](cache_core::IntCache::keys). A key's `Eq` and `Borrow` run under the lock of a
//! shard, and so does its `Hash` while the shard grows: these must not call the cache, which may wait for itself for
//! ever.
//!
//! # How it is adapted
//!
//! Through DashMap's raw API, so that an operation hashes its key once even if it has to look twice, and
//! makes an owned key only to insert it, under no lock. On a present key that is fewer instructions than
//! [`DashMap::get`](dashmap::DashMap::get) takes.
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
