//! What a fault is: some of the methods of the two caches, spoiled.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use cache_core::{
    AddError, Backend, HashBuilder, IntCache, Key, Loads, ObjCache, Options, UpdateError, Value,
};

use crate::int::SpoiledInt;
use crate::obj::SpoiledObj;

/// The methods, each of them right unless it is overridden.
pub(crate) trait Fault: Copy + Debug + Default + Send + Sync + 'static {
    fn get<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, key: &K) -> Option<i64> {
        c.inner.get(key)
    }
    fn set<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, key: &K, value: i64) {
        c.inner.set(key, value);
    }
    fn swap<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, key: &K, value: i64) -> Option<i64> {
        c.inner.swap(key, value)
    }
    fn insert_new<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        value: i64,
    ) -> Result<(), i64> {
        c.inner.insert_new(key, value)
    }
    fn compare_exchange<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        current: i64,
        new: i64,
    ) -> Result<(), Option<i64>> {
        c.inner.compare_exchange(key, current, new)
    }
    fn update<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        f: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        c.inner.update_dyn(key, f)
    }
    fn update_or_insert<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        first: i64,
        f: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        c.inner.update_or_insert_dyn(key, first, f)
    }
    fn take<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, key: &K) -> Option<i64> {
        c.inner.take(key)
    }
    fn del_if<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        f: &mut dyn FnMut(i64) -> bool,
    ) -> bool {
        c.inner.del_if_dyn(key, f)
    }
    fn add<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, key: &K, delta: i64) -> i64 {
        c.inner.add(key, delta)
    }
    fn del<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, key: &K) -> bool {
        c.inner.del(key)
    }
    fn try_add_dyn<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        c.inner.try_add_dyn(key, delta, bounds)
    }
    fn try_add_or_insert_dyn<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        c.inner.try_add_or_insert_dyn(key, delta, bounds)
    }
    fn len<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>) -> usize {
        c.inner.len()
    }
    fn clear<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>) {
        c.inner.clear();
    }
    fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        c.inner.try_for_each_dyn(f)
    }
    fn retain<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        f: &mut dyn FnMut(&K, i64) -> bool,
    ) {
        c.inner.retain(f);
    }
    fn get_many<K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledInt<Self, K, S>,
        keys: &[&K],
        out: &mut [Option<i64>],
    ) {
        c.inner.get_many(keys, out);
    }

    fn reserve<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>, additional: usize) {
        c.inner.reserve(additional);
    }
    fn capacity<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>) -> usize {
        c.inner.capacity()
    }
    fn shrink_to_fit<K: Key + ?Sized, S: HashBuilder>(c: &SpoiledInt<Self, K, S>) {
        c.inner.shrink_to_fit();
    }

    fn obj_get<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
    ) -> Option<Arc<V>> {
        c.inner.get(key)
    }
    fn obj_get_many<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        keys: &[&K],
        out: &mut [Option<Arc<V>>],
    ) {
        c.inner.get_many(keys, out);
    }
    fn obj_with<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        f: &mut dyn FnMut(&V),
    ) -> bool {
        c.inner.with_dyn(key, f)
    }
    fn obj_set<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        value: Arc<V>,
    ) {
        c.loads.written(key);
        c.inner.set(key, value);
    }
    fn obj_swap<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        value: Arc<V>,
    ) -> Option<Arc<V>> {
        c.loads.written(key);
        c.inner.swap(key, value)
    }
    fn obj_replace_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        current: &Arc<V>,
        new: Arc<V>,
    ) -> Result<(), Arc<V>> {
        c.loads.written(key);
        c.inner.replace_if_same(key, current, new)
    }
    fn obj_take<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
    ) -> Option<Arc<V>> {
        c.loads.written(key);
        c.inner.take(key)
    }
    fn obj_del_if<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        f: &mut dyn FnMut(&Arc<V>) -> bool,
    ) -> bool {
        c.loads.written(key);
        c.inner.del_if_dyn(key, f)
    }
    fn obj_get_or_insert<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        value: Arc<V>,
    ) -> Arc<V> {
        c.inner.get_or_insert(key, value)
    }
    fn obj_evict_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        key: &K,
        current: &Arc<V>,
    ) -> bool {
        c.inner.evict_if_same(key, current)
    }
    fn obj_del<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &SpoiledObj<Self, V, K, S>, key: &K) -> bool {
        c.loads.written(key);
        c.inner.del(key)
    }
    fn obj_clear<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &SpoiledObj<Self, V, K, S>) {
        c.loads.all_written();
        c.inner.clear();
    }
    fn obj_retain<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        f: &mut dyn FnMut(&K, &Arc<V>) -> bool,
    ) {
        c.loads.all_written();
        c.inner.retain(f);
    }
    fn obj_try_for_each<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &SpoiledObj<Self, V, K, S>,
        f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        c.inner.try_for_each_dyn(f)
    }
    fn loads<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &SpoiledObj<Self, V, K, S>) -> &Loads<V, K> {
        &c.loads
    }
}

/// The reference, with a fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spoiled<F>(PhantomData<F>);

impl<F: Fault> Backend for Spoiled<F> {
    const NAME: &'static str = "spoiled";

    type Int<K: Key + ?Sized, S: HashBuilder> = SpoiledInt<F, K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = SpoiledObj<F, V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        SpoiledInt::new(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        SpoiledObj::new(options)
    }
}
