use std::ops::{ControlFlow, RangeInclusive};

use crate::{AddError, Key, UpdateError};

/// A concurrent map from keys to integers that are read and changed in place.
///
/// All methods take `&self` and may be called from any number of threads. The trait is `dyn`-compatible, and is
/// implemented for `&T`, `Box<T>` and `Arc<T>`. Methods that take closures or ranges of any type are in
/// [`IntCacheExt`](crate::IntCacheExt), which every `IntCache` implements, including `dyn IntCache`.
///
/// # Consistency
///
/// Every operation on one key is linearizable. No [`add`](IntCache::add) is lost, except to a [`set`](IntCache::set),
/// [`del`](IntCache::del) or [`clear`](IntCache::clear) that may be ordered after it. [`take`](IntCache::take),
/// [`del_if_dyn`](IntCache::del_if_dyn) and [`retain`](IntCache::retain) decide on the final value: they discard no
/// successful write that they have not seen. Methods that visit many keys are weakly consistent: they see every key
/// that is present throughout the call, and may or may not see a key that is inserted or removed during it.
///
/// Closures may run under a lock, so they must not call the cache that runs them. A panic in a closure leaves the cache usable.
///
/// # Examples
///
/// ```
/// use hotcache::{IntCache, IntCacheExt};
///
/// /// Takes one item from stock, if there is one.
/// fn buy(stock: &dyn IntCache, item: &str) -> bool {
///     stock.try_add(item, -1, 0..).is_ok()
/// }
/// ```
pub trait IntCache<K: Key + ?Sized = str>: Send + Sync {
    /// Returns the value of a key, or `None` if the key is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.get("a"), Some(1));
    /// assert_eq!(cache.get("b"), None);
    /// ```
    fn get(&self, key: &K) -> Option<i64>;

    /// Returns whether a key is present.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert!(cache.contains("a"));
    /// assert!(!cache.contains("b"));
    /// ```
    #[doc(alias = "contains_key")]
    fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Stores a value, inserting the key if it is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// cache.set("a", 2);
    /// assert_eq!(cache.get("a"), Some(2));
    /// ```
    ///
    /// # Performance
    ///
    /// For a present key: one atomic store and no allocation. No exclusive lock is taken if the map allows that.
    #[doc(alias = "insert")]
    #[doc(alias = "store")]
    fn set(&self, key: &K, value: i64);

    /// Stores a value, inserting the key if it is absent, and returns the previous value.
    ///
    /// `swap(key, 0)` drains a counter that others add to.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert_eq!(cache.swap("sold", 5), None);
    /// assert_eq!(cache.swap("sold", 0), Some(5));
    /// ```
    #[doc(alias = "replace")]
    #[doc(alias = "get_and_set")]
    fn swap(&self, key: &K, value: i64) -> Option<i64>;

    /// Inserts a key if it is absent.
    ///
    /// # Errors
    ///
    /// Returns the value of the key if it is present. That value stays.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert_eq!(cache.insert_new("order:1", 1), Ok(()));
    /// assert_eq!(cache.insert_new("order:1", 2), Err(1));
    /// ```
    #[doc(alias = "entry")]
    #[doc(alias = "try_insert")]
    #[doc(alias = "set_nx")]
    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64>;

    /// Stores `new` if the value of the key is `current`.
    ///
    /// # Errors
    ///
    /// Returns `None` if the key is absent, or the value if it is not `current`. Nothing is changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.compare_exchange("a", 1, 2), Ok(()));
    /// assert_eq!(cache.compare_exchange("a", 1, 3), Err(Some(2)));
    /// assert_eq!(cache.compare_exchange("b", 1, 3), Err(None));
    /// ```
    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>>;

    /// Adds to a value and returns the sum. An absent key counts from 0 and is inserted.
    ///
    /// Overflow wraps, as with [`AtomicI64::fetch_add`](std::sync::atomic::AtomicI64::fetch_add).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert_eq!(cache.add("visits", 5), 5);
    /// assert_eq!(cache.add("visits", -2), 3);
    /// ```
    ///
    /// # Performance
    ///
    /// For a present key: one atomic add and no allocation. No exclusive lock is taken if the map allows that.
    #[doc(alias = "fetch_add")]
    #[doc(alias = "increment")]
    fn add(&self, key: &K, delta: i64) -> i64;

    /// Removes a key and returns whether it was present.
    ///
    /// It does not return the last value: an `add` that is in flight on the removed counter is ordered before the
    /// removal and may still change that value. [`take`](IntCache::take) returns the final value, and costs more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert!(cache.del("a"));
    /// assert!(!cache.del("a"));
    /// ```
    #[doc(alias = "remove")]
    #[doc(alias = "delete")]
    fn del(&self, key: &K) -> bool;

