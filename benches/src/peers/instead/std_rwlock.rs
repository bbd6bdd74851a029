use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hotcache::{CompactString, DefaultHashBuilder};

use crate::peer::{IntPeer, ObjPeer, Object};

/// A `HashMap` under one lock, both of the standard library.
#[derive(Debug)]
struct Locked<V>(RwLock<HashMap<CompactString, V, DefaultHashBuilder>>);

impl<V> Locked<V> {
    fn new(hasher: DefaultHashBuilder) -> Self {
        Self(RwLock::new(HashMap::with_hasher(hasher)))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<CompactString, V, DefaultHashBuilder>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<CompactString, V, DefaultHashBuilder>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Atomic integers, so that a present one is changed under the lock that readers share.
#[derive(Debug)]
pub(in crate::peers) struct Int(Locked<AtomicI64>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(Locked::new(hasher))
    }
}

impl IntPeer for Int {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.read().get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &str, value: i64) {
        if let Some(present) = self.0.read().get(key) {
            present.store(value, Ordering::Release);
            return;
        }
        self.0.write().insert(key.into(), AtomicI64::new(value));
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        if let Some(present) = self.0.read().get(key) {
            return present.fetch_add(delta, Ordering::AcqRel) + delta;
        }
        self.0.write().entry(key.into()).or_default().fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, key: &str) {
        if !self.0.read().contains_key(key) {
            self.0.write().entry(key.into()).or_default();
        }
    }

    fn del(&self, key: &str) -> bool {
        self.0.write().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.read().len()
    }

    fn total(&self) -> i64 {
        self.0.read().values().fold(0, |total, value| total.wrapping_add(value.load(Ordering::Acquire)))
    }
}

/// Objects.
#[derive(Debug)]
pub(in crate::peers) struct Obj(Locked<Arc<Object>>);

impl Obj {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(Locked::new(hasher))
    }
}

impl ObjPeer for Obj {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.read().get(key).cloned()
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.0.write().insert(key.into(), value);
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        if !self.0.read().contains_key(key) {
            self.0.write().entry(key.into()).or_insert(value);
        }
    }

    fn del(&self, key: &str) -> bool {
        self.0.write().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.read().len()
    }

    fn total(&self) -> i64 {
        self.0.read().values().fold(0, |total, object| total.wrapping_add(object.id))
    }
}
