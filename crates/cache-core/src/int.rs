use std::ops::RangeInclusive;

use crate::{AddError, Key};

/// A concurrent map from keys to integers that are read and changed in place.
///
/// All methods take `&self` and may be called from any number of threads. The trait works as `dyn`, and is
/// implemented for `&T`, `Box<T>` and `Arc<T>`.
///
/// # Consistency
///
/// Every operation on one key is linearizable. No [`add`](IntCache::add) is lost but to a
/// [`set`](IntCache::set), [`del`](IntCache::del), [`clear`](IntCache::clear) or
/// [`retain`](IntCache::retain) that it may be ordered before. Methods that look at many keys are weakly
/// consistent: they see each key that is present throughout exactly once, and may or may not see one that comes
/// or goes meanwhile.
///
/// Closures given to [`for_each`](IntCache::for_each) and [`retain`](IntCache::retain) may run under a lock:
/// they must not call any cache. A panic in one leaves the cache usable.
///
/// # Examples
///
/// ```
/// use cache_core::IntCache;
///
/// /// Takes one piece from stock; the price of a miss is one read.
/// fn buy(stock: &dyn IntCache, item: &str) -> bool {
///     stock.try_add(item, -1, 0..=i64::MAX).is_ok()
/// }
/// ```
pub trait IntCache<K: Key + ?Sized = str>: Send + Sync {
    /// The value of a key; `None` if it is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.get("a"), Some(1));
    /// assert_eq!(cache.get("b"), None);
    /// ```
    fn get(&self, key: &K) -> Option<i64>;

    /// Stores a value, inserting the key if it is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// cache.set("a", 2);
    /// assert_eq!(cache.get("a"), Some(2));
    /// ```
    ///
    /// # Performance
    ///
    /// On a present key one atomic store, with no exclusive lock where the map allows it, and no allocation.
    fn set(&self, key: &K, value: i64);

    /// Adds to a value and returns the sum. An absent key counts from 0 and is inserted.
    ///
    /// Overflow wraps, as with [`AtomicI64::fetch_add`](std::sync::atomic::AtomicI64::fetch_add).
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// assert_eq!(cache.add("visits", 5), 5);
    /// assert_eq!(cache.add("visits", -2), 3);
    /// ```
    ///
    /// # Performance
    ///
    /// On a present key one atomic add, with no exclusive lock where the map allows it, and no allocation.
    fn add(&self, key: &K, delta: i64) -> i64;

    /// Removes a key, and tells whether it was there.
    ///
    /// It never tells the last value: an `add` that is in flight on the removed counter is ordered before the
    /// removal, and a returned value would contradict that.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert!(cache.del("a"));
    /// assert!(!cache.del("a"));
    /// ```
    fn del(&self, key: &K) -> bool;

    /// Adds to a present key if the sum lies within `bounds`, and returns the sum.
    ///
    /// This is the counter that cannot oversell: with bounds of `0..=i64::MAX`, exactly as many decrements
    /// succeed as there are pieces, however many threads try.
    ///
    /// # Errors
    ///
    /// [`AddError::Absent`] if the key is not there. [`AddError::OutOfBounds`] with the current value if the
    /// sum lies outside `bounds` or overflows; an empty range refuses everything. A refused add changes
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::AddError;
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("stock", 1);
    /// assert_eq!(cache.try_add("stock", -1, 0..=i64::MAX), Ok(0));
    /// assert_eq!(cache.try_add("stock", -1, 0..=i64::MAX), Err(AddError::OutOfBounds { current: 0 }));
    /// assert_eq!(cache.try_add("none", -1, 0..=i64::MAX), Err(AddError::Absent));
    /// ```
    fn try_add(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError>;

    /// Like [`try_add`](IntCache::try_add), but an absent key counts from 0 and is inserted.
    ///
    /// # Errors
    ///
    /// [`AddError::OutOfBounds`] as for [`try_add`](IntCache::try_add), with a `current` of 0 for an absent
    /// key. A refused add inserts nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::AddError;
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// // At most two purchases for each user.
    /// assert_eq!(cache.try_add_or_insert("user:1", 2, 0..=2), Ok(2));
    /// assert_eq!(cache.try_add_or_insert("user:1", 1, 0..=2), Err(AddError::OutOfBounds { current: 2 }));
    /// assert_eq!(cache.try_add_or_insert("user:2", 3, 0..=2), Err(AddError::OutOfBounds { current: 0 }));
    /// assert_eq!(cache.get("user:2"), None);
    /// ```
    fn try_add_or_insert(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError>;

    /// The number of keys, weakly consistent: exact when nothing is inserted or removed meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.len(), 1);
    /// ```
    fn len(&self) -> usize;

    /// Whether there is no key, weakly consistent as [`len`](IntCache::len) is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes every key that is present throughout; one that is inserted meanwhile may stay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// cache.clear();
    /// assert_eq!(cache.get("a"), None);
    /// ```
    fn clear(&self);

    /// All keys, in no order, weakly consistent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.keys(), ["a"]);
    /// ```
    fn keys(&self) -> Vec<K::Owned> {
        let mut keys = Vec::with_capacity(self.len());
        self.for_each(&mut |key, _| keys.push(key.to_owned_key()));
        keys
    }

    /// Calls `f` with every key and its value, in no order, weakly consistent.
    ///
    /// `f` may run under a lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// let mut sum = 0;
    /// cache.for_each(&mut |_key, value| sum += value);
    /// ```
    fn for_each(&self, f: &mut dyn FnMut(&K, i64));

    /// Removes the keys for which `f` returns `false`, weakly consistent.
    ///
    /// `f` may run under a lock and must not call any cache. An `add` to a key between the call of `f` and the
    /// removal is ordered before the removal. A counter that is made anew meanwhile, after a `del`, stays unless `f`
    /// is asked about it too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("sold out", 0);
    /// cache.retain(&mut |_key, value| value > 0);
    /// assert_eq!(cache.get("sold out"), None);
    /// ```
    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool);

    /// Looks up many keys at once: `out[i]` becomes the value of `keys[i]`.
    ///
    /// Each look-up is linearizable by itself; the group is no snapshot.
    ///
    /// # Panics
    ///
    /// If `keys` and `out` are not of one length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::IntCache;
    /// # let cache = cache_rwlock::RwLockIntCache::<str>::default();
    /// cache.set("a", 1);
    /// let mut out = [None; 2];
    /// cache.get_many(&["a", "b"], &mut out);
    /// assert_eq!(out, [Some(1), None]);
    /// ```
    fn get_many(&self, keys: &[&K], out: &mut [Option<i64>]) {
        assert_same_length(keys.len(), out.len());
        for (key, out) in keys.iter().zip(out) {
            *out = self.get(key);
        }
    }
}

/// Panics, naming both lengths, unless there is one place for each key.
///
/// For backends that have a [`get_many`](IntCache::get_many) of their own.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// cache_core::assert_same_length(2, 2);
/// ```
#[track_caller]
pub fn assert_same_length(keys: usize, out: usize) {
    assert!(
        keys == out,
        "get_many was given {keys} keys but room for {out} values; the lengths must be equal"
    );
}
