use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::{AddError, Backend, HashBuilder, Key, ObjCache, UpdateError, counter, inclusive};

use super::{CountError, Counters, Tried};
use crate::store::Terms;
use crate::time::Age;
use crate::{Cause, Group};

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Counters<K, B, S> {
    /// The name of the counters, if they were given one by [`CountersBuilder::name`](crate::CountersBuilder::name).
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let attempts = Counters::<str, RwLockBackend>::builder().name("attempts").build();
    /// assert_eq!(attempts.name(), Some("attempts"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.table.store.name.as_deref()
    }

    /// The value of a key; `None` if it is absent or past its time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// assert_eq!(counters.get("a"), None);
    /// ```
    pub fn get(&self, key: &K) -> Option<i64> {
        match self.table.step(key, |entry| entry.value().get()) {
            Tried::Done(value) => Some(value),
            Tried::Absent => None,
        }
    }

    /// Stores a value. A new key's time begins now; that of a present one goes on.
    ///
    /// # Errors
    ///
    /// [`CountError::Full`] if the key is new and there are as many as are allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::{CountError, Counters};
    /// # use cache_rwlock::RwLockBackend;
    /// let counters = Counters::<str, RwLockBackend>::builder().max_keys(1).build();
    /// assert_eq!(counters.set("a", 1), Ok(()));
    /// assert_eq!(counters.set("a", 2), Ok(()));
    /// assert_eq!(counters.set("b", 1), Err(CountError::Full));
    /// ```
    pub fn set(&self, key: &K, value: i64) -> Result<(), CountError> {
        loop {
            if let Tried::Done(()) = self.table.step(key, |entry| entry.value().set(value)) {
                return Ok(());
            }
            if self.table.insert(key, value, Terms::NONE)? {
                return Ok(());
            }
        }
    }

    /// Inserts a counter that is dropped with a group, unless the key is present. Tells whether it did.
    ///
    /// # Errors
    ///
    /// [`CountError::Full`] if the key is new and there are as many as are allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::{Counters, Group};
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// let sale = Group::new();
    /// assert_eq!(counters.insert_in(&sale, "user:1", 2), Ok(true));
    /// sale.drop_entries();
    /// assert_eq!(counters.get("user:1"), None);
    /// ```
    pub fn insert_in(&self, group: &Group, key: &K, value: i64) -> Result<bool, CountError> {
        self.table.insert(key, value, Terms { lifetime: None, group: Some(group.join().0) })
    }

    /// Adds to a value and returns the sum. An absent key counts from 0 and is inserted. Overflow wraps.
    ///
    /// # Errors
    ///
    /// [`CountError::Full`] if the key is new and there are as many as are allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// assert_eq!(counters.add("a", 5), Ok(5));
    /// assert_eq!(counters.add("a", -2), Ok(3));
    /// ```
    pub fn add(&self, key: &K, delta: i64) -> Result<i64, CountError> {
        loop {
            if let Tried::Done(sum) = self.table.step(key, |entry| entry.value().add(delta)) {
                return Ok(sum);
            }
            if self.table.insert(key, delta, Terms::NONE)? {
                return Ok(delta);
            }
        }
    }

    /// Adds to a present key if the sum lies within `bounds`, and returns the sum.
    ///
    /// # Errors
    ///
    /// [`CountError::Absent`] if the key is absent or past its time, [`CountError::OutOfBounds`] if the sum lies outside
    /// `bounds`, or outside `i64`. Nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::{CountError, Counters};
    /// # use cache_rwlock::RwLockBackend;
    /// let stock: Counters<str, RwLockBackend> = Counters::new();
    /// stock.set("sku", 1).unwrap();
    /// assert_eq!(stock.try_add("sku", -1, 0..), Ok(0));
    /// assert_eq!(stock.try_add("sku", -1, 0..), Err(CountError::OutOfBounds { current: 0 }));
    /// ```
    pub fn try_add(&self, key: &K, delta: i64, bounds: impl RangeBounds<i64>) -> Result<i64, CountError> {
        let bounds = inclusive(&bounds);
        match self.table.step(key, |entry| entry.value().try_add(delta, &bounds)) {
            Tried::Done(result) => result.map_err(refusal),
            Tried::Absent => Err(CountError::Absent),
        }
    }

    /// Like [`try_add`](Counters::try_add), but an absent key counts from 0 and is inserted.
    ///
    /// # Errors
    ///
    /// [`CountError::OutOfBounds`] with a `current` of 0 for an absent key, which is not inserted then. [`CountError::Full`] if
    /// the key is new and there are as many as are allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let bought: Counters<u64, RwLockBackend> = Counters::new();
    /// assert_eq!(bought.try_add_or_insert(&7, 2, 0..=2), Ok(2));
    /// assert!(bought.try_add_or_insert(&7, 1, 0..=2).is_err());
    /// ```
    pub fn try_add_or_insert(
        &self,
        key: &K,
        delta: i64,
        bounds: impl RangeBounds<i64>,
    ) -> Result<i64, CountError> {
        let bounds = inclusive(&bounds);
        loop {
            if let Tried::Done(result) = self.table.step(key, |entry| entry.value().try_add(delta, &bounds)) {
                return result.map_err(refusal);
            }
            let first = counter::step(0, delta, &bounds).map_err(refusal)?;
            if self.table.insert(key, first, Terms::NONE)? {
                return Ok(first);
            }
        }
    }

    /// Replaces the value of a present key by what `f` makes of it, atomically, and returns the new one.
    ///
    /// `f` is asked again if the value changes meanwhile. It runs under no lock.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is absent or past its time. [`UpdateError::Kept`] with the value if `f` returned
    /// `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// counters.set("a", 3).unwrap();
    /// assert_eq!(counters.update("a", |value| Some(value * 2)), Ok(6));
    /// ```
    pub fn update(&self, key: &K, mut f: impl FnMut(i64) -> Option<i64>) -> Result<i64, UpdateError<i64>> {
        let mut current = self.get(key).ok_or(UpdateError::Absent)?;
        loop {
            let new = f(current).ok_or(UpdateError::Kept { current })?;
            match self.table.step(key, |entry| entry.value().compare_exchange(current, new)) {
                Tried::Done(Ok(())) => return Ok(new),
                Tried::Done(Err(seen)) => current = seen,
                Tried::Absent => return Err(UpdateError::Absent),
            }
        }
    }

    /// Removes a key, and tells whether it was there and not past its time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// counters.set("a", 1).unwrap();
    /// assert!(counters.remove("a") && !counters.remove("a"));
    /// ```
    pub fn remove(&self, key: &K) -> bool {
        self.take(key).is_some()
    }

    /// Removes a key and returns its final value: it includes every write to the counter that succeeds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// counters.set("a", 1).unwrap();
    /// assert_eq!(counters.take("a"), Some(1));
    /// ```
    pub fn take(&self, key: &K) -> Option<i64> {
        // First, as in `Cache::take`.
        let times = self.table.store.times();
        let entry = self.table.store.map.take(key)?;
        let valid = times.age(&entry) != Age::Over;
        let last = entry.value().close().ok();
        self.table.left(entry, Cause::Removed);
        last.filter(|_| valid)
    }

    /// Removes a key if `f` says so about its final value; tells whether it did.
    ///
    /// `f` is asked again if the value changes meanwhile. It runs under no lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// counters.set("a", 0).unwrap();
    /// assert!(counters.remove_if("a", |value| value == 0));
    /// ```
    pub fn remove_if(&self, key: &K, mut f: impl FnMut(i64) -> bool) -> bool {
        loop {
            let Some(value) = self.get(key) else { return false };
            if !f(value) {
                return false;
            }
            match self.table.step(key, |entry| entry.value().close_if(value)) {
                Tried::Done(Ok(())) => {
                    self.table.remove_closed(key);
                    return true;
                }
                Tried::Done(Err(_)) => {}
                Tried::Absent => return false,
            }
        }
    }

    /// How long a counter lives from now on; [`Duration::MAX`] if it does not expire, `None` if the key is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// assert_eq!(counters.ttl("a"), None);
    /// ```
    pub fn ttl(&self, key: &K) -> Option<Duration> {
        let times = self.table.store.times();
        let entry = self.table.store.map.get(key).filter(|entry| times.age(entry) != Age::Over)?;
        Some(times.rest(entry.deadline()))
    }

    /// The number of keys, weakly consistent. Those past their time count until they are freed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Counters::<str, RwLockBackend>::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.keys.load(Ordering::Relaxed)
    }

    /// Whether there is no key, as [`len`](Counters::len) counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// assert!(Counters::<str, RwLockBackend>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys that are not past their time, with their values, in no order, weakly consistent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<u64, RwLockBackend> = Counters::new();
    /// counters.set(&7, 1).unwrap();
    /// assert_eq!(counters.entries(), [(7, 1)]);
    /// ```
    #[must_use]
    pub fn entries(&self) -> Vec<(K::Owned, i64)> {
        let times = self.table.store.times();
        let mut entries = Vec::with_capacity(self.len());
        self.table.store.map.for_each(&mut |_key, entry| {
            if times.age(entry) != Age::Over {
                entries.extend(entry.value().get().map(|value| (Arc::clone(entry), value)));
            }
        });
        entries.into_iter().map(|(entry, value)| (entry.key.clone(), value)).collect()
    }

    /// Removes every key that is present throughout; one that is inserted meanwhile may stay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// counters.set("a", 1).unwrap();
    /// counters.clear();
    /// assert!(counters.is_empty());
    /// ```
    pub fn clear(&self) {
        let mut entries = Vec::with_capacity(self.len());
        self.table.store.map.for_each(&mut |_key, entry| entries.push(Arc::clone(entry)));
        for entry in entries {
            self.table.remove_entry(entry, Cause::Removed);
        }
    }

    /// Looks at about `looks` counters and frees those that are past their time. Returns how many it freed.
    ///
    /// Inserts do this on their own, a few counters each.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Counters::<str, RwLockBackend>::new().maintain(100), 0);
    /// ```
    pub fn maintain(&self, looks: usize) -> usize {
        self.table.free_some(looks)
    }
}

fn refusal(error: AddError) -> CountError {
    match error {
        AddError::OutOfBounds { current } => CountError::OutOfBounds { current },
        // A bounded step on one counter knows no other; a new one would be of the key.
        _ => CountError::Absent,
    }
}
