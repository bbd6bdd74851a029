use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::ops::{ControlFlow, RangeInclusive};
use std::ptr;

use cache_core::counter::{self, Closable, Closed};
use cache_core::{
    AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, Mixed, NoReentry, Options, Room,
    assert_reservable,
};
use flurry::{Guard, HashMap, TryInsertError};

/// An [`IntCache`] over `flurry::HashMap`.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::flurry::IntCache;
///
/// let bought = IntCache::<u64>::new();
/// assert_eq!(bought.add(&42, 1), 1);
/// ```
///
/// # Performance
///
/// Reads, and writes to a present key, take no lock. They follow two pointers after the table's, and mark the thread
/// as active before and as inactive after. Inserts and deletes lock one bin.
pub struct FlurryIntCache<K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: NoReentry<HashMap<K::Owned, Closable, Mixed<S>>>,
    room: Room,
}

impl<K: Key + ?Sized> FlurryIntCache<K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::flurry::IntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> FlurryIntCache<K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::flurry::IntCache;
    /// let roomy = IntCache::<str>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::with_capacity_and_hasher(capacity, Mixed::new(options.into_hasher()));
        Self { map: NoReentry::new(map), room: Room::new(capacity) }
    }

    /// Calls `f` with the counter of a key; `None` if the key is absent.
    #[inline]
    fn read<R>(&self, key: &K, f: impl Fn(&Closable) -> Result<R, Closed>) -> Option<R> {
        let guard = self.map.guard();
        loop {
            let counter = self.map.get(key, &guard)?;
            match f(counter) {
                Ok(result) => return Some(result),
                Err(Closed) => self.unlink(key, counter, &guard),
            }
        }
    }

    /// Calls `change` with the counter of a key; `None` if the key was absent and now has `initial`.
    #[inline]
    fn upsert<R>(&self, key: &K, initial: i64, change: impl Fn(&Closable) -> Result<R, Closed>) -> Option<R> {
        let guard = self.map.guard();
        loop {
            let counter = match self.map.get(key, &guard) {
                Some(counter) => counter,
                None => match self.map.try_insert(key.to_owned_key(), Closable::new(initial), &guard) {
                    Ok(_) => return None,
                    Err(TryInsertError { current, .. }) => current,
                },
            };
            match change(counter) {
                Ok(result) => return Some(result),
                Err(Closed) => self.unlink(key, counter, &guard),
            }
        }
    }

    /// Removes a key if `f` returns `true` for the final value of its counter. Returns whether it was removed.
    fn remove_when<Q: Hash + Ord + ?Sized>(
        &self,
        key: &Q,
        counter: &Closable,
        guard: &Guard<'_>,
        mut f: impl FnMut(i64) -> bool,
    ) -> Result<bool, Closed>
    where
        K::Owned: Borrow<Q>,
    {
        let mut value = counter.get()?;
        while f(value) {
            let mut closed = Err(Closed);
            // The counter is closed under the bin's lock: if the key's code panics before that, nothing is closed.
            let remove = |_: &K::Owned, present: &Closable| {
                if ptr::eq(present, counter) {
                    closed = counter.close_if(value);
                }
                if closed == Ok(Ok(())) { None } else { moved(present) }
            };
            self.map.compute_if_present(key, remove, guard);
            match closed? {
                Ok(()) => return Ok(true),
                Err(seen) => value = seen,
            }
        }
        Ok(false)
    }

    /// Removes a closed counter from the map, unless another thread has.
    #[cold]
    #[inline(never)]
    fn unlink(&self, key: &K, counter: &Closable, guard: &Guard<'_>) {
        if !self.map.get(key, guard).is_some_and(|present| ptr::eq(present, counter)) {
            return;
        }
        let remove =
            |_: &K::Owned, present: &Closable| if ptr::eq(present, counter) { None } else { moved(present) };
        self.map.compute_if_present(key, remove, guard);
    }
}

/// Moves the value of a counter that stays to a new counter, because flurry cannot leave an entry unchanged here.
///
/// An operation that finds the old counter closed looks the key up again, and waits for the bin's lock, which the
/// caller holds.
fn moved(present: &Closable) -> Option<Closable> {
    present.close().ok().map(Closable::new)
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for FlurryIntCache<K, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<i64> {
        self.read(key, Closable::get)
    }

    #[inline]
    fn set(&self, key: &K, value: i64) {
        self.upsert(key, value, |counter| counter.set(value));
    }

    fn swap(&self, key: &K, value: i64) -> Option<i64> {
        self.upsert(key, value, |counter| counter.swap(value))
    }

    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
        self.upsert(key, value, Closable::get).map_or(Ok(()), Err)
    }

    #[inline]
    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        self.read(key, |counter| counter.compare_exchange(current, new))
            .map_or(Err(None), |exchanged| exchanged.map_err(Some))
    }

    #[inline]
    fn add(&self, key: &K, delta: i64) -> i64 {
        self.upsert(key, delta, |counter| counter.add(delta)).unwrap_or(delta)
    }

    fn del(&self, key: &K) -> bool {
        // A closed counter was removed by the thread that closed it.
        self.map.remove(key, &self.map.guard()).is_some_and(Closable::detach)
    }

    fn take(&self, key: &K) -> Option<i64> {
        // The counter leaves the map first: no later operation finds it, and those that found it are ordered before.
        // If another thread has closed it, that thread has removed the key.
        self.map.remove(key, &self.map.guard())?.close().ok()
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        let guard = self.map.guard();
        loop {
            let Some(counter) = self.map.get(key, &guard) else { return false };
            match self.remove_when(key, counter, &guard, |value| NoReentry::lend(&self.map, || f(value))) {
                Ok(removed) => return removed,
                Err(Closed) => self.unlink(key, counter, &guard),
            }
        }
    }

    #[inline]
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.read(key, |counter| counter.try_add(delta, &bounds)).unwrap_or(Err(AddError::Absent))
    }

    #[inline]
    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        let change = |counter: &Closable| counter.try_add(delta, &bounds);
        if let Some(result) = self.read(key, change) {
            return result;
        }
        let first = counter::step(0, delta, &bounds)?;
        self.upsert(key, first, change).unwrap_or(Ok(first))
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn clear(&self) {
        self.map.clear(&self.map.guard());
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        for (key, counter) in self.map.iter(&self.map.guard()) {
            // A counter that is closed may have been moved to another, with the key present all the time.
            if let Some(value) = counter.get().ok().or_else(|| self.get(key.borrow())) {
                NoReentry::lend(&self.map, || f(key.borrow(), value))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        let guard = self.map.guard();
        let mut f = |key: &K, value| NoReentry::lend(&self.map, || f(key, value));
        for (owned, counter) in self.map.iter(&guard) {
            let key: &K = owned.borrow();
            // By the owned key, so that its `Borrow` does not run under the bin's lock. The value of a closed counter
            // may have moved to another counter.
            if self.remove_when::<K::Owned>(owned, counter, &guard, |value| !f(key, value)) == Err(Closed) {
                self.del_if_dyn(key, &mut |value| !f(key, value));
            }
        }
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
