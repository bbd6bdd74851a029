//! hotcache over [`dashmap`]: hashbrown tables behind sharded read-write locks, with the integers as atomics in
//! place.
//!
//! # When not to use it
//!
//! * Many threads read a few hot keys: even a read lock writes to the lock's word, so readers of one shard contend
//!   for its cache line. Reads in `papaya` and `bucket` write nothing shared.
//! * Readers must never wait: an insert that grows a shard of many thousand keys holds its lock for as long as the
//!   copy takes, and [`for_each`](cache_core::IntCache::for_each) keeps writers out of a shard while it visits it.
//! * [`len`](cache_core::IntCache::len) is called often: it takes the lock of every shard.
//!
//! # What it is good at
//!
//! Together with `rwlock`, it is the fastest of the adapted maps on one thread, and takes the least memory. Deleted
//! and replaced objects are freed at once, on the calling thread and under no lock. A present key is read, set and
//! added to under its shard's *read* lock; only inserts, deletes and the `set` of an object take the write lock.
//!
//! It differs from `rwlock` in its lock, which is DashMap's own, and in its default of four shards for each core. Use
//! it if the program contains DashMap already.
//!
//! # Memory
//!
//! An entry takes the owned key and 8 bytes, plus one byte in the table: 33 bytes for `str` keys of up to 24 bytes,
//! plus the places of the table that are free. We measured 69 bytes per key with a million keys of 8 bytes, and at
//! most 80 while it grew to two million. `del` and `retain` keep the room for later inserts, until an insert finds a
//! shard less than half full; `clear` frees it.
//!
//! # Callers' code
//!
//! A panic in a closure, in a key's `Hash`, `Eq` or `Drop`, or in the `Drop` of an object leaves the cache usable and
//! complete, and nothing leaks. The exception is a panic while the cache itself is dropped: the remaining entries
//! leak.
//!
//! Objects are dropped under no lock, so their `Drop` may call the cache. So may the `Drop` of a key, except in
//! `retain`, and `to_owned_key`, except in [`keys`](cache_core::IntCache::keys). A key's `Eq` and `Borrow` run under
//! the lock of a shard, and so does its `Hash` while the shard grows. These must not call the cache: the call may
//! deadlock.
//!
//! # How it is adapted
//!
//! It uses DashMap's raw API. An operation hashes its key once, even if it looks it up twice, and creates an owned
//! key only for an insert, under no lock. For a present key this takes fewer instructions than
//! [`DashMap::get`](dashmap::DashMap::get).
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
