//! Both traits, for what points at a cache.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::{AddError, HasLoads, IntCache, Key, Loads, ObjCache};

/// Names the pointer types once; every method goes to what they point at, its own default included.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<K: Key + ?Sized, C: IntCache<K> + ?Sized> IntCache<K> for $pointer {
            fn get(&self, key: &K) -> Option<i64> {
                (**self).get(key)
            }
            fn set(&self, key: &K, value: i64) {
                (**self).set(key, value);
            }
            fn add(&self, key: &K, delta: i64) -> i64 {
                (**self).add(key, delta)
            }
            fn del(&self, key: &K) -> bool {
                (**self).del(key)
            }
            fn try_add(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
                (**self).try_add(key, delta, bounds)
            }
            fn try_add_or_insert(
                &self,
                key: &K,
                delta: i64,
                bounds: RangeInclusive<i64>,
            ) -> Result<i64, AddError> {
                (**self).try_add_or_insert(key, delta, bounds)
            }
            fn len(&self) -> usize {
                (**self).len()
            }
            fn is_empty(&self) -> bool {
                (**self).is_empty()
            }
            fn clear(&self) {
                (**self).clear();
            }
            fn keys(&self) -> Vec<K::Owned> {
                (**self).keys()
            }
            fn for_each(&self, f: &mut dyn FnMut(&K, i64)) {
                (**self).for_each(f);
            }
            fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
                (**self).retain(f);
            }
            fn get_many(&self, keys: &[&K], out: &mut [Option<i64>]) {
                (**self).get_many(keys, out);
            }
        }

        impl<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> ObjCache<V, K> for $pointer {
            fn get(&self, key: &K) -> Option<Arc<V>> {
                (**self).get(key)
            }
            fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
                (**self).with_dyn(key, f)
            }
            fn set(&self, key: &K, value: Arc<V>) {
                (**self).set(key, value);
            }
            fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
                (**self).get_or_insert(key, value)
            }
            fn del(&self, key: &K) -> bool {
                (**self).del(key)
            }
            fn len(&self) -> usize {
                (**self).len()
            }
            fn is_empty(&self) -> bool {
                (**self).is_empty()
            }
            fn clear(&self) {
                (**self).clear();
            }
            fn keys(&self) -> Vec<K::Owned> {
                (**self).keys()
            }
            fn for_each(&self, f: &mut dyn FnMut(&K, &Arc<V>)) {
                (**self).for_each(f);
            }
            fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
                (**self).retain(f);
            }
        }

        impl<V, K: Key + ?Sized, C: HasLoads<V, K> + ?Sized> HasLoads<V, K> for $pointer {
            fn loads(&self) -> &Loads<V, K> {
                (**self).loads()
            }
        }
    )*};
}

forward!(&C, Box<C>, Arc<C>);
