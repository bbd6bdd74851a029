use std::sync::Arc;

use cache_core::{Backend, HasLoads, HashBuilder, Key, ObjCache, Value};

use super::Cache;
use crate::entry::Entry;
use crate::time::Age;
use crate::{Cause, Handle};

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// All values that are not past their time, in no order, weakly consistent. Counts as no read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// let entries = cache.entries();
    /// assert_eq!((entries[0].key(), *entries[0]), ("a", 1));
    /// ```
    ///
    /// # Performance
    ///
    /// Takes a reference to every entry.
    #[must_use]
    pub fn entries(&self) -> Vec<Handle<V, K>> {
        let times = self.0.times();
        let entries = self.all().into_iter();
        let entries = entries.filter_map(|entry| self.0.recheck(entry, &times));
        entries.filter(|(_, age)| *age < Age::Stale).map(|(entry, _)| Handle(entry)).collect()
    }

    /// Calls `f` with every key and value that is not past its time, in no order, weakly consistent. Counts as no read.
    ///
    /// `f` may run under a lock of the backend and must not call any cache. A key is left out if its value's time ends while
    /// another thread is about to update it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// let mut sum = 0;
    /// cache.for_each(|_key, value| sum += value);
    /// assert_eq!(sum, 1);
    /// ```
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        let times = self.0.times();
        self.0.map.for_each(&mut |key, entry| {
            if times.age(entry) < Age::Stale {
                f(key, entry.value());
            }
        });
    }

    /// Removes the keys for which `f` returns `false`, weakly consistent.
    ///
    /// `f` runs under no lock. A key is removed only if `f` refused its value: one that is stored meanwhile stays.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, u8, RwLockBackend> = Cache::new();
    /// (0..10).for_each(|n| _ = cache.insert(&n, n));
    /// cache.retain(|_key, value| value % 2 == 0);
    /// assert_eq!(cache.len(), 5);
    /// ```
    pub fn retain(&self, mut f: impl FnMut(&K, &V) -> bool) {
        for entry in self.all() {
            let times = self.0.times();
            let age = times.age(&entry);
            if age == Age::Over {
                self.0.remove_expired(&entry, &times);
                continue;
            }
            let keep = age != Age::Stale && f(entry.key(), entry.value());
            if !keep && self.0.unlink(&entry) {
                self.0.left(entry, Cause::Removed);
            }
        }
    }

    /// Removes every key that is present throughout; one that is inserted meanwhile may stay.
    ///
    /// Loads in flight will not bring back a key that was there. The listener is told of each entry.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    pub fn clear(&self) {
        self.0.map.loads().all_written();
        self.retain(|_key, _value| false);
    }

    /// Looks at about `looks` entries and frees those that are past their time. Returns how many it freed.
    ///
    /// Writes do this on their own, a few entries each. Call it where few writes come: from a timer, say, with a number that
    /// bounds the time it takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use cache_policy::{Cache, ManualClock};
    /// # use cache_rwlock::RwLockBackend;
    /// let clock = ManualClock::new();
    /// let cache: Cache<u8, u8, RwLockBackend> =
    ///     Cache::builder().time_to_live(Duration::from_secs(3)).clock(clock.clone()).build();
    /// (0..10).for_each(|n| _ = cache.insert(&n, n));
    /// clock.advance(Duration::from_secs(3));
    /// assert_eq!(cache.maintain(100), 10);
    /// assert!(cache.is_empty());
    /// ```
    pub fn maintain(&self, looks: usize) -> usize {
        let mut freed = 0;
        self.0.sweep(looks, |picked, times| freed += self.0.remove_picked(picked, times));
        freed
    }

    pub(crate) fn all(&self) -> Vec<Arc<Entry<V, K>>> {
        let mut entries = Vec::with_capacity(self.len());
        self.0.map.for_each(&mut |_key, entry| entries.push(Arc::clone(entry)));
        entries
    }
}
