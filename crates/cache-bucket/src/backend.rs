use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{BucketIntCache, BucketObjCache, reclaim};

/// The `bucket` backend: both caches over a hash table of our own.
///
/// # When not to use it
///
/// * Most operations delete keys, replace or delete objects, or insert keys over 8 bytes: other backends are up to
///   twice as fast.
/// * There are thousands of caches of a few keys each: one takes 18 KiB once it has a key.
/// * Replaced objects must be dropped at once: here they live until no thread can see them, which is soon.
///
/// # What it is good at
///
/// Reads write nothing that another thread reads, and never wait. `set` and `add` of a present integer are one atomic
/// operation in place. Keys of up to 72 bytes are stored in the bucket beside their value: there is no allocation,
/// and the two cache misses overlap. [`get_many`](cache_core::IntCache::get_many) overlaps the misses of sixteen
/// keys, and [`with`](cache_core::ObjCacheExt::with) touches no reference count.
///
/// # Memory
///
/// The table grows and shrinks a few buckets at a time, as part of other writes.
/// [`reserve`](cache_core::IntCache::reserve) and [`capacity`](cache_core::IntCache::capacity) count keys of up to 8 bytes.
/// A key of 24 bytes takes twice as much room, one of 60 bytes five times.
/// [`shrink_to_fit`](cache_core::IntCache::shrink_to_fit) does it at once.
///
/// Removed and replaced objects are freed when no thread can see them any more. A thread that writes has at most 128
/// such objects, or 256 for a moment after another thread stopped using caches. It has more while a thread is stopped
/// in the middle of an operation, which is normal where more threads are busy than there are cores. A thread that
/// ends and a cache that is dropped leave none. While a thread stays in a closure of `with`, `for_each` or `retain`,
/// nothing that is retired meanwhile is freed; that thread frees it when it leaves. `docs/bucket-reclamation.md` in
/// the repository has the details.
///
/// # How it works
///
/// `docs/bucket.md` in the repository describes the design. `docs/bucket-proofs.md` says why it is sound, and how
/// that was tested.
///
/// # Panics in callers' code
///
/// A panic in a closure, in a key's `Hash` or `Eq`, or in the `Drop` of a key or an object leaves the cache usable. A
/// key's own code and every `Drop` may call the cache, with one exception: a call of `take`, `del_if` or `retain` of
/// an integer cache from a key's own code panics, because the operation that runs that code may be one that they wait
/// for. Closures of `with`, `for_each`, `retain` and `del_if` must not call their own cache, although it works here:
/// in builds with debug assertions, such a call panics. A `Drop` may run at the end of any write to any cache of the
/// process, on any thread. So it must not need a lock that a writer holds. If it panics, the panic surfaces from that
/// write, once the write is complete. For the same reason a key's own code must not wait for a thread that calls `take`,
/// `del_if` or `retain` of an integer cache.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, bucket};
///
/// let stock = bucket::Backend::int::<str, _>(Options::new());
/// stock.set("sku:1", 100);
/// assert_eq!(stock.add("sku:1", -1), 99);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BucketBackend;

impl Backend for BucketBackend {
    const NAME: &'static str = "bucket";

    type Int<K: Key + ?Sized, S: HashBuilder> = BucketIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = BucketObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> BucketIntCache<K, S> {
        BucketIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> BucketObjCache<V, K, S> {
        BucketObjCache::with_options(options)
    }

    fn reclaim() {
        reclaim::collect_all();
    }
}
