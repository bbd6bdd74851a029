use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, HashBuilder, Key, ObjCache, UpdateError, Value};

use super::Cache;
use crate::entry::Entry;
use crate::store::Terms;
use crate::time::Age;
use crate::{Cause, Group, Handle, Loaded};

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// Stores a value, replacing the one that was there, and returns a handle to it.
    ///
    /// A load of this key that is in flight will not overwrite it. If the value is heavier than the whole cache, the key is
    /// absent afterwards, and the listener is told that the value was evicted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// assert_eq!(*cache.insert("a", 1), 1);
    /// ```
    pub fn insert(&self, key: &K, value: V) -> Handle<V, K> {
        self.insert_on(key, value, Terms::NONE)
    }

    /// Stores a value that lives for so long, whatever the cache says; [`Duration::MAX`] is for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use cache_policy::{Cache, ManualClock};
    /// # use cache_rwlock::RwLockBackend;
    /// let clock = ManualClock::new();
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().clock(clock.clone()).build();
    /// cache.insert_with_ttl("a", 1, Duration::from_secs(3));
    /// clock.advance(Duration::from_secs(3));
    /// assert!(cache.get("a").is_none());
    /// ```
    pub fn insert_with_ttl(&self, key: &K, value: V, lifetime: Duration) -> Handle<V, K> {
        self.insert_on(key, value, Terms { lifetime: Some(lifetime), group: None })
    }

    /// Stores a value that is dropped with a group.
    ///
    /// # Examples
    ///
    /// See [`Group`].
    pub fn insert_in(&self, group: &Group, key: &K, value: V) -> Handle<V, K> {
        self.insert_on(key, value, Terms { lifetime: None, group: Some(group.join().0) })
    }

    /// Stores a value with all that can be said of it: how long it lives, and its group.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use cache_policy::{Cache, Group, Loaded};
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// let sale = Group::new();
    /// let minute = Duration::from_secs(60);
    /// cache.insert_loaded("a", Loaded::new(1).live_for(minute).in_group(sale.join()));
    /// assert!(cache.ttl("a").unwrap() <= minute);
    /// sale.drop_entries();
    /// assert!(cache.get("a").is_none());
    /// ```
    pub fn insert_loaded(&self, key: &K, loaded: Loaded<V>) -> Handle<V, K> {
        let (value, terms) = loaded.into_terms(None);
        self.insert_on(key, value, terms)
    }

    fn insert_on(&self, key: &K, value: V, terms: Terms) -> Handle<V, K> {
        // What `Expiry` is asked depends on it, and nothing else.
        let replaces = self.0.expiry.is_some() && self.contains(key);
        let entry = Arc::new(self.0.make(key, value, terms, replaces));
        if self.0.fits(&entry) {
            let times = self.0.times();
            let old = self.0.counted(&entry, |entry| self.0.map.swap(key, entry));
            self.0.entered(&entry, old, &times);
        } else {
            // The old value must not be found any more.
            if let Some(old) = self.0.map.take(key) {
                self.0.left(old, Cause::Replaced);
            }
            self.0.left(Arc::clone(&entry), Cause::Evicted);
        }
        Handle(entry)
    }

    /// Replaces the value of a present key by what `f` makes of it, atomically, and returns the new one.
    ///
    /// `f` is asked again if the value is replaced meanwhile. It runs under no lock.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is absent or past its time. [`UpdateError::Kept`] with the value if `f` returned
    /// `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 7);
    /// assert_eq!(*cache.update("a", |value| Some(value + 1)).unwrap(), 8);
    /// assert!(cache.update("b", |value| Some(value + 1)).is_err());
    /// ```
    pub fn update(
        &self,
        key: &K,
        mut f: impl FnMut(&V) -> Option<V>,
    ) -> Result<Handle<V, K>, UpdateError<Handle<V, K>>> {
        loop {
            let current = self.0.find(key, &self.0.times()).filter(|(_, age)| *age < Age::Stale);
            let (current, _) = current.ok_or(UpdateError::Absent)?;
            let Some(value) = f(current.value()) else {
                return Err(UpdateError::Kept { current: Handle(current) });
            };
            let terms = Terms { lifetime: None, group: current.group().cloned() };
            let new = Arc::new(self.0.make(key, value, terms, true));
            if self.publish_if_same(key, &current, Arc::clone(&new)).is_ok() {
                return Ok(Handle(new));
            }
        }
    }

    /// Stores `value` if the value of the key is `current`: the very same one, not an equal one.
    ///
    /// # Errors
    ///
    /// `value`, handed back, if the key is absent, past its time, or has another value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// let one = cache.insert("a", 1);
    /// assert!(cache.replace_if_same("a", &one, 2).is_ok());
    /// assert_eq!(cache.replace_if_same("a", &one, 3).unwrap_err(), 3);
    /// ```
    pub fn replace_if_same(&self, key: &K, current: &Handle<V, K>, value: V) -> Result<Handle<V, K>, V> {
        let present = self.0.find(key, &self.0.times());
        if present.is_none_or(|(present, age)| age == Age::Stale || !Arc::ptr_eq(&present, &current.0)) {
            return Err(value);
        }
        let terms = Terms { lifetime: None, group: current.0.group().cloned() };
        let new = Arc::new(self.0.make(key, value, terms, true));
        match self.publish_if_same(key, &current.0, Arc::clone(&new)) {
            Ok(()) => Ok(Handle(new)),
            Err(rejected) => {
                drop(new);
                // It was in no map, so that nobody else has it.
                Err(Arc::into_inner(rejected)
                    .expect("an entry that was never published is not shared")
                    .into_value())
            }
        }
    }

    /// Puts `new` in the place of `current`.
    pub(crate) fn publish_if_same(
        &self,
        key: &K,
        current: &Arc<Entry<V, K>>,
        new: Arc<Entry<V, K>>,
    ) -> Result<(), Arc<Entry<V, K>>> {
        if !self.0.fits(&new) {
            if self.0.map.del_if_same(key, current) {
                self.0.left(Arc::clone(current), Cause::Replaced);
                self.0.left(new, Cause::Evicted);
                return Ok(());
            }
            return Err(new);
        }
        let times = self.0.times();
        let replaced = self.0.counted(&new, |new| self.0.map.replace_if_same(key, current, new));
        match replaced {
            Ok(()) => {
                self.0.entered(&new, Some(Arc::clone(current)), &times);
                Ok(())
            }
            Err(rejected) => {
                drop(rejected);
                self.0.queues.uncount(&new);
                Err(new)
            }
        }
    }

    /// Removes a key, and tells whether it was there and not past its time.
    ///
    /// A load of this key that is in flight will not bring it back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// assert!(cache.remove("a"));
    /// assert!(!cache.remove("a"));
    /// ```
    pub fn remove(&self, key: &K) -> bool {
        self.take(key).is_some()
    }

    /// Removes a key and returns its value; `None` if it was absent or past its time.
    ///
    /// A load of this key that is in flight will not bring it back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// assert_eq!(cache.take("a").as_deref(), Some(&1));
    /// assert!(cache.take("a").is_none());
    /// ```
    pub fn take(&self, key: &K) -> Option<Handle<V, K>> {
        // First: if the value's time ends between the two, nobody has seen the key absent before its end.
        let times = self.0.times();
        let entry = self.0.map.take(key)?;
        let age = times.age(&entry);
        // Whoever prolongs it first does so before it is taken.
        let valid = age < Age::Stale || age == Age::Over && !times.end(&entry);
        self.0.left(Arc::clone(&entry), Cause::Removed);
        valid.then_some(Handle(entry))
    }

    /// Removes a key if `f` says so about the value that is removed; tells whether it did.
    ///
    /// `f` is asked again if the value is replaced meanwhile. It runs under no lock, and is not asked about a value past its
    /// time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// assert!(!cache.remove_if("a", |value| *value == 0));
    /// assert!(cache.remove_if("a", |value| *value == 1));
    /// ```
    pub fn remove_if(&self, key: &K, mut f: impl FnMut(&V) -> bool) -> bool {
        loop {
            let Some((entry, age)) = self.0.find(key, &self.0.times()) else { return false };
            if age >= Age::Stale || !f(entry.value()) {
                return false;
            }
            if self.0.unlink(&entry) {
                self.0.left(entry, Cause::Removed);
                return true;
            }
        }
    }
}
