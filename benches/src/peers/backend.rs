//! hotcache's backends, through the traits that users call.

use std::sync::Arc;

use hotcache::{IntCache, ObjCache, ObjCacheExt};

use crate::peer::{IntPeer, ObjPeer, Object};

/// An integer cache.
#[derive(Debug)]
pub(super) struct IntBackend<C>(pub(super) C);

impl<C: IntCache> IntPeer for IntBackend<C> {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key)
    }

    fn get_many(&self, keys: &[&str], values: &mut [Option<i64>]) {
        self.0.get_many(keys, values);
    }

    fn set(&self, key: &str, value: i64) {
        self.0.set(key, value);
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        self.0.add(key, delta)
    }

    fn insert_if_absent(&self, key: &str) {
        // Adding nothing changes no present value, and inserts an absent one.
        self.0.add(key, 0);
    }

    fn del(&self, key: &str) -> bool {
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
#[derive(Debug)]
pub(super) struct ObjBackend<C>(pub(super) C);

impl<C: ObjCache<Object>> ObjPeer for ObjBackend<C> {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.get(key)
    }

    fn with<R>(&self, key: &str, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.with(key, look)
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.0.set(key, value);
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        self.0.get_or_insert(key, value);
    }

    fn del(&self, key: &str) -> bool {
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
