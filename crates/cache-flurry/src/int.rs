use std::borrow::Borrow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicI64;

use cache_core::{AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, Options, counter};
use flurry::{HashMap, TryInsertError};

/// An [`IntCache`] over [`flurry::HashMap`].
///
/// # Examples
///
/// ```
/// use cache_core::IntCache;
/// use cache_flurry::FlurryIntCache;
///
/// let bought = FlurryIntCache::<u64>::new();
/// assert_eq!(bought.add(&42, 1), 1);
/// ```
///
/// # Performance
///
/// Reads, and writes to a key that is there, take no lock: they pass two pointers after the table's and mark
/// the thread as active before and inactive after. Inserts and deletes lock one bin.
pub struct FlurryIntCache<K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: HashMap<K::Owned, AtomicI64, S>,
}

impl<K: Key + ?Sized> FlurryIntCache<K> {
    /// An empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = cache_flurry::FlurryIntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> FlurryIntCache<K, S> {
    /// A cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Options;
    /// use cache_flurry::FlurryIntCache;
    /// let roomy = FlurryIntCache::<str>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        Self { map: HashMap::with_capacity_and_hasher(capacity, options.into_hasher()) }
    }

    /// Calls `f` with the counter of a key.
    #[inline]
    fn read<R>(&self, key: &K, f: impl FnOnce(&AtomicI64) -> R) -> Option<R> {
        let guard = self.map.guard();
        self.map.get(key, &guard).map(f)
    }

    /// Calls `change` with the counter of a key; `None` if the key was absent and now has `initial`.
    #[inline]
    fn update<R>(&self, key: &K, initial: i64, change: impl Fn(&AtomicI64) -> R) -> Option<R> {
        let guard = self.map.guard();
        if let Some(cell) = self.map.get(key, &guard) {
            return Some(change(cell));
        }
        let new = AtomicI64::new(initial);
        match self.map.try_insert(key.to_owned_key(), new, &guard) {
            Ok(_) => None,
            Err(TryInsertError { current, .. }) => Some(change(current)),
        }
    }
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for FlurryIntCache<K, S> {
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
        self.map.remove(key, &self.map.guard()).is_some()
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
        self.map.clear(&self.map.guard());
    }

    fn for_each(&self, f: &mut dyn FnMut(&K, i64)) {
        for (key, cell) in self.map.iter(&self.map.guard()) {
            f(key.borrow(), counter::get(cell));
        }
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        let guard = self.map.guard();
        self.map.retain(|key, cell| f(key.borrow(), counter::get(cell)), &guard);
    }
}

impl<K: Key + ?Sized, S: HashBuilder + Default> Default for FlurryIntCache<K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> fmt::Debug for FlurryIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlurryIntCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
