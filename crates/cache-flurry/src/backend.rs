use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{FlurryIntCache, FlurryObjCache};

/// The `flurry` backend.
///
/// [`reclaim`](Backend::reclaim) does nothing: each flurry map reclaims on its own, in batches of 120 for each
/// thread. Incomplete batches are freed by later writes, or when the cache is dropped.
///
/// # When not to use it
///
/// * Speed matters: a read follows two pointers after the table's, each with a sequentially consistent load. It takes
///   about twice as long as in the other backends, for hot keys and for cold ones. An insert allocates twice.
/// * Memory matters: see below.
/// * Objects must be dropped soon: a replaced or deleted object may live until its thread has replaced or deleted a
///   hundred more, or until the cache is dropped.
///
/// # What it is good at
///
/// Reads take no lock and never wait, not even while the table grows, and threads that insert help each other to grow
/// it. It is the only adapted map that stays fast with colliding keys: a bin with many keys becomes a tree that is
/// ordered by the keys. That is why [`Key`](cache_core::Key) requires `Ord`.
///
/// # Memory
///
/// We measured 145 bytes per key with a million `str` keys of 8 bytes, and at most 179 while it grew to two million.
/// The other backends stay below 130. flurry takes more because an entry is an allocation of 112 bytes, the size of
/// the largest node of a bin, which is the root of a tree. Its value is a second allocation of 16 bytes, or 24 for an
/// integer. Both include a word for the reclaimer. The table adds 8 bytes for each bin. It never shrinks, neither by
/// `del` nor by `clear`.
///
/// [`reserve`](cache_core::IntCache::reserve) works. flurry does not report its capacity, so
/// [`capacity`](cache_core::IntCache::capacity) is the largest that was requested. `shrink_to_fit` does nothing.
///
/// # Removal
///
/// `take`, `del_if` and `retain` of integers close the counter that they unlink
/// ([`Closable`](cache_core::counter::Closable)), so they know its final value. Operations that find a closed
/// counter, reads included, may wait for the bin's lock, and look the key up again.
///
/// # Reclamation
///
/// Each cache reclaims on its own. A thread collects what it retires in batches of 120, in which an entry and its
/// value count as two. A complete batch is freed when the last operation ends that could still see it, on the thread
/// of that operation and under no lock. [`Backend::reclaim`](cache_core::Backend::reclaim) cannot free incomplete
/// batches: they wait for further writes, or for the drop of the cache, which frees everything.
///
/// # Callers' code
///
/// A panic in a closure, or in a key's `Hash`, leaves the cache usable, and nothing leaks. A panic in `Eq` or `Ord`
/// usually does too. But in four of 120 test runs, a write with such a panic left a count of keys that was too small
/// by one, or the next write never ended. After a panic in the `Drop` of a key or an object, the rest of the batch
/// that was being freed leaks. The cache stays usable, unless an insert was growing the table: then the `Drop` of the
/// map sometimes fails an assertion. The `Clone` of a key runs while the table grows. After a panic in it, the map
/// may lose keys or fail later.
///
/// `Hash`, `to_owned_key` and every `Drop` run under no lock and may call the cache. Closures run under no lock
/// either, but in builds with debug assertions, a closure that calls its own cache panics, as on every backend. A
/// key's `Eq`, `Ord`, `Borrow` and `Clone` run under the lock of a bin in writes. These must not call the cache: the
/// call may deadlock.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, flurry};
///
/// let cache = flurry::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FlurryBackend;

impl Backend for FlurryBackend {
    const NAME: &'static str = "flurry";

    type Int<K: Key + ?Sized, S: HashBuilder> = FlurryIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = FlurryObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        FlurryIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        FlurryObjCache::with_options(options)
    }
}
