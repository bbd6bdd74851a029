use std::borrow::Borrow;
use std::hash::BuildHasher;
use std::mem;
use std::ops::ControlFlow;
use std::thread;

use cache_core::{HashBuilder, Key, Mixed, Options};
use hashbrown::HashTable;
use parking_lot::RwLock;

/// The default number of shards for each core. With so many, two threads rarely use the same one. A shard takes 128
/// bytes.
const SHARDS_PER_CORE: usize = 32;

/// The sharded map of both caches, from owned keys to slots.
///
/// Removed and replaced slots are returned to the caller, so that nothing is dropped under a lock.
pub(crate) struct Table<K: Key + ?Sized, T, S> {
    shards: Box<[Shard<K, T>]>,
    /// The number of bits by which a hash is shifted to leave the number of its shard.
    shift: u32,
    hasher: Mixed<S>,
}

/// Aligned to two cache lines, because x86 prefetches them in pairs, so that the locks of two shards do not share
/// one.
#[repr(align(128))]
struct Shard<K: Key + ?Sized, T>(RwLock<HashTable<Entry<K, T>>>);

struct Entry<K: Key + ?Sized, T> {
    key: K::Owned,
    slot: T,
}

impl<K: Key + ?Sized, T, S: HashBuilder> Table<K, T, S> {
    pub(crate) fn new(options: Options<S>) -> Self {
        let count = options.shard_count().unwrap_or_else(|| {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            (SHARDS_PER_CORE * cores).next_power_of_two()
        });
        let capacity = options.initial_capacity().div_ceil(count);
        let shard = || Shard(RwLock::new(HashTable::with_capacity(capacity)));
        Self {
            shards: (0..count).map(|_| shard()).collect(),
            shift: 63 - count.trailing_zeros(),
            hasher: Mixed::new(options.into_hasher()),
        }
    }

    /// Returns the hash of a key, for the methods that take both.
    #[inline]
    pub(crate) fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Calls `f` with the slot of a key, under its shard's read lock.
    #[inline]
    pub(crate) fn read<R>(&self, hash: u64, key: &K, f: impl FnOnce(&T) -> R) -> Option<R> {
        let table = self.shard(hash).read();
        table.find(hash, |entry| entry.key.borrow() == key).map(|entry| f(&entry.slot))
    }

    /// Calls `f` with the slot of a present key, under its shard's write lock.
    pub(crate) fn change<R>(&self, hash: u64, key: &K, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut table = self.shard(hash).write();
        table.find_mut(hash, |entry| entry.key.borrow() == key).map(|entry| f(&mut entry.slot))
    }

    /// Calls `f` with the slot of a key, under its shard's write lock, and inserts the slot that `f` returns for an
    /// absent key.
    pub(crate) fn write<R>(&self, hash: u64, key: &K, f: impl FnOnce(Option<&mut T>) -> (Option<T>, R)) -> R {
        // Before the lock: this may allocate, and runs the caller's code for a key type of theirs.
        let owned = key.to_owned_key();
        let mut table = self.shard(hash).write();
        let (slot, result) = match table.find_mut(hash, |entry| entry.key.borrow() == key) {
            Some(entry) => (None, f(Some(&mut entry.slot)).1),
            None => {
                // Room first: if a key's `Hash` panics here, there is no slot yet that would be dropped under the
                // lock.
                self.make_room(&mut table, 1);
                f(None)
            }
        };
        if let Some(slot) = slot {
            table.insert_unique(hash, Entry { key: owned, slot }, |entry| self.hash(entry.key.borrow()));
        } else {
            // In this order, so that the key's `Drop` runs under no lock; and here, because a panic in it at the end
            // of the function would leak the return value.
            drop(table);
            drop(owned);
        }
        result
    }

    /// Reserves room for more entries. If a key's `Hash` panics, `table` is unchanged.
    fn make_room(&self, table: &mut HashTable<Entry<K, T>>, additional: usize) {
        let hash = |entry: &Entry<K, T>| self.hash(entry.key.borrow());
        let buckets = table.num_buckets();
        let needed = table.len().saturating_add(additional);
        if needed <= table.capacity() || needed > buckets / 2 {
            // There is room, or the entries are copied to a larger table. A panic frees the copy then.
            table.reserve(additional, hash);
            return;
        }
        // Removed entries take the room. hashbrown would rehash the table in place, and a panic during that loses the
        // entries that have no place yet. So all of the keys' code runs first.
        let hashes: Vec<u64> = table.iter().map(hash).collect();
        let mut tidy = HashTable::with_capacity((buckets / 8 * 7).max(needed));
        for (entry, hash_of_entry) in table.drain().zip(hashes) {
            tidy.insert_unique(hash_of_entry, entry, hash);
        }
        *table = tidy;
    }

