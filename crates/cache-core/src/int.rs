use std::ops::{ControlFlow, RangeInclusive};

use crate::{AddError, Key, UpdateError};

/// A concurrent map from keys to integers that are read and changed in place.
///
/// All methods take `&self` and may be called from any number of threads. The trait works as `dyn`, and is
/// implemented for `&T`, `Box<T>` and `Arc<T>`. Methods with closures and ranges of any type are in
/// [`IntCacheExt`](crate::IntCacheExt), which every `IntCache` has, `dyn` ones too.
///
/// # Consistency
///
/// Every operation on one key is linearizable. No [`add`](IntCache::add) is lost but to a
/// [`set`](IntCache::set), [`del`](IntCache::del) or [`clear`](IntCache::clear) that it may be ordered before.
/// [`take`](IntCache::take), [`del_if_dyn`](IntCache::del_if_dyn) and [`retain`](IntCache::retain) decide on the
/// final value: no write that succeeds is lost to a decision that did not see it. Methods that look at many keys are
/// weakly consistent: they see each key that is present throughout, and may or may not see one that comes or goes
/// meanwhile.
///
/// Closures may run under a lock: they must not call any cache. A panic in one leaves the cache usable.
///
/// # Examples
///
/// ```
/// use hotcache::{IntCache, IntCacheExt};
///
/// /// Takes one piece from stock; the price of a miss is one read.
/// fn buy(stock: &dyn IntCache, item: &str) -> bool {
///     stock.try_add(item, -1, 0..).is_ok()
/// }
/// ```
pub trait IntCache<K: Key + ?Sized = str>: Send + Sync {
    /// The value of a key; `None` if it is absent.
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

    /// Whether a key is present.
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
    /// On a present key one atomic store, with no exclusive lock where the map allows it, and no allocation.
    fn set(&self, key: &K, value: i64);

    /// Stores a value, inserting the key if it is absent, and returns the value before.
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
    fn swap(&self, key: &K, value: i64) -> Option<i64>;

    /// Inserts a key that is absent.
    ///
    /// # Errors
    ///
    /// The value of the key if it is present. It stays.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// assert_eq!(cache.insert_new("order:1", 1), Ok(()));
    /// assert_eq!(cache.insert_new("order:1", 2), Err(1));
    /// ```
    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64>;

    /// Stores `new` if the value of the key is `current`.
    ///
    /// # Errors
    ///
    /// `None` if the key is absent, otherwise the value, which is another. Nothing is changed.
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
    /// On a present key one atomic add, with no exclusive lock where the map allows it, and no allocation.
    fn add(&self, key: &K, delta: i64) -> i64;

    /// Removes a key, and tells whether it was there.
    ///
    /// It never tells the last value: an `add` that is in flight on the removed counter is ordered before the
    /// removal, and a returned value would contradict that. [`take`](IntCache::take) returns it, and costs more.
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
    fn del(&self, key: &K) -> bool;

    /// Removes a key and returns its final value.
    ///
    /// The value includes every write to the counter that succeeds.
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
    fn take(&self, key: &K) -> Option<i64>;

    /// Removes a key if `f` says so about its final value; tells whether it did.
    ///
    /// This is the form that works as `dyn`; see [`IntCacheExt::del_if`](crate::IntCacheExt::del_if). No write is
    /// lost that `f` did not see: if the value changes after `f` was asked, `f` is asked again. `f` may run under a
    /// lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("user:1", 0);
    /// assert!(cache.del_if_dyn("user:1", &mut |value| value == 0));
    /// ```
    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool;

    /// Replaces the value of a present key by what `f` makes of it, atomically, and returns the new value.
    ///
    /// This is the form that works as `dyn`; see [`IntCacheExt::update`](crate::IntCacheExt::update). `f` is asked
    /// again if the value changes meanwhile. It may run under a lock and must not call any cache.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is not there. [`UpdateError::Kept`] with the value if `f` returned `None`.
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

    /// Like [`update_dyn`](IntCache::update_dyn), but an absent key is inserted with `first`, which is returned.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Kept`] with the value if the key is present and `f` returned `None`.
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
    /// This is the form that works as `dyn`; [`IntCacheExt::try_add`](crate::IntCacheExt::try_add) takes a range of
    /// any type, and says more.
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
    /// # use hotcache::IntCache;
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("stock", 1);
    /// assert_eq!(cache.try_add_dyn("stock", -1, 0..=i64::MAX), Ok(0));
    /// ```
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError>;

    /// Like [`try_add_dyn`](IntCache::try_add_dyn), but an absent key counts from 0 and is inserted.
    ///
    /// # Errors
    ///
    /// [`AddError::OutOfBounds`] as for [`try_add_dyn`](IntCache::try_add_dyn), with a `current` of 0 for an absent
    /// key. A refused add inserts nothing.
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

    /// The number of keys, weakly consistent: exact when nothing is inserted or removed meanwhile.
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

    /// Whether there is no key, weakly consistent as [`len`](IntCache::len) is.
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

    /// Removes every key that is present throughout; one that is inserted meanwhile may stay.
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

    /// All keys, in no order, weakly consistent.
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

    /// Calls `f` with every key and its value, in no order, weakly consistent.
    ///
    /// `f` may run under a lock and must not call any cache.
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
        // It ends early only if `f` says so.
        let _ = self.try_for_each_dyn(&mut |key, value| {
            f(key, value);
            ControlFlow::Continue(())
        });
    }

    /// Calls `f` with every key and its value until it breaks, in no order, weakly consistent.
    ///
    /// This is the form that works as `dyn`; [`IntCacheExt::try_for_each`](crate::IntCacheExt::try_for_each) returns
    /// what the closure breaks with. `f` may run under a lock and must not call any cache.
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
    /// A key is removed only if `f` refused its final value: if the value changes after `f` was asked, `f` is asked
    /// again. So no write is lost that `f` did not see. Which keys are visited is weakly consistent. `f` may run under
    /// a lock and must not call any cache.
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
    /// Each look-up is linearizable by itself; the group is no snapshot.
    ///
    /// # Panics
    ///
    /// If `keys` and `out` are not of one length.
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

    /// Makes room for `additional` more keys, so that they are inserted without growing. A hint.
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
    /// May copy the table, and on backends with locks hold them meanwhile. A backend that cannot grow ahead of time
    /// does nothing; its page says so.
    fn reserve(&self, additional: usize) {
        let _ = additional;
    }

    /// The number of keys that fit without growing, weakly consistent and never less than [`len`](IntCache::len).
    ///
    /// An estimate. With shards, one may grow while others have room. A backend whose map does not tell answers with
    /// what was last asked for; its page says so.
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

    /// Gives back what memory the keys that are left do not need. A hint.
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
    /// As [`reserve`](IntCache::reserve).
    fn shrink_to_fit(&self) {}
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
