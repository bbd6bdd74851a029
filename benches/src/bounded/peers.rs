//! Other caches, as they come.

use std::sync::Arc;

use hotcache::DefaultHashBuilder;
use mini_moka::sync::ConcurrentCacheExt as _;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

use super::{Peer, Setup};
use crate::keys::KeyForm;

/// Notes reads and writes in logs that callers work off in batches.
pub(super) struct Moka<K: KeyForm + ?Sized>(moka::sync::Cache<K::Owned, Arc<u64>, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Moka<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut builder = moka::sync::Cache::builder().max_capacity(setup.capacity as u64);
        if let Some(lifetime) = setup.lifetime {
            builder = builder.time_to_live(lifetime);
        }
        Self(builder.build_with_hasher(setup.hasher.clone()))
    }
}

impl<K: KeyForm + ?Sized> Peer for Moka<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|value| *value)
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.insert(key.to_owned_key(), Arc::new(value));
    }

    fn count(&self) -> Option<usize> {
        self.0.run_pending_tasks();
        usize::try_from(self.0.entry_count()).ok()
    }
}

/// Looks up by owned keys only. A key of text of up to 24 bytes is owned without the heap.
pub(super) struct MiniMoka<K: KeyForm + ?Sized>(
    mini_moka::sync::Cache<K::Owned, Arc<u64>, DefaultHashBuilder>,
);

impl<K: KeyForm + ?Sized> MiniMoka<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut builder = mini_moka::sync::Cache::builder().max_capacity(setup.capacity as u64);
        if let Some(lifetime) = setup.lifetime {
            builder = builder.time_to_live(lifetime);
        }
        Self(builder.build_with_hasher(setup.hasher.clone()))
    }
}

impl<K: KeyForm + ?Sized> Peer for MiniMoka<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(&key.to_owned_key()).map(|value| *value)
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.insert(key.to_owned_key(), Arc::new(value));
    }

    fn count(&self) -> Option<usize> {
        self.0.sync();
        usize::try_from(self.0.entry_count()).ok()
    }
}

pub(super) struct QuickCache<K: KeyForm + ?Sized>(
    quick_cache::sync::Cache<K::Owned, Arc<u64>, UnitWeighter, DefaultHashBuilder>,
);

impl<K: KeyForm + ?Sized> QuickCache<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        let (capacity, hasher) = (setup.capacity, setup.hasher.clone());
        let lifecycle = DefaultLifecycle::default();
        Self(quick_cache::sync::Cache::with(capacity, capacity as u64, UnitWeighter, hasher, lifecycle))
    }
}

impl<K: KeyForm + ?Sized> Peer for QuickCache<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|value| *value)
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.insert(key.to_owned_key(), Arc::new(value));
    }

    fn count(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Hands out its own entries, which are shared already.
pub(super) struct Foyer<K: KeyForm + ?Sized>(foyer_memory::Cache<K::Owned, u64, DefaultHashBuilder>);

impl<K: KeyForm + ?Sized> Foyer<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        let builder = foyer_memory::CacheBuilder::new(setup.capacity);
        Self(builder.with_hash_builder(setup.hasher.clone()).build())
    }
}

impl<K: KeyForm + ?Sized> Peer for Foyer<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|entry| *entry.value())
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.insert(key.to_owned_key(), value);
    }

    fn count(&self) -> Option<usize> {
        Some(self.0.entries())
    }
}

/// Keeps hashes and no keys, and has a hasher of its own. It tells no count.
pub(super) struct TinyUfo<K: KeyForm + ?Sized>(tinyufo::TinyUfo<K::Owned, Arc<u64>>);

impl<K: KeyForm + ?Sized> TinyUfo<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        Self(tinyufo::TinyUfo::new(setup.capacity, setup.capacity))
    }
}

impl<K: KeyForm + ?Sized> Peer for TinyUfo<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(&key.to_owned_key()).map(|value| *value)
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.put(key.to_owned_key(), Arc::new(value), 1);
    }

    fn count(&self) -> Option<usize> {
        None
    }
}
