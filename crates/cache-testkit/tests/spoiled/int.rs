//! The reference's integer cache, with a fault.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Mutex;

use cache_core::{AddError, HashBuilder, IntCache, Key, Options, UpdateError};
use cache_testkit::ReferenceIntCache;

use crate::fault::Fault;

pub(crate) struct SpoiledInt<F, K: Key + ?Sized, S> {
    pub(crate) inner: ReferenceIntCache<K, S>,
    /// For faults to hold where they should hold none.
    pub(crate) lock: Mutex<()>,
    fault: PhantomData<F>,
}

impl<F: Fault, K: Key + ?Sized, S: HashBuilder> SpoiledInt<F, K, S> {
    pub(crate) fn new(options: Options<S>) -> Self {
        Self { inner: ReferenceIntCache::new(options), lock: Mutex::default(), fault: PhantomData }
    }
}

impl<F: Fault, K: Key + ?Sized, S: HashBuilder> IntCache<K> for SpoiledInt<F, K, S> {
    fn get(&self, key: &K) -> Option<i64> {
        F::get(self, key)
    }
    fn set(&self, key: &K, value: i64) {
        F::set(self, key, value);
    }
    fn swap(&self, key: &K, value: i64) -> Option<i64> {
        F::swap(self, key, value)
    }
    fn insert_new(&self, key: &K, value: i64) -> Result<(), i64> {
        F::insert_new(self, key, value)
    }
    fn compare_exchange(&self, key: &K, current: i64, new: i64) -> Result<(), Option<i64>> {
        F::compare_exchange(self, key, current, new)
    }
    fn update_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> Option<i64>) -> Result<i64, UpdateError<i64>> {
        F::update(self, key, f)
    }
    fn update_or_insert_dyn(
        &self,
        key: &K,
        first: i64,
        f: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        F::update_or_insert(self, key, first, f)
    }
    fn take(&self, key: &K) -> Option<i64> {
        F::take(self, key)
    }
    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(i64) -> bool) -> bool {
        F::del_if(self, key, f)
    }
    fn add(&self, key: &K, delta: i64) -> i64 {
        F::add(self, key, delta)
    }
    fn del(&self, key: &K) -> bool {
        F::del(self, key)
    }
    fn try_add_dyn(&self, key: &K, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        F::try_add_dyn(self, key, delta, bounds)
    }
    fn try_add_or_insert_dyn(
        &self,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        F::try_add_or_insert_dyn(self, key, delta, bounds)
    }
    fn len(&self) -> usize {
        F::len(self)
    }
    fn clear(&self) {
        F::clear(self);
    }
    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        F::try_for_each(self, f)
    }
    fn retain(&self, f: &mut dyn FnMut(&K, i64) -> bool) {
        F::retain(self, f);
    }
    fn reserve(&self, additional: usize) {
        F::reserve(self, additional);
    }
    fn capacity(&self) -> usize {
        F::capacity(self)
    }
    fn shrink_to_fit(&self) {
        F::shrink_to_fit(self);
    }
    fn get_many(&self, keys: &[&K], out: &mut [Option<i64>]) {
        F::get_many(self, keys, out);
    }
}

impl<F, K: Key + ?Sized, S> fmt::Debug for SpoiledInt<F, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpoiledInt")
    }
}
