use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::atomic::AtomicI64;

use cache_core::{
    AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, NoReentry, Options, assert_reservable, counter,
};

use crate::table::Table;

/// An [`IntCache`] over [`DashMap`](dashmap::DashMap).
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::dashmap::IntCache;
///
/// let bought = IntCache::<u64>::new();
/// assert_eq!(bought.add(&42, 1), 1);
/// ```
///
/// # Performance
///
/// An operation on a present key takes one hash, one read lock and one look-up. Inserts and deletes take the write
/// lock of one shard.
pub struct DashMapIntCache<K: Key + ?Sized = str, S = DefaultHashBuilder> {
    table: NoReentry<Table<K, AtomicI64, S>>,
}

impl<K: Key + ?Sized> DashMapIntCache<K> {
    /// Creates an empty cache, with four shards for each core of this machine.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::dashmap::IntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> DashMapIntCache<K, S> {
    /// Creates a cache with the capacity, the shards and the hasher of `options`.
    ///
    /// There are at least two shards. The capacity is divided evenly among them.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::dashmap::IntCache;
    /// let many_writers = IntCache::<str>::with_options(Options::new().shards(256));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        Self { table: NoReentry::new(Table::new(options)) }
    }
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for DashMapIntCache<K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<i64> {
        self.table.read(self.table.hash(key), key, counter::get)
    }

    #[inline]
    fn set(&self, key: &K, value: i64) {
        let hash = self.table.hash(key);
        let stored = self.table.read(hash, key, |cell| counter::set(cell, value));
        if stored.is_none() {
            self.table.write(hash, key, |place| match place {
                Some(cell) => {
                    *cell.get_mut() = value;
                    (None, ())
                }
                None => (Some(AtomicI64::new(value)), ()),
            });
        }
    }

    fn swap(&self, key: &K, value: i64) -> Option<i64> {
        let hash = self.table.hash(key);
        let before = self.table.read(hash, key, |cell| counter::swap(cell, value));
        before.or_else(|| {
            self.table.write(hash, key, |cell| match cell {
                Some(cell) => (None, Some(counter::swap(cell, value))),
                None => (Some(AtomicI64::new(value)), None),
            })
        })
    }

    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
        let hash = self.table.hash(key);
        let present = self.table.read(hash, key, counter::get).or_else(|| {
            self.table.write(hash, key, |cell| match cell {
                Some(cell) => (None, Some(counter::get(cell))),
                None => (Some(AtomicI64::new(value)), None),
            })
        });
        present.map_or(Ok(()), Err)
    }

    #[inline]
    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        self.table
            .read(self.table.hash(key), key, |cell| counter::compare_exchange(cell, current, new))
            .map_or(Err(None), |exchanged| exchanged.map_err(Some))
    }

    #[inline]
    fn add(&self, key: &K, delta: i64) -> i64 {
        let hash = self.table.hash(key);
        let sum = self.table.read(hash, key, |cell| counter::add(cell, delta));
        sum.unwrap_or_else(|| {
            self.table.write(hash, key, |place| match place {
                Some(cell) => (None, counter::add(cell, delta)),
                None => (Some(AtomicI64::new(delta)), delta),
            })
        })
    }

    fn del(&self, key: &K) -> bool {
        self.table.remove_if(key, |_| true).is_some()
    }

    fn take(&self, key: &K) -> Option<i64> {
        // Adds hold the shard's read lock: none is in flight while the counter is removed.
        self.table.remove_if(key, |_| true).map(AtomicI64::into_inner)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        self.table.remove_if(key, |cell| NoReentry::lend(&self.table, || f(*cell.get_mut()))).is_some()
    }

    #[inline]
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.table
            .read(self.table.hash(key), key, |cell| counter::try_add(cell, delta, &bounds))
            .unwrap_or(Err(AddError::Absent))
    }

    #[inline]
    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        let hash = self.table.hash(key);
        let sum = self.table.read(hash, key, |cell| counter::try_add(cell, delta, &bounds));
        sum.unwrap_or_else(|| {
            self.table.write(hash, key, |place| match place {
                Some(cell) => (None, counter::try_add(cell, delta, &bounds)),
                None => {
                    let sum = counter::step(0, delta, &bounds);
                    (sum.ok().map(AtomicI64::new), sum)
                }
            })
        })
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn clear(&self) {
        self.table.clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        self.table.try_for_each(|key, cell| NoReentry::lend(&self.table, || f(key, counter::get(cell))))
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        self.table.retain(|key, cell| NoReentry::lend(&self.table, || f(key, counter::get(cell))));
    }

    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
        self.table.reserve(additional);
    }

    fn capacity(&self) -> usize {
        self.table.capacity()
    }

    fn shrink_to_fit(&self) {
        self.table.shrink_to_fit();
    }
}

impl<K: Key + ?Sized, S: HashBuilder + Default> Default for DashMapIntCache<K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> fmt::Debug for DashMapIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DashMapIntCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
