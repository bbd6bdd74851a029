use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use cache_core::{
    DefaultHashBuilder, HasLoads, HashBuilder, Key, Loads, NoReentry, ObjCache, Options, Value,
};

use super::{Locked, insert_new, lock};

/// The object cache of [`Reference`](crate::Reference).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use cache_core::{ObjCache, Options};
/// use cache_testkit::ReferenceObjCache;
///
/// let cache: ReferenceObjCache<String, u64> = ReferenceObjCache::new(Options::new());
/// cache.set(&1, Arc::new("Flash sale".to_owned()));
/// assert_eq!(cache.get(&1).unwrap().as_str(), "Flash sale");
/// ```
pub struct ReferenceObjCache<V, K: Key + ?Sized, S = DefaultHashBuilder> {
    map: Locked<K::Owned, Arc<V>, S>,
    loads: Loads<V, K>,
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ReferenceObjCache<V, K, S> {
    /// An empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{ObjCache, Options};
    /// use cache_testkit::ReferenceObjCache;
    /// let cache: ReferenceObjCache<u8, str> = ReferenceObjCache::new(Options::new());
    /// assert!(cache.is_empty());
    /// ```
    #[must_use]
    pub fn new(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::with_capacity_and_hasher(capacity, options.into_hasher());
        Self { map: NoReentry::new(Mutex::new(map)), loads: Loads::new() }
    }
}

// What is removed or refused outlives the guard, keys and objects, so that their `Drop` runs under no lock.
impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for ReferenceObjCache<V, K, S> {
    fn get(&self, key: &K) -> Option<Arc<V>> {
        lock(&self.map).get(key).cloned()
    }

    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        match lock(&self.map).get(key) {
            Some(value) => {
                NoReentry::lend(&self.map, || f(value));
                true
            }
            None => false,
        }
    }

    fn set(&self, key: &K, value: Arc<V>) {
        drop(self.swap(key, value));
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.loads.written(key);
        let owned = key.to_owned_key();
        let mut map = lock(&self.map);
        let replaced = match map.get_mut(key) {
            Some(place) => Some(mem::replace(place, value)),
            None => {
                insert_new(&mut map, owned, value);
                return None;
            }
        };
        drop(map);
        drop(owned);
        replaced
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.loads.written(key);
        match lock(&self.map).get_mut(key) {
            Some(place) if Arc::ptr_eq(place, current) => {
                // Not dropped: `current` is another reference to it.
                *place = new;
                Ok(())
            }
            _ => Err(new),
        }
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        let owned = key.to_owned_key();
        let mut map = lock(&self.map);
        let present = map.get(key).cloned();
        match present {
            Some(present) => {
                drop(map);
                drop(value);
                drop(owned);
                present
            }
            None => {
                insert_new(&mut map, owned, value.clone());
                value
            }
        }
    }

    fn del(&self, key: &K) -> bool {
        self.take(key).is_some()
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.loads.written(key);
        let (owned, object) = lock(&self.map).remove_entry(key)?;
        drop(owned);
        Some(object)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        self.loads.written(key);
        let mut map = lock(&self.map);
        let agreed = map.get(key).is_some_and(|object| NoReentry::lend(&self.map, || f(object)));
        let removed = if agreed { map.remove_entry(key) } else { None };
        drop(map);
        removed.is_some()
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        let mut map = lock(&self.map);
        let is_there = map.get(key).is_some_and(|object| Arc::ptr_eq(object, current));
        let removed = if is_there { map.remove_entry(key) } else { None };
        drop(map);
        removed.is_some()
    }

    fn len(&self) -> usize {
        lock(&self.map).len()
    }

    fn clear(&self) {
        self.loads.all_written();
        let removed: Vec<_> = lock(&self.map).drain().collect();
        drop(removed);
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        lock(&self.map)
            .iter()
            .try_for_each(|(key, object)| NoReentry::lend(&self.map, || f(key.borrow(), object)))
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.loads.all_written();
        let mut removed = Vec::new();
        removed.extend(
            lock(&self.map).extract_if(|key, value| NoReentry::lend(&self.map, || !f(key.borrow(), value))),
        );
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for ReferenceObjCache<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        &self.loads
    }
}

impl<V, K: Key + ?Sized, S> fmt::Debug for ReferenceObjCache<V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceObjCache").finish_non_exhaustive()
    }
}
