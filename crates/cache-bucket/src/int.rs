use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::atomic::{AtomicI64, Ordering};

use cache_core::{
    AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, NoReentry, Options, assert_reservable,
    assert_same_length, counter,
};

use crate::map::{Map, Visit};
use crate::raw::{Removal, Upsert};
use crate::reclaim::Pinned;

/// How many look-ups of [`get_many`](IntCache::get_many) overlap.
const GROUP: usize = 16;

/// Integers in the buckets of our own table. See [`BucketBackend`](crate::BucketBackend).
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::bucket::IntCache;
///
/// let stock: IntCache = IntCache::default();
/// stock.set("sku:1", 100);
/// assert_eq!(stock.add("sku:1", -1), 99);
/// ```
pub struct BucketIntCache<K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: NoReentry<Map<K, AtomicI64, S>>,
}

impl<K: Key + ?Sized> BucketIntCache<K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::bucket::IntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> BucketIntCache<K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::bucket::IntCache;
    /// use hotcache::Options;
    /// let cache: IntCache<u64> = IntCache::with_options(Options::new().capacity(1000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        Self { map: NoReentry::new(Map::new(options, false)) }
    }

    /// Creates a cache with large pages, if the system supports them.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::bucket::IntCache;
    /// use hotcache::Options;
    /// let cache: IntCache = IntCache::with_large_pages(Options::new().capacity(1_000_000));
    /// ```
    ///
    /// # Performance
    ///
    /// Look-ups in a table of many megabytes are faster. The first touch of each 2 MiB takes a hundred microseconds
    /// or more, in the middle of some insert.
    #[must_use]
    pub fn with_large_pages(options: Options<S>) -> Self {
        Self { map: NoReentry::new(Map::new(options, true)) }
    }
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for BucketIntCache<K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<i64> {
        self.map.get(key, |value| value)
    }

    #[inline]
    fn set(&self, key: &K, value: i64) {
        let store = |_: Pinned<'_>, cell: &_, value| {
            counter::set(cell, value);
            Some(())
        };
        let stored = self.map.fast_upsert(key, value, store, |_| ());
        if stored.is_none() {
            self.set_or_insert(key, value);
        }
    }

    #[inline]
    fn add(&self, key: &K, delta: i64) -> i64 {
        let add = |_: Pinned<'_>, cell: &_, delta| Some(counter::add(cell, delta));
        match self.map.fast_upsert(key, delta, add, |sum| sum) {
            Some(sum) => sum,
            None => self.add_or_insert(key, delta),
        }
    }

    #[inline]
    fn swap(&self, key: &K, value: i64) -> Option<i64> {
        let swap = |_: Pinned<'_>, cell: &AtomicI64, value| Some(Some(cell.swap(value, Ordering::AcqRel)));
        match self.map.fast_upsert(key, value, swap, |_| None) {
            Some(before) => before,
            None => self.swap_or_insert(key, value),
        }
    }

    #[inline]
    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
        let refuse = |_: Pinned<'_>, cell: &_, _| Some(Err(counter::get(cell)));
        match self.map.fast_upsert(key, value, refuse, |_| Ok(())) {
            Some(result) => result,
            None => self.refuse_or_insert(key, value),
        }
    }

    #[inline]
    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        let exchange = |_: Pinned<'_>, cell: &_, (current, new)| Some(exchange(cell, current, new));
        match self.map.fast_update(key, (current, new), exchange) {
            Some(result) => result.map_err(Some),
            None => self.compare_exchange_present(key, current, new),
        }
    }

    #[inline]
    fn del(&self, key: &K) -> bool {
        self.map.remove(key)
    }

    fn take(&self, key: &K) -> Option<i64> {
        match self.map.remove_if(key, None, |last| last) {
            Removal::Removed(last) => Some(last),
            Removal::Other(_) | Removal::Absent | Removal::Unsettled => None,
        }
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        let Some(mut value) = self.get(key) else { return false };
        while NoReentry::lend(&self.map, || f(value)) {
            match self.map.remove_if(key, Some(value), |_| ()) {
                Removal::Removed(()) => return true,
                Removal::Other(other) => value = other,
                Removal::Absent | Removal::Unsettled => return false,
            }
        }
        false
    }

    #[inline]
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        match self.try_add_fast(key, delta, &bounds) {
            Some(result) => result,
            None => self.try_add_present(key, delta, &bounds).unwrap_or(Err(AddError::Absent)),
        }
    }

    #[inline]
    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        match self.try_add_fast(key, delta, &bounds) {
            Some(result) => result,
            None => self.try_add_slow(key, delta, &bounds),
        }
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn clear(&self) {
        self.map.clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        self.map.sweep(&mut |key, value| NoReentry::lend(&self.map, || f(key, value)).into())
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        let _ = self.map.sweep(&mut |key, value| {
            if NoReentry::lend(&self.map, || f(key, value)) { Visit::Keep } else { Visit::Remove }
        });
    }

    fn get_many(&self, keys: &[&K], out: &mut [Option<i64>]) {
        assert_same_length(keys.len(), out.len());
        for (keys, out) in keys.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
            self.map.get_group::<GROUP>(keys, |i, value| out[i] = value);
        }
    }

    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
        self.map.reserve(additional);
    }

    fn capacity(&self) -> usize {
        self.map.capacity()
    }

    fn shrink_to_fit(&self) {
        self.map.shrink_to_fit();
    }
}

