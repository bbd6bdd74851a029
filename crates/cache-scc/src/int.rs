use std::borrow::Borrow;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::atomic::AtomicI64;

use cache_core::{
    AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, Mixed, NoReentry, Options, counter,
};
use scc::HashMap;

use crate::pass::Pass;

/// An [`IntCache`] over `scc::HashMap`.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::scc::IntCache;
///
/// let bought = IntCache::<u64>::new();
/// assert_eq!(bought.add(&42, 1), 1);
/// ```
///
/// # Performance
///
/// Reads, and writes to a present key, take the shared lock of one bucket of 32 entries. Inserts and deletes take its
/// exclusive lock. [`len`](IntCache::len) visits every bucket.
pub struct SccIntCache<K: Key + ?Sized = str, S: BuildHasher + 'static = DefaultHashBuilder> {
    map: NoReentry<HashMap<K::Owned, AtomicI64, Mixed<S>>>,
}

impl<K: Key + ?Sized> SccIntCache<K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::scc::IntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> SccIntCache<K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// The table never shrinks below that capacity.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::scc::IntCache;
    /// let roomy = IntCache::<str>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::with_capacity_and_hasher(capacity, Mixed::new(options.into_hasher()));
        Self { map: NoReentry::new(map) }
    }

    /// Calls `f` with the counter of a key.
    #[inline]
    fn read<R>(&self, key: &K, f: impl FnOnce(&AtomicI64) -> R) -> Option<R> {
        self.map.read_sync(key, |_, cell| f(cell))
    }

    /// Calls `change` with the counter of a key; `None` if the key was absent and now has `initial`.
    #[inline]
    fn upsert<R>(&self, key: &K, initial: i64, change: impl Fn(&AtomicI64) -> R) -> Option<R> {
        let mut new = None;
        loop {
            let present = self.map.read_sync(key, |_, cell| change(cell));
            if present.is_some() {
                return present;
            }
            // Not by `entry_sync`, which drops the key of an occupied entry under the lock.
            let (owned, cell) = new.take().unwrap_or_else(|| (key.to_owned_key(), AtomicI64::new(initial)));
            match self.map.insert_sync(owned, cell) {
                Ok(()) => return None,
                // Another thread inserted the key first, and may have removed it since.
                Err(refused) => new = Some(refused),
            }
        }
    }
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for SccIntCache<K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<i64> {
        self.read(key, counter::get)
    }

    #[inline]
    fn set(&self, key: &K, value: i64) {
        self.upsert(key, value, |cell| counter::set(cell, value));
    }

    fn swap(&self, key: &K, value: i64) -> Option<i64> {
        self.upsert(key, value, |cell| counter::swap(cell, value))
    }

    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
        self.upsert(key, value, counter::get).map_or(Ok(()), Err)
    }

    #[inline]
    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        self.read(key, |cell| counter::compare_exchange(cell, current, new))
            .map_or(Err(None), |exchanged| exchanged.map_err(Some))
    }

    #[inline]
    fn add(&self, key: &K, delta: i64) -> i64 {
        self.upsert(key, delta, |cell| counter::add(cell, delta)).unwrap_or(delta)
    }

    fn del(&self, key: &K) -> bool {
        self.map.remove_sync(key).is_some()
    }

    fn take(&self, key: &K) -> Option<i64> {
        // Adds hold the bucket's shared lock: none is in flight while the counter is removed.
        self.map.remove_sync(key).map(|(_, cell)| cell.into_inner())
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        self.map.remove_if_sync(key, |cell| NoReentry::lend(&self.map, || f(*cell.get_mut()))).is_some()
    }

    #[inline]
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.read(key, |cell| counter::try_add(cell, delta, &bounds)).unwrap_or(Err(AddError::Absent))
    }

    #[inline]
    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        let change = |cell: &AtomicI64| counter::try_add(cell, delta, &bounds);
        if let Some(result) = self.read(key, change) {
            return result;
        }
        let first = counter::step(0, delta, &bounds)?;
        self.upsert(key, first, change).unwrap_or(Ok(first))
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    fn clear(&self) {
        // Dropped after the last lock is released, because a key may have its own `Drop`.
        let mut removed = Vec::new();
        self.map.iter_mut_sync(|entry| {
            removed.push(entry.consume());
            true
        });
    }

    fn keys(&self) -> Vec<K::Owned> {
        let mut pass = Pass::<K>::default();
        self.map.iter_sync(|key, _| {
            pass.meets(key);
            true
        });
        pass.into_keys()
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut pass = Pass::<K>::default();
        let mut flow = ControlFlow::Continue(());
        self.map.iter_sync(|key, cell| {
            if pass.meets(key) {
                flow = NoReentry::lend(&self.map, || f(key.borrow(), counter::get(cell)));
            }
            flow.is_continue()
        });
        flow
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        // Dropped after the last lock is released, even if `f` panics.
        let mut removed = Vec::new();
        let mut pass = Pass::<K>::default();
        self.map.iter_mut_sync(|entry| {
            let mut keeps = || NoReentry::lend(&self.map, || f(entry.key().borrow(), counter::get(&entry)));
            if pass.meets(entry.key()) && !keeps() {
                removed.push(entry.consume());
            }
            true
        });
    }

    fn capacity(&self) -> usize {
        self.map.capacity().max(self.len())
    }
}

impl<K: Key + ?Sized, S: HashBuilder + Default> Default for SccIntCache<K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> fmt::Debug for SccIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SccIntCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
