use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{DashMapIntCache, DashMapObjCache};

/// The `dashmap` backend.
///
/// # When not to use it
///
/// * Many threads read a few hot keys: even a read lock writes to the lock's word, so readers of one shard contend
///   for its cache line. Reads in `papaya` and `bucket` write nothing shared.
/// * Readers must never wait: an insert that grows a shard of many thousand keys holds its lock for as long as the
///   copy takes, and [`for_each`](cache_core::IntCache::for_each) keeps writers out of a shard while it visits it.
/// * [`len`](cache_core::IntCache::len) is called often: it takes the lock of every shard.
///
/// # What it is good at
///
/// Together with `rwlock`, it is the fastest of the adapted maps on one thread, and takes the least memory. Deleted
/// and replaced objects are freed at once, on the calling thread and under no lock. A present key is read, set and
/// added to under its shard's *read* lock; only inserts, deletes and the `set` of an object take the write lock.
///
/// It differs from `rwlock` in its lock, which is DashMap's own, and in its default of four shards for each core. Use
/// it if the program contains DashMap already.
///
/// # Memory
///
/// An entry takes the owned key and 8 bytes, plus one byte in the table: 33 bytes for `str` keys of up to 24 bytes,
/// plus the places of the table that are free. We measured 69 bytes per key with a million keys of 8 bytes, and at
/// most 80 while it grew to two million. `del` and `retain` keep the room for later inserts, until an insert finds a
/// shard less than half full; `clear` frees it.
///
/// # Callers' code
///
/// A panic in a closure, in a key's `Hash`, `Eq` or `Drop`, or in the `Drop` of an object leaves the cache usable and
/// complete, and nothing leaks. The exception is a panic while the cache itself is dropped: the remaining entries
/// leak.
///
/// Objects are dropped under no lock, so their `Drop` may call the cache. So may the `Drop` of a key, except in
/// `retain`, and `to_owned_key`, except in [`keys`](cache_core::IntCache::keys). A key's `Eq` and `Borrow` run under
/// the lock of a shard, and so does its `Hash` while the shard grows. These must not call the cache: the call may
/// deadlock.
///
/// # How it is adapted
///
/// It uses DashMap's raw API. An operation hashes its key once, even if it looks it up twice, and creates an owned
/// key only for an insert, under no lock. For a present key this takes fewer instructions than
/// [`DashMap::get`](dashmap::DashMap::get).
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, dashmap};
///
/// let cache = dashmap::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DashMapBackend;

impl Backend for DashMapBackend {
    const NAME: &'static str = "dashmap";

    type Int<K: Key + ?Sized, S: HashBuilder> = DashMapIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = DashMapObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        DashMapIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        DashMapObjCache::with_options(options)
    }
}
