use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Mutex;

use cache_core::{AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, NoReentry, Options, counter};

use super::{Locked, insert_new, lock};

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
    map: Locked<K::Owned, i64, S>,
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
        let map = HashMap::with_capacity_and_hasher(capacity, options.into_hasher());
        Self { map: NoReentry::new(Mutex::new(map)) }
    }

    /// Calls `change` with the value of a key and stores the one that it gives.
    fn step<R>(&self, key: &K, change: impl FnOnce(Option<i64>) -> (Option<i64>, R)) -> R {
        let owned = key.to_owned_key();
        let mut map = lock(&self.map);
        let (new, result) = change(map.get(key).copied());
        if let Some(new) = new {
            match map.get_mut(key) {
                Some(place) => *place = new,
                None => insert_new(&mut map, owned, new),
            }
        }
        result
    }
}

// Keys that are not stored or no longer stored outlive the guard, so that their `Drop` runs under no lock.
impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for ReferenceIntCache<K, S> {
    fn get(&self, key: &K) -> Option<i64> {
        lock(&self.map).get(key).copied()
    }

    fn set(&self, key: &K, value: i64) {
        self.step(key, |_| (Some(value), ()));
    }

    fn swap(&self, key: &K, value: i64) -> Option<i64> {
        self.step(key, |current| (Some(value), current))
    }

    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
        self.step(key, |current| match current {
            Some(current) => (None, Err(current)),
            None => (Some(value), Ok(())),
        })
    }

    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        self.step(key, |seen| if seen == Some(current) { (Some(new), Ok(())) } else { (None, Err(seen)) })
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        self.step(key, |current| {
            let sum = current.unwrap_or(0).wrapping_add(delta);
            (Some(sum), sum)
        })
    }

    fn del(&self, key: &K) -> bool {
        self.take(key).is_some()
    }

    fn take(&self, key: &K) -> Option<i64> {
        let removed = lock(&self.map).remove_entry(key);
        removed.map(|(_, value)| value)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        let mut map = lock(&self.map);
        let agreed = map.get(key).is_some_and(|value| NoReentry::lend(&self.map, || f(*value)));
        let removed = if agreed { map.remove_entry(key) } else { None };
        drop(map);
        removed.is_some()
    }

    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.step(key, |current| {
            let sum =
                current.ok_or(AddError::Absent).and_then(|current| counter::step(current, delta, &bounds));
            (sum.ok(), sum)
        })
    }

    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        self.step(key, |current| {
            let sum = counter::step(current.unwrap_or(0), delta, &bounds);
            (sum.ok(), sum)
        })
    }

    fn len(&self) -> usize {
        lock(&self.map).len()
    }

    fn clear(&self) {
        let removed: Vec<_> = lock(&self.map).drain().collect();
        drop(removed);
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        lock(&self.map)
            .iter()
            .try_for_each(|(key, value)| NoReentry::lend(&self.map, || f(key.borrow(), *value)))
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        let mut removed = Vec::new();
        removed.extend(
            lock(&self.map).extract_if(|key, value| NoReentry::lend(&self.map, || !f(key.borrow(), *value))),
        );
    }
}

impl<K: Key + ?Sized, S> fmt::Debug for ReferenceIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceIntCache").finish_non_exhaustive()
    }
}
