mod builder;
#[cfg(any(feature = "serde", feature = "csv"))]
mod bulk;
mod error;
mod limiter;
mod ops;

use std::fmt;
use std::mem;
use std::sync::Arc;

use cache_core::counter::{Closable, Closed};
use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key, ObjCache, ObjCacheExt};

pub use self::builder::CountersBuilder;
#[cfg(any(feature = "serde", feature = "csv"))]
pub(crate) use self::bulk::NewCounter;
#[cfg(feature = "csv")]
pub(crate) use self::bulk::NoRoom;
pub use self::error::CountError;
pub use self::limiter::{Rate, RateLimiter, Verdict};

use crate::Cause;
use crate::entry::Entry;
use crate::queues::{Picked, Queues, Victims};
use crate::store::{Store, Terms};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::time::{Age, Times};

/// Counters with a bound on their number, and a time to live.
///
/// For counts by keys that clients make up: purchases per user, failures per address. A counter past its time counts as
/// absent. When there are as many as there may be, a new key is **refused**, and no count is ever evicted: an attacker
/// who sends new keys cannot make the cache forget the old ones.
///
/// Every operation on one key is linearizable, the end of its time included. No add is lost but to a `set`, `remove` or
/// `clear` that it may be ordered before, and [`take`](Counters::take) and [`remove_if`](Counters::remove_if) decide
/// on the final value, as with [`IntCache`](cache_core::IntCache).
///
/// # Examples
///
/// Three attempts a minute, counted from the first:
///
/// ```
/// use std::time::Duration;
/// use cache_policy::Counters;
/// use cache_rwlock::RwLockBackend;
///
/// let attempts = Counters::<str, RwLockBackend>::builder()
///     .max_keys(100_000)
///     .time_to_live(Duration::from_secs(60))
///     .build();
/// let attempt = || attempts.try_add_or_insert("10.0.0.7", 1, 0..=3).is_ok();
/// assert_eq!([attempt(), attempt(), attempt(), attempt()], [true, true, true, false]);
/// ```
///
/// # Performance
///
/// A counter is an object of the backend, so an operation on a present one costs what the backend's `with` does, and an
/// atomic step. Counters without a bound and a time to live are faster as an `IntCache`.
pub struct Counters<K: Key + ?Sized, B: Backend, S: HashBuilder = DefaultHashBuilder> {
    table: Table<K, B, S>,
}

/// A map of counters with a greatest number of keys.
struct Table<K: Key + ?Sized, B: Backend, S: HashBuilder> {
    store: Store<Closable, K, B, S>,
    most: usize,
    /// Whether a counter's own value tells when it is over, as a limiter's does: then its deadline is only a hint to look.
    by_value: bool,
    /// The keys that are in the map, or about to be.
    keys: AtomicUsize,
}

/// What became of an operation on one counter.
enum Tried<R> {
    Done(R),
    /// There is no counter, or it is past its time.
    Absent,
}

