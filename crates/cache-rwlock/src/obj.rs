use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{
    DefaultHashBuilder, HasLoads, HashBuilder, Key, Loads, NoReentry, ObjCache, Options, Value,
    assert_reservable,
};

use crate::table::Table;

/// An [`ObjCache`] over sharded read-write locks.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::rwlock::ObjCache;
///
/// let events = ObjCache::<String>::new();
/// events.insert("event:1", "Flash sale".to_owned());
/// assert_eq!(events.with("event:1", |title| title.len()), Some(10));
/// ```
///
/// # Performance
///
/// As for [`RwLockIntCache`](crate::RwLockIntCache), but `set` takes the write lock of one shard.
pub struct RwLockObjCache<V, K: Key + ?Sized = str, S = DefaultHashBuilder> {
    table: NoReentry<Table<K, Arc<V>, S>>,
    loads: Loads<V, K>,
}

impl<V: Value, K: Key + ?Sized> RwLockObjCache<V, K> {
    /// Creates an empty cache, with a number of shards for the cores of this machine.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::rwlock::ObjCache::<String>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> RwLockObjCache<V, K, S> {
    /// Creates a cache with the capacity, the shards and the hasher of `options`.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::rwlock::ObjCache;
    /// let roomy = ObjCache::<String>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        Self { table: NoReentry::new(Table::new(options)), loads: Loads::new() }
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for RwLockObjCache<V, K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.table.read(self.table.hash(key), key, Arc::clone)
    }

    #[inline]
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        self.table
            .read(self.table.hash(key), key, |value| NoReentry::lend(&self.table, || f(value)))
            .is_some()
    }

    fn set(&self, key: &K, value: Arc<V>) {
        drop(self.swap(key, value));
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.loads.written(key);
        self.table.write(self.table.hash(key), key, |slot| match slot {
            Some(slot) => (None, Some(mem::replace(slot, value))),
            None => (Some(value), None),
        })
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.loads.written(key);
        // Holds the object that does not stay, which is dropped after the lock is released.
        let mut new = new;
        let replaced = self.table.change(self.table.hash(key), key, |value| {
            let same = Arc::ptr_eq(value, current);
            if same {
                mem::swap(value, &mut new);
            }
            same
        });
        if replaced == Some(true) { Ok(()) } else { Err(new) }
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        let hash = self.table.hash(key);
        let cached = self.table.read(hash, key, Arc::clone).unwrap_or_else(|| {
            // The closure only borrows `value`: a rejected object is not dropped under the lock.
            self.table.write(hash, key, |slot| match slot {
                Some(slot) => (None, slot.clone()),
                None => (Some(value.clone()), value.clone()),
            })
        });
        // Dropped here: if its `Drop` panicked at the end of the function, the return value would leak.
        drop(value);
        cached
    }

    fn del(&self, key: &K) -> bool {
        self.take(key).is_some()
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.loads.written(key);
        self.table.remove_if(key, |_| true)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        self.loads.written(key);
        self.table.remove_if(key, |value| NoReentry::lend(&self.table, || f(value))).is_some()
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        self.table.remove_if(key, |value| Arc::ptr_eq(value, current)).is_some()
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn clear(&self) {
        self.loads.all_written();
        self.table.clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.table.try_for_each(|key, value| NoReentry::lend(&self.table, || f(key, value)))
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.loads.all_written();
        self.table.retain(|key, value| NoReentry::lend(&self.table, || f(key, value)));
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

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for RwLockObjCache<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        &self.loads
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder + Default> Default for RwLockObjCache<V, K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> fmt::Debug for RwLockObjCache<V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLockObjCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
