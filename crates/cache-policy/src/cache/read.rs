use std::time::Duration;

use cache_core::{Backend, HashBuilder, Key, ObjCache, Value, assert_same_length};

use super::Cache;
use crate::Handle;
use crate::stats::Count;
use crate::time::Age;

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// The value of a key; `None` if it is absent or past its time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// assert_eq!(cache.get("a").as_deref(), Some(&1));
    /// assert!(cache.get("b").is_none());
    /// ```
    #[inline]
    pub fn get(&self, key: &K) -> Option<Handle<V, K>> {
        self.0.asked(key);
        let times = self.0.times();
        match self.0.find(key, &times) {
            Some((entry, age)) if age < Age::Stale => {
                self.0.hit(&entry, &times);
                self.0.count(Count::Hits, 1);
                Some(Handle(entry))
            }
            _ => {
                self.0.count(Count::Misses, 1);
                None
            }
        }
    }

    /// Calls `f` with the value of a key and returns what it returns; `None` if the key is absent.
    ///
    /// `f` may run under a lock of the backend and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<String, str, RwLockBackend> = Cache::new();
    /// cache.insert("title", "Flash sale".to_owned());
    /// assert_eq!(cache.with("title", |title| title.len()), Some(10));
    /// ```
    ///
    /// # Performance
    ///
    /// No reference count is touched, unless the cache has an [`Expiry`](crate::Expiry): with many threads on one value
    /// this is the read that scales.
    #[inline]
    pub fn with<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        if self.0.expiry.is_some() {
            // It is the caller's code, and must run under no lock.
            return self.get(key).map(|value| f(&value));
        }
        self.0.asked(key);
        let times = self.0.times();
        let mut f = Some(f);
        let result = self.0.peek(key, &times, |entry, age| {
            let f = f.take().filter(|_| age < Age::Stale)?;
            self.0.hit(entry, &times);
            Some(f(entry.value()))
        });
        let result = result.flatten();
        self.0.count(if result.is_some() { Count::Hits } else { Count::Misses }, 1);
        result
    }

    /// Whether a key is present and not past its time. Counts as no read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// assert!(cache.contains("a") && !cache.contains("b"));
    /// ```
    pub fn contains(&self, key: &K) -> bool {
        let times = self.0.times();
        self.0.peek(key, &times, |_, age| age < Age::Stale).unwrap_or(false)
    }

    /// Looks up many keys at once: `out[i]` becomes the value of `keys[i]`.
    ///
    /// Each look-up is linearizable by itself; the group is no snapshot.
    ///
    /// # Panics
    ///
    /// If `keys` and `out` are not of one length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 7);
    /// let mut out = [None, None];
    /// cache.get_many(&["a", "b"], &mut out);
    /// assert_eq!(out.map(|value| value.map(|value| *value)), [Some(7), None]);
    /// ```
    pub fn get_many(&self, keys: &[&K], out: &mut [Option<Handle<V, K>>]) {
        assert_same_length(keys.len(), out.len());
        keys.iter().for_each(|key| self.0.asked(key));
        let mut entries = vec![None; keys.len()];
        self.0.map.get_many(keys, &mut entries);
        let times = self.0.times();
        for (entry, out) in entries.into_iter().zip(out) {
            let entry = entry.and_then(|entry| self.0.recheck(entry, &times));
            let entry = entry.and_then(|(entry, age)| (age < Age::Stale).then_some(entry));
            self.0.count(if entry.is_some() { Count::Hits } else { Count::Misses }, 1);
            *out = entry.map(|entry| {
                self.0.hit(&entry, &times);
                Handle(entry)
            });
        }
    }

    /// How long a value is valid from now on; [`Duration::MAX`] if it does not expire by a time to live, `None` if the key is
    /// absent. The time to idle is not regarded. Counts as no read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use cache_policy::{Cache, ManualClock};
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().clock(ManualClock::new()).build();
    /// cache.insert("a", 1);
    /// cache.insert_with_ttl("b", 2, Duration::from_secs(3));
    /// assert_eq!(cache.ttl("a"), Some(Duration::MAX));
    /// assert_eq!(cache.ttl("b"), Some(Duration::from_secs(3)));
    /// assert_eq!(cache.ttl("c"), None);
    /// ```
    pub fn ttl(&self, key: &K) -> Option<Duration> {
        let times = self.0.times();
        loop {
            let (entry, age) = self.0.find(key, &times)?;
            if age >= Age::Stale {
                return None;
            }
            let rest = times.rest(entry.deadline());
            if !rest.is_zero() {
                return Some(rest);
            }
            // It ended meanwhile.
        }
    }

    /// Changes only how long a value is valid from now on; [`Duration::MAX`] is for ever. Tells whether the key is present.
    ///
    /// A value that is stored at the same time keeps its own time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use cache_policy::{Cache, ManualClock};
    /// # use cache_rwlock::RwLockBackend;
    /// let clock = ManualClock::new();
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().clock(clock.clone()).build();
    /// cache.insert("a", 1);
    /// assert!(cache.expire_in("a", Duration::from_secs(3)));
    /// clock.advance(Duration::from_secs(3));
    /// assert!(cache.get("a").is_none());
    /// ```
    pub fn expire_in(&self, key: &K, lifetime: Duration) -> bool {
        self.0.expires_from_now_on();
        let times = self.0.times();
        loop {
            let Some((entry, age)) = self.0.find(key, &times) else { return false };
            if age >= Age::Stale {
                return false;
            }
            if entry.prolong(times.now, times.deadline(Some(lifetime), 0)) {
                return true;
            }
            // It ended meanwhile.
        }
    }
}