impl<K: Key + ?Sized, B: Backend> Counters<K, B> {
    /// Counters without a bound that live for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// assert_eq!(counters.add("a", 5), Ok(5));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Says how the counters are to be.
    ///
    /// # Examples
    ///
    /// See [`Counters`].
    #[must_use]
    pub fn builder() -> CountersBuilder<K, B> {
        CountersBuilder::default()
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Table<K, B, S> {
    /// Does `step` to the counter of a key, again if that was closed meanwhile.
    ///
    /// *Why the end of a counter's time is linearizable.* A step looks at the clock first. All steps that saw their counter
    /// alive began before its end, so they can be ordered just before that moment, in the order in which they changed the
    /// counter, even if some are done later, on a counter that has left the map.
    fn step<R>(&self, key: &K, mut step: impl FnMut(&Entry<Closable, K>) -> Result<R, Closed>) -> Tried<R> {
        loop {
            let times = self.store.times();
            let done = self
                .store
                .map
                .with(key, |entry| (self.by_value || times.age(entry) != Age::Over).then(|| step(entry)));
            match done.flatten() {
                None => return Tried::Absent,
                Some(Ok(result)) => return Tried::Done(result),
                // Whoever closed it is about to remove it. Helping keeps this from waiting for that thread.
                Some(Err(Closed)) => _ = self.remove_closed(key),
            }
        }
    }

    fn remove_closed(&self, key: &K) -> bool {
        let Some(entry) = self.store.map.get(key) else { return false };
        entry.value().get().is_err() && self.remove_entry(entry, Cause::Removed)
    }

    /// Removes this very counter, and tells whether this call did.
    fn remove_entry(&self, entry: Arc<Entry<Closable, K>>, cause: Cause) -> bool {
        let removed = self.store.unlink(&entry);
        if removed {
            self.left(entry, cause);
        }
        removed
    }

    fn left(&self, entry: Arc<Entry<Closable, K>>, cause: Cause) {
        self.keys.fetch_sub(1, Ordering::AcqRel);
        self.store.left(entry, cause);
    }

    /// Inserts a counter for a key that has none. `Ok(false)` if it has one now.
    fn insert(&self, key: &K, value: i64, terms: Terms) -> Result<bool, CountError> {
        self.insert_at(key, value, terms, || self.reserve())
    }

    /// As [`insert`](Table::insert), in a place that `reserve` takes.
    fn insert_at(
        &self,
        key: &K,
        value: i64,
        terms: Terms,
        reserve: impl FnOnce() -> Result<(), CountError>,
    ) -> Result<bool, CountError> {
        let entry = Arc::new(self.store.make(key, Closable::new(value), terms, false));
        let times = self.store.times();
        if let Some(over) = self.store.map.get(key) {
            if self.by_value || times.age(&over) != Age::Over {
                return Ok(false);
            }
            // It takes the place of one that is past its time, so that their number stays what it is.
            let replaced =
                self.store.counted(&entry, |entry| self.store.map.replace_if_same(key, &over, entry)).is_ok();
            if replaced {
                self.entered(&entry, Some(over), &times);
            } else {
                self.store.queues.uncount(&entry);
            }
            return Ok(replaced);
        }
        reserve()?;
        let place = Places { keys: &self.keys, left: 1 };
        let present = self.store.counted(&entry, |entry| self.store.map.get_or_insert(key, entry));
        let inserted = Arc::ptr_eq(&present, &entry);
        if inserted {
            mem::forget(place);
            self.entered(&entry, None, &times);
        } else {
            drop(place);
            self.store.queues.uncount(&entry);
        }
        Ok(inserted)
    }

    /// Does what follows from a counter's having entered the map, and frees a few that are past their time.
    fn entered(&self, entry: &Arc<Entry<Closable, K>>, old: Option<Arc<Entry<Closable, K>>>, times: &Times) {
        let replaces = old.is_some();
        if let Some(old) = old {
            self.store.left(old, Cause::Expired);
        }
        let Picked { victims, seen, .. } = self.store.queues.enter(entry, replaces, times);
        self.free(victims);
        drop(seen);
    }

    /// Takes the place for one more key.
    fn reserve(&self) -> Result<(), CountError> {
        /// The number of counters that a refused caller examines in search of expired ones.
        const LOOKS: usize = 64;
        let take = || {
            let one_more = |keys: usize| (keys < self.most).then_some(keys + 1);
            self.keys.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
        };
        if take() || (self.free_some(LOOKS) > 0 && take()) { Ok(()) } else { Err(CountError::Full) }
    }

    /// Closes a counter whose value is in the past, unless it changes meanwhile. After that no step succeeds on it.
    fn close_if_over(&self, entry: &Entry<Closable, K>) -> bool {
        let Ok(value) = entry.value().get() else { return true };
        let now = self.store.times().now;
        u64::try_from(value).unwrap_or(0) <= now
            && matches!(entry.value().close_if(value), Ok(Ok(())) | Err(Closed))
    }

    fn free_some(&self, looks: usize) -> usize {
        let mut freed = 0;
        self.store.sweep(looks, |Picked { victims, seen, .. }, _| {
            freed += self.free(victims);
            drop(seen);
        });
        freed
    }

    fn free(&self, victims: Victims<Closable, K>) -> usize {
        /// Puts the rest back if a key's code panics: it would keep its places for ever.
        struct Rest<'a, K: Key + ?Sized>(&'a Queues<Closable, K>, Victims<Closable, K>);
        impl<K: Key + ?Sized> Drop for Rest<'_, K> {
            fn drop(&mut self) {
                self.1
                    .drain(..)
                    .filter(|(entry, _)| !entry.is_gone())
                    .for_each(|(entry, _)| self.0.requeue(&entry));
            }
        }
        let mut rest = Rest(&self.store.queues, victims);
        let mut freed = 0;
        while let Some((entry, _)) = rest.1.last().cloned() {
            if self.by_value && !self.close_if_over(&entry) {
                self.store.queues.requeue(&entry);
            } else {
                freed += usize::from(self.remove_entry(entry, Cause::Expired));
            }
            rest.1.pop();
        }
        freed
    }
}

/// Places that were taken for new keys. Those that are left are given back when this is dropped, also if a key's code panics.
struct Places<'a> {
    keys: &'a AtomicUsize,
    left: usize,
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        self.keys.fetch_sub(self.left, Ordering::AcqRel);
    }
}

impl<K: Key + ?Sized, B: Backend> Default for Counters<K, B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> fmt::Debug for Counters<K, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters")
            .field("backend", &B::NAME)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
