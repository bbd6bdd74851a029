//! Our cache over a backend, and the backend's own map, which has no bound.

use std::marker::PhantomData;
use std::sync::Arc;

use hotcache::{Backend, Cache, ObjCache, Options};

use super::{Peer, Setup};
use crate::keys::KeyForm;

/// Our cache.
pub(super) struct Ours<K: KeyForm + ?Sized, B: Backend>(Cache<u64, K, B>);

impl<K: KeyForm + ?Sized, B: Backend> Ours<K, B> {
    /// Built as the setup says, over a map with this many shards; 0 leaves them to the backend.
    pub(super) fn new(setup: &Setup, shards: usize) -> Self {
        let options = Options::new().shards(shards).hasher(setup.hasher.clone());
        let mut builder = Cache::<u64, K, B>::builder().max_entries(setup.capacity).options(options);
        if let Some(lifetime) = setup.lifetime {
            builder = builder.time_to_live(lifetime);
        }
        if let Some(clock) = &setup.clock {
            builder = builder.clock(clock.clone());
        }
        Self(builder.build())
    }
}

impl<K: KeyForm + ?Sized, B: Backend> Peer for Ours<K, B> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|value| *value)
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.insert(key, value);
    }

    fn count(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The map below it.
pub(super) struct Unbounded<C, K: ?Sized>(C, PhantomData<fn(&K)>);

impl<C, K: ?Sized> Unbounded<C, K> {
    pub(super) fn new(map: C) -> Self {
        Self(map, PhantomData)
    }
}

impl<C: ObjCache<u64, K>, K: KeyForm + ?Sized> Peer for Unbounded<C, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|value| *value)
    }

    fn insert(&self, key: &K, value: u64) {
        self.0.set(key, Arc::new(value));
    }

    fn count(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