    /// Removes a key and returns its final value.
    ///
    /// The value includes every successful write to the counter.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.take("a"), Some(1));
    /// assert_eq!(cache.take("a"), None);
    /// ```
    #[doc(alias = "remove")]
    #[doc(alias = "get_and_remove")]
    fn take(&self, key: &K) -> Option<i64>;

    /// Removes a key if `f` returns `true` for its final value. Returns whether it was removed.
    ///
    /// This is the `dyn`-compatible form of [`IntCacheExt::del_if`](crate::IntCacheExt::del_if). `f` sees every write
    /// that the removal discards: if the value changes after a call of `f`, `f` is called again. `f` may run under a
    /// lock and must not call this cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("user:1", 0);
    /// assert!(cache.del_if_dyn("user:1", &mut |value| value == 0));
    /// ```
    #[doc(alias = "remove_if")]
    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool;

    /// Atomically replaces the value of a present key with the result of `f`, and returns the new value.
    ///
    /// This is the `dyn`-compatible form of [`IntCacheExt::update`](crate::IntCacheExt::update). `f` is called again
    /// if the value changes during the call. `f` runs under no lock.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is absent. [`UpdateError::Kept`] with the value if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 3);
    /// assert_eq!(cache.update_dyn("a", &mut |value| Some(value * 2)), Ok(6));
    /// ```
    fn update_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> Option<i64>) -> Result<i64, UpdateError<i64>> {
        let mut current = self.get(key).ok_or(UpdateError::Absent)?;
        loop {
            let new = f(current).ok_or(UpdateError::Kept { current })?;
            match self.compare_exchange(key, current, new) {
                Ok(()) => return Ok(new),
                Err(seen) => current = seen.ok_or(UpdateError::Absent)?,
            }
        }
    }

    /// Like [`update_dyn`](IntCache::update_dyn), but inserts an absent key with the value `first` and returns it.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Kept`] with the value if the key is present and `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert_eq!(cache.update_or_insert_dyn("a", 1, &mut |value| Some(value * 2)), Ok(1));
    /// assert_eq!(cache.update_or_insert_dyn("a", 1, &mut |value| Some(value * 2)), Ok(2));
    /// ```
    fn update_or_insert_dyn(
        &self,
        key: &K,
        first: i64,
        f: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        loop {
            match self.update_dyn(key, f) {
                Err(UpdateError::Absent) => {
                    if self.insert_new(key, first).is_ok() {
                        return Ok(first);
                    }
                }
                result => return result,
            }
        }
    }

    /// Adds to a present key if the sum lies within `bounds`, and returns the sum.
    ///
    /// This is the `dyn`-compatible form of [`IntCacheExt::try_add`](crate::IntCacheExt::try_add), which takes a
    /// range of any type.
    ///
    /// # Errors
    ///
    /// [`AddError::Absent`] if the key is absent. [`AddError::OutOfBounds`] with the current value if the sum lies
    /// outside `bounds` or overflows; an empty range rejects every sum. A rejected add changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("stock", 1);
    /// assert_eq!(cache.try_add_dyn("stock", -1, 0..=i64::MAX), Ok(0));
    /// ```
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError>;

    /// Like [`try_add_dyn`](IntCache::try_add_dyn), but inserts an absent key, which counts from 0.
    ///
    /// # Errors
    ///
    /// [`AddError::OutOfBounds`] as for [`try_add_dyn`](IntCache::try_add_dyn), with a `current` of 0 for an absent
    /// key. A rejected add inserts nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert_eq!(cache.try_add_or_insert_dyn("user:1", 2, 0..=2), Ok(2));
    /// ```
    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError>;

    /// Returns the number of keys. Weakly consistent: it is exact if no key is inserted or removed during the call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.len(), 1);
    /// ```
    fn len(&self) -> usize;

    /// Returns whether there are no keys. Weakly consistent, as [`len`](IntCache::len) is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all keys. A key that is inserted during the call may stay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// cache.clear();
    /// assert_eq!(cache.get("a"), None);
    /// ```
    fn clear(&self);

    /// Returns all keys, in no particular order. Weakly consistent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.keys(), ["a"]);
    /// ```
    fn keys(&self) -> Vec<K::Owned> {
        let mut keys = Vec::with_capacity(self.len());
        self.for_each(&mut |key, _| keys.push(key.to_owned_key()));
        keys
    }

    /// Calls `f` with every key and its value, in no particular order. Weakly consistent.
    ///
    /// `f` may run under a lock and must not call this cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// let mut sum = 0;
    /// cache.for_each(&mut |_key, value| sum += value);
    /// ```
    fn for_each(&self, f: &mut dyn FnMut(&K, i64)) {
        // The closure never breaks.
        let _ = self.try_for_each_dyn(&mut |key, value| {
            f(key, value);
            ControlFlow::Continue(())
        });
    }

    /// Calls `f` with every key and its value until `f` breaks, in no particular order. Weakly consistent.
    ///
    /// This is the `dyn`-compatible form of [`IntCacheExt::try_for_each`](crate::IntCacheExt::try_for_each), whose
    /// closure can break with a value. `f` may run under a lock and must not call this cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// let flow = cache.try_for_each_dyn(&mut |_key, _value| ControlFlow::Break(()));
    /// assert!(flow.is_break());
    /// ```
    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()>;

    /// Removes the keys for which `f` returns `false`.
    ///
    /// A key is removed only if `f` returns `false` for its final value: if the value changes after a call of `f`,
    /// `f` is called again. So no write that `f` has not seen is lost. The set of keys that are visited is weakly
    /// consistent. `f` may run under a lock and must not call this cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("sold out", 0);
    /// cache.retain(&mut |_key, value| value > 0);
    /// assert_eq!(cache.get("sold out"), None);
    /// ```
    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool);

    /// Looks up many keys at once: `out[i]` becomes the value of `keys[i]`.
    ///
    /// Each look-up is linearizable. Together they are not a snapshot.
    ///
    /// # Panics
    ///
    /// If `keys` and `out` have different lengths.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
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

    /// Reserves room for `additional` more keys, so that inserting them does not grow the table. This is a hint.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.reserve(1000);
    /// assert!(cache.capacity() >= 1000);
    /// ```
    ///
    /// # Performance
    ///
    /// May copy the table. Backends with locks hold them for that time. A backend that cannot grow in advance does
    /// nothing; its page says so.
    ///
    /// # Panics
    ///
    /// If `additional` is more than [`Options::MOST_ENTRIES`](crate::Options::MOST_ENTRIES).
    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
    }

    /// Returns the number of keys that fit without growing. Weakly consistent, and never less than
    /// [`len`](IntCache::len).
    ///
    /// This is an estimate: one shard may have to grow while others have room. A backend whose map does not report
    /// its capacity returns the largest that was requested, and `bucket` counts keys of up to 8 bytes: longer keys take
    /// more room. The page of the backend says so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert!(cache.capacity() >= cache.len());
    /// ```
    fn capacity(&self) -> usize {
        self.len()
    }

    /// Frees memory that the remaining keys do not need. This is a hint.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.reserve(1000);
    /// cache.shrink_to_fit();
    /// ```
    ///
    /// # Performance
    ///
    /// May copy the table, as [`reserve`](IntCache::reserve) may.
    fn shrink_to_fit(&self) {}
}

