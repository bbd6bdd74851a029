use std::borrow::Borrow;
use std::hash::BuildHasher;
use std::mem;
use std::ops::ControlFlow;

use cache_core::{HashBuilder, Key, Mixed, Options};
use dashmap::{DashMap, SharedValue};

/// The map, accessed shard by shard, so that an operation hashes its key once, even if it looks it up twice.
///
/// [`DashMap`]'s own `entry` hashes again, and takes an owned key even if the key is present.
pub(crate) struct Table<K: Key + ?Sized, T, S> {
    map: DashMap<K::Owned, T, Mixed<S>>,
}

/// DashMap does not allow a single shard.
const FEWEST_SHARDS: usize = 2;

impl<K: Key + ?Sized, T, S: HashBuilder> Table<K, T, S> {
    pub(crate) fn new(options: Options<S>) -> Self {
        let capacity = options.initial_capacity();
        let shards = options.shard_count();
        let hasher = Mixed::new(options.into_hasher());
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

    /// Calls `change` with the value of a key, under the shard's write lock; `None` if the key is absent.
    pub(crate) fn change<R>(&self, hash: u64, key: &K, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut shard = self.map.shards()[self.map.determine_shard(hash as usize)].write();
        let (_, value) = shard.get_mut(hash, |(owned, _)| owned.borrow() == key)?;
        Some(change(value.get_mut()))
    }

    /// Calls `change` with the place of a key's value, under the shard's write lock, and inserts the value that it
    /// returns.
    ///
    /// It may return a value only if the key is absent. This creates an owned key, so use it for keys that were just
    /// found absent.
    pub(crate) fn write<R>(
        &self,
        hash: u64,
        key: &K,
        change: impl FnOnce(Option<&mut T>) -> (Option<T>, R),
    ) -> R {
        // Before the lock: this runs the caller's code for a key type of theirs.
        let owned = key.to_owned_key();
        let mut shard = self.map.shards()[self.map.determine_shard(hash as usize)].write();
        let (inserted, result) = match shard.get_mut(hash, |(owned, _)| owned.borrow() == key) {
            Some((_, value)) => (None, change(Some(value.get_mut())).1),
            None => {
                // Room first: if a key's `Hash` panics here, there is no value yet that would be dropped under the
                // lock.
                let hash = |(owned, _): &(K::Owned, SharedValue<T>)| self.hash(owned.borrow());
                if shard.len() == shard.capacity() && shard.len() < shard.buckets() / 2 {
                    // Removed entries take the room. hashbrown would rehash the table in place, and a panic in `Hash`
                    // during that loses entries, or leaves a wrong count. So this copies them to a table of half the
                    // size. A panic frees the copy.
                    let room = (shard.len() + 1).max(shard.buckets() / 16 * 7);
                    shard.shrink_to(room, hash);
                }
                shard.reserve(1, hash);
                change(None)
            }
        };
        if let Some(value) = inserted {
            shard.insert(hash, (owned, SharedValue::new(value)), |(owned, _)| self.hash(owned.borrow()));
        } else {
            // In this order, so that the key's `Drop` runs under no lock; and here, because a panic in it at the end
            // of the function would leak the return value.
            drop(shard);
            drop(owned);
        }
        result
    }

    /// Removes a key if `f` returns `true` for its value, under the shard's write lock. Returns the value.
    pub(crate) fn remove_if(&self, key: &K, f: impl FnOnce(&mut T) -> bool) -> Option<T> {
        let hash = self.hash(key);
        let is_it = |(owned, _): &(K::Owned, SharedValue<T>)| owned.borrow() == key;
        let mut shard = self.map.shards()[self.map.determine_shard(hash as usize)].write();
        let agreed = shard.get_mut(hash, is_it).is_some_and(|(_, value)| f(value.get_mut()));
        let removed = if agreed { shard.remove_entry(hash, is_it) } else { None };
        drop(shard);
        let (owned, value) = removed?;
        // Dropped here: if its `Drop` panicked at the end of the function, the return value would leak.
        drop(owned);
        Some(value.into_inner())
    }

    /// Reserves room in every shard, in equal shares.
    pub(crate) fn reserve(&self, additional: usize) {
        let shards = self.map.shards();
        let share = additional.div_ceil(shards.len());
        for shard in shards {
            let mut shard = shard.write();
            // If hashbrown would rehash the table in place, the next insert makes room instead: see `write`.
            if shard.len().saturating_add(share) > shard.buckets() / 2 {
                shard.reserve(share, |(owned, _)| self.hash(owned.borrow()));
            }
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.map.capacity()
    }

    pub(crate) fn shrink_to_fit(&self) {
        self.map.shrink_to_fit();
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn clear(&self) {
        let emptied: Vec<_> = self.map.shards().iter().map(|shard| mem::take(&mut *shard.write())).collect();
        // One by one: after a panic in a `Drop`, an iterator still drops its remaining entries, but a table leaks
        // them.
        emptied.into_iter().flatten().for_each(drop);
    }

    /// Calls `f` with every entry until `f` breaks, under the read lock of one shard at a time.
    pub(crate) fn try_for_each(&self, mut f: impl FnMut(&K, &T) -> ControlFlow<()>) -> ControlFlow<()> {
        for entry in self.map.iter() {
            f(entry.key().borrow(), entry.value())?;
        }
        ControlFlow::Continue(())
    }

    /// Drops removed keys under a lock, because DashMap cannot return them.
    pub(crate) fn retain(&self, mut f: impl FnMut(&K, &T) -> bool) {
        self.map.retain(|key, value| f(key.borrow(), value));
    }
}
