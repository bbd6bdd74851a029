use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{SccIntCache, SccObjCache};

/// Rounds of the epoch in [`reclaim`](Backend::reclaim): garbage is freed three advances after it was made,
/// and a round may find the epoch already moved on by someone else.
const EPOCHS: usize = 16;

/// The `scc` backend.
///
/// # When not to use it
///
/// * Many threads read a few hot keys: a read takes the shared lock of a bucket, and so writes to a word that other
///   readers need. With two threads on a hundred keys, a read took twice as long as on one thread.
/// * [`len`](cache_core::IntCache::len) is called often: it visits every bucket, and helps with a resize.
/// * There are passes over millions of keys (`keys`, `for_each`, `retain`): each keeps a copy of the keys that it has
///   visited, as described below.
/// * Most operations are inserts: they look the key up and then insert it, which are two operations on the map. This
///   takes 1.4 times the instructions of an insertion alone.
///
/// # What it is good at
///
/// Writers contend only for a bucket, not for a shard, and growth never stops a thread for long: each operation moves
/// a few buckets. It frees the memory of the table by itself, with each `del` that leaves a bucket empty. Deleted and
/// replaced objects are freed at once, on the calling thread and under no lock.
///
/// # Why `HashMap` and not `HashIndex`
///
/// scc has a second table, whose reads take no lock. Both caches use [`scc::HashMap`]. Nanoseconds per operation with
/// 100 `str` keys, on one thread and on two, medians of seven rounds on a 2-core x86-64 virtual machine:
///
/// | | `HashMap` | `HashIndex` |
/// |---|---|---|
/// | integer, get | 18, 34 | 17, 33 |
/// | integer, add | 18, 52 | 18, 51 |
/// | object, with | 16, 27 | 13 at first, 31 once its keys were replaced; 32 |
/// | object, set | 16, 69 | 219, 788 |
///
/// *Integers* change in place. A reader of `HashIndex` that takes no lock may get a value that has since been moved,
/// as its docs say: an `add` to it would be lost. With the lock that its docs require then, it has no advantage.
///
/// *Objects* are replaced. `HashIndex` inserts a second entry and then hides the first, and a reader can see neither:
/// of 52 million reads of a present key whose value another thread replaced, 72,000 found no key. Such a read is not
/// linearizable. It also drops replaced objects only when the bucket is full, and then under the bucket's lock.
///
/// # Passes
///
/// If the table shrinks during a pass, scc visits some entries again. `keys`, `for_each` and `retain` promise each
/// key once, so they keep an owned copy of each visited key until the end of the pass.
///
/// # Memory
///
/// An entry takes the owned key and 8 bytes, and two bytes in its bucket: 34 bytes for `str` keys of up to 24 bytes,
/// plus the places of the table that are free. We measured 71 bytes per key with a million keys of 8 bytes, and at
/// most 127 while it grew to two million, when the old table and one of twice its size exist together.
/// [`Backend::reclaim`](cache_core::Backend::reclaim) frees outgrown tables that wait for their last reader.
///
/// The table grows and shrinks by itself: [`reserve`](cache_core::IntCache::reserve) and
/// [`shrink_to_fit`](cache_core::IntCache::shrink_to_fit) do nothing.
///
/// # Callers' code
///
/// A panic in a closure, in a key's `Hash` or `Eq`, or in the `Drop` of an object leaves the cache usable, and
/// nothing leaks. After a panic in the `Drop` of a key, the cache is usable, but objects that were about to be
/// dropped with it may leak.
///
/// Every `Drop` and `to_owned_key` run under no lock and may call the cache. A key's `Eq` and `Borrow` run under the
/// lock of a bucket; so do its `Hash` and the hasher while the table is resized, and its `Hash` and `Clone` in a
/// pass. These, and closures, must not call the cache: the call may deadlock.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, scc};
///
/// let cache = scc::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SccBackend;

impl Backend for SccBackend {
    const NAME: &'static str = "scc";

    type Int<K: Key + ?Sized, S: HashBuilder> = SccIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = SccObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        SccIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        SccObjCache::with_options(options)
    }

    /// Advances the epoch behind scc until this thread has freed the bucket arrays that its maps have
    /// outgrown.
    ///
    /// Deleted objects never wait for it: scc hands them back at once.
    fn reclaim() {
        for _ in 0..EPOCHS {
            scc::Guard::new().accelerate();
        }
    }
}
