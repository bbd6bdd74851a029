use std::borrow::Borrow;
use std::mem;

use cache_core::{HashBuilder, Key, Options};
use dashmap::{DashMap, SharedValue};

/// The map, reached shard by shard: one hash for each operation, however many look-ups it takes.
///
/// [`DashMap`]'s own `entry` hashes again, and wants an owned key before it has looked whether it needs one.
pub(crate) struct Table<K: Key + ?Sized, T, S> {
    map: DashMap<K::Owned, T, S>,
}

/// DashMap refuses a single shard.
const FEWEST_SHARDS: usize = 2;

impl<K: Key + ?Sized, T, S: HashBuilder> Table<K, T, S> {
    pub(crate) fn new(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let shards = options.shard_count();
        let hasher = options.into_hasher();
        let map = match shards {
            Some(shards) => DashMap::with_capacity_and_hasher_and_shard_amount(
                capacity,
                hasher,
                shards.max(FEWEST_SHARDS),
            ),
            None => DashMap::with_capacity_and_hasher(capacity, hasher),
        };
        Self { map }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &K) -> u64 {
        self.map.hasher().hash_one(key)
    }

    /// Calls `f` with the value of a key, under the shard's read lock.
    #[inline]
    pub(crate) fn read<R>(&self, hash: u64, key: &K, f: impl FnOnce(&T) -> R) -> Option<R> {
        let shard = self.map.shards()[self.map.determine_shard(hash as usize)].read();
        let (_, value) = shard.get(hash, |(owned, _)| owned.borrow() == key)?;
        Some(f(value.get()))
    }

    /// Calls `change` with the place of a key's value, under the shard's write lock, and inserts what it
    /// gives.
    ///
    /// It may give a value only if the key is absent.
    pub(crate) fn write<R>(
        &self,
        hash: u64,
        key: &K,
        change: impl FnOnce(Option<&mut T>) -> (Option<T>, R),
    ) -> R {
        let mut shard = self.map.shards()[self.map.determine_shard(hash as usize)].write();
        let place = shard.get_mut(hash, |(owned, _)| owned.borrow() == key);
        let (inserted, result) = change(place.map(|(_, value)| value.get_mut()));
        if let Some(value) = inserted {
            let entry = (key.to_owned_key(), SharedValue::new(value));
            shard.insert(hash, entry, |(owned, _)| self.hash(owned.borrow()));
        }
        result
    }

    pub(crate) fn remove(&self, key: &K) -> bool {
        let hash = self.hash(key);
        let shard = &self.map.shards()[self.map.determine_shard(hash as usize)];
        let removed = shard.write().remove_entry(hash, |(owned, _)| owned.borrow() == key);
        // The lock is free again: what is dropped here may call the cache.
        removed.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn clear(&self) {
        for shard in self.map.shards() {
            let removed = mem::take(&mut *shard.write());
            // The lock is free again: what is dropped here may call the cache.
            drop(removed);
        }
    }

    pub(crate) fn for_each(&self, mut f: impl FnMut(&K, &T)) {
        for entry in self.map.iter() {
            f(entry.key().borrow(), entry.value());
        }
    }

    /// Drops what it removes under a lock.
    pub(crate) fn retain(&self, mut f: impl FnMut(&K, &T) -> bool) {
        self.map.retain(|key, value| f(key.borrow(), value));
    }
}
