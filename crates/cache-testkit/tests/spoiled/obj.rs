//! The reference's object cache, with a fault.

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use cache_core::{HasLoads, HashBuilder, Key, Loads, ObjCache, Options, Value};
use cache_testkit::ReferenceObjCache;

use crate::fault::Fault;

pub(crate) struct SpoiledObj<F, V, K: Key + ?Sized, S> {
    pub(crate) inner: ReferenceObjCache<V, K, S>,
    /// Used instead of the reference's own, so that a fault can leave out telling it of a write.
    pub(crate) loads: Loads<V, K>,
    pub(crate) other_loads: Loads<V, K>,
    /// For faults to count with.
    pub(crate) turn: AtomicUsize,
    /// For faults to hold where they should hold none.
    pub(crate) lock: Mutex<()>,
    fault: PhantomData<F>,
}

impl<F: Fault, V: Value, K: Key + ?Sized, S: HashBuilder> SpoiledObj<F, V, K, S> {
    pub(crate) fn new(options: Options<S>) -> Self {
        Self {
            inner: ReferenceObjCache::new(options),
            loads: Loads::new(),
            other_loads: Loads::new(),
            turn: AtomicUsize::new(0),
            lock: Mutex::default(),
            fault: PhantomData,
        }
    }
}

impl<F: Fault, V: Value, K: Key + ?Sized, S: HashBuilder> ObjCache<V, K> for SpoiledObj<F, V, K, S> {
    fn get(&self, key: &K) -> Option<Arc<V>> {
        F::obj_get(self, key)
    }
    fn get_many(&self, keys: &[&K], out: &mut [Option<Arc<V>>]) {
        F::obj_get_many(self, keys, out);
    }
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool {
        F::obj_with(self, key, f)
    }
    fn set(&self, key: &K, value: Arc<V>) {
        F::obj_set(self, key, value);
    }
    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>> {
        F::obj_swap(self, key, value)
    }
    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>> {
        F::obj_replace_if_same(self, key, current, new)
    }
    fn take(&self, key: &K) -> Option<Arc<V>> {
        F::obj_take(self, key)
    }
    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool {
        F::obj_del_if(self, key, f)
    }
    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        F::obj_evict_if_same(self, key, current)
    }
    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V> {
        F::obj_get_or_insert(self, key, value)
    }
    fn del(&self, key: &K) -> bool {
        F::obj_del(self, key)
    }
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn clear(&self) {
        F::obj_clear(self);
    }
    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()> {
        F::obj_try_for_each(self, f)
    }
    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool) {
        F::obj_retain(self, f);
    }
}

impl<F: Fault, V: Value, K: Key + ?Sized, S: HashBuilder> HasLoads<V, K> for SpoiledObj<F, V, K, S> {
    fn loads(&self) -> &Loads<V, K> {
        F::loads(self)
    }
}

impl<F, V, K: Key + ?Sized, S> fmt::Debug for SpoiledObj<F, V, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpoiledObj")
    }
}
