use std::convert::Infallible;
use std::sync::Arc;

use hotcache::{CompactString, DefaultHashBuilder};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};

use crate::peer::{IntPeer, ObjPeer, Object};

/// A quick_cache whose values all weigh the same.
type Weightless<V> = Cache<CompactString, V, UnitWeighter, DefaultHashBuilder>;

/// More keys than fit into any memory, so that nothing is evicted. It allocates for the keys that are there.
const NEVER_EVICTS: usize = usize::MAX / 2;

fn unbounded<V: Clone>(hasher: DefaultHashBuilder) -> Weightless<V> {
    Cache::with(NEVER_EVICTS, NEVER_EVICTS as u64, UnitWeighter, hasher, DefaultLifecycle::default())
}

/// Plain integers, changed in place under the lock of their shard: shared atomics cost a key more memory than that
/// saves. What may have to insert a key is given one that can be kept, which takes the heap past 24 bytes.
#[derive(Debug)]
pub(in crate::peers) struct Int(Weightless<i64>);

impl Int {
    pub(in crate::peers) fn new(hasher: DefaultHashBuilder) -> Self {
        Self(unbounded(hasher))
    }
}

impl IntPeer for Int {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key)
    }

    fn set(&self, key: &str, value: i64) {
        self.0.insert(key.into(), value);
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        let change = |_: &CompactString, value: &mut i64| {
            *value += delta;
            EntryAction::Retain(*value)
        };
        match self.0.entry(&CompactString::from(key), None, change) {
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

    fn insert_if_absent(&self, key: &str) {
        insert_if_absent(&self.0, key, 0);
    }

    fn del(&self, key: &str) -> bool {
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
#[derive(Debug)]
pub(in crate::peers) struct Obj(Weightless<Arc<Object>>);

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
        insert_if_absent(&self.0, key, value);
    }

    fn del(&self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn total(&self) -> i64 {
        self.0.iter().fold(0, |total, (_, object)| total.wrapping_add(object.id))
    }
}

fn insert_if_absent<V: Clone>(cache: &Weightless<V>, key: &str, value: V) {
    let Ok(_) = cache.get_or_insert_with(&CompactString::from(key), || Ok::<_, Infallible>(value));
}
