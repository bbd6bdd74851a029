//! hotcache over [`scc`]: buckets of 32 entries, each with a lock of its own, in a table that is resized a
//! little at a time.
//!
//! # When not to use it
//!
//! * Many threads that read a few hot keys: a read takes the shared lock of a bucket, and so writes to a word
//!   that other readers want. With two threads on a hundred keys a read cost twice what it costs alone.
//! * A [`len`](cache_core::IntCache::len) that is called all the time: it looks at every bucket, and helps a
//!   resize along.
//! * Passes over millions of keys (`keys`, `for_each`, `retain`): each keeps a copy of the keys that it has
//!   met, see below.
//! * Inserts above all: to look first and then insert are two operations on the map, with 1.4 times the
//!   instructions of an insertion alone.
//!
//! # What it is good at
//!
//! Writers meet only in a bucket, not in a shard of the table, and growing never stops anyone for long:
//! whoever comes by moves a few buckets. It is the one that gives memory back by itself, with each `del` that
//! leaves a bucket empty. What is deleted or replaced is freed at once, on the calling thread and under no
//! lock.
//!
//! # Why `HashMap` and not `HashIndex`
//!
//! scc has a second table, whose reads take no lock. Both caches are over [`scc::HashMap`]; nanoseconds an
//! operation with 100 `str` keys on one thread and on two, medians of seven rounds on a 2-core x86-64 virtual
//! machine:
//!
//! | | `HashMap` | `HashIndex` |
//! |---|---|---|
//! | integer, get | 18, 34 | 17, 33 |
//! | integer, add | 18, 52 | 18, 51 |
//! | object, with | 16, 27 | 13 at first, 31 once its keys were replaced; 32 |
//! | object, set | 16, 69 | 219, 788 |
//!
//! *Integers* change in place, and a reader of `HashIndex` without a lock may be handed a value that has
//! since been moved elsewhere, as its docs say: an `add` to it would be lost. Under the lock that its docs
//! then ask for there is nothing to win.
//!
//! *Objects* are replaced, and `HashIndex` replaces one by inserting a second entry and then hiding the
//! first, which a reader can pass between: of 52 million reads of a key that was there throughout, while
//! another thread replaced its value, 72,000 found none. That is no linearizable read. It also drops what it
//! replaced only when the bucket is full, and then under the bucket's lock.
//!
//! # Passes
//!
//! Should the table shrink under a pass, scc shows some entries again. `keys`, `for_each` and `retain`
//! promise each key once, so they remember the keys that they have met: an owned copy of each for as long as
//! the pass takes.
//!
//! # Memory
//!
//! An entry is the owned key and 8 bytes, and two bytes of its bucket: 34 bytes for `str` keys of up to 24
//! bytes, times the room that a table leaves free. With a million 8-byte keys 71 bytes a key were counted,
//! and 127 at the worst point on the way to two million, while the old table is being emptied into one of
//! twice its size. [`Backend::reclaim`](cache_core::Backend::reclaim) frees outgrown tables that wait for
//! their last reader.
//!
//! The table grows and shrinks by itself: [`reserve`](cache_core::IntCache::reserve) and
//! [`shrink_to_fit`](cache_core::IntCache::shrink_to_fit) do nothing.
//!
//! # Callers' code
//!
//! A panic in a closure, in a key's `Hash` or `Eq`, or in the `Drop` of an object leaves the cache usable, and nothing
//! leaks. After a panic in the `Drop` of a key the cache is usable, but what was about to be dropped with it may leak.
//!
//! Every `Drop` runs under no lock and may call the cache, and so may `to_owned_key`. A key's `Eq` and `Borrow` run
//! under the lock of a bucket; so do its `Hash` and the hasher while the table is resized, and its `Hash` and `Clone` in a
//! pass. These, and closures, must not call the cache, which may wait for itself for ever.
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
