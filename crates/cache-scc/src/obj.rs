use std::borrow::Borrow;
use std::fmt;
use std::hash::BuildHasher;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{
    DefaultHashBuilder, HasLoads, HashBuilder, Key, Loads, Mixed, NoReentry, ObjCache, Options, Value,
};
use scc::HashMap;

use crate::pass::Pass;

/// An [`ObjCache`] over `scc::HashMap`.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::scc::ObjCache;
///
/// let events = ObjCache::<String>::new();
/// events.insert("event:1", "Flash sale".to_owned());
/// assert_eq!(events.with("event:1", |title| title.len()), Some(10));
/// ```
///
/// # Performance
///
/// Reads take the shared lock of one bucket of 32 entries, and writes its exclusive lock. Replaced and deleted
/// objects are freed at once. [`len`](ObjCache::len) visits every bucket.
pub struct SccObjCache<V, K: Key + ?Sized = str, S: BuildHasher + 'static = DefaultHashBuilder> {
    map: NoReentry<HashMap<K::Owned, Arc<V>, Mixed<S>>>,
    loads: Loads<V, K>,
}

impl<V: Value, K: Key + ?Sized> SccObjCache<V, K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::scc::ObjCache::<String>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> SccObjCache<V, K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// The table never shrinks below that capacity.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::scc::ObjCache;
    /// let roomy = ObjCache::<String>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::with_capacity_and_hasher(capacity, Mixed::new(options.into_hasher()));
        Self { map: NoReentry::new(map), loads: Loads::new() }
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for SccObjCache<V, K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.map.read_sync(key, |_, value| value.clone())
    }

    #[inline]
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        self.map.read_sync(key, |_, value| NoReentry::lend(&self.map, || f(value))).is_some()
    }

    fn set(&self, key: &K, value: Arc<V>) {
        drop(self.swap(key, value));
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.loads.written(key);
        // Holds the object that is replaced, which is dropped after the lock is released.
        let mut value = value;
        let mut owned = None;
        while self.map.update_sync(key, |_, place| mem::swap(place, &mut value)).is_none() {
            // Not by `upsert_sync`, which drops the key of an occupied entry under the lock.
            match self.map.insert_sync(owned.take().unwrap_or_else(|| key.to_owned_key()), value) {
                Ok(()) => return None,
                // Another thread inserted the key first, and may have removed it since.
                Err((key, refused)) => (owned, value) = (Some(key), refused),
            }
        }
        // Dropped here: if its `Drop` panicked at the end of the function, the return value would leak.
        drop(owned);
        Some(value)
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.loads.written(key);
        // Holds the object that does not stay, which is dropped after the lock is released.
        let mut new = new;
        let replaced = self.map.update_sync(key, |_, value| {
            let same = Arc::ptr_eq(value, current);
            if same {
                mem::swap(value, &mut new);
            }
            same
        });
        if replaced == Some(true) { Ok(()) } else { Err(new) }
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        let mut owned = None;
        loop {
            if let Some(present) = self.get(key) {
                // Dropped here: if a `Drop` panicked at the end of the function, the return value would leak.
                drop(value);
                drop(owned);
                return present;
            }
            match self.map.insert_sync(owned.take().unwrap_or_else(|| key.to_owned_key()), value.clone()) {
                Ok(()) => return value,
                // Another thread inserted the key first, and may have removed it since.
                Err((key, _)) => owned = Some(key),
            }
        }
    }

    fn del(&self, key: &K) -> bool {
        self.take(key).is_some()
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.loads.written(key);
        let (owned, value) = self.map.remove_sync(key)?;
        // Dropped here: if its `Drop` panicked at the end of the function, the return value would leak.
        drop(owned);
        Some(value)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        self.loads.written(key);
        self.map.remove_if_sync(key, |value| NoReentry::lend(&self.map, || f(value))).is_some()
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        self.map.remove_if_sync(key, |value| Arc::ptr_eq(value, current)).is_some()
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    fn clear(&self) {
        self.loads.all_written();
        // Dropped after the last lock is released.
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

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut pass = Pass::<K>::default();
        let mut flow = ControlFlow::Continue(());
        self.map.iter_sync(|key, value| {
            if pass.meets(key) {
                flow = NoReentry::lend(&self.map, || f(key.borrow(), value));
            }
            flow.is_continue()
        });
        flow
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.loads.all_written();
        // Dropped after the last lock is released, even if `f` panics.
        let mut removed = Vec::new();
        let mut pass = Pass::<K>::default();
        self.map.iter_mut_sync(|entry| {
            let mut keeps = || NoReentry::lend(&self.map, || f(entry.key().borrow(), &entry));
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

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for SccObjCache<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        &self.loads
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder + Default> Default for SccObjCache<V, K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> fmt::Debug for SccObjCache<V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SccObjCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
