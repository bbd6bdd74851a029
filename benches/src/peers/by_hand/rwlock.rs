use std::borrow::Borrow;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use hashbrown::HashTable;
use hotcache::{DefaultHashBuilder, Key};
use parking_lot::RwLock;

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// As many shards for a processor as the backend has, so that the two differ in nothing else.
const SHARDS_PER_CORE: usize = 32;

/// Tables under a lock each, chosen and searched by one hash.
struct Shards<K: KeyForm + ?Sized, T> {
    shards: Box<[Shard<K, T>]>,
    hasher: DefaultHashBuilder,
}

/// A shard with cache lines of its own.
#[repr(align(128))]
struct Shard<K: KeyForm + ?Sized, T>(RwLock<Table<K, T>>);

type Table<K, T> = HashTable<(<K as Key>::Owned, T)>;

impl<K: KeyForm + ?Sized, T> Shards<K, T> {
    fn new(hasher: DefaultHashBuilder) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let count = (SHARDS_PER_CORE * cores).next_power_of_two();
        let shard = || Shard(RwLock::new(HashTable::new()));
        Self { shards: (0..count).map(|_| shard()).collect(), hasher }
    }

    fn shard(&self, hash: u64) -> &RwLock<Table<K, T>> {
        // Bits that the table uses neither as its tags, the top seven, nor as positions, the low ones.
        let bits = (hash << 7) >> (64 - self.shards.len().trailing_zeros());
        &self.shards[bits as usize].0
    }

    fn read<R>(&self, hash: u64, key: &K, f: impl FnOnce(&T) -> R) -> Option<R> {
        let table = self.shard(hash).read();
        table.find(hash, |(owned, _)| owned.borrow() == key).map(|(_, value)| f(value))
    }

    fn write(&self, hash: u64, key: &K, new: T, f: impl FnOnce(&mut T, T)) {
        let mut table = self.shard(hash).write();
        if let Some((_, value)) = table.find_mut(hash, |(owned, _)| owned.borrow() == key) {
            return f(value, new);
        }
        let rehash = |(owned, _): &(K::Owned, T)| self.hasher.hash_one::<&K>(owned.borrow());
        table.insert_unique(hash, (key.to_owned_key(), new), rehash);
    }

    fn remove(&self, key: &K) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut table = self.shard(hash).write();
        let entry = table.find_entry(hash, |(owned, _)| owned.borrow() == key);
        entry.map(|entry| entry.remove()).is_ok()
    }

    fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    fn total(&self, value: impl Fn(&T) -> i64) -> i64 {
        let in_shard = |shard: &Shard<K, T>| {
            let table = shard.0.read();
            table.iter().fold(0, |total: i64, (_, entry)| total.wrapping_add(value(entry)))
        };
        self.shards.iter().map(in_shard).fold(0, i64::wrapping_add)
    }
}

/// Integers in sharded tables.
pub(in crate::peers) struct Int<K: KeyForm + ?Sized>(Shards<K, AtomicI64>);

impl<K: KeyForm + ?Sized> Int<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(Shards::new(hasher))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Int<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        let hash = self.0.hasher.hash_one(key);
        self.0.read(hash, key, |value| value.load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        let hash = self.0.hasher.hash_one(key);
        let stored = self.0.read(hash, key, |present| present.store(value, Ordering::Release));
        if stored.is_none() {
            self.0.write(hash, key, AtomicI64::new(value), |present, new| *present = new);
        }
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        let hash = self.0.hasher.hash_one(key);
        let add = |value: &AtomicI64| value.fetch_add(delta, Ordering::AcqRel) + delta;
        self.0.read(hash, key, add).unwrap_or_else(|| {
            let mut sum = delta;
            self.0.write(hash, key, AtomicI64::new(delta), |present, _| sum = add(present));
            sum
        })
    }

    fn insert_if_absent(&self, key: &K) {
        let hash = self.0.hasher.hash_one(key);
        if self.0.read(hash, key, |_| ()).is_none() {
            self.0.write(hash, key, AtomicI64::new(0), |_, _| ());
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key)
    }

    fn count(&self) -> usize {
        self.0.count()
    }

    fn total(&self) -> i64 {
        self.0.total(|value| value.load(Ordering::Acquire))
    }
}

/// Objects in sharded tables.
pub(in crate::peers) struct Obj<K: KeyForm + ?Sized>(Shards<K, Arc<Object>>);

impl<K: KeyForm + ?Sized> Obj<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(Shards::new(hasher))
    }
}

impl<K: KeyForm + ?Sized> ObjPeer for Obj<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        self.0.read(self.0.hasher.hash_one(key), key, Arc::clone)
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.0.read(self.0.hasher.hash_one(key), key, |object| look(object))
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        self.0.write(self.0.hasher.hash_one(key), key, value, |present, new| *present = new);
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        let hash = self.0.hasher.hash_one(key);
        if self.0.read(hash, key, |_| ()).is_none() {
            self.0.write(hash, key, value, |_, _| ());
        }
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key)
    }

    fn count(&self) -> usize {
        self.0.count()
    }

    fn total(&self) -> i64 {
        self.0.total(|object| object.id)
    }
}
