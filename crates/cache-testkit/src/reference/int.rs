use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Mutex;

use cache_core::{AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, Options, counter};

use super::lock;

/// The integer cache of [`Reference`](crate::Reference).
///
/// # Examples
///
/// ```
/// use cache_core::{IntCache, Options};
/// use cache_testkit::ReferenceIntCache;
///
/// let cache: ReferenceIntCache<u64> = ReferenceIntCache::new(Options::new());
/// cache.set(&1, 7);
/// assert_eq!(cache.get(&1), Some(7));
/// ```
pub struct ReferenceIntCache<K: Key + ?Sized, S = DefaultHashBuilder> {
    map: Mutex<HashMap<K::Owned, i64, S>>,
}

impl<K: Key + ?Sized, S: HashBuilder> ReferenceIntCache<K, S> {
    /// An empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{IntCache, Options};
    /// let cache: cache_testkit::ReferenceIntCache<str> = cache_testkit::ReferenceIntCache::new(Options::new());
    /// assert!(cache.is_empty());
    /// ```
    #[must_use]
    pub fn new(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        Self { map: Mutex::new(HashMap::with_capacity_and_hasher(capacity, options.into_hasher())) }
    }

    fn put(map: &mut HashMap<K::Owned, i64, S>, key: &K, value: i64) {
        match map.get_mut(key) {
            Some(place) => *place = value,
            None => {
                map.insert(key.to_owned_key(), value);
            }
        }
    }
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for ReferenceIntCache<K, S> {
    fn get(&self, key: &K) -> Option<i64> {
        lock(&self.map).get(key).copied()
    }

    fn set(&self, key: &K, value: i64) {
        Self::put(&mut lock(&self.map), key, value);
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        let mut map = lock(&self.map);
        let sum = map.get(key).copied().unwrap_or(0).wrapping_add(delta);
        Self::put(&mut map, key, sum);
        sum
    }

    fn del(&self, key: &K) -> bool {
        lock(&self.map).remove(key).is_some()
    }

    fn try_add(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        let mut map = lock(&self.map);
        let current = *map.get(key).ok_or(AddError::Absent)?;
        let sum = counter::step(current, delta, &bounds)?;
        Self::put(&mut map, key, sum);
        Ok(sum)
    }

    fn try_add_or_insert(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        let mut map = lock(&self.map);
        let current = map.get(key).copied().unwrap_or(0);
        let sum = counter::step(current, delta, &bounds)?;
        Self::put(&mut map, key, sum);
        Ok(sum)
    }

    fn len(&self) -> usize {
        lock(&self.map).len()
    }

    fn clear(&self) {
        lock(&self.map).clear();
    }

    fn for_each(&self, f: &mut dyn FnMut(&K, i64)) {
        for (key, value) in lock(&self.map).iter() {
            f(key.borrow(), *value);
        }
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        lock(&self.map).retain(|key, value| f(key.borrow(), *value));
    }
}

impl<K: Key + ?Sized, S> fmt::Debug for ReferenceIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceIntCache").finish_non_exhaustive()
    }
}
