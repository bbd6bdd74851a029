use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hotcache::{CompactString, DefaultHashBuilder};
use scc::HashMap;

use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in an scc `HashMap`.
#[derive(Debug)]
pub(in crate::peers) struct Int(HashMap<CompactString, AtomicI64, DefaultHashBuilder>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl IntPeer for Int {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.read_sync(key, |_, value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &str, value: i64) {
        let stored = self.0.read_sync(key, |_, present| present.store(value, Ordering::Release));
        if stored.is_none() {
            self.0.upsert_sync(key.into(), AtomicI64::new(value));
        }
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        let sum = self.0.read_sync(key, |_, present| present.fetch_add(delta, Ordering::AcqRel) + delta);
        sum.unwrap_or_else(|| {
            let entry = self.0.entry_sync(key.into()).or_default();
            entry.fetch_add(delta, Ordering::AcqRel) + delta
        })
    }

    fn insert_if_absent(&self, key: &str) {
        if !self.0.contains_sync(key) {
            let _ = self.0.insert_sync(key.into(), AtomicI64::new(0));
        }
    }

    fn del(&self, key: &str) -> bool {
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
#[derive(Debug)]
pub(in crate::peers) struct Obj(HashMap<CompactString, Arc<Object>, DefaultHashBuilder>);

impl Obj {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl ObjPeer for Obj {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.read_sync(key, |_, object| Arc::clone(object))
    }

    fn with<R>(&self, key: &str, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.read_sync(key, |_, object| look(object))
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.0.upsert_sync(key.into(), value);
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        if !self.0.contains_sync(key) {
            let _ = self.0.insert_sync(key.into(), value);
        }
    }

    fn del(&self, key: &str) -> bool {
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
