//! Implementations of both traits for pointers to a cache.

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use crate::{AddError, HasLoads, IntCache, Key, Loads, ObjCache, UpdateError};

/// Implements both traits for each pointer type. Every method is forwarded, including those with defaults, because a
/// backend may override them.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<K: Key + ?Sized, C: IntCache<K> + ?Sized> IntCache<K> for $pointer {
            fn get(&self, key: &K) -> Option<i64> {
                (**self).get(key)
            }
            fn contains(&self, key: &K) -> bool {
                (**self).contains(key)
            }
            fn set(&self, key: &K, value: i64) {
                (**self).set(key, value);
            }
            fn swap(&self, key: &K, value: i64) -> Option<i64> {
                (**self).swap(key, value)
            }
            fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
                (**self).insert_new(key, value)
            }
            fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
                (**self).compare_exchange(key, current, new)
            }
            fn add(&self, key: &K, delta: i64) -> i64 {
                (**self).add(key, delta)
            }
            fn del(&self, key: &K) -> bool {
                (**self).del(key)
            }
            fn take(&self, key: &K) -> Option<i64> {
                (**self).take(key)
            }
            fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
                (**self).del_if_dyn(key, f)
            }
            fn update_dyn(
                &self,
                key: &K,
                f: &mut dyn FnMut(i64) -> Option<i64>,
            ) -> Result<i64, UpdateError<i64>> {
                (**self).update_dyn(key, f)
            }
            fn update_or_insert_dyn(
                &self,
                key: &K,
                first: i64,
                f: &mut dyn FnMut(i64) -> Option<i64>,
            ) -> Result<i64, UpdateError<i64>> {
                (**self).update_or_insert_dyn(key, first, f)
            }
            fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
                (**self).try_add_dyn(key, delta, bounds)
            }
            fn try_add_or_insert_dyn(
                &self,
                key: &K,
                delta: i64,
                bounds: RangeInclusive<i64>,
            ) -> Result<i64, AddError> {
                (**self).try_add_or_insert_dyn(key, delta, bounds)
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
            fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
                (**self).try_for_each_dyn(f)
            }
            fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
                (**self).retain(f);
            }
            fn get_many(&self, keys: &[&K], out: &mut [Option<i64>]) {
                (**self).get_many(keys, out);
            }
            fn reserve(&self, additional: usize) {
                (**self).reserve(additional);
            }
            fn capacity(&self) -> usize {
                (**self).capacity()
            }
            fn shrink_to_fit(&self) {
                (**self).shrink_to_fit();
            }
        }

        impl<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> ObjCache<V, K> for $pointer {
            fn get(&self, key: &K) -> Option<Arc<V>> {
                (**self).get(key)
            }
            fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
                (**self).with_dyn(key, f)
            }
            fn contains(&self, key: &K) -> bool {
                (**self).contains(key)
            }
            fn get_many(&self, keys: &[&K], out: &mut [Option<Arc<V>>]) {
                (**self).get_many(keys, out);
            }
            fn prefetch(&self, keys: &[&K]) {
                (**self).prefetch(keys);
            }
            fn set(&self, key: &K, value: Arc<V>) {
                (**self).set(key, value);
            }
            fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
                (**self).swap(key, value)
            }
            fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
                (**self).replace_if_same(key, current, new)
            }
            fn del_if_same(&self, key: &K, current: &Arc<V>) -> bool {
                (**self).del_if_same(key, current)
            }
            fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
                (**self).evict_if_same(key, current)
            }
            fn update_dyn(
                &self,
                key: &K,
                f: &mut dyn FnMut(&Arc<V>) -> Option<Arc<V>>,
            ) -> Result<Arc<V>, UpdateError<Arc<V>>> {
                (**self).update_dyn(key, f)
            }
            fn take(&self, key: &K) -> Option<Arc<V>> {
                (**self).take(key)
            }
            fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
                (**self).del_if_dyn(key, f)
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
            fn try_for_each_dyn(
                &self,
                f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>,
            ) -> ControlFlow<()> {
                (**self).try_for_each_dyn(f)
            }
            fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
                (**self).retain(f);
            }
            fn reserve(&self, additional: usize) {
                (**self).reserve(additional);
            }
            fn capacity(&self) -> usize {
                (**self).capacity()
            }
            fn shrink_to_fit(&self) {
                (**self).shrink_to_fit();
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
