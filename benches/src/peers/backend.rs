//! hotcache's backends, through the traits that users call.

use std::marker::PhantomData;
use std::sync::Arc;

use hotcache::{IntCache, ObjCache, ObjCacheExt};

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// An integer cache.
pub(super) struct IntBackend<C, K: ?Sized>(C, PhantomData<fn(&K)>);

impl<C, K: ?Sized> IntBackend<C, K> {
    pub(super) fn new(cache: C) -> Self {
        Self(cache, PhantomData)
    }
}

impl<C: IntCache<K>, K: KeyForm + ?Sized> IntPeer for IntBackend<C, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        self.0.get(key)
    }

    fn get_many(&self, keys: &[&K], values: &mut [Option<i64>]) {
        self.0.get_many(keys, values);
    }

    fn set(&self, key: &K, value: i64) {
        self.0.set(key, value);
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        self.0.add(key, delta)
    }

    fn insert_if_absent(&self, key: &K) {
        // Adding nothing changes no present value, and inserts an absent one.
        self.0.add(key, 0);
    }

    fn del(&self, key: &K) -> bool {
        self.0.del(key)
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.0.for_each(&mut |_, value| total = total.wrapping_add(value));
        total
    }
}

/// An object cache.
pub(super) struct ObjBackend<C, K: ?Sized>(C, PhantomData<fn(&K)>);

impl<C, K: ?Sized> ObjBackend<C, K> {
    pub(super) fn new(cache: C) -> Self {
        Self(cache, PhantomData)
    }
}

impl<C: ObjCache<Object, K>, K: KeyForm + ?Sized> ObjPeer for ObjBackend<C, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.get(key)
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.with(key, look)
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.set(key, value);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        self.0.get_or_insert(key, value);
    }

    fn del(&self, key: &K) -> bool {
        self.0.del(key)
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.0.for_each(&mut |_, object| total = total.wrapping_add(object.id));
        total
    }
}
