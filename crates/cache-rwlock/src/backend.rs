use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{RwLockIntCache, RwLockObjCache};

/// The `rwlock` backend.
///
/// # When not to use it
///
/// * Many threads read a few hot keys: even a read lock writes to the lock's word, so readers of one shard contend
///   for its cache line. Reads in `papaya` and `bucket` write nothing shared.
/// * Readers must never wait: an insert that grows a shard of many thousand keys holds its lock for as long as the
///   copy takes.
///
/// # What it is good at
///
/// It is the simplest of the backends. Like `dashmap` and `scc`, it frees a deleted object at once, in the call of
/// `del`. A present key is read, set and added to under the shard's *read* lock; only inserts and deletes take the
/// write lock.
///
/// With one shard it is a single read-write lock over a map from keys to counters, which is what many programs use.
/// The benchmarks have that as the row `rwlock-1`.
///
/// # Memory
///
/// An entry takes the owned key and 8 bytes, plus one byte in the table: 33 bytes for short `str` keys. Multiply by
/// 1.14 to 2.3 for the places of the table that are free. `del` keeps the room for later inserts; `clear` and
/// `shrink_to_fit` free it.
///
/// # Callers' code
///
/// A panic in a closure, or in a key's `Hash`, `Eq` or `Drop`, or in the `Drop` of an object, leaves the cache usable
/// and complete, and nothing leaks.
///
/// Every `Drop` runs under no lock and may call the cache. So may `to_owned_key`, except in
/// [`keys`](cache_core::IntCache::keys). A key's `Eq` and `Borrow` run under the lock of a shard, and so does its
/// `Hash` while the shard grows. These must not call the cache: the call may deadlock.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, rwlock};
///
/// let cache = rwlock::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RwLockBackend;

impl Backend for RwLockBackend {
    const NAME: &'static str = "rwlock";

    type Int<K: Key + ?Sized, S: HashBuilder> = RwLockIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = RwLockObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        RwLockIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        RwLockObjCache::with_options(options)
    }
}
