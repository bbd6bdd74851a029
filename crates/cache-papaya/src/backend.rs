use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{PapayaIntCache, PapayaObjCache};

/// The `papaya` backend.
///
/// [`reclaim`](Backend::reclaim) does nothing: each papaya map reclaims on its own, in batches of at least 32 for
/// each thread. Incomplete batches are freed by later writes, or when the cache is dropped.
///
/// # When not to use it
///
/// * Clients choose the keys and can prepare collisions: in a table of `n` places, papaya probes at most about
///   `5 · log2(n)` of them for one key. More keys of *equal* hash than that, 37 in a small table and 107 in one of
///   two million places, overflow into a chain of further tables. Operations on such keys are slow then, and
///   operations on all keys (`keys`, `for_each`, `retain`, `clear`) never end. The default hasher is seeded for each
///   cache, which makes this unlikely; a keyed hasher ([`std::hash::RandomState`]) prevents it.
/// * Objects are replaced often: every `set` of an object allocates an entry, with a copy of the key.
/// * Objects must be dropped soon: a replaced or deleted object may live until its thread has replaced or deleted 31
///   more, or until the cache is dropped.
///
/// # What it is good at
///
/// Reads scale: they take no lock and write to nothing that another thread reads. So a hundred threads that read one
/// object through [`with`](cache_core::ObjCacheExt::with), which does not change the reference count, do not slow
/// each other down. A write to a present integer is one compare-and-swap, and writes nothing else that is shared. An
/// insert copies at most 64 entries of a growing table at a time, so none waits for the whole copy.
///
/// # Memory
///
/// An entry is one allocation, of 40 bytes for an integer and of 32 for an object, with `str` keys of up to 24 bytes.
/// The table adds 9 bytes for each of its places, and is between 43 and 87 per cent full. We measured 70 bytes per
/// key with a million keys of 8 bytes, and at most 74 while it grew to two million. The table keeps its size when
/// keys are deleted, 19 bytes for each of them, until later inserts find it almost empty and halve it.
///
/// [`reserve`](cache_core::IntCache::reserve) works. papaya does not report its capacity, so
/// [`capacity`](cache_core::IntCache::capacity) is the largest that was requested. `shrink_to_fit` does nothing.
///
/// # Removal
///
/// `take`, `del_if` and `retain` of integers close the counter that they unlink
/// ([`Closable`](cache_core::counter::Closable)), so they know its final value. Operations that find a closed counter
/// look the key up again.
///
/// # Reclamation
///
/// Each cache reclaims on its own. A thread collects what it retires in batches of 32, or of the number of cores if
/// that is larger. A complete batch is freed when the last operation ends that could still see it, on the thread of
/// that operation. [`Backend::reclaim`](cache_core::Backend::reclaim) cannot free incomplete batches: they wait for
/// further writes, or for the drop of the cache, which frees everything.
///
/// # Callers' code
///
/// A panic in a closure, or in `to_owned_key`, leaves the cache usable. After a panic in a key's `Hash` or `Eq`, or
/// in the hasher, the entry that was about to be inserted leaks. If the panic happens while the table is being
/// copied, the copy is never completed: single keys can still be read, but some writes, and all operations on all
/// keys (`keys`, `for_each`, `retain`, `clear`), wait for ever. After a panic in the `Drop` of a key or an object,
/// the cache is usable, but the rest of the batch that was being freed leaks.
///
/// There are no locks, so callers' code may call the cache. The exceptions are a key's `Hash` and the hasher: while a
/// table is being copied, their call may wait for that copy for ever. In builds with debug assertions, a closure that
/// calls its own cache panics, as on every backend.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, papaya};
///
/// let cache = papaya::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PapayaBackend;

impl Backend for PapayaBackend {
    const NAME: &'static str = "papaya";

    type Int<K: Key + ?Sized, S: HashBuilder> = PapayaIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = PapayaObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        PapayaIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        PapayaObjCache::with_options(options)
    }
}