/// Panics if `reserve` was asked for more entries than any cache can hold. Backends call this first.
///
/// # Examples
///
/// ```
/// cache_core::assert_reservable(1000);
/// ```
///
/// # Panics
///
/// See above.
#[track_caller]
pub fn assert_reservable(additional: usize) {
    let most = crate::Options::<()>::MOST_ENTRIES;
    assert!(
        additional <= most,
        "cannot reserve room for {additional} more entries: at most {most} are allowed"
    );
}

/// Panics with a message that names both lengths, unless they are equal.
///
/// For backends that implement [`get_many`](IntCache::get_many) themselves.
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

/// Panics with a message that names both numbers, unless a loader returned a value for each key.
///
/// For caches that load many keys themselves.
///
/// # Panics
///
/// If the numbers differ.
///
/// # Examples
///
/// ```
/// cache_core::assert_one_for_each(2, 2);
/// ```
#[doc(hidden)]
#[track_caller]
pub fn assert_one_for_each(loaded: usize, keys: usize) {
    assert!(
        loaded == keys,
        "the loader returned {loaded} values for {keys} keys; it must return one for each"
    );
}

/// Returns the value that a loader of many keys returned for one.
///
/// For caches that load many keys themselves.
///
/// # Panics
///
/// As [`assert_one_for_each`].
///
/// # Examples
///
/// ```
/// assert_eq!(cache_core::only(vec![7]), 7);
/// ```
#[doc(hidden)]
#[track_caller]
pub fn only<V>(mut loaded: Vec<V>) -> V {
    assert_one_for_each(loaded.len(), 1);
    loaded.remove(0)
}
