use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flurry::HashMap;
use hotcache::DefaultHashBuilder;

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in a flurry `HashMap`.
pub(in crate::peers) struct Int<K: KeyForm + ?Sized>(HashMap<K::Owned, AtomicI64, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Int<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Int<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        let map = self.0.pin();
        map.get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        let map = self.0.pin();
        match map.get(key) {
            Some(present) => present.store(value, Ordering::Release),
            None => {
                map.insert(key.to_owned_key(), AtomicI64::new(value));
            }
        }
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        let map = self.0.pin();
        if let Some(present) = map.get(key) {
            return present.fetch_add(delta, Ordering::AcqRel) + delta;
        }
        match map.try_insert(key.to_owned_key(), AtomicI64::new(delta)) {
            Ok(_) => delta,
            Err(error) => error.current.fetch_add(delta, Ordering::AcqRel) + delta,
        }
    }

    fn insert_if_absent(&self, key: &K) {
        let map = self.0.pin();
        if !map.contains_key(key) {
            let _ = map.try_insert(key.to_owned_key(), AtomicI64::new(0));
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.pin().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        let map = self.0.pin();
        map.values().fold(0, |total, value| total.wrapping_add(value.load(Ordering::Acquire)))
    }
}

/// Objects in a flurry `HashMap`.
pub(in crate::peers) struct Obj<K: KeyForm + ?Sized>(HashMap<K::Owned, Arc<Object>, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Obj<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl<K: KeyForm + ?Sized> ObjPeer for Obj<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.pin().get(key).cloned()
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.pin().get(key).map(|object| look(object))
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.pin().insert(key.to_owned_key(), value);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        let map = self.0.pin();
        if !map.contains_key(key) {
            let _ = map.try_insert(key.to_owned_key(), value);
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.pin().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.pin().values().fold(0, |total, object| total.wrapping_add(object.id))
    }
}
