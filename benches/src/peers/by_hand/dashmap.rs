use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dashmap::DashMap;
use hotcache::DefaultHashBuilder;

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in a `DashMap`.
pub(in crate::peers) struct Int<K: KeyForm + ?Sized>(DashMap<K::Owned, AtomicI64, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Int<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(DashMap::with_hasher(hasher))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Int<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        self.0.get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        match self.0.get(key) {
            Some(present) => present.store(value, Ordering::Release),
            None => {
                self.0.insert(key.to_owned_key(), AtomicI64::new(value));
            }
        }
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        if let Some(present) = self.0.get(key) {
            return present.fetch_add(delta, Ordering::AcqRel) + delta;
        }
        self.0.entry(key.to_owned_key()).or_default().fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, key: &K) {
        if !self.0.contains_key(key) {
            self.0.entry(key.to_owned_key()).or_default();
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        let values = self.0.iter().map(|entry| entry.load(Ordering::Acquire));
        values.fold(0, i64::wrapping_add)
    }
}

/// Objects in a `DashMap`.
pub(in crate::peers) struct Obj<K: KeyForm + ?Sized>(DashMap<K::Owned, Arc<Object>, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Obj<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(DashMap::with_hasher(hasher))
    }
}

impl<K: KeyForm + ?Sized> ObjPeer for Obj<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.get(key).map(|object| Arc::clone(&object))
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.get(key).map(|object| look(&object))
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.insert(key.to_owned_key(), value);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        if !self.0.contains_key(key) {
            self.0.entry(key.to_owned_key()).or_insert(value);
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, entry| total.wrapping_add(entry.id))
    }
}
