//! A `HashMap` under one lock, whichever lock that is.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};

use hotcache::{DefaultHashBuilder, Key};

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// The map that the lock protects.
pub(super) type Map<K, V> = HashMap<<K as Key>::Owned, V, DefaultHashBuilder>;

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
pub(super) struct Int<L, K: ?Sized>(L, PhantomData<fn(&K)>);

impl<K: KeyForm + ?Sized, L: Lock<Map<K, AtomicI64>>> Int<L, K> {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(L::around(HashMap::with_hasher(hasher)), PhantomData)
    }
}

impl<K: KeyForm + ?Sized, L: Lock<Map<K, AtomicI64>>> IntPeer for Int<L, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        self.0.read().get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        if let Some(present) = self.0.read().get(key) {
            present.store(value, Ordering::Release);
            return;
        }
        self.0.write().insert(key.to_owned_key(), AtomicI64::new(value));
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        if let Some(present) = self.0.read().get(key) {
            return present.fetch_add(delta, Ordering::AcqRel) + delta;
        }
        self.0.write().entry(key.to_owned_key()).or_default().fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, key: &K) {
        if !self.0.read().contains_key(key) {
            self.0.write().entry(key.to_owned_key()).or_default();
        }
    }

    fn del(&self, key: &K) -> bool {
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
pub(super) struct Obj<L, K: ?Sized>(L, PhantomData<fn(&K)>);

impl<K: KeyForm + ?Sized, L: Lock<Map<K, Arc<Object>>>> Obj<L, K> {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(L::around(HashMap::with_hasher(hasher)), PhantomData)
    }
}

impl<K: KeyForm + ?Sized, L: Lock<Map<K, Arc<Object>>>> ObjPeer for Obj<L, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.read().get(key).cloned()
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.read().get(key).map(|object| look(object))
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.write().insert(key.to_owned_key(), value);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        if !self.0.read().contains_key(key) {
            self.0.write().entry(key.to_owned_key()).or_insert(value);
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.write().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.read().len()
    }

    fn total(&self) -> i64 {
        self.0.read().values().fold(0, |total, object| total.wrapping_add(object.id))
    }
}
