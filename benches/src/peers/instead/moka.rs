use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hotcache::{CompactString, DefaultHashBuilder};
use moka::sync::Cache;

use crate::peer::{IntPeer, ObjPeer, Object};

/// A cache without a capacity, which never evicts.
///
/// moka notes reads and writes in logs, which callers work off in batches: what they do so within the clock is part
/// of their operations, and what is left in the logs when it stops is not.
fn unbounded<V: Clone + Send + Sync + 'static>(
    hasher: DefaultHashBuilder,
) -> Cache<CompactString, V, DefaultHashBuilder> {
    Cache::builder().build_with_hasher(hasher)
}

/// The number of keys: moka counts when it works off its logs, so that is done first.
fn count<V: Clone + Send + Sync + 'static>(cache: &Cache<CompactString, V, DefaultHashBuilder>) -> usize {
    cache.run_pending_tasks();
    usize::try_from(cache.entry_count()).expect("all keys are in memory")
}

/// Shared atomics: a counter is changed by reading it, as every write to the cache itself goes through the log.
#[derive(Debug)]
pub(in crate::peers) struct Int(Cache<CompactString, Arc<AtomicI64>, DefaultHashBuilder>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(unbounded(hasher))
    }

    /// The counter of a key. An absent one is made through the cache's own lock for the key: a plain `insert` might
    /// replace the counter that another thread has just made and changed.
    fn counter(&self, key: &str) -> Arc<AtomicI64> {
        self.0.get(key).unwrap_or_else(|| self.0.get_with(key.into(), Arc::default))
    }
}

impl IntPeer for Int {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key).map(|value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &str, value: i64) {
        self.counter(key).store(value, Ordering::Release);
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        self.counter(key).fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, key: &str) {
        self.counter(key);
    }

    fn del(&self, key: &str) -> bool {
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
#[derive(Debug)]
pub(in crate::peers) struct Obj(Cache<CompactString, Arc<Object>, DefaultHashBuilder>);

impl Obj {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(unbounded(hasher))
    }
}

impl ObjPeer for Obj {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.0.get(key)
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.0.insert(key.into(), value);
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        self.0.get(key).unwrap_or_else(|| self.0.get_with(key.into(), || value));
    }

    fn del(&self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        count(&self.0)
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, (_, object)| total.wrapping_add(object.id))
    }
}