    /// Removes a key if `f` returns `true` for its slot, under its shard's write lock. Returns the slot.
    pub(crate) fn remove_if(&self, key: &K, f: impl FnOnce(&mut T) -> bool) -> Option<T> {
        let hash = self.hash(key);
        let mut table = self.shard(hash).write();
        let removed = match table.find_entry(hash, |entry| entry.key.borrow() == key) {
            Ok(mut entry) => f(&mut entry.get_mut().slot).then(|| entry.remove().0),
            Err(_) => None,
        };
        drop(table);
        let Entry { key, slot } = removed?;
        // Dropped here: if its `Drop` panicked at the end of the function, the return value would leak.
        drop(key);
        Some(slot)
    }

    /// Reserves room in every shard, in equal shares.
    pub(crate) fn reserve(&self, additional: usize) {
        let share = additional.div_ceil(self.shards.len());
        self.shards.iter().for_each(|shard| self.make_room(&mut shard.0.write(), share));
    }

    pub(crate) fn capacity(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().capacity()).sum()
    }

    pub(crate) fn shrink_to_fit(&self) {
        for shard in &self.shards {
            // This copies the entries to a smaller table. A panic in `Hash` frees the copy.
            shard.0.write().shrink_to_fit(|entry| self.hash(entry.key.borrow()));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    pub(crate) fn clear(&self) {
        let emptied: Vec<_> = self.shards.iter().map(|shard| mem::take(&mut *shard.0.write())).collect();
        // One by one: after a panic in a `Drop`, an iterator still drops its remaining entries, but a table leaks
        // them.
        emptied.into_iter().flatten().for_each(drop);
    }

    /// Calls `f` with every entry until `f` breaks, under the read lock of one shard at a time.
    pub(crate) fn try_for_each(&self, mut f: impl FnMut(&K, &T) -> ControlFlow<()>) -> ControlFlow<()> {
        for shard in &self.shards {
            for entry in shard.0.read().iter() {
                f(entry.key.borrow(), &entry.slot)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Removes the entries for which `f` returns `false`, under the write lock of one shard at a time.
    pub(crate) fn retain(&self, mut f: impl FnMut(&K, &T) -> bool) {
        for shard in &self.shards {
            // Declared before the guard, so dropped after it, even if `f` panics.
            let mut removed = Vec::new();
            let mut table = shard.0.write();
            removed.extend(table.extract_if(|entry| !f(entry.key.borrow(), &entry.slot)));
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<HashTable<Entry<K, T>>> {
        // A table uses the top seven bits of a hash as tags and the low ones as positions; the bits between
        // choose the shard. Shifted in two steps, as one shard would need a shift by 64.
        &self.shards[(((hash << 7) >> 1) >> self.shift) as usize].0
    }
}

impl<K: Key + ?Sized, T, S> Drop for Table<K, T, S> {
    fn drop(&mut self) {
        let shards = mem::take(&mut self.shards);
        // As in `clear`.
        shards.into_iter().flat_map(|shard| shard.0.into_inner()).for_each(drop);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    use super::*;

    #[test]
    fn every_shard_count_uses_every_shard() {
        for count in [1, 2, 64] {
            // With a fixed seed, so that the thousand keys always meet all 64 shards.
            let hasher = BuildHasherDefault::<DefaultHasher>::default();
            let table = Table::<u64, (), _>::new(Options::new().shards(count).hasher(hasher));
            assert_eq!(table.shards.len(), count);
            for key in 0..1_000 {
                table.write(table.hash(&key), &key, |_| (Some(()), ()));
            }
            assert_eq!(table.len(), 1_000);
            assert!(table.shards.iter().all(|shard| !shard.0.read().is_empty()), "{count} shards");
        }
    }

    #[test]
    fn room_asked_for_is_there() {
        let table = Table::<u64, (), _>::new(Options::new().shards(4).capacity(1_000));
        assert!(table.shards.iter().all(|shard| shard.0.read().capacity() >= 250));
    }
}
