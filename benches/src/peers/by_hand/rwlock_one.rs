use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hashbrown::HashMap;
use hotcache::{CompactString, DefaultHashBuilder};
use parking_lot::RwLock;

use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in a `HashMap` under one lock.
#[derive(Debug)]
pub(in crate::peers) struct Int(RwLock<HashMap<CompactString, AtomicI64, DefaultHashBuilder>>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(RwLock::new(HashMap::with_hasher(hasher)))
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

/// Objects in a `HashMap` under one lock.
#[derive(Debug)]
pub(in crate::peers) struct Obj(RwLock<HashMap<CompactString, Arc<Object>, DefaultHashBuilder>>);

impl Obj {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(RwLock::new(HashMap::with_hasher(hasher)))
    }
}

impl ObjPeer for Obj {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.read().get(key).cloned()
    }

    fn with<R>(&self, key: &str, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.read().get(key).map(|object| look(object))
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
