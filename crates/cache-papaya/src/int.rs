use std::borrow::Borrow;
use std::fmt;
use std::ops::RangeInclusive;
use std::ptr;
use std::sync::atomic::AtomicI64;

use cache_core::{AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, Options, counter};
use papaya::{HashMap, OccupiedError};

/// An [`IntCache`] over [`papaya::HashMap`].
///
/// # Examples
///
/// ```
/// use cache_core::IntCache;
/// use cache_papaya::PapayaIntCache;
///
/// let bought = PapayaIntCache::<u64>::new();
/// assert_eq!(bought.add(&42, 1), 1);
/// ```
///
/// # Performance
///
/// Reads, and writes to a key that is there, take no lock and write nothing shared but the counter: they pass
/// one pointer after the table's and mark the thread as active before and inactive after.
pub struct PapayaIntCache<K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: HashMap<K::Owned, AtomicI64, S>,
}

impl<K: Key + ?Sized> PapayaIntCache<K> {
    /// An empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = cache_papaya::PapayaIntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> PapayaIntCache<K, S> {
    /// A cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// The table never shrinks below that capacity.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Options;
    /// use cache_papaya::PapayaIntCache;
    /// let roomy = PapayaIntCache::<str>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        Self { map: HashMap::builder().capacity(capacity).hasher(options.into_hasher()).build() }
    }

    /// Calls `f` with the counter of a key.
    #[inline]
    fn read<R>(&self, key: &K, f: impl FnOnce(&AtomicI64) -> R) -> Option<R> {
        self.map.pin().get(key).map(f)
    }

    /// Calls `change` with the counter of a key; `None` if the key was absent and now has `initial`.
    #[inline]
    fn update<R>(&self, key: &K, initial: i64, change: impl Fn(&AtomicI64) -> R) -> Option<R> {
        let map = self.map.pin();
        if let Some(cell) = map.get(key) {
            return Some(change(cell));
        }
        match map.try_insert(key.to_owned_key(), AtomicI64::new(initial)) {
            Ok(_) => None,
            Err(OccupiedError { current, .. }) => Some(change(current)),
        }
    }
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for PapayaIntCache<K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<i64> {
        self.read(key, counter::get)
    }

    #[inline]
    fn set(&self, key: &K, value: i64) {
        self.update(key, value, |cell| counter::set(cell, value));
    }

    #[inline]
    fn add(&self, key: &K, delta: i64) -> i64 {
        self.update(key, delta, |cell| counter::add(cell, delta)).unwrap_or(delta)
    }

    fn del(&self, key: &K) -> bool {
        self.map.pin().remove(key).is_some()
    }

    #[inline]
    fn try_add(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.read(key, |cell| counter::try_add(cell, delta, &bounds)).unwrap_or(Err(AddError::Absent))
    }

    #[inline]
    fn try_add_or_insert(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        let change = |cell: &AtomicI64| counter::try_add(cell, delta, &bounds);
        if let Some(result) = self.read(key, change) {
            return result;
        }
        let first = counter::step(0, delta, &bounds)?;
        self.update(key, first, change).unwrap_or(Ok(first))
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn clear(&self) {
        self.map.pin().clear();
    }

    fn for_each(&self, f: &mut dyn FnMut(&K, i64)) {
        for (key, cell) in &self.map.pin() {
            f(key.borrow(), counter::get(cell));
        }
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        // Not papaya's own `retain`: it starts over when the table is replaced under it, and asks again.
        let map = self.map.pin();
        for (key, cell) in &map {
            if !f(key.borrow(), counter::get(cell)) {
                // Who was inserted anew meanwhile is another counter, and stays.
                let _ = map.remove_if(key, |_, present| ptr::eq(present, cell));
            }
        }
    }
}

impl<K: Key + ?Sized, S: HashBuilder + Default> Default for PapayaIntCache<K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> fmt::Debug for PapayaIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PapayaIntCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
