use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ops::ControlFlow;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use cache_core::{
    DefaultHashBuilder, HasLoads, HashBuilder, Key, Loads, NoReentry, ObjCache, Options, Value,
    assert_reservable,
};

use crate::map::{Map, Visit};
use crate::raw::{Maintenance, Removal, Upsert, clone_of, replace, retire_arc};
use crate::reclaim::{self, Pinned};

/// Shared objects in our own table: a bucket holds the pointer that an `Arc` is. See the
/// [`BucketBackend`](crate::BucketBackend).
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::bucket::ObjCache;
///
/// let titles: ObjCache<String> = ObjCache::default();
/// titles.insert("event:1", "Flash sale".to_owned());
/// assert_eq!(titles.with("event:1", |title| title.len()), Some(10));
/// ```
pub struct BucketObjCache<V: Value, K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: NoReentry<Map<K, AtomicPtr<V>, S>>,
    loads: Loads<V, K>,
}

impl<V: Value, K: Key + ?Sized> BucketObjCache<V, K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::bucket::ObjCache::<String>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> BucketObjCache<V, K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::bucket::ObjCache;
    /// use hotcache::Options;
    /// let cache: ObjCache<String, u64> = ObjCache::with_options(Options::new().capacity(1000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        Self { map: NoReentry::new(Map::new(options, false)), loads: Loads::new() }
    }

    /// Creates a cache with large pages, if the system supports them. See
    /// [`BucketIntCache::with_large_pages`](crate::BucketIntCache::with_large_pages).
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::bucket::ObjCache;
    /// use hotcache::Options;
    /// let cache: ObjCache<String> = ObjCache::with_large_pages(Options::new().capacity(1_000_000));
    /// ```
    #[must_use]
    pub fn with_large_pages(options: Options<S>) -> Self {
        Self { map: NoReentry::new(Map::new(options, true)), loads: Loads::new() }
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> BucketObjCache<V, K, S> {
    /// Removes a key if its object is `current`. `None` if unknown writers may still be at work: try again.
    fn try_remove_if_same(&self, key: &K, current: &Arc<V>) -> Option<bool> {
        match self.map.remove_if(key, Some(Arc::as_ptr(current).cast_mut()), |_| ()) {
            Removal::Removed(()) => Some(true),
            Removal::Absent | Removal::Other(_) => Some(false),
            Removal::Unsettled => None,
        }
    }

    /// Stores an object, and returns what `look` makes of the one that it replaces.
    #[inline(always)]
    fn store<R: Default>(&self, key: &K, value: Arc<V>, look: impl Fn(*mut V) -> R + Copy) -> R {
        self.loads.written(key);
        let new = Arc::as_ptr(&value).cast_mut();
        let exchange = |pinned: Pinned<'_>, cell: &AtomicPtr<V>, new| {
            let old = replace(cell, new)?;
            let before = look(old);
            // SAFETY: we took it out of its cell, and with it the reference it stood for.
            pinned.retire(unsafe { retire_arc(old) });
            Some((before, pinned.count_write()))
        };
        if let Some((before, due)) = self.map.fast_upsert(key, new, exchange, |_| (R::default(), false)) {
            // Its reference is the cell's now.
            mem::forget(value);
            self.map.set_retired();
            if due {
                self.map.maintain(Maintenance::COLLECT);
            }
            return before;
        }
        let (outcome, mut rest) = self.map.upsert(key, new, &mut |pinned, cell| exchange(pinned, cell, new));
        mem::forget(value);
        self.map.set_retired();
        let (before, due) = match outcome {
            Upsert::Found(found) => found,
            Upsert::Inserted => (R::default(), false),
        };
        if due {
            rest.maintenance = rest.maintenance | Maintenance::COLLECT;
        }
        self.map.finish(rest);
        before
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for BucketObjCache<V, K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.map.get(key, |object| clone_of(object))?
    }

    #[inline]
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        let mut found = false;
        self.map.visit(key, |object| {
            // SAFETY: null, or an object that was in its cell under the pin that `visit` holds while this runs, so it is
            // dropped later.
            if let Some(value) = unsafe { object.as_ref() } {
                NoReentry::lend(&self.map, || f(value));
                found = true;
            }
        });
        reclaim::after_long_pin();
        found
    }

    fn prefetch(&self, keys: &[&K]) {
        self.map.prefetch(keys);
    }

    fn set(&self, key: &K, value: Arc<V>) {
        self.store(key, value, |_| ());
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.store(key, value, clone_of)
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.loads.written(key);
        let (old, pointer) = (Arc::as_ptr(current).cast_mut(), Arc::as_ptr(&new).cast_mut());
        let due = self.map.update(key, &mut |pinned, cell| {
            match cell.compare_exchange(old, pointer, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    // SAFETY: as in `store`.
                    pinned.retire(unsafe { retire_arc(old) });
                    Some(Some(pinned.count_write()))
                }
                // The entry is gone.
                Err(now) if now.is_null() => None,
                Err(_) => Some(None),
            }
        });
        let Some(due) = due.flatten() else { return Err(new) };
        // Its reference is the cell's now.
        mem::forget(new);
        self.map.set_retired();
        if due {
            self.map.maintain(Maintenance::COLLECT);
        }
        Ok(())
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        // One reference for the cell, one for the caller.
        let ours = value.clone();
        let new = Arc::as_ptr(&value).cast_mut();
        let (outcome, rest) =
            self.map.upsert(key, new, &mut |_, cell| clone_of(cell.load(Ordering::Acquire)));
        let present = match outcome {
            Upsert::Found(present) => {
                // Here and not at the end: should the object's `Drop` panic in that, `present`, being returned, would
                // leak.
                drop((value, ours));
                present
            }
            Upsert::Inserted => {
                mem::forget(value);
                ours
            }
        };
        self.map.finish(rest);
        present
    }

    fn del(&self, key: &K) -> bool {
        self.loads.written(key);
        self.map.remove(key)
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.loads.written(key);
        match self.map.remove_if(key, None, clone_of) {
            Removal::Removed(last) => last,
            Removal::Other(_) | Removal::Absent | Removal::Unsettled => None,
        }
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        loop {
            // A load must not bring back what the caller wants to be gone, even if it is not there yet.
            self.loads.written(key);
            let Some(object) = self.get(key) else { return false };
            if !NoReentry::lend(&self.map, || f(&object)) {
                return false;
            }
            self.loads.written(key);
            match self.map.remove_if(key, Some(Arc::as_ptr(&object).cast_mut()), |_| ()) {
                Removal::Removed(()) => return true,
                Removal::Absent => return false,
                Removal::Other(_) | Removal::Unsettled => {}
            }
        }
    }

    fn del_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        loop {
            self.loads.written(key);
            if let Some(removed) = self.try_remove_if_same(key, current) {
                return removed;
            }
        }
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        loop {
            if let Some(removed) = self.try_remove_if_same(key, current) {
                return removed;
            }
        }
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn clear(&self) {
        self.loads.all_written();
        self.map.clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.map.sweep(&mut |key, object| {
            if object.is_null() {
                return Visit::Keep;
            }
            NoReentry::lend(&self.map, || f(key, &borrowed(object))).into()
        })
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.loads.all_written();
        let _ = self.map.sweep(&mut |key, object| {
            let keeps = object.is_null() || NoReentry::lend(&self.map, || f(key, &borrowed(object)));
            if keeps { Visit::Keep } else { Visit::Remove }
        });
    }

    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
        self.map.reserve(additional);
    }

    fn capacity(&self) -> usize {
        self.map.capacity()
    }

    fn shrink_to_fit(&self) {
        self.map.shrink_to_fit();
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for BucketObjCache<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        &self.loads
    }
}

/// The `Arc` that a pointer read from a cell under a pin that lasts stands for, borrowed.
fn borrowed<V>(object: *mut V) -> ManuallyDrop<Arc<V>> {
    debug_assert!(!ptr::eq(object, ptr::null()));
    // SAFETY: as in `clone_of`; it is not dropped, so the cell keeps its reference.
    ManuallyDrop::new(unsafe { Arc::from_raw(object) })
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder + Default> Default for BucketObjCache<V, K, S> {
    fn default() -> Self {
        Self::with_options(Options::new().hasher(S::default()))
    }
}

impl<V: Value, K: Key + ?Sized, S> fmt::Debug for BucketObjCache<V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BucketObjCache").field(&self.map).finish()
    }
}
