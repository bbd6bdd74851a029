//! The cache as its loads see it: a map that holds only what is not past its time.

use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{Backend, HasLoads, HashBuilder, Key, Loads, ObjCache, Value};

use crate::entry::Entry;
use crate::store::Store;
use crate::time::Age;

/// Loads go through this, so that [`Loads`] has one set of rules for maps and caches.
///
/// Of the methods, loads call only `get` and `get_or_insert`. The others go to the map.
pub(crate) struct Loading<'a, V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder>(
    pub(crate) &'a Store<V, K, B, S>,
);

type Stored<V, K> = Arc<Entry<V, K>>;

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> ObjCache<Entry<V, K>, K>
    for Loading<'_, V, K, B, S>
{
    fn get(&self, key: &K) -> Option<Stored<V, K>> {
        let (entry, age) = self.0.find(key, &self.0.times())?;
        (age < Age::Stale).then_some(entry)
    }

    fn get_or_insert(&self, key: &K, value: Stored<V, K>) -> Stored<V, K> {
        if !self.0.fits(&value) {
            return value;
        }
        loop {
            let times = self.0.times();
            let present = self.0.counted(&value, |value| self.0.map.get_or_insert(key, value));
            if Arc::ptr_eq(&present, &value) {
                self.0.entered(&value, None, &times);
                return value;
            }
            self.0.queues.uncount(&value);
            if times.age(&present) < Age::Stale {
                return present;
            }
            // What is past its time is no reason to keep it.
            match self.0.counted(&value, |value| self.0.map.replace_if_same(key, &present, value)) {
                Ok(()) => {
                    self.0.entered(&value, Some(present), &times);
                    return value;
                }
                Err(_) => self.0.queues.uncount(&value),
            }
        }
    }

    fn evict_if_same(&self, key: &K, current: &Stored<V, K>) -> bool {
        self.0.map.evict_if_same(key, current)
    }

    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&Entry<V, K>)) -> bool {
        self.0.map.with_dyn(key, f)
    }

    fn set(&self, key: &K, value: Stored<V, K>) {
        self.0.map.set(key, value);
    }

    fn swap(&self, key: &K, value: Stored<V, K>) -> Option<Stored<V, K>> {
        self.0.map.swap(key, value)
    }

    fn replace_if_same(
        &self,
        key: &K,
        current: &Stored<V, K>,
        new: Stored<V, K>,
    ) -> Result<(), Stored<V, K>> {
        self.0.map.replace_if_same(key, current, new)
    }

    fn del(&self, key: &K) -> bool {
        self.0.map.del(key)
    }

    fn take(&self, key: &K) -> Option<Stored<V, K>> {
        self.0.map.take(key)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Stored<V, K>) -> bool) -> bool {
        self.0.map.del_if_dyn(key, f)
    }

    fn len(&self) -> usize {
        self.0.map.len()
    }

    fn clear(&self) {
        self.0.map.clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Stored<V, K>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.0.map.try_for_each_dyn(f)
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Stored<V, K>) -> bool) {
        self.0.map.retain(f);
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> HasLoads<Entry<V, K>, K>
    for Loading<'_, V, K, B, S>
{
    fn loads(&self) -> &Loads<Entry<V, K>, K> {
        self.0.map.loads()
    }
}
