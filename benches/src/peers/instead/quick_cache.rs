use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;

use hotcache::DefaultHashBuilder;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};

use crate::keys::KeyForm;
use crate::peer::{IntPeer, ObjPeer, Object};

/// A quick_cache whose values all weigh the same.
type Weightless<K, V> = Cache<K, V, UnitWeighter, DefaultHashBuilder>;

/// More keys than fit into any memory, so that nothing is evicted. It allocates for the keys that are there.
const NEVER_EVICTS: usize = usize::MAX / 2;

fn unbounded<K: Eq + Hash, V: Clone>(hasher: DefaultHashBuilder) -> Weightless<K, V> {
    Cache::with(NEVER_EVICTS, NEVER_EVICTS as u64, UnitWeighter, hasher, DefaultLifecycle::default())
}

/// Plain integers, changed in place under the lock of their shard: shared atomics cost a key more memory than that
/// saves. What may have to insert a key is given one that can be kept, which takes the heap past 24 bytes.
pub(in crate::peers) struct Int<K: KeyForm + ?Sized>(Weightless<K::Owned, i64>);

impl<K: KeyForm + ?Sized> Int<K> {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(unbounded(hasher))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Int<K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        self.0.get(key)
    }

    fn set(&self, key: &K, value: i64) {
        self.0.insert(key.to_owned_key(), value);
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        let change = |_: &K::Owned, value: &mut i64| {
            *value += delta;
            EntryAction::Retain(*value)
        };
        match self.0.entry(&key.to_owned_key(), None, change) {
            EntryResult::Retained(sum) => sum,
            EntryResult::Vacant(place) => {
                // Refused if a `set` or `del` came in between: this comes before that, and is undone by it.
                let _ = place.insert(delta);
                delta
            }
            EntryResult::Removed(..) | EntryResult::Replaced(..) | EntryResult::Timeout => {
                unreachable!("the closure retains, and nothing sets a time limit")
            }
        }
    }

    fn insert_if_absent(&self, key: &K) {
        insert_if_absent(&self.0, key, 0);
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, (_, value)| total.wrapping_add(value))
    }
}

/// Objects.
pub(in crate::peers) struct Obj<K: KeyForm + ?Sized>(Weightless<K::Owned, Arc<Object>>);

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
        insert_if_absent(&self.0, key, value);
    }

    fn del(&self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, (_, object)| total.wrapping_add(object.id))
    }
}

fn insert_if_absent<K: KeyForm + ?Sized, V: Clone>(cache: &Weightless<K::Owned, V>, key: &K, value: V) {
    let Ok(_) = cache.get_or_insert_with(&key.to_owned_key(), || Ok::<_, Infallible>(value));
}
