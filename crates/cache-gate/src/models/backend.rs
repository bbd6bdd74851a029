//! The map below the models: that of locks, with closures that run under none. So a model may be switched inside them.

use std::borrow::Borrow;
use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{Backend, HasLoads, HashBuilder, Key, Loads, ObjCache, Options, Value};
use cache_rwlock::{RwLockBackend, RwLockIntCache, RwLockObjCache};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unlocked;

impl Backend for Unlocked {
    const NAME: &'static str = "unlocked";

    type Int<K: Key + ?Sized, S: HashBuilder> = RwLockIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = Objects<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        RwLockBackend::int(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        Objects(RwLockBackend::obj(options))
    }
}

pub(super) struct Objects<V: Value, K: Key + ?Sized, S: HashBuilder>(RwLockObjCache<V, K, S>);

impl<V: Value, K: Key + ?Sized, S: HashBuilder> std::fmt::Debug for Objects<V, K, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for Objects<V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        self.0.loads()
    }
}

impl<V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for Objects<V, K, S> {
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.0.get(key)
    }

    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        let value = self.0.get(key);
        value.iter().for_each(|value| f(value));
        value.is_some()
    }

    fn set(&self, key: &K, value: Arc<V>) {
        self.0.set(key, value);
    }

    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        self.0.swap(key, value)
    }

    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        self.0.replace_if_same(key, current, new)
    }

    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        self.0.get_or_insert(key, value)
    }

    fn del(&self, key: &K) -> bool {
        self.0.del(key)
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        self.0.take(key)
    }

    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        self.0.del_if_dyn(key, f)
    }

    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        self.0.evict_if_same(key, current)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn clear(&self) {
        self.0.clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut entries = Vec::new();
        self.0.for_each(&mut |key, value| entries.push((key.to_owned_key(), Arc::clone(value))));
        entries.iter().try_for_each(|(key, value)| f(key.borrow(), value))
    }

    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        self.0.retain(f);
    }
}
