use std::borrow::Borrow;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{
    DefaultHashBuilder, HasLoads, HashBuilder, Key, Loads, Mixed, NoReentry, ObjCache, Options, Room, Value,
    assert_reservable,
};
use flurry::{Guard, HashMap, TryInsertError};

/// An [`ObjCache`] over `flurry::HashMap`.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::flurry::ObjCache;
///
/// let events = ObjCache::<String>::new();
/// events.insert("event:1", "Flash sale".to_owned());
/// assert_eq!(events.with("event:1", |title| title.len()), Some(10));
/// ```
///
/// # Performance
///
/// Reads take no lock. Every write locks one bin, and leaves the replaced object to the map's reclaimer.
pub struct FlurryObjCache<V, K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: NoReentry<HashMap<K::Owned, Arc<V>, Mixed<S>>>,
    loads: Loads<V, K>,
    room: Room,
}

impl<V: Value, K: Key + ?Sized> FlurryObjCache<V, K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::flurry::ObjCache::<String>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> FlurryObjCache<V, K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::flurry::ObjCache;
    /// let roomy = ObjCache::<String>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::with_capacity_and_hasher(capacity, Mixed::new(options.into_hasher()));
        Self { map: NoReentry::new(map), loads: Loads::new(), room: Room::new(capacity) }
    }

    /// Stores an object, and returns the result of `seen` for the previous one.
    fn store<R>(&self, key: &K, value: Arc<V>, seen: impl Fn(&Arc<V>) -> R) -> Option<R> {
        self.loads.written(key);
        let guard = self.map.guard();
        // Not `insert` alone, which takes an owned key even if the key is present.
        let mut offered = Some(value);
        let mut before = None;
        let exchange = |_: &K::Owned, present: &Arc<V>| {
            before = Some(seen(present));
            offered.take()
        };
        self.map.compute_if_present(key, exchange, &guard);
        if let Some(value) = offered {
            before = self.map.insert(key.to_owned_key(), value, &guard).map(seen);
        }
        // Dropped here, as in `get`.
        drop(guard);
        before
    }

    /// Removes a key if its object is `current`, and tells whether it did.
    fn remove_if_same(&self, key: &K, current: &Arc<V>, guard: &Guard<'_>) -> bool {
        let mut removed = false;
        let remove = |_: &K::Owned, present: &Arc<V>| {
            removed = Arc::ptr_eq(present, current);
            // As in `replace_if_same`.
            (!removed).then(|| Arc::clone(present))
        };
        self.map.compute_if_present(key, remove, guard);
        removed
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for FlurryObjCache<V, K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<Arc<V>> {
        let guard = self.map.guard();
        let value = self.map.get(key, &guard).cloned();
        // Dropped here: it may free what other threads retired, and if a `Drop` panicked at the end of the function,
        // the return value would leak.
        drop(guard);
        value
    }

    #[inline]
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        let guard = self.map.guard();
        self.map.get(key, &guard).map(|value| NoReentry::lend(&self.map, || f(value))).is_some()
    }

    fn set(&self, key: &K, value: Arc<V>) {
        self.store(key, value, |_| ());
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.store(key, value, Arc::clone)
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.loads.written(key);
        let guard = self.map.guard();
        if !self.map.get(key, &guard).is_some_and(|present| Arc::ptr_eq(present, current)) {
            return Err(new);
        }
        // The returned object is stored. flurry cannot leave an entry unchanged here, but the closure can return the
        // same object.
        let mut new = new;
        let mut replaced = false;
        let exchange = |_: &K::Owned, present: &Arc<V>| {
            replaced = Arc::ptr_eq(present, current);
            Some(if replaced { mem::replace(&mut new, Arc::clone(current)) } else { Arc::clone(present) })
        };
        self.map.compute_if_present(key, exchange, &guard);
        if replaced { Ok(()) } else { Err(new) }
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        let guard = self.map.guard();
        let (cached, refused) = match self.map.get(key, &guard) {
            Some(present) => (present.clone(), Some(value)),
            None => match self.map.try_insert(key.to_owned_key(), value, &guard) {
                Ok(inserted) => (inserted.clone(), None),
                Err(TryInsertError { current, not_inserted }) => (current.clone(), Some(not_inserted)),
            },
        };
        // Both are dropped here: if a `Drop` panicked at the end of the function, the return value would leak.
        drop(refused);
        drop(guard);
        cached
    }

    fn del(&self, key: &K) -> bool {
        self.loads.written(key);
        self.map.remove(key, &self.map.guard()).is_some()
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.loads.written(key);
        let guard = self.map.guard();
        let removed = self.map.remove(key, &guard).cloned();
        // Dropped here, as in `get`.
        drop(guard);
        removed
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        self.loads.written(key);
        let guard = self.map.guard();
        loop {
            let Some(asked) = self.map.get(key, &guard) else { return false };
            if !NoReentry::lend(&self.map, || f(asked)) {
                return false;
            }
            if self.remove_if_same(key, asked, &guard) {
                return true;
            }
        }
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        self.remove_if_same(key, current, &self.map.guard())
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn clear(&self) {
        self.loads.all_written();
        self.map.clear(&self.map.guard());
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        for (key, value) in self.map.iter(&self.map.guard()) {
            NoReentry::lend(&self.map, || f(key.borrow(), value))?;
        }
        ControlFlow::Continue(())
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.loads.all_written();
        let guard = self.map.guard();
        self.map.retain(|key, value| NoReentry::lend(&self.map, || f(key.borrow(), value)), &guard);
    }

    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
        self.map.reserve(additional, &self.map.guard());
        self.room.asked(self.len().saturating_add(additional));
    }

    fn capacity(&self) -> usize {
        self.room.capacity(self.len())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for FlurryObjCache<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        &self.loads
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder + Default> Default for FlurryObjCache<V, K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> fmt::Debug for FlurryObjCache<V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlurryObjCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
