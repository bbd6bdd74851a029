use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, HashBuilder};
use cache_policy::Counters;

use super::{Reason, Target, integer, of_key};
use crate::mirror::MirrorKey;

/// Counters of the policy layer that hold strings of Redis as integers.
pub(crate) struct CountersTarget<K: MirrorKey + ?Sized, B: Backend, S: HashBuilder> {
    counters: Arc<Counters<K, B, S>>,
}

impl<K: MirrorKey + ?Sized, B: Backend, S: HashBuilder> CountersTarget<K, B, S> {
    pub(crate) fn new(counters: Arc<Counters<K, B, S>>) -> Self {
        Self { counters }
    }
}

impl<K: MirrorKey + ?Sized, B: Backend, S: HashBuilder> Target for CountersTarget<K, B, S> {
    fn set(&self, key: &[u8], value: &[u8], _lifetime: Option<Duration>) -> Result<(), Reason> {
        let value = integer(value)?;
        let set = K::from_redis(key, |key| self.counters.set(key, value)).ok_or(Reason::Key)?;
        set.map_err(|_| Reason::Full)
    }

    fn remove(&self, key: &[u8]) {
        K::from_redis(key, |key| self.counters.remove(key));
    }

    fn retain(&self, keep: &mut dyn FnMut(&[u8]) -> bool) {
        let mut keep = of_key::<K>(keep);
        // Counters have no `retain`. The copy of all of them is the price of a resync.
        for (key, _) in self.counters.entries() {
            let key: &K = key.borrow();
            if !keep(key) {
                self.counters.remove(key);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }
}