/// Stores `new` if the value is `current`; otherwise returns the value.
#[inline(always)]
fn exchange(cell: &AtomicI64, current: i64, new: i64) -> Result<(), i64> {
    cell.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
}

/// The slow paths of operations, for keys that the fast path does not find.
impl<K: Key + ?Sized, S: HashBuilder> BucketIntCache<K, S> {
    #[inline(never)]
    fn set_or_insert(&self, key: &K, value: i64) {
        let (_, rest) = self.map.upsert(key, value, &mut |_, cell| {
            counter::set(cell, value);
            Some(())
        });
        self.map.finish(rest);
    }

    #[inline(never)]
    fn swap_or_insert(&self, key: &K, value: i64) -> Option<i64> {
        let mut swap = |_: Pinned<'_>, cell: &AtomicI64| Some(cell.swap(value, Ordering::AcqRel));
        let (outcome, rest) = self.map.upsert(key, value, &mut swap);
        self.map.finish(rest);
        match outcome {
            Upsert::Found(before) => Some(before),
            Upsert::Inserted => None,
        }
    }

    #[inline(never)]
    fn refuse_or_insert(&self, key: &K, value: i64) -> Result<(), i64> {
        let (outcome, rest) = self.map.upsert(key, value, &mut |_, cell| Some(counter::get(cell)));
        self.map.finish(rest);
        match outcome {
            Upsert::Found(present) => Err(present),
            Upsert::Inserted => Ok(()),
        }
    }

    #[inline(never)]
    fn compare_exchange_present(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        match self.map.update(key, &mut |_, cell| Some(exchange(cell, current, new))) {
            Some(result) => result.map_err(Some),
            None => Err(None),
        }
    }

    #[inline(never)]
    fn add_or_insert(&self, key: &K, delta: i64) -> i64 {
        let (outcome, rest) = self.map.upsert(key, delta, &mut |_, cell| Some(counter::add(cell, delta)));
        self.map.finish(rest);
        match outcome {
            Upsert::Found(sum) => sum,
            Upsert::Inserted => delta,
        }
    }

    /// Before that: one bounded add where the key is found at once.
    #[inline(always)]
    fn try_add_fast(
        &self,
        key: &K,
        delta: i64,
        bounds: &RangeInclusive<i64>,
    ) -> Option<Result<i64, AddError>> {
        self.map.fast_update(key, (delta, bounds), |_, cell, (delta, bounds)| {
            Some(counter::try_add(cell, delta, bounds))
        })
    }

    #[inline(never)]
    fn try_add_present(
        &self,
        key: &K,
        delta: i64,
        bounds: &RangeInclusive<i64>,
    ) -> Option<Result<i64, AddError>> {
        self.map.update(key, &mut |_, cell| Some(counter::try_add(cell, delta, bounds)))
    }

    #[inline(never)]
    fn try_add_slow(&self, key: &K, delta: i64, bounds: &RangeInclusive<i64>) -> Result<i64, AddError> {
        match counter::step(0, delta, bounds) {
            Ok(first) => {
                let mut try_add = |_: Pinned<'_>, cell: &_| Some(counter::try_add(cell, delta, bounds));
                let (outcome, rest) = self.map.upsert(key, first, &mut try_add);
                self.map.finish(rest);
                match outcome {
                    Upsert::Found(result) => result,
                    Upsert::Inserted => Ok(first),
                }
            }
            // Absent or not, nothing is inserted.
            refused => self.try_add_present(key, delta, bounds).unwrap_or(refused),
        }
    }
}

impl<K: Key + ?Sized, S: HashBuilder + Default> Default for BucketIntCache<K, S> {
    fn default() -> Self {
        Self::with_options(Options::new().hasher(S::default()))
    }
}

impl<K: Key + ?Sized, S> fmt::Debug for BucketIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BucketIntCache").field(&self.map).finish()
    }
}
