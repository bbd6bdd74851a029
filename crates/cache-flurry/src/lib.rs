//! hotcache over [`flurry`], a port of Java's `ConcurrentHashMap`.
//!
//! # When not to use it
//!
//! * Where speed counts: a read passes two pointers after the table's, each through a sequentially consistent
//!   load that the reclaimer watches, and so takes about twice as long as on any other backend here, hot or
//!   cold. An insert allocates twice.
//! * Where memory counts: see below. flurry's own page says as much, and names alternatives.
//! * Where the `Drop` of an object must happen soon: a replaced or deleted object may live until the thread
//!   that did it has done so to a hundred more, or until the cache is dropped.
//!
//! # What it is good at
//!
//! Reads take no lock and never wait, not even for a growing table, and threads that insert help each other
//! to grow it. It is the only map here that colliding keys do not hurt: where many fall into one bin, it
//! turns the bin into a tree ordered by the keys themselves, which is why [`Key`](cache_core::Key) asks for
//! `Ord`.
//!
//! # Memory
//!
//! With a million 8-byte `str` keys 145 bytes a key were counted, and 179 at the worst point on the way to
//! two million. That is more than the 130 that the other backends keep within, and it is how flurry is made:
//! an entry is an allocation of 112 bytes, as large as the largest thing that may stand in a bin, the root of
//! a tree; its value is a second one of 16, or of 24 for an integer; and both carry a word for the reclaimer. The table adds 8 bytes
//! for each bin and never shrinks, neither by `del` nor by `clear`.
//!
//! [`reserve`](cache_core::IntCache::reserve) makes room. flurry does not tell its capacity, so
//! [`capacity`](cache_core::IntCache::capacity) is what was last asked for. `shrink_to_fit` does nothing.
//!
//! # Removal
//!
//! `take`, `del_if` and `retain` of integers close the counter that they unlink
//! ([`Closable`](cache_core::counter::Closable)), so they know its final value. Operations that meet a closed counter,
//! reads included, may wait for the bin's lock, and look the key up again.
//!
//! # Reclamation
//!
//! Each cache reclaims for itself. A thread gathers what it retires in batches of 120, an entry and its value
//! counting as two, and a batch that is complete is freed when the last operation ends that could still see
//! it, on that operation's thread and under no lock. [`Backend::reclaim`](cache_core::Backend::reclaim)
//! cannot reach incomplete ones: they wait for more, or for the drop of the cache, which frees everything.
//!
//! # Callers' code
//!
//! A panic in a closure, or in a key's `Hash`, leaves the cache usable and nothing leaks. So does mostly one in `Eq` or
//! `Ord`; but in four of 120 runs a write that it came from left the map counting one key less than it had, or never
//! ending the next write.
//! After a panic in the `Drop` of a key or of an object the rest of the batch that was being freed leaks. The
//! cache is usable, unless the panic came while an insert made the table grow: now and then the map's own `Drop`
//! then fails an assertion.
//! After a panic in the `Clone` of a key, which copies bins while the table grows, the map may lose keys or fail later.
//!
//! `Hash`, `to_owned_key`, every `Drop` and closures run under no lock and may call the cache. A key's `Eq`, `Ord`,
//! `Borrow` and `Clone` run under the lock of a bin in writes: these must not call the cache, which may wait for itself
//! for ever.
//!
//! # Examples
//!
//! ```
//! use hotcache::prelude::*;
//! use hotcache::flurry::IntCache;
//!
//! let stock = IntCache::<str>::new();
//! stock.set("sku:1", 100);
//! assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(99));
//! ```
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;

pub use backend::FlurryBackend;
pub use int::FlurryIntCache;
pub use obj::FlurryObjCache;

cache_core::collect!(FlurryIntCache, FlurryObjCache);
