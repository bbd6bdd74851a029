use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hotcache::DefaultHashBuilder;
use moka::sync::Cache;

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// A cache without a capacity, which never evicts.
///
/// moka notes reads and writes in logs, which callers work off in batches: what they do so within the clock is part
/// of their operations, and what is left in the logs when it stops is not.
fn unbounded<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>(
    hasher: DefaultHashBuilder,
) -> Cache<K, V, DefaultHashBuilder> {
    Cache::builder().build_with_hasher(hasher)
}

/// The number of keys: moka counts when it works off its logs, so that is done first.
fn count<K, V>(cache: &Cache<K, V, DefaultHashBuilder>) -> usize
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    cache.run_pending_tasks();
    usize::try_from(cache.entry_count()).expect("all keys are in memory")
}

/// Shared atomics: a counter is changed by reading it, as every write to the cache itself goes through the log.
pub(in crate::peers) struct Int<K: KeyForm + ?Sized>(Cache<K::Owned, Arc<AtomicI64>, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Int<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(unbounded(hasher))
    }

    /// The counter of a key. An absent one is made through the cache's own lock for the key: a plain `insert` might
    /// replace the counter that another thread has just made and changed.
    fn counter(&self, key: &K) -> Arc<AtomicI64> {
        self.0.get(key).unwrap_or_else(|| self.0.get_with(key.to_owned_key(), Arc::default))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Int<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        self.0.get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        self.counter(key).store(value, Ordering::Release);
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        self.counter(key).fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, key: &K) {
        self.counter(key);
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        count(&self.0)
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, (_, value)| total.wrapping_add(value.load(Ordering::Acquire)))
    }
}

/// Objects.
pub(in crate::peers) struct Obj<K: KeyForm + ?Sized>(Cache<K::Owned, Arc<Object>, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Obj<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(unbounded(hasher))
    }
}

impl<K: KeyForm + ?Sized> ObjPeer for Obj<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.get(key)
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.insert(key.to_owned_key(), value);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        self.0.get(key).unwrap_or_else(|| self.0.get_with(key.to_owned_key(), || value));
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        count(&self.0)
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, (_, object)| total.wrapping_add(object.id))
    }
}
