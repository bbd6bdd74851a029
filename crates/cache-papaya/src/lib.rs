//! hotcache over [`papaya`]: lock-free reads and writes, and a table that grows a little at a time.
//!
//! # When not to use it
//!
//! * Where clients choose the keys and can prepare collisions: in a table of `n` places papaya looks at no
//!   more than about `5 · log2(n)` of them for one key. More keys of *equal* hash than that, 37 in a small
//!   table and 107 in one of two million places, spill into a chain of further tables; single keys then
//!   become slow, and whatever looks at all of them (`keys`, `for_each`, `retain`, `clear`) never ends. The
//!   default hasher is seeded for each cache, which makes that unlikely; a keyed one
//!   ([`std::hash::RandomState`]) prevents it.
//! * Objects that are replaced all the time: every `set` of an object allocates an entry with a key of its
//!   own.
//! * Where the `Drop` of an object must happen soon: a replaced or deleted object may live until the thread
//!   that did it has done so to 31 more, or until the cache is dropped.
//!
//! # What it is good at
//!
//! Reads scale: they take no lock and write to nothing that another thread reads, so a hundred threads on one
//! object do not slow each other down ([`with`](cache_core::ObjCacheExt::with) then, which leaves the
//! reference count alone). An integer that is there is changed by one compare-and-swap and nothing else
//! that is shared. Inserts copy at most 64 entries of a growing table at a time, so none waits for all of it.
//!
//! # Memory
//!
//! An entry is an allocation of its own, 40 bytes for an integer and 32 for an object with `str` keys of up to 24 bytes, and 9 bytes for each
//! place of a table that is between 43 and 87 per cent full. With a million 8-byte keys 70 bytes a key were
//! counted, and 74 at the worst point on the way to two million. The table keeps its size when keys are
//! deleted, 19 bytes for each key that was there, until later inserts find it almost empty and halve it.
//!
//! [`reserve`](cache_core::IntCache::reserve) makes room. papaya does not tell its capacity, so
//! [`capacity`](cache_core::IntCache::capacity) is what was last asked for. `shrink_to_fit` does nothing.
//!
//! # Removal
//!
//! `take`, `del_if` and `retain` of integers close the counter that they unlink
//! ([`Closable`](cache_core::counter::Closable)), so they know its final value. Operations that meet a closed counter
//! look the key up again.
//!
//! # Reclamation
//!
//! Each cache reclaims for itself. A thread gathers what it retires in batches of 32, or of as many as there
//! are cores if that is more, and a batch that is complete is freed when the last operation ends that could
//! still see it, on that operation's thread. [`Backend::reclaim`](cache_core::Backend::reclaim) cannot reach
//! incomplete ones: they wait for more, or for the drop of the cache, which frees everything.
//!
//! # Callers' code
//!
//! A panic in a closure, or in `to_owned_key`, leaves the cache usable. After a panic in a key's `Hash` or `Eq`, or in
//! the hasher, the entry that was about to be inserted leaks. Should it happen while the table grows or is tidied, the
//! copy is never completed: single keys are still read, but now and then a write of one, and whatever looks at all of
//! them (`keys`, `for_each`, `retain`, `clear`), waits for ever. After a panic in the `Drop` of a key or of an object the
//! cache is usable, but the rest of the batch that was being freed leaks.
//!
//! There are no locks, so callers' code may call the cache, but for a key's `Hash` and the hasher: while a table is
//! copied they may wait for that copy for ever.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::papaya::IntCache;
//!
//! let stock = IntCache::<str>::new();
//! stock.set("sku:1", 100);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(99));
//! ```
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;

pub use backend::PapayaBackend;
pub use int::PapayaIntCache;
pub use obj::PapayaObjCache;

cache_core::collect!(PapayaIntCache, PapayaObjCache);
