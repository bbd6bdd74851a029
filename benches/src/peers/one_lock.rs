//! A `HashMap` under one lock, whichever lock that is.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};

use hotcache::{CompactString, DefaultHashBuilder};

use crate::peer::{IntPeer, ObjPeer, Object};

/// What the lock is around.
pub(super) type Map<V> = HashMap<CompactString, V, DefaultHashBuilder>;

/// A lock that readers share.
pub(super) trait Lock<T>: Send + Sync {
    fn around(value: T) -> Self;
    fn read(&self) -> impl Deref<Target = T>;
    fn write(&self) -> impl DerefMut<Target = T>;
}

impl<T: Send + Sync> Lock<T> for std::sync::RwLock<T> {
    fn around(value: T) -> Self {
        Self::new(value)
    }

    fn read(&self) -> impl Deref<Target = T> {
        Self::read(self).unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> impl DerefMut<Target = T> {
        Self::write(self).unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync> Lock<T> for parking_lot::RwLock<T> {
    fn around(value: T) -> Self {
        Self::new(value)
    }

    fn read(&self) -> impl Deref<Target = T> {
        Self::read(self)
    }

    fn write(&self) -> impl DerefMut<Target = T> {
        Self::write(self)
    }
}

/// Atomic integers, so that a present one is changed under the lock that readers share.
#[derive(Debug)]
pub(super) struct Int<L>(L);

impl<L: Lock<Map<AtomicI64>>> Int<L> {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(L::around(Map::with_hasher(hasher)))
    }
}

impl<L: Lock<Map<AtomicI64>>> IntPeer for Int<L> {
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
pub(super) struct Obj<L>(L);

impl<L: Lock<Map<Arc<Object>>>> Obj<L> {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(L::around(Map::with_hasher(hasher)))
    }
}

impl<L: Lock<Map<Arc<Object>>>> ObjPeer for Obj<L> {
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
