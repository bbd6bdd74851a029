use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hotcache::DefaultHashBuilder;
use scc::HashMap;

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in an scc `HashMap`.
pub(in crate::peers) struct Int<K: KeyForm + ?Sized>(HashMap<K::Owned, AtomicI64, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Int<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Int<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        self.0.read_sync(key, |_, value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        let stored = self.0.read_sync(key, |_, present| present.store(value, Ordering::Release));
        if stored.is_none() {
            self.0.upsert_sync(key.to_owned_key(), AtomicI64::new(value));
        }
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        let sum = self.0.read_sync(key, |_, present| present.fetch_add(delta, Ordering::AcqRel) + delta);
        sum.unwrap_or_else(|| {
            let entry = self.0.entry_sync(key.to_owned_key()).or_default();
            entry.fetch_add(delta, Ordering::AcqRel) + delta
        })
    }

    fn insert_if_absent(&self, key: &K) {
        if !self.0.contains_sync(key) {
            let _ = self.0.insert_sync(key.to_owned_key(), AtomicI64::new(0));
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove_sync(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.0.iter_sync(|_, value| {
            total = total.wrapping_add(value.load(Ordering::Acquire));
            true
        });
        total
    }
}

/// Objects in an scc `HashMap`.
pub(in crate::peers) struct Obj<K: KeyForm + ?Sized>(HashMap<K::Owned, Arc<Object>, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Obj<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl<K: KeyForm + ?Sized> ObjPeer for Obj<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.read_sync(key, |_, object| Arc::clone(object))
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.read_sync(key, |_, object| look(object))
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.upsert_sync(key.to_owned_key(), value);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        if !self.0.contains_sync(key) {
            let _ = self.0.insert_sync(key.to_owned_key(), value);
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove_sync(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.0.iter_sync(|_, object| {
            total = total.wrapping_add(object.id);
            true
        });
        total
    }
}
