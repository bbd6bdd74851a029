use std::borrow::Borrow;
use std::fmt;
use std::ops::ControlFlow;
use std::ptr;
use std::sync::Arc;

use cache_core::{
    DefaultHashBuilder, HasLoads, HashBuilder, Key, Loads, Mixed, NoReentry, ObjCache, Options, Room, Value,
    assert_reservable,
};
use papaya::{Compute, HashMap, OccupiedError, Operation};

/// An [`ObjCache`] over `papaya::HashMap`.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::papaya::ObjCache;
///
/// let events = ObjCache::<String>::new();
/// events.insert("event:1", "Flash sale".to_owned());
/// assert_eq!(events.with("event:1", |title| title.len()), Some(10));
/// ```
///
/// # Performance
///
/// No operation takes a lock. Reads write nothing shared, except the reference count that [`get`](ObjCache::get)
/// increments. `set` allocates an entry, and leaves the replaced entry to the map's reclaimer.
pub struct PapayaObjCache<V, K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: NoReentry<HashMap<K::Owned, Arc<V>, Mixed<S>>>,
    loads: Loads<V, K>,
    room: Room,
}

impl<V: Value, K: Key + ?Sized> PapayaObjCache<V, K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::papaya::ObjCache::<String>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> PapayaObjCache<V, K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// The table never shrinks below that capacity.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::papaya::ObjCache;
    /// let roomy = ObjCache::<String>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::builder().capacity(capacity).hasher(Mixed::new(options.into_hasher())).build();
        Self { map: NoReentry::new(map), loads: Loads::new(), room: Room::new(capacity) }
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for PapayaObjCache<V, K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<Arc<V>> {
        let map = self.map.pin();
        let value = map.get(key).cloned();
        // Dropped here: it may free what other threads retired, and if a `Drop` panicked at the end of the function,
        // the return value would leak.
        drop(map);
        value
    }

    #[inline]
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        self.map.pin().get(key).map(|value| NoReentry::lend(&self.map, || f(value))).is_some()
    }

    fn set(&self, key: &K, value: Arc<V>) {
        self.loads.written(key);
        // A key and its value are one allocation in papaya, so a new value needs a new copy of the key.
        self.map.pin().insert(key.to_owned_key(), value);
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.loads.written(key);
        let map = self.map.pin();
        let replaced = map.insert(key.to_owned_key(), value).cloned();
        // Dropped here, as in `get`.
        drop(map);
        replaced
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.loads.written(key);
        let map = self.map.pin();
        // Which would need an owned key even where it has no use for it.
        if !map.get(key).is_some_and(|present| Arc::ptr_eq(present, current)) {
            return Err(new);
        }
        let outcome = map.compute(key.to_owned_key(), |entry| match entry {
            Some((_, present)) if Arc::ptr_eq(present, current) => Operation::Insert(Arc::clone(&new)),
            _ => Operation::Abort(()),
        });
        match outcome {
            Compute::Updated { .. } => Ok(()),
            _ => Err(new),
        }
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        let map = self.map.pin();
        let (cached, refused) = match map.get(key) {
            Some(present) => (present.clone(), Some(value)),
            None => match map.try_insert(key.to_owned_key(), value) {
                Ok(inserted) => (inserted.clone(), None),
                Err(OccupiedError { current, not_inserted }) => (current.clone(), Some(not_inserted)),
            },
        };
        // Both are dropped here: if a `Drop` panicked at the end of the function, the return value would leak.
        drop(refused);
        drop(map);
        cached
    }

    fn del(&self, key: &K) -> bool {
        self.loads.written(key);
        self.map.pin().remove(key).is_some()
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.loads.written(key);
        let map = self.map.pin();
        let removed = map.remove(key).cloned();
        // Dropped here, as in `get`.
        drop(map);
        removed
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        self.loads.written(key);
        matches!(
            self.map.pin().remove_if(key, |_, value| NoReentry::lend(&self.map, || f(value))),
            Ok(Some(_))
        )
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        matches!(self.map.pin().remove_if(key, |_, value| Arc::ptr_eq(value, current)), Ok(Some(_)))
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn clear(&self) {
        self.loads.all_written();
        self.map.pin().clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        for (key, value) in &self.map.pin() {
            NoReentry::lend(&self.map, || f(key.borrow(), value))?;
        }
        ControlFlow::Continue(())
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.loads.all_written();
        // Not papaya's own `retain`, which starts over when the table is replaced, and calls `f` for the same keys
        // again.
        let map = self.map.pin();
        for (key, value) in &map {
            if !NoReentry::lend(&self.map, || f(key.borrow(), value)) {
                // `f` was not called for an object that replaced this one since, so that object stays.
                let _ = map.remove_if(key, |_, present| ptr::eq(present, value));
            }
        }
    }

    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
        self.map.pin().reserve(additional);
        self.room.asked(self.len().saturating_add(additional));
    }

    fn capacity(&self) -> usize {
        self.room.capacity(self.len())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for PapayaObjCache<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        &self.loads
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder + Default> Default for PapayaObjCache<V, K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> fmt::Debug for PapayaObjCache<V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PapayaObjCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
