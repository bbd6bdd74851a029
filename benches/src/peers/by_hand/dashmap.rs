use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dashmap::DashMap;
use hotcache::{CompactString, DefaultHashBuilder};

use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in a `DashMap`.
#[derive(Debug)]
pub(in crate::peers) struct Int(DashMap<CompactString, AtomicI64, DefaultHashBuilder>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(DashMap::with_hasher(hasher))
    }
}

impl IntPeer for Int {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &str, value: i64) {
        match self.0.get(key) {
            Some(present) => present.store(value, Ordering::Release),
            None => {
                self.0.insert(key.into(), AtomicI64::new(value));
            }
        }
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        if let Some(present) = self.0.get(key) {
            return present.fetch_add(delta, Ordering::AcqRel) + delta;
        }
        self.0.entry(key.into()).or_default().fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, key: &str) {
        if !self.0.contains_key(key) {
            self.0.entry(key.into()).or_default();
        }
    }

    fn del(&self, key: &str) -> bool {
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
#[derive(Debug)]
pub(in crate::peers) struct Obj(DashMap<CompactString, Arc<Object>, DefaultHashBuilder>);

impl Obj {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(DashMap::with_hasher(hasher))
    }
}

impl ObjPeer for Obj {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.get(key).map(|object| Arc::clone(&object))
    }

    fn with<R>(&self, key: &str, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.get(key).map(|object| look(&object))
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.0.insert(key.into(), value);
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        if !self.0.contains_key(key) {
            self.0.entry(key.into()).or_insert(value);
        }
    }

    fn del(&self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, entry| total.wrapping_add(entry.id))
    }
}
