use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flurry::HashMap;
use hotcache::{CompactString, DefaultHashBuilder};

use crate::peer::{IntPeer, ObjPeer, Object};

/// Integers in a flurry `HashMap`.
#[derive(Debug)]
pub(in crate::peers) struct Int(HashMap<CompactString, AtomicI64, DefaultHashBuilder>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl IntPeer for Int {
    fn get(&self, key: &str) -> Option<i64> {
        let map = self.0.pin();
        map.get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &str, value: i64) {
        let map = self.0.pin();
        match map.get(key) {
            Some(present) => present.store(value, Ordering::Release),
            None => {
                map.insert(key.into(), AtomicI64::new(value));
            }
        }
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        let map = self.0.pin();
        if let Some(present) = map.get(key) {
            return present.fetch_add(delta, Ordering::AcqRel) + delta;
        }
        match map.try_insert(key.into(), AtomicI64::new(delta)) {
            Ok(_) => delta,
            Err(error) => error.current.fetch_add(delta, Ordering::AcqRel) + delta,
        }
    }

    fn insert_if_absent(&self, key: &str) {
        let map = self.0.pin();
        if !map.contains_key(key) {
            let _ = map.try_insert(key.into(), AtomicI64::new(0));
        }
    }

    fn del(&self, key: &str) -> bool {
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
#[derive(Debug)]
pub(in crate::peers) struct Obj(HashMap<CompactString, Arc<Object>, DefaultHashBuilder>);

impl Obj {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(HashMap::with_hasher(hasher))
    }
}

impl ObjPeer for Obj {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.pin().get(key).cloned()
    }

    fn with<R>(&self, key: &str, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.pin().get(key).map(|object| look(object))
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.0.pin().insert(key.into(), value);
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        let map = self.0.pin();
        if !map.contains_key(key) {
            let _ = map.try_insert(key.into(), value);
        }
    }

    fn del(&self, key: &str) -> bool {
        self.0.pin().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.pin().values().fold(0, |total, object| total.wrapping_add(object.id))
    }
}
