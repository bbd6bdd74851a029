use std::borrow::Borrow;
use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};
use std::ptr;

use cache_core::counter::{self, Closable, Closed};
use cache_core::{
    AddError, DefaultHashBuilder, HashBuilder, IntCache, Key, Mixed, NoReentry, Options, Room,
    assert_reservable,
};
use papaya::{HashMap, HashMapRef, LocalGuard, OccupiedError};

/// An [`IntCache`] over `papaya::HashMap`.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::papaya::IntCache;
///
/// let bought = IntCache::<u64>::new();
/// assert_eq!(bought.add(&42, 1), 1);
/// ```
///
/// # Performance
///
/// Reads, and writes to a present key, take no lock and write nothing shared except the counter. They follow one
/// pointer after the table's, and mark the thread as active before and as inactive after.
pub struct PapayaIntCache<K: Key + ?Sized = str, S = DefaultHashBuilder> {
    map: NoReentry<HashMap<K::Owned, Closable, Mixed<S>>>,
    room: Room,
}

/// A pinned map.
type Pinned<'a, K, S> = HashMapRef<'a, <K as Key>::Owned, Closable, S, LocalGuard<'a>>;

impl<K: Key + ?Sized> PapayaIntCache<K> {
    /// Creates an empty cache.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = hotcache::papaya::IntCache::<str>::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> PapayaIntCache<K, S> {
    /// Creates a cache with the capacity and the hasher of `options`. There are no shards.
    ///
    /// The table never shrinks below that capacity.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// use hotcache::papaya::IntCache;
    /// let roomy = IntCache::<str>::with_options(Options::new().capacity(10_000));
    /// ```
    #[must_use]
    pub fn with_options(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let map = HashMap::builder().capacity(capacity).hasher(Mixed::new(options.into_hasher())).build();
        Self { map: NoReentry::new(map), room: Room::new(capacity) }
    }

    /// Calls `f` with the counter of a key; `None` if the key is absent.
    #[inline]
    fn read<R>(&self, key: &K, f: impl Fn(&Closable) -> Result<R, Closed>) -> Option<R> {
        let map = self.map.pin();
        loop {
            let counter = map.get(key)?;
            match f(counter) {
                Ok(result) => return Some(result),
                Err(Closed) => unlink::<K, Mixed<S>>(&map, key, counter),
            }
        }
    }

    /// Calls `change` with the counter of a key; `None` if the key was absent and now has `initial`.
    #[inline]
    fn upsert<R>(&self, key: &K, initial: i64, change: impl Fn(&Closable) -> Result<R, Closed>) -> Option<R> {
        let map = self.map.pin();
        loop {
            let counter = match map.get(key) {
                Some(counter) => counter,
                None => match map.try_insert(key.to_owned_key(), Closable::new(initial)) {
                    Ok(_) => return None,
                    Err(OccupiedError { current, .. }) => current,
                },
            };
            match change(counter) {
                Ok(result) => return Some(result),
                Err(Closed) => unlink::<K, Mixed<S>>(&map, key, counter),
            }
        }
    }
}

/// Removes a key if `f` returns `true` for the final value of its counter. Returns whether it was removed.
fn remove_when<K: Key + ?Sized, S: HashBuilder>(
    map: &Pinned<'_, K, S>,
    key: &K,
    counter: &Closable,
    mut f: impl FnMut(i64) -> bool,
) -> Result<bool, Closed> {
    let mut value = counter.get()?;
    while f(value) {
        // The counter is closed within the removal: if the key's `Hash` panics before that, nothing is closed.
        let mut closed = None;
        let _ = map.remove_if(key, |_, present| {
            // papaya calls this again if the table is copied meanwhile.
            ptr::eq(present, counter) && *closed.get_or_insert_with(|| counter.close_if(value)) == Ok(Ok(()))
        });
        match closed.unwrap_or(Err(Closed))? {
            Ok(()) => return Ok(true),
            Err(seen) => value = seen,
        }
    }
    Ok(false)
}

/// Removes a closed counter from the map, unless another thread has.
#[cold]
#[inline(never)]
fn unlink<K: Key + ?Sized, S: HashBuilder>(map: &Pinned<'_, K, S>, key: &K, counter: &Closable) {
    // A counter that was inserted since then stays.
    let _ = map.remove_if(key, |_, present| ptr::eq(present, counter));
}

impl<K: Key + ?Sized, S: HashBuilder> IntCache<K> for PapayaIntCache<K, S> {
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
        self.map.pin().remove(key).is_some_and(Closable::detach)
    }

    fn take(&self, key: &K) -> Option<i64> {
        // The counter leaves the map first: no later operation finds it, and those that found it are ordered before.
        // If another thread has closed it, that thread has removed the key.
        self.map.pin().remove(key)?.close().ok()
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        let map = self.map.pin();
        loop {
            let Some(counter) = map.get(key) else { return false };
            let f = |value| NoReentry::lend(&self.map, || f(value));
            match remove_when::<K, Mixed<S>>(&map, key, counter, f) {
                Ok(removed) => return removed,
                Err(Closed) => unlink::<K, Mixed<S>>(&map, key, counter),
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
        self.map.pin().clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        for (key, counter) in &self.map.pin() {
            if let Ok(value) = counter.get() {
                NoReentry::lend(&self.map, || f(key.borrow(), value))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        // Not papaya's own `retain`, which starts over when the table is replaced, and calls `f` for the same keys
        // again.
        let map = self.map.pin();
        for (key, counter) in &map {
            let key = key.borrow();
            // A counter that is closed or has been taken out is being removed by another thread.
            let f = |value| NoReentry::lend(&self.map, || !f(key, value));
            let _ = remove_when::<K, Mixed<S>>(&map, key, counter, f);
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

impl<K: Key + ?Sized, S: HashBuilder + Default> Default for PapayaIntCache<K, S> {
    fn default() -> Self {
        Self::with_options(Options::default())
    }
}

impl<K: Key + ?Sized, S: HashBuilder> fmt::Debug for PapayaIntCache<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PapayaIntCache").field("len", &self.len()).finish_non_exhaustive()
    }
}
